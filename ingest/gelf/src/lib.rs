//! GELF inputs: datagrams, NUL-framed streams and HTTP bodies in, log records out to a [`watchfire_model::RecordSink`].
//!
//! Specification: GELF 1.1 <https://go2docs.graylog.org/current/getting_in_log_data/gelf.html>; where senders differ from
//! it, this crate follows what they really send.
//!
//! Invariants
//! - Parsers are pure and total: any bytes give records or a counted fault, never a panic.
//! - No message is refused for its shape. What is odd about a record (no host, a time of nonsense) is repaired, counted,
//!   and said in the record's field `gelf_fault`.
//! - Everything received is stored, or counted as lost under one [`FaultReason`] of its input and its sender, and for its
//!   container in the [`watchfire_model::Ledger`]: `messages = stored + refused + dropped` once nothing waits.
//! - Memory is bounded: queue, chunks, frames, decompression and sender tables each have a limit.
//! - Sockets live on threads of their own ([`UdpInput`], [`TcpInput`]), which end within [`STOP_CHECK`] of `stop()`.

mod chunk;
mod compression;
mod config;
mod counters;
mod datagrams;
mod decode;
mod drops;
mod fault;
mod fields;
mod http;
mod json;
mod message;
mod metrics;
mod names;
mod number;
mod queue;
mod reassembly;
mod receipt;
mod socket;
mod tcp;
mod timestamp;
mod udp;
mod unread;

pub use chunk::{CHUNKS_MAX, Chunk, ChunkError, MessageId, parse_chunk};
pub use config::{ChunkLimits, GelfConfig, HttpConfig, MessageLimits, TcpConfig, UdpConfig};
pub use counters::InputCounters;
pub use datagrams::{DatagramDecoder, Outcome};
pub use decode::{Arrival, Decoded, Decoder, FaultCounts};
pub use fault::{Consequence, Fault, FaultReason};
pub use http::{HttpInput, HttpOutcome};
pub use metrics::Metrics;
pub use reassembly::{Inserted, Lost, Reassembler, ReassemblyCounts};
pub use tcp::TcpInput;
pub use udp::UdpInput;

use std::time::Duration;

/// How soon a thread that waits for the network sees that it should stop.
pub const STOP_CHECK: Duration = Duration::from_millis(100);

/// Tells the time of day to the input threads.
pub type Now = std::sync::Arc<dyn Fn() -> watchfire_model::TimeNs + Send + Sync>;

/// Why an input could not start.
#[derive(Debug, thiserror::Error)]
pub enum GelfError {
    #[error("`{key}`: {reason}")]
    Config { key: &'static str, reason: &'static str },
    #[error("cannot {action} {address} for GELF over {transport}")]
    Listen { action: &'static str, transport: &'static str, address: std::net::SocketAddr, source: std::io::Error },
    #[error("cannot start a thread for GELF over {transport}")]
    Thread { transport: &'static str, source: std::io::Error },
}

#[cfg(test)]
mod nasty;
#[cfg(test)]
mod recorder;
