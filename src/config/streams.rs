//! `logs.streams`: the rules that put records into streams, and how long each stream is kept.

use super::{LogsConfig, null_as_default};
use serde::{Deserialize, Serialize};
use watchfire_logstore::LogStoreOptions;
use watchfire_model::{ByteSize, DurationMs, LogFilter, LogRecord};
use watchfire_pipeline::{StreamName, StreamRule, StreamRuleError, StreamRules};

/// One entry of `logs.streams`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamConfig {
    /// `[a-z0-9][a-z0-9_-]{0,62}`.
    pub(crate) name: String,
    /// For people; it changes nothing.
    #[serde(default)]
    pub(crate) description: String,
    /// A search without pipes: what matches it as it arrives belongs to the stream.
    #[serde(rename = "match")]
    pub(crate) query: String,
    /// Whether these records leave the stream `default`. By default they stay in it as well.
    #[serde(default)]
    pub(crate) remove_from_default: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(crate) retention: StreamRetention,
}

/// How much of a stream is kept; where nothing is said, as much as `logs.store` says for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StreamRetention {
    /// By event time.
    pub(crate) age: Option<DurationMs>,
    /// On disk; the oldest records go first.
    pub(crate) bytes: Option<ByteSize>,
}

impl StreamConfig {
    fn rule(&self) -> Result<StreamRule, String> {
        let name = StreamName::parse(&self.name).map_err(|error| in_streams(&error))?;
        Ok(StreamRule { filter: self.filter()?, name, remove_from_default: self.remove_from_default })
    }

    /// What its query says; the error names the place in it.
    fn filter(&self) -> Result<LogFilter, String> {
        let StreamConfig { name, query, .. } = self;
        let wrong = |offset: usize, why: &str| {
            format!("`logs.streams`: `match` of stream `{name}`, at byte {offset} of `{query}`: {why}")
        };
        if query.trim().is_empty() {
            return Err(wrong(0, "nothing is searched for, write * for all records"));
        }
        let parsed =
            watchfire_logquery::parse(query).map_err(|error| wrong(error.span.start, &error.problem.to_string()))?;
        if parsed.pipes.is_empty() {
            return Ok(parsed.filter);
        }
        Err(wrong(first_pipe(query), "a stream is chosen by a search alone: remove the pipes"))
    }

    /// Why a retention has no effect: the records stay in `default`, which keeps them longer.
    fn retention_warning(&self, options: &LogStoreOptions) -> Option<String> {
        let StreamConfig { name, retention, .. } = self;
        if self.remove_from_default {
            return None;
        }
        let of_default = options.stream_retention.get(LogRecord::DEFAULT_STREAM).unwrap_or(&options.retention);
        let (key, why) = match retention {
            StreamRetention { age: Some(age), .. } if age < of_default => {
                ("age", format!("which keeps them for {of_default}"))
            }
            StreamRetention { bytes: Some(_), .. }
                if !options.stream_bytes_max.contains_key(LogRecord::DEFAULT_STREAM) =>
            {
                ("bytes", "which has no limit in bytes".to_owned())
            }
            _ => return None,
        };
        Some(format!(
            "`retention.{key}` of stream `{name}` has no effect, as its records are in `default` as well, {why}: \
             add `remove_from_default: true`"
        ))
    }

    fn retention_mistake(&self, store: &LogStoreOptions) -> Option<String> {
        let StreamConfig { name, retention, .. } = self;
        let zero = match retention {
            StreamRetention { age: Some(DurationMs(0)), .. } => Some("age"),
            StreamRetention { bytes: Some(ByteSize(0)), .. } => Some("bytes"),
            _ => None,
        };
        if let Some(key) = zero {
            return Some(format!("`logs.streams`: `retention.{key}` of `{name}` is 0, it must be more"));
        }
        let twice = match retention {
            _ if retention.age.is_some() && store.stream_retention.contains_key(name.as_str()) => "stream_retention",
            _ if retention.bytes.is_some() && store.stream_bytes_max.contains_key(name.as_str()) => "stream_bytes_max",
            _ => return None,
        };
        Some(format!("the retention of `{name}` stands in `logs.streams` and in `logs.store.{twice}`: remove one"))
    }
}

impl LogsConfig {
    /// The rules, compiled.
    ///
    /// # Errors
    /// The first entry that is wrong, in words: which one, and where in its query.
    pub(crate) fn stream_rules(&self) -> Result<StreamRules, String> {
        let rules = self.streams.iter().map(StreamConfig::rule).collect::<Result<Vec<StreamRule>, String>>()?;
        let compiled = StreamRules::compile(rules).map_err(|error| in_streams(&error))?;
        match self.streams.iter().find_map(|stream| stream.retention_mistake(&self.store)) {
            Some(mistake) => Err(mistake),
            None => Ok(compiled),
        }
    }

    /// What has no effect, one sentence each.
    pub(super) fn stream_warnings(&self) -> impl Iterator<Item = String> {
        let options = self.store_options();
        self.streams.iter().filter_map(move |stream| stream.retention_warning(&options))
    }

    /// The log store's options with what the streams say of their retention.
    pub(crate) fn store_options(&self) -> LogStoreOptions {
        let mut options = self.store.clone();
        for StreamConfig { name, retention, .. } in &self.streams {
            if let Some(age) = retention.age {
                options.stream_retention.insert(name.as_str().into(), age);
            }
            if let Some(bytes) = retention.bytes {
                options.stream_bytes_max.insert(name.as_str().into(), bytes);
            }
        }
        options
    }
}

fn in_streams(error: &StreamRuleError) -> String {
    format!("`logs.streams`: {error}")
}

/// Where the first pipe of a valid query begins: the shortest part before a `|` that is a query without pipes and not
/// followed by its search's own words.
fn first_pipe(query: &str) -> usize {
    let search = watchfire_logquery::parse(query).map(|query| query.expr);
    let is_search = |text: &str| {
        watchfire_logquery::parse(text).is_ok_and(|part| part.pipes.is_empty() && search.as_ref() == Ok(&part.expr))
    };
    query.match_indices('|').map(|(at, _)| at).find(|at| is_search(&query[..*at])).unwrap_or(0)
}

#[cfg(test)]
mod tests;
