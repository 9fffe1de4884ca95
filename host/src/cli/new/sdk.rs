//! Which SDK a new crate depends on.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use toml::{Table, Value};

use crate::config::quoted;

/// The version of this binary, and of the SDK that is released with it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The checkout that this binary was built from, if it still lies there.
const BUILT_FROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sdk {
    /// A folder with the crate, absolute.
    Path {
        folder: PathBuf,
        chosen: Chosen,
    },
    Version {
        version: String,
        chosen: Chosen,
    },
}

/// Why it is this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    Given,
    /// In a checkout around the current folder.
    AroundHere,
    /// In the checkout that the binary lies in, or was built from.
    OfBinary,
    /// No checkout of this version was found.
    NothingElse,
}

impl Sdk {
    /// The SDK that somebody asked for: a version, or a folder that holds it.
    pub(super) fn given(text: &str, here: &Path) -> Result<Self, String> {
        let chosen = Chosen::Given;
        if is_version(text) {
            return Ok(Self::Version { version: text.to_owned(), chosen });
        }
        let path = here.join(text);
        let found = [path.clone(), path.join("sdk")].into_iter().find(|folder| version_of(folder).is_some());
        let folder = found.and_then(|folder| folder.canonicalize().ok()).ok_or_else(|| {
            let given = quoted(text);
            format!(
                "--sdk {given} holds no vyx-sdk; give the folder `sdk` of a checkout, or a version such as {VERSION}"
            )
        })?;
        Ok(Self::Path { folder, chosen })
    }

    /// The SDK of this version that lies nearest; without one the released version, which needs a registry that has it.
    pub(super) fn nearest(here: &Path) -> Self {
        let binary = std::env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
        let around = here.ancestors().map(|folder| (folder, Chosen::AroundHere));
        let of_binary = binary.ancestors().chain([Path::new(BUILT_FROM)]).map(|folder| (folder, Chosen::OfBinary));
        let mut candidates = around.chain(of_binary).map(|(folder, chosen)| (folder.join("sdk"), chosen));
        let fits = |folder: &Path| version_of(folder).is_some_and(|version| version == VERSION);
        let found = candidates.find_map(|(folder, chosen)| {
            // A path that stays right when links of the build are gone.
            fits(&folder).then(|| folder.canonicalize().ok()).flatten().map(|folder| Self::Path { folder, chosen })
        });
        found.unwrap_or_else(|| Self::Version { version: VERSION.to_owned(), chosen: Chosen::NothingElse })
    }

    /// What stands after `vyx-sdk =` in the manifest of a crate in `folder`.
    pub(super) fn dependency(&self, folder: &Path) -> Result<String, String> {
        match self {
            Self::Version { version, .. } => Ok(format!("\"{version}\"")),
            Self::Path { folder: sdk, .. } => {
                let path = short_path(sdk, folder);
                let text = path.to_str().ok_or_else(|| {
                    format!("the path {} is not UTF-8, which a manifest has to be; give another one", path.display())
                })?;
                Ok(format!("{{ path = {} }}", Value::from(text)))
            }
        }
    }

    pub(super) fn json(&self) -> Json {
        match self {
            Self::Path { folder, .. } => json!({ "path": folder }),
            Self::Version { version, .. } => json!({ "version": version }),
        }
    }
}

impl fmt::Display for Sdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, chosen) = match self {
            Self::Path { folder, chosen } => {
                (format!("the folder {}", crate::text::shown(&folder.to_string_lossy(), 300)), chosen)
            }
            Self::Version { version, chosen } => (format!("version {version}"), chosen),
        };
        let why = match chosen {
            Chosen::Given => "as given",
            Chosen::AroundHere => "of the checkout around this folder",
            Chosen::OfBinary => "of the checkout that this vyx was built from",
            Chosen::NothingElse => "as that of this vyx; cargo takes it from its registry",
        };
        write!(f, "{what}, {why}")
    }
}

/// Whether it is a version, as cargo reads it: `0.1`, `0.1.0`, `1.0.0-rc.1`.
fn is_version(text: &str) -> bool {
    let (numbers, rest) = text.split_once('-').map_or((text, None), |(numbers, rest)| (numbers, Some(rest)));
    let parts: Vec<&str> = numbers.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_tail =
        |tail: &str| !tail.is_empty() && tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    parts.len() <= 3 && parts.iter().all(is_number) && rest.is_none_or(is_tail)
}

