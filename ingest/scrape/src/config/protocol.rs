//! The formats that a scrape may ask for.

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

    /// The media type for an `Accept` header; `None` for a format that cannot be read. `escaping` says how names
    /// that are not plain may be written, in the formats that know of it.
    pub(crate) fn media_type(self, escaping: &str) -> Option<String> {
        match self {
            ScrapeProtocol::PrometheusProto => None,
            ScrapeProtocol::OpenMetricsText0_0_1 => Some("application/openmetrics-text;version=0.0.1".to_owned()),
            ScrapeProtocol::OpenMetricsText1_0_0 => {
                Some(format!("application/openmetrics-text;version=1.0.0;escaping={escaping}"))
            }
            ScrapeProtocol::PrometheusText0_0_4 => Some("text/plain;version=0.0.4".to_owned()),
            ScrapeProtocol::PrometheusText1_0_0 => Some(format!("text/plain;version=1.0.0;escaping={escaping}")),
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

/// The `Accept` header for formats in order of preference: falling weights, anything else last.
pub(crate) fn accept_header(protocols: &[ScrapeProtocol], escaping: &str) -> String {
    let media_types: Vec<String> = protocols.iter().filter_map(|protocol| protocol.media_type(escaping)).collect();
    let weights = (2..=media_types.len() + 1).rev();
    let mut offers: Vec<String> =
        media_types.iter().zip(weights).map(|(media_type, weight)| format!("{media_type};q=0.{weight}")).collect();
    offers.push("*/*;q=0.1".to_owned());
    offers.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_become_weights() {
        let protocols = [ScrapeProtocol::PrometheusProto, ScrapeProtocol::PrometheusText0_0_4];
        assert_eq!(accept_header(&protocols, "allow-utf-8"), "text/plain;version=0.0.4;q=0.2,*/*;q=0.1");
        let all = accept_header(&ScrapeProtocol::DEFAULTS, "allow-utf-8");
        assert!(all.starts_with("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"), "{all}");
        assert!(all.ends_with("text/plain;version=0.0.4;q=0.2,*/*;q=0.1"), "{all}");
    }
}
