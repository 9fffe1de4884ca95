//! The highest and the lowest of a window.

use super::narrow;

/// Windows up to this period lie in the indicator itself and are searched. 14 is the usual period of oscillators. States are read
/// by the thousand, so each line of memory that one of them takes costs more than the search does.
const SHORT: usize = 14;

/// The highest and the lowest of the last `period` values.
#[derive(Debug, Clone)]
pub(super) struct Extremes {
    period: u32,
    /// Values that are missing until warm.
    missing: u32,
    /// The oldest value, which the next one replaces.
    position: u32,
    window: Window,
}

#[derive(Debug, Clone)]
enum Window {
    /// A ring of the last `period - 1` values; the place for the next one holds the newest a second time. So the search
    /// comes before the value is written and waits neither for the value nor for the write.
    Short([f64; SHORT]),
    Long(Box<Turns>),
}

/// The highest of one series and the lowest of another, such as highs and lows, over the last `period` candles.
#[derive(Debug, Clone)]
pub(super) struct Range {
    position: usize,
    warm: bool,
    last: Both,
    turns: Turns,
}

impl Range {
    pub(super) fn new(period: usize) -> Self {
        Self { position: 0, warm: false, last: Both::NONE, turns: Turns::new(period) }
    }

    /// Takes the next pair; `None` before there are `period` of them.
    pub(super) fn next(&mut self, highest: f64, lowest: f64) -> Option<Both> {
        self.last = self.turns.next(self.position, Both { highest, lowest });
        self.position += 1;
        if self.position == self.turns.places.len() {
            self.position = 0;
            self.warm = true;
        }
        self.value()
    }

    pub(super) fn value(&self) -> Option<Both> {
        self.warm.then_some(self.last)
    }

    pub(super) fn period(&self) -> usize {
        self.turns.places.len()
    }
}

/// The highest and the lowest value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Both {
    pub(super) highest: f64,
    pub(super) lowest: f64,
}

impl Extremes {
    pub(super) fn new(period: usize) -> Self {
        // A ring of one has no room for the value before.
        let window = if (2..=SHORT).contains(&period) {
            Window::Short([0.0; SHORT])
        } else {
            Window::Long(Box::new(Turns::new(period)))
        };
        Self { period: narrow(period), missing: narrow(period), position: 0, window }
    }

    /// Takes the next value; `None` before there are `period` of them.
    #[inline]
    pub(super) fn next(&mut self, value: f64) -> Option<Both> {
        let position = self.position as usize;
        self.position = if self.position + 1 < self.period { self.position + 1 } else { 0 };
        let both = match &mut self.window {
            Window::Short(ring) => {
                // Its length known, the search is unrolled; a trader's loops look at the clock at each turn.
                let both =
                    if self.period as usize == SHORT { search(ring) } else { search(&ring[..self.period as usize]) };
                ring[position] = value;
                ring[self.position as usize] = value;
                both.with(Both::of(value))
            }
            Window::Long(turns) => turns.next(position, Both::of(value)),
        };
        self.missing = self.missing.saturating_sub(1);
        (self.missing == 0).then_some(both)
    }

    pub(super) fn period(&self) -> usize {
        self.period as usize
    }
}

/// In two lanes, so that a comparison need not wait for the one before.
#[inline]
fn search(values: &[f64]) -> Both {
    let (pairs, rest) = values.as_chunks::<2>();
    let (mut first, mut second) = (Both::NONE, Both::NONE);
    for pair in pairs {
        first = first.with(Both::of(pair[0]));
        second = second.with(Both::of(pair[1]));
    }
    rest.iter().fold(first.with(second), |both, value| both.with(Both::of(*value)))
}

/// `f64::max` without its rule for NaN, which costs a call and cannot apply: no NaN enters a window. Written as "less
/// than" it becomes one instruction of the processor; of "greater than" Cranelift makes a branch.
#[inline]
pub(super) fn higher(a: f64, b: f64) -> f64 {
    if a < b { b } else { a }
}

#[inline]
pub(super) fn lower(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// A long window, cut into turns of one period. It is the end of the turn before and the beginning of this one, so its highest is
/// the higher of two: that since this turn began, and that from some place to the end of the turn before, which is worked out
/// for all places when a turn ends. So the cost per value is constant on average, whatever the period.
#[derive(Debug, Clone)]
struct Turns {
    so_far: Both,
    /// The values of this turn, and after them those from that place to the end of the turn before.
    places: Vec<Both>,
}

impl Turns {
    fn new(period: usize) -> Self {
        Self { so_far: Both::NONE, places: vec![Both::NONE; period] }
    }

    #[inline(never)]
    fn next(&mut self, position: usize, newest: Both) -> Both {
        let so_far = self.so_far.with(newest);
        self.places[position] = newest;
        if let Some(before) = self.places.get(position + 1) {
            self.so_far = so_far;
            return so_far.with(*before);
        }
        let mut to_end = Both::NONE;
        for place in self.places.iter_mut().rev() {
            to_end = to_end.with(*place);
            *place = to_end;
        }
        self.so_far = Both::NONE;
        so_far
    }
}

impl Both {
    /// Of no values.
    const NONE: Self = Self { highest: f64::NEG_INFINITY, lowest: f64::INFINITY };

    #[inline]
    fn of(value: f64) -> Self {
        Self { highest: value, lowest: value }
    }

    #[inline]
    fn with(self, other: Self) -> Self {
        Self { highest: higher(self.highest, other.highest), lowest: lower(self.lowest, other.lowest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_left_the_window_is_forgotten() {
        for period in [1, 2, 4, 14, 15, 40] {
            let mut extremes = Extremes::new(period);
            for i in 0..10 * period {
                // Falls, then jumps up, at another place of each turn.
                let value = |i: usize| -((i % (period + 1)) as f64);
                let both = extremes.next(value(i));
                assert_eq!(both.is_some(), i + 1 >= period);
                let Some(both) = both else { continue };
                let window = i + 1 - period..=i;
                let highest = window.clone().map(value).fold(f64::MIN, f64::max);
                let lowest = window.map(value).fold(f64::MAX, f64::min);
                assert_eq!((both.highest, both.lowest), (highest, lowest), "period {period}, value {i}");
            }
        }
    }
}
