//! How fast candles are evaluated: one call, a window, a fleet, a replay; each beside the same work in native Rust.
//!
//! The throughput that is printed counts candles: 20 Mitem/s are 50 ns a candle.

mod common;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use bench_traders::{Turns, WINDOW, full_window};
use common::{Counting, Market, ROUND, WORKERS, Walk, component, open_ms, params, symbols};
use divan::Bencher;
use divan::counter::ItemsCount;
use rayon::prelude::*;
use vyx_host::market::{CandleSource, Column, Feed, History, Interval, Offer, ReplayFeed, Segment, VALUES_PER_CANDLE};
use vyx_host::sandbox::{AbiVersion, Fresh, Instance, Linked, Metering, StopFlag, engine};
use wasmtime::component::Component;

/// Above every K: the trader watches and never speaks.
const SILENT: &[(&str, f64)] = &[("overbought", 1_000.0)];
/// Closes in a segment of a replay, as the `vyx` command delivers them.
const SEGMENT: usize = 1_024;

fn main() {
    divan::main();
}

/// An instance outside of any fleet, with an empty history or one that holds [`ROUND`] * 4 candles.
fn instance(trader: &str, given: &[(&str, f64)], walk: &Walk) -> (Instance, usize) {
    let engine = engine(Metering::Off).unwrap();
    let component = Component::new(&engine, component(trader)).unwrap();
    let linked = Linked::new(&engine, AbiVersion::V1, &component).unwrap();
    let fresh = || Fresh::instantiate(&engine, &linked, Metering::Off, &StopFlag::new()).unwrap();
    let manifest = fresh().describe().unwrap();
    let candles = 4 * ROUND;
    let mut history = History::new();
    history.require(Interval::M1, candles);
    history.append(&walk.segment(0, candles));
    let params = manifest.params(&params(given)).unwrap();
    let (mut instance, _) = fresh().init(&manifest, &params, &Offer::from(symbols(walk.ids.len()))).unwrap();
    instance.lend(Some(Arc::new(history)));
    for symbol in &walk.ids {
        instance.sees_from(0, *symbol, open_ms(0));
    }
    for close in 0..candles {
        call(&mut instance, walk, close);
    }
    (instance, candles)
}

#[inline]
fn call(instance: &mut Instance, walk: &Walk, close: usize) {
    let open_ms = open_ms(close);
    let close_ms = Interval::M1.close_of(open_ms);
    black_box(instance.on_close(0, open_ms, close_ms, &walk.ids, walk.values(close)).unwrap());
}

/// What the SDK does with a batch, in process: finds each symbol's state and gathers the plotted lines.
struct States(Vec<Option<Turns>>);

impl States {
    fn new(symbols: usize) -> Self {
        Self(vec![Some(Turns::new(1_000.0)); symbols])
    }

    #[inline(never)]
    fn close(&mut self, walk: &Walk, close: usize) {
        let (rows, _) = black_box(walk.values(close)).as_chunks::<VALUES_PER_CANDLE>();
        let mut plotted = vec![f64::NAN; rows.len() * 2];
        for ((symbol, values), plotted) in walk.ids.iter().zip(rows).zip(plotted.as_chunks_mut::<2>().0) {
            let Some(Some(state)) = self.0.get_mut(*symbol as usize) else { continue };
            let Some((now, is_turn)) = state.next(values[Column::Close.ordinal()]) else { continue };
            *plotted = [now.k, now.d];
            assert!(!is_turn);
        }
        black_box(plotted);
    }
}

/// Symbols that close at once.
const CLOSING: [usize; 3] = [1, 10, 100];

#[divan::bench_group(sample_count = 200, min_time = 0.5, max_time = 3)]
mod call {
    use super::*;

    /// StochRSI goes on by one close a symbol and plots two lines.
    #[divan::bench(args = CLOSING)]
    fn incremental_abi(bencher: Bencher<'_, '_>, closing: usize) {
        let walk = Walk::new(closing);
        let (mut instance, mut close) = instance("bench-incremental", SILENT, &walk);
        bencher.counter(ItemsCount::new(closing)).bench_local(|| {
            call(&mut instance, &walk, close);
            close += 1;
        });
    }

