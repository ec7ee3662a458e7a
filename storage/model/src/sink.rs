//! Where log inputs hand over what they have parsed, and how they learn what became of it.

use crate::{Ledger, LogRecord};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Why records were not stored; the sender may try again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What waits for the store takes all the memory that it may.
    #[error("too many records wait for the store, send again in a moment")]
    Busy,
    /// The store takes nothing in until there is room again; in its words.
    #[error("records cannot be stored before there is room on the disk: {0}")]
    DiskFull(String),
    /// The store cannot make anything durable now (failed fsync, no memory left), in its words.
    #[error("records cannot be stored: {0}")]
    Storage(String),
    #[error("the server is shutting down")]
    Stopping,
}

impl Refused {
    /// When the sender may try again, for HTTP's `Retry-After`.
    pub fn retry_after(&self) -> Duration {
        match self {
            Refused::Busy | Refused::Storage(_) => Duration::from_secs(1),
            Refused::DiskFull(_) | Refused::Stopping => Duration::from_secs(10),
        }
    }
}

/// What became of a record that an input has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is durable.
    Stored,
    /// It was not stored, and its sender was told so.
    Refused,
    /// Lost: records came faster than the store took them.
    PipelineFull,
    /// Lost: the disk stayed full for too long.
    DiskFull,
    /// Lost: the store refused it for too long.
    StoreFailed,
    /// Lost: it could not be made durable, the second time neither.
    CommitFailed,
    /// Lost: the process ended before it could be stored.
    Stopping,
}

impl Fate {
    /// Those of records that nobody has any more, in the order of their variants.
    pub const LOST: [Fate; 5] =
        [Fate::PipelineFull, Fate::DiskFull, Fate::StoreFailed, Fate::CommitFailed, Fate::Stopping];

    /// The value of the label `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Fate::Stored => "stored",
            Fate::Refused => "refused",
            Fate::PipelineFull => "pipeline_full",
            Fate::DiskFull => "disk_full",
            Fate::StoreFailed => "store_failed",
            Fate::CommitFailed => "commit_failed",
            Fate::Stopping => "stopping",
        }
    }
}

/// Learns what became of the records of one offer: implemented by inputs, called by the sink.
pub trait Receipt: Send + Sync + Debug {
    /// These records of the offer, counted from zero, have met their fate. Each record does so exactly once.
    fn settle(&self, records: Range<usize>, fate: Fate);
}

/// Takes records from inputs. Implemented by the pipeline, and by a recorder in the inputs' tests.
pub trait RecordSink: Send + Sync {
    /// Takes records that nobody waits for (UDP). Never blocks for long. What becomes of each record is told to `receipt`,
    /// at once or later, from any thread.
    fn offer(&self, records: Vec<LogRecord>, receipt: Arc<dyn Receipt>);

    /// Stores records and returns when they are durable; after an error none of them is stored. Blocks: call it where
    /// blocking is allowed.
    fn store(&self, records: Vec<LogRecord>) -> Result<(), Refused>;

    /// Where inputs write down what came from which container.
    fn ledger(&self) -> &Arc<Ledger>;
}
