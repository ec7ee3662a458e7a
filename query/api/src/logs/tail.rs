//! `/api/watchfire/v1/logs/tail` and `…/tail/ws`: records as they arrive, as Server-Sent Events or over a WebSocket.

mod reader;
mod sse;
mod websocket;

pub(super) use sse::tail;
pub(super) use websocket::tail_ws;

use self::reader::{Matcher, Reader};
use super::saved::read_query;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use std::sync::Arc;

/// Readers at once; further ones are refused.
pub const TAILS_MAX: usize = 100;

/// A reader of what the request asks for, if there is a place for one.
async fn subscribe(api: &Arc<Api>, params: Params) -> Result<Reader, ApiError> {
    let asked = Arc::clone(api);
    let matcher = api.workers.run(None, move |_| Matcher::new(read_query(&asked, &params, &[])?.query)).await??;
    let full = |_| ApiError::busy(format!("{TAILS_MAX} live tails run already, end one"));
    let place = Arc::clone(&api.tails).try_acquire_owned().map_err(full)?;
    Ok(Reader::new(api.logs.tail(), matcher, api.stopping.clone(), place))
}
