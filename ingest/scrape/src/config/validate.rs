//! What the types of the configuration cannot say: rules between keys.

use super::{GlobalConfig, ScrapeConfig, ScrapeProtocol, ScrapeSettings};
use crate::relabel::{NameScheme, RelabelRules};
use std::collections::BTreeSet;
use watchfire_model::{DurationMs, EscapingScheme, METRIC_NAME};

/// A key, and what is wrong with its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct ConfigError {
    /// From the root of the file, for example `scrape_configs[node].scrape_timeout`.
    pub key: String,
    /// The rule, the value, and what to write instead.
    pub reason: String,
}

impl ConfigError {
    fn new(key: impl Into<String>, reason: impl Into<String>) -> ConfigError {
        ConfigError { key: key.into(), reason: reason.into() }
    }
}

/// Checks every scrape configuration, and that no two share a name.
pub fn validate_scrape_configs(configs: &[ScrapeConfig], global: &GlobalConfig) -> Result<(), ConfigError> {
    let mut names = BTreeSet::new();
    for config in configs {
        config.validate(global)?;
        if !names.insert(&config.job_name) {
            let reason = format!("`{}` names two scrape configurations, each needs a name of its own", config.job_name);
            return Err(ConfigError::new("scrape_configs.job_name", reason));
        }
    }
    Ok(())
}

impl GlobalConfig {
    /// Checks the section by itself.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let error = |key: &str, reason: String| Err(ConfigError::new(format!("global.{key}"), reason));
        for (key, interval) in
            [("scrape_interval", self.scrape_interval), ("evaluation_interval", self.evaluation_interval)]
        {
            if interval == DurationMs(0) {
                return error(key, "`0s` must be longer than zero".to_owned());
            }
        }
        if self.timeout() > self.scrape_interval {
            let reason = format!("`{}` is longer than scrape_interval, `{}`", self.timeout(), self.scrape_interval);
            return error("scrape_timeout", reason);
        }
        let scheme = self.metric_name_validation_scheme;
        if let Some(name) = self.external_labels.keys().find(|name| !scheme.allows_label(name) || *name == METRIC_NAME)
        {
            return error("external_labels", format!("`{name}` is not a label name"));
        }
        if let Some(protocols) = &self.scrape_protocols {
            check_protocols(protocols).or_else(|reason| error("scrape_protocols", reason))?;
        }
        if scheme == NameScheme::Legacy && self.metric_name_escaping_scheme == Some(EscapingScheme::AllowUtf8) {
            return error(
                "metric_name_escaping_scheme",
                "`allow-utf-8` contradicts metric_name_validation_scheme `legacy`".to_owned(),
            );
        }
        Ok(())
    }
}

impl ScrapeConfig {
    /// Checks the entry together with what it inherits.
    pub fn validate(&self, global: &GlobalConfig) -> Result<(), ConfigError> {
        if self.job_name.is_empty() {
            return Err(ConfigError::new("scrape_configs.job_name", "it is empty, give the configuration a name"));
        }
        self.check(global).map_err(|(key, reason)| {
            let path = format!("scrape_configs[{}]", self.job_name);
            ConfigError::new(if key.is_empty() { path } else { format!("{path}.{key}") }, reason)
        })
    }

    /// The first broken rule: the key below the entry, and the reason.
    fn check(&self, global: &GlobalConfig) -> Result<(), (String, String)> {
        let at = |key: &str, reason: String| Err((key.to_owned(), reason));
        let settings = ScrapeSettings::new(self, global);
        if settings.timeout > settings.interval {
            let reason = format!("`{}` is longer than scrape_interval, `{}`", settings.timeout, settings.interval);
            return at("scrape_timeout", reason);
        }
        if let Some(protocols) = &self.scrape_protocols {
            check_protocols(protocols).or_else(|reason| at("scrape_protocols", reason))?;
        }
        if settings.names == NameScheme::Legacy && self.metric_name_escaping_scheme == Some(EscapingScheme::AllowUtf8) {
            return at(
                "metric_name_escaping_scheme",
                "`allow-utf-8` contradicts metric_name_validation_scheme `legacy`".to_owned(),
            );
        }
        let factor = self.native_histogram_min_bucket_factor;
        if factor.is_nan() || factor < 0.0 {
            return at(
                "native_histogram_min_bucket_factor",
                format!("`{factor}` is negative or no number, write 1.1 or 0"),
            );
        }
        self.check_http().or_else(|reason| at("", reason.to_owned()))?;
        for (index, config) in self.static_configs.iter().enumerate() {
            config.validate().map_err(|error| (format!("static_configs[{index}]"), error.to_string()))?;
        }
        for (index, config) in self.file_sd_configs.iter().enumerate() {
            config.validate().map_err(|error| (format!("file_sd_configs[{index}]"), error.to_string()))?;
        }
        let lists =
            [("relabel_configs", &self.relabel_configs), ("metric_relabel_configs", &self.metric_relabel_configs)];
        for (key, configs) in lists {
            RelabelRules::compile(configs, settings.names)
                .map_err(|error| (format!("{key}[{}]", error.index), error.reason))?;
        }
        Ok(())
    }

    /// The rules of Prometheus' HTTP client options.
    fn check_http(&self) -> Result<(), &'static str> {
        if self.bearer_token.is_some() && self.bearer_token_file.is_some() {
            return Err("write bearer_token or bearer_token_file, not both");
        }
        let ways = [
            self.basic_auth.is_some(),
            self.authorization.is_some(),
            self.oauth2.is_some(),
            self.bearer_token.is_some() || self.bearer_token_file.is_some(),
        ];
        if ways.iter().filter(|used| **used).count() > 1 {
            return Err("write only one of basic_auth, authorization, oauth2 and bearer_token");
        }
        if self.proxy_from_environment && (self.proxy_url.is_some() || self.no_proxy.is_some()) {
            return Err("write proxy_from_environment or proxy_url, not both");
        }
        if self.no_proxy.is_some() && self.proxy_url.is_none() {
            return Err("no_proxy needs proxy_url");
        }
        self.basic_auth.as_ref().map_or(Ok(()), super::BasicAuth::check)?;
        self.authorization.as_ref().map_or(Ok(()), super::Authorization::check)?;
        self.tls_config.check()
    }
}

fn check_protocols(protocols: &[ScrapeProtocol]) -> Result<(), String> {
    if protocols.is_empty() {
        return Err("the list is empty, name at least one format".to_owned());
    }
    match protocols.iter().enumerate().find(|(index, protocol)| protocols[..*index].contains(protocol)) {
        Some((_, protocol)) => Err(format!("`{protocol}` is named twice")),
        None => Ok(()),
    }
}
