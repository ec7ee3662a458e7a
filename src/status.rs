//! What inputs, targets and stores say of themselves, gathered for the API.

use crate::inputs::Inputs;
use crate::memory::MemoryPlan;
use crate::process;
use crate::reload::LastReload;
use std::sync::Arc;
use watchfire_logstore::{DamagedBlock, LogStore};
use watchfire_model::status::{ContainersStatus, InputStatus, Notice, Severity, StatusSource, TargetsStatus};
use watchfire_model::{ByteSize, RecordSink};
use watchfire_pipeline::{Pipeline, STREAM_COMBINATIONS_MAX, StreamRouter};
use watchfire_scrape::ScrapeManager;
use watchfire_store::{Clock, DirStorage};
use watchfire_tsdb::Tsdb;

/// Containers in an answer, the least complete first.
const CONTAINERS_SHOWN: usize = 1000;

/// What to do about damage.
const CURE: &str = "stop the server and run `watchfire check data --repair`";
/// Percent of the limit by which the process may exceed it before that is told.
const RESIDENT_SLACK_PERCENT: u64 = 10;

/// Everything that has a state worth showing.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) scrape: Arc<ScrapeManager>,
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) streams: Arc<StreamRouter>,
    pub(crate) directory: Arc<DirStorage>,
    pub(crate) logs: Arc<LogStore>,
    pub(crate) tsdb: Arc<Tsdb>,
    pub(crate) memory: Arc<MemoryPlan>,
    pub(crate) last_reload: Arc<LastReload>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl StatusSource for Status {
    fn targets(&self) -> TargetsStatus {
        self.scrape.targets()
    }

    fn inputs(&self) -> Vec<InputStatus> {
        self.inputs.status()
    }

    fn containers(&self) -> ContainersStatus {
        self.pipeline.ledger().status(self.clock.now(), CONTAINERS_SHOWN)
    }

    fn notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut say = |severity, text: String| notices.push(Notice { severity, text });
        if let Some(error) = self.last_reload.error() {
            say(Severity::Error, format!("the configuration was not reloaded, the one before stays in force: {error}"));
        }
        if let Some(error) = self.pipeline.last_error() {
            say(Severity::Error, format!("log records cannot be stored: {error}"));
        }
        self.storage_notices(&mut say);
        for error in self.scrape.discovery_errors() {
            say(Severity::Warning, error);
        }
        for warning in self.inputs.warnings() {
            say(Severity::Warning, warning);
        }
        if let Some(n_cut) = Some(self.streams.n_cut()).filter(|count| *count > 0) {
            let text = format!(
                "{n_cut} records got only the first of their streams: more than {STREAM_COMBINATIONS_MAX} different \
                 combinations of streams came within an hour; let fewer rules of `logs.streams` match the same records"
            );
            say(Severity::Warning, text);
        }
        for warning in self.last_reload.warnings() {
            say(Severity::Info, warning);
        }
        notices.sort_by_key(|notice| notice.severity);
        notices
    }
}

impl Status {
    fn storage_notices(&self, say: &mut impl FnMut(Severity, String)) {
        let (logs, metrics) = (self.logs.status(), self.tsdb.status());
        if let Some(failure) = logs.failure {
            say(Severity::Error, format!("log records are refused until a restart: {failure}"));
        }
        if let Some(failure) = metrics.last_failure {
            say(Severity::Error, format!("the metric store: {failure}"));
        }
        match self.directory.space_status() {
            Ok(space) if !space.has_room => {
                let free = ByteSize(space.available).rounded();
                let text = format!(
                    "the disk is nearly full ({free} free): nothing is taken in until there is room; queries go on"
                );
                say(Severity::Error, text);
            }
            Ok(_) => {}
            Err(error) => say(Severity::Warning, format!("how full the disk is cannot be told: {error}")),
        }
        for block in &logs.damaged {
            let DamagedBlock { key, rows, what, .. } = block;
            say(
                Severity::Error,
                format!("log block {key} ({rows} records) is damaged and missing from answers: {what}; {CURE}"),
            );
        }
        for block in &metrics.damage {
            let (key, samples, reason) = (&block.key, block.samples, &block.reason);
            let text =
                format!("metric block {key} ({samples} samples) is damaged and missing from answers: {reason}; {CURE}");
            say(Severity::Error, text);
        }
        let (records, samples): (u64, u64) =
            (logs.lost.iter().map(|lost| lost.rows).sum(), metrics.lost.iter().map(|lost| lost.samples).sum());
        if records + samples > 0 {
            let text = format!(
                "damage on disk has cost {records} log records and {samples} samples: the Storage page says which"
            );
            say(Severity::Warning, text);
        }
        let replays = [
            ("logs", logs.replay.map(|replay| (replay.bytes_done, replay.bytes_total))),
            ("metrics", metrics.replay.map(|replay| (replay.bytes_done, replay.bytes_total))),
        ];
        for (what, replay) in replays {
            if let Some((done, total)) = replay {
                let (done, total) = (ByteSize(done).rounded(), ByteSize(total).rounded());
                say(
                    Severity::Info,
                    format!("the newest {what} are being read back after the start: {done} of {total}"),
                );
            }
        }
        let (limit, resident) = (self.memory.limit.0, process::resident_bytes());
        if resident > limit + limit / 100 * RESIDENT_SLACK_PERCENT {
            let (limit, resident) = (ByteSize(limit).rounded(), ByteSize(resident).rounded());
            say(
                Severity::Warning,
                format!("the process has {resident} of memory, more than `memory_limit` ({limit}) means it to"),
            );
        }
    }
}
