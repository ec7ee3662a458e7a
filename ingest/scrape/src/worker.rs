//! The loop of one target: wait for its moment, fetch, store, remember how it went.

use crate::appender::TargetAppender;
use crate::client::ScrapeClient;
use crate::fetch::{Page, ScrapeFailure, fetch};
use crate::manager::Shared;
use crate::sample_rules::SampleRules;
use crate::target::Target;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use watchfire_model::Timestamp;
use watchfire_model::status::{Health, TargetStatus};
use watchfire_tsdb::SeriesId;

/// A scrape that begins at most this late is stamped with the planned time, so that samples lie evenly.
const ALIGN_TOLERANCE_MS: i64 = 2;

/// What becomes of a stopped target's series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The target is gone: its series end now.
    Stale,
    /// The target goes on elsewhere, or the process ends: no markers.
    Silent,
}

/// What the scrapes of one configuration share.
#[derive(Debug)]
pub(crate) struct ScrapeContext {
    pub(crate) client: ScrapeClient,
    pub(crate) rules: Arc<SampleRules>,
    /// Found and allowed targets, while there are too many: then every scrape fails.
    pub(crate) target_excess: Mutex<Option<(u64, u64)>>,
}

/// A running loop.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) target: Arc<Target>,
    outcome: Arc<Mutex<Outcome>>,
    stop: oneshot::Sender<Ending>,
    task: JoinHandle<Vec<SeriesId>>,
}

/// The last scrape.
#[derive(Debug, Clone)]
struct Outcome {
    health: Health,
    error: String,
    at: Option<Timestamp>,
    seconds: f64,
    samples: u64,
}

impl Worker {
    /// Starts a loop. `orphans` are live series of an earlier loop of the same target.
    pub(crate) fn start(
        shared: Arc<Shared>,
        context: Arc<ScrapeContext>,
        target: Target,
        orphans: Vec<SeriesId>,
    ) -> Worker {
        let target = Arc::new(target);
        let outcome = Outcome { health: Health::Unknown, error: String::new(), at: None, seconds: 0.0, samples: 0 };
        let outcome = Arc::new(Mutex::new(outcome));
        let (stop, stopped) = oneshot::channel();
        let run = Run { shared, context, target: Arc::clone(&target), outcome: Arc::clone(&outcome) };
        let task = tokio::spawn(run.run(orphans, stopped));
        Worker { target, outcome, stop, task }
    }

    /// Stops the loop; an unfinished fetch is given up. Returns series that are still live.
    pub(crate) async fn stop(self, ending: Ending) -> Vec<SeriesId> {
        // The loop may have ended already, by a panic that the runtime reported.
        let _ = self.stop.send(ending);
        self.task.await.unwrap_or_default()
    }

    pub(crate) fn view(&self, scrape_pool: &str) -> WorkerView {
        WorkerView {
            scrape_pool: scrape_pool.to_owned(),
            target: Arc::clone(&self.target),
            outcome: Arc::clone(&self.outcome),
        }
    }
}

/// What the targets page shows of a worker.
#[derive(Debug, Clone)]
pub(crate) struct WorkerView {
    scrape_pool: String,
    target: Arc<Target>,
    outcome: Arc<Mutex<Outcome>>,
}

impl WorkerView {
    pub(crate) fn status(&self) -> TargetStatus {
        let outcome = self.outcome.lock().clone();
        TargetStatus {
            scrape_pool: self.scrape_pool.clone(),
            scrape_url: self.target.url.to_string(),
            labels: self.target.labels.clone(),
            discovered_labels: self.target.discovered.clone(),
            health: outcome.health,
            last_error: outcome.error,
            last_scrape: outcome.at,
            last_scrape_seconds: outcome.seconds,
            last_samples: outcome.samples,
            interval_ms: self.target.interval.0,
            timeout_ms: self.target.timeout.0,
        }
    }
}

/// The inside of a worker's task.
#[derive(Debug)]
struct Run {
    shared: Arc<Shared>,
    context: Arc<ScrapeContext>,
    target: Arc<Target>,
    outcome: Arc<Mutex<Outcome>>,
}

