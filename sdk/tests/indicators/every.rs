//! Every indicator behind one interface, to hold all of them to the same rules.

use vyx_sdk::Candle;
use vyx_sdk::indicators::*;

pub trait Indicator {
    /// All numbers of the value at this candle.
    fn next(&mut self, candle: &Candle) -> Option<Vec<f64>>;
    /// What `value` says, where it says what the last `next` returned.
    fn value(&self) -> Option<Option<Vec<f64>>>;
    fn copy(&self) -> Box<dyn Indicator>;
    fn name(&self) -> &'static str;
    /// Index of the first value, or of the first possible one.
    fn warm_up(&self) -> usize;
    /// Whether a candle may have none after that.
    fn is_event(&self) -> bool;
}

#[derive(Clone)]
struct Wrapped<I, V> {
    indicator: I,
    name: &'static str,
    warm_up: usize,
    event: bool,
    next: fn(&mut I, &Candle) -> Option<V>,
    value: Option<fn(&I) -> Option<V>>,
    numbers: fn(V) -> Vec<f64>,
}

impl<I: Clone + 'static, V: Clone + 'static> Indicator for Wrapped<I, V> {
    fn next(&mut self, candle: &Candle) -> Option<Vec<f64>> {
        (self.next)(&mut self.indicator, candle).map(self.numbers)
    }

    fn value(&self) -> Option<Option<Vec<f64>>> {
        self.value.map(|value| value(&self.indicator).map(self.numbers))
    }

