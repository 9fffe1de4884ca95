//! Randomness that is a function of what it is about: nothing depends on the order in which it is asked.

/// SplitMix64's mixer.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Mixes a number into a seed.
pub(crate) fn with(seed: u64, number: u64) -> u64 {
    mix(seed ^ mix(number))
}

/// Mixes a text into a seed.
pub(crate) fn with_text(seed: u64, text: &str) -> u64 {
    text.bytes().fold(mix(seed), |seed, byte| with(seed, u64::from(byte)))
}

/// Of these bits, a number from zero to below `below`.
pub(crate) fn below(bits: u64, below: i64) -> i64 {
    let below = below.max(1) as u128;
    ((u128::from(bits) * below) >> 64) as i64
}

/// Whether these bits hit a chance of zero to one.
pub(crate) fn hits(bits: u64, chance: f64) -> bool {
    ((bits >> 11) as f64) < chance * (1_u64 << 53) as f64
}
