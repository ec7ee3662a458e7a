//! `POST /api/v1/read`: series for another Prometheus, as samples or as a stream of chunks.
//! Spec: <https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/>; Prometheus 3.14, `storage/remote`.

mod bits;
mod chunk;
mod message;
mod request;
mod spans;

use self::message::Message;
use self::request::{ReadQuery, ReadRequest, ResponseType};
use crate::Api;
use crate::error::PromError;
use crate::workers::{Interrupted, Outlet};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use std::io;
use std::sync::Arc;
use watchfire_model::{Labels, MatchOp, Matcher, QueryBudget, Samples, SelectError, SeriesReader, SeriesSource};

/// Bytes of chunks in a frame, more only where a single chunk has more (upstream's default).
const FRAME_BYTES_MAX: usize = 1 << 20;
const STREAMED: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

/// Snappy's block format around a `ReadRequest`; at most a form's length.
pub(super) async fn read(State(api): State<Arc<Api>>, body: Bytes) -> Result<Response, PromError> {
    let read = api.workers.run(None, move |_| {
        let request = ReadRequest::read(&body)?;
        let kind = request.response_type()?;
        Ok::<_, request::RequestError>((request.queries, kind))
    });
    let (queries, kind) = read.await?.map_err(|error| PromError::bad_data(error.to_string()))?;
    let (series, external) = (api.source(), api.host.external_labels());
    match kind {
        ResponseType::Samples => {
            let work = move |budget: &QueryBudget| sampled(&*series, &queries, &external, budget);
            let body = api.workers.run(None, work).await??;
            Ok(([(CONTENT_TYPE, "application/x-protobuf"), (CONTENT_ENCODING, "snappy")], body).into_response())
        }
        ResponseType::StreamedXorChunks => {
            let mut pieces = api.workers.stream(move |budget, outlet| {
                if let Err(Ended::Failed(error)) = streamed(&*series, &queries, &external, budget, outlet) {
                    // The client may have left by now, or sees that the answer is not whole.
                    let _ = outlet.put(Err(error.into()));
                }
            })?;
            // One that fails at once is answered with the status of its failure.
            let first = pieces.next().await.transpose()?;
            let rest = stream::unfold(pieces, async |mut pieces| Some((pieces.next().await?, pieces)));
            let rest =
                rest.map(|piece: Result<Bytes, PromError>| piece.map_err(|error| io::Error::other(error.parts().1)));
            let body = Body::from_stream(stream::iter(first.map(Ok)).chain(rest));
            Ok(([(CONTENT_TYPE, STREAMED)], body).into_response())
        }
    }
}

/// Why a stream stops early.
enum Ended {
    Failed(SelectError),
    Left,
}

impl From<SelectError> for Ended {
    fn from(error: SelectError) -> Ended {
        Ended::Failed(error)
    }
}

impl From<Interrupted> for Ended {
    fn from(_: Interrupted) -> Ended {
        Ended::Left
    }
}

/// The whole answer as `ReadResponse`, compressed.
fn sampled(
    series: &dyn SeriesSource,
    queries: &[ReadQuery],
    external: &Labels,
    budget: &QueryBudget,
) -> Result<Vec<u8>, PromError> {
    let mut response = Message::default();
    let mut samples = Samples::default();
    for query in queries {
        let mut result = Message::default();
        for reader in select(series, query, external, budget)? {
            samples.clear();
            reader.read(query.range, budget, &mut samples)?;
            if !samples.is_empty() {
                let one = message::time_series(&with_external(&*reader, external), &samples);
                budget.take_memory(one.0.len() as u64).map_err(SelectError::Budget)?;
                result.bytes(1, &one.0);
            }
        }
        response.bytes(1, &result.0);
    }
    let compressed = snap::raw::Encoder::new().compress_vec(&response.0);
    compressed.map_err(|error| PromError::internal(error.to_string()))
}

/// Frames of `ChunkedReadResponse`, each behind its length and checksum; a series may take several.
fn streamed(
    series: &dyn SeriesSource,
    queries: &[ReadQuery],
    external: &Labels,
    budget: &QueryBudget,
    outlet: &mut Outlet<PromError>,
) -> Result<(), Ended> {
    let mut samples = Samples::default();
    for (index, query) in queries.iter().enumerate() {
        for reader in select(series, query, external, budget)? {
            samples.clear();
            reader.read(query.range, budget, &mut samples)?;
            let labels = message::labels(&with_external(&*reader, external));
            let mut frame = Message(labels.0.clone());
            for chunk in chunk::chunks(&samples) {
                let chunk = message::chunk(&chunk);
                if frame.0.len() > labels.0.len() && frame.0.len() + chunk.0.len() > FRAME_BYTES_MAX {
                    let full = std::mem::replace(&mut frame, Message(labels.0.clone()));
                    outlet.put(Ok(framed(&full, index)))?;
                }
                frame.bytes(2, &chunk.0);
            }
            // Only one series is held at a time.
            budget.return_samples(samples.weight_from(0));
            if !samples.is_empty() {
                outlet.put(Ok(framed(&frame, index)))?;
            }
        }
    }
    Ok(())
}

fn framed(series: &Message, query: usize) -> Bytes {
    let mut response = Message::default();
    response.bytes(1, &series.0);
    if query > 0 {
        response.varint(2, query as u64);
    }
    let mut frame = Message::default();
    frame.raw_varint(response.0.len() as u64);
    frame.0.extend(crc32c::crc32c(&response.0).to_be_bytes());
    frame.0.extend(response.0);
    Bytes::from(frame.0)
}

/// A matcher that asks for an external label has been answered by it.
fn select(
    series: &dyn SeriesSource,
    query: &ReadQuery,
    external: &Labels,
    budget: &QueryBudget,
) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
    let is_ours = |matcher: &&Matcher| {
        matcher.op() == MatchOp::Equal && external.get(matcher.name()).is_some_and(|value| value == matcher.value())
    };
    let matchers: Vec<Matcher> = query.matchers.iter().filter(|one| !is_ours(one)).cloned().collect();
    if query.range.end < query.range.start {
        return Ok(Vec::new());
    }
    series.select(&matchers, query.range, budget)
}

/// The series' own labels win.
fn with_external(reader: &dyn SeriesReader, external: &Labels) -> Labels {
    let mut labels = reader.labels().to_builder();
    for label in external {
        if labels.get(&label.name).is_none() {
            labels.set(label.name.clone(), label.value.clone());
        }
    }
    labels.build()
}

#[cfg(test)]
mod tests;
