//! A scrape configuration with all that it inherits filled in.

use super::{EscapingScheme, GlobalConfig, ScrapeConfig, ScrapeProtocol, accept_header};
use crate::relabel::NameScheme;
use watchfire_model::DurationMs;

/// The largest uncompressed page where no `body_size_limit` is set.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// What a scrape of this configuration does, `global` included. Two equal ones scrape alike.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScrapeSettings {
    pub(crate) interval: DurationMs,
    pub(crate) timeout: DurationMs,
    pub(crate) names: NameScheme,
    /// The `Accept` header.
    pub(crate) accept: String,
    pub(crate) limits: Limits,
    /// 0 means none.
    pub(crate) target_limit: u64,
    /// 0 means none.
    pub(crate) keep_dropped_targets: u64,
}

/// Limits of one page; a page over any of them is refused whole. 0 means the built-in one of `sample_rules`, but for the
/// body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) body_bytes: u64,
    pub(crate) samples: u64,
    pub(crate) labels: u64,
    pub(crate) label_name_bytes: u64,
    pub(crate) label_value_bytes: u64,
}

impl ScrapeSettings {
    pub(crate) fn new(config: &ScrapeConfig, global: &GlobalConfig) -> ScrapeSettings {
        let own_or_global = |own: u64, global: u64| if own == 0 { global } else { own };
        let given = |duration: Option<DurationMs>| duration.filter(|duration| duration.0 > 0);
        let interval = given(config.scrape_interval).unwrap_or(global.scrape_interval);
        let timeout = given(config.scrape_timeout).unwrap_or(global.timeout().min(interval));
        let names = config.metric_name_validation_scheme.unwrap_or(global.metric_name_validation_scheme);
        let escaping = config.metric_name_escaping_scheme.or(global.metric_name_escaping_scheme);
        let escaping = escaping.unwrap_or(match names {
            NameScheme::Utf8 => EscapingScheme::AllowUtf8,
            NameScheme::Legacy => EscapingScheme::Underscores,
        });
        let protocols = config.scrape_protocols.as_deref().or(global.scrape_protocols.as_deref());
        let body_bytes = own_or_global(config.body_size_limit.0, global.body_size_limit.0);
        ScrapeSettings {
            interval,
            timeout,
            names,
            accept: accept_header(protocols.unwrap_or(&ScrapeProtocol::DEFAULTS), escaping.as_str()),
            limits: Limits {
                body_bytes: if body_bytes == 0 { BODY_BYTES_MAX } else { body_bytes },
                samples: own_or_global(config.sample_limit, global.sample_limit),
                labels: own_or_global(config.label_limit, global.label_limit),
                label_name_bytes: own_or_global(config.label_name_length_limit, global.label_name_length_limit),
                label_value_bytes: own_or_global(config.label_value_length_limit, global.label_value_length_limit),
            },
            target_limit: own_or_global(config.target_limit, global.target_limit),
            keep_dropped_targets: own_or_global(config.keep_dropped_targets, global.keep_dropped_targets),
        }
    }
}
