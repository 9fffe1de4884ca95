//! How a command ends when it does not end well.

use std::process::ExitCode;

use crate::config::{EXIT_CONFIG, Misconfigured};

/// A message of one line, and the exit code that goes with it.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    message: Option<String>,
}

impl Failure {
    /// The trader or the host is at fault; the command has said so already.
    pub(super) const fn told() -> Self {
        Self { code: 1, message: None }
    }

    /// The trader or the host is at fault.
    pub(super) fn fault(message: impl ToString) -> Self {
        Self { code: 1, message: Some(message.to_string()) }
    }

    /// What was given cannot be used.
    pub(super) fn input(message: impl ToString) -> Self {
        Self { code: 2, message: Some(message.to_string()) }
    }

    /// The deployment is misconfigured in a way that no variable alone tells.
    pub(super) fn config(message: impl ToString) -> Self {
        Self { code: EXIT_CONFIG, message: Some(message.to_string()) }
    }

    /// Ctrl-C or SIGTERM came.
    pub(super) fn interrupted(message: impl ToString) -> Self {
        Self { code: 130, message: Some(message.to_string()) }
    }

    /// The environment is at fault; the command has said so already.
    pub(super) const fn told_config() -> Self {
        Self { code: EXIT_CONFIG, message: None }
    }

    pub(super) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<Misconfigured> for Failure {
    fn from(error: Misconfigured) -> Self {
        Self { code: EXIT_CONFIG, message: Some(error.to_string()) }
    }
}
