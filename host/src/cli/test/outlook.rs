//! What price did after the signals, as a table and as JSON.

use serde_json::{Value, json};

use crate::report::forward::{HorizonReturns, TagReturns};

/// Characters that the columns beside the tag take.
const COLUMNS: usize = 47;
/// The narrowest column of tags.
const LEAST_TAG: usize = 8;

/// A table, at most `width` characters wide where that can be: a block of rows for each tag, and one for every candle.
pub(super) fn table(tags: &[TagReturns], any: &[HorizonReturns], width: usize) -> Vec<String> {
    if tags.is_empty() {
        return Vec::new();
    }
    let longest = tags.iter().map(|tag| tag.tag.len()).max().unwrap_or(0).max("(any candle)".len());
    let room = longest.min(width.saturating_sub(COLUMNS)).max(LEAST_TAG);
    let mut lines = vec![row(room, ["TAG", "SIGNALS", "AFTER", "KNOWN", "HIT", "MEAN", "MEDIAN"])];
    for tag in tags {
        lines.extend(block(room, &tag.tag, &tag.signals.to_string(), &tag.horizons));
    }
    lines.extend(block(room, "(any candle)", "", any));
    lines
}

/// What the columns mean.
pub(super) const LEGEND: &str =
    "AFTER so many candles: how many returns are known, how often price was higher (HIT), and by how much it had moved";

fn block<'a>(
    room: usize,
    tag: &'a str,
    signals: &'a str,
    horizons: &'a [HorizonReturns],
) -> impl Iterator<Item = String> + 'a {
    horizons.iter().enumerate().map(move |(at, after)| {
        let first = |text: &'a str| if at == 0 { text } else { "" };
        let (mean, median) = match &after.percent {
            Some(percent) => (signed(percent.mean), signed(percent.median)),
            None => ("-".into(), "-".into()),
        };
        let cells = [
            first(tag),
            first(signals),
            &after.candles.to_string(),
            &after.count.to_string(),
            &share(after.hit_rate),
            &mean,
            &median,
        ];
        row(room, cells)
    })
}

fn row(room: usize, cells: [&str; 7]) -> String {
    let [tag, signals, after, known, hit, mean, median] = cells;
    let tag: String = tag.chars().take(room).collect();
    format!("{tag:<room$} {signals:>7} {after:>5} {known:>7} {hit:>6} {mean:>8} {median:>8}").trim_end().to_owned()
}

/// `54 %`.
pub(super) fn share(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".into(), |rate| format!("{:.0} %", rate * 100.0))
}

/// `+0.12%`.
pub(super) fn signed(percent: f64) -> String {
    let text = format!("{percent:+.2}%");
    if text == "-0.00%" { "+0.00%".into() } else { text }
}

/// Without the histograms, which are for charts.
pub(super) fn to_json(horizons: &[HorizonReturns]) -> Value {
    let one = |after: &HorizonReturns| {
        json!({
            "candles": after.candles,
            "count": after.count,
            "absent": after.absent,
            "hit_rate": after.hit_rate,
            "mean_percent": after.percent.as_ref().map(|percent| percent.mean),
            "median_percent": after.percent.as_ref().map(|percent| percent.median),
        })
    };
    horizons.iter().map(one).collect()
}

/// Tag by tag.
pub(super) fn tags_to_json(tags: &[TagReturns]) -> Value {
    let one = |tag: &TagReturns| json!({ "tag": tag.tag, "signals": tag.signals, "after": to_json(&tag.horizons) });
    tags.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Interval, SymbolId};
    use crate::report::forward::{Closes, Fired};

    #[test]
    fn a_table_fits_a_narrow_terminal() {
        let mut closes = Closes::default();
        for minute in 0..50_i64 {
            let close = 100.0 + [0.0, 1.0, 0.5, -2.0, 3.0][minute as usize % 5] + minute as f64 * 0.05;
            closes.insert(SymbolId(0), Interval::M1, minute * 60_000, close);
        }
        let fired = |minute: i64, tag: &str| Fired {
            symbol: SymbolId(0),
            interval: Interval::M1,
            open_time_ms: minute * 60_000,
            tag: tag.to_owned(),
        };
        let signals = [fired(0, "up"), fired(7, "up"), fired(8, "a-tag-with-a-name-as-long-as-names-may-be")];
        let (tags, any) = (closes.after(&signals), closes.after_any(&signals, |_, _| true));
        for width in [60, 80] {
            let lines = table(&tags, &any, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:#?}");
            insta::assert_snapshot!(format!("outlook_{width}"), lines.join("\n"));
        }
        assert!(table(&[], &any, 80).is_empty());
    }
}
