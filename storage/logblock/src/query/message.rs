//! Conditions on the messages of a granule: by their templates where those decide, else on the words or the whole text of
//! the few rows that are left.

use super::column::{Texts, filter_not_empty};
use super::eval::Granule;
use super::plan::Known;
use super::rows::RowSet;
use crate::block::layout::MESSAGE;
use crate::block::{Assembler, ReadError, Summary, as_text, nonsense};
use crate::message::{Automaton, Messages, NO_TEMPLATE, Places, Slots, Verdict, Walker};
use arrow_array::ArrayRef;
use smol_str::SmolStr;
use std::sync::Arc;
use watchfire_model::FieldPattern;

/// For so many rows or more the whole column is put together, and kept.
const COLUMN_ROWS_MIN: usize = 2048;

/// The messages of a granule that is not in memory as a whole.
#[derive(Debug)]
struct Stored {
    messages: Arc<Messages>,
    summary: Arc<Summary>,
    /// Of rows without a template; read where there are such rows.
    untemplated: Option<ArrayRef>,
}

impl Granule<'_> {
    /// None where the messages stand in their column, or are in memory already.
    fn stored(self) -> Result<Option<Stored>, ReadError> {
        if self.held.is_some() {
            return Ok(None);
        }
        let messages = self.block.messages(self.opened, self.index, self.reads)?;
        let (Some(messages), Some(summary)) = (messages, self.block.summary(self.opened, self.reads)?) else {
            return Ok(None);
        };
        let has_untemplated = summary.granules[self.index].untemplated > 0;
        let untemplated =
            has_untemplated.then(|| self.block.untemplated(self.opened, self.index, self.reads)).transpose()?;
        Ok(Some(Stored { messages, summary, untemplated }))
    }

    /// The messages at these rows.
    pub(super) fn messages_at(self, rows: &[usize]) -> Result<Vec<SmolStr>, ReadError> {
        let stored = if rows.len() < COLUMN_ROWS_MIN { self.stored()? } else { None };
        let Some(stored) = stored else {
            let column = self.column(MESSAGE)?;
            let texts = Texts::new(&column)?;
            return Ok(rows.iter().map(|row| texts.get(*row).map(SmolStr::new).unwrap_or_default()).collect());
        };
        let mut reader = stored.reader(self.index)?;
        rows.iter().map(|row| reader.get(*row).map(SmolStr::new)).collect()
    }

    /// The rows of `within` whose message passes.
    pub(super) fn filter_messages(
        self,
        pattern: &FieldPattern,
        known: &Known,
        within: &RowSet,
    ) -> Result<RowSet, ReadError> {
        let Some(stored) = self.stored()? else {
            let column = self.column(MESSAGE)?;
            return Ok(Texts::new(&column)?.filter(within, |text| pattern.matches_prose(text)));
        };
        let mut verdicts: Vec<Verdict> = stored.summary.granules[self.index]
            .templates
            .iter()
            .map(|(number, _)| known.verdicts.get(*number as usize).copied().unwrap_or(Verdict::Open))
            .collect();
        // Where the words of the granule rule it out, what is open does not pass.
        let (may_be_open, may_be_untemplated) =
            (known.open.contains(self.index), known.untemplated.contains(self.index));
        let key = known.key.as_ref();
        let mut reader = stored.reader(self.index)?;
        let mut finders: Vec<Option<Finder<'_>>> = verdicts.iter().map(|_| None).collect();
        let mut failure = None;
        let mut buffer = Vec::new();
        let mut walk = may_be_open.then(|| Walk::new(known, &stored, self.index)).flatten();
        let rows = within.filter(|row| {
            let local = usize::from(stored.messages.local(row));
            if let (Some(walk), Some(verdict @ Verdict::Open)) = (&mut walk, verdicts.get_mut(local)) {
                *verdict = walk.verdict(local);
            }
            match verdicts.get(local) {
                Some(Verdict::Yes) => return true,
                Some(Verdict::No) => return false,
                Some(Verdict::Open) if !may_be_open => return false,
                None if !may_be_untemplated => return false,
                Some(Verdict::Open) | None => {}
            }
            if let (Some(key), Some(finder)) = (key, finders.get_mut(local)) {
                let finder = match finder {
                    Some(finder) => finder,
                    none => {
                        let Some(finder) = Finder::new(&stored.messages, local as u16, &key.word) else {
                            failure = Some(nonsense());
                            return false;
                        };
                        none.insert(finder)
                    }
                };
                let found = finder.finds(stored.messages.rank(row), &key.word, &mut buffer);
                if !found || key.suffices {
                    return found;
                }
            }
            match reader.get(row) {
                Ok(message) => pattern.matches_prose(message),
                Err(error) => {
                    failure = Some(error);
                    false
                }
            }
        });
        if let Some(walk) = walk {
            walk.end();
        }
        failure.map_or(Ok(rows), Err)
    }

    /// The rows of `within` whose message is not empty.
    pub(super) fn filter_not_empty_messages(self, within: &RowSet) -> Result<RowSet, ReadError> {
        let Some(stored) = self.stored()? else { return filter_not_empty(&self.column(MESSAGE)?, within) };
        let texts = stored.untemplated.as_ref().map(Texts::new).transpose()?;
        let templates = &stored.summary.granules[self.index].templates;
        let is_filled: Vec<bool> =
            templates.iter().map(|(number, _)| !stored.summary.templates[*number as usize].is_empty()).collect();
        Ok(within.filter(|row| match is_filled.get(usize::from(stored.messages.local(row))) {
            Some(is_filled) => *is_filled,
            None => texts.and_then(|texts| texts.get(row)).is_some_and(|text| !text.is_empty()),
        }))
    }
}

