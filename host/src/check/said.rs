//! What a run of a trader said of each candle, and where two runs differ.

use crate::market::Interval;
use crate::sandbox::Manifest;
use crate::supervisor::close_moment;
use crate::text::grouped;

/// What was said of the candles of one symbol and interval, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    pub(super) opens_ms: Vec<i64>,
    /// A bit for each tag: there are at most 32.
    pub(super) tags: Vec<u32>,
    /// The plotted values, so many a candle.
    pub(super) plots: Vec<f64>,
}

/// What a run said: a lane for each interval and symbol. It knows symbols by their place among the names of the market, so that two
/// runs can be compared that had other ids.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) intervals: Vec<Interval>,
    pub(super) symbols: usize,
    pub(super) width: usize,
    pub(super) lanes: Vec<Lane>,
    pub(super) fuel: u64,
}

/// Where two runs differ.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Differences {
    /// Candles that both looked at.
    pub(super) candles: u64,
    /// Signals that either emitted of them.
    pub(super) signals: u64,
    /// Those that one alone emitted.
    pub(super) other_signals: u64,
    /// Plotted values that are not the same to the bit.
    pub(super) other_plots: u64,
    /// The greatest distance of two plotted values, as a part of the mean size of their line. 1 where only one is there.
    pub(super) plot_error: f64,
    /// The first one that is a signal, or a plotted value where no signal differs.
    pub(super) first: Option<Difference>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Difference {
    /// The symbol.
    pub symbol: String,
    /// The interval of the candle.
    pub interval: Interval,
    /// When the candle closed, UTC milliseconds.
    pub close_time_ms: i64,
    /// What differs there.
    pub what: String,
}

impl Said {
    pub(super) fn new(intervals: Vec<Interval>, symbols: usize, width: usize) -> Self {
        let lanes = vec![Lane::default(); intervals.len() * symbols];
        Self { intervals, symbols, width, lanes, fuel: 0 }
    }

    /// The lane of an interval, by its index, and of a symbol, by its place.
    pub(super) fn lane(&mut self, interval: usize, place: usize) -> Option<&mut Lane> {
        self.lanes.get_mut(interval * self.symbols + place)
    }

    /// Lanes with the interval and the place of each.
    pub(super) fn with_names(&self) -> impl Iterator<Item = (Interval, usize, &Lane)> {
        let symbols = self.symbols.max(1);
        self.lanes
            .iter()
            .enumerate()
            .filter_map(move |(at, lane)| Some((*self.intervals.get(at / symbols)?, at % symbols, lane)))
    }

    /// Signals that it emitted, before the host held any back.
    pub(super) fn signals(&self) -> u64 {
        self.lanes.iter().flat_map(|lane| &lane.tags).map(|tags| u64::from(tags.count_ones())).sum()
    }

    /// Candles that it looked at.
    pub(super) fn candles(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.opens_ms.len() as u64).sum()
    }

    /// Values that it plotted.
    pub(super) fn plotted(&self) -> u64 {
        self.lanes.iter().flat_map(|lane| &lane.plots).filter(|value| !value.is_nan()).count() as u64
    }

    /// Where another run differs from this one, of the candles that both looked at.
    pub(super) fn differences(&self, other: &Self, names: &[String], manifest: &Manifest) -> Differences {
        let mut found = Differences::default();
        let mut firsts: [Option<(i64, usize, Difference)>; 2] = [None, None];
        for ((interval, place, mine), (_, _, others)) in self.with_names().zip(other.with_names()) {
            let pairs = pairs(mine, others, self.width);
            let sizes = mean_sizes(&pairs, self.width);
            for pair in &pairs {
                found.candles += 1;
                found.signals += u64::from((pair.mine.0 | pair.others.0).count_ones());
                let other_tags = pair.mine.0 ^ pair.others.0;
                found.other_signals += u64::from(other_tags.count_ones());
                let mut other_plot = None;
                for (line, (was, is)) in pair.mine.1.iter().zip(pair.others.1).enumerate() {
                    if was.to_bits() == is.to_bits() {
                        continue;
                    }
                    found.other_plots += 1;
                    other_plot = other_plot.or(Some((line, *was, *is)));
                    let size = sizes.get(line).copied().unwrap_or(0.0);
                    found.plot_error = found.plot_error.max(distance(*was, *is, size));
                }
                let what = [
                    (other_tags != 0).then(|| signal_words(manifest, pair.mine.0, pair.others.0)),
                    other_plot.map(|(line, was, is)| plot_words(manifest, line, was, is)),
                ];
                for (first, what) in firsts.iter_mut().zip(what) {
                    let close_time_ms = interval.close_of(pair.open_ms);
                    let is_earlier = first.as_ref().is_none_or(|(ms, ..)| close_time_ms < *ms);
                    if let Some(what) = what.filter(|_| is_earlier) {
                        let symbol = names.get(place).cloned().unwrap_or_default();
                        *first = Some((close_time_ms, place, Difference { symbol, interval, close_time_ms, what }));
                    }
                }
            }
        }
        let [signal, plot] = firsts;
        found.first = signal.or(plot).map(|(_, _, difference)| difference);
        found
    }
}

