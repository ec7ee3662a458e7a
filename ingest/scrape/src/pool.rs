//! The targets of one scrape configuration: discovered, relabeled, and each with its loop.

use crate::client::{ClientError, ScrapeClient};
use crate::config::{ScrapeConfig, ScrapeSettings};
use crate::manager::Shared;
use crate::relabel::{RelabelError, RelabelRules};
use crate::sample_rules::SampleRules;
use crate::target::Target;
use crate::worker::{Ending, ScrapeContext, Worker, WorkerView};
use parking_lot::Mutex;
use reqwest::Url;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use watchfire_discovery::{Discoverer, FileDiscoverer, StaticTargets, TargetGroup};
use watchfire_model::{Labels, Sample, Timestamp, stale_nan};
use watchfire_tsdb::SeriesId;

/// How often target sources are looked at.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(3);
/// Dropped targets that are kept to be shown where `keep_dropped_targets` says nothing.
const DROPPED_TARGETS_MAX: usize = 10_000;

/// Live series of stopped loops, by the labels of their targets.
pub(crate) type Orphans = HashMap<Labels, Vec<SeriesId>>;

/// Why a scrape configuration cannot be put into force.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("scrape_configs[{job}]: {source}")]
    Client { job: String, source: ClientError },
    #[error("scrape_configs[{job}].relabel_configs{source}")]
    Relabel { job: String, source: RelabelError },
}

/// A running configuration.
#[derive(Debug)]
pub(crate) struct Pool {
    config: ScrapeConfig,
    settings: ScrapeSettings,
    view: Arc<PoolView>,
    stop: oneshot::Sender<Ending>,
    task: JoinHandle<Orphans>,
}

/// What the targets page shows of a pool.
#[derive(Debug, Default)]
pub(crate) struct PoolView {
    state: Mutex<PoolState>,
}

#[derive(Debug, Default)]
struct PoolState {
    active: Vec<WorkerView>,
    dropped: Vec<Labels>,
    errors: Vec<String>,
}

/// A configuration that is ready to run.
#[derive(Debug)]
pub(crate) struct PreparedPool {
    config: ScrapeConfig,
    settings: ScrapeSettings,
    context: Arc<ScrapeContext>,
    relabel: RelabelRules,
}

impl PreparedPool {
    /// Does everything that can fail, so that a bad configuration changes nothing.
    pub(crate) fn new(config: &ScrapeConfig, settings: ScrapeSettings) -> Result<PreparedPool, ApplyError> {
        let job = || config.job_name.clone();
        let client =
            ScrapeClient::new(config, &settings.accept).map_err(|source| ApplyError::Client { job: job(), source })?;
        let relabel_error = |source| ApplyError::Relabel { job: job(), source };
        let relabel = RelabelRules::compile(&config.relabel_configs, settings.names).map_err(relabel_error)?;
        let rules = Arc::new(SampleRules::new(config, &settings).map_err(relabel_error)?);
        let context = Arc::new(ScrapeContext { client, rules, target_excess: Mutex::new(None) });
        Ok(PreparedPool { config: config.clone(), settings, context, relabel })
    }

    /// Starts discovery and the loops. `orphans` are live series of the configuration's loops before a reload.
    pub(crate) fn start(self, shared: Arc<Shared>, orphans: Orphans) -> Pool {
        let mut discoverers: Vec<Box<dyn Discoverer>> = vec![Box::new(StaticTargets::new(&self.config.static_configs))];
        for config in &self.config.file_sd_configs {
            discoverers.push(Box::new(FileDiscoverer::new(config.clone())));
        }
        let view = Arc::new(PoolView::default());
        let (stop, stopped) = oneshot::channel();
        let run = Run {
            shared,
            config: self.config.clone(),
            settings: self.settings.clone(),
            context: self.context,
            relabel: self.relabel,
            view: Arc::clone(&view),
            groups: discoverers.iter().map(|_| Vec::new()).collect(),
            workers: BTreeMap::new(),
            orphans,
        };
        let task = tokio::spawn(run.run(discoverers, stopped));
        Pool { config: self.config, settings: self.settings, view, stop, task }
    }
}

impl Pool {
    /// Whether the running configuration is this one.
    pub(crate) fn is(&self, config: &ScrapeConfig, settings: &ScrapeSettings) -> bool {
        self.config == *config && self.settings == *settings
    }

    pub(crate) fn view(&self) -> Arc<PoolView> {
        Arc::clone(&self.view)
    }

    /// Stops discovery and all loops; returns what is live where the ending is silent.
    pub(crate) async fn stop(self, ending: Ending) -> Orphans {
        let _ = self.stop.send(ending);
        self.task.await.unwrap_or_default()
    }
}

impl PoolView {
    pub(crate) fn active(&self) -> Vec<WorkerView> {
        self.state.lock().active.clone()
    }

    pub(crate) fn dropped(&self) -> Vec<Labels> {
        self.state.lock().dropped.clone()
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.state.lock().errors.clone()
    }
}

/// What tells targets of one pool apart.
type TargetKey = (Labels, Url);

/// The inside of a pool's task.
#[derive(Debug)]
struct Run {
    shared: Arc<Shared>,
    config: ScrapeConfig,
    settings: ScrapeSettings,
    context: Arc<ScrapeContext>,
    relabel: RelabelRules,
    view: Arc<PoolView>,
    /// The newest groups of each discoverer.
    groups: Vec<Vec<TargetGroup>>,
    workers: BTreeMap<TargetKey, Worker>,
    /// Taken by the loops of the first round; what is left then has ended.
    orphans: Orphans,
}

