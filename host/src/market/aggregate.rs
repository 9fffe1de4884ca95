//! Longer candles from shorter ones.

use super::candle::{Column, Values};
use super::decimal::DecimalSum;
use super::interval::Interval;

/// A finished longer candle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Open time of the longer candle.
    pub open_time_ms: i64,
    /// Its values.
    pub values: Values,
    /// How many base candles are missing in it.
    pub missing: u32,
}

/// Builds the candles of one longer interval of one symbol from its base candles.
///
/// The bucket that the first base candle falls into is dropped unless that candle opens it, since its beginning was never
/// seen. The last one is given only when it is complete, or when a later base candle proves that it is over.
#[derive(Clone, Debug)]
pub struct Aggregator {
    base: Interval,
    interval: Interval,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// No base candle so far.
    New,
    /// Waiting for the end of the bucket that opened at this time and was not seen from its start.
    Dropping(i64),
    Forming(Box<Forming>),
    /// The bucket that opened at this time is done.
    Done(i64),
}

#[derive(Clone, Debug, Default)]
struct Forming {
    open_time_ms: i64,
    prices: [f64; 4],
    /// Volume, quote volume, taker volume, trades.
    sums: [DecimalSum; 4],
    candles: u32,
}

impl Aggregator {
    /// One that builds `interval` out of `base`; none if it cannot be built.
    pub fn new(base: Interval, interval: Interval) -> Option<Self> {
        base.divides(interval).then_some(Self { base, interval, state: State::New })
    }

    /// The interval that it builds.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// Takes the next base candle and gives what is finished by it, in order: the bucket before it, if it was still open, and
    /// its own, if it is the last of it. Base candles come in order of time.
    pub fn push(&mut self, open_time_ms: i64, values: &Values, mut give: impl FnMut(Bucket)) {
        let bucket_ms = self.interval.open_of(open_time_ms);
        match &mut self.state {
            State::Forming(forming) if forming.open_time_ms == bucket_ms => forming.add(values),
            State::Forming(forming) => {
                give(forming.bucket(self.base, self.interval));
                forming.start(bucket_ms, values);
            }
            State::Dropping(dropped_ms) | State::Done(dropped_ms) if *dropped_ms == bucket_ms => {
                return;
            }
            State::New if open_time_ms != bucket_ms => {
                self.state = State::Dropping(bucket_ms);
                return;
            }
            State::New | State::Dropping(_) | State::Done(_) => {
                let mut forming = Box::<Forming>::default();
                forming.start(bucket_ms, values);
                self.state = State::Forming(forming);
            }
        }
        let is_last = self.base.close_of(open_time_ms) >= self.interval.close_of(bucket_ms);
        if is_last && let State::Forming(forming) = &self.state {
            give(forming.bucket(self.base, self.interval));
            self.state = State::Done(bucket_ms);
        }
    }
}

impl Forming {
    fn start(&mut self, open_time_ms: i64, values: &Values) {
        let [open, high, low, close, ..] = *values;
        self.open_time_ms = open_time_ms;
        self.prices = [open, high, low, close];
        self.candles = 0;
        self.sums.iter_mut().for_each(DecimalSum::clear);
        self.add(values);
    }

    fn add(&mut self, values: &Values) {
        let [_, base_high, base_low, base_close, amounts @ ..] = values;
        let [_, high, low, close] = &mut self.prices;
        *high = high.max(*base_high);
        *low = low.min(*base_low);
        *close = *base_close;
        for (sum, amount) in self.sums.iter_mut().zip(amounts) {
            sum.add(*amount);
        }
        self.candles += 1;
    }

    fn bucket(&self, base: Interval, interval: Interval) -> Bucket {
        let mut values = [f64::NAN; Column::ALL.len()];
        let (prices, amounts) = values.split_at_mut(self.prices.len());
        prices.copy_from_slice(&self.prices);
        for (amount, sum) in amounts.iter_mut().zip(&self.sums) {
            *amount = sum.value();
        }
        let whole = (interval.as_ms() / base.as_ms()) as u32;
        Bucket { open_time_ms: self.open_time_ms, values, missing: whole.saturating_sub(self.candles) }
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
