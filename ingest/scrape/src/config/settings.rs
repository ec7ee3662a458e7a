//! A scrape configuration with all that it inherits filled in.

use super::{GlobalConfig, ScrapeConfig, ScrapeProtocol, accept_header};
use crate::exposition::ReadOptions;
use crate::relabel::NameScheme;
use watchfire_model::{DurationMs, EscapingScheme, Histogram};

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
    pub(crate) read: ReadOptions,
    pub(crate) histograms: HistogramRules,
    /// Whether a scrape tells its timeout, its limit and the size of its page too.
    pub(crate) extra_report: bool,
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

/// What becomes of histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HistogramRules {
    /// Whether classic ones are stored as native ones with bounds of their own.
    pub(crate) convert_classic: bool,
    /// Whether the classic series are stored then as well.
    pub(crate) keep_classic: bool,
    /// Most buckets of a native one; 0 means no limit.
    pub(crate) buckets_max: u64,
    /// The finest schema of a native one.
    pub(crate) schema_max: i32,
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
        let native_histograms = config.scrape_native_histograms.unwrap_or(global.scrape_native_histograms);
        let keep_classic = config.always_scrape_classic_histograms.unwrap_or(global.always_scrape_classic_histograms);
        let protocols = config.scrape_protocols.as_deref().or(global.scrape_protocols.as_deref());
        let protocols = protocols.unwrap_or(if native_histograms {
            &ScrapeProtocol::NATIVE_DEFAULTS
        } else {
            &ScrapeProtocol::DEFAULTS
        });
        let body_bytes = own_or_global(config.body_size_limit.0, global.body_size_limit.0);
        ScrapeSettings {
            interval,
            timeout,
            names,
            accept: accept_header(protocols, escaping.as_str()),
            limits: Limits {
                body_bytes: if body_bytes == 0 { BODY_BYTES_MAX } else { body_bytes },
                samples: own_or_global(config.sample_limit, global.sample_limit),
                labels: own_or_global(config.label_limit, global.label_limit),
                label_name_bytes: own_or_global(config.label_name_length_limit, global.label_name_length_limit),
                label_value_bytes: own_or_global(config.label_value_length_limit, global.label_value_length_limit),
            },
            read: ReadOptions {
                native_histograms,
                classic_too: keep_classic,
                start_times: config.scrape_start_timestamps.unwrap_or(global.scrape_start_timestamps),
                tolerant: true,
            },
            histograms: HistogramRules {
                convert_classic: config
                    .convert_classic_histograms_to_nhcb
                    .unwrap_or(global.convert_classic_histograms_to_nhcb),
                keep_classic,
                buckets_max: config.native_histogram_bucket_limit,
                schema_max: schema_of_factor(config.native_histogram_min_bucket_factor),
            },
            extra_report: config.extra_scrape_metrics.unwrap_or(global.extra_scrape_metrics),
            target_limit: own_or_global(config.target_limit, global.target_limit),
            keep_dropped_targets: own_or_global(config.keep_dropped_targets, global.keep_dropped_targets),
        }
    }
}

/// The finest schema whose bounds grow by at least `factor`; a factor of 1 or less asks for nothing.
/// Prometheus: `scrape/scrape.go`, `pickSchema`.
fn schema_of_factor(factor: f64) -> i32 {
    if factor <= 1.0 {
        return Histogram::SCHEMA_MAX;
    }
    let schema = (-factor.log2().log2()).floor();
    schema.clamp(f64::from(Histogram::SCHEMA_MIN), f64::from(Histogram::SCHEMA_MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(factor: f64, want: i32) {
        assert_eq!(schema_of_factor(factor), want, "{factor}");
    }

    #[test]
    fn factors_become_schemas() {
        check(0.0, 8);
        check(1.0, 8);
        check(1.001, 8);
        check(1.1, 2);
        check(1.5, 0);
        check(2.0, 0);
        check(2.1, -1);
        check(4.0, -1);
        check(65_536.0, -4);
        check(f64::INFINITY, -4);
    }
}