    #[divan::bench(args = CLOSING)]
    fn incremental_native(bencher: Bencher<'_, '_>, closing: usize) {
        let walk = Walk::new(closing);
        let mut states = States::new(closing);
        (0..4 * ROUND).for_each(|close| states.close(&walk, close));
        let mut close = 4 * ROUND;
        bencher.counter(ItemsCount::new(closing)).bench_local(|| {
            states.close(&walk, close);
            close += 1;
        });
    }

    /// Two closes and the 24 h figures are read of each symbol.
    #[divan::bench(args = CLOSING)]
    fn reads_abi(bencher: Bencher<'_, '_>, closing: usize) {
        let walk = Walk::new(closing);
        let (mut instance, candles) = instance("bench-reads", &[], &walk);
        bencher.counter(ItemsCount::new(closing)).bench_local(|| call(&mut instance, &walk, candles - 1));
    }

    /// A trader that does and plots nothing.
    #[divan::bench(args = CLOSING)]
    fn noop_abi(bencher: Bencher<'_, '_>, closing: usize) {
        let walk = Walk::new(closing);
        let (mut instance, mut close) = instance("bench-noop", &[], &walk);
        bencher.counter(ItemsCount::new(closing)).bench_local(|| {
            call(&mut instance, &walk, close);
            close += 1;
        });
    }
}

#[divan::bench_group(sample_count = 200, min_time = 0.5, max_time = 3)]
mod window_of_250 {
    use super::*;

    #[divan::bench]
    fn abi(bencher: Bencher<'_, '_>) {
        let walk = Walk::new(1);
        let (mut instance, candles) = instance("bench-window", &[], &walk);
        bencher.counter(ItemsCount::new(1_usize)).bench_local(|| call(&mut instance, &walk, candles - 1));
    }

    #[divan::bench]
    fn native(bencher: Bencher<'_, '_>) {
        let closes = Walk::new(1).closes(0, WINDOW as usize);
        bencher.counter(ItemsCount::new(1_usize)).bench_local(|| black_box(full_window(black_box(&closes))));
    }
}

/// One close of every symbol, to all traders, on two worker threads.
#[divan::bench_group(sample_size = 1, sample_count = 60)]
mod fleet {
    use super::*;

    const SETS: [(usize, usize); 2] = [(1_000, 100), (10_000, 10)];

    #[divan::bench(args = SETS)]
    fn deliver(bencher: Bencher<'_, '_>, set: (usize, usize)) {
        one_close(bencher, set, SILENT);
    }

    /// The same with traders that speak, about once in 30 candles: findings, 24 h figures and ids included.
    #[divan::bench(args = [(1_000_usize, 100_usize)])]
    fn deliver_with_signals(bencher: Bencher<'_, '_>, set: (usize, usize)) {
        one_close(bencher, set, &[]);
    }

    /// The same with traders that read columns and 24 h figures, and do nothing else.
    #[divan::bench(args = [(1_000_usize, 100_usize)])]
    fn deliver_reading(bencher: Bencher<'_, '_>, set: (usize, usize)) {
        one_close_of("bench-reads", bencher, set, &[]);
    }

    #[divan::bench(args = SETS)]
    fn native(bencher: Bencher<'_, '_>, (traders, closing): (usize, usize)) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build().unwrap();
        let walk = Walk::new(closing);
        let mut fleet: Vec<States> = (0..traders).map(|_| States::new(closing)).collect();
        let mut close_all = |close: usize| {
            pool.install(|| fleet.par_iter_mut().for_each(|states| states.close(&walk, close)));
        };
        (0..ROUND).for_each(&mut close_all);
        let mut close = ROUND;
        bencher.counter(ItemsCount::new(traders * closing)).bench_local(|| {
            close_all(close);
            close += 1;
        });
    }

    fn one_close(bencher: Bencher<'_, '_>, (traders, closing): (usize, usize), given: &[(&str, f64)]) {
        let signals = one_close_of("bench-incremental", bencher, (traders, closing), given);
        assert_eq!(signals == 0, given == SILENT, "{signals} signals");
    }

    fn one_close_of(
        trader: &str,
        bencher: Bencher<'_, '_>,
        (traders, closing): (usize, usize),
        given: &[(&str, f64)],
    ) -> usize {
        let market = RefCell::new(Market::new(trader, traders, closing, given));
        let mut sink = Counting::default();
        bencher
            .counter(ItemsCount::new(traders * closing))
            .with_inputs(|| market.borrow_mut().segment(1))
            .bench_local_values(|segment| market.borrow().fleet.deliver(&segment, &mut sink).unwrap());
        sink.0
    }
}

