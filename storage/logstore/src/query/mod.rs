//! Answers: what lies in memory and what lies in blocks, found in the same way.

mod aggregate;
mod answer;
mod cheap_first;
mod fields;
mod histogram;
mod place;
mod pool;
mod rank;
mod scan;
mod search;
mod session;
mod source;
mod values;

pub(crate) use answer::{Missing, Snapshot};
pub(crate) use fields::fields;
pub(crate) use histogram::histogram;
pub(crate) use pool::QueryPool;
pub(crate) use search::search;