    fn copy(&self) -> Box<dyn Indicator> {
        Box::new(self.clone())
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn warm_up(&self) -> usize {
        self.warm_up
    }

    fn is_event(&self) -> bool {
        self.event
    }
}

/// An indicator of one price of the candle.
macro_rules! of {
    ($indicator:expr, $type:ident, $field:ident, $numbers:expr) => {{
        let indicator = $indicator;
        Box::new(Wrapped {
            name: stringify!($type),
            warm_up: indicator.warm_up(),
            event: false,
            next: |indicator: &mut $type, candle| indicator.next(candle.$field),
            value: Some(|indicator: &$type| indicator.value()),
            numbers: $numbers,
            indicator,
        })
    }};
}

/// One of the whole candle.
macro_rules! of_candle {
    ($indicator:expr, $type:ident, $numbers:expr) => {{
        let indicator = $indicator;
        Box::new(Wrapped {
            name: stringify!($type),
            warm_up: indicator.warm_up(),
            event: false,
            next: |indicator: &mut $type, candle| indicator.next(candle),
            value: Some(|indicator: &$type| indicator.value()),
            numbers: $numbers,
            indicator,
        })
    }};
}

/// All of them, with periods around `n`.
pub fn every(n: usize) -> Vec<Box<dyn Indicator>> {
    let mut found: Vec<Box<dyn Indicator>> = vec![
        of!(Sma::new(n), Sma, close, |v| vec![v]),
        of!(Ema::new(n), Ema, close, |v| vec![v]),
        of!(Wma::new(n), Wma, close, |v| vec![v]),
        of!(Dema::new(n), Dema, close, |v| vec![v]),
        of!(Tema::new(n), Tema, close, |v| vec![v]),
        of!(Hma::new(n + 1), Hma, close, |v| vec![v]),
        of!(Rsi::new(n), Rsi, close, |v| vec![v]),
        of!(StochRsi::new(n, n, 3, 3), StochRsi, close, |v| vec![v.k, v.d]),
        of!(Macd::new(n, 2 * n, n), Macd, close, |v| vec![v.macd, v.signal, v.histogram]),
        of!(StdDev::new(n), StdDev, close, |v| vec![v]),
        of!(Bollinger::new(n, 2.0), Bollinger, close, |v| vec![v.upper, v.middle, v.lower, v.percent_b(v.middle)]),
        of!(LinearRegression::new(n + 1), LinearRegression, close, |v| vec![v.value, v.slope, v.intercept, v.angle()]),
        of!(Roc::new(n), Roc, close, |v| vec![v]),
        of!(Momentum::new(n), Momentum, close, |v| vec![v]),
        of!(Highest::new(n), Highest, high, |v| vec![v]),
        of!(Lowest::new(n), Lowest, low, |v| vec![v]),
        of!(VolumeAverage::new(n), VolumeAverage, volume, |v| vec![v]),
        of_candle!(TrueRange::new(), TrueRange, |v| vec![v]),
        of_candle!(Atr::new(n), Atr, |v| vec![v]),
        of_candle!(Di::new(n), Di, |v| vec![v.plus, v.minus]),
        of_candle!(Adx::new(n), Adx, |v| vec![v.adx, v.plus_di, v.minus_di]),
        of_candle!(Stochastic::new(n, 3, 3), Stochastic, |v| vec![v.k, v.d]),
        of_candle!(WilliamsR::new(n), WilliamsR, |v| vec![v]),
        of_candle!(Cci::new(n + 1), Cci, |v| vec![v]),
        of_candle!(Mfi::new(n), Mfi, |v| vec![v]),
        of_candle!(Obv::new(), Obv, |v| vec![v]),
        of_candle!(ParabolicSar::new(0.02, 0.2), ParabolicSar, |v| vec![v.sar, f64::from(u8::from(v.rising))]),
        of_candle!(Keltner::new(n, n, 2.0), Keltner, |v| vec![v.upper, v.middle, v.lower]),
        of_candle!(Donchian::new(n), Donchian, |v| vec![v.upper, v.middle, v.lower]),
        of_candle!(Supertrend::new(n, 3.0), Supertrend, |v| vec![v.line, f64::from(u8::from(v.rising))]),
        of_candle!(Ichimoku::new(n, n, 2 * n, n), Ichimoku, |v| vec![
            v.conversion,
            v.base,
            v.span_a,
            v.span_b,
            v.future_a,
            v.future_b,
            v.past_close
        ]),
        of_candle!(Vwap::new(), Vwap, |v| vec![v.vwap, v.deviation, v.upper(2.0), v.lower(2.0)]),
        of_candle!(AnchoredVwap::new(), AnchoredVwap, |v| vec![v.vwap, v.deviation]),
        Box::new(Wrapped {
            indicator: PivotPoints::new(),
            name: "PivotPoints",
            warm_up: 1,
            event: true,
            next: |indicator: &mut PivotPoints, candle| indicator.next(candle),
            value: Some(|indicator: &PivotPoints| indicator.value()),
            numbers: |v| vec![v.pivot, v.r1, v.s1, v.r2, v.s2, v.r3, v.s3],
        }),
        Box::new(Wrapped {
            indicator: SwingHigh::new(n, 2),
            name: "SwingHigh",
            warm_up: n + 2,
            event: true,
            next: |indicator: &mut SwingHigh, candle| indicator.next(candle.high),
            value: None,
            numbers: |v| vec![v],
        }),
        Box::new(Wrapped {
            indicator: SwingLow::new(n, 2),
            name: "SwingLow",
            warm_up: n + 2,
            event: true,
            next: |indicator: &mut SwingLow, candle| indicator.next(candle.low),
            value: None,
            numbers: |v| vec![v],
        }),
        Box::new(Wrapped {
            indicator: RsiDivergence::new(n, 2, 2).within(1, 50),
            name: "RsiDivergence",
            warm_up: n + 4,
            event: true,
            next: |indicator: &mut RsiDivergence, candle| indicator.next(candle),
            value: None,
            numbers: |v| vec![f64::from(v as u8)],
        }),
    ];
    for pattern in Pattern::ALL {
        let indicator = CandlePattern::new(pattern);
        found.push(Box::new(Wrapped {
            name: pattern.talib_name(),
            warm_up: indicator.warm_up(),
            event: true,
            next: |indicator: &mut CandlePattern, candle| indicator.next(candle),
            value: Some(CandlePattern::value),
            numbers: |v| vec![f64::from(v.talib())],
            indicator,
        }));
    }
    found
}
