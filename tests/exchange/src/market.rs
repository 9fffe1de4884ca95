//! All markets, and what is asked of them.

use vyx_host::market::Interval;

use crate::amount::Amount;
use crate::kline::Kline;
use crate::setup::{Listing, Setup};
use crate::symbol::Symbol;

const DAY_MS: i64 = Interval::D1.as_ms();
const MINUTE_MS: i64 = Interval::M1.as_ms();

pub(crate) struct Market {
    symbols: Vec<Symbol>,
    seed: u64,
}

/// A question for candles.
pub(crate) struct Question {
    pub(crate) interval: Interval,
    pub(crate) from_ms: Option<i64>,
    pub(crate) until_ms: Option<i64>,
    pub(crate) limit: usize,
}

/// The last 24 hours of a market.
pub(crate) struct Day {
    pub(crate) open_ms: i64,
    pub(crate) close_ms: i64,
    /// None where nothing was traded.
    pub(crate) kline: Option<Kline>,
    pub(crate) quote_volume: String,
}

impl Market {
    pub(crate) fn new(setup: &Setup) -> Self {
        let mut market = Self { symbols: Vec::new(), seed: setup.seed };
        for listing in &setup.listings {
            market.add(listing.clone(), setup.now_ms);
        }
        market
    }

    /// Lists a market, or lists it anew.
    pub(crate) fn add(&mut self, listing: Listing, now_ms: i64) {
        let place = self.symbols.iter().position(|symbol| symbol.listing.symbol == listing.symbol);
        let rank = place.unwrap_or(self.symbols.len());
        let symbol = Symbol::new(listing, rank, self.seed, now_ms);
        match place.and_then(|place| self.symbols.get_mut(place)) {
            Some(old) => *old = symbol,
            None => self.symbols.push(symbol),
        }
    }

    pub(crate) fn symbols(&mut self) -> &mut [Symbol] {
        &mut self.symbols
    }

    pub(crate) fn listed(&self, now_ms: i64) -> impl Iterator<Item = &Symbol> {
        self.symbols.iter().filter(move |symbol| symbol.is_listed(now_ms))
    }

    pub(crate) fn symbol(&mut self, name: &str) -> Option<&mut Symbol> {
        self.symbols.iter_mut().find(|symbol| symbol.listing.symbol == name)
    }

    /// The rows of an answer: closed candles, and the forming one marked as such. `is_there` may hide some.
    pub(crate) fn klines(
        &mut self,
        name: &str,
        asked: &Question,
        now_ms: i64,
        is_there: impl Fn(i64) -> bool,
    ) -> Option<Vec<Kline>> {
        let symbol = self.symbol(name).filter(|symbol| symbol.has_candles(now_ms))?;
        let interval = asked.interval;
        let end_ms = asked.until_ms.unwrap_or(i64::MAX).min(now_ms);
        let opens = symbol.opens(interval, asked.from_ms.unwrap_or(0), end_ms);
        let mut row = |open_ms: i64| {
            if interval.close_of(open_ms) >= now_ms {
                return symbol.forming(interval, now_ms);
            }
            is_there(open_ms).then(|| symbol.candle(interval, open_ms))?
        };
        if asked.from_ms.is_some() {
            return Some(opens.filter_map(row).take(asked.limit).collect());
        }
        let mut rows: Vec<Kline> = opens.rev().filter_map(&mut row).take(asked.limit).collect();
        rows.reverse();
        Some(rows)
    }

    /// The rolling window of the ticker, to the minute.
    pub(crate) fn day(&mut self, name: &str, now_ms: i64) -> Option<Day> {
        let symbol = self.symbol(name)?;
        let until_ms = Interval::M1.open_of(now_ms);
        let minutes = symbol.opens(Interval::M1, until_ms - DAY_MS, until_ms - MINUTE_MS);
        let mut kline: Option<Kline> = None;
        for open_ms in minutes {
            match (&mut kline, symbol.candle(Interval::M1, open_ms)) {
                (Some(kline), Some(minute)) => kline.extend(&minute),
                (None, minute) => kline = minute,
                (Some(_), None) => {}
            }
        }
        let traded = kline.map_or(Amount::default(), |kline| kline.quote_volume);
        let quote_volume =
            symbol.listing.quote_volume.map_or_else(|| traded.to_string(), |volume| format!("{volume:.8}"));
        Some(Day { open_ms: now_ms - DAY_MS, close_ms: now_ms, kline, quote_volume })
    }

    /// The closed candles that open in this time.
    pub(crate) fn archive(&mut self, name: &str, interval: Interval, from_ms: i64, until_ms: i64) -> Vec<Kline> {
        let Some(symbol) = self.symbol(name) else { return Vec::new() };
        let opens = symbol.opens(interval, from_ms, until_ms.saturating_sub(1));
        opens.filter_map(|open_ms| symbol.candle(interval, open_ms)).collect()
    }
}
