//! The metric store: head, write-ahead log and blocks.

mod error;
mod options;
mod status;
mod tsdb;

pub use error::TsdbError;
pub use options::{SERIES_MAX, TsdbOptions};
pub use status::{Appended, BlockStatus, Cardinality, TsdbStatus};
pub use tsdb::{SeriesId, Tsdb};
