//! The thread that empties the queue into the store.
//!
//! A batch that the store refuses is handed to it again for a while: the disk may be full, or a session of its log has just
//! failed. A batch that the store has taken but could not make durable is out of the store again, and is stored once more.
//! Both are safe because the store keeps a batch as a whole or not at all.

use crate::pipeline::{Shared, is_disk_full};
use crate::queue::{Batch, Next};
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchfire_logstore::LogStoreError;
use watchfire_model::Fate;

/// How soon a batch that was refused is tried again.
const RETRY: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Drain {
    shared: Arc<Shared>,
}

/// A batch in the store that is not known to be durable, `position` being the store's name for where it ends.
struct Appended<Position> {
    position: Position,
    batch: Batch,
}

impl Drain {
    pub(crate) fn new(shared: Arc<Shared>) -> Drain {
        Drain { shared }
    }

    /// Moves what waits into the store, and makes it durable in time. Runs until the queue ends.
    pub(crate) fn run(self) {
        let Drain { shared } = &self;
        let append = |batch: &Batch| shared.store.append_slice(&batch.records);
        let commit = |position| shared.store.commit(position);
        let commit_interval = shared.options.commit_interval.as_duration();
        let mut uncommitted = Vec::new();
        let mut refused: Option<Batch> = None;
        loop {
            let due = uncommitted.first().map(|first: &Appended<_>| first.batch.arrived + commit_interval);
            let next = match refused.take() {
                Some(batch) => {
                    let retry = Instant::now() + RETRY;
                    shared.queue.pause(due.map_or(retry, |due| due.min(retry)));
                    Next::Store(batch)
                }
                None => shared.queue.next(due),
            };
            let is_end = matches!(next, Next::End);
            if let Next::Store(batch) = next {
                let appended = append(&batch);
                shared.note(appended.as_ref().map(|_| ()));
                match appended {
                    Ok(position) => uncommitted.push(Appended { position, batch }),
                    Err(error) if self.is_hopeless(&batch, &error) => self.settle(&batch, fate_of(&error)),
                    Err(_) => refused = Some(batch),
                }
            }
            let is_due = |first: &Appended<_>| is_end || first.batch.arrived.elapsed() >= commit_interval;
            if uncommitted.first().is_some_and(is_due) {
                for batch in self.commit(std::mem::take(&mut uncommitted), commit) {
                    self.store_again(&batch, append, commit);
                }
            }
            if is_end {
                break;
            }
        }
        shared.queue.set_drained();
    }

    /// Makes the batches durable; returns those that could not be, and are out of the store.
    fn commit<Position: Copy>(
        &self,
        appended: Vec<Appended<Position>>,
        commit: impl Fn(Position) -> Result<(), LogStoreError>,
    ) -> Vec<Batch> {
        let Some(last) = appended.last() else { return Vec::new() };
        let committed = commit(last.position);
        self.shared.remember(committed.as_ref().err());
        let mut lost = Vec::new();
        for Appended { position, batch } in appended {
            // The first of them may have become durable before the log failed.
            if committed.is_ok() || commit(position).is_ok() {
                self.settle(&batch, Fate::Stored);
            } else {
                lost.push(batch);
            }
        }
        lost
    }

    /// The second and last try for a batch that did not become durable.
    fn store_again<Position>(
        &self,
        batch: &Batch,
        append: impl Fn(&Batch) -> Result<Position, LogStoreError>,
        commit: impl Fn(Position) -> Result<(), LogStoreError>,
    ) {
        self.shared.metrics.undurable_records.inc_by(batch.size.records);
        let stored = append(batch).and_then(commit);
        self.shared.remember(stored.as_ref().err());
        self.settle(batch, if stored.is_ok() { Fate::Stored } else { Fate::CommitFailed });
    }

    /// Whether there is no point in trying again: time is up, or the batch itself is the reason.
    fn is_hopeless(&self, batch: &Batch, error: &LogStoreError) -> bool {
        matches!(error, LogStoreError::RecordTooLarge { .. })
            || batch.arrived.elapsed() >= self.shared.options.patience.as_duration()
            || self.shared.queue.is_closed()
    }

    /// The fate of a batch is known: says so, and frees its room.
    fn settle(&self, batch: &Batch, fate: Fate) {
        batch.settle(fate);
        self.shared.metrics.count(fate, batch.size.records);
        self.shared.queue.free(batch.size);
        self.shared.measure();
    }
}

/// Why a batch that the store kept refusing is lost.
fn fate_of(error: &LogStoreError) -> Fate {
    if is_disk_full(error) { Fate::DiskFull } else { Fate::StoreFailed }
}
