//! Which names are valid. Prometheus: `common/model/metric.go`, `ValidationScheme`.

use serde::{Deserialize, Serialize};

/// Which characters names of metrics and labels may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NameScheme {
    /// Any UTF-8 text that is not empty.
    #[default]
    Utf8,
    /// `[a-zA-Z_][a-zA-Z0-9_]*`, in metric names also colons.
    Legacy,
}

impl NameScheme {
    pub fn allows_label(self, name: &str) -> bool {
        match self {
            NameScheme::Utf8 => !name.is_empty(),
            NameScheme::Legacy => is_legacy_name(name, false),
        }
    }

    pub fn allows_metric(self, name: &str) -> bool {
        match self {
            NameScheme::Utf8 => !name.is_empty(),
            NameScheme::Legacy => is_legacy_name(name, true),
        }
    }
}

fn is_legacy_name(name: &str, colons: bool) -> bool {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || (colons && byte == b':');
    name.bytes().next().is_some_and(first) && name.bytes().all(|byte| first(byte) || byte.is_ascii_digit())
}
