//! Refusals in the words of the real one.

use serde_json::{Value, json};

/// What is wrong with a request.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) code: i32,
    pub(crate) msg: String,
}

impl Wrong {
    fn new(code: i32, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into() }
    }

    pub(crate) fn illegal(name: &str, range: &str) -> Self {
        Self::new(-1100, format!("Illegal characters found in parameter '{name}'; legal range is '{range}'."))
    }

    pub(crate) fn twice() -> Self {
        Self::new(-1101, "Duplicate values for a parameter detected.")
    }

    pub(crate) fn missing(name: &str) -> Self {
        Self::new(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
    }

    pub(crate) fn unread(read: usize, sent: usize) -> Self {
        Self::new(
            -1104,
            format!("Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."),
        )
    }

    pub(crate) fn interval() -> Self {
        Self::new(-1120, "Invalid interval.")
    }

    pub(crate) fn symbol() -> Self {
        Self::new(-1121, "Invalid symbol.")
    }

    pub(crate) fn symbol_status() -> Self {
        Self::new(-1122, "Invalid symbolStatus.")
    }

    pub(crate) fn combination() -> Self {
        Self::new(-1128, "Combination of optional parameters invalid.")
    }

    pub(crate) fn invalid(name: &str) -> Self {
        Self::new(-1130, format!("Data sent for parameter '{name}' is not valid."))
    }

    pub(crate) fn ticker_type() -> Self {
        Self::new(-1139, "Invalid ticker type.")
    }

    pub(crate) fn twice_in_list() -> Self {
        Self::new(-1151, "Symbol is present multiple times in the list.")
    }

    pub(crate) fn other_status() -> Self {
        Self::new(-1220, "The symbol's status does not match the requested symbolStatus.")
    }

    pub(crate) fn body(&self) -> Value {
        json!({"code": self.code, "msg": self.msg})
    }
}
