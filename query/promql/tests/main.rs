//! Tests of the engine as a whole: scripts that a user could write, upstream's scripts, and a second parser's opinion.

mod conformance;
mod oracle;
mod properties;
mod runner;
mod scripts;
