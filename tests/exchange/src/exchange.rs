//! The exchange as a whole: its port, its clock, its markets, its controls.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use vyx_host::market::{Interval, Values};

use crate::archive;
use crate::clock::Clock;
use crate::faults::{Effect, Fault, FaultId, Faults, Storm, weather};
use crate::journal::{Book, Journal};
use crate::kline::Kline;
use crate::listen::{CuttableListener, Peer};
use crate::market::Market;
use crate::rest::{self, Weights};
use crate::setup::{Listing, Setup};
use crate::socket::{self, Hub};
use crate::symbol::Gone;

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) setup: Setup,
    pub(crate) clock: Clock,
    pub(crate) book: Book,
    pub(crate) hub: Hub,
    pub(crate) faults: Faults,
    market: Mutex<Market>,
    weights: Mutex<Weights>,
}

impl Shared {
    pub(crate) fn market(&self) -> MutexGuard<'_, Market> {
        self.market.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn weights(&self) -> MutexGuard<'_, Weights> {
        self.weights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running exchange. It has threads of its own, so that tests may block; dropping it ends it.
pub struct Exchange {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

impl Exchange {
    /// Starts an exchange on a free port of the loopback interface. Returns when it answers.
    ///
    /// # Panics
    ///
    /// If there is no port.
    pub fn start(setup: Setup) -> Self {
        match Self::try_start(setup) {
            Ok(exchange) => exchange,
            Err(error) => panic!("the exchange does not start: {error:#}"),
        }
    }

    fn try_start(setup: Setup) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let shared = Arc::new(Shared {
            clock: Clock::new(setup.now_ms, setup.factor),
            book: Book::default(),
            hub: Hub::default(),
            faults: Faults::default(),
            market: Mutex::new(Market::new(&setup)),
            weights: Mutex::new(Weights::new(setup.limits)),
            setup,
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("there is no port")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let _context = runtime.enter();
        let listener = CuttableListener(TcpListener::from_std(listener)?);
        let router = Router::new().fallback(rest::serve).with_state(Arc::clone(&shared));
        runtime.spawn(async move {
            // It ends with the runtime only.
            let _ = axum::serve(listener, router.into_make_service_with_connect_info::<Peer>()).await;
        });
        runtime.spawn(socket::publish(Arc::clone(&shared)));
        Ok(Self { shared, address, runtime: Some(runtime) })
    }

    /// The base of REST: `http://127.0.0.1:<port>`.
    pub fn rest_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base of WebSockets: `ws://127.0.0.1:<port>`.
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The true time of the market, UTC.
    pub fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    /// Sets the clock. What happens until then happens now, in its order; back in time nothing happens again.
    pub fn set_now_ms(&self, now_ms: i64) {
        self.shared.clock.set_now_ms(now_ms);
    }

    /// Sets the clock ahead; see [`Self::set_now_ms`].
    pub fn advance(&self, by_ms: i64) {
        self.shared.clock.advance(by_ms);
    }

    /// How many times faster than the real clock it runs from now on.
    pub fn set_factor(&self, factor: f64) {
        self.shared.clock.set_factor(factor);
    }

    /// How far off the true time `serverTime` and the times of events are.
    pub fn set_skew_ms(&self, rest_ms: i64, events_ms: i64) {
        self.shared.clock.set_skew_ms(rest_ms, events_ms);
    }

    /// Weight that an address may use in a minute from now on.
    pub fn set_weight_limit(&self, weight: u32) {
        self.shared.weights().set_limit(weight);
    }

    /// Lists a market, or lists it anew.
    pub fn list(&self, listing: Listing) {
        let now_ms = self.now_ms();
        self.shared.market().add(listing, now_ms);
    }

    /// From this time on the market has this status, which may be any text. Without `TRADING` it has no candles.
    ///
    /// # Panics
    ///
    /// There is no such market.
    pub fn set_status_at(&self, symbol: &str, status: &str, at_ms: i64) {
        let mut market = self.shared.market();
        let found = market.symbol(symbol);
        found.unwrap_or_else(|| panic!("there is no market {symbol}")).set_status(at_ms, status);
    }

    /// From now on the market has this status; see [`Self::set_status_at`].
    ///
    /// # Panics
    ///
    /// There is no such market.
    pub fn set_status(&self, symbol: &str, status: &str) {
        self.set_status_at(symbol, status, self.now_ms());
    }

    /// From this time on the market is not among those of the exchange.
    ///
    /// # Panics
    ///
    /// There is no such market.
    pub fn delist_at(&self, symbol: &str, gone: Gone, at_ms: i64) {
        let mut market = self.shared.market();
        market.symbol(symbol).unwrap_or_else(|| panic!("there is no market {symbol}")).end(at_ms, gone);
    }

    /// Minutes that open in this time have no candle, neither now nor in the archive. Longer candles are made of the others.
    ///
    /// # Panics
    ///
    /// There is no such market.
    pub fn gap(&self, symbol: &str, from_ms: i64, until_ms: i64) {
        let mut market = self.shared.market();
        let found = market.symbol(symbol);
        found.unwrap_or_else(|| panic!("there is no market {symbol}")).add_gap(from_ms..until_ms);
    }

    /// Injects a fault from now on.
    pub fn fault(&self, fault: Fault) -> FaultId {
        self.shared.faults.add(fault)
    }

    /// Ends a fault. Requests that hang by it are cut.
    pub fn remove_fault(&self, id: FaultId) {
        self.shared.faults.remove(id);
    }

    /// Ends all faults. Requests that hang by them are cut.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// How often a fault has hit.
    pub fn fault_hits(&self, id: FaultId) -> u64 {
        self.shared.faults.hits(id)
    }

    /// How often all faults of each name have hit, strikes not included.
    pub fn hits(&self) -> BTreeMap<&'static str, u64> {
        self.shared.faults.hits_by_name()
    }

