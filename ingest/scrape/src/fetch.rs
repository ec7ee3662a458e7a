//! Gets a page from a target, within a time and a size.

use crate::client::{ClientError, ScrapeClient};
use crate::exposition::{ContentTypeError, ExpositionError, Problem};
use crate::metrics::FailureReason;
use crate::page_memory::{NoRoom, PageHold, PageMemory};
use crate::target::Target;
use flate2::read::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use std::error::Error;
use std::io::Read;
use std::sync::Arc;
use watchfire_model::DurationMs;

/// Bytes that are made room for before they come, whatever a target announces.
const FIRST_PIECE: usize = 16 << 10;

/// Why a scrape failed, in words for the targets page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScrapeFailure {
    #[error("no complete answer within the timeout of {0}")]
    Timeout(DurationMs),
    #[error("{0}")]
    Connection(String),
    #[error("the target answers with HTTP status {0}")]
    Status(reqwest::StatusCode),
    #[error("the page is larger than body_size_limit, {max} bytes")]
    BodySize { max: u64 },
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error("the target sends its page in the encoding `{0}`, which was not asked for")]
    Encoding(String),
    #[error("the page cannot be decompressed: {0}")]
    Gzip(std::io::Error),
    #[error(transparent)]
    Credentials(#[from] ClientError),
    #[error(transparent)]
    ContentType(#[from] ContentTypeError),
    #[error("the page cannot be read: {0}")]
    Page(#[from] ExpositionError),
    #[error("a series of the page cannot be read: {0}")]
    Series(#[from] Problem),
    #[error("{key} exceeded: {found}, the limit is {max}")]
    Limit { key: &'static str, found: u64, max: u64 },
    #[error("a sample has no metric name after relabeling")]
    NoMetricName,
    #[error("`{0}` is not a valid name")]
    InvalidName(String),
    #[error("the samples cannot be stored: {0}")]
    Storage(#[from] watchfire_tsdb::TsdbError),
}

impl ScrapeFailure {
    /// Which limit the target met, where it was one.
    pub(crate) fn limit(&self) -> Option<&'static str> {
        match self {
            ScrapeFailure::BodySize { .. } => Some("body_size"),
            ScrapeFailure::NoRoom(_) => Some("memory"),
            ScrapeFailure::Limit { key, .. } => Some(key),
            _ => None,
        }
    }

    pub(crate) fn reason(&self) -> FailureReason {
        match self {
            ScrapeFailure::Timeout(_) => FailureReason::timeout,
            ScrapeFailure::Connection(_) => FailureReason::connection,
            ScrapeFailure::Status(_) => FailureReason::status,
            ScrapeFailure::BodySize { .. } => FailureReason::body_size,
            ScrapeFailure::NoRoom(_) => FailureReason::memory,
            ScrapeFailure::Encoding(_) | ScrapeFailure::Gzip(_) => FailureReason::encoding,
            ScrapeFailure::Credentials(_) => FailureReason::credentials,
            ScrapeFailure::ContentType(_) => FailureReason::format,
            ScrapeFailure::Page(_)
            | ScrapeFailure::Series(_)
            | ScrapeFailure::NoMetricName
            | ScrapeFailure::InvalidName(_) => FailureReason::parse,
            ScrapeFailure::Limit { .. } => FailureReason::limit,
            ScrapeFailure::Storage(_) => FailureReason::storage,
        }
    }
}

/// A page as received.
#[derive(Debug)]
pub(crate) struct Page {
    body: Vec<u8>,
    is_gzip: bool,
    pub(crate) content_type: Option<String>,
    hold: PageHold,
}

/// A page as meant, and its place in memory.
#[derive(Debug)]
pub(crate) struct PlainPage {
    pub(crate) bytes: Vec<u8>,
    _hold: PageHold,
}

/// Asks the target for its page. The target's timeout covers everything from the connection to the last byte.
pub(crate) async fn fetch(
    client: &ScrapeClient,
    target: &Target,
    body_bytes_max: u64,
    memory: &Arc<PageMemory>,
) -> Result<Page, ScrapeFailure> {
    let timeout = target.timeout.as_duration();
    let request =
        client.get(&target.url)?.header("X-Prometheus-Scrape-Timeout-Seconds", target.timeout.as_seconds().to_string());
    tokio::time::timeout(timeout, receive(request, body_bytes_max, memory))
        .await
        .unwrap_or(Err(ScrapeFailure::Timeout(target.timeout)))
}

async fn receive(
    request: reqwest::RequestBuilder,
    body_bytes_max: u64,
    memory: &Arc<PageMemory>,
) -> Result<Page, ScrapeFailure> {
    let mut response = request.send().await.map_err(|error| connection_failure(&error))?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(ScrapeFailure::Status(response.status()));
    }
    let text = |headers: &HeaderMap, name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let content_type = text(response.headers(), CONTENT_TYPE);
    let encoding = text(response.headers(), CONTENT_ENCODING).unwrap_or_default().to_ascii_lowercase();
    let is_gzip = match encoding.as_str() {
        "gzip" => true,
        "" | "identity" => false,
        _ => return Err(ScrapeFailure::Encoding(encoding)),
    };
    let hold = memory.begin();
    let mut body = Vec::new();
    loop {
        let chunk = tokio::select! {
            chunk = response.chunk() => chunk.map_err(|error| connection_failure(&error))?,
            no_room = hold.evicted() => return Err(no_room.into()),
        };
        let Some(chunk) = chunk else { break };
        if (body.len() + chunk.len()) as u64 > body_bytes_max {
            return Err(ScrapeFailure::BodySize { max: body_bytes_max });
        }
        make_room(&mut body, chunk.len(), &hold)?;
        body.extend_from_slice(&chunk);
    }
    Ok(Page { body, is_gzip, content_type, hold })
}

/// Makes room for `more` bytes and, as the page may go on, for half of what is there.
fn make_room(bytes: &mut Vec<u8>, more: usize, hold: &PageHold) -> Result<(), NoRoom> {
    let free = bytes.capacity() - bytes.len();
    if free < more {
        let wanted = more.max(bytes.len() / 2).max(FIRST_PIECE);
        hold.grow((wanted - free) as u64)?;
        bytes.reserve_exact(wanted);
    }
    Ok(())
}

/// The chain of causes without the URL, which the targets page shows beside it.
fn connection_failure(error: &reqwest::Error) -> ScrapeFailure {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let what = if error.is_connect() { "cannot connect to the target" } else { "the connection to the target broke" };
    ScrapeFailure::Connection(format!("{what}: {cause}"))
}

impl Page {
    #[cfg(test)]
    pub(crate) fn of(body: impl Into<Vec<u8>>, content_type: &str) -> Page {
        let hold = PageMemory::new(watchfire_model::ByteSize(u64::MAX)).begin();
        Page { body: body.into(), is_gzip: false, content_type: Some(content_type.to_owned()), hold }
    }

    /// Resolves when the page has to make room for others before it is read.
    pub(crate) async fn evicted(&self) -> ScrapeFailure {
        self.hold.evicted().await.into()
    }

    /// Bytes as received.
    pub(crate) fn received_len(&self) -> usize {
        self.body.len()
    }

    /// The page itself; decompression stops at `bytes_max`. `len_hint` is the likely length.
    pub(crate) fn into_plain(self, bytes_max: u64, len_hint: usize) -> Result<PlainPage, ScrapeFailure> {
        let Page { body, is_gzip, hold, .. } = self;
        hold.settle()?;
        if !is_gzip {
            return Ok(PlainPage { bytes: body, _hold: hold });
        }
        let mut bytes = Vec::new();
        make_room(&mut bytes, len_hint, &hold)?;
        let mut decoder = MultiGzDecoder::new(body.as_slice());
        loop {
            make_room(&mut bytes, FIRST_PIECE, &hold)?;
            let piece = (bytes.capacity() - bytes.len()) as u64;
            let read = decoder.by_ref().take(piece).read_to_end(&mut bytes).map_err(ScrapeFailure::Gzip)?;
            if bytes.len() as u64 > bytes_max {
                return Err(ScrapeFailure::BodySize { max: bytes_max });
            }
            if (read as u64) < piece {
                return Ok(PlainPage { bytes, _hold: hold });
            }
        }
    }
}
