//! What happens in the market is made into events, in the order of its time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

use vyx_host::market::Interval;

use super::hub::Event;
use super::stream::Stream;
use crate::Shared;
use crate::random;

const MINUTE_MS: i64 = Interval::M1.as_ms();

/// An event that is due.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ms: i64,
    /// Those of one time go in the order in which they were planned.
    number: u64,
    stream: Stream,
    open_ms: i64,
}

struct Publisher {
    shared: Arc<Shared>,
    /// Closes up to here are planned.
    planned_ms: i64,
    forming_ms: i64,
    told_forming: Option<Instant>,
    due: BinaryHeap<Reverse<Due>>,
    number: u64,
}

/// Runs as long as the exchange.
pub(crate) async fn run(shared: Arc<Shared>) {
    let planned_ms = Interval::M1.open_of(shared.setup.now_ms);
    let forming_ms = shared.setup.now_ms;
    let due = BinaryHeap::new();
    Publisher { shared, planned_ms, forming_ms, told_forming: None, due, number: 0 }.run().await;
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
                    self.close(&due);
                }
            } else if next_ms == boundary_ms {
                self.planned_ms = boundary_ms;
                self.plan(boundary_ms);
            } else {
                let now_ms = self.shared.clock.now_ms();
                self.forming_ms = forming_ms.max(now_ms - now_ms.rem_euclid(every_ms));
                // Behind its time it would tell of candles that have closed.
                self.tell_forming(now_ms.min(boundary_ms - 1));
            }
        }
    }

    /// Plans the closes of the candles that end here.
    fn plan(&mut self, boundary_ms: i64) {
        for stream in self.shared.hub.streams() {
            if stream.interval.open_of(boundary_ms) != boundary_ms {
                continue;
            }
            let open_ms = boundary_ms - stream.interval.as_ms();
            let (least_ms, most_ms) = self.shared.setup.close_after_ms;
            let seed = random::with_text(self.shared.setup.seed, &stream.name());
            let bits = random::with(seed, open_ms as u64);
            let after_ms = least_ms + random::below(bits, most_ms - least_ms + 1);
            self.number += 1;
            self.due.push(Reverse(Due { at_ms: boundary_ms + after_ms, number: self.number, stream, open_ms }));
        }
    }

    fn close(&self, due: &Due) {
        let Due { at_ms, stream, open_ms, .. } = due;
        let kline =
            self.shared.market().symbol(&stream.symbol).and_then(|symbol| symbol.candle(stream.interval, *open_ms));
        if let Some(kline) = kline {
            self.publish(stream, *at_ms, &kline.event(&stream.symbol, stream.interval, true), true);
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
                self.publish(&stream, now_ms, &kline.event(&stream.symbol, stream.interval, false), false);
            }
        }
    }

    fn publish(&self, stream: &Stream, at_ms: i64, kline: &str, is_close: bool) {
        let event_ms = at_ms + self.shared.clock.event_skew_ms();
        let data = format!(r#"{{"e":"kline","E":{event_ms},"s":"{}","k":{kline}}}"#, stream.symbol);
        self.shared.hub.publish(Event { stream: stream.clone(), data, is_close });
    }
}