    /// Does this to every WebSocket that is open now; how many there are. The effect is one of those of connections.
    pub fn strike(&self, effect: Effect) -> usize {
        self.shared.hub.strike(&effect)
    }

    /// Lets all faults loose. What the markets go through (holes, times without trading) is settled now and is part of the
    /// archive; it begins no earlier than now.
    pub fn storm(&self, storm: Storm) -> Vec<FaultId> {
        let storm = Storm { between: storm.between.start.max(self.now_ms())..storm.between.end, ..storm };
        storm.strike(&self.shared);
        let rules = storm.faults().into_iter().map(|fault| self.fault(fault)).collect();
        if let Some(runtime) = self.runtime.as_ref().filter(|_| storm.skew_most_ms > 0) {
            runtime.spawn(weather(Arc::clone(&self.shared), storm));
        }
        rules
    }

    /// The true candles of a market that open from `from_ms` to before `until_ms`, those of the future included.
    pub fn archive_klines(&self, symbol: &str, interval: Interval, from_ms: i64, until_ms: i64) -> Vec<Kline> {
        self.shared.market().archive(symbol, interval, from_ms, until_ms)
    }

    /// [`Self::archive_klines`] as a host reads them: open time and values.
    pub fn archive(&self, symbol: &str, interval: Interval, from_ms: i64, until_ms: i64) -> Vec<(i64, Values)> {
        let klines = self.archive_klines(symbol, interval, from_ms, until_ms);
        klines.iter().map(|kline| (kline.open_ms, kline.values())).collect()
    }

    /// Writes [`Self::archive_klines`] as a file that a replay reads: `<dir>/BTCUSDT-1m.csv`.
    ///
    /// # Panics
    ///
    /// The file cannot be written.
    pub fn write_archive(&self, dir: &Path, symbol: &str, interval: Interval, from_ms: i64, until_ms: i64) -> PathBuf {
        let klines = self.archive_klines(symbol, interval, from_ms, until_ms);
        match archive::write(dir, symbol, interval, &klines) {
            Ok(path) => path,
            Err(error) => panic!("{error:#}"),
        }
    }

    /// What was asked so far.
    pub fn journal(&self) -> Journal {
        self.shared.book.read()
    }

    /// Waits until what was asked so far is as wanted.
    ///
    /// # Panics
    ///
    /// After a minute and a half, with `what` and the journal in the message.
    pub fn wait_until(&self, what: &str, wanted: impl FnMut(&Journal) -> bool) {
        self.shared.book.wait_until(what, wanted);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Waiting for the threads is not allowed on a thread of an async runtime, and nobody needs it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
