//! What a fault does.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::extract::ws::Message;

/// An answer in the place of the real one.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, content type included.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// A frame that means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// A text that is no JSON.
    NotJson,
    /// JSON of another shape.
    OtherShape,
    /// JSON that is cut off.
    Half,
    /// A binary frame.
    Binary,
    /// A text of so many bytes.
    Huge(usize),
}

/// What happens to what a rule hits. Times are those of the exchange, unless they are a `Duration`.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Closes: it is sent later, by a time drawn from these.
    LateClose(RangeInclusive<i64>),
    /// Closes: it is never sent; REST has it.
    MissingClose,
    /// Closes: it is sent again, so much later.
    DuplicateClose(RangeInclusive<i64>),
    /// Closes: it is sent just after the next one of its stream.
    ReorderedClose,
    /// Closes: an update with `x` true is sent this long before the end, with the values of that moment; the real close
    /// follows.
    EarlyClose(RangeInclusive<i64>),
    /// Closes: it is sent with `x` false, and no other one comes.
    UnclosedClose,
    /// Closes: one of its numbers is none.
    BadNumber,
    /// Closes: just after it, closes of long ago are sent again: so many, beginning so many candles back.
    OldCloses {
        /// How far back the first one is.
        back: i64,
        /// How many.
        count: i64,
    },
    /// Connections: nothing is sent any more but pings and pongs.
    Silent,
    /// Connections: nothing is read or sent any more, and nothing is closed.
    HalfOpen,
    /// Connections: they are reset.
    Cut,
    /// Connections: they are closed with this code.
    Close(u16),
    /// Connections: `serverShutdown` is sent, and the connection is closed after a time drawn from these.
    Shutdown(RangeInclusive<i64>),
    /// Connections: a frame that means nothing comes before the event.
    Garbage(Garbage),
    /// SUBSCRIBE: it is refused with an error.
    RefuseSubscribe,
    /// SUBSCRIBE: it is neither done nor answered.
    IgnoreSubscribe,
    /// SUBSCRIBE: it is answered, but nothing comes of it.
    LoseSubscribe,
    /// Requests: they are not handled; this is the answer.
    Respond(Answer),
    /// Requests: they are handled after this time.
    Delay(Duration),
    /// Requests: they get no answer until the rule is removed, and then the connection is reset.
    Hang,
    /// Requests: they get no answer, the connection is reset.
    CutRequest,
    /// Candles of REST: a closed one is there only this long after its end.
    LateRow(RangeInclusive<i64>),
    /// Candles of REST: one of its numbers is none.
    BadRow,
}

/// What a rule is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Close,
    EarlyClose,
    Connection,
    Subscribe,
    Request,
    LateRow,
    BadRow,
}

impl Effect {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json;charset=UTF-8".to_owned())];
        Self::Respond(Answer { status, headers, body: body.to_owned() })
    }

    /// 429, with `Retry-After`.
    pub fn too_many(retry_after_s: u64) -> Self {
        let body = r#"{"code":-1003,"msg":"Too many requests queued."}"#;
        Self::json(429, body).with_header("retry-after", &retry_after_s.to_string())
    }

    /// 418, with `Retry-After`.
    pub fn banned(retry_after_s: u64, until_ms: i64) -> Self {
        let body = crate::rest::banned_body(until_ms).to_string();
        Self::json(418, &body).with_header("retry-after", &retry_after_s.to_string())
    }

    /// A page of the edge in front of the exchange: 403 of its firewall, 502 to 504 of its gateway.
    pub fn html(status: u16) -> Self {
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        Self::Respond(Answer { status, headers, body: crate::rest::page(status) })
    }

    /// 503 of the exchange itself: it is busy.
    pub fn busy() -> Self {
        let msg = "Server is currently overloaded with other requests. Please try again in a few minutes.";
        Self::json(503, &format!(r#"{{"code":-1008,"msg":"{msg}"}}"#))
    }

    /// Adds a header to an answer; other effects stay as they are.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Self::Respond(answer) = &mut self {
            answer.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Its name in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LateClose(_) => "late close",
            Self::MissingClose => "missing close",
            Self::DuplicateClose(_) => "duplicate close",
            Self::ReorderedClose => "reordered close",
            Self::EarlyClose(_) => "early close",
            Self::UnclosedClose => "unclosed close",
            Self::BadNumber => "bad number",
            Self::OldCloses { .. } => "old closes",
            Self::Silent => "silent",
            Self::HalfOpen => "half-open",
            Self::Cut => "cut",
            Self::Close(_) => "close",
            Self::Shutdown(_) => "shutdown",
            Self::Garbage(_) => "garbage",
            Self::RefuseSubscribe => "refuse subscribe",
            Self::IgnoreSubscribe => "ignore subscribe",
            Self::LoseSubscribe => "lose subscribe",
            Self::Respond(answer) => match answer.status {
                403 => "403",
                418 => "418",
                429 => "429",
                500.. => "5xx",
                _ => "respond",
            },
            Self::Delay(_) => "delay",
            Self::Hang => "hang",
            Self::CutRequest => "cut request",
            Self::LateRow(_) => "late row",
            Self::BadRow => "bad row",
        }
    }

    pub(crate) fn is(&self, kind: Kind) -> bool {
        match self {
            Self::LateClose(_)
            | Self::MissingClose
            | Self::DuplicateClose(_)
            | Self::ReorderedClose
            | Self::UnclosedClose
            | Self::BadNumber
            | Self::OldCloses { .. } => kind == Kind::Close,
            Self::EarlyClose(_) => kind == Kind::EarlyClose,
            Self::Silent | Self::HalfOpen | Self::Cut | Self::Close(_) | Self::Shutdown(_) | Self::Garbage(_) => {
                kind == Kind::Connection
            }
            Self::RefuseSubscribe | Self::IgnoreSubscribe | Self::LoseSubscribe => kind == Kind::Subscribe,
            Self::Respond(_) | Self::Delay(_) | Self::Hang | Self::CutRequest => kind == Kind::Request,
            Self::LateRow(_) => kind == Kind::LateRow,
            Self::BadRow => kind == Kind::BadRow,
        }
    }
}

impl Garbage {
    pub(crate) fn message(self) -> Message {
        match self {
            Self::NotJson => Message::Text("upstream connect error or disconnect/reset before headers".into()),
            Self::OtherShape => Message::Text(r#"{"stream":7,"data":[{"e":"kline","k":null}],"result":{}}"#.into()),
            Self::Half => Message::Text(r#"{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":17356"#.into()),
            Self::Binary => Message::Binary(vec![0, 159, 146, 150].into()),
            Self::Huge(bytes) => Message::Text("9".repeat(bytes).into()),
        }
    }

    /// One of them, by random bits.
    pub(crate) fn drawn(bits: u64) -> Self {
        match bits % 5 {
            0 => Self::NotJson,
            1 => Self::OtherShape,
            2 => Self::Half,
            3 => Self::Binary,
            _ => Self::Huge(3_000_000),
        }
    }
}
