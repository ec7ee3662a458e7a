//! Where log inputs hand over what they have parsed.

use crate::LogRecord;

/// Why records were not stored; the sender may try again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue between input and store is full.
    #[error("the queue of incoming records is full, send again in a moment")]
    Busy,
    /// The store cannot make anything durable now (full disk, failed fsync).
    #[error("records cannot be stored: {0}")]
    Storage(String),
    #[error("the server is shutting down")]
    Stopping,
}

/// Takes records from inputs. Implemented by the pipeline, and by a recorder in the inputs' tests.
pub trait RecordSink: Send + Sync {
    /// Takes records that nobody waits for (UDP). Never blocks; records that do not fit are dropped and counted
    /// by the sink, and their number is returned.
    fn offer(&self, records: Vec<LogRecord>) -> usize;

    /// Stores records and returns when they are durable. Blocks: call it where blocking is allowed.
    fn store(&self, records: Vec<LogRecord>) -> Result<(), Refused>;
}
