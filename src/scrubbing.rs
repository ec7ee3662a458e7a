//! Everything that is stored is read again within a week, so that damage is found while it can still be mended.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use watchfire_api::Scrub;
use watchfire_catalog::Catalog;
use watchfire_logstore::LogStore;
use watchfire_model::TimeNs;
use watchfire_store::Clock;
use watchfire_tsdb::Tsdb;

/// In which everything is read once.
const ROUND: Duration = Duration::from_hours(7 * 24);
/// Between two portions; each is as large as keeps the round's pace.
const PERIOD: Duration = Duration::from_mins(1);
/// Portions after which the catalog, which is small, is read as a whole: a day's.
const CATALOG_PORTIONS: u64 = 24 * 60;
/// The least that a portion is, so that small stores are read more often: 1 MiB a minute reads 10 GiB in a week.
const PORTION_MIN: u64 = 1 << 20;

/// How far both stores are read.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    logs: Mutex<Scrub>,
    metrics: Mutex<Scrub>,
}

impl Progress {
    pub(crate) fn logs(&self) -> Scrub {
        *self.logs.lock()
    }

    pub(crate) fn metrics(&self) -> Scrub {
        *self.metrics.lock()
    }
}

/// What one portion read.
struct Portion {
    bytes: u64,
    damaged: u64,
    is_round_over: bool,
}

/// Reads both stores in portions and the catalog every day, until `stop`.
pub(crate) fn start(
    logs: Arc<LogStore>,
    tsdb: Arc<Tsdb>,
    catalog: Arc<Catalog>,
    clock: Arc<dyn Clock>,
    stop: &CancellationToken,
) -> (Arc<Progress>, JoinHandle<()>) {
    let progress = Arc::new(Progress::default());
    let (shared, stop) = (Arc::clone(&progress), stop.clone());
    let task = tokio::spawn(async move {
        let mut ticks = tokio::time::interval_at((Instant::now() + PERIOD).into(), PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for round in 0_u64.. {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let (logs, tsdb, clock, progress) =
                (Arc::clone(&logs), Arc::clone(&tsdb), Arc::clone(&clock), Arc::clone(&shared));
            let catalog = round.is_multiple_of(CATALOG_PORTIONS).then(|| Arc::clone(&catalog));
            let portions = tokio::task::spawn_blocking(move || {
                scrub_logs(&logs, &progress.logs, clock.now());
                scrub_metrics(&tsdb, &progress.metrics, clock.now());
                if let Some(catalog) = catalog {
                    scrub_catalog(&catalog);
                }
            });
            if let Err(panic) = portions.await {
                error!(%panic, "reading the stores again ended early");
            }
        }
    });
    (progress, task)
}

fn scrub_logs(logs: &LogStore, progress: &Mutex<Scrub>, now: TimeNs) {
    let total = logs.status().block_bytes;
    let report = logs.scrub(portion(total));
    note(
        progress,
        total,
        now,
        &Portion { bytes: report.bytes, damaged: report.damaged, is_round_over: report.is_round_over },
    );
}

fn scrub_metrics(tsdb: &Tsdb, progress: &Mutex<Scrub>, now: TimeNs) {
    let status = tsdb.status();
    let total = status.blocks.iter().map(|block| block.bytes).sum();
    match tsdb.scrub(portion(total)) {
        Ok(report) => {
            let known: Vec<&str> = status.damage.iter().map(|block| block.key.as_str()).collect();
            let fresh = report.damaged.iter().filter(|block| !known.contains(&block.key.as_str())).count();
            note(
                progress,
                total,
                now,
                &Portion { bytes: report.bytes, damaged: fresh as u64, is_round_over: report.round_complete },
            );
        }
        Err(error) => warn!(%error, "a metric block cannot be read now"),
    }
}

/// Its objects hold everything twice: damage in one of them costs nothing before the other copy has some too.
fn scrub_catalog(catalog: &Catalog) {
    match catalog.scrub() {
        Ok(report) => {
            for object in report.damaged {
                error!(key = %object.key, what = %object.what, is_lost = object.is_lost, "damage found in the catalog");
            }
        }
        Err(error) => warn!(%error, "the catalog cannot be read now"),
    }
}

/// Bytes of one portion of a store.
fn portion(total: u64) -> u64 {
    (total / (ROUND.as_secs() / PERIOD.as_secs())).max(PORTION_MIN)
}

fn note(progress: &Mutex<Scrub>, total: u64, now: TimeNs, portion: &Portion) {
    if portion.damaged > 0 {
        error!(blocks = portion.damaged, "damage found; `watchfire check data --repair` mends what can be mended");
    }
    let mut progress = progress.lock();
    progress.total_bytes = total;
    progress.checked_bytes += portion.bytes;
    if portion.is_round_over {
        progress.checked_bytes = 0;
        progress.last_completed = Some(now.to_ms().0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_s_portions_read_everything() {
        let rounds = ROUND.as_secs() / PERIOD.as_secs();
        for total in [0, 1 << 30, 1 << 40] {
            assert!((portion(total) + 1) * rounds > total);
        }
        assert_eq!(portion(0), PORTION_MIN);
    }
}