impl Run {
    async fn run(
        mut self,
        mut discoverers: Vec<Box<dyn Discoverer>>,
        mut stopped: oneshot::Receiver<Ending>,
    ) -> Orphans {
        let ending = loop {
            let polled = tokio::task::spawn_blocking(move || {
                let polls: Vec<_> = discoverers.iter_mut().map(|discoverer| discoverer.poll(Instant::now())).collect();
                let errors: Vec<String> = discoverers.iter().flat_map(|discoverer| discoverer.errors()).collect();
                (discoverers, polls, errors)
            });
            let Ok((returned, polls, errors)) = polled.await else {
                tracing::error!(job = self.config.job_name, "discovery broke, targets stay as they are");
                break (&mut stopped).await;
            };
            discoverers = returned;
            let changed = polls.iter().any(Option::is_some);
            for (groups, poll) in self.groups.iter_mut().zip(polls) {
                if let Some(new) = poll {
                    *groups = new;
                }
            }
            if changed {
                self.sync(errors).await;
            } else {
                self.note_discovery_errors(errors);
            }
            tokio::select! {
                ending = &mut stopped => break ending,
                () = tokio::time::sleep(DISCOVERY_INTERVAL) => {}
            }
        };
        self.shared.metrics.targets.dec_by(self.workers.len() as i64);
        let ending = ending.unwrap_or(Ending::Silent);
        let workers = std::mem::take(&mut self.workers).into_iter();
        let stops = workers.map(|((labels, _), worker)| (labels, tokio::spawn(worker.stop(ending))));
        let mut orphans = Orphans::new();
        for (labels, stop) in stops.collect::<Vec<_>>() {
            orphans.entry(labels).or_default().extend(stop.await.unwrap_or_default());
        }
        orphans
    }

    fn note_discovery_errors(&self, errors: Vec<String>) {
        let mut state = self.view.state.lock();
        for error in errors.iter().filter(|error| !state.errors.contains(error)) {
            tracing::warn!(job = self.config.job_name, %error, "targets cannot be read, the last ones stay");
        }
        self.shared.metrics.discovery_errors.inc_by(errors.len() as i64 - state.errors.len() as i64);
        state.errors = errors;
    }

    /// Builds the targets anew: loops of targets that are gone stop, loops of new ones start, the others go on.
    async fn sync(&mut self, mut errors: Vec<String>) {
        let mut wanted: BTreeMap<TargetKey, Target> = BTreeMap::new();
        let mut dropped = Vec::new();
        for discovered in self.groups.iter().flatten().flat_map(|group| &group.targets) {
            match Target::build(discovered, &self.config, &self.settings, &self.relabel) {
                Ok(Some(target)) => {
                    wanted.entry((target.labels.clone(), target.url.clone())).or_insert(target);
                }
                Ok(None) => dropped.push(discovered.clone()),
                Err(error) => {
                    errors.push(format!("scrape_configs[{}]: target {discovered}: {error}", self.config.job_name));
                }
            }
        }
        let (found, max) = (wanted.len() as u64, self.settings.target_limit);
        *self.context.target_excess.lock() = (max > 0 && found > max).then_some((found, max));

        let is_gone = |key: &TargetKey, worker: &Worker| wanted.get(key).is_none_or(|target| *target != *worker.target);
        let gone: Vec<TargetKey> =
            self.workers.iter().filter(|(key, worker)| is_gone(key, worker)).map(|(key, _)| key.clone()).collect();
        for key in gone {
            let Some(worker) = self.workers.remove(&key) else { continue };
            self.shared.metrics.targets.dec();
            // The same target with other times goes on in a new loop.
            let ending = if wanted.contains_key(&key) { Ending::Silent } else { Ending::Stale };
            let live = worker.stop(ending).await;
            self.orphans.entry(key.0).or_default().extend(live);
        }
        for (key, target) in wanted {
            if self.workers.contains_key(&key) {
                continue;
            }
            let orphans = self.orphans.remove(&key.0).unwrap_or_default();
            let worker = Worker::start(Arc::clone(&self.shared), Arc::clone(&self.context), target, orphans);
            self.shared.metrics.targets.inc();
            self.workers.insert(key, worker);
        }
        self.end_orphans().await;

        let keep = usize::try_from(self.settings.keep_dropped_targets).unwrap_or(usize::MAX);
        dropped.truncate(if keep == 0 { DROPPED_TARGETS_MAX } else { keep });
        {
            let mut state = self.view.state.lock();
            state.active = self.workers.values().map(|worker| worker.view(&self.config.job_name)).collect();
            state.dropped = dropped;
        }
        self.note_discovery_errors(errors);
    }

    /// Ends the series whose targets did not come back.
    async fn end_orphans(&mut self) {
        let at = Timestamp(self.shared.now_ms());
        let orphans = std::mem::take(&mut self.orphans).into_values().flatten();
        let samples: Vec<_> = orphans.map(|id| (id, Sample { time: at, value: stale_nan() })).collect();
        if samples.is_empty() {
            return;
        }
        let tsdb = Arc::clone(&self.shared.tsdb);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || tsdb.append(&samples)).await {
            tracing::warn!(job = self.config.job_name, %error, "staleness markers of removed targets are lost");
        }
        self.shared.committer.note_append();
    }
}
