//! What can be known of bytes without running them: a full parse, the world, and the static limits.

use wasmparser::{
    ComponentExternalKind, Encoding, MemoryType, Parser, Payload, TableType, TypeRef, ValidPayload, Validator,
    WasmFeatures,
};

use super::verdict::{Refusal, Rule};
use crate::sandbox::{AbiVersion, GUEST_INTERFACE, limits};
use crate::text::shown;

/// The custom section that the SDK writes its version into.
const SDK_SECTION: &str = "vyx-sdk";

/// What a component is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) abi: AbiVersion,
    /// The version of the SDK that built it, if it says so.
    pub(super) sdk: Option<String>,
}

/// Parses all bytes and checks the rules that need no running. `valid` says that these very bytes were validated before.
pub(super) fn scan(bytes: &[u8], valid: bool) -> Result<Scan, Refusal> {
    if !bytes.starts_with(b"\0asm") {
        let reason = "it is no WebAssembly file; give a component that `vyx build` wrote".to_owned();
        return Err(Refusal::new(Rule::Malformed, reason));
    }
    if !valid {
        validate(bytes)?;
    }
    let mut seen = Seen::default();
    for payload in Parser::new(0).parse_all(bytes) {
        seen.payload(payload.map_err(|error| malformed(&error))?)?;
    }
    seen.conclude()
}

/// The proposals that the engine runs with: nothing that could differ between machines.
fn features() -> WasmFeatures {
    (WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL | WasmFeatures::EXTENDED_CONST | WasmFeatures::TAIL_CALL)
        & !(WasmFeatures::RELAXED_SIMD | WasmFeatures::THREADS | WasmFeatures::MEMORY64 | WasmFeatures::MULTI_MEMORY)
}

fn validate(bytes: &[u8]) -> Result<(), Refusal> {
    let mut validator = Validator::new_with_features(features());
    let mut allocations = wasmparser::FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| malformed(&error))?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(|error| malformed(&error))? {
            let mut function = function.into_validator(allocations);
            function.validate(&body).map_err(|error| malformed(&error))?;
            allocations = function.into_allocations();
        }
    }
    Ok(())
}

fn malformed(error: &wasmparser::BinaryReaderError) -> Refusal {
    let reason = format!("byte {}: {}", error.offset(), shown(error.message(), limits::HELP_BYTES));
    Refusal::new(Rule::Malformed, reason)
}

#[derive(Default)]
struct Seen {
    depth: usize,
    is_component: bool,
    modules: u32,
    functions: u32,
    memories: u32,
    memory_pages: u64,
    imports: Vec<String>,
    exports: Vec<String>,
    sdk: Option<String>,
}

impl Seen {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::Version { encoding, .. } if self.depth == 0 => self.is_component = encoding == Encoding::Component,
            Payload::ModuleSection { .. } => {
                self.depth += 1;
                self.modules += 1;
                at_most("core modules", self.modules.into(), limits::CORE_MODULES.into())?;
            }
            Payload::ComponentSection { .. } => self.depth += 1,
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if self.depth == 0 => {
                for import in imports {
                    self.imports.push(import.map_err(|error| malformed(&error))?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if self.depth == 0 => {
                for export in exports {
                    let export = export.map_err(|error| malformed(&error))?;
                    if export.kind == ComponentExternalKind::Instance {
                        self.exports.push(export.name.name.to_owned());
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                self.functions = self.functions.saturating_add(functions.count());
                at_most("functions", self.functions.into(), limits::FUNCTIONS.into())?;
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory(memory.map_err(|error| malformed(&error))?)?;
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    table_fits(table.map_err(|error| malformed(&error))?.ty)?;
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if let TypeRef::Table(table) = import.map_err(|error| malformed(&error))?.ty {
                        table_fits(table)?;
                    }
                }
            }
            Payload::CustomSection(custom) if custom.name() == SDK_SECTION => {
                self.sdk = std::str::from_utf8(custom.data()).ok().map(|text| shown(text, limits::NAME_BYTES));
            }
            _ => {}
        }
        Ok(())
    }

    fn memory(&mut self, memory: MemoryType) -> Result<(), Refusal> {
        self.memories += 1;
        at_most("memories", self.memories.into(), 1)?;
        self.memory_pages = self.memory_pages.saturating_add(memory.initial);
        let bytes = self.memory_pages.saturating_mul(65_536);
        at_most("bytes of memory at the start", bytes, limits::MEMORY_BYTES as u64)
    }

    fn conclude(self) -> Result<Scan, Refusal> {
        if !self.is_component {
            return Err(Refusal::new(
                Rule::NotAComponent,
                "it is a core module, not a component; build it with `vyx build`, which componentizes it",
            ));
        }
        let built_by = self.sdk.as_deref().map(|sdk| format!(" (built with vyx-sdk {sdk})")).unwrap_or_default();
        let version = self.exports.iter().find_map(|name| name.strip_prefix(GUEST_INTERFACE)).ok_or_else(|| {
            let exports = if self.exports.is_empty() { "nothing".into() } else { self.exports.join(", ") };
            Refusal::new(
                Rule::World,
                format!(
                    "it exports {}, a trader exports {GUEST_INTERFACE}{}",
                    shown(&exports, limits::HELP_BYTES),
                    AbiVersion::served()
                ),
            )
        })?;
        let abi = AbiVersion::serving(version).ok_or_else(|| {
            Refusal::new(
                Rule::AbiVersion,
                format!(
                    "it speaks ABI {}{built_by}, this host serves {}; rebuild it with the SDK of this release",
                    shown(version, limits::NAME_BYTES),
                    AbiVersion::served()
                ),
            )
        })?;
        if let Some(foreign) = self.imports.iter().find(|name| !abi.imports().contains(&name.as_str())) {
            let hint = if foreign.starts_with("wasi:") {
                "; traders have no WASI: build for wasm32-unknown-unknown"
            } else {
                ""
            };
            return Err(Refusal::new(
                Rule::Imports,
                format!(
                    "it imports {:?}, a trader may import {}{hint}",
                    shown(foreign, limits::HELP_BYTES),
                    abi.imports().join(", ")
                ),
            ));
        }
        Ok(Scan { abi, sdk: self.sdk })
    }
}

fn table_fits(table: TableType) -> Result<(), Refusal> {
    let bytes = table.initial.saturating_mul(limits::TABLE_ELEMENT_BYTES as u64);
    at_most("bytes of a table at the start", bytes, limits::MEMORY_BYTES as u64)
}

fn at_most(what: &str, count: u64, limit: u64) -> Result<(), Refusal> {
    if count <= limit {
        return Ok(());
    }
    Err(Refusal::new(Rule::StaticLimits, format!("{count} {what}, at most {limit} are allowed")))
}
