//! The trader host: runs sandboxed traders over closed candles and stamps their signals.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod check;
pub mod cli;
pub mod config;
pub mod files;
pub mod ids;
pub mod market;
pub mod module;
pub mod ownership;
pub mod recording;
pub mod registry;
pub mod report;
pub mod sandbox;
pub mod service;
pub mod signal;
pub mod supabase;
pub mod supervisor;
pub mod text;
pub mod tls;
