//! Records for the tests of this crate.

use watchfire_model::{LogRecord, TimeNs};

pub(crate) fn record(message: &str) -> LogRecord {
    LogRecord {
        time: TimeNs(1),
        received: TimeNs(1),
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: "".into(),
        message: message.into(),
        level: None,
        fields: Vec::new(),
    }
}
