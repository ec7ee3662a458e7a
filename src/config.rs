//! The configuration file: Prometheus' top-level keys with their meaning there, and ours.

mod mistakes;
pub(crate) mod reference;
mod streams;

pub(crate) use streams::StreamConfig;

use crate::cli::ServeArgs;
use crate::{memory, shown_config};
use anyhow::{Context, bail};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use watchfire_gelf::GelfConfig;
use watchfire_logseries::LogSeriesConfig;
use watchfire_logstore::LogStoreOptions;
use watchfire_model::{ByteSize, DurationMs, Matcher};
use watchfire_promql::{ExprKind, Modifiers};
use watchfire_scrape::{GlobalConfig, ScrapeConfig};
use watchfire_tsdb::{RetentionRule, TsdbOptions};

/// Bytes that a configuration file may have.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The file as written, every key optional.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) global: GlobalConfig,
    #[serde(skip_serializing)]
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) scrape_configs: Vec<ScrapeConfig>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) rule_files: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) alerting: AlertingConfig,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) http: HttpConfig,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) logs: LogsConfig,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) metrics: MetricsConfig,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) storage: StorageConfig,
    /// What the whole process may take of memory; half of what the machine or its control group has by default.
    pub(crate) memory_limit: Option<ByteSize>,
    // Prometheus' keys without a function here yet: accepted, and told by `warnings`.
    #[serde(skip_serializing)]
    scrape_config_files: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    remote_write: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    remote_read: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    otlp: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    tracing: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    runtime: Option<IgnoredAny>,
    /// The file's text, every secret hidden; no key of it.
    #[serde(skip)]
    pub(crate) shown: String,
}

/// A section or list with nothing in it: YAML reads `alerting:` alone as null, and means the defaults.
fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `alerting`: Alertmanager's configuration, by file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AlertingConfig {
    /// An `alertmanager.yml`: routes and receivers. Without it alerts are evaluated and shown, but nobody is told.
    pub(crate) config_file: Option<PathBuf>,
    /// Address of this server in notices; by default the one that it listens on.
    pub(crate) external_url: Option<String>,
    #[serde(skip_serializing)]
    alertmanagers: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    alert_relabel_configs: Option<IgnoredAny>,
}

/// `http`: the page and every API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpConfig {
    /// Address to listen on. Loopback by default, since there is no login.
    pub(crate) listen: SocketAddr,
    /// Host names under which browsers may ask, beside `localhost` and literal addresses.
    pub(crate) hosts: Vec<String>,
    /// Listen beyond loopback all the same: only behind a proxy with login and TLS.
    pub(crate) insecure: bool,
    /// Connections of one address; further ones are closed.
    pub(crate) connections_per_peer_max: usize,
    /// Queries that run at once.
    pub(crate) query_concurrency: usize,
    /// The longest that a query may take.
    pub(crate) query_timeout: DurationMs,
    /// Samples, or log records, that one query may hold in memory.
    pub(crate) query_samples_max: u64,
    /// Whether `/api/v1/admin/tsdb/` deletes samples and takes snapshots. Off by default: there is no login.
    pub(crate) admin_api: bool,
}

/// `logs`: inputs, streams and store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogsConfig {
    pub(crate) gelf: GelfConfig,
    /// What belongs to which stream, decided as a record arrives; these may change while the server runs.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) streams: Vec<StreamConfig>,
    pub(crate) store: LogStoreOptions,
}

/// `metrics`: the time-series store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetricsConfig {
    /// How long samples are kept.
    pub(crate) retention: DurationMs,
    /// Bytes that samples may take on disk; the oldest blocks go first.
    pub(crate) bytes_max: Option<ByteSize>,
    /// Series that are kept for a shorter time.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) retention_rules: Vec<RetentionRuleConfig>,
    /// Series that may be active at once.
    pub(crate) series_max: u64,
    /// Memory for the active series and their fresh samples; its share of `memory_limit` by default.
    pub(crate) head_bytes_max: Option<ByteSize>,
    /// How far back an instant query looks for a sample.
    pub(crate) lookback: DurationMs,
    /// Log records as series in PromQL.
    pub(crate) log_series: LogSeriesConfig,
}

