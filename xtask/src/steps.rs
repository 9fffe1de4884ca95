//! Runs other programs, one printed line each. Those lines go to stderr: stdout belongs to the program that is run.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// Runs a step that the next ones need: its failure ends the command.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    check(command, status)
}

/// Runs a step whose failure the caller reports.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    print(command);
    command.status().with_context(|| format!("cannot run `{}`", line(command)))
}

/// Runs a step and returns what it wrote to stdout; its stderr, where progress is shown, stays on the terminal.
pub fn capture(command: &mut Command) -> Result<String> {
    print(command);
    read(command.stderr(Stdio::inherit()))
}

/// Asks a program a question; not worth a line.
pub fn read(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run `{}`", line(command)))?;
    check(command, output.status)?;
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed what is not UTF-8", line(command)))
}

pub fn print(command: &Command) {
    eprintln!("xtask: {}", line(command));
}

/// The command as a person would type it: programs by name, since the full path of cargo says nothing.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn check(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed, {status}", line(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_program_without_its_folder() {
        let mut command = Command::new("/opt/toolchain/bin/cargo");
        assert_eq!(line(command.args(["build", "-p", "vyx-host"])), "cargo build -p vyx-host");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let error = read(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error:#}");
    }
}
