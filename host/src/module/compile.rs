//! Compilation, in a child process of the same binary: Cranelift cannot be interrupted and has had panics, so it gets memory, CPU
//! and time limits of its own, and takes only itself down.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::sandbox::{Metering, engine, limits};
use crate::text::shown;

/// The hidden subcommand that the child runs.
pub const CHILD_COMMAND: &str = "compile-module";
/// How often the child is looked after.
const POLL: Duration = Duration::from_millis(2);

/// Where compilation happens.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In a child process of this binary, `vyx`.
    Child(PathBuf),
    /// In this process: for programs that are not `vyx`, and only with modules that they trust.
    InProcess,
}

/// Why nothing was compiled.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompileError {
    /// The module's fault.
    #[error("{0}")]
    Module(String),
    /// The host's fault.
    #[error("{0}")]
    Host(String),
}

impl Compiler {
    /// A child process of the running binary.
    ///
    /// # Errors
    ///
    /// If the path of the binary cannot be found out.
    pub fn child_of_this_binary() -> std::io::Result<Self> {
        Ok(Self::Child(std::env::current_exe()?))
    }

    pub(super) fn compile(&self, bytes: &[u8], metering: Metering) -> Result<Vec<u8>, CompileError> {
        match self {
            Self::InProcess => precompile(bytes, metering).map_err(CompileError::Module),
            Self::Child(binary) => in_child(binary, bytes, metering),
        }
    }
}

fn precompile(bytes: &[u8], metering: Metering) -> Result<Vec<u8>, String> {
    let engine = engine(metering).map_err(|error| error.to_string())?;
    engine.precompile_component(bytes).map_err(|error| format!("{error:#}"))
}

fn in_child(binary: &PathBuf, bytes: &[u8], metering: Metering) -> Result<Vec<u8>, CompileError> {
    let host =
        |what: &str, error: &dyn std::fmt::Display| CompileError::Host(format!("{what} {}: {error}", binary.display()));
    let mut command = Command::new(binary);
    command.arg(CHILD_COMMAND);
    if metering == Metering::Fuel {
        command.arg("--fuel");
    }
    // Neither keys nor anything else of the environment: the child needs none.
    let mut child = command
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| host("could not start the compiler", &error))?;
    let (mut stdin, stdout, stderr) = match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(stderr)) => (stdin, stdout, stderr),
        _ => return Err(CompileError::Host("the compiler has no pipes".into())),
    };
    let deadline = Instant::now() + limits::COMPILE_WALL;
    std::thread::scope(|scope| {
        // A child that died closes the pipe; how it died is told by its status.
        scope.spawn(move || stdin.write_all(bytes));
        let made = scope.spawn(move || read_all(stdout));
        let said = scope.spawn(move || read_all(stderr));
        let status = loop {
            match child.try_wait().map_err(|error| host("could not wait for the compiler", &error))? {
                Some(status) => break status,
                None if Instant::now() >= deadline => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(CompileError::Module(format!(
                        "compilation took more than {} s",
                        limits::COMPILE_WALL.as_secs()
                    )));
                }
                None => std::thread::sleep(POLL),
            }
        };
        let made = made.join().unwrap_or_default();
        let said = said.join().unwrap_or_default();
        if status.success() {
            return Ok(made);
        }
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        Err(CompileError::Module(format!("the compiler ended with {status}: {}", shown(last, limits::HELP_BYTES))))
    })
}

fn read_all(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before an error is all that there is to judge.
    let _ = from.read_to_end(&mut bytes);
    bytes
}

/// What the child does: limits itself, compiles standard input, writes machine code to standard output.
///
/// # Errors
///
/// In words, for the parent.
pub fn compile_child(metering: Metering) -> Result<(), String> {
    let limit = |resource, value| {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
            .map_err(|error| format!("could not limit {resource:?} to {value}: {error}"))
    };
    // Not every system knows a limit of the address space; the others still hold there.
    if cfg!(target_os = "linux") {
        limit(Resource::As, limits::COMPILE_MEMORY_BYTES)?;
    }
    limit(Resource::Cpu, limits::COMPILE_CPU.as_secs())?;
    limit(Resource::Core, 0)?;
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|error| format!("could not read the module: {error}"))?;
    let made = precompile(&bytes, metering)?;
    std::io::stdout().write_all(&made).map_err(|error| format!("could not write the code: {error}"))
}
