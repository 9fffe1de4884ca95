//! Speaks an ABI that no host serves yet, and names the SDK that it would have been built with.
#![cfg(target_arch = "wasm32")]
// Bindings are made here, and a section is placed.
#![allow(unsafe_code)]

wit_bindgen::generate!({ path: "wit-v9", world: "trader" });

#[unsafe(link_section = "vyx-sdk")]
#[used]
static SDK_VERSION: [u8; 5] = *b"9.0.0";

struct Newer;

impl exports::vyx::trader::guest::Guest for Newer {
    fn describe() -> String {
        "newer than the host".into()
    }
}

export!(Newer);
