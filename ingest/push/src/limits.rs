//! What one request may hold.

use watchfire_model::ByteSize;

/// Bounds of a request. Real senders put a few thousand samples into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Body as sent; default 32 MiB.
    pub body_max: ByteSize,
    /// Message after decompression; default 32 MiB, as Prometheus' own.
    pub message_max: ByteSize,
    /// Samples of a message, buckets of histograms and exemplars among them; default 1,000,000. The shortest takes two bytes
    /// on the wire and 24 in memory.
    pub samples_max: usize,
    /// Entries of the table of texts that a message of version 2.0 begins with; default 1,000,000.
    pub symbols_max: usize,
    /// Labels of a series; default 64.
    pub labels_max: usize,
    /// Bytes of a label's name; default 1024.
    pub name_len_max: usize,
    /// Bytes of a label's value; default 4096.
    pub value_len_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_max: ByteSize::from_mib(32),
            message_max: ByteSize::from_mib(32),
            samples_max: 1_000_000,
            symbols_max: 1_000_000,
            labels_max: 64,
            name_len_max: 1024,
            value_len_max: 4096,
        }
    }
}
