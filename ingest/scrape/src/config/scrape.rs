//! One entry of `scrape_configs`.

use super::auth::{Authorization, BasicAuth, HttpHeader, Secret, TlsConfig, resolve};
use super::{ScrapeProtocol, null_as_default, size_with_unit};
use crate::relabel::{NameScheme, RelabelConfig};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use watchfire_discovery::{FileSdConfig, StaticConfig};
use watchfire_model::{ByteSize, DurationMs, EscapingScheme};

/// How to speak to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        })
    }
}

/// Where to scrape, how, and what to do with what comes. A limit of 0, like one not given, is that of `global`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub struct ScrapeConfig {
    /// Names the configuration, and is the default of the label `job`. Unique.
    pub job_name: String,
    /// Whether labels of the page win over those of the target; otherwise they are renamed to `exported_…`.
    #[serde(default)]
    pub honor_labels: bool,
    /// Whether times that the page gives are stored. Default: true.
    #[serde(default = "yes")]
    pub honor_timestamps: bool,
    /// Whether series with times of their own get staleness markers too.
    #[serde(default)]
    pub track_timestamps_staleness: bool,
    /// Parameters of the URL's query.
    #[serde(default, deserialize_with = "null_as_default")]
    pub params: BTreeMap<String, Vec<String>>,
    pub scrape_interval: Option<DurationMs>,
    /// At most the interval.
    pub scrape_timeout: Option<DurationMs>,
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// How to read a page whose `Content-Type` is missing or foreign; otherwise such a scrape fails.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// Default: `/metrics`.
    #[serde(default = "default_metrics_path")]
    pub metrics_path: String,
    /// Default: http.
    #[serde(default)]
    pub scheme: Scheme,
    /// Whether to ask for gzip. Default: true.
    #[serde(default = "yes")]
    pub enable_compression: bool,
    /// Largest uncompressed page.
    #[serde(default, deserialize_with = "size_with_unit")]
    pub body_size_limit: ByteSize,
    #[serde(default)]
    pub sample_limit: u64,
    #[serde(default)]
    pub target_limit: u64,
    #[serde(default)]
    pub label_limit: u64,
    #[serde(default)]
    pub label_name_length_limit: u64,
    #[serde(default)]
    pub label_value_length_limit: u64,
    #[serde(default)]
    pub keep_dropped_targets: u64,
    pub metric_name_validation_scheme: Option<NameScheme>,
    pub metric_name_escaping_scheme: Option<EscapingScheme>,
    pub scrape_native_histograms: Option<bool>,
    pub convert_classic_histograms_to_nhcb: Option<bool>,
    pub always_scrape_classic_histograms: Option<bool>,
    /// Most buckets of a native histogram; with more, it gets wider ones. 0 means no limit.
    #[serde(default)]
    pub native_histogram_bucket_limit: u64,
    /// How much larger the bound of a bucket of a native histogram must at least be than the one before; narrower buckets
    /// are merged. 0 means no limit.
    #[serde(default)]
    pub native_histogram_min_bucket_factor: f64,
    pub extra_scrape_metrics: Option<bool>,
    pub scrape_start_timestamps: Option<bool>,
    /// Accepted, not used yet.
    #[serde(default)]
    pub scrape_failure_log_file: String,

    pub basic_auth: Option<BasicAuth>,
    pub authorization: Option<Authorization>,
    /// Accepted, not supported yet.
    pub oauth2: Option<IgnoredAny>,
    /// The older way to write `authorization`.
    pub bearer_token: Option<Secret>,
    pub bearer_token_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub tls_config: TlsConfig,
    /// Default: true.
    #[serde(default = "yes")]
    pub follow_redirects: bool,
    /// Accepted: targets are spoken to in HTTP/1.1, which all of them know.
    #[serde(default = "yes")]
    pub enable_http2: bool,
    pub proxy_url: Option<String>,
    /// Accepted, not supported yet.
    pub no_proxy: Option<String>,
    /// Accepted, not supported yet.
    #[serde(default)]
    pub proxy_from_environment: bool,
    /// Accepted, not supported yet.
    pub proxy_connect_header: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub http_headers: BTreeMap<String, HttpHeader>,

    #[serde(default, deserialize_with = "null_as_default")]
    pub static_configs: Vec<StaticConfig>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub file_sd_configs: Vec<FileSdConfig>,
    /// Rules for targets, seen with all their `__…` labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub relabel_configs: Vec<RelabelConfig>,
    /// Rules for samples, after the target's labels went in.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metric_relabel_configs: Vec<RelabelConfig>,

    /// Discovery mechanisms of Prometheus that are named here but not supported yet.
    #[serde(flatten, deserialize_with = "unsupported_discovery")]
    pub unsupported_discovery: BTreeSet<String>,
}

