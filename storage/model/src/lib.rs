//! The vocabulary that every other crate shares: types and their meaning, no input or output, no clock.
//!
//! Invariants
//! - [`Labels`] are sorted by name, hold each name once and no empty value.
//! - [`Timestamp`] counts milliseconds, [`TimeNs`] nanoseconds; they never mix without a named conversion.
//! - What a log filter *means* is said here once ([`LogFilter::matches`]): a store may find the records in any way it
//!   likes, but must find these.

mod budget;
mod filter;
mod labels;
mod ledger;
mod matcher;
mod memory;
mod record;
mod sample;
mod series;
mod sink;
pub mod status;
mod time;
mod units;
mod words;

pub use budget::{Exhausted, QueryBudget};
pub use filter::{
    FieldPattern, HOST_FIELD, LEVEL_FIELD, LogFilter, MESSAGE_FIELD, NumberRange, PatternError, STREAM_FIELD,
    TextPattern, Wildcard, WildcardPart,
};
pub use labels::{Label, Labels, LabelsBuilder, METRIC_NAME};
pub use ledger::{CONTAINERS_MAX, Container, Entries, Ledger};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use memory::{MemoryHold, MemoryPool, OutOfMemory};
pub use record::{FieldValue, Level, LogRecord};
pub use sample::{MetricKind, MetricMetadata, STALE_NAN_BITS, Sample, is_stale, stale_nan};
pub use series::{Samples, SelectError, SeriesReader, SeriesSource};
pub use sink::{Fate, Receipt, RecordSink, Refused};
pub use time::{TimeNs, TimeRange, TimeRangeNs, Timestamp};
pub use units::{ByteSize, DurationMs, UnitError};
pub use words::{Words, fold, is_prose, words};
