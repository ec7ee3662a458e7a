//! The housekeeping of the stores: blocks when due, retention, sweeping.

use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::error;
use watchfire_logstore::LogStore;
use watchfire_store::DirStorage;
use watchfire_tsdb::Tsdb;

/// Between two looks at whether something is due.
const PERIOD: Duration = Duration::from_secs(1);

/// Runs the housekeeping of both stores and of the disk's reserve until `stop`; each on a blocking thread of its own, so
/// that none waits for the others.
pub(crate) fn start(
    directory: &Arc<DirStorage>,
    logs: Arc<LogStore>,
    tsdb: Arc<Tsdb>,
    stop: &CancellationToken,
) -> [JoinHandle<()>; 3] {
    let directory = Arc::clone(directory);
    let reserve = repeat("disk reserve", stop.clone(), move || directory.keep_reserve());
    let log_store = repeat("log store", stop.clone(), move || logs.maintain());
    let metric_store = repeat("metric store", stop.clone(), move || tsdb.maintain());
    [log_store, metric_store, reserve]
}

fn repeat<E: std::error::Error + Send + 'static>(
    store: &'static str,
    stop: CancellationToken,
    maintain: impl Fn() -> Result<(), E> + Send + Sync + 'static,
) -> JoinHandle<()> {
    let maintain = Arc::new(maintain);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last_failure = String::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let maintain = Arc::clone(&maintain);
            let failure = match tokio::task::spawn_blocking(move || maintain()).await {
                Ok(Ok(())) => String::new(),
                Ok(Err(failure)) => chain(&failure),
                Err(panic) => panic.to_string(),
            };
            if !failure.is_empty() && failure != last_failure {
                error!(store, error = %failure, "housekeeping failed, it is tried again every second");
            }
            last_failure = failure;
        }
    })
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
