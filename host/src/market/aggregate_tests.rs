use proptest::prelude::*;

use super::*;

const MINUTE_MS: i64 = 60_000;

fn run(base: Interval, interval: Interval, candles: &[(i64, Values)]) -> Vec<Bucket> {
    let mut aggregator = Aggregator::new(base, interval).unwrap();
    let mut buckets = Vec::new();
    for (open_ms, values) in candles {
        aggregator.push(*open_ms, values, |bucket| buckets.push(bucket));
    }
    buckets
}

fn candle(minute: i64, price: f64, volume: f64) -> (i64, Values) {
    (minute * MINUTE_MS, [price, price + 1.0, price - 1.0, price + 0.5, volume, f64::NAN, f64::NAN, f64::NAN])
}

#[test]
fn only_what_divides_is_built() {
    assert!(Aggregator::new(Interval::H4, Interval::H6).is_none());
    assert!(Aggregator::new(Interval::H1, Interval::H1).is_none());
    assert!(Aggregator::new(Interval::H1, Interval::M1).is_none());
    assert_eq!(Aggregator::new(Interval::D1, Interval::W1).map(|built| built.interval()), Some(Interval::W1));
}

#[test]
fn the_beginning_must_be_seen_and_the_end_must_be_over() {
    let minutes: Vec<_> = (1..14).map(|minute| candle(minute, 10.0 + minute as f64, 0.1)).collect();
    let buckets = run(Interval::M1, Interval::M5, &minutes);
    assert_eq!(buckets.len(), 1, "minutes 1 to 4 and 10 to 13 are no candle: {buckets:?}");
    assert_eq!((buckets[0].open_time_ms, buckets[0].missing), (5 * MINUTE_MS, 0));
    let [open, high, low, close, volume, quote, ..] = buckets[0].values;
    assert_eq!((open, high, low, close, volume), (15.0, 20.0, 14.0, 19.5, 0.5));
    assert!(quote.is_nan());
}

#[test]
fn missing_minutes_are_counted_and_empty_buckets_skipped() {
    // The second bucket lacks its end, the third is empty, the fourth has only its last minute.
    let minutes = [0, 1, 2, 3, 4, 5, 6, 19, 20].map(|minute| candle(minute, 5.0, 1.0));
    let buckets: Vec<_> =
        run(Interval::M1, Interval::M5, &minutes).iter().map(|b| (b.open_time_ms / MINUTE_MS, b.missing)).collect();
    assert_eq!(buckets, [(0, 0), (5, 3), (15, 4)]);
}

/// Adds decimals given as text, digit by digit: each is `whole.fraction` with eight places.
fn decimal_sum(hundred_millionths: &[u64]) -> f64 {
    let total: u128 = hundred_millionths.iter().map(|part| u128::from(*part)).sum();
    format!("{}.{:08}", total / 100_000_000, total % 100_000_000).parse().unwrap()
}

fn decimal(hundred_millionths: u64) -> f64 {
    format!("{}.{:08}", hundred_millionths / 100_000_000, hundred_millionths % 100_000_000).parse().unwrap()
}

proptest! {
    #[test]
    fn equals_a_naive_aggregation(
        interval in prop::sample::select(vec![Interval::M3, Interval::M5, Interval::M15, Interval::H1]),
        start in 0..100_i64,
        steps in prop::collection::vec((prop_oneof![6 => Just(1_i64), 1 => 2..80_i64], 1..1_000_000_u64, 0..1_000_000_000_000_000_u64), 1..200),
    ) {
        let mut minute = start + 600_000;
        let mut candles = Vec::new();
        for (step, price, volume) in &steps {
            minute += step;
            let price = *price as f64 / 100.0;
            candles.push((minute, *volume, [price, price * 1.5, price * 0.5, price * 1.25, decimal(*volume), decimal(volume / 3), f64::NAN, (volume % 1000) as f64]));
        }
        let buckets = run(Interval::M1, interval, &candles.iter().map(|(minute, _, values)| (minute * MINUTE_MS, *values)).collect::<Vec<_>>());

        let length = interval.as_ms() / MINUTE_MS;
        let (first, last) = (candles[0].0, candles[candles.len() - 1].0);
        let mut wanted = Vec::new();
        for bucket in first / length..=last / length {
            let inside: Vec<_> = candles.iter().filter(|(minute, ..)| minute / length == bucket).collect();
            let seen_whole = bucket * length >= first && (last + 1) >= (bucket + 1) * length;
            if inside.is_empty() || !seen_whole {
                continue;
            }
            let volumes: Vec<u64> = inside.iter().map(|(_, volume, _)| *volume).collect();
            let thirds: Vec<u64> = volumes.iter().map(|volume| volume / 3).collect();
            let values = [
                inside[0].2[0],
                inside.iter().map(|(.., values)| values[1]).fold(0.0, f64::max),
                inside.iter().map(|(.., values)| values[2]).fold(f64::INFINITY, f64::min),
                inside[inside.len() - 1].2[3],
                decimal_sum(&volumes),
                decimal_sum(&thirds),
                f64::NAN,
                inside.iter().map(|(.., values)| values[7]).sum(),
            ];
            wanted.push((bucket * length * MINUTE_MS, values.map(f64::to_bits), (length as usize - inside.len()) as u32));
        }
        let got: Vec<_> = buckets.iter().map(|bucket| (bucket.open_time_ms, bucket.values.map(f64::to_bits), bucket.missing)).collect();
        prop_assert_eq!(got, wanted);
    }
}
