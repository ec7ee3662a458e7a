//! Groups of targets, as configuration and `file_sd` files write them.
//! Prometheus: `discovery/targetgroup/targetgroup.go`.

use serde::Deserialize;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use watchfire_model::{Labels, LabelsBuilder};

/// The label that says where to connect: `host:port`.
pub const ADDRESS_LABEL: &str = "__address__";
/// The file that a target was read from.
pub const FILEPATH_LABEL: &str = "__meta_filepath";
/// Labels with this prefix are seen by relabeling and dropped after it.
pub const META_PREFIX: &str = "__meta_";

/// Targets that one source gave together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetGroup {
    /// Where the group comes from: unique within a discoverer and the same each time it is read.
    pub source: String,
    /// Each has [`ADDRESS_LABEL`]; the group's own labels are merged in.
    pub targets: Vec<Labels>,
}

/// A list of addresses and the labels that they share: an entry of `static_configs`, or of a `file_sd` file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticConfig {
    /// Addresses: `host:port`, without a scheme or a path. Default: none.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Labels of every target of the list. Default: none.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Why a list of targets is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StaticConfigError {
    #[error("targets: `{0}` is not a host and port, write it without a scheme and a path")]
    Address(String),
    #[error("targets: an address is empty")]
    EmptyAddress,
    #[error("labels: a label has an empty name")]
    LabelName,
}

impl StaticConfig {
    /// Checks what the types cannot: addresses have no scheme and no path.
    pub fn validate(&self) -> Result<(), StaticConfigError> {
        if self.labels.contains_key("") {
            return Err(StaticConfigError::LabelName);
        }
        for address in &self.targets {
            if address.is_empty() {
                return Err(StaticConfigError::EmptyAddress);
            }
            if address.contains('/') {
                return Err(StaticConfigError::Address(address.clone()));
            }
        }
        Ok(())
    }

    /// The labels of each target; `extra` labels go in last and win.
    pub fn to_labels<'a>(&'a self, extra: &'a [(&str, &str)]) -> impl Iterator<Item = Labels> + 'a {
        // Each text lies in memory once, however many targets have it.
        let shared: Vec<(SmolStr, SmolStr)> =
            self.labels.iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.targets.iter().map(move |address| {
            let mut builder = LabelsBuilder::default();
            for (name, value) in &shared {
                builder.set(name.clone(), value.clone());
            }
            builder.set(ADDRESS_LABEL, address.as_str());
            for (name, value) in extra {
                builder.set(*name, *value);
            }
            builder.build()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(yaml: &str, want: Result<&[&str], &str>) {
        let got = serde_saphyr::from_str::<StaticConfig>(yaml).map_err(|error| error.to_string()).and_then(|config| {
            config.validate().map_err(|error| error.to_string())?;
            Ok(config.to_labels(&[]).map(|labels| labels.to_string()).collect::<Vec<_>>())
        });
        match (got, want) {
            (Ok(got), Ok(want)) => assert_eq!(got, want, "{yaml}"),
            (Err(got), Err(want)) => assert!(got.contains(want), "{yaml}: {got}"),
            (got, want) => panic!("{yaml}: {got:?}, want {want:?}"),
        }
    }

    #[test]
    fn lists_become_label_sets() {
        check(
            "targets: [a:1, 'b:2']\nlabels: {env: dev}",
            Ok(&[r#"{__address__="a:1", env="dev"}"#, r#"{__address__="b:2", env="dev"}"#]),
        );
        check("{}", Ok(&[]));
        check("targets: ['http://bad']", Err("`http://bad` is not a host and port"));
        check("targets: ['']", Err("an address is empty"));
        check("hosts: [a]", Err("hosts"));
        check("labels: {a: !!binary \"/w==\"}", Err(""));
    }
}
