//! What the local commands share: the engine with its cache, and modules from a path.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::cargo::{self, Words};
use super::failure::Failure;
use crate::config::Config;
use crate::files;
use crate::module::{Cache, Compiler, Modules};
use crate::sandbox::{Manifest, Metering, ParamValue};

/// More than the largest module that is admitted, so that the verdict tells the size and not the reader.
const READ_BYTES: u64 = 64 << 20;

/// The engine, with the compile cache of DATA_DIR. A cache that cannot be used costs time and nothing else.
pub(super) fn modules(metering: Metering, config: &Config) -> Result<Arc<Modules>, Failure> {
    let compiler =
        Compiler::child_of_this_binary().map_err(|error| Failure::fault(format!("no path to myself: {error}")))?;
    let folder = config.data_dir.join("compiled");
    let cache = match Cache::open(&folder) {
        Ok(cache) => Some(cache),
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "no compile cache, set DATA_DIR to a folder of your own");
            None
        }
    };
    Modules::new(metering, compiler, cache).map(Arc::new).map_err(Failure::fault)
}

/// The bytes of a component file, or of the component that a crate builds to.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    if !path.is_dir() {
        return files::read(path, READ_BYTES).map_err(Failure::input);
    }
    let mut built =
        cargo::build(path, false, Words::Shown).map_err(|error| Failure::input(format!("{error:#}").trim_end()))?;
    built.pop().map(|built| built.bytes).ok_or_else(|| Failure::fault("the crate built to nothing"))
}

/// Parameters as given on the command line: `{"period": 7}` or `period=7`, any number of them.
pub(super) fn params(given: &[String], manifest: &Manifest) -> Result<Map<String, Value>, Failure> {
    let mut params = Map::new();
    for text in given {
        if text.trim_start().starts_with('{') {
            let object: Map<String, Value> = serde_json::from_str(text)
                .map_err(|error| Failure::input(format!("--params {text} is not a JSON object: {error}")))?;
            params.extend(object);
            continue;
        }
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::input(format!("--params {text:?} is neither NAME=VALUE nor a JSON object")))?;
        let is_text = manifest
            .params
            .iter()
            .any(|param| param.name == name.trim() && matches!(param.default, ParamValue::Text(_)));
        let value = match serde_json::from_str(value) {
            Ok(parsed) if !is_text => parsed,
            _ => Value::from(value),
        };
        params.insert(name.trim().to_owned(), value);
    }
    Ok(params)
}
