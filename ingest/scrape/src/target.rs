//! From discovered labels to something that can be scraped. Prometheus: `scrape/target.go`.

use crate::config::{ScrapeConfig, ScrapeSettings};
use crate::relabel::{RelabelRules, Verdict};
use reqwest::Url;
use std::hash::BuildHasher;
use watchfire_discovery::ADDRESS_LABEL;
use watchfire_model::{DurationMs, Labels, LabelsBuilder};

const INTERVAL_LABEL: &str = "__scrape_interval__";
const TIMEOUT_LABEL: &str = "__scrape_timeout__";
const PATH_LABEL: &str = "__metrics_path__";
const SCHEME_LABEL: &str = "__scheme__";
const PARAM_PREFIX: &str = "__param_";

/// One page to scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Labels that its samples get: none begins with `__`.
    pub(crate) labels: Labels,
    /// Labels before relabeling.
    pub(crate) discovered: Labels,
    pub(crate) url: Url,
    pub(crate) interval: DurationMs,
    /// At most the interval.
    pub(crate) timeout: DurationMs,
}

/// Why discovered labels do not make a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("the label __address__ is missing or empty after relabeling")]
    NoAddress,
    #[error("`{0}` is not a host and port")]
    Address(String),
    #[error("`{value}` in the label {label} is not a duration above zero")]
    Duration { label: &'static str, value: String },
    #[error("the timeout `{timeout}` is longer than the interval `{interval}`")]
    Timeout { timeout: DurationMs, interval: DurationMs },
    #[error("`{0}` is not a URL that can be scraped")]
    Url(String),
}

impl Target {
    /// Labels the target as the configuration says and relabels it; `None` where relabeling drops it.
    pub(crate) fn build(
        discovered: &Labels,
        config: &ScrapeConfig,
        settings: &ScrapeSettings,
        rules: &RelabelRules,
    ) -> Result<Option<Target>, TargetError> {
        let discovered = with_defaults(discovered, config, settings);
        let mut labels = discovered.to_builder();
        if rules.apply(&mut labels) == Verdict::Drop {
            return Ok(None);
        }
        let address = labels.get(ADDRESS_LABEL).cloned().ok_or(TargetError::NoAddress)?;
        if address.contains('/') {
            return Err(TargetError::Address(address.to_string()));
        }
        let interval = duration(&labels, INTERVAL_LABEL)?;
        let timeout = duration(&labels, TIMEOUT_LABEL)?;
        if timeout > interval {
            return Err(TargetError::Timeout { timeout, interval });
        }
        let url = url(&labels, &address, config)?;
        if labels.get("instance").is_none() {
            labels.set("instance", address);
        }
        labels.retain(|label| !label.name.starts_with("__"));
        Ok(Some(Target { labels: labels.build(), discovered, url, interval, timeout }))
    }

    /// Where within its interval the target is scraped: spread by labels and URL, the same after a restart.
    pub(crate) fn offset_ms(&self, seed: u64) -> i64 {
        let hash = foldhash::quality::FixedState::default().hash_one((&self.labels, self.url.as_str())) ^ seed;
        (hash % self.interval.0.max(1)) as i64
    }
}

/// Adds what relabeling may see and change: the job, the URL's parts and the times.
fn with_defaults(discovered: &Labels, config: &ScrapeConfig, settings: &ScrapeSettings) -> Labels {
    let mut labels = discovered.to_builder();
    let defaults = [
        ("job", config.job_name.clone()),
        (INTERVAL_LABEL, settings.interval.to_string()),
        (TIMEOUT_LABEL, settings.timeout.to_string()),
        (PATH_LABEL, config.metrics_path.clone()),
        (SCHEME_LABEL, config.scheme.to_string()),
    ];
    for (name, value) in defaults {
        if labels.get(name).is_none() {
            labels.set(name, value);
        }
    }
    for (name, values) in &config.params {
        if let Some(value) = values.first() {
            labels.set(format!("{PARAM_PREFIX}{name}"), value.as_str());
        }
    }
    labels.build()
}

