//! From what rustc makes to a component.

use wit_component::ComponentEncoder;

/// Wraps a core module, which carries its world in a custom section, into a component.
///
/// # Errors
///
/// If it has no such section, or imports something else than its world.
pub fn componentize(core: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(core)?.encode()
}