fn yes() -> bool {
    true
}

fn default_metrics_path() -> String {
    "/metrics".to_owned()
}

/// The discovery mechanisms of Prometheus 3.14 that are not here yet.
const UNSUPPORTED_DISCOVERY: [&str; 35] = [
    "aws_sd_configs",
    "azure_sd_configs",
    "consul_sd_configs",
    "digitalocean_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "ecs_sd_configs",
    "elasticache_sd_configs",
    "eureka_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "http_sd_configs",
    "ionos_sd_configs",
    "kubernetes_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "msk_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "oci_sd_configs",
    "openstack_sd_configs",
    "outscale_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "rds_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
    "vultr_sd_configs",
];

/// Takes the keys that the struct does not have: discovery mechanisms are kept by name, others are errors.
#[expect(clippy::zero_sized_map_values, reason = "a set cannot be read from a mapping")]
fn unsupported_discovery<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    let keys = BTreeMap::<String, IgnoredAny>::deserialize(deserializer)?;
    match keys.keys().find(|key| !UNSUPPORTED_DISCOVERY.contains(&key.as_str())) {
        Some(key) => Err(serde::de::Error::custom(format!("`{key}` is not a key of a scrape configuration"))),
        None => Ok(keys.into_keys().collect()),
    }
}

impl ScrapeConfig {
    /// Keys that are accepted but have no effect yet, one sentence each, naming the configuration.
    pub fn warnings(&self) -> Vec<String> {
        let job = &self.job_name;
        let mut warnings: Vec<String> = Vec::new();
        for key in &self.unsupported_discovery {
            warnings.push(format!("scrape_configs[{job}].{key} is not supported yet: its targets will not be scraped"));
        }
        let unsupported = [
            ("oauth2", self.oauth2.is_some(), "targets are asked without a token"),
            ("no_proxy", self.no_proxy.is_some(), "all targets are asked through proxy_url"),
            ("proxy_from_environment", self.proxy_from_environment, "targets are asked directly"),
            ("proxy_connect_header", self.proxy_connect_header.is_some(), "the header is not sent"),
            (
                "tls_config.server_name",
                self.tls_config.server_name.is_some(),
                "certificates are checked against the target's address",
            ),
            (
                "scrape_failure_log_file",
                !self.scrape_failure_log_file.is_empty(),
                "failures are shown with the targets",
            ),
        ];
        let set = unsupported.iter().filter(|(_, set, _)| *set);
        warnings
            .extend(set.map(|(key, _, effect)| format!("scrape_configs[{job}].{key} is not supported yet: {effect}")));
        warnings
    }

    /// Makes relative paths start at `folder`, that of the configuration file.
    pub fn resolve_paths(&mut self, folder: &Path) {
        let authorization = self.authorization.iter_mut().filter_map(|it| it.credentials_file.as_mut());
        let headers = self.http_headers.values_mut().flat_map(|header| &mut header.files);
        let paths = self.basic_auth.iter_mut().flat_map(BasicAuth::paths);
        let paths = paths.chain(authorization).chain(&mut self.bearer_token_file).chain(self.tls_config.paths());
        for path in paths.chain(headers) {
            resolve(path, folder);
        }
        for config in &mut self.file_sd_configs {
            config.resolve(folder);
        }
    }
}
