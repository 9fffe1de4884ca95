//! Loops for ever in `describe`.
#![cfg(target_arch = "wasm32")]

use hostile::raw::{Description, Raw};

struct Loops;

impl Raw for Loops {
    fn describe() -> Description {
        hostile::spin()
    }
}

hostile::raw::bindings::export!(Loops with_types_in hostile::raw::bindings);
