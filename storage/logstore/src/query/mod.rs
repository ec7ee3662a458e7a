//! Answers: what lies in memory and what lies in blocks, found in the same way.

mod fields;
mod histogram;
mod search;
mod session;

pub(crate) use fields::fields;
pub(crate) use histogram::histogram;
pub(crate) use search::search;
pub(crate) use session::{Missing, Snapshot, Source};
