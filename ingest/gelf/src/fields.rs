//! Collects the additional fields of one message: names made unique, objects flattened, numbers bounded.

use crate::fault::FaultReason;
use crate::json::{JsonError, Reader, Value, push_json_string};
use crate::number;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::HashMap;
use watchfire_model::FieldValue;

/// Fields of one record; further ones are kept together in [`REST_FIELD`].
pub(crate) const FIELDS_MAX: usize = 8192;
/// Bytes of a field's name; fields with longer names are kept in [`REST_FIELD`].
pub(crate) const NAME_LEN_MAX: usize = 512;
/// Objects inside each other that are flattened; deeper ones are kept as JSON text.
pub(crate) const FLATTEN_DEPTH_MAX: usize = 8;
/// JSON text of the fields that were too many, or whose names were too long.
pub(crate) const REST_FIELD: &str = "gelf_rest";
/// Up to here names are compared one by one, which is faster than an index for the dozen fields of most messages.
const LINEAR_MAX: usize = 32;
/// Room for the fields of most messages.
const FIELDS_USUAL: usize = 16;

/// Names that a record has outside its fields, or that searches give a meaning of their own.
const RESERVED: [&str; 10] =
    ["message", "short_message", "full_message", "host", "source", "stream", "level", "timestamp", "time", "received"];

/// The fields so far.
#[derive(Debug)]
pub(crate) struct Fields {
    list: Vec<(SmolStr, FieldValue)>,
    /// A bit for each kind of name seen, so that a new name is mostly known as new without any comparison.
    seen: u64,
    /// Positions by name, once there are more than [`LINEAR_MAX`].
    index: HashMap<SmolStr, usize>,
    /// `"name":value` pairs for [`REST_FIELD`], joined with commas.
    rest: String,
    has_duplicates: bool,
}

/// The name of a field in the record: without the one leading underscore that GELF puts before additional fields. A name
/// that means something else without it keeps it, so `_level` does not hide the level; control characters become `_`.
pub(crate) fn field_name(key: &str) -> Cow<'_, str> {
    let key = key.trim();
    let name = key.strip_prefix('_').unwrap_or(key);
    if name.is_empty() {
        return Cow::Borrowed("_");
    }
    if RESERVED.contains(&name) {
        return if name.len() < key.len() { Cow::Borrowed(key) } else { Cow::Owned(format!("_{name}")) };
    }
    if name.bytes().any(|byte| byte.is_ascii_control()) {
        return Cow::Owned(name.replace(|c: char| c.is_ascii_control(), "_"));
    }
    Cow::Borrowed(name)
}

impl Fields {
    pub(crate) fn new() -> Fields {
        Fields {
            list: Vec::with_capacity(FIELDS_USUAL),
            seen: 0,
            index: HashMap::new(),
            rest: String::new(),
            has_duplicates: false,
        }
    }

    /// Takes in the value at the reader under `name`; an object becomes a field for each of its members. Null is dropped.
    pub(crate) fn read(&mut self, name: &str, reader: &mut Reader<'_>) -> Result<(), JsonError> {
        self.read_at_depth(name, reader, 0)
    }

    fn read_at_depth(&mut self, name: &str, reader: &mut Reader<'_>, depth: usize) -> Result<(), JsonError> {
        if reader.peek() == Some(b'{') && depth == FLATTEN_DEPTH_MAX {
            let raw = reader.skip_value()?;
            self.insert(name, FieldValue::Text(raw.into()));
            return Ok(());
        }
        match reader.value()? {
            Value::Null => {}
            Value::Bool(value) => self.insert(name, FieldValue::Bool(value)),
            Value::Bare(word) => self.insert(name, number::field_value(word)),
            Value::Text(text) => self.insert(name, FieldValue::Text(text.into())),
            Value::Array(raw) => self.insert(name, FieldValue::Text(raw.into())),
            Value::Object => {
                let mut is_empty = true;
                while let Some(key) = reader.next_key()? {
                    is_empty = false;
                    self.read_at_depth(&format!("{name}.{key}"), reader, depth + 1)?;
                }
                if is_empty {
                    self.insert(name, FieldValue::Text("{}".into()));
                }
            }
        }
        Ok(())
    }

    /// Adds a field; the last value of a name counts.
    pub(crate) fn insert(&mut self, name: &str, value: FieldValue) {
        let kind = kind_of(name);
        if self.seen & kind != 0
            && let Some(position) = self.position(name)
        {
            self.has_duplicates = true;
            self.list[position].1 = value;
            return;
        }
        if self.list.len() >= FIELDS_MAX || name.len() > NAME_LEN_MAX {
            self.keep_in_rest(name, &value);
            return;
        }
        self.seen |= kind;
        self.list.push((SmolStr::new(name), value));
        if self.list.len() > LINEAR_MAX {
            let indexed = self.index.len();
            self.index.extend((indexed..self.list.len()).map(|at| (self.list[at].0.clone(), at)));
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        if self.list.len() > LINEAR_MAX {
            return self.index.get(name).copied();
        }
        self.list.iter().position(|(known, _)| known == name)
    }

    fn keep_in_rest(&mut self, name: &str, value: &FieldValue) {
        if !self.rest.is_empty() {
            self.rest.push(',');
        }
        push_json_string(&mut self.rest, name);
        self.rest.push(':');
        match value {
            FieldValue::Text(text) => push_json_string(&mut self.rest, text),
            other => self.rest.push_str(&other.to_text()),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&FieldValue> {
        self.position(name).map(|at| &self.list[at].1)
    }

    /// The finished list, and what was odd about it.
    pub(crate) fn finish(mut self, mut fault: impl FnMut(FaultReason)) -> Vec<(SmolStr, FieldValue)> {
        if self.has_duplicates {
            fault(FaultReason::DuplicateField);
        }
        if !self.rest.is_empty() {
            fault(FaultReason::ExtraFields);
            let rest = format!("{{{}}}", self.rest);
            self.list.push((SmolStr::new_static(REST_FIELD), FieldValue::Text(rest.into())));
        }
        self.list
    }
}

/// One bit out of 64 for a name, by its length and its ends.
fn kind_of(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let end = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or(0));
    1 << ((bytes.len() * 7 + end(bytes.first()) + end(bytes.last()) * 3) % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_name(key: &str, want: &str) {
        assert_eq!(field_name(key), want, "{key:?}");
    }

    #[test]
    fn names_lose_one_underscore_unless_reserved() {
        check_name("_container_id", "container_id");
        check_name("facility", "facility");
        check_name("__x", "_x");
        check_name("_", "_");
        check_name("", "_");
        check_name("_id", "id");
        check_name("_level", "_level");
        check_name("source", "_source");
        check_name("_app.kubernetes.io/name", "app.kubernetes.io/name");
        check_name(" _a b ", "a b");
        check_name("_😀", "😀");
        check_name("_.", ".");
        check_name("_a\nb\0", "a_b_");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_name_is_kept_once_with_its_last_value(names in proptest::collection::vec("[ab]{1,6}", 0..120)) {
            let mut fields = Fields::new();
            let mut want: Vec<(SmolStr, FieldValue)> = Vec::new();
            for (at, name) in names.iter().enumerate() {
                let value = FieldValue::I64(at as i64);
                fields.insert(name, value.clone());
                match want.iter_mut().find(|(known, _)| known == name) {
                    Some(field) => field.1 = value,
                    None => want.push((name.into(), value)),
                }
            }
            prop_assert_eq!(fields.finish(|_| ()), want);
        }
    }
}
