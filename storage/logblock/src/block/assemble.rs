//! Puts messages together from their templates and words.

use super::{ReadError, Summary};
use crate::message::{Messages, NO_TEMPLATE, Slots};
use arrow_array::builder::StringBuilder;
use arrow_array::{Array as _, StringArray};

/// Reads messages of one granule; the slots of a template are prepared once.
#[derive(Debug)]
pub(crate) struct Assembler<'a> {
    messages: &'a Messages,
    summary: &'a Summary,
    granule: usize,
    slots: Vec<Option<Slots<'a>>>,
}

impl<'a> Assembler<'a> {
    pub(crate) fn new(messages: &'a Messages, summary: &'a Summary, granule: usize) -> Assembler<'a> {
        let templates = summary.granules[granule].templates.len();
        Assembler { messages, summary, granule, slots: (0..templates).map(|_| None).collect() }
    }

    /// Appends the message of a row; false when it has no template.
    pub(crate) fn put(&mut self, row: usize, out: &mut Vec<u8>) -> Result<bool, ReadError> {
        let local = self.messages.local(row);
        if local == NO_TEMPLATE {
            return Ok(false);
        }
        let (Some((number, _)), Some(slots)) = (
            self.summary.granules[self.granule].templates.get(usize::from(local)),
            self.slots.get_mut(usize::from(local)),
        ) else {
            return Err(nonsense());
        };
        let slots = match slots {
            Some(slots) => slots,
            none => none.insert(self.messages.slots(local).ok_or_else(nonsense)?),
        };
        slots.put(&self.summary.templates[*number as usize], self.messages.rank(row), out);
        Ok(true)
    }
}

pub(crate) fn nonsense() -> ReadError {
    ReadError::Damaged("messages do not fit their templates".to_owned())
}

pub(crate) fn as_text(message: &[u8]) -> Result<&str, ReadError> {
    std::str::from_utf8(message).map_err(|_| nonsense())
}

/// All messages of a granule; `texts` are those without a template.
pub(super) fn put_messages(
    messages: &Messages,
    summary: &Summary,
    granule: usize,
    texts: &StringArray,
) -> Result<StringArray, ReadError> {
    let mut assembler = Assembler::new(messages, summary, granule);
    let mut column = StringBuilder::new();
    let mut message = Vec::new();
    for row in 0..texts.len() {
        message.clear();
        if assembler.put(row, &mut message)? {
            column.append_value(as_text(&message)?);
        } else {
            column.append_option(texts.is_valid(row).then(|| texts.value(row)));
        }
    }
    Ok(column.finish())
}
