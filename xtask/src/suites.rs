//! What ran, what was skipped and why: the lines that close a test run.

use std::process::ExitCode;

pub enum Outcome {
    Passed,
    Failed,
    Skipped(&'static str),
}

pub struct Suites {
    list: Vec<(&'static str, Outcome)>,
    /// In CI a skipped suite fails the run, so that a machine that lacks something cannot look green.
    skips_fail: bool,
}

impl Suites {
    pub fn new(skips_fail: bool) -> Self {
        Self { list: Vec::new(), skips_fail }
    }

    pub fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.list.push((name, outcome));
    }

    /// The last line has the form in which CI reads totals.
    pub fn report(&self) -> String {
        let mut lines = String::new();
        let [mut passed, mut failed, mut skipped] = [0, 0, 0];
        for (name, outcome) in &self.list {
            let (count, text) = match outcome {
                Outcome::Passed => (&mut passed, "passed".to_owned()),
                Outcome::Failed => (&mut failed, "failed".to_owned()),
                Outcome::Skipped(why) if self.skips_fail => (&mut failed, format!("failed: skipped in CI, {why}")),
                Outcome::Skipped(why) => (&mut skipped, format!("skipped: {why}")),
            };
            *count += 1;
            lines += &format!("xtask: {name}: {text}\n");
        }
        lines + &format!("suites: {passed} passed, {failed} failed, {skipped} skipped")
    }

    /// A run in which nothing ran is no success: the name of a test was mistyped.
    pub fn exit_code(&self) -> ExitCode {
        let failed = self.list.iter().any(|(_, outcome)| self.fails(outcome));
        let passed = self.list.iter().any(|(_, outcome)| matches!(outcome, Outcome::Passed));
        if passed && !failed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn fails(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Passed => false,
            Outcome::Failed => true,
            Outcome::Skipped(_) => self.skips_fail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_skipped(skips_fail: bool) -> Suites {
        let mut suites = Suites::new(skips_fail);
        suites.add("tests", Outcome::Passed);
        suites.add("browser tests", Outcome::Skipped("no browser found"));
        suites
    }

    #[test]
    fn a_skip_is_named_and_passes_on_a_persons_machine() {
        let suites = one_skipped(false);
        let report = "xtask: tests: passed\nxtask: browser tests: skipped: no browser found\n\
                      suites: 1 passed, 0 failed, 1 skipped";
        assert_eq!(suites.report(), report);
        assert_eq!(suites.exit_code(), ExitCode::SUCCESS);
    }

    #[test]
    fn a_skip_fails_in_ci() {
        let suites = one_skipped(true);
        assert!(suites.report().ends_with("suites: 1 passed, 1 failed, 0 skipped"), "{}", suites.report());
        assert_eq!(suites.exit_code(), ExitCode::FAILURE);
    }

    #[test]
    fn a_run_without_any_test_fails() {
        let mut suites = Suites::new(false);
        suites.add("tests", Outcome::Skipped("the arguments select none of its tests"));
        assert_eq!(suites.exit_code(), ExitCode::FAILURE);
    }

    #[test]
    fn a_failure_fails_everywhere() {
        let mut suites = one_skipped(false);
        suites.add("doc tests", Outcome::Failed);
        assert_eq!(suites.exit_code(), ExitCode::FAILURE);
    }
}