fn duration(labels: &LabelsBuilder, label: &'static str) -> Result<DurationMs, TargetError> {
    let value = labels.get(label).cloned().unwrap_or_default();
    let parsed = DurationMs::parse(&value).ok().filter(|duration| duration.0 > 0);
    parsed.ok_or_else(|| TargetError::Duration { label, value: value.to_string() })
}

fn url(labels: &LabelsBuilder, address: &str, config: &ScrapeConfig) -> Result<Url, TargetError> {
    let value = |name: &str| labels.get(name).cloned().unwrap_or_default();
    let base = format!("{}://{address}", value(SCHEME_LABEL));
    let refused = || TargetError::Url(base.clone());
    let mut url = Url::parse(&base).map_err(|_| refused())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refused());
    }
    url.set_path(&value(PATH_LABEL));
    let mut params = config.params.clone();
    for label in labels.as_slice() {
        if let Some(name) = label.name.strip_prefix(PARAM_PREFIX) {
            let values = params.entry(name.to_owned()).or_default();
            values.splice(..values.len().min(1), [label.value.to_string()]);
        }
    }
    if params.values().any(|values| !values.is_empty()) {
        let mut query = url.query_pairs_mut();
        for (name, values) in &params {
            for value in values {
                query.append_pair(name, value);
            }
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::GlobalConfig;
    use crate::relabel::NameScheme;

    /// Builds a target; the text is its labels and URL, or why there is none.
    #[track_caller]
    fn check(yaml: &str, discovered: &[(&str, &str)], want: &str) {
        let config: ScrapeConfig = serde_saphyr::from_str(yaml).expect(yaml);
        let settings = ScrapeSettings::new(&config, &GlobalConfig::default());
        let rules = RelabelRules::compile(&config.relabel_configs, NameScheme::Utf8).expect(yaml);
        let labels = Labels::from_pairs(discovered.iter().copied());
        let got = match Target::build(&labels, &config, &settings, &rules) {
            Ok(Some(target)) => format!("{} {}", target.labels, target.url),
            Ok(None) => "dropped".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, want, "{yaml}");
    }

    #[test]
    fn discovered_labels_become_targets() {
        let a1: &[(&str, &str)] = &[("__address__", "a:1"), ("__meta_x", "y")];
        check("job_name: j", a1, r#"{instance="a:1", job="j"} http://a:1/metrics"#);
        check(
            "{job_name: j, scheme: https, metrics_path: /m, params: {q: ['1 2', '3'], r: []}}",
            &[("__address__", "a"), ("job", "own")],
            r#"{instance="a", job="own"} https://a/m?q=1+2&q=3"#,
        );
        check(
            "{job_name: j, params: {target: [x]}, relabel_configs: [\
             {source_labels: [__address__], target_label: __param_target}, \
             {source_labels: [__param_target], target_label: instance}, \
             {target_label: __address__, replacement: 'prober:9115'}, \
             {source_labels: [__meta_x], target_label: x}]}",
            a1,
            r#"{instance="a:1", job="j", x="y"} http://prober:9115/metrics?target=a%3A1"#,
        );
        check("{job_name: j, relabel_configs: [{source_labels: [__meta_x], regex: y, action: drop}]}", a1, "dropped");
    }

    #[test]
    fn labels_that_make_no_target_are_refused() {
        check("job_name: j", &[("a", "b")], "the label __address__ is missing or empty after relabeling");
        check("job_name: j", &[("__address__", "a/b")], "`a/b` is not a host and port");
        check(
            "job_name: j",
            &[("__address__", "a"), ("__scrape_timeout__", "2m")],
            "the timeout `2m` is longer than the interval `1m`",
        );
        check(
            "job_name: j",
            &[("__address__", "a"), ("__scrape_interval__", "x")],
            "`x` in the label __scrape_interval__ is not a duration above zero",
        );
        check(
            "job_name: j",
            &[("__address__", "a"), ("__scheme__", "ftp")],
            "`ftp://a` is not a URL that can be scraped",
        );
    }
}
