//! What inputs, targets and stores say of themselves, gathered for the API.

use crate::inputs::Inputs;
use crate::reload::LastReload;
use std::sync::Arc;
use watchfire_model::RecordSink;
use watchfire_model::status::{ContainersStatus, InputStatus, Notice, Severity, StatusSource, TargetsStatus};
use watchfire_pipeline::Pipeline;
use watchfire_scrape::ScrapeManager;
use watchfire_store::Clock;
use watchfire_tsdb::Tsdb;

/// Containers in an answer, the least complete first.
const CONTAINERS_SHOWN: usize = 1000;

/// Everything that has a state worth showing.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) scrape: Arc<ScrapeManager>,
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) tsdb: Arc<Tsdb>,
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
        for block in self.tsdb.status().damaged_blocks {
            say(Severity::Error, format!("metric block {block} is damaged and missing from answers"));
        }
        for error in self.scrape.discovery_errors() {
            say(Severity::Warning, error);
        }
        for warning in self.inputs.warnings() {
            say(Severity::Warning, warning);
        }
        for warning in self.last_reload.warnings() {
            say(Severity::Info, warning);
        }
        notices.sort_by_key(|notice| notice.severity);
        notices
    }
}
