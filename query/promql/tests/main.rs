//! Tests of the engine as a whole: scripts that a user could write, upstream's scripts, and a second parser's opinion.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test binary, helpers outside of test functions too")]

mod accounting;
mod conformance;
mod fuzz;
mod hostile;
mod oracle;
mod properties;
mod runner;
mod scripts;
mod threads;
