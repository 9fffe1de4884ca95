//! What a replay saw, made into a report for people: one HTML file that needs nothing beside it.
//!
//! The collector is told by the fleet, `data` arranges what it was told, and `page` puts that into a page. The same replay gives
//! the same bytes.

mod arrange;
mod collect;
mod columns;
mod data;
pub mod forward;
mod page;
pub mod spread;
#[cfg(test)]
mod tests;

pub use arrange::About;
pub use collect::Collector;
pub use data::Report;
pub use page::html;
