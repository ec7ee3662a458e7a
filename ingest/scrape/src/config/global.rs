//! What holds for all scrapes where they say nothing else.

use super::{ScrapeProtocol, null_as_default, size_with_unit};
use crate::relabel::NameScheme;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use watchfire_model::{ByteSize, DurationMs, EscapingScheme};

/// The `global` section. A limit of 0 is one not given.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub struct GlobalConfig {
    /// Time from one scrape of a target to the next. Default: 1m.
    pub scrape_interval: DurationMs,
    /// How long a scrape may take. Default: 10s, or the interval where that is shorter.
    pub scrape_timeout: Option<DurationMs>,
    /// Formats to ask for, the best first. Default: OpenMetrics, then text; before both protobuf where native histograms are
    /// scraped.
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// Time from one evaluation of a rule group to the next. Default: 1m.
    pub evaluation_interval: DurationMs,
    /// How far back rules look, so that late samples are there. Default: 0s.
    pub rule_query_offset: DurationMs,
    /// Labels that tell this server apart from others. Default: none.
    #[serde(deserialize_with = "null_as_default")]
    pub external_labels: BTreeMap<String, String>,
    /// Accepted, not used yet.
    pub query_log_file: String,
    /// Accepted, not used yet.
    pub scrape_failure_log_file: String,
    /// Largest uncompressed page. Default: 64MiB.
    #[serde(deserialize_with = "size_with_unit")]
    pub body_size_limit: ByteSize,
    /// Most samples of a page, after metric relabeling. Default: 1000000.
    pub sample_limit: u64,
    /// Most targets of a scrape configuration.
    pub target_limit: u64,
    /// Most labels of a sample. Default: series with more than 128 are left out.
    pub label_limit: u64,
    /// Most bytes of a label's name. Default: series with more than 1024 are left out.
    pub label_name_length_limit: u64,
    /// Most bytes of a label's value. Default: series with more than 8192 are left out.
    pub label_value_length_limit: u64,
    /// Most dropped targets that are kept to be shown.
    pub keep_dropped_targets: u64,
    /// Which names of metrics and labels are valid. Default: utf8.
    pub metric_name_validation_scheme: NameScheme,
    /// Default: allow-utf-8, or underscores where names are legacy.
    pub metric_name_escaping_scheme: Option<EscapingScheme>,
    /// Whether native histograms are read where a target shows them; otherwise their classic form is. Default: false.
    pub scrape_native_histograms: bool,
    /// Whether classic histograms are stored as native ones with the same bounds. Default: false.
    pub convert_classic_histograms_to_nhcb: bool,
    /// Whether the classic series of a histogram are stored beside its native form. Default: false.
    pub always_scrape_classic_histograms: bool,
    /// Whether `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes` are written too. Default: false.
    pub extra_scrape_metrics: bool,
    /// Whether samples are stored with the time at which their counting began, where the page says it; OpenMetrics' `_created`
    /// samples are then no series of their own. No key of Prometheus, where a feature flag does this. Default: false.
    pub scrape_start_timestamps: bool,
}

impl Default for GlobalConfig {
    fn default() -> GlobalConfig {
        GlobalConfig {
            scrape_interval: DurationMs::from_secs(60),
            scrape_timeout: None,
            scrape_protocols: None,
            evaluation_interval: DurationMs::from_secs(60),
            rule_query_offset: DurationMs(0),
            external_labels: BTreeMap::new(),
            query_log_file: String::new(),
            scrape_failure_log_file: String::new(),
            body_size_limit: ByteSize(0),
            sample_limit: 0,
            target_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            keep_dropped_targets: 0,
            metric_name_validation_scheme: NameScheme::Utf8,
            metric_name_escaping_scheme: None,
            scrape_native_histograms: false,
            convert_classic_histograms_to_nhcb: false,
            always_scrape_classic_histograms: false,
            extra_scrape_metrics: false,
            scrape_start_timestamps: false,
        }
    }
}

impl GlobalConfig {
    /// The timeout of scrapes that say none.
    pub fn timeout(&self) -> DurationMs {
        self.scrape_timeout.unwrap_or(DurationMs::from_secs(10).min(self.scrape_interval))
    }

    /// Keys that are accepted but have no effect yet, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let unsupported = [
            ("query_log_file", !self.query_log_file.is_empty(), "queries are not logged to a file"),
            (
                "scrape_failure_log_file",
                !self.scrape_failure_log_file.is_empty(),
                "failures are shown with the targets",
            ),
        ];
        let set = unsupported.iter().filter(|(_, set, _)| *set);
        set.map(|(key, _, effect)| format!("global.{key} is not supported yet: {effect}")).collect()
    }

    /// Makes relative paths start at `folder`, that of the configuration file.
    pub fn resolve_paths(&mut self, folder: &Path) {
        for path in [&mut self.query_log_file, &mut self.scrape_failure_log_file] {
            if !path.is_empty() {
                *path = folder.join(&*path).to_string_lossy().into_owned();
            }
        }
    }
}
