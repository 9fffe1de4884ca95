//! What happens in the market is made into events, in the order of its time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Instant;

use vyx_host::market::Interval;

use super::hub::Event;
use super::stream::Stream;
use crate::faults::{Effect, Hit, Kind, Subject};
use crate::{Shared, garble, random};

const MINUTE_MS: i64 = Interval::M1.as_ms();

/// What is sent of a candle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Close,
    /// `x` is false, and no other one comes.
    Unclosed,
    /// With a number that is none, drawn by these bits.
    Bad(u64),
    /// `x` is true before its time.
    Early,
}

/// An event that is due.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ms: i64,
    /// Those of one time go in the order in which they were planned.
    number: u64,
    stream: Stream,
    open_ms: i64,
    what: What,
}

struct Publisher {
    shared: Arc<Shared>,
    /// Closes up to here are planned.
    planned_ms: i64,
    forming_ms: i64,
    told_forming: Option<Instant>,
    due: BinaryHeap<Reverse<Due>>,
    number: u64,
    /// Closes that wait for the next one of their stream.
    held: BTreeMap<Stream, i64>,
}

/// Runs as long as the exchange.
pub(crate) async fn run(shared: Arc<Shared>) {
    let planned_ms = Interval::M1.open_of(shared.setup.now_ms);
    let forming_ms = shared.setup.now_ms;
    let (due, held) = (BinaryHeap::new(), BTreeMap::new());
    Publisher { shared, planned_ms, forming_ms, told_forming: None, due, number: 0, held }.run().await;
}

impl Publisher {
    async fn run(&mut self) {
        loop {
            let boundary_ms = self.planned_ms + MINUTE_MS;
            let due_ms = self.due.peek().map_or(i64::MAX, |Reverse(due)| due.at_ms);
            let every_ms = self.shared.setup.forming_every_ms;
            let forming_ms = if every_ms > 0 { self.forming_ms + every_ms } else { i64::MAX };
            let next_ms = boundary_ms.min(due_ms).min(forming_ms);
            self.shared.clock.until(next_ms).await;
            if next_ms == due_ms {
                if let Some(Reverse(due)) = self.due.pop() {
                    self.send(&due);
                }
            } else if next_ms == boundary_ms {
                self.planned_ms = boundary_ms;
                for stream in self.shared.hub.streams() {
                    self.plan(&stream, boundary_ms);
                }
            } else {
                let now_ms = self.shared.clock.now_ms();
                self.forming_ms = forming_ms.max(now_ms - now_ms.rem_euclid(every_ms));
                // Behind its time it must not tell of what comes after the events that are due.
                self.tell_forming(now_ms.min(boundary_ms - 1).min(due_ms));
            }
        }
    }

    /// Plans what is sent of the candle of a stream that ends now, and what is sent too early of the one that ends next.
    fn plan(&mut self, stream: &Stream, boundary_ms: i64) {
        let length_ms = stream.interval.as_ms();
        let next_ms = boundary_ms + MINUTE_MS;
        if stream.interval.open_of(next_ms) == next_ms {
            let open_ms = next_ms - length_ms;
            for hit in self.hits(Kind::EarlyClose, stream, open_ms, boundary_ms) {
                if let Effect::EarlyClose(range) = &hit.effect {
                    let early_ms = hit.drawn(range).clamp(2, MINUTE_MS - 1);
                    self.push(next_ms - early_ms, stream, open_ms, What::Early);
                }
            }
        }
        if stream.interval.open_of(boundary_ms) != boundary_ms {
            return;
        }
        let open_ms = boundary_ms - length_ms;
        let (least_ms, most_ms) = self.shared.setup.close_after_ms;
        let seed = random::with_text(self.shared.setup.seed, &stream.name());
        let bits = random::with(seed, open_ms as u64);
        let mut at_ms = boundary_ms + least_ms + random::below(bits, most_ms - least_ms + 1);
        let mut what = What::Close;
        let (mut is_missing, mut is_held) = (false, false);
        let hits = self.hits(Kind::Close, stream, open_ms, boundary_ms);
        for hit in &hits {
            match &hit.effect {
                Effect::LateClose(range) => at_ms += hit.drawn(range),
                Effect::MissingClose => is_missing = true,
                Effect::ReorderedClose => is_held = true,
                Effect::UnclosedClose => what = What::Unclosed,
                Effect::BadNumber => what = What::Bad(hit.bits),
                _ => {}
            }
        }
        if is_held && let Some(held_ms) = self.held.insert(stream.clone(), open_ms) {
            self.push(at_ms, stream, held_ms, What::Close);
        }
        if !is_missing && !is_held {
            self.push(at_ms, stream, open_ms, what);
        }
        for hit in &hits {
            match &hit.effect {
                Effect::DuplicateClose(range) => self.push(at_ms + hit.drawn(range), stream, open_ms, what),
                Effect::OldCloses { back, count } => {
                    for place in 0..*count {
                        self.push(at_ms, stream, open_ms - (back - place) * length_ms, What::Close);
                    }
                }
                _ => {}
            }
        }
    }

    fn hits(&self, kind: Kind, stream: &Stream, open_ms: i64, now_ms: i64) -> Vec<Hit> {
        let candle = Some((stream, open_ms));
        self.shared.faults.all(&Subject { kind, now_ms, candle, request: None, connection: None })
    }

    fn push(&mut self, at_ms: i64, stream: &Stream, open_ms: i64, what: What) {
        self.number += 1;
        self.due.push(Reverse(Due { at_ms, number: self.number, stream: stream.clone(), open_ms, what }));
    }

    fn send(&mut self, due: &Due) {
        let Due { at_ms, stream, open_ms, what, .. } = due;
        let kline = self.shared.market().symbol(&stream.symbol).and_then(|symbol| match what {
            What::Early => symbol.forming(stream.interval, *at_ms),
            _ => symbol.candle(stream.interval, *open_ms),
        });
        // There is none where the archive has a hole.
        let Some(kline) = kline else { return };
        let is_closed = *what != What::Unclosed;
        let text = kline.event(&stream.symbol, stream.interval, is_closed);
        let text = if let What::Bad(bits) = what { garble::event(&text, *bits) } else { text };
        self.publish(stream, *at_ms, *open_ms, &text, is_closed);
        if self.held.get(stream).is_some_and(|held_ms| held_ms < open_ms && *what == What::Close)
            && let Some(held_ms) = self.held.remove(stream)
        {
            self.push(*at_ms, stream, held_ms, What::Close);
        }
    }

    fn tell_forming(&mut self, now_ms: i64) {
        if self.told_forming.is_some_and(|at| at.elapsed() < self.shared.setup.forming_pause) {
            return;
        }
        self.told_forming = Some(Instant::now());
        for stream in self.shared.hub.streams() {
            let kline =
                self.shared.market().symbol(&stream.symbol).and_then(|symbol| symbol.forming(stream.interval, now_ms));
            if let Some(kline) = kline {
                let text = kline.event(&stream.symbol, stream.interval, false);
                self.publish(&stream, now_ms, kline.open_ms, &text, false);
            }
        }
    }

    fn publish(&self, stream: &Stream, at_ms: i64, open_ms: i64, kline: &str, is_close: bool) {
        let event_ms = at_ms + self.shared.clock.event_skew_ms();
        let data = format!(r#"{{"e":"kline","E":{event_ms},"s":"{}","k":{kline}}}"#, stream.symbol);
        self.shared.hub.publish(Event { stream: stream.clone(), open_ms, data, is_close });
    }
}
