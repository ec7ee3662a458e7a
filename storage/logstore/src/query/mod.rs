//! Answers: what lies in memory and what lies in blocks, found in the same way.

mod column;
mod eval;
mod fields;
mod histogram;
mod plan;
mod records;
mod rows;
mod search;
mod session;

pub(crate) use column::Rest;
pub(crate) use eval::Granule;
pub(crate) use fields::fields;
pub(crate) use histogram::histogram;
pub(crate) use records::{read_records, sort_fields};
pub(crate) use search::search;
pub(crate) use session::{Missing, Snapshot, Source};
