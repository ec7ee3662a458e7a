//! Which format a page is in, by its `Content-Type`. Prometheus: `model/textparse/interface.go`, `extractMediaType`.

use crate::config::ScrapeProtocol;

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text 0.0.4 and 1.0.0.
    Text,
    /// OpenMetrics 0.0.1 and 1.0.0.
    OpenMetrics,
    /// Metric families in protobuf, each behind its length.
    Protobuf,
}

/// Why the format of a page is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentTypeError {
    #[error("the target sends no Content-Type; set fallback_scrape_protocol to the format that it speaks")]
    Missing,
    #[error(
        "the target sends the Content-Type `{0}`, which is no metrics format; set fallback_scrape_protocol to read it anyway"
    )]
    Unsupported(String),
}

/// The format of a page. A missing or foreign `Content-Type` is an error unless there is a fallback.
pub fn format_of(content_type: Option<&str>, fallback: Option<ScrapeProtocol>) -> Result<Format, ContentTypeError> {
    let Some(content_type) = content_type.filter(|text| !text.trim().is_empty()) else {
        return fallback.map(ScrapeProtocol::format).ok_or(ContentTypeError::Missing);
    };
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "text/plain" => Ok(Format::Text),
        "application/openmetrics-text" => Ok(Format::OpenMetrics),
        "application/vnd.google.protobuf" => Ok(Format::Protobuf),
        _ => fallback.map(ScrapeProtocol::format).ok_or_else(|| ContentTypeError::Unsupported(content_type.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: Option<&str>, fallback: Option<ScrapeProtocol>, want: &Result<Format, ContentTypeError>) {
        assert_eq!(&format_of(content_type, fallback), want, "{content_type:?} {fallback:?}");
    }

    #[test]
    fn the_content_type_decides_and_the_fallback_helps() {
        let fallback = Some(ScrapeProtocol::OpenMetricsText1_0_0);
        check(Some("text/plain; version=0.0.4"), fallback, &Ok(Format::Text));
        check(Some("Application/OpenMetrics-Text;version=1.0.0"), None, &Ok(Format::OpenMetrics));
        check(Some("text/html"), None, &Err(ContentTypeError::Unsupported("text/html".to_owned())));
        check(Some("text/html"), fallback, &Ok(Format::OpenMetrics));
        check(Some(" "), None, &Err(ContentTypeError::Missing));
        check(None, None, &Err(ContentTypeError::Missing));
        check(None, Some(ScrapeProtocol::PrometheusText0_0_4), &Ok(Format::Text));
        let protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        check(Some(protobuf), fallback, &Ok(Format::Protobuf));
        check(None, Some(ScrapeProtocol::PrometheusProto), &Ok(Format::Protobuf));
    }
}
