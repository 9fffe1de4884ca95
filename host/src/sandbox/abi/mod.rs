//! The versions of the ABI that this host serves: the newest major and the one before it, each in a file of its own, bound to its
//! frozen folder in `sdk/wit`. Everything else in the host speaks of manifests, subscriptions and batches.

mod v1;

use std::fmt;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use super::cell::Cell;
use super::manifest::{Described, Subscribed};
use super::param::ParamValue;

/// A major version of `vyx:trader` that the host serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub enum AbiVersion {
    /// `vyx:trader@1`.
    V1,
}

/// The interface whose version tells the ABI's.
pub const GUEST_INTERFACE: &str = "vyx:trader/guest@";

impl AbiVersion {
    /// All that are served, oldest first.
    pub const SERVED: &'static [Self] = &[Self::V1];

    /// The full version.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1.0.0",
        }
    }

    /// What a component of this version may import.
    #[must_use]
    pub const fn imports(self) -> &'static [&'static str] {
        match self {
            Self::V1 => v1::IMPORTS,
        }
    }

    /// Served versions in words, for a refusal.
    #[must_use]
    pub fn served() -> String {
        let versions: Vec<&str> = Self::SERVED.iter().map(|version| version.as_str()).collect();
        versions.join(" and ")
    }

    /// The served version that is compatible with `text`: of the same major, and no newer.
    #[must_use]
    pub fn serving(text: &str) -> Option<Self> {
        let [major, minor, patch] = numbers(text)?;
        Self::SERVED.iter().copied().find(|served| {
            numbers(served.as_str()).is_some_and(|known| known[0] == major && known >= [major, minor, patch])
        })
    }
}

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn numbers(text: &str) -> Option<[u32; 3]> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// A compiled module, linked to the imports of its ABI version: an instance is made of it in microseconds.
#[derive(Clone)]
pub enum Linked {
    /// `vyx:trader@1`.
    V1(v1::Linked),
}

impl Linked {
    /// Links a component.
    ///
    /// # Errors
    ///
    /// If it does not fit the world of that version.
    pub fn new(engine: &Engine, version: AbiVersion, component: &Component) -> wasmtime::Result<Self> {
        match version {
            AbiVersion::V1 => {
                let mut linker = Linker::new(engine);
                v1::link(&mut linker)?;
                Ok(Self::V1(v1::Linked::new(linker.instantiate_pre(component)?)?))
            }
        }
    }

    pub(super) fn instantiate(&self, store: &mut Store<Cell>) -> wasmtime::Result<Guest> {
        match self {
            Self::V1(linked) => Ok(Guest::V1(linked.instantiate(store)?)),
        }
    }
}

/// The exports of an instance.
pub(super) enum Guest {
    V1(v1::Guest),
}

impl Guest {
    pub(super) fn describe(&self, store: &mut Store<Cell>) -> wasmtime::Result<Described> {
        match self {
            Self::V1(guest) => v1::describe(guest, store),
        }
    }

    pub(super) fn init(
        &self,
        store: &mut Store<Cell>,
        params: &[(String, ParamValue)],
        symbols: &[(u32, String)],
    ) -> wasmtime::Result<Result<Subscribed, String>> {
        match self {
            Self::V1(guest) => v1::init(guest, store, params, symbols),
        }
    }

    #[inline]
    pub(super) fn on_close(
        &self,
        store: &mut Store<Cell>,
        interval: u32,
        open_time_ms: i64,
        close_time_ms: i64,
        symbols: &[u32],
        values: &[f64],
    ) -> wasmtime::Result<Vec<f64>> {
        match self {
            Self::V1(guest) => v1::on_close(guest, store, interval, open_time_ms, close_time_ms, symbols, values),
        }
    }

    pub(super) fn on_symbols(
        &self,
        store: &mut Store<Cell>,
        added: &[(u32, String)],
        gone: &[u32],
    ) -> wasmtime::Result<()> {
        match self {
            Self::V1(guest) => v1::on_symbols(guest, store, added, gone),
        }
    }

    pub(super) fn on_gap(
        &self,
        store: &mut Store<Cell>,
        symbol: u32,
        interval: u32,
        first_ms: i64,
        until_ms: i64,
    ) -> wasmtime::Result<()> {
        match self {
            Self::V1(guest) => v1::on_gap(guest, store, symbol, interval, first_ms, until_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_serves_its_major_up_to_its_own_minor() {
        assert_eq!(AbiVersion::serving("1.0.0"), Some(AbiVersion::V1));
        for other in ["2.0.0", "0.9.0", "1.1.0", "1.0", "1.0.0.0", "one"] {
            assert_eq!(AbiVersion::serving(other), None, "{other}");
        }
    }
}
