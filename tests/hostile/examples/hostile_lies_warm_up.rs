//! Subscribes with a warm-up of -1, which the ABI reads as 4,294,967,295.
#![cfg(target_arch = "wasm32")]

use hostile::raw::{ParamValue, Raw, Subscription, subscription};

struct Lies;

impl Raw for Lies {
    fn init(_: Vec<(String, ParamValue)>) -> Result<Subscription, String> {
        Ok(subscription(-1_i32 as u32, 0))
    }
}

hostile::raw::bindings::export!(Lies with_types_in hostile::raw::bindings);
