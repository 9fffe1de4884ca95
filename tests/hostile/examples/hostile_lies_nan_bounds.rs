//! Describes a parameter whose bounds are not numbers: every comparison with them is false.
#![cfg(target_arch = "wasm32")]

use hostile::raw::{Description, Param, ParamValue, Raw, description};

struct Lies;

impl Raw for Lies {
    fn describe() -> Description {
        let line = Param {
            name: "line".into(),
            help: "A line.".into(),
            default: ParamValue::Number(30.0),
            minimum: Some(f64::NAN),
            maximum: Some(f64::NAN),
            choices: Vec::new(),
        };
        Description { params: vec![line], ..description() }
    }
}

hostile::raw::bindings::export!(Lies with_types_in hostile::raw::bindings);
