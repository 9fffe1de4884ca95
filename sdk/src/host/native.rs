//! The market that the test kit keeps, one for each thread.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Level;
use crate::{Candle, Column, Ticker};

/// What the calls of one candle left behind, and what they may read.
#[derive(Debug, Default)]
pub(crate) struct NativeHost {
    pub(crate) emitted: Vec<(u32, u32)>,
    pub(crate) logged: Vec<(Level, String)>,
    /// Candles that have closed, by symbol and interval id.
    pub(crate) closed: BTreeMap<(u32, u32), Vec<Candle>>,
    /// How far back each interval may be read.
    pub(crate) lookbacks: Vec<u32>,
}

thread_local! {
    static HOST: RefCell<NativeHost> = RefCell::default();
}

pub(crate) fn with<R>(use_host: impl FnOnce(&mut NativeHost) -> R) -> R {
    HOST.with_borrow_mut(use_host)
}

pub(crate) fn emit(index: u32, tag: u32) {
    with(|host| {
        if !host.emitted.contains(&(index, tag)) {
            host.emitted.push((index, tag));
        }
    });
}

pub(crate) fn values(symbol: u32, interval: u32, column: Column, count: u32) -> Vec<f64> {
    let value = |candle: &Candle| match column {
        Column::Open => candle.open,
        Column::High => candle.high,
        Column::Low => candle.low,
        Column::Close => candle.close,
        Column::Volume => candle.volume,
        Column::QuoteVolume => candle.quote_volume,
        Column::TakerVolume => candle.taker_volume,
        Column::Trades => candle.trades,
    };
    with(|host| host.last(symbol, interval, count).iter().map(value).collect())
}

pub(crate) fn open_times(symbol: u32, interval: u32, count: u32) -> Vec<i64> {
    with(|host| host.last(symbol, interval, count).iter().map(|candle| candle.open_time_ms).collect())
}

pub(crate) fn ticker(symbol: u32, interval: u32) -> Option<Ticker> {
    const DAY_MS: i64 = 86_400_000;
    with(|host| {
        let candles = host.closed.get(&(symbol, interval))?;
        let length = candles.last()?.interval.as_ms();
        let wanted = usize::try_from(DAY_MS / length).ok().filter(|wanted| *wanted > 0)?;
        let window = &candles[candles.len().checked_sub(wanted)?..];
        let (first, last) = (window.first()?, window.last()?);
        (last.open_time_ms - first.open_time_ms == DAY_MS - length).then(|| Ticker {
            change_percent: (last.close - first.open) / first.open * 100.0,
            quote_volume: window.iter().map(|candle| candle.quote_volume).sum(),
        })
    })
}

pub(crate) fn log(level: Level, message: &str) {
    with(|host| host.logged.push((level, message.to_owned())));
}

impl NativeHost {
    fn last(&self, symbol: u32, interval: u32, count: u32) -> &[Candle] {
        let allowed = self.lookbacks.get(interval as usize).copied().unwrap_or(0);
        assert!(
            count <= allowed,
            "asked for {count} candles of the interval, the subscription declares a lookback of {allowed}"
        );
        match self.closed.get(&(symbol, interval)) {
            Some(candles) => &candles[candles.len().saturating_sub(count as usize)..],
            None => &[],
        }
    }
}
