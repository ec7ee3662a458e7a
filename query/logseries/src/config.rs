//! What the operator decides about series of logs.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use watchfire_model::{HOST_FIELD, LEVEL_FIELD, STREAM_FIELD};

/// Labels that the series of one selector may have.
pub const LABELS_MAX: usize = 16;

/// The labels of log-derived series, and how many there may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSeriesConfig {
    /// Fields that are labels where a selector has no `log_by`; records without one of them lack that label. Default: what tells the
    /// sources of a fleet apart, `stream`, `host`, `service`, `container_name`, `level`.
    pub labels: Vec<SmolStr>,
    /// Series that one selector may find; more are an error. Default 10,000: a few hundred containers times their levels.
    pub series_max: usize,
}

/// Why a configuration of log-derived series is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("labels: at most {LABELS_MAX} fields can be labels, here are {count}")]
    Labels { count: usize },
    #[error("labels: a field needs a name")]
    Unnamed,
    #[error("series_max: must be at least 1")]
    NoSeries,
}

impl Default for LogSeriesConfig {
    fn default() -> LogSeriesConfig {
        let labels = [STREAM_FIELD, HOST_FIELD, "service", "container_name", LEVEL_FIELD];
        LogSeriesConfig { labels: labels.map(SmolStr::new_static).into(), series_max: 10_000 }
    }
}

impl LogSeriesConfig {
    /// # Errors
    /// [`ConfigError`], which names the key below this section.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self.labels.len() {
            count if count > LABELS_MAX => Err(ConfigError::Labels { count }),
            _ if self.labels.iter().any(SmolStr::is_empty) => Err(ConfigError::Unnamed),
            _ if self.series_max == 0 => Err(ConfigError::NoSeries),
            _ => Ok(()),
        }
    }
}
