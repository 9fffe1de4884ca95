use super::line_sums::{Line, LineSums};
use super::{check_at_least, usable};

/// Linear regression: the straight line that lies closest to the last `period` values.
///
/// Least squares of the values against their place `x` in the window, 0 at the oldest and `period - 1` at the newest:
/// `slope = sum of (x - mean x) * value / sum of (x - mean x)^2`, `intercept` is the line at the oldest value, `value` at the
/// newest. First value at index `period - 1`. Flat values give that value and slope 0, to within rounding of the value.
/// Equals TA-Lib `LINEARREG`, `LINEARREG_SLOPE`, `LINEARREG_INTERCEPT` and `LINEARREG_ANGLE`.
///
/// Cost per value: constant on average, whatever the period. The sums do not drift: they depend on the window alone.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::LinearRegression;
///
/// let mut line = LinearRegression::new(3);
/// assert_eq!(line.next(1.0), None);
/// assert_eq!(line.next(2.0), None);
/// let now = line.next(3.0).unwrap();
/// assert_eq!((now.value, now.slope, now.intercept), (3.0, 1.0, 1.0));
/// assert_eq!(now.angle(), 45.0);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct LinearRegression {
    sums: LineSums,
}

/// The line of [`LinearRegression`] at one candle.
///
/// ```
/// use vyx_sdk::indicators::LinearRegressionValue;
///
/// let line = LinearRegressionValue { value: 12.0, slope: -1.0, intercept: 14.0 };
/// assert_eq!(line.angle(), -45.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct LinearRegressionValue {
    /// The line at the newest value, in the unit of the values.
    pub value: f64,
    /// How much the line rises for each candle, in the unit of the values.
    pub slope: f64,
    /// The line at the oldest value of the window, in the unit of the values.
    pub intercept: f64,
}

impl LinearRegressionValue {
    /// The arc tangent of the slope in degrees, -90 to 90. It depends on the unit: half the price is another angle.
    #[must_use]
    pub fn angle(&self) -> f64 {
        // Not that of the machine, whose last bits are its own.
        libm::atan(self.slope) * (180.0 / std::f64::consts::PI)
    }
}

impl LinearRegression {
    /// A line through the last `period` values.
    ///
    /// # Panics
    ///
    /// If `period` is below 2.
    pub fn new(period: usize) -> Self {
        check_at_least("linear regression period", period, 2);
        Self { sums: LineSums::new(period) }
    }

    /// Takes the next value and returns the line through the last `period`, or `None` before there are that many.
    pub fn next(&mut self, value: f64) -> Option<LinearRegressionValue> {
        let line = if usable(value) { self.sums.take(value) } else { self.sums.value() };
        line.map(through)
    }

    /// The last line, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<LinearRegressionValue> {
        self.sums.value().map(through)
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.sums.period() - 1
    }
}

fn through(line: Line) -> LinearRegressionValue {
    let Line { period, sum, tilt } = line;
    let mean = sum / period;
    let slope = 6.0 * tilt / (period * (period * period - 1.0));
    let to_end = slope * ((period - 1.0) / 2.0);
    LinearRegressionValue { value: mean + to_end, slope, intercept: mean - to_end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_values_have_no_slope() {
        let mut line = LinearRegression::new(14);
        for _ in 0..100 {
            line.next(1e12 + 0.1);
        }
        let now = line.value().expect("warm");
        assert_eq!((now.slope, now.angle()), (0.0, 0.0));
        assert!((now.value / (1e12 + 0.1) - 1.0).abs() < 1e-15);
    }

    #[test]
    #[should_panic(expected = "linear regression period is 1: it must be at least 2")]
    fn period_one() {
        let _ = LinearRegression::new(1);
    }
}
