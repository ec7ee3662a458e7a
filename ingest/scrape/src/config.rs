//! `global` and `scrape_configs` as configuration files write them: Prometheus' keys, meaning and rules.
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/>

mod auth;
mod global;
mod protocol;
mod scrape;
mod settings;
mod validate;

pub use auth::{Authorization, BasicAuth, HttpHeader, Secret, TlsConfig, TlsVersion};
pub use global::GlobalConfig;
pub use protocol::ScrapeProtocol;
pub use scrape::{Scheme, ScrapeConfig};
pub use validate::{ConfigError, validate_scrape_configs};

pub(crate) use protocol::accept_header;
pub(crate) use settings::{HistogramRules, Limits, ScrapeSettings};

use serde::{Deserialize, Deserializer};
use watchfire_model::ByteSize;

/// A size with its unit, or `0`; a plain number other than zero is refused, as Prometheus does.
fn size_with_unit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text != "0" && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(serde::de::Error::custom(format!("`{text}` has no unit, write 512B, 64KiB or 15MB")));
    }
    ByteSize::parse(&text).map_err(serde::de::Error::custom)
}

/// A key that is written without a value means its default, as in Prometheus.
fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
