//! Unit tests of rules, as `promtool test rules` runs them: series written down, rules evaluated over them step by step,
//! alerts and expressions compared with what they should be. Format:
//! <https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/>; Prometheus `cmd/promtool/unittest.go`.

mod compare;
mod file;
mod run;
#[cfg(test)]
mod tests;

pub use file::{RuleTestError, RuleTests};

/// Evaluations of all groups in one test.
pub const TEST_EVALUATIONS_MAX: u64 = 10_000_000;

/// What is not as a test says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFailure {
    /// Name of the test, or its place in the file (`test 3`).
    pub test: String,
    /// What was expected, and what came; several lines.
    pub problem: String,
}

impl std::fmt::Display for TestFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.test, self.problem)
    }
}
