//! Objects of the storage: modules, whose path is made of their digest. What comes is believed only after it was hashed.

use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::error::{ApiError, Class};
use super::timeouts::{ANSWER_BYTES, OBJECT_BYTES, TRANSFER};
use super::{Service, Supabase, answer, body, body_fault, send};
use crate::ids::UserId;
use crate::module::Digest;

/// The bucket of the modules.
pub const MODULE_BUCKET: &str = "trader-modules";

/// Where a module lies in [`MODULE_BUCKET`]: in the prefix of the user who published it, or of the built-in ones.
pub fn module_path(owner: Option<UserId>, digest: &Digest) -> String {
    match owner {
        Some(user) => format!("{user}/{digest}.wasm"),
        None => format!("built-in/{digest}.wasm"),
    }
}

/// A bucket, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bucket {
    /// Whether everybody may read it.
    pub public: bool,
    /// Most bytes of an object; `None`: the limit of the project.
    #[serde(default)]
    pub file_size_limit: Option<u64>,
    /// Media types that it takes; `None`: all.
    #[serde(default)]
    pub allowed_mime_types: Option<Vec<String>>,
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploaded {
    /// The object is new.
    New,
    /// The same bytes were there already.
    Already,
}

/// Why bytes did not come or go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The request failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The object is larger than it may be.
    #[error("{path} has more than {most_bytes} bytes; publish a smaller module")]
    TooLarge {
        /// Path of the object.
        path: String,
        /// Most bytes that it may have.
        most_bytes: usize,
    },
    /// The object has other bytes than its path says.
    #[error("{path} has the sha256 {got} instead of {expected}; delete the object and publish the module again")]
    WrongBytes {
        /// Path of the object.
        path: String,
        /// What was asked for.
        expected: Digest,
        /// What lies there.
        got: Digest,
    },
}

impl Supabase {
    /// The bytes at `path`, which have the digest `expected` and are at most `most_bytes`.
    ///
    /// # Errors
    ///
    /// If they cannot be had or are not those. A key that may not see the object gets [`Class::NotFound`].
    pub async fn download(
        &self,
        bucket: &str,
        path: &str,
        expected: &Digest,
        most_bytes: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let operation = format!("download {bucket}/{path}");
        let url = self.url().storage(&format!("object/authenticated/{bucket}/{path}"));
        let mut response = send(&operation, Service::Storage, self.http().get(url).timeout(TRANSFER)).await?;
        let (mut bytes, mut hash) = (Vec::new(), Sha256::new());
        let read = answer::read(&mut response, most_bytes, |piece| {
            hash.update(piece);
            bytes.extend_from_slice(piece);
        });
        match read.await {
            Ok(()) => {}
            Err(answer::BodyFault::TooLarge) => {
                return Err(StorageError::TooLarge { path: path.to_owned(), most_bytes });
            }
            Err(fault) => return Err(body_fault(&operation, fault, most_bytes).into()),
        }
        let got = Digest::from_bytes(hash.finalize().into());
        if got != *expected {
            return Err(StorageError::WrongBytes { path: path.to_owned(), expected: *expected, got });
        }
        Ok(bytes)
    }

    /// Puts a module at `path`, and overwrites nothing. What lies there already is read back and compared.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or other bytes lie there.
    pub async fn upload(&self, bucket: &str, path: &str, module: &[u8]) -> Result<Uploaded, StorageError> {
        let operation = format!("upload {bucket}/{path}");
        let request = self
            .http()
            .post(self.url().storage(&format!("object/{bucket}/{path}")))
            .timeout(TRANSFER)
            .header(CONTENT_TYPE, "application/wasm")
            .header(CACHE_CONTROL, "max-age=31536000, immutable")
            .header("x-upsert", "false")
            .body(module.to_vec());
        match send(&operation, Service::Storage, request).await {
            Ok(_) => Ok(Uploaded::New),
            Err(error) if *error.class() == Class::AlreadyExists => {
                self.download(bucket, path, &Digest::of(module), OBJECT_BYTES).await?;
                Ok(Uploaded::Already)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is known of a bucket.
    ///
    /// # Errors
    ///
    /// [`Class::SchemaMissing`] if there is none.
    pub async fn bucket(&self, bucket: &str) -> Result<Bucket, ApiError> {
        let operation = format!("read bucket {bucket}");
        let url = self.url().storage(&format!("bucket/{bucket}"));
        let mut response = send(&operation, Service::Storage, self.http().get(url)).await.map_err(missing_bucket)?;
        let bytes = body(&operation, &mut response, ANSWER_BYTES).await?;
        let reason = "the answer has another shape than expected";
        serde_json::from_slice(&bytes).map_err(|_| ApiError::own(operation, Class::Bug, reason))
    }
}

/// Older servers have no code for a missing bucket.
fn missing_bucket(error: ApiError) -> ApiError {
    if *error.class() == Class::NotFound { error.with_class(Class::SchemaMissing) } else { error }
}