impl Differences {
    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        self.other_signals == 0 && self.other_plots == 0
    }

    /// Takes in those of other candles.
    pub(super) fn add(&mut self, other: Self) {
        self.candles += other.candles;
        self.signals += other.signals;
        self.other_signals += other.other_signals;
        self.other_plots += other.other_plots;
        self.plot_error = self.plot_error.max(other.plot_error);
        // A signal weighs more than a plotted value; the earlier one was taken in first.
        let is_first = self.first.is_none() || (other.other_signals > 0 && self.other_signals == other.other_signals);
        if is_first {
            self.first = other.first;
        }
    }

    /// Where it shows first, to be put behind other words; nothing where nothing differs.
    pub(super) fn first_words(&self) -> String {
        self.first.as_ref().map(|first| format!("; {}", first.words())).unwrap_or_default()
    }

    /// `3 of 40 signals and 120 plotted values differ`.
    pub(super) fn words(&self) -> String {
        let signals = format!("{} of {} signals", grouped(self.other_signals), grouped(self.signals));
        let plots =
            format!("{} plotted {}", grouped(self.other_plots), if self.other_plots == 1 { "value" } else { "values" });
        match (self.other_signals, self.other_plots) {
            (_, 0) => format!("{signals} differ"),
            (0, 1) => format!("{plots} differs"),
            (0, _) => format!("{plots} differ"),
            _ => format!("{signals} and {plots} differ"),
        }
    }
}

impl Difference {
    /// Where and what, in words.
    #[must_use]
    pub fn words(&self) -> String {
        format!("first {} {} at {}: {}", self.symbol, self.interval, close_moment(self.close_time_ms), self.what)
    }
}

/// Tags and plotted values of one candle.
type Words<'a> = (u32, &'a [f64]);

struct Pair<'a> {
    open_ms: i64,
    mine: Words<'a>,
    others: Words<'a>,
}

/// What both said of the candles that both looked at.
fn pairs<'a>(mine: &'a Lane, others: &'a Lane, width: usize) -> Vec<Pair<'a>> {
    let words = |lane: &'a Lane, at: usize| -> Option<Words<'a>> {
        Some((*lane.tags.get(at)?, lane.plots.get(at * width..(at + 1) * width)?))
    };
    let start = others.opens_ms.first().map_or(0, |first| mine.opens_ms.partition_point(|open| open < first));
    let mut at = start;
    let mut pairs = Vec::with_capacity(others.opens_ms.len());
    for (other_at, open_ms) in others.opens_ms.iter().enumerate() {
        while mine.opens_ms.get(at).is_some_and(|open| open < open_ms) {
            at += 1;
        }
        if mine.opens_ms.get(at) != Some(open_ms) {
            continue;
        }
        if let (Some(mine), Some(others)) = (words(mine, at), words(others, other_at)) {
            pairs.push(Pair { open_ms: *open_ms, mine, others });
        }
    }
    pairs
}

