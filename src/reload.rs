//! Reads the configuration again, by signal, by call and when a file changes. A bad one leaves the running one in force.

use crate::cli::ServeArgs;
use crate::config::Config;
use crate::memory::MemoryPlan;
use anyhow::Context;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use watchfire_alerting::{Alerting, AlertingOptions, AlertmanagerConfig, RuleFiles};
use watchfire_logstore::{LogStore, LogStoreOptions, Retention};
use watchfire_model::{Labels, Timestamp};
use watchfire_pipeline::StreamRouter;
use watchfire_scrape::ScrapeManager;
use watchfire_store::Clock;

/// Between two looks at the files.
const WATCH_PERIOD: Duration = Duration::from_secs(2);

/// How the last attempt went, for the page.
#[derive(Debug, Default)]
pub(crate) struct LastReload(Mutex<Outcome>);

#[derive(Debug, Clone, Default)]
struct Outcome {
    error: Option<String>,
    warnings: Vec<String>,
    /// The configuration in force, and when it was read.
    config: Arc<Config>,
    time: Timestamp,
}

impl LastReload {
    pub(crate) fn error(&self) -> Option<String> {
        self.0.lock().error.clone()
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.0.lock().warnings.clone()
    }

    /// The configuration in force; of its sections that are read at the start only, what the file says now.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.0.lock().config)
    }

    /// When that was read.
    pub(crate) fn time(&self) -> Timestamp {
        self.0.lock().time
    }
}

/// A configuration file with everything that it names, read and checked.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) rules: RuleFiles,
    pub(crate) alertmanager: Option<AlertmanagerConfig>,
}

impl Loaded {
    /// Reads the file that the arguments name (the defaults where there is none) and all files that it names.
    pub(crate) fn read(args: &ServeArgs) -> anyhow::Result<Loaded> {
        let mut config = match &args.config {
            Some(path) => Config::load(path)?,
            None => Config::default(),
        };
        config.apply(args);
        let rules = RuleFiles::load(&config.rule_files, Path::new("")).context("`rule_files`")?;
        let alertmanager = config.alerting.config_file.as_deref().map(AlertmanagerConfig::load).transpose();
        Ok(Loaded { config, rules, alertmanager: alertmanager.context("`alerting.config_file`")? })
    }

    /// What is accepted but has no effect yet, or looks like a slip.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.config.warnings();
        warnings.extend(self.rules.warnings.iter().cloned());
        warnings.extend(self.alertmanager.iter().flat_map(|config| &config.warnings).cloned());
        warnings
    }

    /// What alerting needs of it; `http` is where this server listens.
    pub(crate) fn alerting(&self, http: SocketAddr, memory: &MemoryPlan) -> AlertingOptions {
        let Config { global, alerting, .. } = &self.config;
        AlertingOptions {
            evaluation_interval: global.evaluation_interval,
            query_offset: global.rule_query_offset,
            external_labels: Labels::from_pairs(&global.external_labels),
            external_url: alerting.external_url.clone().unwrap_or_else(|| format!("http://{http}")),
            rule_files: self.config.rule_files.clone(),
            config: self.alertmanager.clone(),
            samples_max: self.config.http.query_samples_max,
            query_timeout: self.config.http.query_timeout,
            memory: Some((Arc::clone(&memory.queries), memory.query_max.0)),
            ..AlertingOptions::default()
        }
    }

    /// The files whose change asks for a reload.
    fn files(&self, args: &ServeArgs) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = args.config.iter().cloned().collect();
        files.extend(self.rules.files.iter().cloned());
        files.extend(self.config.alerting.config_file.iter().cloned());
        files
    }
}

