//! Label sets: what identifies a series.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use std::fmt;
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// One name and its value. Names may be any UTF-8 text (Prometheus 3), values too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    pub name: SmolStr,
    pub value: SmolStr,
}

/// A set of labels, sorted by name, each name once, no empty values (an empty value means "no such label").
/// Cloning is cheap; equality, order and hash are those of the sorted pairs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[Label]>);

impl Labels {
    pub fn empty() -> Labels {
        Labels(Arc::from([]))
    }

    /// Builds a set from pairs in any order; of two pairs with one name the later wins.
    pub fn from_pairs<N: Into<SmolStr>, V: Into<SmolStr>>(pairs: impl IntoIterator<Item = (N, V)>) -> Labels {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name, value);
        }
        builder.build()
    }

    pub fn get(&self, name: &str) -> Option<&SmolStr> {
        let index = self.0.binary_search_by(|label| label.name.as_str().cmp(name)).ok()?;
        Some(&self.0[index].value)
    }

    /// The value of `name`, or the empty string, as matchers and relabeling see it.
    pub fn get_or_empty(&self, name: &str) -> &str {
        self.get(name).map_or("", SmolStr::as_str)
    }

    /// The metric's name, where the set has one.
    pub fn metric_name(&self) -> Option<&SmolStr> {
        self.get(METRIC_NAME)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Label> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A builder that starts from this set.
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder { labels: self.0.to_vec() }
    }

    /// Keeps the labels that `keep` accepts; returns a cheap clone where nothing goes.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&Label) -> bool) -> Labels {
        if self.0.iter().all(&keep) {
            return self.clone();
        }
        Labels(self.0.iter().filter(|label| keep(label)).cloned().collect())
    }

    /// This set without the metric's name.
    #[must_use]
    pub fn without_name(&self) -> Labels {
        self.filtered(|label| label.name != METRIC_NAME)
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = &'a Label;
    type IntoIter = std::slice::Iter<'a, Label>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Default for Labels {
    fn default() -> Labels {
        Labels::empty()
    }
}

/// PromQL's notation: `name{a="b"}`, with quoted names where they need it.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain_name = self.metric_name().filter(|name| is_plain_name(name, true));
        if let Some(name) = plain_name {
            f.write_str(name)?;
        }
        let rest = self.iter().filter(|label| plain_name.is_none() || label.name != METRIC_NAME);
        let mut separator = "{";
        for label in rest {
            f.write_str(separator)?;
            separator = ", ";
            match (label.name.as_str(), is_plain_name(&label.name, false)) {
                (METRIC_NAME, _) => write!(f, "{:?}", label.value.as_str())?,
                (name, true) => write!(f, "{name}={:?}", label.value.as_str())?,
                (name, false) => write!(f, "{name:?}={:?}", label.value.as_str())?,
            }
        }
        match (separator, plain_name) {
            ("{", Some(_)) => Ok(()),
            ("{", None) => f.write_str("{}"),
            _ => f.write_str("}"),
        }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As a JSON object, names in order: the form of Prometheus' HTTP API.
impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for label in self {
            map.serialize_entry(label.name.as_str(), label.value.as_str())?;
        }
        map.end()
    }
}

/// Collects labels in any order into a valid set.
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    /// Sorted by name, each name once.
    labels: Vec<Label>,
}

impl LabelsBuilder {
    /// Sets `name`, replacing what it had; an empty value removes it.
    pub fn set(&mut self, name: impl Into<SmolStr>, value: impl Into<SmolStr>) -> &mut LabelsBuilder {
        let (name, value) = (name.into(), value.into());
        match self.labels.binary_search_by(|label| label.name.cmp(&name)) {
            Ok(index) if value.is_empty() => {
                self.labels.remove(index);
            }
            Ok(index) => self.labels[index].value = value,
            Err(_) if value.is_empty() => {}
            Err(index) => self.labels.insert(index, Label { name, value }),
        }
        self
    }

    pub fn remove(&mut self, name: &str) -> &mut LabelsBuilder {
        self.labels.retain(|label| label.name != name);
        self
    }

    pub fn retain(&mut self, keep: impl FnMut(&Label) -> bool) -> &mut LabelsBuilder {
        self.labels.retain(keep);
        self
    }

    pub fn get(&self, name: &str) -> Option<&SmolStr> {
        let index = self.labels.binary_search_by(|label| label.name.as_str().cmp(name)).ok()?;
        Some(&self.labels[index].value)
    }

    /// The labels collected so far, sorted by name.
    pub fn as_slice(&self) -> &[Label] {
        &self.labels
    }

    pub fn build(self) -> Labels {
        Labels(self.labels.into())
    }
}

/// Whether a name can stand unquoted: `[a-zA-Z_][a-zA-Z0-9_]*`, for metric names also colons.
fn is_plain_name(name: &str, colons: bool) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || (colons && c == ':');
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &[(&str, &str)], want: &str) {
        assert_eq!(Labels::from_pairs(pairs.iter().copied()).to_string(), want);
    }

    #[test]
    fn sets_are_sorted_deduplicated_and_printed_as_promql() {
        check(&[], "{}");
        check(&[("__name__", "up")], "up");
        check(&[("job", "b"), ("__name__", "up"), ("instance", "a")], r#"up{instance="a", job="b"}"#);
        check(&[("a", "1"), ("a", "2"), ("b", "")], r#"{a="2"}"#);
        check(&[("__name__", "my.metric"), ("a.b", "q\"")], r#"{"my.metric", "a.b"="q\""}"#);
    }
}
