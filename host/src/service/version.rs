//! What this binary is.

use serde::Serialize;

/// The commit it was built from, where the build was told.
const GIT_SHA: Option<&str> = option_env!("VYX_GIT_SHA");

/// See the module.
#[derive(Debug, Clone, Serialize)]
pub struct Version {
    /// Of the package.
    pub version: &'static str,
    /// The commit; `unknown` where the build was not told.
    pub git_sha: &'static str,
    /// The image that Fly runs, if it says.
    pub image: Option<String>,
    /// ABI versions that the host serves.
    pub abi: Vec<&'static str>,
}

impl Version {
    /// Of this process.
    #[must_use]
    pub fn of_this_binary() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            git_sha: GIT_SHA.unwrap_or("unknown"),
            image: std::env::var("FLY_IMAGE_REF").ok().map(|image| crate::text::shown(&image, 200)),
            abi: crate::sandbox::AbiVersion::SERVED.iter().map(|abi| abi.as_str()).collect(),
        }
    }
}
