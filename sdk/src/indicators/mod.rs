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
//! - `next` takes one closed candle, or a value of it, and returns `None` until the indicator is warm. `value` returns what
//!   the last `next` returned (of swings, the last one that is known). There is no placeholder such as 0 or NaN during
//!   warm-up, so nothing can compare against one.
//! - `warm_up` is the number of candles that return `None`, which is the index of the first value counted from 0, which
//!   is what TA-Lib calls lookback. Values, seeding and first index are those of TA-Lib where it has the indicator; the golden
//!   tests hold them at 1e-9, on 51,000 real candles and on those that break things. `docs/indicators.md` has what they measured.
//! - **A value that is no usable number is ignored**: NaN, an infinity, or a magnitude above 1e100 (so that no sum in
//!   here can overflow); of a candle, one such price is enough. State stays as it was, the candle does not count, and `next`
//!   returns the last value; what tells events (crosses, swings, patterns) then tells none. In TA-Lib one NaN makes SMA and
//!   EMA NaN for ever and RSI 0 for ever, which reads as oversold.
//! - Memory is allocated in `new` only. A clone is an independent copy.
//! - State is a function of the values alone: the same values give the same bits on every machine.
//! - Nothing looks ahead: swings and divergences are told at the candle that confirms them.
//!
//! # First value and flat prices
//!
//! | indicator | first value at index | after flat prices only |
//! |---|---|---|
//! | [`Sma`], [`Wma`], [`VolumeAverage`], [`Highest`], [`Lowest`], [`Donchian`] | `period - 1` | the price (volume) |
//! | [`Ema`], [`Dema`], [`Tema`] | `period - 1`, two and three times that | the price |
//! | [`Hma`] | `period + root - 2` | the price |
//! | [`Bollinger`], [`StdDev`] | `period - 1` | the price; 0 |
//! | [`Keltner`] | `period - 1` or `atr_period`, the later | the price |
//! | [`LinearRegression`] | `period - 1` | the price, slope 0 |
//! | [`Rsi`] | `period` | 0 |
//! | [`StochRsi`] | `rsi + stoch + k + d - 3` | 0 and 0 |
//! | [`Macd`] | `slow + signal - 2` | 0, 0 and 0 |
//! | [`Stochastic`] | `period + k + d - 3` | 0 and 0 |
//! | [`WilliamsR`], [`Cci`] | `period - 1` | 0 |
//! | [`Mfi`] | `period` | 0; without volume as well |
//! | [`Roc`], [`Momentum`] | `period` | 0 |
//! | [`Obv`] | 0 | the first volume |
//! | [`Vwap`], [`AnchoredVwap`] | 0 | the price, deviation 0; without volume as well |
//! | [`TrueRange`], [`Atr`] | 1, `period` | 0 |
//! | [`Di`], [`Adx`] | `period`, `2 * period - 1` | 0 |
//! | [`Supertrend`], [`ParabolicSar`] | `period`, 1 | the price |
//! | [`Ichimoku`] | `span - 1 + displacement` | the price |
//! | [`PivotPoints`] | after the first whole session | the price |
//! | [`SwingHigh`], [`SwingLow`], [`RsiDivergence`] | when the first is confirmed | none |
//! | [`CandlePattern`] | 2 to 13, by pattern | a doji and no other |
//! | [`Cross`] | the second value, at the earliest | none |
//!
//! # How much warm-up to declare
//!
//! A window ([`Sma`], [`Highest`]) is complete at its first value. [`Ema`], [`Rsi`], [`Atr`] and what is built on them also
//! carry the values before it: started later on the same candles, they differ at first and converge. A start `n`
//! candles earlier leaves, measured against a start at the beginning: RSI(14) 1e-6 at n = 250 and 3e-14 at 500;
//! EMA(200) 2e-3 at 250 and 7e-7 at 1000. Declare 1000 candles unless there is a reason for less.

