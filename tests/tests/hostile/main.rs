//! Hostile traders, each beside a healthy one whose signals must stay the same to the byte.

mod admission;
mod arena;
mod running;
mod stopping;
