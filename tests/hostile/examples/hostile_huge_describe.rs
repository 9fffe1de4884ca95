//! Describes itself in 8 MB of text.
#![cfg(target_arch = "wasm32")]

use hostile::raw::{Description, Raw, description};

struct Huge;

impl Raw for Huge {
    fn describe() -> Description {
        Description { summary: "long ".repeat(8_000_000 / 5), ..description() }
    }
}

hostile::raw::bindings::export!(Huge with_types_in hostile::raw::bindings);
