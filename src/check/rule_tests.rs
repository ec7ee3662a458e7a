//! `watchfire test rules`: runs unit tests of rules, in promtool's format.

use crate::cli::RuleTestArgs;
use anyhow::{Context, bail};
use regex::Regex;
use std::io::Write;
use watchfire_alerting::RuleTests;

/// Runs the tests of every file before it fails.
pub(crate) fn rule_tests(args: &RuleTestArgs) -> anyhow::Result<()> {
    let chosen: Vec<Regex> = args
        .run
        .iter()
        .map(|pattern| Regex::new(pattern).with_context(|| format!("--run {pattern}")))
        .collect::<Result<_, _>>()?;
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|pattern| pattern.is_match(name));
    let mut out = std::io::stdout();
    let mut bad = 0;
    for file in &args.files {
        let tests = match RuleTests::load(file) {
            Ok(tests) => tests,
            Err(error) => {
                eprintln!("{error}");
                bad += 1;
                continue;
            }
        };
        for warning in &tests.warnings {
            eprintln!("warning: {}: {warning}", file.display());
        }
        let failures = tests.run(is_chosen);
        let verdict = if failures.is_empty() { "SUCCESS" } else { "FAILED" };
        writeln!(out, "{}: {verdict}", file.display())?;
        for failure in &failures {
            writeln!(out, "  {}", failure.to_string().replace('\n', "\n  "))?;
        }
        bad += usize::from(!failures.is_empty());
    }
    if bad > 0 {
        bail!("{bad} of {} files of tests fail", args.files.len());
    }
    Ok(())
}
