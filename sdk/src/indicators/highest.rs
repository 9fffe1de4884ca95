use super::queue::Queue;
use super::{check_period, usable};

/// Up to this period all values of the window are compared for each new one: without a branch to mispredict that takes
/// half the time of the queue.
const SHORT: usize = 32;

/// Highest of the last `period` values, the one just given included.
///
/// Unit: that of the values. First value at index `period - 1`. Flat values give that value. Equals TA-Lib `MAX`.
///
/// For a breakout above the candles before this one, take [`value`](Self::value) before [`next`](Self::next).
///
/// Cost per value: constant on average, by a monotonic queue; windows of up to 32 are searched, which is faster there.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Highest;
///
/// let mut highest = Highest::new(3);
/// assert_eq!(highest.next(5.0), None);
/// assert_eq!(highest.next(9.0), None);
/// assert_eq!(highest.next(4.0), Some(9.0));
/// assert_eq!(highest.next(3.0), Some(9.0));
/// assert_eq!(highest.next(2.0), Some(4.0)); // the 9 has left the window
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Highest {
    period: usize,
    /// Values that are missing until warm.
    missing: usize,
    window: Window,
    value: Option<f64>,
}

#[derive(Debug, Clone)]
enum Window {
    /// A ring of the last `period - 1` values; the place for the next one, at `position`, is minus infinity. So the
    /// search comes before the value is written and waits neither for the value nor for the write.
    Short {
        ring: Box<[f64]>,
        position: usize,
    },
    Long(Queue),
}

impl Highest {
    /// The highest of `period` values.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("highest period", period);
        let window = if period <= SHORT {
            let ring = vec![f64::NEG_INFINITY; period].into_boxed_slice();
            Window::Short { ring, position: 0 }
        } else {
            Window::Long(Queue::new(period))
        };
        Self { period, missing: period, window, value: None }
    }

    /// Takes the next value and returns the highest of the last `period`, or `None` before there are that many.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if !usable(value) {
            return self.value;
        }
        let highest = match &mut self.window {
            Window::Short { ring, position } => {
                let highest = higher(search(ring), value);
                ring[*position] = value;
                *position += 1;
                if *position == ring.len() {
                    *position = 0;
                }
                ring[*position] = f64::NEG_INFINITY;
                highest
            }
            Window::Long(queue) => {
                queue.push(value);
                queue.highest()
            }
        };
        self.missing = self.missing.saturating_sub(1);
        if self.missing == 0 {
            self.value = Some(highest);
        }
        self.value
    }

    /// The last highest value, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.period - 1
    }
}

/// The highest of some values, in four lanes, so that a comparison need not wait for the one before.
fn search(values: &[f64]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 4];
    let (chunks, rest) = values.as_chunks::<4>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = higher(*lane, value);
        }
    }
    let highest = lanes.into_iter().fold(f64::NEG_INFINITY, higher);
    rest.iter().copied().fold(highest, higher)
}

/// `f64::max` without its rule for NaN, which costs instructions and cannot apply: no NaN enters a window.
fn higher(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn period_one_is_the_value() {
        let mut highest = Highest::new(1);
        assert_eq!(highest.next(2.0), Some(2.0));
        assert_eq!(highest.next(-1.0), Some(-1.0));
    }

    #[test]
    fn unusable_values_change_nothing() {
        let mut highest = Highest::new(2);
        assert_eq!(highest.next(f64::INFINITY), None);
        assert_eq!(highest.next(1.0), None);
        assert_eq!(highest.next(f64::NAN), None);
        assert_eq!(highest.next(0.0), Some(1.0));
        assert_eq!(highest.next(f64::INFINITY), Some(1.0));
        assert_eq!(highest.next(0.5), Some(0.5));
    }

    #[test]
    #[should_panic(expected = "highest period is 0")]
    fn period_zero() {
        let _ = Highest::new(0);
    }
}
