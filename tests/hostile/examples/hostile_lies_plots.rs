//! Describes 10,000 plots, in as few bytes as it can.
#![cfg(target_arch = "wasm32")]

use hostile::raw::{Description, Plot, Raw, description};

struct Lies;

impl Raw for Lies {
    fn describe() -> Description {
        let plot = |at| Plot { id: format!("p{at}"), title: String::new(), panel: "p".into(), lines: 1 };
        Description { plots: (0..10_000).map(plot).collect(), ..description() }
    }
}

hostile::raw::bindings::export!(Lies with_types_in hostile::raw::bindings);
