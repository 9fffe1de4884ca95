//! Between the threads of the host and the one that writes. What is put in never waits, since it may be put in under locks that stop
//! traders; who delivers asks for room before, and waits until there is some: a recording with holes would prove nothing.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::format::{Delivery, Event};
use crate::market::Segment;

/// What may wait to be written: some minutes of a large market, little memory.
const BYTES: usize = 32 << 20;

/// Bytes of a row in memory: its values, and what goes with them.
const ROW_BYTES: usize = 80;

/// What is to be written.
#[derive(Debug)]
pub(super) enum Message {
    Event(Event),
    /// The lines of the signals are ready.
    Delivery {
        segment: Box<Segment>,
        delivery: Box<Delivery>,
        signals: Vec<u8>,
    },
}

impl Message {
    pub(super) fn has_candles(&self) -> bool {
        matches!(self, Self::Delivery { segment, .. } if segment.candles() > 0)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Event(_) => 0,
            Self::Delivery { segment, signals, .. } => segment.candles() * ROW_BYTES + signals.len(),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Message>,
    bytes: usize,
    ended: bool,
    broken: bool,
}

impl Queue {
    pub(super) fn push(&self, message: Message) {
        let mut state = self.lock();
        if state.broken {
            return;
        }
        state.bytes += message.bytes();
        state.waiting.push_back(message);
        drop(state);
        self.changed.notify_all();
    }

    /// Returns once there is room.
    pub(super) fn wait_for_room(&self) {
        let mut state = self.lock();
        while state.bytes > BYTES && !state.broken {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next message; none at the end, or for ever after [`break_off`](Self::break_off).
    pub(super) fn pop(&self) -> Option<Message> {
        let mut state = self.lock();
        loop {
            if state.broken {
                return None;
            }
            if let Some(message) = state.waiting.pop_front() {
                state.bytes -= message.bytes();
                drop(state);
                self.changed.notify_all();
                return Some(message);
            }
            if state.ended {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Nothing more can be written: nobody waits any more, and what comes is forgotten.
    pub(super) fn break_off(&self) {
        let mut state = self.lock();
        state.broken = true;
        state.waiting.clear();
        state.bytes = 0;
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
