//! Modules that never run.

use std::time::Instant;

use vyx_host::module::{Refusal, Rule};
use vyx_host::sandbox::limits;

use crate::arena::{Arena, CLOSES, Contestant, assert_healthy, component, modules};

/// Refuses the module under this rule, with these words, while a healthy trader runs.
fn refused(bytes: &[u8], rule: Rule, words: &[&str]) -> Refusal {
    let mut arena = Arena::new(2);
    arena.enter(&Contestant::new("healthy")).unwrap();
    arena.play(CLOSES / 2);
    let refusal = modules().admit(bytes).expect_err("it must not run");
    arena.play(CLOSES - CLOSES / 2);
    assert_healthy(&arena, 2);
    assert_eq!(refusal.rule, rule, "{refusal}");
    for word in words {
        assert!(refusal.reason.contains(word), "{word:?} is not in {refusal}");
    }
    assert!(!refusal.host_fault && !refusal.rule.allowed().is_empty());
    refusal
}

#[test]
fn endless_loops_in_describe_and_in_every_init_are_refused() {
    refused(&component("hostile-loop-in-describe"), Rule::Describe, &["cpu-deadline", "50 ms"]);
    refused(&component("hostile-loop-in-init-always"), Rule::Init, &["cpu-deadline", "250 ms"]);
}

#[test]
fn descriptions_that_lie_are_refused() {
    refused(&component("hostile-lies-plots"), Rule::Describe, &["plots: 10000, at most 16"]);
    refused(&component("hostile-lies-warm-up"), Rule::Init, &["warm-up of 1m: 4294967295, at most 5000"]);
    refused(&component("hostile-lies-nan-bounds"), Rule::Describe, &["NaN", "must be finite"]);
    refused(&component("hostile-huge-describe"), Rule::Describe, &[]);
}

#[test]
fn a_tag_that_forges_json_is_refused() {
    refused(&component("hostile-forge-tag"), Rule::Describe, &["is not a name"]);
}

#[test]
fn another_abi_version_is_refused_with_both_versions() {
    refused(&component("hostile-abi-9"), Rule::AbiVersion, &["9.0.0", "1.0.0"]);
}

#[test]
fn wasi_is_refused() {
    refused(&component("hostile-wasi"), Rule::Imports, &["wasi:", "wasm32-unknown-unknown", "vyx:trader/market@1.0.0"]);
}

#[test]
fn fifty_megabytes_are_refused_before_they_are_parsed() {
    let mut bytes = component("healthy");
    bytes.resize(50_000_000, 0);
    refused(&bytes, Rule::Size, &["50000000", &limits::MODULE_BYTES.to_string()]);
}

#[test]
fn a_core_module_and_a_text_are_refused() {
    refused(b"\0asm\x01\0\0\0", Rule::NotAComponent, &["vyx build"]);
    refused(b"(component)", Rule::Malformed, &[]);
    refused(b"", Rule::Malformed, &[]);
}

#[test]
fn tables_and_memories_that_start_too_large_are_refused() {
    let table_start = wat::parse_file("hostile/wat/hostile_table_start.wat").unwrap();
    refused(&table_start, Rule::StaticLimits, &["bytes of a table"]);
    let huge_table = wat("(component (core module (table 100000000 funcref)))");
    refused(&huge_table, Rule::StaticLimits, &["bytes of a table"]);
    let huge_memory = wat("(component (core module (memory 1000)))");
    refused(&huge_memory, Rule::StaticLimits, &["bytes of memory"]);
    let memory64 = wat("(component (core module (memory i64 1)))");
    refused(&memory64, Rule::Malformed, &[]);
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn truncated_modules_are_refused() {
    let whole = component("healthy");
    for length in (0..whole.len()).step_by(whole.len() / 60) {
        let refusal = modules().admit(&whole[..length]).expect_err("a truncated module must not run");
        assert_eq!(refusal.rule, Rule::Malformed, "{length}: {refusal}");
    }
    refused(&whole[..whole.len() - 1], Rule::Malformed, &[]);
}

/// A flipped bit may make another valid module; what it must never do is hurt the host or hang it.
#[test]
fn bit_flipped_modules_are_judged() {
    let whole = component("healthy");
    let mut refusals = 0;
    let mut arena = Arena::new(2);
    arena.enter(&Contestant::new("healthy")).unwrap();
    arena.play(CLOSES / 2);
    let started = Instant::now();
    for index in 0..120_usize {
        let mut flipped = whole.clone();
        // Spread over the module and over the bits of a byte, the same at every run.
        let at = (index * 7919 + 13) % flipped.len();
        flipped[at] ^= 1 << (index % 8);
        match modules().admit(&flipped) {
            Ok(module) => assert_ne!(module.digest, vyx_host::module::Digest::of(&whole)),
            Err(refusal) => {
                assert!(!refusal.host_fault, "{refusal}");
                refusals += 1;
            }
        }
    }
    arena.play(CLOSES - CLOSES / 2);
    assert_healthy(&arena, 2);
    assert!(refusals > 20, "{refusals} of 120 were refused, in {:?}", started.elapsed());
}
