//! `file_sd_configs`: targets in JSON or YAML files, followed as the files change.
//! Prometheus: `discovery/file/file.go`.

use crate::{Discoverer, FILEPATH_LABEL, StaticConfig, TargetGroup};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};
use watchfire_model::DurationMs;

/// The largest target file that is read.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Labels that all targets of a file may have together: a group's labels are those of each of its targets, so that a small
/// file may mean very many.
const FILE_LABELS_MAX: usize = 2_000_000;

/// Which files hold targets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSdConfig {
    /// Paths that end in `.json`, `.yml` or `.yaml`; the last component may be a pattern (`targets/*.json`). Relative
    /// paths start at the configuration file's folder.
    pub files: Vec<String>,
    /// How often a file is read again although it looks unchanged. Default: 5m.
    #[serde(default = "default_refresh_interval")]
    pub refresh_interval: DurationMs,
}

fn default_refresh_interval() -> DurationMs {
    DurationMs::from_secs(300)
}

/// Why `file_sd_configs` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileSdError {
    #[error("files: the list is empty, name at least one file")]
    NoFiles,
    #[error("files: `{0}` must end in .json, .yml or .yaml")]
    Extension(String),
    #[error("files: `{0}` has a pattern before its last component, only file names may be patterns")]
    PatternInFolder(String),
    #[error("files: `{path}` is not a pattern: {reason}")]
    Pattern { path: String, reason: String },
    #[error("refresh_interval: `0s` must be longer than zero")]
    RefreshInterval,
}

impl FileSdConfig {
    /// Checks the paths' form; a file that does not exist yet is fine.
    pub fn validate(&self) -> Result<(), FileSdError> {
        if self.files.is_empty() {
            return Err(FileSdError::NoFiles);
        }
        if self.refresh_interval == DurationMs(0) {
            return Err(FileSdError::RefreshInterval);
        }
        for path in &self.files {
            let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
            if !matches!(extension.as_deref(), Some("json" | "yml" | "yaml")) {
                return Err(FileSdError::Extension(path.clone()));
            }
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if folder.contains(['*', '?', '[']) {
                return Err(FileSdError::PatternInFolder(path.clone()));
            }
            if let Err(error) = glob::Pattern::new(path) {
                return Err(FileSdError::Pattern { path: path.clone(), reason: error.to_string() });
            }
        }
        Ok(())
    }

    /// Makes relative paths start at `folder`.
    pub fn resolve(&mut self, folder: &Path) {
        for path in &mut self.files {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    }
}

/// Follows the files of one [`FileSdConfig`].
#[derive(Debug)]
pub struct FileDiscoverer {
    config: FileSdConfig,
    files: BTreeMap<PathBuf, FollowedFile>,
    /// When every file was last read, whatever its stamp; `None` before the first poll.
    read_all_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct FollowedFile {
    /// Modification time and length at the last reading.
    stamp: Option<(SystemTime, u64)>,
    groups: Vec<TargetGroup>,
    /// Why the last reading failed; `groups` are those of the one before.
    error: Option<String>,
}

impl FileDiscoverer {
    pub fn new(config: FileSdConfig) -> FileDiscoverer {
        FileDiscoverer { config, files: BTreeMap::new(), read_all_at: None }
    }

    /// The files that exist now.
    fn list(&self) -> Vec<PathBuf> {
        let matches = self.config.files.iter().filter_map(|pattern| glob::glob(pattern).ok());
        let mut paths: Vec<PathBuf> = matches.flatten().filter_map(Result::ok).filter(|path| path.is_file()).collect();
        paths.sort();
        paths.dedup();
        paths
    }
}

impl Discoverer for FileDiscoverer {
    fn poll(&mut self, now: Instant) -> Option<Vec<TargetGroup>> {
        let refresh = self.config.refresh_interval.as_duration();
        let read_all = self.read_all_at.is_none_or(|at| now.saturating_duration_since(at) >= refresh);
        let mut changed = self.read_all_at.is_none();
        if read_all {
            self.read_all_at = Some(now);
        }
        let paths = self.list();
        let count_before = self.files.len();
        self.files.retain(|path, _| paths.binary_search(path).is_ok());
        changed |= self.files.len() != count_before;
        for path in paths {
            let file = self.files.entry(path.clone()).or_default();
            changed |= file.follow(&path, read_all);
        }
        changed.then(|| self.files.values().flat_map(|file| file.groups.iter().cloned()).collect())
    }

    fn errors(&self) -> Vec<String> {
        self.files.values().filter_map(|file| file.error.clone()).collect()
    }
}

impl FollowedFile {
    /// Reads the file again when its stamp changed or `read_anyway`. Returns whether its groups changed.
    fn follow(&mut self, path: &Path, read_anyway: bool) -> bool {
        let stamp = path.metadata().and_then(|metadata| Ok((metadata.modified()?, metadata.len()))).ok();
        if stamp.is_some() && stamp == self.stamp && !read_anyway {
            return false;
        }
        self.stamp = stamp;
        match read_groups(path) {
            Ok(groups) => {
                self.error = None;
                let changed = groups != self.groups;
                self.groups = groups;
                changed
            }
            Err(reason) => {
                self.error = Some(format!("cannot read targets from {}: {reason}", path.display()));
                false
            }
        }
    }
}

/// Reads and checks one file; the error is words without the file's name.
fn read_groups(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("the file is larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let configs: Vec<StaticConfig> = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())?
    } else {
        serde_saphyr::from_str(&text).map_err(|error| error.to_string())?
    };
    let labels: usize = configs.iter().map(|config| config.targets.len().saturating_mul(config.labels.len() + 2)).sum();
    if labels > FILE_LABELS_MAX {
        return Err(format!("its targets have {labels} labels together, at most {FILE_LABELS_MAX} are allowed"));
    }
    let name = path.to_string_lossy();
    let group = |(index, config): (usize, &StaticConfig)| {
        config.validate().map_err(|error| format!("group {}: {error}", index + 1))?;
        let targets = config.to_labels(&[(FILEPATH_LABEL, &name)]).collect();
        Ok(TargetGroup { source: format!("{name}:{index}"), targets })
    };
    configs.iter().enumerate().map(group).collect()
}

#[cfg(test)]
mod tests;
