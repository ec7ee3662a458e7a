//! Who wrote a record: the container, as its log driver names it.

use crate::{FieldValue, LogRecord};
use smol_str::SmolStr;
use std::borrow::Cow;

/// Fields that name a container, the most exact first: names of pods stand before those of their containers, which repeat in
/// every pod. Docker's log drivers write `container_name` and `container_id`, Fluent Bit and Fluentd `kubernetes.pod_name`,
/// Elastic's agents `kubernetes.pod.name`, OpenTelemetry `k8s.pod.name`.
const NAME_FIELDS: [&str; 8] = [
    "kubernetes.pod_name",
    "kubernetes.pod.name",
    "k8s.pod.name",
    "kubernetes_pod_name",
    "pod_name",
    "container_name",
    "container_id",
    "pod",
];
/// The field whose value is shortened as `docker ps` does.
const ID_FIELD: &str = "container_id";
const ID_LEN: usize = 12;
/// Bytes of a name that are kept; names beyond it that begin alike count as one.
const NAME_LEN_MAX: usize = 128;

/// What the ledger keeps a row for. Containers of equal names on different hosts are different.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Container {
    /// Value of the first of the fields that name a container; the host for records that have none of them.
    pub name: SmolStr,
    /// `host` of the record.
    pub host: SmolStr,
}

/// The same, borrowed from a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ContainerRef<'a> {
    name: Cow<'a, str>,
    host: &'a str,
}

impl<'a> ContainerRef<'a> {
    pub(super) fn of(record: &'a LogRecord) -> ContainerRef<'a> {
        let host = shorten(&record.host, NAME_LEN_MAX);
        let mut best: Option<(usize, &FieldValue)> = None;
        for (field, value) in &record.fields {
            // All of the names end so, few others do.
            if !matches!(field.as_bytes().last(), Some(b'e' | b'd')) {
                continue;
            }
            let rank = NAME_FIELDS.iter().position(|known| field == known);
            if let Some(rank) = rank
                && best.is_none_or(|(best, _)| rank < best)
                && *value != FieldValue::Text(SmolStr::default())
            {
                best = Some((rank, value));
            }
        }
        let Some((rank, value)) = best else { return ContainerRef { name: Cow::Borrowed(host), host } };
        let len_max = if NAME_FIELDS[rank] == ID_FIELD { ID_LEN } else { NAME_LEN_MAX };
        let name = match value {
            // Docker's own names begin with a slash, which its tools do not show.
            FieldValue::Text(text) => Cow::Borrowed(shorten(text.strip_prefix('/').unwrap_or(text), len_max)),
            other => Cow::Owned(other.to_text().into()),
        };
        ContainerRef { name, host }
    }

    pub(super) fn to_container(&self) -> Container {
        Container { name: SmolStr::new(&self.name), host: SmolStr::new(self.host) }
    }
}

/// At most so many bytes from the front, whole characters.
fn shorten(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimeNs;

    #[track_caller]
    fn check(fields: &[(&str, &str)], want: &str) {
        let record = LogRecord {
            time: TimeNs(1),
            received: TimeNs(1),
            stream: LogRecord::DEFAULT_STREAM.into(),
            host: "node-1".into(),
            message: "m".into(),
            level: None,
            fields: fields.iter().map(|(name, value)| ((*name).into(), FieldValue::Text((*value).into()))).collect(),
        };
        let container = ContainerRef::of(&record).to_container();
        assert_eq!((container.name.as_str(), container.host.as_str()), (want, "node-1"), "{fields:?}");
    }

    #[test]
    fn the_most_exact_name_counts() {
        check(&[], "node-1");
        check(&[("container_id", "0123456789abcdef"), ("container_name", "/web-1"), ("a", "b")], "web-1");
        check(&[("container_id", "0123456789abcdef")], "0123456789ab");
        check(&[("container_name", "app"), ("kubernetes.pod_name", "web-6d4c")], "web-6d4c");
        check(&[("pod", "p"), ("container_name", "")], "p");
        check(&[("container_name", &"é".repeat(100))], &"é".repeat(64));
        check(&[("image_name", "app"), ("container", "x")], "node-1");
    }
}
