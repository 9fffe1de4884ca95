//! What is long and what is short.

use std::mem;

use super::bar::Bar;

/// The longest period of a setting.
const LONGEST: usize = 10;
/// A size that is so much larger than all that follow it leaves its rounding error in their sum.
const FAR_LARGER: f64 = 1e6;

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
    /// The sum as TA-Lib keeps it, rounding errors and all: a size that is equal to the average in decimals is above or below
    /// it by these errors alone.
    total: f64,
}

impl Average {
    pub(super) fn new(setting: Setting, back: usize) -> Self {
        Self { setting, back, sizes: [0.0; LONGEST], position: 0, total: 0.0 }
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
        self.total += newest - oldest;
        if self.position == self.period() {
            self.position = 0;
            self.correct(bar);
        } else if oldest > FAR_LARGER * self.total {
            self.correct(bar);
        }
    }

    fn correct(&mut self, bar: &Bar) {
        let sum: f64 = self.sizes[..self.period()].iter().sum();
        // Far above the rounding of ordinary candles, far below what anybody could see.
        if (self.total - sum).abs() > 1e-9 * sum + 1e-12 * bar.close.abs() {
            self.total = sum;
        }
    }
}
