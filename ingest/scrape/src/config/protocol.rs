//! The formats that a scrape may ask for.

use crate::exposition::Format;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A format by Prometheus' name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum ScrapeProtocol {
    PrometheusProto,
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetricsText0_0_1,
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetricsText1_0_0,
    #[serde(rename = "PrometheusText0.0.4")]
    PrometheusText0_0_4,
    #[serde(rename = "PrometheusText1.0.0")]
    PrometheusText1_0_0,
}

impl ScrapeProtocol {
    /// The formats asked for where the configuration says none, the best first.
    pub const DEFAULTS: [ScrapeProtocol; 4] = [
        ScrapeProtocol::OpenMetricsText1_0_0,
        ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::PrometheusText1_0_0,
        ScrapeProtocol::PrometheusText0_0_4,
    ];

    /// The formats asked for where native histograms are scraped and the configuration says none.
    pub const NATIVE_DEFAULTS: [ScrapeProtocol; 5] = [
        ScrapeProtocol::PrometheusProto,
        ScrapeProtocol::OpenMetricsText1_0_0,
        ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::PrometheusText1_0_0,
        ScrapeProtocol::PrometheusText0_0_4,
    ];

    /// All of them; as many are weighed against each other in `Accept`.
    const COUNT: usize = 5;

    /// The media type for an `Accept` header. `escaping` says how names that are not plain may be written, in the formats
    /// that are asked for it.
    pub(crate) fn media_type(self, escaping: &str) -> String {
        match self {
            ScrapeProtocol::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited".to_owned()
            }
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1".to_owned(),
            ScrapeProtocol::OpenMetricsText1_0_0 => {
                format!("application/openmetrics-text;version=1.0.0;escaping={escaping}")
            }
            ScrapeProtocol::PrometheusText0_0_4 => "text/plain;version=0.0.4".to_owned(),
            ScrapeProtocol::PrometheusText1_0_0 => format!("text/plain;version=1.0.0;escaping={escaping}"),
        }
    }

    /// What reads it.
    pub(crate) fn format(self) -> Format {
        match self {
            ScrapeProtocol::PrometheusProto => Format::Protobuf,
            ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => Format::OpenMetrics,
            ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Format::Text,
        }
    }
}

impl fmt::Display for ScrapeProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScrapeProtocol::PrometheusProto => "PrometheusProto",
            ScrapeProtocol::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            ScrapeProtocol::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
            ScrapeProtocol::PrometheusText0_0_4 => "PrometheusText0.0.4",
            ScrapeProtocol::PrometheusText1_0_0 => "PrometheusText1.0.0",
        })
    }
}

/// The `Accept` header for formats in order of preference: weights fall by a tenth from the first on, anything else is last.
/// Prometheus: `scrape/scrape.go`, `acceptHeader`.
pub(crate) fn accept_header(protocols: &[ScrapeProtocol], escaping: &str) -> String {
    let media_types = protocols.iter().map(|protocol| protocol.media_type(escaping));
    let weighed = media_types.chain(["*/*".to_owned()]).zip((1..=ScrapeProtocol::COUNT + 1).rev());
    let offers: Vec<String> = weighed.map(|(media_type, tenths)| format!("{media_type};q=0.{tenths}")).collect();
    offers.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(protocols: &[ScrapeProtocol], want: &[&str]) {
        assert_eq!(accept_header(protocols, "allow-utf-8"), want.join(","));
    }

    #[test]
    fn preferences_become_weights() {
        check(&[ScrapeProtocol::PrometheusText0_0_4], &["text/plain;version=0.0.4;q=0.6", "*/*;q=0.5"]);
        check(
            &ScrapeProtocol::DEFAULTS,
            &[
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6",
                "application/openmetrics-text;version=0.0.1;q=0.5",
                "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4",
                "text/plain;version=0.0.4;q=0.3",
                "*/*;q=0.2",
            ],
        );
        check(
            &ScrapeProtocol::NATIVE_DEFAULTS,
            &[
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6",
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5",
                "application/openmetrics-text;version=0.0.1;q=0.4",
                "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3",
                "text/plain;version=0.0.4;q=0.2",
                "*/*;q=0.1",
            ],
        );
        assert!(accept_header(&ScrapeProtocol::DEFAULTS, "underscores").contains("escaping=underscores;q=0.6"));
    }
}
