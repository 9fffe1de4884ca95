//! What a trader says of itself before it runs.

use crate::indicators::{MacdValue, StochRsiValue};

/// A kind of signal, declared as a constant and named in [`Trader::TAGS`](crate::Trader::TAGS).
///
/// ```
/// use vyx_sdk::Tag;
/// const BOUNCE: Tag = Tag::new("bounce", "RSI came back over the oversold line");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
}

impl Tag {
    /// `name` is `[a-z][a-z0-9-]*`, at most 40 bytes; the host refuses a trader with any other.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help }
    }

    /// The name that signals carry.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// Values for charts, declared as a constant and named in [`Trader::PLOTS`](crate::Trader::PLOTS).
///
/// ```
/// use vyx_sdk::Plot;
/// const RSI: Plot = Plot::new("rsi", "RSI").panel("rsi");
/// const MACD: Plot = Plot::new("macd", "MACD, signal, histogram").panel("macd").lines(3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plot {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) panel: &'static str,
    pub(crate) lines: u32,
}

impl Plot {
    /// A plot of one line over the candles. `id` is `[a-z][a-z0-9_-]*`, at most 40 bytes.
    #[must_use]
    pub const fn new(id: &'static str, title: &'static str) -> Self {
        Self { id, title, panel: "price", lines: 1 }
    }

    /// Draws it in the panel of that name instead of over the candles.
    #[must_use]
    pub const fn panel(self, panel: &'static str) -> Self {
        Self { panel, ..self }
    }

    /// Gives it several lines, 1 to 3.
    #[must_use]
    pub const fn lines(self, lines: u32) -> Self {
        Self { lines, ..self }
    }

    /// The id that charts know it by.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        self.id
    }
}

/// A value, or a few, to plot: `f64`, `Option<f64>` (`None` leaves a hole) or an array of either, one for each line; [`StochRsiValue`]
/// (K, D) and [`MacdValue`] (MACD, signal, histogram) and their `Option`s as well.
///
/// ```
/// use vyx_sdk::PlotValues;
///
/// let mut lines = [0.0; 2];
/// [Some(1.5), None].write(&mut lines);
/// assert!(lines[0] == 1.5 && lines[1].is_nan());
/// ```
pub trait PlotValues {
    /// Writes the values; what `to` has over stays a hole.
    fn write(self, to: &mut [f64]);
}

impl PlotValues for f64 {
    #[inline]
    fn write(self, to: &mut [f64]) {
        if let Some(slot) = to.first_mut() {
            *slot = self;
        }
    }
}

impl PlotValues for Option<f64> {
    #[inline]
    fn write(self, to: &mut [f64]) {
        self.unwrap_or(f64::NAN).write(to);
    }
}

impl<const N: usize> PlotValues for [f64; N] {
    #[inline]
    fn write(self, to: &mut [f64]) {
        for (slot, value) in to.iter_mut().zip(self) {
            *slot = value;
        }
    }
}

impl<const N: usize> PlotValues for [Option<f64>; N] {
    #[inline]
    fn write(self, to: &mut [f64]) {
        self.map(|value| value.unwrap_or(f64::NAN)).write(to);
    }
}

impl PlotValues for StochRsiValue {
    #[inline]
    fn write(self, to: &mut [f64]) {
        [self.k, self.d].write(to);
    }
}

impl PlotValues for MacdValue {
    #[inline]
    fn write(self, to: &mut [f64]) {
        [self.macd, self.signal, self.histogram].write(to);
    }
}

impl PlotValues for Option<StochRsiValue> {
    #[inline]
    fn write(self, to: &mut [f64]) {
        if let Some(value) = self {
            value.write(to);
        }
    }
}

impl PlotValues for Option<MacdValue> {
    #[inline]
    fn write(self, to: &mut [f64]) {
        if let Some(value) = self {
            value.write(to);
        }
    }
}
