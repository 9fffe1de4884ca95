use super::*;
use vyx_sdk::testkit::{Bench, candles_from_closes, random_walk};

/// With a range of two RSI values K is 100 where RSI rose and 0 where it fell, and RSI goes where the price goes.
fn small() -> Bench<DualStochRsiEntry> {
    let bench = Bench::new().param("rsi_period", 2_u32).param("stoch_period", 2_u32);
    bench.param("k_smoothing", 1_u32).param("d_smoothing", 2_u32)
}

/// Two up, two down, and so on: K is 0, 0, 100, 100 and D 50, 0, 50, 100, so K crosses over D at every candle 3, 7, 11, …
fn fast(count: usize) -> Vec<Candle> {
    let closes: Vec<f64> = (0..count).map(|at| [101.0, 100.0, 99.0, 100.0][at % 4]).collect();
    candles_from_closes(Interval::M1, &closes)
}

/// K goes 0, 100, 0, 0, 100, 0 from candle 3 on and D 50, 50, 0, 50, 50 from candle 4 on: over at 7, under at 8.
fn slow(interval: Interval) -> Vec<Candle> {
    candles_from_closes(interval, &[100.0, 99.0, 100.0, 99.0, 100.0, 99.0, 98.0, 99.0, 98.0])
}

fn signals(mut bench: Bench<DualStochRsiEntry>, fast: &[Candle], slow: &[Candle]) -> Vec<usize> {
    let signals = bench.feed_all(&[("BTCUSDT", fast), ("BTCUSDT", slow)]);
    assert!(signals.iter().all(|signal| signal.candle.interval < slow[0].interval));
    signals.iter().map(|signal| signal.index).collect()
}

#[test]
fn signals_on_the_fast_interval_while_the_slow_one_points_up() {
    // Slow candle 7 closes with fast candle 39 and counts for it; slow candle 8 closes with fast candle 44.
    assert_eq!(signals(small(), &fast(60), &slow(Interval::M5)), [39, 43]);
}

#[test]
fn the_slow_interval_can_be_chosen() {
    // Now candle 7 closes with fast candle 8 * 15 - 1 = 119, candle 8 with 134.
    let bench = small().param("slow_interval", Interval::M15);
    assert_eq!(signals(bench, &fast(150), &slow(Interval::M15)), [119, 123, 127, 131]);
}

#[test]
fn k_must_have_been_below_the_line() {
    // Before each cross K is 0, which is not below 0.
    assert_eq!(signals(small().param("oversold", 0.0), &fast(60), &slow(Interval::M5)), []);
}

#[test]
fn the_first_tick_after_a_standstill_is_no_turn() {
    let still = |interval, count| candles_from_closes(interval, &vec![100.0; count]);
    assert_eq!(signals(Bench::new(), &still(Interval::M1, 500), &still(Interval::M5, 100)), []);
    // The slow side points up from candle 39 to 43. The fast one falls, stands still and ticks up at 42, where K would go
    // from 0 to 100 over D at 50.
    let mut closes: Vec<f64> = fast(38).iter().map(|candle| candle.close).collect();
    closes.extend([99.0, 98.0, 98.0, 98.0, 99.0, 100.0]);
    assert_eq!(signals(small(), &candles_from_closes(Interval::M1, &closes), &slow(Interval::M5)), []);
}

#[test]
fn nothing_is_said_before_both_intervals_are_warm() {
    let (fast, slow) = (random_walk(Interval::M1, 5, 5_000), random_walk(Interval::M5, 6, 1_000));
    let mut bench = Bench::<DualStochRsiEntry>::new();
    let signals = bench.feed_all(&[("BTCUSDT", &fast), ("BTCUSDT", &slow)]);
    // The first slow K closes with fast candle 32 * 5 - 1 = 159.
    assert!(signals.len() > 10 && signals[0].index > 159, "{} signals", signals.len());
    assert!(signals.iter().all(|signal| signal.plots.iter().all(|value| value.is_finite())));
}

#[test]
fn symbols_do_not_see_each_other() {
    let (fast, slow) = (fast(60), slow(Interval::M5));
    let other: (Vec<Candle>, Vec<Candle>) = (random_walk(Interval::M1, 7, 60), random_walk(Interval::M5, 8, 12));
    let streams: [(&str, &[Candle]); 4] =
        [("ETHUSDT", &other.0), ("BTCUSDT", &fast), ("ETHUSDT", &other.1), ("BTCUSDT", &slow)];
    let signals = small().feed_all(&streams);
    let of_btc: Vec<usize> = signals.iter().filter(|s| s.symbol == "BTCUSDT").map(|s| s.index).collect();
    assert_eq!(of_btc, [39, 43]);
}

#[test]
#[should_panic(expected = "interval is 15m, slow_interval is 5m: make slow_interval the longer one")]
fn the_slow_interval_must_be_the_longer_one() {
    signals(Bench::new().param("interval", Interval::M15), &[], &slow(Interval::M5));
}
