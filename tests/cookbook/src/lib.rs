//! Ten traders to copy from: the examples of this package, each a whole `src/lib.rs` with one idea. `docs/cookbook.md` shows them on
//! candles of a made-up market.
