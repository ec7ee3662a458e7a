//! Relabeling: rules that rewrite, copy, keep or drop label sets, for targets and for samples.
//! Prometheus: `model/relabel/relabel.go`.

mod config;
mod names;

pub use config::{RelabelAction, RelabelConfig, RelabelError};
pub use names::NameScheme;

use regex::Regex;
use smol_str::{SmolStr, StrExt};
use watchfire_model::{LabelsBuilder, METRIC_NAME};

/// What relabeling says of a label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    Drop,
}

/// Rules in the order in which they apply, checked and compiled.
#[derive(Debug, Clone, Default)]
pub struct RelabelRules {
    rules: Vec<Rule>,
}

/// One compiled rule.
#[derive(Debug, Clone)]
struct Rule {
    action: RelabelAction,
    source_labels: Vec<SmolStr>,
    separator: String,
    /// Matches whole values only; a dot matches a line break too.
    regex: Regex,
    /// Whether the rule's regex is the default, which matches all.
    regex_matches_all: bool,
    modulus: u64,
    target_label: String,
    replacement: String,
    scheme: NameScheme,
}

impl RelabelRules {
    /// Checks and compiles rules; the error names the entry by its index.
    pub fn compile(configs: &[RelabelConfig], scheme: NameScheme) -> Result<RelabelRules, RelabelError> {
        let compile = |(index, config): (usize, &RelabelConfig)| {
            config.compile(scheme).map_err(|reason| RelabelError { index, reason })
        };
        Ok(RelabelRules { rules: configs.iter().enumerate().map(compile).collect::<Result<_, _>>()? })
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Applies the rules in order, up to the first that drops the set.
    pub fn apply(&self, labels: &mut LabelsBuilder) -> Verdict {
        for rule in &self.rules {
            if rule.apply(labels) == Verdict::Drop {
                return Verdict::Drop;
            }
        }
        Verdict::Keep
    }
}

impl Rule {
    fn apply(&self, labels: &mut LabelsBuilder) -> Verdict {
        let keep_if = |keep: bool| if keep { Verdict::Keep } else { Verdict::Drop };
        match self.action {
            RelabelAction::Replace => self.replace(labels),
            RelabelAction::Keep => return keep_if(self.regex.is_match(&self.source_value(labels))),
            RelabelAction::Drop => return keep_if(!self.regex.is_match(&self.source_value(labels))),
            RelabelAction::KeepEqual => return keep_if(self.source_value(labels) == self.target_value(labels)),
            RelabelAction::DropEqual => return keep_if(self.source_value(labels) != self.target_value(labels)),
            RelabelAction::HashMod => {
                let digest = md5::compute(self.source_value(labels).as_bytes()).0;
                let low = digest.last_chunk().map_or(0, |low: &[u8; 8]| u64::from_be_bytes(*low));
                // `compile` refuses a modulus of zero.
                labels.set(self.target_label.as_str(), (low % self.modulus.max(1)).to_string());
            }
            RelabelAction::Lowercase => {
                labels.set(self.target_label.as_str(), self.source_value(labels).to_lowercase_smolstr());
            }
            RelabelAction::Uppercase => {
                labels.set(self.target_label.as_str(), self.source_value(labels).to_uppercase_smolstr());
            }
            RelabelAction::LabelMap => self.map_names(labels),
            RelabelAction::LabelDrop => {
                labels.retain(|label| !self.regex.is_match(&label.name));
            }
            RelabelAction::LabelKeep => {
                labels.retain(|label| self.regex.is_match(&label.name));
            }
        }
        Verdict::Keep
    }

    /// The values of the source labels, joined; a missing label is an empty value.
    fn source_value(&self, labels: &LabelsBuilder) -> SmolStr {
        let value = |name: &SmolStr| labels.get(name).cloned().unwrap_or_default();
        if let [name] = self.source_labels.as_slice() {
            return value(name);
        }
        let values: Vec<SmolStr> = self.source_labels.iter().map(value).collect();
        values.join(&self.separator).into()
    }

    fn target_value(&self, labels: &LabelsBuilder) -> SmolStr {
        labels.get(&self.target_label).cloned().unwrap_or_default()
    }

    fn replace(&self, labels: &mut LabelsBuilder) {
        let has_variable = |text: &str| text.contains('$');
        let value = self.source_value(labels);
        if self.regex_matches_all && !has_variable(&self.target_label) && !has_variable(&self.replacement) {
            labels.set(self.target_label.as_str(), self.replacement.as_str());
            return;
        }
        let Some(captures) = self.regex.captures(&value) else { return };
        let (mut target, mut replacement) = (String::new(), String::new());
        captures.expand(&self.target_label, &mut target);
        if !self.scheme.allows_label(&target) {
            return;
        }
        captures.expand(&self.replacement, &mut replacement);
        labels.set(target, replacement);
    }

    /// Copies the labels whose names match to the names that the replacement gives.
    fn map_names(&self, labels: &mut LabelsBuilder) {
        for label in labels.as_slice().to_vec() {
            let Some(captures) = self.regex.captures(&label.name) else { continue };
            let mut name = String::new();
            captures.expand(&self.replacement, &mut name);
            if name == METRIC_NAME || self.scheme.allows_label(&name) {
                labels.set(name, label.value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
