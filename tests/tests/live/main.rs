//! The fleet behind a live feed: candles that come late, history that is loaded, symbols that come and go. The traders are real
//! components, `roll-call` of `tests/hostile`, which trap when the host does not tell them the truth.

mod history;
mod hygiene;
mod sequences;
mod symbols;
mod versions;
mod world;