/// `metrics.retention_rules`: how long the series of a selector are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionRuleConfig {
    /// As in a query: `{env="dev"}`.
    pub(crate) selector: String,
    pub(crate) retention: DurationMs,
}

/// `storage`: where everything lies.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StorageConfig {
    /// The data directory.
    pub(crate) directory: PathBuf,
    /// Where backups go; `backups` in the data directory by default. On the same file system they take no space at first.
    pub(crate) backups: Option<PathBuf>,
    /// From this part of the medium on nothing is taken in until there is room again, in percent.
    pub(crate) used_max_percent: u8,
    #[serde(skip_serializing)]
    tsdb: Option<IgnoredAny>,
    pub(crate) exemplars: ExemplarsConfig,
}

/// `storage.exemplars`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExemplarsConfig {
    /// Of more, the oldest are forgotten.
    pub(crate) max_exemplars: usize,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
            hosts: Vec::new(),
            insecure: false,
            connections_per_peer_max: 256,
            query_concurrency: 20,
            query_timeout: DurationMs::from_secs(120),
            query_samples_max: 50_000_000,
            admin_api: false,
        }
    }
}

impl Default for MetricsConfig {
    fn default() -> MetricsConfig {
        let store = TsdbOptions::default();
        MetricsConfig {
            retention: store.retention,
            bytes_max: None,
            retention_rules: Vec::new(),
            series_max: store.series_max,
            head_bytes_max: None,
            lookback: DurationMs::from_secs(300),
            log_series: LogSeriesConfig::default(),
        }
    }
}

impl Default for StorageConfig {
    fn default() -> StorageConfig {
        StorageConfig {
            directory: PathBuf::from("data"),
            backups: None,
            used_max_percent: 95,
            tsdb: None,
            exemplars: ExemplarsConfig::default(),
        }
    }
}

impl Default for ExemplarsConfig {
    fn default() -> ExemplarsConfig {
        ExemplarsConfig { max_exemplars: TsdbOptions::default().exemplars_max }
    }
}

impl RetentionRuleConfig {
    fn matchers(&self) -> Result<Vec<Matcher>, String> {
        let wrong = |why: &str| format!("`metrics.retention_rules`: `{}` is no selector: {why}", self.selector);
        let expr = watchfire_promql::parse(&self.selector).map_err(|error| wrong(&error.to_string()))?;
        match expr.kind {
            ExprKind::Vector(selector) if selector.modifiers == Modifiers::default() => Ok(selector.matchers),
            _ => Err(wrong("write it as in a query, for example {env=\"dev\"}")),
        }
    }
}

impl MetricsConfig {
    /// The rules for the store; those that [`Config::validate`] refuses are left out.
    pub(crate) fn retention_rules(&self) -> Vec<RetentionRule> {
        let rule = |rule: &RetentionRuleConfig| {
            Some(RetentionRule { matchers: rule.matchers().ok()?, retention: rule.retention })
        };
        self.retention_rules.iter().filter_map(rule).collect()
    }
}

impl StorageConfig {
    /// Where backups go; absolute, as clients with other working directories are told it.
    pub(crate) fn backups(&self) -> PathBuf {
        let directory = self.backups.clone().unwrap_or_else(|| self.directory.join("backups"));
        std::path::absolute(&directory).unwrap_or(directory)
    }
}

