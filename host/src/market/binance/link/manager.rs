//! All connections: which stream is on which, when they are opened, and what is told of them.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::connection::{self, End, Ended, Orders, Report, at};
use super::dial::Connect;
use super::limits::{ATTEMPTS, ATTEMPTS_PERIOD, CONNECTION_STREAMS};
use super::pace::Pace;
use super::slot::{Slot, share_out};
use super::{Heard, StreamKey};

/// Reports that wait for the manager. A connection makes a few in its life.
const REPORTS: usize = 64;

/// See the module.
pub(super) struct Manager<C> {
    connect: C,
    heard: mpsc::Sender<Heard>,
    slots: Vec<Slot>,
    attempts: Pace,
    /// Those of connections; dropped, they end.
    tasks: JoinSet<Ended>,
    numbers: HashMap<Id, u64>,
    last_number: u64,
    reports: mpsc::Receiver<(u64, Report)>,
    reporter: mpsc::Sender<(u64, Report)>,
    /// Whether it was said.
    is_up: bool,
    /// What is to be said.
    news: VecDeque<Heard>,
}

impl<C: Connect> Manager<C> {
    pub(super) fn new(connect: C, heard: mpsc::Sender<Heard>) -> Self {
        let (reporter, reports) = mpsc::channel(REPORTS);
        Self {
            connect,
            heard,
            slots: Vec::new(),
            attempts: Pace::new(ATTEMPTS, ATTEMPTS_PERIOD),
            tasks: JoinSet::new(),
            numbers: HashMap::new(),
            last_number: 0,
            reports,
            reporter,
            is_up: false,
            news: VecDeque::new(),
        }
    }

    /// Ends when nobody wants anything any more, or nobody listens.
    pub(super) async fn run(mut self, mut wanted: watch::Receiver<BTreeSet<StreamKey>>) {
        loop {
            let due = self.step(Instant::now());
            while let Some(news) = self.news.pop_front() {
                if self.heard.send(news).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                changed = wanted.changed() => match changed {
                    Ok(()) => self.want(&wanted.borrow_and_update(), Instant::now()),
                    Err(_) => return,
                },
                Some((number, report)) = self.reports.recv() => {
                    let now = Instant::now();
                    self.slots.iter_mut().for_each(|slot| slot.report(number, report, now));
                }
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended, Instant::now()),
                () = at(due) => {}
                () = self.heard.closed() => return,
            }
        }
    }

    fn want(&mut self, wanted: &BTreeSet<StreamKey>, now: Instant) {
        let mut shares: Vec<_> = self.slots.iter().map(|slot| slot.streams().clone()).collect();
        share_out(&mut shares, wanted, CONNECTION_STREAMS);
        let mut slots = std::mem::take(&mut self.slots).into_iter();
        for share in shares {
            let slot = slots.next();
            // Where nothing is left, the connections are closed as they are.
            if share.is_empty() {
                continue;
            }
            self.slots.push(match slot {
                Some(mut slot) => {
                    slot.want(share);
                    slot
                }
                None => Slot::new(share, now),
            });
        }
        self.is_up = false;
    }

    fn ended(&mut self, ended: Result<(Id, Ended), JoinError>, now: Instant) {
        let (id, ended) = match ended {
            Ok((id, ended)) => (id, ended),
            Err(error) => {
                let end = End::Lost("the task of the connection ended".to_owned());
                (error.id(), Ended { end, was_healthy: false })
            }
        };
        let Some(number) = self.numbers.remove(&id) else { return };
        if let Some(reason) = self.slots.iter_mut().find_map(|slot| slot.ended(number, ended.clone(), now)) {
            self.is_up = false;
            self.news.push_back(Heard::Down(reason));
        }
    }

    /// Does what is due: when the next thing is.
    fn step(&mut self, now: Instant) -> Option<Instant> {
        let mut due = None;
        for index in 0..self.slots.len() {
            let free_at = self.attempts.free_at(now);
            let Some(slot) = self.slots.get_mut(index) else { continue };
            slot.close(now);
            let mut opens_at = slot.opens_at().map(|at| at.max(free_at));
            if opens_at.is_some_and(|at| at <= now) {
                self.open(index, now);
                opens_at = None;
            }
            let closes_at = self.slots.get(index).and_then(Slot::closes_at);
            due = [due, opens_at, closes_at].into_iter().flatten().min();
        }
        if !self.is_up && !self.slots.is_empty() && self.slots.iter().all(Slot::is_settled) {
            self.is_up = true;
            self.news.push_back(Heard::Up);
        }
        due
    }

    fn open(&mut self, index: usize, now: Instant) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        self.attempts.note(now);
        self.last_number += 1;
        let number = self.last_number;
        let orders = Orders {
            number,
            wanted: slot.open(number, now),
            reports: self.reporter.clone(),
            heard: self.heard.clone(),
            patience: slot.patience(),
        };
        let task = self.tasks.spawn(connection::run(self.connect.clone(), orders));
        self.numbers.insert(task.id(), number);
    }
}