mod adx;
mod atr;
mod bollinger;
mod cci;
mod cross;
mod dema;
mod donchian;
mod ema;
mod extremes;
mod highest;
mod hma;
mod ichimoku;
mod keltner;
mod line_sums;
mod linear_regression;
mod lowest;
mod macd;
mod mfi;
mod obv;
mod parabolic_sar;
mod patterns;
mod pivot_points;
mod roc;
mod rsi;
mod rsi_divergence;
mod session;
mod sma;
mod std_dev;
mod stoch_rsi;
mod stochastic;
mod sum;
mod supertrend;
mod swings;
mod volume_average;
mod vwap;
mod wma;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod test_candles;

pub use adx::{Adx, AdxValue, Di, DiValue};
pub use atr::{Atr, TrueRange};
pub use bollinger::{Bollinger, BollingerValue};
pub use cci::Cci;
pub use cross::{Cross, CrossOver, CrossUnder, Crossing};
pub use dema::{Dema, Tema};
pub use donchian::{Donchian, DonchianValue};
pub use ema::Ema;
pub use highest::Highest;
pub use hma::Hma;
pub use ichimoku::{Ichimoku, IchimokuValue};
pub use keltner::{Keltner, KeltnerValue};
pub use linear_regression::{LinearRegression, LinearRegressionValue};
pub use lowest::Lowest;
pub use macd::{Macd, MacdValue};
pub use mfi::Mfi;
pub use obv::Obv;
pub use parabolic_sar::{ParabolicSar, ParabolicSarValue};
pub use patterns::{Bias, CandlePattern, Pattern, PatternMatch};
pub use pivot_points::{PivotPoints, PivotPointsValue};
pub use roc::{Momentum, Roc};
pub use rsi::Rsi;
pub use rsi_divergence::{Divergence, RsiDivergence};
pub use sma::Sma;
pub use std_dev::StdDev;
pub use stoch_rsi::{StochRsi, StochRsiValue};
pub use stochastic::{Stochastic, StochasticValue, WilliamsR};
pub use supertrend::{Supertrend, SupertrendValue};
pub use swings::{SwingHigh, SwingLow};
pub use volume_average::VolumeAverage;
pub use vwap::{AnchoredVwap, Vwap, VwapValue};
pub use wma::Wma;

use crate::Candle;

/// Compiles what the documentation shows.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/indicators.md")]
mod documentation {}

/// Largest magnitude that counts as a value. No price comes near it, and sums and products of a window stay finite.
const LARGEST: f64 = 1e100;

/// Whether a value may enter an indicator. The comparison is false for NaN too.
#[inline]
fn usable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// Whether the prices of a candle may enter an indicator.
#[inline]
fn usable_candle(candle: &Candle) -> bool {
    // Without a branch for each: all of them are usable, as a rule.
    usable(candle.open) & usable(candle.high) & usable(candle.low) & usable(candle.close)
}

/// Whether a volume may: as a weight it must not be negative.
#[inline]
fn usable_volume(volume: f64) -> bool {
    (0.0..=LARGEST).contains(&volume)
}

/// Whether a difference is nothing but the rounding of two numbers whose sum is `scale`. TA-Lib draws the line there too.
#[inline]
fn vanishes(difference: f64, scale: f64) -> bool {
    difference.abs() <= 1e-14 * scale
}

#[inline]
fn typical_price(candle: &Candle) -> f64 {
    (candle.high + candle.low + candle.close) / 3.0
}

/// Stops at construction, where the message can name the parameter, and not at the first candle.
fn check_period(name: &str, period: usize) {
    assert!(period > 0, "{name} is 0: it counts candles and must be at least 1");
}

/// [`check_period`] of those that need more candles.
fn check_at_least(name: &str, period: usize, least: usize) {
    assert!(period >= least, "{name} is {period}: it must be at least {least}");
}

/// The same for a factor, which is a number from 0 on.
fn check_factor(name: &str, factor: f64) {
    assert!((0.0..=LARGEST).contains(&factor), "{name} is {factor}: it must be finite and not negative");
}

/// A period in the room that it needs: states are read by the thousand. Nobody waits for more candles than that.
fn narrow(period: usize) -> u32 {
    u32::try_from(period).unwrap_or(u32::MAX)
}
