//! The highest of a long window.

/// A monotonic queue: the values of the window that can still become its highest, in falling order from `first` on. A
/// value that is followed by one as high never can. Each value enters once and leaves once, so the cost per value is
/// constant on average, whatever the period.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    ring: Box<[Entry]>,
    first: usize,
    length: usize,
    seen: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    value: f64,
    /// The count `seen` at which the value is no longer in the window.
    leaves: u64,
}

impl Queue {
    pub(super) fn new(period: usize) -> Self {
        let empty = Entry { value: 0.0, leaves: 0 };
        Self { ring: vec![empty; period].into_boxed_slice(), first: 0, length: 0, seen: 0 }
    }

    pub(super) fn push(&mut self, value: f64) {
        // First out, then in: so the queue never holds more than the period.
        if self.length > 0 && self.ring[self.first].leaves == self.seen {
            self.first = self.wrap(self.first + 1);
            self.length -= 1;
        }
        while self.length > 0 && self.ring[self.wrap(self.first + self.length - 1)].value <= value {
            self.length -= 1;
        }
        let end = self.wrap(self.first + self.length);
        let leaves = self.seen + self.ring.len() as u64;
        self.ring[end] = Entry { value, leaves };
        self.length += 1;
        self.seen += 1;
    }

    /// The highest value; there is one after the first push.
    pub(super) fn highest(&self) -> f64 {
        self.ring[self.first].value
    }

    /// A position less than two turns on, brought back into the ring; a subtraction is cheaper than a division.
    fn wrap(&self, position: usize) -> usize {
        if position >= self.ring.len() { position - self.ring.len() } else { position }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_fills_the_queue_and_a_rise_empties_it() {
        let mut queue = Queue::new(4);
        let values = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 9.0, 9.0, 1.0, 1.0, 1.0, 1.0];
        let found = values.map(|value| {
            queue.push(value);
            queue.highest()
        });
        assert_eq!(found[3..], [9.0, 8.0, 7.0, 9.0, 9.0, 9.0, 9.0, 9.0, 1.0]);
    }
}
