//! What is long and what is short.

use std::mem;

use super::super::sum::Sum;
use super::bar::Bar;

/// The longest period of a setting.
const LONGEST: usize = 10;

/// What a size is compared with: a share of the mean of some candles before it. The numbers are TA-Lib's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// Of a long body, and of one that is not short.
    Body,
    DojiBody,
    VeryShortShadow,
    Near,
    Far,
}

impl Setting {
    const fn period(self) -> usize {
        match self {
            Self::Body | Self::DojiBody | Self::VeryShortShadow => 10,
            Self::Near | Self::Far => 5,
        }
    }

    fn share(self) -> f64 {
        match self {
            Self::Body => 1.0,
            Self::DojiBody | Self::VeryShortShadow => 0.1,
            Self::Near => 0.2,
            Self::Far => 0.6,
        }
    }

    fn of(self, bar: &Bar) -> f64 {
        match self {
            Self::Body => bar.body(),
            Self::DojiBody | Self::VeryShortShadow | Self::Near | Self::Far => bar.height(),
        }
    }
}

/// One setting for the candle that is `back` candles before the newest.
#[derive(Debug, Clone)]
pub(super) struct Average {
    setting: Setting,
    back: usize,
    sizes: [f64; LONGEST],
    /// Of the oldest size, which the next one replaces.
    position: usize,
    full: bool,
    /// The sum as TA-Lib keeps it, rounding errors and all: a size that is equal to the average in decimals is above or below
    /// it by these errors alone.
    total: f64,
    exact: Sum,
}

impl Average {
    pub(super) fn new(setting: Setting, back: usize) -> Self {
        let exact = Sum::default();
        Self { setting, back, sizes: [0.0; LONGEST], position: 0, full: false, total: 0.0, exact }
    }

    pub(super) fn period(&self) -> usize {
        self.setting.period()
    }

    pub(super) fn value(&self) -> f64 {
        self.setting.share() * (self.total / self.period() as f64)
    }

    pub(super) fn take(&mut self, bars: &[Bar]) {
        let bar = &bars[self.back];
        let newest = self.setting.of(bar);
        let oldest = mem::replace(&mut self.sizes[self.position], newest);
        self.position += 1;
        self.exact.add(newest);
        if self.full {
            self.total += newest - oldest;
            self.exact.add(-oldest);
        } else {
            self.total += newest;
        }
        if self.position == self.period() {
            self.position = 0;
            self.full = true;
            self.exact = Sum::default();
            self.sizes[..self.period()].iter().for_each(|size| self.exact.add(*size));
        }
        // Far above the rounding of ordinary candles, far below what anybody could see.
        let exact = self.exact.get();
        if (self.total - exact).abs() > 1e-9 * exact + 1e-12 * bar.close.abs() {
            self.total = exact;
        }
    }
}
