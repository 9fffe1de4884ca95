//! Indicators: fed one value per candle, no window handed around, nothing recomputed.
//!
//! ```
//! use vyx_sdk::indicators::{CrossUnder, Rsi};
//!
//! let mut rsi = Rsi::new(14);
//! let mut oversold = CrossUnder::new();
//! for minute in 0..100 {
//!     let close = 100.0 + (f64::from(minute) * 0.7).sin();
//!     let Some(rsi) = rsi.next(close) else { continue }; // not warm yet
//!     if oversold.next(rsi, 30.0) {
//!         // emit a signal
//!     }
//! }
//! ```
//!
//! # Rules that hold for all of them
//!
//! - `next` takes the value of one closed candle and returns `None` until the indicator is warm. `value` returns what
//!   the last `next` returned. There is no placeholder such as 0 or NaN during warm-up, so nothing can compare against
//!   one.
//! - `warm_up` is the number of candles that return `None`, which is the index of the first value counted from 0, which
//!   is what TA-Lib calls lookback. Values, seeding and first index are those of TA-Lib; the golden tests hold them at
//!   1e-9 (`|a - b| / max(1, |b|)`).
//! - **A value that is no usable number is ignored**: NaN, an infinity, or a magnitude above 1e100 (so that no sum in
//!   here can overflow). State stays as it was, the candle does not count, and `next` returns the last value. In TA-Lib
//!   one NaN makes SMA and EMA NaN for ever and RSI 0 for ever, which reads as oversold.
//! - Memory is allocated in `new` only. A clone is an independent copy.
//! - State is a function of the values alone: the same values give the same bits on every machine.
//!
//! # First value and flat prices
//!
//! | indicator | first value at index | after flat prices only |
//! |---|---|---|
//! | [`Sma`], [`VolumeAverage`], [`Highest`], [`Lowest`] | `period - 1` | the price (volume) |
//! | [`Ema`] | `period - 1` | the price |
//! | [`Rsi`] | `period` | 0 |
//! | [`StochRsi`] | `rsi + stoch + k + d - 3` | 0 and 0 |
//! | [`Macd`] | `slow + signal - 2` | 0, 0 and 0 |
//! | [`Cross`] | the second value, at the earliest | none |
//!
//! # How much warm-up to declare
//!
//! A window ([`Sma`], [`Highest`]) is complete at its first value. [`Ema`], [`Rsi`] and what is built on them also
//! carry the values before it: started later on the same candles, they differ at first and converge. A start `n`
//! candles earlier leaves, measured against a start at the beginning: RSI(14) 1e-6 at n = 250 and 3e-14 at 500;
//! EMA(200) 2e-3 at 250 and 7e-7 at 1000. Declare 1000 candles unless there is a reason for less.

mod cross;
mod ema;
mod extremes;
mod highest;
mod lowest;
mod macd;
mod rsi;
mod sma;
mod stoch_rsi;
mod sum;
mod volume_average;

#[cfg(test)]
mod properties;

pub use cross::{Cross, CrossOver, CrossUnder, Crossing};
pub use ema::Ema;
pub use highest::Highest;
pub use lowest::Lowest;
pub use macd::{Macd, MacdValue};
pub use rsi::Rsi;
pub use sma::Sma;
pub use stoch_rsi::{StochRsi, StochRsiValue};
pub use volume_average::VolumeAverage;

/// Largest magnitude that counts as a value. No price comes near it, and sums and products of a window stay finite.
const LARGEST: f64 = 1e100;

/// Whether a value may enter an indicator. The comparison is false for NaN too.
#[inline]
fn usable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// Stops at construction, where the message can name the parameter, and not at the first candle.
fn check_period(name: &str, period: usize) {
    assert!(period > 0, "{name} is 0: it counts candles and must be at least 1");
}

/// A period in the room that it needs: states are read by the thousand. Nobody waits for more candles than that.
fn narrow(period: usize) -> u32 {
    u32::try_from(period).unwrap_or(u32::MAX)
}
