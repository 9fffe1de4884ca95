//! How far candles have been judged, and what was told last, as it is on disk. A mirror of the cursors in memory keeps a delivery
//! from writing what did not change.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use crate::ids::TraderId;
use crate::signal::hygiene::LastTold;
use crate::signal::{Burst, StampedSignal};

/// The cursors of one feed.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    feed: String,
    close_ms: Option<i64>,
    /// By trader: its own close time where that is before the feed's.
    lags: BTreeMap<TraderId, Option<i64>>,
}

/// What a delivery changes.
#[derive(Debug)]
pub(super) struct Change {
    close_ms: i64,
    is_ahead: bool,
    lags: Vec<(TraderId, Option<i64>)>,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        !self.is_ahead && self.lags.is_empty()
    }
}

impl Cursors {
    pub(super) fn load(connection: &Connection, feed: &str) -> rusqlite::Result<Self> {
        let close_ms =
            connection.query_row("select close_ms from feed where name = ?1", [feed], |row| row.get(0)).optional()?;
        let mut traders = connection.prepare("select id, lag_ms from trader where feed = ?1")?;
        let lags = traders
            .query_map([feed], |row| Ok((TraderId::new(Uuid::from_bytes(row.get(0)?)), row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { feed: feed.to_owned(), close_ms, lags })
    }

    /// What a burst changes. The feed's close never goes back: during a catch-up only those that lag are behind it.
    pub(super) fn change(&self, burst: &Burst<'_>) -> Change {
        let close_ms = self.close_ms.unwrap_or(i64::MIN).max(burst.close_ms);
        let is_ahead = self.close_ms != Some(close_ms) && close_ms != i64::MIN;
        let mut lags: BTreeMap<TraderId, Option<i64>> = burst
            .cursors
            .iter()
            // Of one that was never given a candle there is nothing to say.
            .filter(|(_, judged_ms)| *judged_ms != i64::MIN)
            .map(|(trader, judged_ms)| (*trader, (*judged_ms < close_ms).then_some(*judged_ms)))
            .collect();
        // Who is not in the burst stays where it was: it is being replaced, or stopped and not yet forgotten.
        if let (true, Some(before_ms)) = (is_ahead, self.close_ms) {
            for (trader, lag_ms) in &self.lags {
                if lag_ms.is_none() {
                    lags.entry(*trader).or_insert(Some(before_ms));
                }
            }
        }
        let lags = lags.into_iter().filter(|(trader, lag_ms)| self.lags.get(trader) != Some(lag_ms)).collect();
        Change { close_ms, is_ahead, lags }
    }

    pub(super) fn write(&self, connection: &Connection, change: &Change) -> rusqlite::Result<()> {
        if change.is_ahead {
            connection
                .prepare_cached(
                    "insert into feed (name, close_ms) values (?1, ?2)
                     on conflict (name) do update set close_ms = excluded.close_ms",
                )?
                .execute(params![self.feed, change.close_ms])?;
        }
        let mut trader = connection.prepare_cached(
            "insert into trader (feed, id, lag_ms) values (?1, ?2, ?3)
             on conflict (feed, id) do update set lag_ms = excluded.lag_ms",
        )?;
        for (id, lag_ms) in &change.lags {
            trader.execute(params![self.feed, id.uuid().as_bytes(), lag_ms])?;
        }
        Ok(())
    }

    pub(super) fn write_told(&self, connection: &Connection, signals: &[StampedSignal]) -> rusqlite::Result<()> {
        let mut told = connection.prepare_cached(
            "insert into told (feed, trader, symbol, interval, tag, open_ms) values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict (feed, trader, symbol, interval, tag) do update set open_ms = max(open_ms, excluded.open_ms)",
        )?;
        for signal in signals.iter().filter(|signal| !signal.is_historical()) {
            let trader = signal.trader_id();
            let (symbol, interval, tag) = (signal.symbol(), signal.interval(), signal.tag());
            let open_ms = signal.open_time().as_millisecond();
            told.execute(params![self.feed, trader.uuid().as_bytes(), symbol, interval, tag, open_ms])?;
        }
        Ok(())
    }

    pub(super) fn told(&self, connection: &Connection, trader: TraderId) -> rusqlite::Result<Vec<LastTold>> {
        let mut select = connection
            .prepare_cached("select symbol, interval, tag, open_ms from told where feed = ?1 and trader = ?2")?;
        let told = select.query_map(params![self.feed, trader.uuid().as_bytes()], |row| {
            Ok(LastTold { symbol: row.get(0)?, interval: row.get(1)?, tag: row.get(2)?, open_time_ms: row.get(3)? })
        })?;
        told.collect()
    }

    /// After the commit.
    pub(super) fn apply(&mut self, change: Change) {
        if change.is_ahead {
            self.close_ms = Some(change.close_ms);
        }
        self.lags.extend(change.lags);
    }

    /// Forgets a trader, on disk first.
    pub(super) fn forget(&mut self, connection: &Connection, trader: TraderId) -> rusqlite::Result<()> {
        if self.lags.contains_key(&trader) {
            connection
                .prepare_cached("delete from trader where feed = ?1 and id = ?2")?
                .execute(params![self.feed, trader.uuid().as_bytes()])?;
            connection
                .prepare_cached("delete from told where feed = ?1 and trader = ?2")?
                .execute(params![self.feed, trader.uuid().as_bytes()])?;
            self.lags.remove(&trader);
        }
        Ok(())
    }

    pub(super) fn close_ms(&self) -> Option<i64> {
        self.close_ms
    }

    pub(super) fn judged(&self, trader: TraderId) -> Option<i64> {
        self.lags.get(&trader).and_then(|lag_ms| lag_ms.or(self.close_ms))
    }

    pub(super) fn earliest(&self) -> Option<i64> {
        self.lags.values().copied().chain([None]).filter_map(|lag_ms| lag_ms.or(self.close_ms)).min()
    }

    pub(super) fn traders(&self) -> Vec<TraderId> {
        self.lags.keys().copied().collect()
    }
}

#[cfg(test)]
#[path = "cursor_tests.rs"]
mod tests;