/// One trader, on the calling thread: candles per second and core.
#[divan::bench_group(sample_size = 1, sample_count = 30)]
mod replay {
    use super::*;

    /// Candles that one sample delivers.
    const CANDLES: usize = 204_800;
    const SYMBOLS: [usize; 2] = [1, 100];

    #[divan::bench(args = SYMBOLS)]
    fn without_feed(bencher: Bencher<'_, '_>, closing: usize) {
        let market = RefCell::new(Market::new("bench-incremental", 1, closing, SILENT));
        let closes = (SEGMENT / closing).max(64);
        bencher
            .counter(ItemsCount::new(CANDLES / (closes * closing) * closes * closing))
            .with_inputs(|| {
                let mut market = market.borrow_mut();
                (0..CANDLES / (closes * closing)).map(|_| market.segment(closes)).collect::<Vec<_>>()
            })
            .bench_local_refs(|segments| {
                for segment in segments {
                    market.borrow().fleet.deliver(segment, &mut Counting::default()).unwrap();
                }
            });
    }

    /// The candles come from files that have been read, and segments are made of them on the way.
    #[divan::bench(args = SYMBOLS)]
    fn with_feed(bencher: Bencher<'_, '_>, closing: usize) {
        let closes = CANDLES / closing;
        let folder = tempfile::tempdir().unwrap();
        let sources = files(folder.path(), closing, closes);
        bencher
            .counter(ItemsCount::new(closes * closing))
            .with_inputs(|| {
                let mut feed = ReplayFeed::new(sources.clone()).unwrap();
                feed.want(&[Interval::M1]).unwrap();
                (Market::new("bench-incremental", 1, closing, SILENT).fleet, feed, Segment::new())
            })
            .bench_local_refs(|(fleet, feed, segment)| {
                let mut candles = 0;
                while feed.next(SEGMENT, segment).unwrap() {
                    fleet.deliver(segment, &mut Counting::default()).unwrap();
                    candles += segment.candles();
                }
                assert_eq!(candles, closes * closing);
            });
    }

    #[divan::bench(args = SYMBOLS)]
    fn native(bencher: Bencher<'_, '_>, closing: usize) {
        let walk = Walk::new(closing);
        let mut states = States::new(closing);
        let mut close = 0;
        bencher.counter(ItemsCount::new(CANDLES / closing * closing)).bench_local(|| {
            for _ in 0..CANDLES / closing {
                states.close(&walk, close);
                close += 1;
            }
        });
    }

    /// One file a symbol, which begin after the warm-up of [`Market`].
    fn files(folder: &Path, closing: usize, closes: usize) -> Vec<CandleSource> {
        let walk = Walk::new(closing);
        (0..closing)
            .map(|symbol| {
                let path = folder.join(format!("S{symbol:04}USDT-1m.csv"));
                let mut text = String::from("open_time,open,high,low,close,volume\n");
                for close in ROUND..ROUND + closes {
                    let (rows, _) = walk.values(close).as_chunks::<VALUES_PER_CANDLE>();
                    let [open, high, low, last, volume, ..] = rows[symbol];
                    writeln!(text, "{},{open},{high},{low},{last},{volume}", open_ms(close)).unwrap();
                }
                std::fs::write(&path, text).unwrap();
                CandleSource::from_path(&path).unwrap()
            })
            .collect()
    }
}