impl Stored {
    fn reader(&self, granule: usize) -> Result<MessageReader<'_>, ReadError> {
        let untemplated = self.untemplated.as_ref().map(Texts::new).transpose()?;
        let assembler = Assembler::new(&self.messages, &self.summary, granule);
        Ok(MessageReader { assembler, untemplated, buffer: Vec::new() })
    }
}

/// Reads messages row by row.
struct MessageReader<'a> {
    assembler: Assembler<'a>,
    untemplated: Option<Texts<'a>>,
    buffer: Vec<u8>,
}

impl MessageReader<'_> {
    fn get(&mut self, row: usize) -> Result<&str, ReadError> {
        self.buffer.clear();
        if !self.assembler.put(row, &mut self.buffer)? {
            let text = self.untemplated.and_then(|texts| texts.get(row)).unwrap_or_default();
            self.buffer.extend_from_slice(text.as_bytes());
        }
        as_text(&self.buffer)
    }
}

/// Runs an expression over all messages of a template in one granule at once.
#[derive(Debug)]
struct Walk<'a> {
    automaton: &'a Automaton,
    walker: Walker,
    stored: &'a Stored,
    granule: usize,
    /// Of each template of the granule, once it was asked for.
    verdicts: Vec<Option<Verdict>>,
}

impl<'a> Walk<'a> {
    fn new(known: &'a Known, stored: &'a Stored, granule: usize) -> Option<Walk<'a>> {
        let automaton = known.automaton.as_ref()?;
        let verdicts = vec![None; stored.summary.granules[granule].templates.len()];
        Some(Walk { automaton, walker: automaton.walker()?, stored, granule, verdicts })
    }

    /// What holds for the messages of the template at this place.
    fn verdict(&mut self, local: usize) -> Verdict {
        if let Some(verdict) = self.verdicts[local] {
            return verdict;
        }
        let (number, _) = self.stored.summary.granules[self.granule].templates[local];
        let template = &self.stored.summary.templates[number as usize];
        let slots = self.stored.messages.slots(local as u16);
        let verdict = slots.and_then(|slots| self.automaton.verdict(&mut self.walker, template, Some(&slots)));
        *self.verdicts[local].insert(verdict.unwrap_or(Verdict::Open))
    }

    fn end(self) {
        self.automaton.give_back(self.walker);
    }
}

/// Looks for one word among the slots of one template.
#[derive(Debug)]
struct Finder<'a> {
    /// None where no message has the word.
    found: Option<(Slots<'a>, Places)>,
}

impl<'a> Finder<'a> {
    /// None where the slots make no sense.
    fn new(messages: &'a Messages, local: u16, word: &str) -> Option<Finder<'a>> {
        debug_assert_ne!(local, NO_TEMPLATE, "only templates have slots");
        if !messages.may_have_letters(local, word) {
            return Some(Finder { found: None });
        }
        let slots = messages.slots(local)?;
        let places = slots.find(word);
        Some(Finder { found: (!places.is_empty()).then_some((slots, places)) })
    }

    /// Whether message number `rank` has the word.
    fn finds(&self, rank: usize, word: &str, buffer: &mut Vec<u8>) -> bool {
        self.found.as_ref().is_some_and(|(slots, places)| slots.hold(places, rank, word, buffer))
    }
}
