//! What has failed and not succeeded since, for whoever asks how the store is.

use crate::TsdbError;
use parking_lot::Mutex;
use std::error::Error;

/// Work that may fail and is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Commit,
    Flush,
    Retention,
    Compaction,
    Exemplars,
}

/// The last failure of each kind of work, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Vec<(Work, String)>>);

impl Work {
    fn name(self) -> &'static str {
        match self {
            Work::Commit => "making samples durable",
            Work::Flush => "writing the head to blocks",
            Work::Retention => "applying the retention",
            Work::Compaction => "merging blocks",
            Work::Exemplars => "reading stored exemplars",
        }
    }
}

impl Failures {
    /// Notes how work ended; success takes back its last failure.
    pub(crate) fn note<T>(&self, work: Work, result: &Result<T, TsdbError>) {
        let mut failures = self.0.lock();
        failures.retain(|(other, _)| *other != work);
        if let Err(error) = result {
            failures.push((work, chain(error)));
        }
    }

    /// The newest failure, in words.
    pub(crate) fn last(&self) -> Option<String> {
        self.0.lock().last().map(|(work, error)| format!("{} failed: {error}", work.name()))
    }
}

/// An error and its causes in one line.
fn chain(error: &TsdbError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
