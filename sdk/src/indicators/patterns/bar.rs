//! The parts of a candle.

use crate::Candle;

/// The prices of a candle.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bar {
    pub(super) open: f64,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) close: f64,
}

impl Bar {
    pub(super) fn of(candle: &Candle) -> Self {
        Self { open: candle.open, high: candle.high, low: candle.low, close: candle.close }
    }

    pub(super) fn white(&self) -> bool {
        self.close >= self.open
    }

    /// 1 if white, -1 if black.
    pub(super) fn sign(&self) -> i8 {
        if self.white() { 1 } else { -1 }
    }

    pub(super) fn top(&self) -> f64 {
        if self.white() { self.close } else { self.open }
    }

    pub(super) fn bottom(&self) -> f64 {
        if self.white() { self.open } else { self.close }
    }

    pub(super) fn body(&self) -> f64 {
        (self.close - self.open).abs()
    }

    pub(super) fn height(&self) -> f64 {
        self.high - self.low
    }

    pub(super) fn upper_shadow(&self) -> f64 {
        self.high - self.top()
    }

    pub(super) fn lower_shadow(&self) -> f64 {
        self.bottom() - self.low
    }

    /// Whether its body lies above that of the other, with a gap between them.
    pub(super) fn body_above(&self, other: &Self) -> bool {
        self.bottom() > other.top()
    }

    pub(super) fn body_below(&self, other: &Self) -> bool {
        self.top() < other.bottom()
    }
}
