//! The guards of all rules, looked up together: one pass over a record finds the rules that may match it.

use super::RuleSet;
use super::guard::{Guard, LevelSet};
use aho_corasick::AhoCorasick;
use foldhash::fast::FixedState;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::HashMap;
use watchfire_model::{FieldValue, HOST_FIELD, LogRecord, fold, is_prose};

/// Bytes of a value that is folded on the stack.
const SHORT_LEN_MAX: usize = 64;

type Map<K, V> = HashMap<K, V, FixedState>;

/// Which rules a record may match.
#[derive(Debug, Default)]
pub(crate) struct GuardIndex {
    /// Rules without guards.
    unguarded: RuleSet,
    /// By [`LevelSet::state`].
    levels: [RuleSet; LevelSet::STATES],
    fields: Map<SmolStr, FieldGuards>,
    host: Option<FieldGuards>,
    texts: Option<TextGuards>,
}

/// The rules that need a certain field.
#[derive(Debug, Default)]
struct FieldGuards {
    /// Any value will do.
    present: RuleSet,
    values: Map<SmolStr, RuleSet>,
    /// All of `values`.
    valued: RuleSet,
    /// Bytes of the longest of `values`.
    value_len_max: usize,
}

/// The rules that need certain bytes in the record's texts.
#[derive(Debug)]
struct TextGuards {
    automaton: AhoCorasick,
    /// By pattern of the automaton: rules that want it in the message, and rules that want it anywhere.
    rules: Vec<TextRules>,
    /// All of `rules`.
    all: TextRules,
}

#[derive(Debug, Default, Clone, Copy)]
struct TextRules {
    in_message: RuleSet,
    anywhere: RuleSet,
}

impl GuardIndex {
    /// `guards` are those of each rule, in order; none for a rule that is to be tried always.
    pub(crate) fn new(guards: Vec<Option<Vec<Guard>>>) -> GuardIndex {
        let mut index = GuardIndex::default();
        let mut literals: Vec<(String, TextRules)> = Vec::new();
        let mut look_for =
            |literal: String, rules: TextRules| match literals.iter_mut().find(|(known, _)| *known == literal) {
                Some((_, known)) => known.add(rules),
                None => literals.push((literal, rules)),
            };
        for (rule, guards) in guards.into_iter().enumerate() {
            let rule = 1 << rule;
            let Some(guards) = guards else {
                index.unguarded |= rule;
                continue;
            };
            for guard in guards {
                match guard {
                    Guard::Value { name, folded } => index.field(name).add_value(folded, rule),
                    Guard::Level(LevelSet(levels)) => {
                        let of_state = index.levels.iter_mut().enumerate();
                        of_state.filter(|(state, _)| levels & 1 << state != 0).for_each(|(_, rules)| *rules |= rule);
                    }
                    Guard::Present { name } => index.field(name).present |= rule,
                    Guard::InMessage { literal } => look_for(literal, TextRules { in_message: rule, anywhere: 0 }),
                    Guard::Anywhere { literal } => look_for(literal, TextRules { in_message: 0, anywhere: rule }),
                }
            }
        }
        match TextGuards::new(literals) {
            Ok(texts) => index.texts = texts,
            Err(rules) => index.unguarded |= rules,
        }
        index
    }

    fn field(&mut self, name: SmolStr) -> &mut FieldGuards {
        if name == HOST_FIELD { self.host.get_or_insert_default() } else { self.fields.entry(name).or_default() }
    }

    /// The rules that may match; none that matches is missing.
    pub(crate) fn candidates(&self, record: &LogRecord) -> RuleSet {
        let mut rules = self.unguarded | self.levels[LevelSet::state(record.level)];
        if let Some(host) = &self.host {
            rules |= host.rules_of_text(&record.host);
        }
        if !self.fields.is_empty() {
            for (name, value) in &record.fields {
                if let Some(guards) = self.fields.get(name) {
                    rules |= guards.rules_of(value);
                }
            }
        }
        if let Some(texts) = &self.texts {
            rules |= texts.rules_of(record);
        }
        rules
    }
}

impl FieldGuards {
    fn add_value(&mut self, folded: String, rule: RuleSet) {
        self.valued |= rule;
        self.value_len_max = self.value_len_max.max(folded.len());
        *self.values.entry(folded.into()).or_default() |= rule;
    }

    fn rules_of(&self, value: &FieldValue) -> RuleSet {
        match value {
            _ if self.valued == 0 => self.present,
            FieldValue::Text(text) => self.rules_of_text(text),
            other => self.rules_of_text(&other.to_text()),
        }
    }

    fn rules_of_text(&self, text: &str) -> RuleSet {
        let valued = match text {
            _ if is_prose(text) => self.valued,
            _ if text.is_ascii() && text.len() > self.value_len_max => 0,
            _ => self.rules_of_value(text),
        };
        self.present | valued
    }

    /// Case counts for nothing; short values are folded without a place of their own on the heap.
    fn rules_of_value(&self, value: &str) -> RuleSet {
        let mut lower = [0; SHORT_LEN_MAX];
        let folded = match lower.get_mut(..value.len()).filter(|_| value.is_ascii()) {
            Some(lower) => {
                lower.copy_from_slice(value.as_bytes());
                lower.make_ascii_lowercase();
                Cow::Borrowed(str::from_utf8(lower).expect("ASCII is UTF-8"))
            }
            None => Cow::Owned(fold(value)),
        };
        self.values.get(folded.as_ref()).copied().unwrap_or(0)
    }
}

impl TextRules {
    fn add(&mut self, other: TextRules) {
        self.in_message |= other.in_message;
        self.anywhere |= other.anywhere;
    }
}

impl TextGuards {
    /// Without literals there is nothing to look for.
    ///
    /// # Errors
    /// The rules concerned, when there are more literals than an automaton can hold.
    fn new(literals: Vec<(String, TextRules)>) -> Result<Option<TextGuards>, RuleSet> {
        if literals.is_empty() {
            return Ok(None);
        }
        let (literals, rules): (Vec<String>, Vec<TextRules>) = literals.into_iter().unzip();
        let mut all = TextRules::default();
        for one in &rules {
            all.add(*one);
        }
        match AhoCorasick::builder().ascii_case_insensitive(true).build(&literals) {
            Ok(automaton) => Ok(Some(TextGuards { automaton, rules, all })),
            Err(_) => Err(all.in_message | all.anywhere),
        }
    }

    fn rules_of(&self, record: &LogRecord) -> RuleSet {
        let message = self.found(&record.message, self.all);
        let mut rules = message.in_message | message.anywhere;
        if self.all.anywhere & !rules == 0 {
            return rules;
        }
        let wanted = TextRules { in_message: 0, anywhere: self.all.anywhere };
        let mut look = |text: &str| rules |= self.found(text, wanted).anywhere;
        look(&record.host);
        look(&record.stream);
        for (_, value) in &record.fields {
            match value {
                FieldValue::Text(text) => look(text),
                other => look(&other.to_text()),
            }
        }
        rules
    }

    /// The rules of all literals in the text; it ends early once all that are wanted are found.
    fn found(&self, text: &str, wanted: TextRules) -> TextRules {
        let mut rules = TextRules::default();
        // Patterns are folded: case is left to the automaton where the text has no other letters than ASCII's.
        let text = if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(fold(text)) };
        for hit in self.automaton.find_overlapping_iter(text.as_ref()) {
            rules.add(self.rules[hit.pattern().as_usize()]);
            if wanted.in_message & !rules.in_message == 0 && wanted.anywhere & !rules.anywhere == 0 {
                break;
            }
        }
        rules
    }
}
