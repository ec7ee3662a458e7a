//! Makes appended samples durable soon, for all targets together.

use crate::metrics::ScrapeMetrics;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use watchfire_tsdb::Tsdb;

/// How long appended samples wait for others before they are committed. Samples are promised to be durable within
/// 250 ms of their arrival; this leaves 150 ms to the disk.
const COMMIT_DELAY: Duration = Duration::from_millis(100);

/// Commits at most once per [`COMMIT_DELAY`], and only when something was appended.
#[derive(Debug)]
pub(crate) struct Committer {
    tsdb: Arc<Tsdb>,
    metrics: ScrapeMetrics,
    appended: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// Starts the committing task; must be called within a tokio runtime.
    pub(crate) fn start(tsdb: Arc<Tsdb>, metrics: ScrapeMetrics) -> Committer {
        let appended = Arc::new(Notify::new());
        let task = tokio::spawn(run(Arc::clone(&tsdb), metrics.clone(), Arc::clone(&appended)));
        Committer { tsdb, metrics, appended, task: Mutex::new(Some(task)) }
    }

    /// Says that there is something to commit.
    pub(crate) fn note_append(&self) {
        self.appended.notify_one();
    }

    /// Stops the task and commits what is left.
    pub(crate) async fn shutdown(&self) {
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.abort();
            // A commit that the task had begun goes on in its thread; the one below waits for all before it.
            let _ = task.await;
        }
        commit(&self.tsdb, &self.metrics).await;
    }
}

async fn run(tsdb: Arc<Tsdb>, metrics: ScrapeMetrics, appended: Arc<Notify>) {
    loop {
        appended.notified().await;
        tokio::time::sleep(COMMIT_DELAY).await;
        commit(&tsdb, &metrics).await;
    }
}

async fn commit(tsdb: &Arc<Tsdb>, metrics: &ScrapeMetrics) {
    let tsdb = Arc::clone(tsdb);
    let failure = match tokio::task::spawn_blocking(move || tsdb.commit()).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    metrics.commit_failures.inc();
    tracing::error!(%failure, "scraped samples are not durable");
}
