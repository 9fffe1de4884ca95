//! What the hostile traders share. Each of them is an example of this package, built for `wasm32-unknown-unknown`; on any
//! other machine they are empty, so that a build of the whole workspace passes over them. `README.md` says what each one
//! does and what the host must make of it.
#![cfg_attr(target_arch = "wasm32", allow(unsafe_code))]

#[cfg(target_arch = "wasm32")]
pub mod raw;

vyx_sdk::params! {
    /// When a trader turns hostile. Until then it behaves.
    pub struct Start {
        /// Open time of the first candle at which it misbehaves, UTC milliseconds.
        from_ms: i64 = 0;
    }
}

/// Never returns, and does nothing that a compiler could take as a reason to drop the loop.
pub fn spin() -> ! {
    loop {
        std::hint::black_box(0);
    }
}