impl Run {
    async fn run(self, orphans: Vec<SeriesId>, mut stopped: oneshot::Receiver<Ending>) -> Vec<SeriesId> {
        let mut appender = TargetAppender::new(
            Arc::clone(&self.shared.tsdb),
            self.shared.metrics.clone(),
            Arc::clone(&self.context.rules),
            self.target.labels.clone(),
            orphans,
        );
        let interval = (self.target.interval.0 as i64).max(1);
        let offset = self.target.offset_ms(self.shared.seed);
        let mut next = next_tick(self.shared.now_ms(), interval, offset);
        let ending = loop {
            let now = self.shared.now_ms();
            if next - now > interval {
                next = next_tick(now, interval, offset); // The clock was set back.
            }
            let wait = Duration::from_millis((next - now).max(0) as u64);
            tokio::select! {
                ending = &mut stopped => break ending,
                () = tokio::time::sleep(wait) => {}
            }
            let now = self.shared.now_ms();
            let at = Timestamp(if (now - next).abs() <= ALIGN_TOLERANCE_MS { next } else { now });
            let begin = Instant::now();
            let page = tokio::select! {
                ending = &mut stopped => break ending,
                page = self.fetch() => page,
            };
            appender = match self.append(appender, page, at, begin).await {
                Some(appender) => appender,
                None => return Vec::new(),
            };
            next += interval;
            let now = self.shared.now_ms();
            if next <= now {
                self.shared.metrics.skipped_ticks.inc_by(((now - next) / interval + 1) as u64);
                next = next_tick(now, interval, offset);
            }
        };
        // A pool that was dropped without a word ends silently, as at the end of the process.
        match ending.unwrap_or(Ending::Silent) {
            Ending::Silent => appender.into_orphans(),
            Ending::Stale => {
                self.append_end(appender).await;
                Vec::new()
            }
        }
    }

    async fn fetch(&self) -> Result<Page, ScrapeFailure> {
        if let Some((found, max)) = *self.context.target_excess.lock() {
            return Err(ScrapeFailure::Limit { key: "target_limit", found, max });
        }
        fetch(&self.context.client, &self.target, self.context.rules.limits.body_bytes).await
    }

    /// Parsing and storing take a millisecond per thousand samples and may wait for the store: they run on a blocking
    /// thread, as many at once as there are cores. Returns `None` when that thread panicked.
    async fn append(
        &self,
        mut appender: TargetAppender,
        page: Result<Page, ScrapeFailure>,
        at: Timestamp,
        begin: Instant,
    ) -> Option<TargetAppender> {
        let permit = Arc::clone(&self.shared.append_permits).acquire_owned().await;
        let appended = tokio::task::spawn_blocking(move || {
            let result = appender.append_scrape(page, at, || begin.elapsed());
            drop(permit);
            (appender, result)
        });
        let (appender, result) = appended.await.ok()?;
        self.shared.committer.note_append();
        let elapsed = begin.elapsed().as_secs_f64();
        self.shared.metrics.scrapes.inc();
        self.shared.metrics.duration.observe(elapsed);
        let (report, error) = match result {
            Ok(report) => (report, String::new()),
            Err((failure, report)) => {
                self.shared.metrics.failed(failure.reason());
                tracing::debug!(url = %self.target.url, %failure, "scrape failed");
                (report, failure.to_string())
            }
        };
        *self.outcome.lock() = Outcome {
            health: if error.is_empty() { Health::Up } else { Health::Down },
            error,
            at: Some(at),
            seconds: elapsed,
            samples: report.scraped,
        };
        Some(appender)
    }

    async fn append_end(&self, mut appender: TargetAppender) {
        let at = Timestamp(self.shared.now_ms());
        let appended = tokio::task::spawn_blocking(move || appender.append_end(at));
        if let Ok(Err(error)) = appended.await {
            tracing::warn!(url = %self.target.url, %error, "staleness markers of a removed target are lost");
        }
        self.shared.committer.note_append();
    }
}

/// The first moment after `now_ms` that lies `offset` behind a multiple of the interval since 1970.
fn next_tick(now_ms: i64, interval: i64, offset: i64) -> i64 {
    now_ms + interval - (now_ms - offset).rem_euclid(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(now_ms: i64, interval: i64, offset: i64, want: i64) {
        assert_eq!(next_tick(now_ms, interval, offset), want, "{now_ms} {interval} {offset}");
    }

    #[test]
    fn ticks_are_pinned_to_absolute_time() {
        check(0, 10, 3, 3);
        check(2, 10, 3, 3);
        check(3, 10, 3, 13);
        check(1_000, 10, 0, 1_010);
        check(-5, 10, 0, 0);
    }
}
