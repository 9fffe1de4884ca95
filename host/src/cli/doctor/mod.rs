//! `vyx doctor`: everything that a host needs, looked at in one go.

mod database;
mod environment;
mod machine;
mod writers;

use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::project::{block_on, width, wrapped};
use super::terminal::print_line;
use crate::config::Config;
use environment::Environment;

/// Looks at everything that `vyx run` needs, and says how to mend what is wrong.
///
/// It reads the environment that the host would read, asks the project, and looks at this machine. Nothing is changed, and no key is
/// shown. On Fly it runs in the machine, as docs/deploy.md shows.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx doctor
  RUN_MODE=shared_backend SUPABASE_URL=https://abcdefgh.supabase.co SUPABASE_SERVICE_ROLE_KEY=… vyx doctor --json

Exit codes:
  0   nothing keeps the host from its work; there may be warnings
  1   something does
  78  the environment is misconfigured")]
pub(super) struct Args {
    /// Print all checks as one JSON object.
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
    /// It could not be made, because of another fault.
    Skip,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    status: Verdict,
    message: String,
    fix: Option<String>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings {
    checks: Vec<Check>,
    /// Whether a fault is one of the environment.
    is_misconfigured: bool,
}

impl Findings {
    fn ok(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Verdict::Ok, message, None);
    }

    fn warn(&mut self, name: &'static str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(name, Verdict::Warn, message, Some(fix.into()));
    }

    fn fail(&mut self, name: &'static str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(name, Verdict::Fail, message, Some(fix.into()));
    }

    /// A fault of the environment, whose words end with the fix.
    fn misconfigured(&mut self, name: &'static str, error: &impl ToString) {
        self.is_misconfigured = true;
        let text = error.to_string();
        let (message, fix) = text.rsplit_once("; ").unwrap_or((&text, "set it again"));
        self.fail(name, message, fix);
    }

    fn skip(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Verdict::Skip, message, None);
    }

    fn add(&mut self, name: &'static str, status: Verdict, message: impl Into<String>, fix: Option<String>) {
        self.checks.push(Check { name, status, message: message.into(), fix });
    }

    fn count(&self, status: Verdict) -> usize {
        self.checks.iter().filter(|check| check.status == status).count()
    }

    /// One line for each check, wrapped under itself where the terminal is narrower.
    fn lines(&self, width: usize) -> Vec<String> {
        const INDENT: &str = "                   ";
        let mut lines = Vec::new();
        for Check { name, status, message, fix } in &self.checks {
            let word = match status {
                Verdict::Ok => "ok",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
                Verdict::Skip => "skip",
            };
            let text = fix.as_ref().map_or_else(|| message.clone(), |fix| format!("{message}; {fix}"));
            let head = format!("{word:<4}  {name:<11}  ");
            let mut rest = wrapped(&text, width, INDENT).into_iter();
            let first = rest.next().unwrap_or_default();
            lines.push(format!("{head}{}", first.trim_start()).trim_end().to_owned());
            lines.extend(rest);
        }
        lines
    }
}

pub(super) fn run(args: &Args, config: &Config) -> Result<(), Failure> {
    let mut findings = Findings::default();
    let environment = Environment::read(&mut findings);
    let traders = block_on(async { Ok(database::look(&environment, &mut findings).await) })?;
    machine::look(config, &environment, traders, &mut findings);
    let (warnings, faults) = (findings.count(Verdict::Warn), findings.count(Verdict::Fail));
    if args.json {
        print_line(json!({
            "ok": faults == 0, "warnings": warnings, "faults": faults,
            "misconfigured": findings.is_misconfigured, "checks": findings.checks,
        }));
    } else {
        for line in findings.lines(width()) {
            print_line(line);
        }
        print_line("");
        let number = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        print_line(format!("{}, {}", number(faults, "fault"), number(warnings, "warning")));
    }
    match (findings.is_misconfigured, faults) {
        (true, _) => Err(Failure::told_config()),
        (false, 0) => Ok(()),
        (false, _) => Err(Failure::told()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_narrow_terminal() {
        let mut findings = Findings::default();
        findings.ok("run mode", "shared_backend, fly app vyx-app");
        findings.warn(
            "publication",
            "traders is not in the publication supabase_realtime, so a toggle is seen by polling",
            "apply the migrations in supabase/migrations",
        );
        findings.misconfigured("key", &"SUPABASE_SERVICE_ROLE_KEY is not set; set it");
        findings.skip("schema", "the project was not reached");
        let lines = findings.lines(60);
        assert!(lines.iter().all(|line| line.chars().count() <= 60), "{lines:?}");
        insta::assert_snapshot!(lines.join("\n"));
        assert!(findings.is_misconfigured);
        assert_eq!(findings.lines(400).len(), 4);
    }
}
