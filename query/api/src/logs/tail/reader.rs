//! One reader's way through the batches.

use super::super::record::RecordBody;
use super::super::rows::Rows;
use crate::error::ApiError;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use watchfire_logquery::{Query, RowResult};
use watchfire_logstore::{StoredRecord, Tail, TailEvent};
use watchfire_model::{FieldSelection, LogFilter};

/// Bytes of JSON from which on the records of a batch are sent in several parts.
const PART_BYTES: usize = 256 << 10;

/// What a reader is told next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TailPart {
    /// A JSON array of records.
    Records(String),
    /// So many records were accepted that this reader was too slow for.
    Lost(u64),
}

/// What a reader wants to see, and what becomes of it.
pub(super) struct Matcher {
    filter: LogFilter,
    rows: Option<Rows>,
    is_done: bool,
}

pub(super) struct Reader {
    tail: Tail,
    /// Absent while it is at work.
    matcher: Option<Matcher>,
    /// A batch is looked at away from the sockets: a query may be expensive.
    matching: Option<JoinHandle<(Matcher, VecDeque<String>)>>,
    parts: VecDeque<String>,
    stopping: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Matcher {
    /// # Errors
    /// The query has steps that need all records.
    pub(super) fn new(query: Query) -> Result<Matcher, ApiError> {
        let rows = Rows::of(&query)?;
        Ok(Matcher { filter: query.filter, rows, is_done: false })
    }

    /// What of a batch this reader sees, as JSON arrays.
    fn select(&mut self, batch: &[StoredRecord]) -> VecDeque<String> {
        let mut parts = Parts::default();
        for StoredRecord { id, record } in batch.iter().filter(|stored| self.filter.matches(&stored.record)) {
            match &mut self.rows {
                None => parts.push(&RecordBody { id: *id, record, fields: &FieldSelection::All }),
                Some(rows) => {
                    if let RowResult::Emit(record) = rows.apply(id.sequence, record) {
                        parts.push(&RecordBody { id: *id, record: &record, fields: &FieldSelection::All });
                    }
                    self.is_done = rows.is_done();
                }
            }
            if self.is_done {
                break;
            }
        }
        parts.finish()
    }
}

impl Reader {
    pub(super) fn new(
        tail: Tail,
        matcher: Matcher,
        stopping: CancellationToken,
        place: OwnedSemaphorePermit,
    ) -> Reader {
        Reader { tail, matcher: Some(matcher), matching: None, parts: VecDeque::new(), stopping, _place: place }
    }

    /// The next part, or `None` at the end: the server stops, or the query has all that it wants. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<TailPart> {
        loop {
            if let Some(part) = self.parts.pop_front() {
                return Some(TailPart::Records(part));
            }
            if let Some(matching) = &mut self.matching {
                let matched = matching.await;
                self.matching = None;
                // A defect in the query's evaluation ends this reader alone.
                let (matcher, parts) = matched.ok()?;
                (self.matcher, self.parts) = (Some(matcher), parts);
                continue;
            }
            if self.matcher.as_ref().is_none_or(|matcher| matcher.is_done) {
                return None;
            }
            let event = tokio::select! {
                () = self.stopping.cancelled() => return None,
                event = self.tail.next() => event,
            };
            match event {
                TailEvent::Closed => return None,
                TailEvent::Lost(records) => return Some(TailPart::Lost(records)),
                TailEvent::Records(batch) => self.start(batch),
            }
        }
    }

    fn start(&mut self, batch: Arc<[StoredRecord]>) {
        let Some(mut matcher) = self.matcher.take() else { return };
        self.matching = Some(tokio::task::spawn_blocking(move || {
            let parts = matcher.select(&batch);
            (matcher, parts)
        }));
    }
}

/// JSON arrays of about [`PART_BYTES`] each.
#[derive(Default)]
struct Parts {
    done: VecDeque<String>,
    /// Without its closing bracket.
    open: String,
}

impl Parts {
    fn push(&mut self, record: &RecordBody<'_>) {
        self.open.push(if self.open.is_empty() { '[' } else { ',' });
        let json = serde_json::to_string(record).expect("records have string keys and finite numbers");
        self.open.push_str(&json);
        if self.open.len() >= PART_BYTES {
            self.close();
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.open.push(']');
            self.done.push_back(std::mem::take(&mut self.open));
        }
    }

    fn finish(mut self) -> VecDeque<String> {
        self.close();
        self.done
    }
}
