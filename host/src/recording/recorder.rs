//! Puts what the fleet tells into the order in which a replay has to do it again.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::About;
use super::format::{Beginning, Delivery, Done, Event, Insert, Told, write_signal};
use super::queue::{Message, Queue};
use super::writer::Writer;
use crate::config::Place;
use crate::ids::TraderId;
use crate::market::Segment;
use crate::signal::StampedSignal;
use crate::supervisor::Begin;
use crate::supervisor::observe::{Effect, Inserted, Observer, Start};

/// Records a fleet. It is told of everything by the fleet itself.
pub struct Recorder {
    order: Mutex<Order>,
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is not written yet, since its place is not known.
#[derive(Default)]
struct Order {
    /// The delivery that is under way.
    under_way: Option<(Segment, Delivery)>,
    /// What came after it began and has no part in it.
    after: Vec<Event>,
}

impl Recorder {
    /// Starts the thread that writes. `failed` is called once, in words, when it cannot go on; then nothing is recorded any more, and
    /// nobody waits for it.
    ///
    /// # Errors
    ///
    /// If nothing can be written there.
    pub fn start(place: &Place, about: About, failed: impl FnOnce(String) + Send + 'static) -> io::Result<Arc<Self>> {
        let writer = Writer::open(place, about)?;
        let queue = Arc::new(Queue::default());
        let to_write = queue.clone();
        let thread = std::thread::Builder::new().name("vyx-record".into()).spawn(move || {
            if let Err(error) = writer.run(&to_write) {
                to_write.break_off();
                failed(format!("recording has stopped: {error}; make room, then start the host again"));
            }
        })?;
        Ok(Arc::new(Self { order: Mutex::default(), queue, thread: Mutex::new(Some(thread)) }))
    }

    /// Ends the recording, and returns once all of it is written.
    pub fn finish(&self) {
        let mut order = self.order();
        self.settle(&mut order, Done::Kept, &[]);
        drop(order);
        self.queue.end();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It tells its faults by itself.
            let _ = thread.join();
        }
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The delivery under way has ended; what waited for that comes after it.
    fn settle(&self, order: &mut Order, done: Done, signals: &[StampedSignal]) {
        let Some((segment, mut delivery)) = order.under_way.take() else { return };
        delivery.done = done;
        delivery.signals = signals.len();
        let mut lines = Vec::new();
        for signal in signals {
            // A signal is always JSON: it is sent as that.
            let json = serde_json::to_vec(signal).unwrap_or_default();
            write_signal(&json, &mut lines);
        }
        self.queue.push(Message::Delivery { segment: Box::new(segment), delivery: Box::new(delivery), signals: lines });
        order.after.drain(..).for_each(|event| self.queue.push(Message::Event(event)));
    }

    /// A trader that leaves is not part of the delivery under way, so for a replay it left before; unless it came after that began.
    fn leaves(&self, order: &mut Order, id: TraderId, event: Event) {
        let came_after = |event: &Event| matches!(event, Event::Insert(insert) if insert.trader == id);
        if order.after.iter().any(came_after) {
            order.after.push(event);
        } else {
            self.queue.push(Message::Event(event));
        }
    }
}

impl Observer for Recorder {
    fn make_room(&self) {
        self.queue.wait_for_room();
    }

    fn observe(&self, effect: Effect<'_>) {
        let mut order = self.order();
        let now = |event| self.queue.push(Message::Event(event));
        match effect {
            Effect::Offered(symbols) => {
                now(Event::Symbols { names: symbols.iter().map(|(_, name)| name.to_owned()).collect() });
            }
            Effect::HistoryKept(interval, candles) => now(Event::History { interval: interval.to_string(), candles }),
            Effect::ChartKept(candles) => now(Event::Chart { candles }),
            Effect::Settled(needs) => now(Event::Settled {
                keeps: needs.iter().map(|(interval, candles)| (interval.to_string(), *candles)).collect(),
            }),
            Effect::TakenIn(segment) => {
                self.settle(&mut order, Done::Kept, &[]);
                order.under_way = Some((segment.clone(), Delivery::of(segment, Done::TakenIn)));
                self.settle(&mut order, Done::TakenIn, &[]);
            }
            Effect::Delivering(segment) => {
                // One that ended without a word called no trader.
                self.settle(&mut order, Done::Kept, &[]);
                order.under_way = Some((segment.clone(), Delivery::of(segment, Done::Kept)));
            }
            Effect::CutOff(id, cuts) => {
                if let Some((_, delivery)) = &mut order.under_way {
                    delivery.cut_off.push((id, cuts.to_vec()));
                }
            }
            Effect::HostFailed(id) => {
                if let Some((_, delivery)) = &mut order.under_way {
                    delivery.host_failed.push(id);
                }
            }
            Effect::Kept(signals) => self.settle(&mut order, Done::Kept, signals),
            Effect::Undone => self.settle(&mut order, Done::Undone, &[]),
            Effect::Inserted(inserted) => {
                let event = Event::Insert(insert(&inserted));
                if order.under_way.is_some() { order.after.push(event) } else { now(event) }
            }
            Effect::Retired(trader) => self.leaves(&mut order, trader, Event::Retire { trader }),
            Effect::Removed(trader) => self.leaves(&mut order, trader, Event::Remove { trader }),
        }
    }
}

fn insert(Inserted { owned, version, start }: &Inserted<'_>) -> Insert {
    let begin = match start {
        Start::Replacing => Beginning::Replacing,
        Start::At(Begin::At(judged_ms)) => Beginning::At { judged_ms: *judged_ms },
        // It is told as the time that it came to.
        Start::At(Begin::Anew(judged_ms)) => Beginning::At { judged_ms: judged_ms.unwrap_or(i64::MIN) },
        Start::At(Begin::Resume(resume)) => {
            let told = resume.told.iter().map(|told| Told {
                symbol: told.symbol.clone(),
                interval: told.interval.clone(),
                tag: told.tag.clone(),
                open_time_ms: told.open_time_ms,
            });
            Beginning::Resume { judged_ms: resume.judged_ms, told: told.collect() }
        }
    };
    Insert {
        trader: owned.id(),
        name: owned.name().to_owned(),
        user_id: version.attribution.user_id(),
        fly_app_id: version.attribution.fly_app_id(),
        module_sha256: version.key.digest,
        params: version.key.params.as_str().to_owned(),
        begin,
    }
}
