//! The weight that an address may use, and what happens to one that does not care.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::setup::Limits;

/// The longest ban.
const BAN_MOST: Duration = Duration::from_secs(3 * 86_400);

pub(crate) struct Weights {
    limits: Limits,
    began: Instant,
    minute: u64,
    used: u32,
    refused: u32,
    bans: u32,
    banned_until: Option<Instant>,
}

/// Whether a request is answered.
pub(crate) enum Verdict {
    /// It is; this is what was used.
    Pass(u32),
    /// It is not, for so long.
    Refuse { status: u16, wait: Duration, body: Value, used: u32 },
}

impl Weights {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, began: Instant::now(), minute: 0, used: 0, refused: 0, bans: 0, banned_until: None }
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limits.weight
    }

    pub(crate) fn set_limit(&mut self, weight: u32) {
        self.limits.weight = weight;
    }

    /// Counts a request. The time of the exchange stands in the message of a ban.
    pub(crate) fn ask(&mut self, weight: u32, now_ms: i64) -> Verdict {
        let now = Instant::now();
        let into_s = (now - self.began).as_secs_f64() * self.limits.factor;
        let minute = (into_s / 60.0) as u64;
        if minute != self.minute {
            (self.minute, self.used, self.refused) = (minute, 0, 0);
        }
        if let Some(wait) = self.banned_until.map(|until| until.saturating_duration_since(now)).filter(|w| !w.is_zero())
        {
            return self.banned(wait, now_ms);
        }
        self.used = self.used.saturating_add(weight);
        if self.used <= self.limits.weight {
            return Verdict::Pass(self.used);
        }
        self.refused += 1;
        if self.refused > self.limits.refusals {
            let ban = self.limits.ban.saturating_mul(1 << self.bans.min(16)).min(BAN_MOST);
            self.bans += 1;
            self.banned_until = Some(now + ban);
            return self.banned(ban, now_ms);
        }
        let left_s = (60.0 - into_s % 60.0) / self.limits.factor;
        let msg = format!(
            "Too much request weight used; current limit is {} request weight per 1 MINUTE. Please use WebSocket Streams \
             for live updates to avoid polling the API.",
            self.limits.weight
        );
        let wait = Duration::try_from_secs_f64(left_s).unwrap_or(Duration::from_secs(60));
        Verdict::Refuse { status: 429, wait, body: json!({"code": -1003, "msg": msg}), used: self.used }
    }

    fn banned(&self, wait: Duration, now_ms: i64) -> Verdict {
        let body = banned_body(now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
        Verdict::Refuse { status: 418, wait, body, used: self.used }
    }
}

/// The body of an answer to an address that is banned.
pub(crate) fn banned_body(until_ms: i64) -> Value {
    let msg = format!(
        "Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams for live updates to \
         avoid bans."
    );
    json!({"code": -1003, "msg": msg})
}
