//! The loop of one target: wait for its moment, fetch, store, remember how it went.

use crate::appender::{ScrapeReport, TargetAppender};
use crate::client::ScrapeClient;
use crate::fetch::{Page, ScrapeFailure, fetch};
use crate::manager::Shared;
use crate::sample_rules::SampleRules;
use crate::target::Target;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
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
    /// What was left out of a good page, in words; empty where nothing was.
    excess: String,
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
        let outcome = Outcome {
            health: Health::Unknown,
            error: String::new(),
            at: None,
            seconds: 0.0,
            samples: 0,
            excess: String::new(),
        };
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
    /// What a limit refused of the last page, with the target's name.
    pub(crate) fn excess(&self) -> Option<String> {
        let outcome = self.outcome.lock();
        let is_over = !outcome.excess.is_empty();
        is_over.then(|| format!("scrape_configs[{}]: target {}: {}", self.scrape_pool, self.target.url, outcome.excess))
    }

    pub(crate) fn status(&self) -> TargetStatus {
        let outcome = self.outcome.lock().clone();
        TargetStatus {
            scrape_pool: self.scrape_pool.clone(),
            scrape_url: self.target.url.to_string(),
            labels: self.target.labels.clone(),
            discovered_labels: self.target.discovered.clone(),
            health: outcome.health,
            last_error: if outcome.error.is_empty() { outcome.excess } else { outcome.error },
            last_scrape: outcome.at,
            last_scrape_seconds: outcome.seconds,
            last_samples: outcome.samples,
            interval_ms: self.target.interval.0,
            timeout_ms: self.target.timeout.0,
        }
    }
}

/// The right to read a page.
#[derive(Debug)]
struct Turn {
    _heavy: Option<OwnedSemaphorePermit>,
    _any: Option<OwnedSemaphorePermit>,
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
            (self.shared.limits.target_series_max, self.target.timeout.as_duration()),
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
        let body_bytes_max = self.context.rules.limits.body_bytes;
        fetch(&self.context.client, &self.target, body_bytes_max, &self.shared.pages).await
    }

    /// Parsing and storing take a millisecond per thousand samples and may wait for the store: they run on a blocking
    /// thread, as many at once as there are cores, heavy ones half as many. Returns `None` when that thread panicked.
    async fn append(
        &self,
        mut appender: TargetAppender,
        page: Result<Page, ScrapeFailure>,
        at: Timestamp,
        begin: Instant,
    ) -> Option<TargetAppender> {
        let (page, permits) = self.wait_for_turn(&appender, page).await;
        let appended = tokio::task::spawn_blocking(move || {
            let result = appender.append_scrape(page, at, || begin.elapsed());
            drop(permits);
            (appender, result)
        });
        let (appender, result) = appended.await.ok()?;
        self.shared.committer.note_append();
        let elapsed = begin.elapsed().as_secs_f64();
        self.shared.metrics.scrapes.inc();
        self.shared.metrics.duration.observe(elapsed);
        let mut excess = String::new();
        let (report, error) = match result {
            Ok(report) => {
                excess = self.name_excess(&report);
                (report, String::new())
            }
            Err((failure, report)) => {
                self.shared.metrics.failed(failure.reason());
                if let Some(reason) = failure.limit() {
                    self.shared.metrics.refused(&self.target.labels, reason);
                    excess = failure.to_string();
                }
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
            excess,
        };
        Some(appender)
    }

    /// Waits until the page may be read; meanwhile it may have to make room for others.
    async fn wait_for_turn(
        &self,
        appender: &TargetAppender,
        page: Result<Page, ScrapeFailure>,
    ) -> (Result<Page, ScrapeFailure>, Turn) {
        let is_heavy = appender.is_heavy(&page);
        let turn = async {
            let heavy = if is_heavy { Arc::clone(&self.shared.heavy_permits).acquire_owned().await.ok() } else { None };
            Turn { _heavy: heavy, _any: Arc::clone(&self.shared.append_permits).acquire_owned().await.ok() }
        };
        let Ok(page) = page else { return (page, turn.await) };
        tokio::pin!(turn);
        tokio::select! {
            turn = &mut turn => (Ok(page), turn),
            no_room = page.evicted() => {
                drop(page);
                (Err(no_room), turn.await)
            }
        }
    }

    /// Counts and says what was left out of a good page; nothing where everything was taken.
    fn name_excess(&self, report: &ScrapeReport) -> String {
        let mut said = Vec::new();
        if report.beyond_quota > 0 {
            self.shared.metrics.refused(&self.target.labels, "target_series");
            said.push(format!(
                "{} samples of new series are left out, as the target brought {} different series within an hour: drop the \
                 label whose values keep changing, or set sample_limit to half of what it needs",
                report.beyond_quota, report.quota
            ));
        }
        if report.too_large > 0 {
            self.shared.metrics.refused(&self.target.labels, "labels_too_long");
            said.push(format!(
                "{} samples are left out because of too many or too long labels: drop these labels, or set label_limit, \
                 label_name_length_limit and label_value_length_limit",
                report.too_large
            ));
        }
        if report.refused > 0 {
            said.push(format!(
                "{} samples of new series are left out, as the store has no room for them",
                report.refused
            ));
        }
        said.join("; ")
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