impl Config {
    /// Reads and checks a file. Relative paths in it start at its own directory, as in Prometheus.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
        let shown = path.display();
        let size = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.len();
        if size > FILE_BYTES_MAX {
            bail!("{shown} has {size} bytes, a configuration may have {FILE_BYTES_MAX}");
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let mut config = Config::parse(&text).map_err(|message| anyhow::anyhow!("{shown}: {message}"))?;
        config.shown = shown_config::without_secrets(&text);
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Parses and checks a text; the error says where and what to change.
    pub(crate) fn parse(text: &str) -> Result<Config, String> {
        let config: Config = serde_saphyr::from_str(text).map_err(|error| mistakes::explain(&error))?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), String> {
        watchfire_scrape::validate_scrape_configs(&self.scrape_configs, &self.global)
            .map_err(|error| error.to_string())?;
        self.logs.gelf.validate().map_err(|error| error.to_string())?;
        self.logs.stream_rules()?;
        self.metrics.log_series.validate().map_err(|error| format!("metrics.log_series.{error}"))?;
        let positive = [
            ("http.connections_per_peer_max", self.http.connections_per_peer_max as u64),
            ("http.query_concurrency", self.http.query_concurrency as u64),
            ("http.query_timeout", self.http.query_timeout.0),
            ("http.query_samples_max", self.http.query_samples_max),
            ("metrics.retention", self.metrics.retention.0),
            ("metrics.series_max", self.metrics.series_max),
            ("metrics.lookback", self.metrics.lookback.0),
            ("logs.store.retention", self.logs.store.retention.0),
        ];
        for rule in &self.metrics.retention_rules {
            rule.matchers()?;
            if rule.retention.0 == 0 {
                return Err(format!("`metrics.retention_rules`: the retention of `{}` is 0", rule.selector));
            }
        }
        if !(10..=100).contains(&self.storage.used_max_percent) {
            let percent = self.storage.used_max_percent;
            return Err(format!("`storage.used_max_percent` is {percent}, it must be 10 to 100"));
        }
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("`{key}` is 0, it must be more; leave it out for the default"));
        }
        match self.memory_limit.filter(|limit| *limit < memory::LIMIT_MIN) {
            Some(limit) => Err(format!("`memory_limit` is {limit}, it must be {} or more", memory::LIMIT_MIN)),
            None => Ok(()),
        }
    }

    /// What is accepted but has no effect yet, one sentence each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let keys = [
            ("scrape_config_files", &self.scrape_config_files),
            ("remote_write", &self.remote_write),
            ("remote_read", &self.remote_read),
            ("otlp", &self.otlp),
            ("tracing", &self.tracing),
            ("runtime", &self.runtime),
            ("alerting.alertmanagers", &self.alerting.alertmanagers),
            ("alerting.alert_relabel_configs", &self.alerting.alert_relabel_configs),
            ("storage.tsdb", &self.storage.tsdb),
        ];
        let given = keys.into_iter().filter(|(_, value)| value.is_some());
        let mut warnings: Vec<String> =
            given.map(|(key, _)| format!("`{key}` is not supported yet and has no effect")).collect();
        warnings.extend(self.logs.stream_warnings());
        warnings.extend(self.global.warnings());
        warnings.extend(self.scrape_configs.iter().flat_map(ScrapeConfig::warnings));
        warnings
    }

    /// Options of the command line win over the file.
    pub(crate) fn apply(&mut self, args: &ServeArgs) {
        if let Some(directory) = &args.data_dir {
            self.storage.directory.clone_from(directory);
        }
        if let Some(listen) = args.http_listen {
            self.http.listen = listen;
        }
        if let Some(listen) = args.gelf_udp_listen {
            self.logs.gelf.udp.listen = listen;
        }
        if let Some(listen) = args.gelf_tcp_listen {
            self.logs.gelf.tcp.listen = listen;
        }
        self.http.insecure |= args.http_insecure;
        self.http.admin_api |= args.http_admin_api;
    }

    fn resolve_paths(&mut self, base: &Path) {
        for pattern in &mut self.rule_files {
            *pattern = base.join(&*pattern).to_string_lossy().into_owned();
        }
        if let Some(file) = &mut self.alerting.config_file {
            *file = base.join(&*file);
        }
        self.global.resolve_paths(base);
        for scrape in &mut self.scrape_configs {
            scrape.resolve_paths(base);
        }
    }
}

#[cfg(test)]
mod tests;
