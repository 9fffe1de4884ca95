//! Every column of `columns.csv`, computed by the indicators.

use std::collections::BTreeMap;

use vyx_sdk::Candle;
use vyx_sdk::indicators::*;

#[derive(Debug)]
pub enum Found {
    Values(Vec<Option<f64>>),
    Whole(Vec<i64>),
}

/// The name of a column, and its number in a value.
type Column<T> = (&'static str, fn(&T) -> f64);

struct Columns<'a> {
    candles: &'a [Candle],
    found: BTreeMap<&'static str, Found>,
}

impl Columns<'_> {
    /// One column of numbers.
    fn add(&mut self, name: &'static str, warm_up: usize, next: impl FnMut(&Candle) -> Option<f64>) {
        self.each(Some(warm_up), next, [(name, |value: &f64| *value)]);
    }

    /// A column for each number of a value. The first has to come after `warm_up` candles, where an indicator names that.
    fn each<T, const N: usize>(
        &mut self,
        warm_up: Option<usize>,
        next: impl FnMut(&Candle) -> Option<T>,
        columns: [Column<T>; N],
    ) {
        let values: Vec<Option<T>> = self.candles.iter().map(next).collect();
        if let Some(warm_up) = warm_up {
            assert_eq!(values.iter().position(Option::is_some), Some(warm_up), "{}: warm-up", columns[0].0);
        }
        for (name, of) in columns {
            self.found.insert(name, Found::Values(values.iter().map(|value| value.as_ref().map(of)).collect()));
        }
    }

    fn whole(&mut self, name: &'static str, next: impl FnMut(&Candle) -> i64) {
        self.found.insert(name, Found::Whole(self.candles.iter().map(next).collect()));
    }
}

pub fn computed(candles: &[Candle]) -> BTreeMap<&'static str, Found> {
    let mut columns = Columns { candles, found: BTreeMap::new() };
    of_values(&mut columns);
    of_candles(&mut columns);
    without_talib(&mut columns);
    of_swings(&mut columns);
    of_patterns(&mut columns);
    columns.found
}

/// An indicator of one value a candle, under the name of its column.
macro_rules! of {
    ($columns:ident, $name:literal, $field:ident, $indicator:expr) => {
        let mut indicator = $indicator;
        $columns.add($name, indicator.warm_up(), |candle| indicator.next(candle.$field));
    };
}

fn of_values(columns: &mut Columns) {
    of!(columns, "sma_20", close, Sma::new(20));
    of!(columns, "ema_20", close, Ema::new(20));
    of!(columns, "wma_3", close, Wma::new(3));
    of!(columns, "wma_20", close, Wma::new(20));
    of!(columns, "dema_20", close, Dema::new(20));
    of!(columns, "tema_20", close, Tema::new(20));
    of!(columns, "hma_9", close, Hma::new(9));
    of!(columns, "hma_16", close, Hma::new(16));
    of!(columns, "std_dev_5", close, StdDev::new(5));
    of!(columns, "std_dev_20", close, StdDev::new(20));
    of!(columns, "roc_10", close, Roc::new(10));
    of!(columns, "momentum_10", close, Momentum::new(10));
    of!(columns, "rsi_14", close, Rsi::new(14));
    of!(columns, "highest_20", high, Highest::new(20));
    of!(columns, "lowest_20", low, Lowest::new(20));
    of!(columns, "volume_average_20", volume, VolumeAverage::new(20));
    let mut bands = Bollinger::new(20, 2.0);
    columns.each(
        Some(bands.warm_up()),
        |candle| bands.next(candle.close),
        [
            ("bollinger_upper", |now: &BollingerValue| now.upper),
            ("bollinger_middle", |now| now.middle),
            ("bollinger_lower", |now| now.lower),
        ],
    );
    let mut line = LinearRegression::new(14);
    columns.each(
        Some(line.warm_up()),
        |candle| line.next(candle.close),
        [
            ("linear_regression_value", |now: &LinearRegressionValue| now.value),
            ("linear_regression_slope", |now| now.slope),
            ("linear_regression_intercept", |now| now.intercept),
            ("linear_regression_angle", LinearRegressionValue::angle),
        ],
    );
    let mut stoch_rsi = StochRsi::new(14, 14, 3, 3);
    columns.each(
        Some(stoch_rsi.warm_up()),
        |candle| stoch_rsi.next(candle.close),
        [("stoch_rsi_k", |now: &StochRsiValue| now.k), ("stoch_rsi_d", |now| now.d)],
    );
    let mut macd = Macd::new(12, 26, 9);
    columns.each(
        Some(macd.warm_up()),
        |candle| macd.next(candle.close),
        [
            ("macd", |now: &MacdValue| now.macd),
            ("macd_signal", |now| now.signal),
            ("macd_histogram", |now| now.histogram),
        ],
    );
}

/// The same of the whole candle.
macro_rules! of_candle {
    ($columns:ident, $name:literal, $indicator:expr) => {
        let mut indicator = $indicator;
        $columns.add($name, indicator.warm_up(), |candle| indicator.next(candle));
    };
}

