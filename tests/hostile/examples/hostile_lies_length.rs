//! Returns plot values that are not there: an address and a length beyond its memory.
#![cfg(target_arch = "wasm32")]
// The lie itself.
#![allow(unsafe_code)]

use hostile::raw::Raw;

const VALUES: usize = 100_000_000;

struct Lies;

impl Raw for Lies {
    fn on_close(_: &[u32], _: &[f64]) -> Vec<f64> {
        let nowhere = std::ptr::NonNull::<f64>::dangling();
        // SAFETY: none, and that is the point: the host must not follow it. Nothing in the guest reads or frees it.
        unsafe { Vec::from_raw_parts(nowhere.as_ptr(), VALUES, VALUES) }
    }
}

hostile::raw::bindings::export!(Lies with_types_in hostile::raw::bindings);
