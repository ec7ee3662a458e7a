//! `prometheus.ReadRequest`. Spec: Prometheus 3.14, `prompb/remote.proto`.

use watchfire_model::protobuf::{Fields, ProtobufError, Value};
use watchfire_model::{MatchOp, Matcher, MatcherError, TimeRange, Timestamp};

/// Bytes that a request may take when decompressed.
pub(super) const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Queries in a request.
const QUERIES_MAX: usize = 1_000;
/// Matchers in a query.
const MATCHERS_MAX: usize = 1_000;

/// What is asked for, and how the answer may look.
#[derive(Debug, Default)]
pub(super) struct ReadRequest {
    pub(super) queries: Vec<ReadQuery>,
    /// In order of preference; none stands for samples.
    accepted: Vec<u64>,
}

#[derive(Debug)]
pub(super) struct ReadQuery {
    pub(super) range: TimeRange,
    pub(super) matchers: Vec<Matcher>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseType {
    Samples,
    StreamedXorChunks,
}

/// Why a body is no request.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("the body is not in snappy's block format: {0}")]
    Snappy(#[from] snap::Error),
    #[error("the message takes {len} bytes when decompressed, the limit is {max}")]
    TooLarge { len: usize, max: usize },
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
    #[error("the request has more than {max} {what}")]
    TooMany { what: &'static str, max: usize },
    #[error("a name or value is not UTF-8")]
    NotUtf8,
    #[error("invalid matcher type {0}")]
    MatcherType(u64),
    #[error(transparent)]
    Matcher(#[from] MatcherError),
    #[error(
        "server does not support any of the requested response types: {0:?}; supported: [SAMPLES STREAMED_XOR_CHUNKS]"
    )]
    ResponseType(Vec<u64>),
}

impl ReadRequest {
    /// Reads a body. The length that it claims is checked before any memory is taken for it.
    pub(super) fn read(body: &[u8]) -> Result<ReadRequest, RequestError> {
        let len = snap::raw::decompress_len(body)?;
        if len > MESSAGE_BYTES_MAX {
            return Err(RequestError::TooLarge { len, max: MESSAGE_BYTES_MAX });
        }
        let message = snap::raw::Decoder::new().decompress_vec(body)?;
        let mut request = ReadRequest::default();
        let mut fields = Fields::new(&message);
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(bytes)) => {
                    if request.queries.len() == QUERIES_MAX {
                        return Err(RequestError::TooMany { what: "queries", max: QUERIES_MAX });
                    }
                    request.queries.push(read_query(fields.nested(bytes))?);
                }
                (2, Value::Varint(kind)) => request.accepted.push(kind),
                (2, Value::Bytes(bytes)) => {
                    let mut packed = fields.nested(bytes);
                    while let Some(kind) = packed.next_packed()? {
                        request.accepted.push(kind);
                    }
                }
                (1 | 2, _) => return Err(fields.malformed("wire type of a field").into()),
                _ => {}
            }
        }
        Ok(request)
    }

    /// The first of the accepted kinds that there is.
    pub(super) fn response_type(&self) -> Result<ResponseType, RequestError> {
        if self.accepted.is_empty() {
            return Ok(ResponseType::Samples);
        }
        let known = self.accepted.iter().find_map(|kind| match kind {
            0 => Some(ResponseType::Samples),
            1 => Some(ResponseType::StreamedXorChunks),
            _ => None,
        });
        known.ok_or_else(|| RequestError::ResponseType(self.accepted.clone()))
    }
}

fn read_query(mut fields: Fields<'_>) -> Result<ReadQuery, RequestError> {
    let (mut start, mut end, mut matchers) = (0, 0, Vec::new());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(time)) => start = time as i64,
            (2, Value::Varint(time)) => end = time as i64,
            (3, Value::Bytes(_)) if matchers.len() == MATCHERS_MAX => {
                return Err(RequestError::TooMany { what: "matchers in a query", max: MATCHERS_MAX });
            }
            (3, Value::Bytes(bytes)) => matchers.push(read_matcher(fields.nested(bytes))?),
            (1..=3, _) => return Err(fields.malformed("wire type of a query's field").into()),
            _ => {} // hints
        }
    }
    Ok(ReadQuery { range: TimeRange { start: Timestamp(start), end: Timestamp(end) }, matchers })
}

fn read_matcher(mut fields: Fields<'_>) -> Result<Matcher, RequestError> {
    let (mut op, mut name, mut value) = (MatchOp::Equal, "", "");
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(kind)) => {
                op = match kind {
                    0 => MatchOp::Equal,
                    1 => MatchOp::NotEqual,
                    2 => MatchOp::Regex,
                    3 => MatchOp::NotRegex,
                    kind => return Err(RequestError::MatcherType(kind)),
                }
            }
            (2, Value::Bytes(bytes)) => name = text(bytes)?,
            (3, Value::Bytes(bytes)) => value = text(bytes)?,
            (1..=3, _) => return Err(fields.malformed("wire type of a matcher's field").into()),
            _ => {}
        }
    }
    Ok(Matcher::new(name, op, value)?)
}

fn text(bytes: &[u8]) -> Result<&str, RequestError> {
    std::str::from_utf8(bytes).map_err(|_| RequestError::NotUtf8)
}