/// What can change while the server runs.
#[derive(Debug)]
pub(crate) struct Reloadable {
    pub(crate) scrape: Arc<ScrapeManager>,
    pub(crate) alerting: Arc<Alerting>,
    pub(crate) streams: Arc<StreamRouter>,
    /// Of it only how long records are kept.
    pub(crate) logs: Arc<LogStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Applies configurations to what can change while the server runs.
#[derive(Debug)]
pub(crate) struct Reloader {
    args: ServeArgs,
    parts: Reloadable,
    last: Arc<LastReload>,
    http: SocketAddr,
    memory: Arc<MemoryPlan>,
    /// What the sections that are read at the start only said then.
    started: Config,
    /// Those that the configuration in force came from.
    files: Mutex<Vec<PathBuf>>,
}

impl Reloader {
    pub(crate) fn new(
        args: ServeArgs,
        loaded: &Loaded,
        parts: Reloadable,
        last: Arc<LastReload>,
        http: SocketAddr,
        memory: Arc<MemoryPlan>,
    ) -> Reloader {
        let files = Mutex::new(loaded.files(&args));
        let (config, time) = (Arc::new(loaded.config.clone()), parts.clock.now().to_ms());
        *last.0.lock() = Outcome { error: None, warnings: loaded.warnings(), config, time };
        Reloader { args, parts, last, http, memory, started: loaded.config.clone(), files }
    }

    /// Reads everything again and puts it in force, or keeps what is and says why.
    pub(crate) async fn reload(self: Arc<Reloader>) -> Result<(), String> {
        match self.try_reload().await {
            Ok((config, warnings)) => {
                for warning in &warnings {
                    warn!(%warning, "configuration");
                }
                info!("configuration reloaded");
                let time = self.parts.clock.now().to_ms();
                *self.last.0.lock() = Outcome { error: None, warnings, config: Arc::new(config), time };
                Ok(())
            }
            Err(failure) => {
                let text = format!("{failure:#}");
                error!(error = %text, "configuration not reloaded, the one before stays in force");
                self.last.0.lock().error = Some(text.clone());
                Err(text)
            }
        }
    }

    async fn try_reload(self: &Arc<Reloader>) -> anyhow::Result<(Config, Vec<String>)> {
        let reloader = Arc::clone(self);
        let read = move || {
            let loaded = Loaded::read(&reloader.args)?;
            let stream_rules = loaded.config.logs.stream_rules().map_err(anyhow::Error::msg)?;
            reloader.parts.alerting.reload(loaded.alerting(reloader.http, &reloader.memory))?;
            anyhow::Ok((loaded, stream_rules))
        };
        let (loaded, stream_rules) = tokio::task::spawn_blocking(read).await??;
        self.parts.scrape.apply(&loaded.config.global, &loaded.config.scrape_configs).await?;
        self.parts.streams.replace(stream_rules);
        self.parts.logs.set_retention(Retention::of(&loaded.config.logs.store_options()));
        let mut warnings = loaded.warnings();
        warnings.extend(self.needs_restart(&loaded.config));
        *self.files.lock() = loaded.files(&self.args);
        Ok((loaded.config, warnings))
    }

    /// Sections that are read at the start only.
    fn needs_restart(&self, new: &Config) -> Option<String> {
        let old = &self.started;
        let changed = [
            ("http", old.http != new.http),
            ("logs.gelf", old.logs.gelf != new.logs.gelf),
            ("logs.store", without_retention(&old.logs.store) != without_retention(&new.logs.store)),
            ("metrics", old.metrics != new.metrics),
            ("memory_limit", old.memory_limit != new.memory_limit),
            ("storage", old.storage.directory != new.storage.directory),
        ];
        let sections: Vec<&str> = changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect();
        (!sections.is_empty()).then(|| format!("changes in {} take effect after a restart", sections.join(", ")))
    }

    /// Reloads when a file has changed, until `stop`.
    pub(crate) async fn watch(self: Arc<Reloader>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(WATCH_PERIOD);
        let mut seen = self.fingerprint();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let now = self.fingerprint();
            if now != seen {
                // The outcome is logged and shown; there is nobody here to answer.
                let _ = Arc::clone(&self).reload().await;
                seen = self.fingerprint();
            }
        }
    }

    /// Time and length of each file; `None` where it is missing.
    fn fingerprint(&self) -> Vec<(PathBuf, Option<(SystemTime, u64)>)> {
        let files = self.files.lock().clone();
        let look = |path: &Path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        files
            .into_iter()
            .map(|path| {
                let state = look(&path);
                (path, state)
            })
            .collect()
    }
}

/// The options that need a restart.
fn without_retention(options: &LogStoreOptions) -> LogStoreOptions {
    let LogStoreOptions { retention, stream_retention, bytes_max, stream_bytes_max, .. } = LogStoreOptions::default();
    LogStoreOptions { retention, stream_retention, bytes_max, stream_bytes_max, ..options.clone() }
}
