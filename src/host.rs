//! What Prometheus' API shows of the process: configuration, settings, scrape pools, backups.

use crate::admin::Admin;
use crate::config::Config;
use crate::memory::MemoryPlan;
use crate::reload::LastReload;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use watchfire_api::{Host, RelabelStep, RuntimeFacts};
use watchfire_model::Labels;
use watchfire_scrape::{RelabelConfig, RelabelRules, Verdict};

/// The process, for the API.
#[derive(Debug)]
pub(crate) struct HostFacts {
    /// As the sections say it that are read at the start only.
    pub(crate) started: Config,
    pub(crate) config_file: Option<PathBuf>,
    /// Address of this server in notices.
    pub(crate) external_url: String,
    pub(crate) last_reload: Arc<LastReload>,
    pub(crate) memory: Arc<MemoryPlan>,
    pub(crate) admin: Arc<Admin>,
}

impl Host for HostFacts {
    fn config(&self) -> String {
        self.last_reload.config().shown.clone()
    }

    fn flags(&self) -> BTreeMap<&'static str, String> {
        let Config { http, metrics, storage, .. } = &self.started;
        let config_file = self.config_file.as_ref().map_or_else(String::new, |file| file.display().to_string());
        let size = metrics.bytes_max.map_or_else(|| "0B".to_owned(), |size| size.to_string());
        BTreeMap::from([
            ("config.file", config_file),
            ("query.lookback-delta", metrics.lookback.to_string()),
            ("query.max-concurrency", http.query_concurrency.to_string()),
            ("query.max-samples", http.query_samples_max.to_string()),
            ("query.timeout", http.query_timeout.to_string()),
            ("storage.tsdb.path", storage.directory.display().to_string()),
            ("storage.tsdb.retention.size", size),
            ("storage.tsdb.retention.time", metrics.retention.to_string()),
            ("web.enable-admin-api", http.admin_api.to_string()),
            ("web.enable-lifecycle", true.to_string()),
            ("web.enable-remote-write-receiver", true.to_string()),
            ("web.external-url", self.external_url.clone()),
            ("web.listen-address", http.listen.to_string()),
        ])
    }

    fn runtime(&self) -> RuntimeFacts {
        let host_name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        RuntimeFacts {
            working_directory: std::env::current_dir().unwrap_or_default().display().to_string(),
            host_name: host_name.trim().to_owned(),
            reload_succeeded: self.last_reload.error().is_none(),
            last_reload: self.last_reload.time(),
            memory_limit: self.memory.limit.0,
            retention: self.started.metrics.retention.to_string(),
        }
    }

    fn external_labels(&self) -> Labels {
        Labels::from_pairs(&self.last_reload.config().global.external_labels)
    }

    fn scrape_pools(&self) -> Vec<String> {
        let config = self.last_reload.config();
        let mut pools: Vec<String> = config.scrape_configs.iter().map(|scrape| scrape.job_name.clone()).collect();
        pools.sort();
        pools
    }

    fn relabel(&self, pool: &str, labels: Labels) -> Result<Vec<RelabelStep>, String> {
        let config = self.last_reload.config();
        let scrape = config.scrape_configs.iter().find(|scrape| scrape.job_name == pool);
        let scrape = scrape.ok_or_else(|| format!("scrape pool {pool:?} not found"))?;
        let scheme = scrape.metric_name_validation_scheme.unwrap_or(config.global.metric_name_validation_scheme);
        let mut labels = labels.to_builder();
        let mut steps = Vec::new();
        for rule in &scrape.relabel_configs {
            let compiled = RelabelRules::compile(std::slice::from_ref(rule), scheme);
            let keep = compiled.map_err(|error| error.to_string())?.apply(&mut labels) == Verdict::Keep;
            let output = if keep { labels.clone().build() } else { Labels::empty() };
            steps.push(RelabelStep { rule: shown(rule), output, keep });
            if !keep {
                break;
            }
        }
        Ok(steps)
    }

    fn has_admin_api(&self) -> bool {
        self.started.http.admin_api
    }

    fn snapshot(&self) -> Result<String, String> {
        let Ok(_turn) = self.admin.turn.try_acquire() else { return Err("another backup is being taken".to_owned()) };
        self.admin.back_up().map(|(backup, _)| backup.name).map_err(|error| format!("create snapshot: {error:#}"))
    }
}

fn shown(rule: &RelabelConfig) -> serde_json::Value {
    json!({
        "source_labels": rule.source_labels,
        "separator": rule.separator,
        "regex": rule.regex,
        "modulus": rule.modulus,
        "target_label": rule.target_label,
        "replacement": rule.replacement,
        "action": format!("{:?}", rule.action).to_lowercase(),
    })
}
