//! The host's side of the boundary: imports in a component, the test kit's market on the author's machine.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod native;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{emit, log, open_times, ticker, values};
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::{emit, log, open_times, ticker, values};

/// How much a log line matters.
///
/// ```
/// use vyx_sdk::prelude::*;
///
/// fn tell(level: Level, cx: &Context<'_>) {
///     cx.log(level, "no volume for an hour");
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For the author alone.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
}
