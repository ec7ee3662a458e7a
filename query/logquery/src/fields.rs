//! The names of fields: what a query may call them, and what they are called here.

use smol_str::SmolStr;
use watchfire_model::{HOST_FIELD, LogRecord, MESSAGE_FIELD, STREAM_FIELD};

/// The event time, as a column.
pub const TIME_FIELD: &str = "time";

/// Names that Graylog's and VictoriaLogs' users know; no record has a field of such a name.
const SYNONYMS: [(&str, &str); 5] = [
    ("source", HOST_FIELD),
    ("timestamp", TIME_FIELD),
    ("_time", TIME_FIELD),
    ("_msg", MESSAGE_FIELD),
    ("_stream", STREAM_FIELD),
];

/// The field that a query means by `name`.
pub(crate) fn canonical(name: &str) -> SmolStr {
    let known = SYNONYMS.into_iter().find(|(synonym, _)| *synonym == name);
    known.map_or_else(|| name.into(), |(_, field)| SmolStr::new_static(field))
}

pub(crate) fn is_time(field: &str) -> bool {
    field == TIME_FIELD
}

/// The fields that tell containers apart, the first that a record has counts; without any the host alone does.
pub(crate) const CONTAINER_FIELDS: [&str; 6] =
    ["container_id", "kubernetes.pod_name", "k8s.pod.name", "pod_name", "container_name", "container"];

/// The field of the record that names its container.
pub(crate) fn container_field(record: &LogRecord) -> Option<&'static str> {
    CONTAINER_FIELDS.into_iter().find(|name| record.field(name).is_some_and(|value| !value.is_empty()))
}
