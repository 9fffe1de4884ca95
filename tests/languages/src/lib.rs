//! A trader is a component that keeps to `sdk/wit/v1`, whatever it was written in. `c` holds one in C, which `tests/c.rs` builds with
//! clang and compares with the same rule in Rust.
