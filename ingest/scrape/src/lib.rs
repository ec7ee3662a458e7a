//! Scrapes metrics: Prometheus' configuration, relabeling and text formats, and the loops that bring samples into the
//! store.
//!
//! Invariants
//! - Parsers, relabeling and target building are pure; sockets, timers and tasks live in `fetch`, `worker`, `pool`,
//!   `committer` and `manager`.
//! - The samples of a scrape reach the store in one call or not at all; a page with any fault is refused whole, the
//!   series that it ends get staleness markers, and `up` is 0. What OpenMetrics demands of families as a whole is no fault here,
//!   but counted.
//! - What was appended is committed after at most 100 ms: durable within 250 ms of arrival on a disk that keeps up.
//! - Nothing is unbounded. A page: `body_size_limit` and `sample_limit`, or 64 MiB and a million samples. A series: the
//!   `label_…` limits, or 128 labels, names of 1 KiB and values of 8 KiB; beyond the built-in ones only the series is left
//!   out. A target: [`ScrapeLimits::target_series_max`]. All pages at once: [`ScrapeLimits::page_bytes_max`]. Parsing: the
//!   number of cores, heavy pages half of it. Whoever meets one is named in its status, in a notice and in a counter.

mod config;
mod relabel;

mod exposition;

mod appender;
mod batch;
mod cache;
mod classic;
mod client;
mod committer;
mod family_metadata;
mod fetch;
#[cfg(test)]
mod fuzz;
mod limits;
mod manager;
mod metrics;
mod page_memory;
mod pool;
mod sample_rules;
mod series_quota;
mod target;
#[cfg(test)]
mod testing;
mod worker;

pub use client::ClientError;
pub use config::{
    Authorization, BasicAuth, ConfigError, GlobalConfig, HttpHeader, Scheme, ScrapeConfig, ScrapeProtocol, Secret,
    TlsConfig, TlsVersion, validate_scrape_configs,
};
pub use exposition::{
    ContentTypeError, CreatedLine, Entry, ExemplarLine, Exposition, ExpositionError, Format, MetadataFact,
    MetadataLine, OpenMetricsParser, Place, Problem, ProtobufParser, RawLabel, ReadOptions, SampleLine, SampleValue,
    Text, TextParser, format_of, read_series,
};
pub use limits::ScrapeLimits;
pub use manager::{Now, ScrapeManager};
pub use pool::ApplyError;
pub use relabel::{NameScheme, RelabelAction, RelabelConfig, RelabelError, RelabelRules, Verdict};