/// Of each line how large its values are.
fn mean_sizes(pairs: &[Pair<'_>], width: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); width];
    for pair in pairs {
        for (sum, value) in sums.iter_mut().zip(pair.mine.1).filter(|(_, value)| value.is_finite()) {
            *sum = (sum.0 + value.abs(), sum.1 + 1.0);
        }
    }
    sums.into_iter().map(|(sum, count): (f64, f64)| sum / count.max(1.0)).collect()
}

/// How far apart two values are, as a part of a size.
fn distance(was: f64, is: f64, size: f64) -> f64 {
    let apart = (was - is).abs();
    if apart == 0.0 {
        0.0
    } else if apart.is_finite() && size > 0.0 {
        apart / size
    } else {
        1.0
    }
}

fn signal_words(manifest: &Manifest, mine: u32, others: u32) -> String {
    let tag = (mine ^ others).trailing_zeros();
    let name = manifest.tags.get(tag as usize).map_or("?", |tag| tag.name.as_str());
    let is_new = others & (1_u32.checked_shl(tag).unwrap_or(0)) != 0;
    if is_new { format!("`{name}` is new") } else { format!("`{name}` is gone") }
}

fn plot_words(manifest: &Manifest, line: usize, was: f64, is: f64) -> String {
    let words = |value: f64| if value.is_nan() { "absent".to_owned() } else { format!("{value}") };
    format!("{} is {} instead of {}", line_name(manifest, line), words(is), words(was))
}

/// `plot averages` or, of several lines, `plot averages line 2`.
pub(super) fn line_name(manifest: &Manifest, line: usize) -> String {
    let mut from = 0;
    for plot in &manifest.plots {
        let lines = plot.lines as usize;
        if line < from + lines {
            let of_many = if lines > 1 { format!(" line {}", line - from + 1) } else { String::new() };
            return format!("plot `{}`{of_many}", plot.id);
        }
        from += lines;
    }
    format!("plotted value {line}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::believed;

    const MINUTE: i64 = 60_000;

    /// Two symbols on 1m; of each candle its minute, its tags and what it plots.
    fn said(lanes: [&[(i64, u32, f64)]; 2]) -> Said {
        let mut said = Said::new(vec![Interval::M1], 2, 1);
        for (place, candles) in lanes.into_iter().enumerate() {
            let lane = said.lane(0, place).unwrap();
            for (minute, tags, plot) in candles {
                lane.opens_ms.push(minute * MINUTE);
                lane.tags.push(*tags);
                lane.plots.push(*plot);
            }
        }
        said
    }

    fn differences(mine: [&[(i64, u32, f64)]; 2], others: [&[(i64, u32, f64)]; 2]) -> Differences {
        let names = ["BTCUSDT".to_owned(), "ETHUSDT".to_owned()];
        said(mine).differences(&said(others), &names, &believed())
    }

    const WHOLE: &[(i64, u32, f64)] = &[(1, 0, 10.0), (2, 1, 20.0), (3, 0, f64::NAN), (4, 1, 30.0)];

    #[test]
    fn only_candles_that_both_looked_at_are_compared() {
        let found = differences([WHOLE, WHOLE], [&WHOLE[2..], &[]]);
        assert_eq!((found.candles, found.signals, found.is_none()), (2, 1, true));
        assert_eq!(differences([&WHOLE[2..], WHOLE], [WHOLE, &[(7, 1, 1.0)]]).candles, 2);
    }

    #[test]
    fn a_signal_is_named_before_an_earlier_plot() {
        let found =
            differences([WHOLE, WHOLE], [&[(1, 0, 10.2), (4, 1, 30.0)], &[(2, 1, 20.0), (3, 0, 1.0), (4, 0, 30.0)]]);
        assert_eq!((found.signals, found.other_signals, found.other_plots), (3, 1, 2));
        assert_eq!(found.plot_error, 1.0, "absent or not is the greatest error");
        assert_eq!(found.first.unwrap().words(), "first ETHUSDT 1m at 1970-01-01T00:05Z: `up` is gone");
        let found = differences([WHOLE, WHOLE], [&[(1, 0, 10.2), (2, 1, 20.0)], WHOLE]);
        assert!((found.plot_error - 0.2 / 15.0).abs() < 1e-12, "a part of the mean size: {found:?}");
        assert_eq!(
            found.first.unwrap().words(),
            "first BTCUSDT 1m at 1970-01-01T00:02Z: plot `rsi` is 10.2 instead of 10"
        );
    }
}