fn of_candles(columns: &mut Columns) {
    of_candle!(columns, "true_range", TrueRange::new());
    of_candle!(columns, "atr_14", Atr::new(14));
    of_candle!(columns, "cci_20", Cci::new(20));
    of_candle!(columns, "mfi_14", Mfi::new(14));
    of_candle!(columns, "williams_r_14", WilliamsR::new(14));
    of_candle!(columns, "obv", Obv::new());
    let mut di = Di::new(14);
    columns.each(
        Some(di.warm_up()),
        |candle| di.next(candle),
        [("plus_di_14", |now: &DiValue| now.plus), ("minus_di_14", |now| now.minus)],
    );
    let mut adx = Adx::new(14);
    columns.each(Some(adx.warm_up()), |candle| adx.next(candle), [("adx_14", |now: &AdxValue| now.adx)]);
    let mut slow = Stochastic::new(14, 3, 3);
    columns.each(
        Some(slow.warm_up()),
        |candle| slow.next(candle),
        [("stochastic_k", |now: &StochasticValue| now.k), ("stochastic_d", |now| now.d)],
    );
    let mut fast = Stochastic::fast(14, 3);
    columns.each(
        Some(fast.warm_up()),
        |candle| fast.next(candle),
        [("stochastic_fast_k", |now: &StochasticValue| now.k), ("stochastic_fast_d", |now| now.d)],
    );
    let mut sar = ParabolicSar::new(0.02, 0.2);
    columns.each(
        Some(sar.warm_up()),
        |candle| sar.next(candle),
        [("parabolic_sar", |now: &ParabolicSarValue| now.sar)],
    );
}

fn without_talib(columns: &mut Columns) {
    let mut keltner = Keltner::new(20, 10, 2.0);
    columns.each(
        Some(keltner.warm_up()),
        |candle| keltner.next(candle),
        [
            ("keltner_upper", |now: &KeltnerValue| now.upper),
            ("keltner_middle", |now| now.middle),
            ("keltner_lower", |now| now.lower),
        ],
    );
    let mut donchian = Donchian::new(20);
    columns.each(
        Some(donchian.warm_up()),
        |candle| donchian.next(candle),
        [
            ("donchian_upper", |now: &DonchianValue| now.upper),
            ("donchian_middle", |now| now.middle),
            ("donchian_lower", |now| now.lower),
        ],
    );
    let mut vwap = Vwap::new();
    columns.each(
        Some(vwap.warm_up()),
        |candle| vwap.next(candle),
        [("vwap", |now: &VwapValue| now.vwap), ("vwap_deviation", |now| now.deviation)],
    );
    let (mut anchored, mut row) = (AnchoredVwap::new(), 0);
    columns.each(
        Some(anchored.warm_up()),
        |candle| {
            if row % 1000 == 100 {
                anchored.anchor();
            }
            row += 1;
            anchored.next(candle)
        },
        [("anchored_vwap", |now: &VwapValue| now.vwap), ("anchored_vwap_deviation", |now| now.deviation)],
    );
    let mut supertrend = Supertrend::new(10, 3.0);
    columns.each(
        Some(supertrend.warm_up()),
        |candle| supertrend.next(candle),
        [("supertrend", |now: &SupertrendValue| now.line)],
    );
    let mut supertrend = Supertrend::new(10, 3.0);
    columns
        .whole("supertrend_rising", |candle| supertrend.next(candle).map_or(0, |now| if now.rising { 1 } else { -1 }));
    let mut ichimoku = Ichimoku::new(9, 26, 52, 26);
    columns.each(
        Some(ichimoku.warm_up()),
        |candle| ichimoku.next(candle),
        [
            ("ichimoku_conversion", |now: &IchimokuValue| now.conversion),
            ("ichimoku_base", |now| now.base),
            ("ichimoku_span_a", |now| now.span_a),
            ("ichimoku_span_b", |now| now.span_b),
            ("ichimoku_future_a", |now| now.future_a),
            ("ichimoku_future_b", |now| now.future_b),
            ("ichimoku_past_close", |now| now.past_close),
        ],
    );
    let mut points = PivotPoints::new();
    columns.each(
        None,
        |candle| points.next(candle),
        [
            ("pivot_points_pivot", |now: &PivotPointsValue| now.pivot),
            ("pivot_points_r1", |now| now.r1),
            ("pivot_points_s1", |now| now.s1),
            ("pivot_points_r2", |now| now.r2),
            ("pivot_points_s2", |now| now.s2),
            ("pivot_points_r3", |now| now.r3),
            ("pivot_points_s3", |now| now.s3),
        ],
    );
}

/// Where a swing is told, the number of its candle from 1; its value has to be that candle's.
fn of_swings(columns: &mut Columns) {
    let highs: Vec<f64> = columns.candles.iter().map(|candle| candle.high).collect();
    let lows: Vec<f64> = columns.candles.iter().map(|candle| candle.low).collect();
    let (mut swings, mut row) = (SwingHigh::new(3, 2), 0);
    columns.whole("swing_high", |candle| {
        row += 1;
        swings.next(candle.high).map_or(0, |high| {
            assert_eq!(high, highs[row - 3]);
            row as i64 - 2
        })
    });
    let (mut swings, mut row) = (SwingLow::new(3, 2), 0);
    columns.whole("swing_low", |candle| {
        row += 1;
        swings.next(candle.low).map_or(0, |low| {
            assert_eq!(low, lows[row - 3]);
            row as i64 - 2
        })
    });
    let mut divergence = RsiDivergence::new(14, 5, 5);
    columns.whole("rsi_divergence", |candle| match divergence.next(candle) {
        None => 0,
        Some(Divergence::Bullish) => 1,
        Some(Divergence::HiddenBullish) => 2,
        Some(Divergence::Bearish) => -1,
        Some(Divergence::HiddenBearish) => -2,
    });
}

fn of_patterns(columns: &mut Columns) {
    for pattern in Pattern::ALL {
        let mut looks = CandlePattern::new(pattern);
        columns.whole(pattern.talib_name(), |candle| looks.next(candle).map_or(0, |found| i64::from(found.talib())));
    }
}
