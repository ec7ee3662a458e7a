//! A record as every call of ours prints it.

use crate::time_text::rfc3339_ns;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use watchfire_logstore::RecordId;
use watchfire_model::{FieldSelection, FieldValue, HOST_FIELD, LEVEL_FIELD, LogRecord, MESSAGE_FIELD};

/// `{"id","time","received","stream","host","level","message","fields":{…}}`. Of `host`, `level`, `message` and the
/// fields only what was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordBody<'a> {
    pub(super) id: RecordId,
    pub(super) record: &'a LogRecord,
    pub(super) fields: &'a FieldSelection,
}

impl Serialize for RecordBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RecordBody { id, record, fields } = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &id.to_string())?;
        map.serialize_entry("time", &rfc3339_ns(record.time))?;
        map.serialize_entry("received", &rfc3339_ns(record.received))?;
        map.serialize_entry("stream", &record.stream)?;
        if is_selected(fields, HOST_FIELD) {
            map.serialize_entry("host", &record.host)?;
        }
        if is_selected(fields, LEVEL_FIELD) {
            map.serialize_entry("level", &record.level)?;
        }
        if is_selected(fields, MESSAGE_FIELD) {
            map.serialize_entry("message", &record.message)?;
        }
        map.serialize_entry("fields", &FieldsBody { record, fields })?;
        map.end()
    }
}

/// The further fields, in their order of arrival.
#[derive(Debug)]
pub(super) struct FieldsBody<'a> {
    pub(super) record: &'a LogRecord,
    pub(super) fields: &'a FieldSelection,
}

impl Serialize for FieldsBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.record.fields.iter().filter(|(name, _)| is_selected(self.fields, name)) {
            map.serialize_entry(name, &ValueBody(value))?;
        }
        map.end()
    }
}

/// A value with its type. JSON has no infinite numbers: they are texts.
#[derive(Debug)]
pub(super) struct ValueBody<'a>(pub(super) &'a FieldValue);

impl Serialize for ValueBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            FieldValue::F64(number) if !number.is_finite() => serializer.collect_str(number),
            value => value.serialize(serializer),
        }
    }
}

/// Reads a list of names, `a,b`; `None` and a list of nothing stand for all.
pub(super) fn selection(names: Option<&str>) -> FieldSelection {
    let names: BTreeSet<SmolStr> = names.into_iter().flat_map(name_list).collect();
    if names.is_empty() { FieldSelection::All } else { FieldSelection::Only(names) }
}

/// The names in `a,b`, each without the white space around it.
pub(super) fn name_list(names: &str) -> impl Iterator<Item = SmolStr> {
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(SmolStr::from)
}

fn is_selected(fields: &FieldSelection, name: &str) -> bool {
    match fields {
        FieldSelection::All => true,
        FieldSelection::Only(names) => names.contains(name),
    }
}
