//! The threads that queries run on. Whatever brings data in keeps the cores that it needs: inputs and pipeline have threads
//! of the normal priority, queries have these.

use std::io;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::debug;

/// Added to the nice value of each thread: ten queries on a core then weigh about as much as one thread that takes data in,
/// where alone they would leave it an eleventh. Without other work they have all cores to themselves.
const NICENESS: i32 = 10;
/// What queries that still run may take to end, when the process stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Threads for queries. They cannot be those of the server itself: once lowered, a thread's priority cannot be raised again.
#[derive(Debug)]
pub(crate) struct QueryThreads(Runtime);

impl QueryThreads {
    /// Starts none yet; they come as they are needed and go after ten idle seconds.
    ///
    /// # Errors
    /// When the system refuses what a runtime needs.
    pub(crate) fn new() -> io::Result<QueryThreads> {
        Builder::new_current_thread().thread_name("query").on_thread_start(lower_priority).build().map(QueryThreads)
    }

    /// Where to put queries: only what blocks, as nothing drives asynchronous work there.
    pub(crate) fn handle(&self) -> Handle {
        self.0.handle().clone()
    }

    /// Waits a moment for what still runs. Not to be called from asynchronous work.
    pub(crate) fn stop(self) {
        self.0.shutdown_timeout(STOP_TIMEOUT);
    }
}

/// Where the system does not allow it, queries have the priority of everybody else.
fn lower_priority() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        debug!(%error, "queries run at the normal priority");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_have_a_lower_priority_than_the_rest() {
        let threads = QueryThreads::new().expect("a runtime");
        let priority = || rustix::process::getpriority_process(None).expect("a thread has a priority");
        let here = priority();
        let there = threads.handle().spawn_blocking(priority);
        let there = Builder::new_current_thread().build().expect("a runtime").block_on(there).expect("no panic");
        assert_eq!((there, priority()), ((here + NICENESS).min(19), here));
        threads.stop();
    }
}
