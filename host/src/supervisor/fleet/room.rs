//! How many traders a process can hold.

/// Mappings of a live instance.
const MAPS_PER_INSTANCE: usize = 4;

/// Mappings that are left to the host: code, threads, its own memory.
const MAPS_OF_HOST: usize = 10_000;

/// What Linux allows where nobody changed it.
const DEFAULT_MAPS: usize = 65_530;

/// How many live instances this machine has memory mappings for.
#[must_use]
pub fn room() -> usize {
    let allowed = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    let allowed = allowed.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(DEFAULT_MAPS);
    allowed.saturating_sub(MAPS_OF_HOST) / MAPS_PER_INSTANCE
}
