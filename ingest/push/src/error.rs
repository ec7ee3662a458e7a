//! Why a request was not taken, or not all of it.

use std::time::Duration;
use watchfire_model::ByteSize;
use watchfire_model::protobuf::ProtobufError;

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("content type `{content_type}` is not supported, send application/x-protobuf with remote write 1.0 or 2.0")]
    ContentType { content_type: String },
    #[error("content encoding `{encoding}` is not supported, send snappy")]
    ContentEncoding { encoding: String },
    #[error("the body takes {len} bytes, the limit is {max}: send fewer samples in each request")]
    BodyTooLarge { len: usize, max: ByteSize },
    #[error("the message takes {len} bytes when decompressed, the limit is {max}: send fewer samples in each request")]
    MessageTooLarge { len: usize, max: ByteSize },
    /// Buckets of histograms and exemplars count as samples.
    #[error("the message holds more than {max} samples: send fewer in each request")]
    TooManySamples { max: usize },
    #[error("the message holds more than {max} symbols: send fewer series in each request")]
    TooManySymbols { max: usize },
    #[error("the body is not in snappy's block format")]
    Snappy(#[source] snap::Error),
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
    /// Version 2.0: a text is named that the table does not hold.
    #[error("the message names symbol {reference} of {len}")]
    Symbol { reference: u64, len: usize },
    /// Version 2.0: the first symbol must be the empty text, labels come in pairs.
    #[error("the message breaks remote write 2.0: {what}")]
    Protocol { what: &'static str },
}

/// How much of a request is durable, for the headers `X-Prometheus-Remote-Write-…-Written` of version 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
}

/// Why a request is not answered with 204.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Nothing is stored.
    #[error("cannot read the remote write request")]
    Decode(#[from] DecodeError),
    /// A part is stored, the rest never will be.
    #[error("{refused} of the request's samples were refused, the others are stored; first: {first}")]
    Partial { written: Written, refused: u64, first: String },
    /// Nothing is known to be stored; sending the same again is safe.
    #[error("samples cannot be stored now: {reason}")]
    Unavailable { reason: String, retry_after: Duration },
}

impl WriteError {
    /// The status code of the answer: 400, 413, 415 or 503.
    pub fn status(&self) -> u16 {
        match self {
            WriteError::Decode(DecodeError::ContentType { .. } | DecodeError::ContentEncoding { .. }) => 415,
            WriteError::Decode(
                DecodeError::BodyTooLarge { .. }
                | DecodeError::MessageTooLarge { .. }
                | DecodeError::TooManySamples { .. }
                | DecodeError::TooManySymbols { .. },
            ) => 413,
            WriteError::Decode(_) | WriteError::Partial { .. } => 400,
            WriteError::Unavailable { .. } => 503,
        }
    }

    /// For the header `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            WriteError::Unavailable { retry_after, .. } => Some(*retry_after),
            WriteError::Decode(_) | WriteError::Partial { .. } => None,
        }
    }

    /// What is durable all the same.
    pub fn written(&self) -> Written {
        match self {
            WriteError::Partial { written, .. } => *written,
            WriteError::Decode(_) | WriteError::Unavailable { .. } => Written::default(),
        }
    }
}
