//! The WebSocket link: klines of the exchange, as soon as it has them.
//!
//! It promises that the streams that are wanted get subscribed and stay so, over lost, silent and half-open connections, over the
//! exchange's 24 h limit and its restarts. It does not promise that nothing is missed: a connection that is lost misses what came
//! meanwhile, which [`Heard::Down`] and [`Heard::Up`] tell. Nor that nothing comes twice, or in order: while a connection is
//! replaced, both are heard. Nor that what comes is right: a kline has numbers and times that fit its interval, no more.
//!
//! If the consumer is slow, the link waits, and with it the exchange; nothing is dropped, and nothing piles up here.

mod book;
mod connection;
mod dial;
mod limits;
mod manager;
mod message;
mod pace;
mod slot;

use std::collections::BTreeSet;

use reqwest::Url;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::market::candle::Values;
use crate::market::interval::Interval;
use dial::{Connect, Dial};
use manager::Manager;

/// A stream to be heard.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct StreamKey {
    /// In upper case.
    pub(super) symbol: String,
    pub(super) interval: Interval,
}

/// What the exchange says of a candle.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct KlineEvent {
    /// In upper case. A stream that was unwanted a moment ago may still be heard.
    pub(super) symbol: String,
    pub(super) interval: Interval,
    pub(super) open_ms: i64,
    pub(super) close_ms: i64,
    pub(super) values: Values,
    /// Whether the exchange says that the candle is closed.
    pub(super) is_closed: bool,
    /// When the exchange said it, by its own clock.
    pub(super) event_ms: i64,
}

/// What the link says.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Heard {
    /// A candle, closed or forming: of forming ones, the event time is the exchange's clock.
    Kline(KlineEvent),
    /// Everything that is wanted is subscribed and acknowledged. Said again after each change and each loss, and not for an empty
    /// set.
    Up,
    /// A connection is lost, or could not be made: why, in words that may be shown.
    Down(String),
}

/// Connections that keep the wanted streams subscribed. Ends them when it is dropped.
#[derive(Debug)]
pub(super) struct Link {
    wanted: watch::Sender<BTreeSet<StreamKey>>,
    task: JoinHandle<()>,
}

impl Link {
    /// A link to `{base}/stream`. Nothing is connected before something is wanted.
    pub(super) fn start(handle: &Handle, base: Url, heard: mpsc::Sender<Heard>) -> Self {
        Self::connecting(handle, Dial::new(&base), heard)
    }

    fn connecting(handle: &Handle, connect: impl Connect, heard: mpsc::Sender<Heard>) -> Self {
        let (wanted, changes) = watch::channel(BTreeSet::new());
        Self { wanted, task: handle.spawn(Manager::new(connect, heard).run(changes)) }
    }

    /// The whole set that is to be heard from now on. The link subscribes and unsubscribes the difference; for an empty set it has
    /// no connection.
    pub(super) fn want(&self, streams: BTreeSet<StreamKey>) {
        self.wanted.send_if_modified(|wanted| {
            let is_new = *wanted != streams;
            *wanted = streams;
            is_new
        });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
