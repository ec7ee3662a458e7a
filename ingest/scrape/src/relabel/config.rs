//! A relabeling rule as configuration files write it, and what makes one valid.

use super::{NameScheme, Rule};
use regex::RegexBuilder;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The most memory a compiled regex may take.
const REGEX_BYTES_MAX: usize = 1 << 20;
const REGEX_DEFAULT: &str = "(.*)";
const REPLACEMENT_DEFAULT: &str = "$1";
const SEPARATOR_DEFAULT: &str = ";";

/// What a rule does. <https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_action>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RelabelAction {
    #[default]
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

const ACTIONS: [(&str, RelabelAction); 11] = [
    ("replace", RelabelAction::Replace),
    ("keep", RelabelAction::Keep),
    ("drop", RelabelAction::Drop),
    ("keepequal", RelabelAction::KeepEqual),
    ("dropequal", RelabelAction::DropEqual),
    ("hashmod", RelabelAction::HashMod),
    ("labelmap", RelabelAction::LabelMap),
    ("labeldrop", RelabelAction::LabelDrop),
    ("labelkeep", RelabelAction::LabelKeep),
    ("lowercase", RelabelAction::Lowercase),
    ("uppercase", RelabelAction::Uppercase),
];

impl fmt::Display for RelabelAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ACTIONS.iter().find(|(_, action)| action == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// Upper and lower case are the same, as in Prometheus.
impl<'de> Deserialize<'de> for RelabelAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RelabelAction, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = ACTIONS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        found.map(|(_, action)| *action).ok_or_else(|| {
            let names: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
            serde::de::Error::custom(format!("`{text}` is not a relabel action, write one of {}", names.join(", ")))
        })
    }
}

/// One entry of `relabel_configs` or `metric_relabel_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelabelConfig {
    /// Labels whose values are joined into the text that `regex` sees. Default: none.
    #[serde(default)]
    pub source_labels: Vec<String>,
    /// Stands between joined values. Default: `;`.
    #[serde(default = "default_separator")]
    pub separator: String,
    /// Divides the hash of `hashmod`. Default: 0, which `hashmod` refuses.
    #[serde(default)]
    pub modulus: u64,
    /// The label that is written or compared. Default: none.
    #[serde(default)]
    pub target_label: String,
    /// Must match the whole text. Default: `(.*)`; an empty one matches only empty text.
    #[serde(default = "default_regex", deserialize_with = "null_as_empty")]
    pub regex: String,
    /// What is written, with `$1` or `${name}` for parts of the match. Default: `$1`.
    #[serde(default = "default_replacement", deserialize_with = "null_as_empty")]
    pub replacement: String,
    /// What the rule does. Default: `replace`.
    #[serde(default)]
    pub action: RelabelAction,
}

fn default_separator() -> String {
    SEPARATOR_DEFAULT.to_owned()
}

fn default_regex() -> String {
    REGEX_DEFAULT.to_owned()
}

fn default_replacement() -> String {
    REPLACEMENT_DEFAULT.to_owned()
}

fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Why a list of rules is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[{index}]: {reason}")]
pub struct RelabelError {
    /// The entry's position in its list, from zero.
    pub index: usize,
    pub reason: String,
}

impl RelabelConfig {
    /// Checks the rule's keys against its action and compiles the regex.
    pub(super) fn compile(&self, scheme: NameScheme) -> Result<Rule, String> {
        self.check_keys(scheme)?;
        let regex = RegexBuilder::new(&format!("^(?s:{})$", self.regex))
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| format!("regex: `{}` is not a regular expression: {error}", self.regex))?;
        Ok(Rule {
            action: self.action,
            source_labels: self.source_labels.iter().map(Into::into).collect(),
            separator: self.separator.clone(),
            regex,
            regex_matches_all: self.regex == REGEX_DEFAULT,
            modulus: self.modulus,
            target_label: self.target_label.clone(),
            replacement: self.replacement.clone(),
            scheme,
        })
    }

    fn check_keys(&self, scheme: NameScheme) -> Result<(), String> {
        use RelabelAction::{
            DropEqual, HashMod, KeepEqual, LabelDrop, LabelKeep, LabelMap, Lowercase, Replace, Uppercase,
        };
        let action = self.action;
        let default_regex = self.regex == REGEX_DEFAULT;
        let default_replacement = self.replacement == REPLACEMENT_DEFAULT;
        let default_separator = self.separator == SEPARATOR_DEFAULT;
        if action == HashMod && self.modulus == 0 {
            return Err("modulus: action hashmod needs a modulus above zero".to_owned());
        }
        if matches!(action, Replace | KeepEqual | DropEqual | HashMod | Lowercase | Uppercase) {
            if self.target_label.is_empty() {
                return Err(format!("target_label: action {action} needs a target label"));
            }
            let template = action == Replace && self.target_label.contains('$');
            let valid = if template {
                scheme == NameScheme::Utf8 || is_legacy_template(&self.target_label)
            } else {
                scheme.allows_label(&self.target_label)
            };
            if !valid {
                return Err(format!("target_label: `{}` is not a label name", self.target_label));
            }
        }
        if matches!(action, Lowercase | Uppercase) && !default_replacement {
            return Err(format!("replacement: action {action} takes no replacement"));
        }
        if action == LabelMap && (self.replacement.is_empty() || scheme == NameScheme::Legacy) {
            let valid = !self.replacement.is_empty() && is_legacy_template(&self.replacement);
            if !valid {
                return Err(format!("replacement: `{}` is not a label name", self.replacement));
            }
        }
        let equal_extras = !default_regex || self.modulus != 0 || !default_separator || !default_replacement;
        if matches!(action, KeepEqual | DropEqual) && equal_extras {
            return Err(format!("action {action} takes source_labels and target_label and no other key"));
        }
        let label_extras = !self.source_labels.is_empty()
            || !self.target_label.is_empty()
            || self.modulus != 0
            || !default_separator
            || !default_replacement;
        if matches!(action, LabelDrop | LabelKeep) && label_extras {
            return Err(format!("action {action} takes regex and no other key"));
        }
        if let Some(name) = self.source_labels.iter().find(|name| !scheme.allows_label(name)) {
            return Err(format!("source_labels: `{name}` is not a label name"));
        }
        Ok(())
    }
}

/// Whether a name with `$1` and `${name}` in it is made of legacy characters otherwise.
fn is_legacy_template(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'{' | b'}'))
        && !text.starts_with(|c: char| c.is_ascii_digit())
}
