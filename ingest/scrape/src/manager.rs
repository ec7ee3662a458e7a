//! All scrape configurations together: what runs, and how a new configuration takes over.

use crate::committer::Committer;
use crate::config::{GlobalConfig, ScrapeConfig, ScrapeSettings};
use crate::limits::ScrapeLimits;
use crate::metrics::ScrapeMetrics;
use crate::page_memory::PageMemory;
use crate::pool::{ApplyError, Orphans, Pool, PoolView, PreparedPool};
use crate::worker::Ending;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;
use watchfire_model::TimeNs;
use watchfire_model::status::TargetsStatus;
use watchfire_tsdb::Tsdb;

/// Targets beyond a limit that are named at a time.
const EXCESS_TOLD_MAX: usize = 20;

/// Tells the time of day.
pub type Now = Arc<dyn Fn() -> TimeNs + Send + Sync>;

/// Scrapes what the configuration says, until it is told otherwise.
#[derive(Debug)]
pub struct ScrapeManager {
    shared: Arc<Shared>,
    /// Held while a configuration is put into force.
    pools: tokio::sync::Mutex<BTreeMap<String, Pool>>,
    /// In the order of job names.
    views: Mutex<Vec<Arc<PoolView>>>,
}

/// What all loops use.
pub(crate) struct Shared {
    pub(crate) tsdb: Arc<Tsdb>,
    now: Now,
    pub(crate) metrics: ScrapeMetrics,
    pub(crate) committer: Committer,
    pub(crate) limits: ScrapeLimits,
    pub(crate) pages: Arc<PageMemory>,
    /// One page per core, two at least, is parsed and stored at a time.
    pub(crate) append_permits: Arc<Semaphore>,
    /// Of these, heavy pages take half.
    pub(crate) heavy_permits: Arc<Semaphore>,
    /// Moves the moments of scrapes against those of other servers.
    pub(crate) seed: u64,
}

impl Shared {
    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        (self.now)().to_ms().0
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("tsdb", &self.tsdb).field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl ScrapeManager {
    /// [`ScrapeManager::with_limits`] with those of [`ScrapeLimits::default`].
    pub fn new(tsdb: Arc<Tsdb>, now: Now, seed: u64) -> ScrapeManager {
        ScrapeManager::with_limits(tsdb, now, seed, ScrapeLimits::default())
    }

    /// Scrapes nothing yet. `seed` moves the moments of scrapes: two servers that scrape the same targets should have
    /// different ones. Must be called within a tokio runtime; a TLS provider must be installed before [`Self::apply`].
    pub fn with_limits(tsdb: Arc<Tsdb>, now: Now, seed: u64, limits: ScrapeLimits) -> ScrapeManager {
        let metrics = ScrapeMetrics::default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shared = Shared {
            committer: Committer::start(Arc::clone(&tsdb), metrics.clone()),
            tsdb,
            now,
            metrics,
            limits,
            pages: PageMemory::new(limits.page_bytes_max),
            append_permits: Arc::new(Semaphore::new(cores.max(2))),
            heavy_permits: Arc::new(Semaphore::new((cores / 2).max(1))),
            seed,
        };
        ScrapeManager {
            shared: Arc::new(shared),
            pools: tokio::sync::Mutex::new(BTreeMap::new()),
            views: Mutex::new(Vec::new()),
        }
    }

    /// Puts a valid configuration into force. Configurations that did not change go on undisturbed; a target that is
    /// no longer scraped gets staleness markers; one that is scraped differently goes on without a gap in its series.
    /// After an error the running configuration is still in force.
    pub async fn apply(&self, global: &GlobalConfig, configs: &[ScrapeConfig]) -> Result<(), ApplyError> {
        let mut pools = self.pools.lock().await;
        let mut prepared = Vec::new();
        for config in configs {
            let settings = ScrapeSettings::new(config, global);
            if !pools.get(&config.job_name).is_some_and(|pool| pool.is(config, &settings)) {
                prepared.push((config.job_name.clone(), PreparedPool::new(config, settings)?));
            }
        }
        let is_wanted = |job: &str| configs.iter().any(|config| config.job_name == job);
        let gone: Vec<String> = pools.keys().filter(|job| !is_wanted(job)).cloned().collect();
        for job in gone {
            if let Some(pool) = pools.remove(&job) {
                pool.stop(Ending::Stale).await;
            }
        }
        for (job, pool) in prepared {
            let orphans = match pools.remove(&job) {
                Some(running) => running.stop(Ending::Silent).await,
                None => Orphans::new(),
            };
            pools.insert(job, pool.start(Arc::clone(&self.shared), orphans));
        }
        *self.views.lock() = pools.values().map(Pool::view).collect();
        Ok(())
    }

    /// The targets now and how their last scrapes went.
    pub fn targets(&self) -> TargetsStatus {
        let views = self.views.lock().clone();
        let active = views.iter().flat_map(|view| view.active());
        TargetsStatus {
            active: active.map(|worker| worker.status()).collect(),
            dropped: views.iter().flat_map(|view| view.dropped()).collect(),
        }
    }

    /// What is wrong with sources of targets and with targets that cannot be scraped, and which targets bring more than a
    /// limit allows; one sentence each.
    pub fn discovery_errors(&self) -> Vec<String> {
        let views = self.views.lock().clone();
        let excess = views.iter().flat_map(|view| view.active()).filter_map(|worker| worker.excess());
        views.iter().flat_map(|view| view.errors()).chain(excess.take(EXCESS_TOLD_MAX)).collect()
    }

    /// Stops all loops without staleness markers and makes what was stored durable.
    pub async fn shutdown(&self) {
        let pools = std::mem::take(&mut *self.pools.lock().await);
        let stops: Vec<_> = pools.into_values().map(|pool| tokio::spawn(pool.stop(Ending::Silent))).collect();
        for stop in stops {
            // A loop that panicked has nothing left to stop.
            let _ = stop.await;
        }
        self.shared.committer.shutdown().await;
    }

    /// Registers the counters of scraping.
    pub fn register(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
    }
}

#[cfg(test)]
mod tests;
