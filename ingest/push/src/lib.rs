//! Samples, native histograms and exemplars that others push: the receiving end of Prometheus' remote write, versions 1.0
//! and 2.0.
//!
//! Specifications: <https://prometheus.io/docs/specs/prw/remote_write_spec/> and
//! <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>. The HTTP server itself stands elsewhere: it hands bodies and
//! two headers to [`Receiver::write`] and answers with the status that it is told.
//!
//! Invariants
//! - Success is told only for samples that are durable. Of a request that is refused in part, the rest is stored.
//! - An exemplar that cannot be kept is counted and refuses nothing, as in Prometheus.
//! - Decoding is pure, total and borrows from its input; nothing is allocated for what a length field merely claims.
//! - Memory is bounded by [`Limits`] for each request, and by a shared pool for all of them.
//! - Everything that is not stored is counted by reason, and its sender is told.

mod batch;
mod content;
mod error;
mod histogram;
mod limits;
mod metrics;
mod receiver;
mod series;
mod snappy;
mod v1;
mod v2;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod testing;

pub use content::{Message, message_of};
pub use error::{DecodeError, WriteError, Written};
pub use limits::Limits;
pub use metrics::Metrics;
pub use receiver::Receiver;
pub use series::{Metadata, RawExemplar, Series, SeriesFault};
pub use snappy::decompress;
pub use v1::DecoderV1;
pub use v2::DecoderV2;
