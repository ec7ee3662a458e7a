//! Runs test scripts in Prometheus' notation: `load`, `clear`, `eval instant`, `eval range`, `expect`.
//! Grammar: Prometheus 3.14, `promql/promqltest/README.md`.

pub(crate) mod compare;
pub(crate) mod histogram;
pub(crate) mod points;
pub(crate) mod run;
pub(crate) mod script;
pub(crate) mod source;
