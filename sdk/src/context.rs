//! What a trader can do while it looks at a candle.

use crate::host;
use crate::{Column, Interval, Level, Plot, PlotValues, Tag, Ticker};

/// The host, as seen from [`Trader::on_close`](crate::Trader::on_close) with one candle in hand.
///
/// ```
/// use vyx_sdk::prelude::*;
///
/// const GAIN: Plot = Plot::new("gain", "Gain, percent").panel("gain");
/// const JUMP: Tag = Tag::new("jump", "gained more than 2 % in one candle");
///
/// /// What `on_close` of a trader with that plot and that tag may do.
/// fn look(candle: &Candle, cx: &mut Context<'_>) {
///     let gain = 100.0 * (candle.close / candle.open - 1.0);
///     cx.plot(GAIN, gain);
///     if gain > 2.0 {
///         info!(cx, "{} jumped to {}", cx.symbol(), candle.close);
///         cx.signal(JUMP);
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) index: u32,
    pub(crate) symbol: u32,
    pub(crate) interval: u32,
    pub(crate) tags: &'static [Tag],
    pub(crate) plots: &'static [Plot],
    pub(crate) plotted: &'a mut [f64],
    pub(crate) names: &'a Names,
}

/// What ids stand for.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) symbols: Vec<Option<String>>,
    pub(crate) intervals: Vec<Interval>,
}

impl Names {
    pub(crate) fn symbol(&self, id: u32) -> &str {
        match self.symbols.get(id as usize) {
            Some(Some(name)) => name,
            _ => "",
        }
    }
}

impl Context<'_> {
    /// The name of the symbol in hand, such as `BTCUSDT`.
    #[must_use]
    pub fn symbol(&self) -> &str {
        self.names.symbol(self.symbol)
    }

    /// The candle in hand has this signal. The host adds price, time and identity; the same tag twice is one signal.
    ///
    /// # Panics
    ///
    /// If the tag is not in [`Trader::TAGS`](crate::Trader::TAGS).
    #[inline]
    pub fn signal(&mut self, tag: Tag) {
        match self.tags.iter().position(|known| known.name == tag.name) {
            Some(at) => host::emit(self.index, at as u32),
            None => panic!("tag {:?} is not in TAGS, add it there", tag.name),
        }
    }

    /// Draws values at the candle in hand: an `f64`, an `Option<f64>`, or an array of either for a plot of several lines.
    ///
    /// # Panics
    ///
    /// If the plot is not in [`Trader::PLOTS`](crate::Trader::PLOTS).
    #[inline]
    pub fn plot(&mut self, plot: Plot, values: impl PlotValues) {
        let mut from = 0;
        for known in self.plots {
            let lines = known.lines as usize;
            if known.id == plot.id {
                if let Some(to) = self.plotted.get_mut(from..from + lines) {
                    values.write(to);
                }
                return;
            }
            from += lines;
        }
        panic!("plot {:?} is not in PLOTS, add it there", plot.id);
    }

    /// The last `count` closes of the symbol in hand on one of the subscribed intervals, oldest first: fewer where the
    /// instance has seen fewer. See [`column`](Self::column).
    #[must_use]
    pub fn closes(&self, interval: Interval, count: u32) -> Vec<f64> {
        self.column(interval, Column::Close, count)
    }

    /// The last `count` values of a column of the symbol in hand, oldest first. On the candle's own interval the newest value
    /// is that of the candle in hand; on another one, that of the last candle that had closed by then.
    ///
    /// # Panics
    ///
    /// If the interval is not subscribed to. The host ends the call if `count` is above the declared
    /// [`lookback`](crate::Subscription::lookback).
    #[must_use]
    pub fn column(&self, interval: Interval, column: Column, count: u32) -> Vec<f64> {
        host::values(self.symbol, self.interval_id(interval), column, count)
    }

    /// A column of another symbol, declared by [`other_stream`](crate::Subscription::other_stream). Empty where the host does
    /// not offer the symbol.
    ///
    /// # Panics
    ///
    /// As [`column`](Self::column). The host ends the call if the stream is not declared.
    #[must_use]
    pub fn column_of(&self, symbol: &str, interval: Interval, column: Column, count: u32) -> Vec<f64> {
        let id = self.names.symbols.iter().position(|name| name.as_deref() == Some(symbol));
        match id {
            Some(id) => host::values(id as u32, self.interval_id(interval), column, count),
            None => Vec::new(),
        }
    }

    /// The open times that belong to [`column`](Self::column), UTC milliseconds.
    ///
    /// # Panics
    ///
    /// As [`column`](Self::column).
    #[must_use]
    pub fn open_times_ms(&self, interval: Interval, count: u32) -> Vec<i64> {
        host::open_times(self.symbol, self.interval_id(interval), count)
    }

    /// The rolling 24 h figures of the symbol at the close in hand, from candles of its interval. `None` until 24 h of candles
    /// are there, across a gap, and on intervals above a day.
    #[must_use]
    pub fn ticker(&self) -> Option<Ticker> {
        host::ticker(self.symbol, self.interval)
    }

    /// Writes a line for the author, at most 1 KiB. Lines are rate-limited; see also [`info!`](crate::info!).
    pub fn log(&self, level: Level, message: &str) {
        host::log(level, message);
    }

    fn interval_id(&self, interval: Interval) -> u32 {
        match self.names.intervals.iter().position(|known| *known == interval) {
            Some(at) => at as u32,
            None => panic!("interval {interval} is not in the subscription, add it there"),
        }
    }
}
