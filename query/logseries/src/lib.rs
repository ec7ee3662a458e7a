//! Log records as series: PromQL over what was logged, without a rule declared beforehand.
//!
//! | name | a sample | combines with |
//! | --- | --- | --- |
//! | `logs_count` | the records of that millisecond | `sum_over_time(logs_count[5m])` |
//! | `logs_bytes` | the UTF-8 bytes of their messages | `sum_over_time(logs_bytes[5m])` |
//! | `logs_total`, `logs_bytes_total` | the same as counters, from the start of what the selector looks at | `increase(logs_total[5m] anchored)` |
//! | `log_field{field="NAME"}` | the number in a field, of the last record of that millisecond | `quantile_over_time`, `last_over_time` |
//! | `log_field_sum`, `_count`, `_min`, `_max` | sum, count and extremes of the numbers of that millisecond | the `_over_time` of the same name; `sum` for counts |
//!
//! `log_field` is lossy where one series has several records in a millisecond: the last by its full time, then by arrival, wins.
//! Its four companions are not; `sum_over_time(log_field_sum[5m]) / sum_over_time(log_field_count[5m])` is the exact mean.
//!
//! # Selectors
//!
//! - A label is a field of the record: `logs_count{service="order", level=~"[0-3]"}`. Values are the field's text (a level is its
//!   number), compared as everywhere in PromQL: whole, with case; a record without the field has the empty text. Of `stream`, one
//!   of the record's streams has to pass.
//! - `log_query="refused AND took:>5"` takes the records that a log search finds: the search language without pipes but
//!   `filter`, and without times relative to now. Several are all asked.
//! - `log_by="service,level"` names the labels of the resulting series, `log_by=""` none. Without it they are those of
//!   [`LogSeriesConfig::labels`]. Fields that a matcher names with `=` or `=~` are labels in any case, unless they have to be empty.
//! - `field="took_ms"` names the field of the `log_field` family: numbers, and text that reads as one; all others are passed over.
//! - The name stands as it is: `{__name__=~"logs_.*"}` asks the metrics alone.
//!
//! # Windows
//!
//! A record at `t` nanoseconds is a sample at the next full millisecond. PromQL's windows leave out their start and hold their
//! end, so `sum_over_time(logs_count[5m])` at `t` counts the records with `t - 5m < time <= t`, to the nanosecond: exactly what a
//! log search over those times counts. A counter has a sample right before each step up, so that an anchored increase says the
//! same. A window without records has no sample, and no series: `or vector(0)` says zero.
//!
//! Where the query says which edges its windows can have ([`watchfire_model::Grid`]), the log store counts between them and no
//! record is looked at; otherwise the records are read, with the fields that are labels only.
//!
//! # Limits
//!
//! [`LogSeriesConfig::series_max`] series of one selector, [`MATCHERS_MAX`] matchers, [`LABELS_MAX`] labels; samples and memory are
//! taken from the query's budget, and a cancelled query stops.
//!
//! Invariants
//! - Sums, counts and extremes over any window are those of the log search over that window.
//! - Selecting reads no record's text; samples are gathered once, when the first series is read.
//! - Whatever a selector holds, the answer is series or an error that says what to change.

mod both;
mod config;
mod gather;
mod lowering;
mod metric;
mod reader;
mod selection;
mod source;

pub use both::Both;
pub use config::{ConfigError, LABELS_MAX, LogSeriesConfig};
pub use metric::VirtualMetric;
pub use selection::MATCHERS_MAX;
pub use source::LogSeries;

#[cfg(test)]
mod tests;
