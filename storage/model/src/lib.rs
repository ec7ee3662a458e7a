//! The vocabulary that every other crate shares: types and their meaning, no input or output, no clock.
//!
//! Invariants
//! - [`Labels`] are sorted by name, hold each name once and no empty value.
//! - [`Timestamp`] counts milliseconds, [`TimeNs`] nanoseconds; they never mix without a named conversion.
//! - What a log filter *means* is said here once ([`LogFilter::matches`]): a store may find the records in any way it
//!   likes, but must find these.

mod aggregate;
mod budget;
mod escaping;
mod exemplar;
mod filter;
mod histogram;
mod labels;
mod ledger;
mod log_source;
mod matcher;
mod memory;
mod memory_series;
pub mod protobuf;
mod record;
mod sample;
mod series;
mod sink;
pub mod status;
mod time;
mod units;
mod value_test;
mod words;

pub use aggregate::{
    Accumulator, Aggregate, AggregateFunction, AggregateSpec, Counting, GroupKey, GroupPartition, GroupRow, Groups,
    KeyPart, KeyPartRef, TimeBuckets, TooManyGroups,
};
pub use budget::{Exhausted, QueryBudget};
pub use escaping::{EscapingScheme, escape_name, unescape_name};
pub use exemplar::{Exemplar, SeriesExemplars};
pub use filter::{
    FieldPattern, LogFilter, NumberRange, PatternError, Proximity, TextPattern, TextRegex, Wildcard, WildcardPart,
};
pub use histogram::{
    BucketSpan, Compatibility, CountKind, Histogram, HistogramBucket, HistogramFault, HistogramSum, ResetHint,
    SchemaMismatch,
};
pub use labels::{Label, Labels, LabelsBuilder, METRIC_NAME};
pub use ledger::{CONTAINERS_MAX, Container, Entries, Ledger};
pub use log_source::{
    AggregateRequest, FieldSelection, LogAnswer, LogCost, LogSource, LogSourceError, ScanOrder, ScanRequest,
};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use memory::{MemoryHold, MemoryPool, OutOfMemory};
pub use memory_series::MemorySeries;
pub use record::{
    FieldValue, HOST_FIELD, LEVEL_FIELD, Level, LogRecord, MESSAGE_FIELD, RecordView, STREAM_FIELD, TextKind,
    stream_names,
};
pub use sample::{MetricKind, MetricMetadata, Point, PointValue, STALE_NAN_BITS, Sample, is_stale, stale_nan};
pub use series::{Grid, Samples, SelectError, SeriesReader, SeriesSource};
pub use sink::{Fate, Receipt, RecordSink, Refused};
pub use time::{TimeNs, TimeRange, TimeRangeNs, Timestamp};
pub use units::{ByteSize, DurationMs, UnitError};
pub use value_test::{Dimension, Unit, ValueTest, duration_ns, measure, parse_date};
pub use words::{Words, fold, is_prose, words};