/// The version of the SDK in a folder; none if there is no SDK.
fn version_of(folder: &Path) -> Option<String> {
    let manifest = manifest_in(folder)?;
    let package = manifest.get("package")?;
    if package.get("name")?.as_str()? != "vyx-sdk" {
        return None;
    }
    match package.get("version")? {
        Value::String(version) => Some(version.clone()),
        // `version.workspace = true`
        Value::Table(_) => {
            let workspace = manifest_in(&folder.join(".."))?;
            workspace.get("workspace")?.get("package")?.get("version")?.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

fn manifest_in(folder: &Path) -> Option<Table> {
    std::fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok()
}

/// Relative where the crate lies in the checkout itself, and moves with it; absolute where each may move alone.
fn short_path(sdk: &Path, folder: &Path) -> PathBuf {
    let inside = sdk.parent().filter(|checkout| checkout.parent().is_some());
    let below = inside.and_then(|checkout| folder.strip_prefix(checkout).ok());
    match below {
        Some(below) => {
            let up = below.components().map(|_| std::ffi::OsStr::new(".."));
            up.chain(sdk.file_name()).collect()
        }
        None => sdk.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdk_in(folder: &Path, version: &str) -> PathBuf {
        let sdk = folder.join("sdk");
        std::fs::create_dir_all(&sdk).unwrap();
        std::fs::write(
            folder.join("Cargo.toml"),
            format!("[workspace]\nmembers = [\"sdk\"]\n[workspace.package]\nversion = \"{version}\"\n"),
        )
        .unwrap();
        std::fs::write(sdk.join("Cargo.toml"), "[package]\nname = \"vyx-sdk\"\nversion.workspace = true\n").unwrap();
        sdk.canonicalize().unwrap()
    }

    #[test]
    fn a_version_is_told_from_a_path() {
        assert!(["0.1.0", "1", "0.1", "1.0.0-rc.1"].iter().all(|text| is_version(text)));
        assert!(!["sdk", "../sdk", "1.0.0.0", "", "1.", "1.0-", "./1.0"].iter().any(|text| is_version(text)));
    }

    #[test]
    fn the_folder_of_the_sdk_or_of_the_checkout_is_taken_and_anything_else_refused() {
        let temp = tempfile::tempdir().unwrap();
        let sdk = sdk_in(temp.path(), "9.9.9");
        for text in [".", "sdk", "./sdk/../sdk", sdk.to_str().unwrap()] {
            let Sdk::Path { folder, chosen: Chosen::Given } = Sdk::given(text, temp.path()).unwrap() else { panic!() };
            assert_eq!(folder, sdk);
        }
        let error = Sdk::given("elsewhere", temp.path()).unwrap_err();
        assert!(error.starts_with("--sdk \"elsewhere\" holds no vyx-sdk; give"), "{error}");
    }

    #[test]
    fn the_nearest_one_of_this_version_is_the_default() {
        let temp = tempfile::tempdir().unwrap();
        let sdk = sdk_in(temp.path(), VERSION);
        let inner = temp.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        assert_eq!(Sdk::nearest(&inner), Sdk::Path { folder: sdk, chosen: Chosen::AroundHere });
        // Another version is not what this binary was tested with.
        sdk_in(temp.path(), "9.9.9");
        assert!(!matches!(Sdk::nearest(&inner), Sdk::Path { chosen: Chosen::AroundHere, .. }));
    }

    #[test]
    fn in_the_checkout_the_path_is_relative_and_elsewhere_absolute() {
        let sdk = Sdk::Path { folder: "/src/vyx/sdk".into(), chosen: Chosen::Given };
        let at = |folder: &str| sdk.dependency(Path::new(folder)).unwrap();
        assert_eq!(at("/src/vyx/plugins/mine"), "{ path = \"../../sdk\" }");
        assert_eq!(at("/src/mine"), "{ path = \"/src/vyx/sdk\" }");
        let quoted = Sdk::Path { folder: "/a\"b/sdk".into(), chosen: Chosen::Given };
        let line = format!("vyx-sdk = {}", quoted.dependency(Path::new("/mine")).unwrap());
        let parsed: Table = line.parse().unwrap();
        assert_eq!(parsed["vyx-sdk"]["path"].as_str(), Some("/a\"b/sdk"));
    }
}
