//! The only unsafe code of the host: loading machine code.
#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Loads machine code that this host made.
///
/// Wasmtime trusts the file: other bytes than those of [`Engine::precompile_component`] could do anything. The cache calls this
/// only for a file whose keyed hash proves that this host wrote it, in a directory that nobody else may write to.
pub(super) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: see above; the file is replaced by renaming only, so what is mapped never changes.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads machine code that this process just received from its own compiling child.
pub(super) fn load_bytes(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes came over a pipe from this very binary, which ran `Engine::precompile_component`.
    unsafe { Component::deserialize(engine, bytes) }
}
