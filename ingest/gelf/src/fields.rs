//! Collects the additional fields of one message: names made unique, objects flattened, numbers bounded.

use crate::fault::FaultReason;
use crate::json::{JsonError, Reader, Value, push_json_string};
use crate::names::FieldName;
use crate::number;
use smol_str::SmolStr;
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
/// Room for so many fields is kept for the next message.
const FIELDS_KEPT: usize = 256;

/// The fields of a message so far. Reused for the next one, so that only the finished list is allocated.
#[derive(Debug, Default)]
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

impl Fields {
    /// Forgets what is left of a message that could not be read to its end.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.seen = 0;
        self.has_duplicates = false;
        if self.list.capacity() > FIELDS_KEPT {
            self.list = Vec::new();
        }
        if !self.index.is_empty() {
            self.index = HashMap::new();
        }
        if !self.rest.is_empty() {
            self.rest = String::new();
        }
    }

    /// Takes in the value at the reader under `name`; an object becomes a field for each of its members. Null is dropped.
    /// `scratch` is overwritten.
    #[inline]
    pub(crate) fn read(
        &mut self,
        name: &FieldName,
        reader: &mut Reader<'_>,
        scratch: &mut String,
    ) -> Result<(), JsonError> {
        if reader.peek() == Some(b'"') {
            let text = reader.string()?;
            self.insert(name, FieldValue::Text(SmolStr::new(text.resolve(scratch))));
            return Ok(());
        }
        self.read_at_depth(name, reader, scratch, 0)
    }

    fn read_at_depth(
        &mut self,
        name: &FieldName,
        reader: &mut Reader<'_>,
        scratch: &mut String,
        depth: usize,
    ) -> Result<(), JsonError> {
        if reader.peek() == Some(b'{') && depth == FLATTEN_DEPTH_MAX {
            let raw = reader.skip_value()?;
            self.insert(name, FieldValue::Text(raw.into()));
            return Ok(());
        }
        match reader.value()? {
            Value::Null => {}
            Value::Bool(value) => self.insert(name, FieldValue::Bool(value)),
            Value::Bare(word) => self.insert(name, number::field_value(word)),
            Value::Text(text) => self.insert(name, FieldValue::Text(SmolStr::new(text.resolve(scratch)))),
            Value::Array(raw) => self.insert(name, FieldValue::Text(raw.into())),
            Value::Object => {
                let mut is_empty = true;
                while let Some(key) = reader.next_key()? {
                    is_empty = false;
                    let member = format!("{}.{}", name.name, key.resolve(scratch));
                    self.read_at_depth(&FieldName::new(&member), reader, scratch, depth + 1)?;
                }
                if is_empty {
                    self.insert(name, FieldValue::Text("{}".into()));
                }
            }
        }
        Ok(())
    }

    /// Adds a field of the decoder's own.
    pub(crate) fn add(&mut self, name: &'static str, value: FieldValue) {
        self.insert(&FieldName::new(name), value);
    }

    /// Adds a field; the last value of a name counts.
    #[inline]
    fn insert(&mut self, FieldName { name, kind }: &FieldName, value: FieldValue) {
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
        self.list.push((name.clone(), value));
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

    /// The finished list, with room for nothing more, and what was odd about it.
    pub(crate) fn finish(&mut self, mut fault: impl FnMut(FaultReason)) -> Vec<(SmolStr, FieldValue)> {
        if self.has_duplicates {
            fault(FaultReason::DuplicateField);
        }
        if !self.rest.is_empty() {
            fault(FaultReason::ExtraFields);
            let rest = format!("{{{}}}", self.rest);
            self.list.push((SmolStr::new_static(REST_FIELD), FieldValue::Text(rest.into())));
        }
        let mut list = Vec::with_capacity(self.list.len());
        list.append(&mut self.list);
        self.clear();
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_name_is_kept_once_with_its_last_value(names in proptest::collection::vec("[ab]{1,6}", 0..120)) {
            let mut fields = Fields::default();
            fields.add("left over", FieldValue::Bool(true));
            fields.clear();
            let mut want: Vec<(SmolStr, FieldValue)> = Vec::new();
            for (at, name) in names.iter().enumerate() {
                let value = FieldValue::I64(at as i64);
                fields.insert(&FieldName::new(name), value.clone());
                match want.iter_mut().find(|(known, _)| known == name) {
                    Some(field) => field.1 = value,
                    None => want.push((name.into(), value)),
                }
            }
            prop_assert_eq!(fields.finish(|_| ()), want);
            prop_assert_eq!(fields.finish(|reason| panic!("{reason:?} is left over")), []);
        }
    }
}
