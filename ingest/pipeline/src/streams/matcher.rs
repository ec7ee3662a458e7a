//! All rules together, compiled so that a record is looked at once and not once for each rule.

use super::combinations::{Combinations, Membership};
use super::guard::guards;
use super::guard_index::GuardIndex;
use super::rule::{STREAMS_MAX, StreamRule, StreamRuleError};
use super::{RuleSet, members};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use watchfire_model::{LogFilter, LogRecord};

/// Rules in force together, in order of the configuration.
#[derive(Debug)]
pub struct StreamRules {
    index: GuardIndex,
    filters: Vec<LogFilter>,
    combinations: Combinations,
}

impl StreamRules {
    /// # Errors
    /// [`StreamRuleError::TooMany`] beyond [`STREAMS_MAX`], [`StreamRuleError::Duplicate`] when two have one name.
    pub fn compile(rules: Vec<StreamRule>) -> Result<StreamRules, StreamRuleError> {
        if rules.len() > STREAMS_MAX {
            return Err(StreamRuleError::TooMany { count: rules.len() });
        }
        let mut names = BTreeSet::new();
        if let Some(second) = rules.iter().find(|rule| !names.insert(&rule.name)) {
            return Err(StreamRuleError::Duplicate { name: second.name.clone() });
        }
        Ok(StreamRules {
            index: GuardIndex::new(rules.iter().map(|rule| guards(&rule.filter)).collect()),
            combinations: Combinations::new(&rules),
            filters: rules.into_iter().map(|rule| rule.filter).collect(),
        })
    }

    /// The names of the rules, in order of the configuration.
    pub fn names(&self) -> &[SmolStr] {
        self.combinations.names()
    }

    /// The streams that the record would get: names, sorted and joined by commas.
    pub fn streams_of(&self, record: &LogRecord) -> SmolStr {
        self.membership(record).streams
    }

    pub(crate) fn membership(&self, record: &LogRecord) -> Membership {
        self.combinations.membership(&record.stream, self.matching(record), record.received)
    }

    /// The rules that match.
    pub(crate) fn matching(&self, record: &LogRecord) -> RuleSet {
        let candidates = members(self.index.candidates(record));
        candidates.filter(|rule| self.filters[*rule].matches(record)).fold(0, |set, rule| set | 1 << rule)
    }
}

#[cfg(test)]
mod tests;
