//! A symbol among the others.

/// Where a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its history is loaded; nothing of it is told yet.
    Joining,
    /// It is told. True once the others were told that it is there.
    Here(bool),
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) stage: Stage,
    /// Up to this close it has been told. It lags where others were told more.
    pub(super) told_ms: i64,
    /// What closes after this is not told any more: it leaves.
    pub(super) leaves_ms: Option<i64>,
}

impl Member {
    pub(super) fn is_here(&self) -> bool {
        matches!(self.stage, Stage::Here(_))
    }

    /// Whether nothing that closes then is told of it.
    pub(super) fn has_left(&self, close_ms: i64) -> bool {
        self.leaves_ms.is_some_and(|leaves_ms| close_ms > leaves_ms)
    }
}
