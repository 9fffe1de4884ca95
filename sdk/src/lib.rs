//! Write traders: small programs that watch candles and emit signals.
//!
//! A trader implements [`Trader`], names itself with [`register!`], and is built for `wasm32-unknown-unknown` as a `cdylib`;
//! `vyx build` makes a component of it. Everything it needs comes from the [`prelude`]; [`indicators`] has the usual ones, and
//! [`testkit`] runs a trader in a plain `cargo test`, without WebAssembly.
#![deny(missing_docs)]
#![cfg_attr(target_arch = "wasm32", allow(unsafe_code))]

mod candle;
mod context;
mod describe;
#[cfg(target_arch = "wasm32")]
#[allow(missing_docs)]
mod guest;
mod host;
pub mod indicators;
mod interval;
mod params;
mod register;
mod runtime;
mod subscription;
#[cfg(not(target_arch = "wasm32"))]
pub mod testkit;
mod trader;

#[doc(hidden)]
pub use params::read as __read_params;
#[doc(hidden)]
pub use serde;

pub use candle::{Candle, Column, Gap, Ticker};
pub use context::Context;
pub use describe::{Plot, PlotValues, Tag};
pub use host::Level;
pub use interval::{Interval, UnknownInterval};
pub use params::{ParamError, ParamSpec, ParamType, Params, Value};
pub use subscription::Subscription;
pub use trader::Trader;

/// What a trader's source begins with: `use vyx_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::indicators::*;
    pub use crate::{
        Candle, Column, Context, Gap, Interval, Level, Plot, Subscription, Tag, Ticker, Trader, debug, error, info,
        params, register, warn,
    };
}

/// Compiles and runs what the guide and the readme show.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../docs/authors.md")]
    mod guide {}
    #[doc = include_str!("../../README.md")]
    mod readme {}
}

#[cfg(target_arch = "wasm32")]
mod bindings {
    #![allow(missing_docs, clippy::all)]
    wit_bindgen::generate!({
        path: "wit/v1",
        world: "trader",
        pub_export_macro: true,
        default_bindings_module: "vyx_sdk::__abi::bindings",
    });
}

/// What [`register!`] expands to; not part of the SDK's interface.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[allow(missing_docs)]
pub mod __abi {
    pub use crate::bindings::export;
    pub use crate::bindings::exports::vyx::trader::guest::Guest;
    pub use crate::bindings::vyx::trader::types::{Description, ParamValue, Subscription, Symbol};
    pub use crate::guest::{Slot, describe, init, on_close, on_gap, on_symbols};
    pub mod bindings {
        pub use crate::bindings::*;
    }
}

/// Names the SDK in the module, so that a refusal can say which one built it.
#[cfg(target_arch = "wasm32")]
#[unsafe(link_section = "vyx-sdk")]
#[used]
static SDK_VERSION: [u8; env!("CARGO_PKG_VERSION").len()] = {
    let mut bytes = [0; env!("CARGO_PKG_VERSION").len()];
    let from = env!("CARGO_PKG_VERSION").as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        bytes[i] = from[i];
        i += 1;
    }
    bytes
};

/// Writes a line, for the author alone: `debug!(cx, "{} looks odd", cx.symbol())`. At most 1 KiB; rate-limited.
#[macro_export]
macro_rules! debug {
    ($cx:expr, $($format:tt)+) => {
        $cx.log($crate::Level::Debug, &::std::format!($($format)+))
    };
}

/// Writes a line, worth knowing: `info!(cx, "{} looks odd", cx.symbol())`. At most 1 KiB; rate-limited.
#[macro_export]
macro_rules! info {
    ($cx:expr, $($format:tt)+) => {
        $cx.log($crate::Level::Info, &::std::format!($($format)+))
    };
}

/// Writes a line, worth a look: `warn!(cx, "{} looks odd", cx.symbol())`. At most 1 KiB; rate-limited.
#[macro_export]
macro_rules! warn {
    ($cx:expr, $($format:tt)+) => {
        $cx.log($crate::Level::Warn, &::std::format!($($format)+))
    };
}

/// Writes a line, something failed: `error!(cx, "{} looks odd", cx.symbol())`. At most 1 KiB; rate-limited.
#[macro_export]
macro_rules! error {
    ($cx:expr, $($format:tt)+) => {
        $cx.log($crate::Level::Error, &::std::format!($($format)+))
    };
}
