//! Runs a regular expression over all messages that a template allows for at once: through its text byte by byte, through
//! its variable words by what they may look like. What no such message passes, or every one does, need not be read.
//!
//! The states in which the expression may be at one place of a message (a front) become one state of a larger automaton,
//! made as it is needed; so each further template costs a look into a table for each of its bytes.

use super::granule::Slots;
use super::slot::{Language, Slot};
use super::template::Template;
use super::verdict::Verdict;
use foldhash::{HashMap, HashMapExt as _};
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::{start, syntax};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use watchfire_model::TextRegex;

/// Bytes of an expression's states; one that needs more is tried on every message.
const STATES_BYTES_MAX: usize = 1 << 20;
/// Fronts of one walker; at some kilobytes each.
const FRONTS_MAX: usize = 512;

/// What a front is led through: a byte, or any of several.
const DIGIT: usize = 256;
const HEX_LOWER: usize = 257;
const HEX_UPPER: usize = 258;
const LETTER_OR_DIGIT: usize = 259;
/// One letter or digit at least.
const WORD: usize = 260;
/// The end of the message.
const END: usize = 261;
const SYMBOLS: usize = 262;

const UNKNOWN: u16 = u16::MAX;

/// An expression, prepared; shared by all threads of a query.
pub(crate) struct Automaton {
    dfa: DFA,
    /// Walkers that nobody uses now, with what they have found out.
    idle: Mutex<Vec<Walker>>,
}

/// Leads fronts through templates.
pub(crate) struct Walker {
    cache: Cache,
    fronts: Vec<Front>,
    numbers: HashMap<Front, u16>,
    /// For each front where each symbol leads, as far as that is known.
    steps: Vec<[u16; SYMBOLS]>,
    unions: HashMap<(u16, u16), u16>,
    start: u16,
}

/// What may be behind some beginning of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Front {
    /// Ascending. Those in which nothing is decided.
    states: Vec<LazyStateID>,
    /// Some message has passed.
    has_passed: bool,
    /// Some message cannot pass any more.
    has_failed: bool,
}

impl Automaton {
    /// None where the expression is too large, or cannot be run in this way.
    pub(crate) fn new(regex: &TextRegex) -> Option<Automaton> {
        let config = DFA::config()
            .cache_capacity(STATES_BYTES_MAX)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0))
            .unicode_word_boundary(true);
        let dfa = DFA::builder()
            .configure(config)
            .syntax(syntax::Config::new().case_insensitive(regex.ignores_case()))
            .thompson(thompson::Config::new().nfa_size_limit(Some(TextRegex::COMPILED_BYTES_MAX)))
            .build(regex.as_str())
            .ok()?;
        let automaton = Automaton { dfa, idle: Mutex::default() };
        let walker = automaton.begin()?;
        automaton.give_back(walker);
        Some(automaton)
    }

    /// A walker for one thread.
    pub(crate) fn walker(&self) -> Option<Walker> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.or_else(|| self.begin())
    }

    pub(crate) fn give_back(&self, walker: Walker) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(walker);
    }

    fn begin(&self) -> Option<Walker> {
        let mut cache = self.dfa.create_cache();
        let state = self.dfa.start_state(&mut cache, &start::Config::new()).ok()?;
        let mut walker = Walker {
            cache,
            fronts: Vec::new(),
            numbers: HashMap::new(),
            steps: Vec::new(),
            unions: HashMap::new(),
            start: 0,
        };
        let mut front = Front::default();
        front.add(state)?;
        walker.start = walker.number(front)?;
        Some(walker)
    }

    /// What holds for all messages of the template whose words are those of the slots, or any. None where that cannot be
    /// told.
    pub(crate) fn verdict(
        &self,
        walker: &mut Walker,
        template: &Template,
        slots: Option<&Slots<'_>>,
    ) -> Option<Verdict> {
        let mut at = walker.start;
        for (index, piece) in template.pieces().enumerate() {
            if index > 0 {
                at = match slots.and_then(|slots| slots.slot(index - 1)) {
                    Some(slot) => self.through_slot(walker, at, slot)?,
                    None => self.step(walker, at, WORD)?,
                };
            }
            at = self.through(walker, at, piece.as_bytes())?;
        }
        at = self.step(walker, at, END)?;
        let Front { has_passed, has_failed, .. } = walker.fronts[usize::from(at)];
        Some(match (has_passed, has_failed) {
            (true, true) => Verdict::Open,
            (true, false) => Verdict::Yes,
            (false, _) => Verdict::No,
        })
    }

    fn through(&self, walker: &mut Walker, from: u16, text: &[u8]) -> Option<u16> {
        text.iter().try_fold(from, |at, byte| self.step(walker, at, usize::from(*byte)))
    }

    fn through_slot(&self, walker: &mut Walker, from: u16, slot: &Slot<'_>) -> Option<u16> {
        match slot.language() {
            Language::Words(words) => {
                let mut all = None;
                for word in words {
                    let at = self.through(walker, from, word.as_bytes())?;
                    all = Some(all.map_or(Some(at), |all| walker.union(all, at))?);
                }
                all
            }
            Language::Any => self.step(walker, from, WORD),
            Language::Decimal { prefix, suffix, lens } => {
                self.through_digits(walker, from, (prefix, suffix), lens, DIGIT)
            }
            Language::Hexadecimal { prefix, suffix, len, upper } => {
                let symbol = if upper { HEX_UPPER } else { HEX_LOWER };
                self.through_digits(walker, from, (prefix, suffix), (len, len), symbol)
            }
        }
    }

    fn through_digits(
        &self,
        walker: &mut Walker,
        from: u16,
        (prefix, suffix): (&str, &str),
        (shortest, longest): (usize, usize),
        symbol: usize,
    ) -> Option<u16> {
        let mut at = self.through(walker, from, prefix.as_bytes())?;
        let mut all = if shortest == 0 { Some(at) } else { None };
        for len in 1..=longest {
            at = self.step(walker, at, symbol)?;
            if len >= shortest {
                all = Some(all.map_or(Some(at), |all| walker.union(all, at))?);
            }
        }
        self.through(walker, all?, suffix.as_bytes())
    }

    /// The front behind a symbol.
    fn step(&self, walker: &mut Walker, from: u16, symbol: usize) -> Option<u16> {
        let known = walker.steps[usize::from(from)][symbol];
        if known != UNKNOWN {
            return Some(known);
        }
        let to = if symbol == WORD { self.word(walker, from)? } else { self.find_step(walker, from, symbol)? };
        walker.steps[usize::from(from)][symbol] = to;
        Some(to)
    }

    fn find_step(&self, walker: &mut Walker, from: u16, symbol: usize) -> Option<u16> {
        let Front { states, has_passed, has_failed } = walker.fronts[usize::from(from)].clone();
        let mut to = Front { states: Vec::new(), has_passed, has_failed };
        for state in states {
            if symbol == END {
                let state = self.dfa.next_eoi_state(&mut walker.cache, state).ok()?;
                (to.has_passed, to.has_failed) =
                    (to.has_passed || state.is_match(), to.has_failed || !state.is_match());
                continue;
            }
            for byte in (0..=u8::MAX).filter(|byte| stands_for(symbol, *byte)) {
                to.add(self.dfa.next_state(&mut walker.cache, state, byte).ok()?)?;
            }
        }
        walker.number(to)
    }

    /// The front behind any word.
    fn word(&self, walker: &mut Walker, from: u16) -> Option<u16> {
        let mut all = self.step(walker, from, LETTER_OR_DIGIT)?;
        loop {
            let further = self.step(walker, all, LETTER_OR_DIGIT)?;
            let more = walker.union(all, further)?;
            if more == all {
                return Some(all);
            }
            all = more;
        }
    }
}

fn stands_for(symbol: usize, byte: u8) -> bool {
    match symbol {
        DIGIT => byte.is_ascii_digit(),
        HEX_LOWER => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        HEX_UPPER => matches!(byte, b'0'..=b'9' | b'A'..=b'F'),
        LETTER_OR_DIGIT => byte.is_ascii_alphanumeric(),
        _ => symbol == usize::from(byte),
    }
}

impl Walker {
    /// The number of a front; none when there are too many.
    fn number(&mut self, mut front: Front) -> Option<u16> {
        front.states.sort_unstable();
        front.states.dedup();
        if let Some(number) = self.numbers.get(&front) {
            return Some(*number);
        }
        let number = self.fronts.len();
        if number >= FRONTS_MAX {
            return None;
        }
        self.fronts.push(front.clone());
        self.steps.push([UNKNOWN; SYMBOLS]);
        self.numbers.insert(front, number as u16);
        Some(number as u16)
    }

    /// Where one of two is.
    fn union(&mut self, a: u16, b: u16) -> Option<u16> {
        if a == b {
            return Some(a);
        }
        if let Some(known) = self.unions.get(&(a, b)) {
            return Some(*known);
        }
        let (first, second) = (&self.fronts[usize::from(a)], &self.fronts[usize::from(b)]);
        let union = Front {
            states: first.states.iter().chain(&second.states).copied().collect(),
            has_passed: first.has_passed || second.has_passed,
            has_failed: first.has_failed || second.has_failed,
        };
        let number = self.number(union)?;
        self.unions.insert((a, b), number);
        Some(number)
    }
}

impl Front {
    /// None where the automaton does not go on.
    fn add(&mut self, state: LazyStateID) -> Option<()> {
        if state.is_match() {
            self.has_passed = true;
        } else if state.is_dead() {
            self.has_failed = true;
        } else if state.is_quit() || state.is_unknown() {
            return None;
        } else {
            self.states.push(state);
        }
        Some(())
    }
}

impl fmt::Debug for Automaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Automaton").finish_non_exhaustive()
    }
}

impl fmt::Debug for Walker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walker").field("fronts", &self.fronts.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MessageBuilder, Messages, TemplateSet, decode_templates};
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    const PARTS: [&str; 7] = ["user", "[0-9]{2}", "[a-f]", "k .", r"\d+m", "é", "ms"];

    /// What is said of each template of these messages, in one granule, beside whether its messages pass.
    fn verdicts(messages: &[String], expression: &str) -> Vec<(Option<Verdict>, Vec<bool>)> {
        let regex = TextRegex::new(expression, false).unwrap();
        let automaton = Automaton::new(&regex).unwrap();
        let (mut set, mut builder) = (TemplateSet::default(), MessageBuilder::new(1));
        for message in messages {
            assert!(builder.push(message, &mut set));
        }
        let encoded = builder.finish(&set, |_| {}).unwrap();
        let templates = decode_templates(&set.encode()).unwrap();
        let decoded = Messages::decode(&Bytes::from(encoded.bytes), messages.len()).unwrap();
        let mut walker = automaton.walker().unwrap();
        let of_template = |(local, (number, _)): (u16, &(u32, u32))| {
            let slots = decoded.slots(local).unwrap();
            let verdict = automaton.verdict(&mut walker, &templates[*number as usize], Some(&slots));
            let of_it = messages.iter().enumerate().filter(|(row, _)| decoded.local(*row) == local);
            (verdict, of_it.map(|(_, message)| regex.regex().is_match(message)).collect())
        };
        (0..).zip(&encoded.templates).map(of_template).collect()
    }

    #[track_caller]
    fn check(messages: &[&str], expression: &str, want: Option<Verdict>) {
        let messages: Vec<String> = messages.iter().map(|message| (*message).to_owned()).collect();
        let got: Vec<Option<Verdict>> =
            verdicts(&messages, expression).into_iter().map(|(verdict, _)| verdict).collect();
        assert_eq!(got, [want], "{expression} on {messages:?}");
    }

    #[test]
    fn words_are_known_by_their_form() {
        let took = ["took 170ms", "took 999ms", "took 501ms", "took 222ms", "took 333ms", "took 444ms", "took 555ms"];
        check(&took, "[0-9]{4}ms", Some(Verdict::No));
        check(&took, "[0-9]{3}ms$", Some(Verdict::Yes));
        check(&took, "5[0-9]{2}ms", Some(Verdict::Open));
        check(&["ab bf045391f5537ec5", "ab def6b2fc802aa164"], "[g-z]", Some(Verdict::No));
        check(&["x 1", "x 2", "x 1", "x 2", "x 1", "x 2"], "^x [12]$", Some(Verdict::Yes));
        check(&["é 1", "é 2"], r"\b1", None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_verdict_holds_for_every_message(
            messages in prop::collection::vec("(user|took |[a-f0-9]{1,9}|[0-9]{1,4}ms| |é){0,6}", 1..40),
            parts in prop::collection::vec(prop::sample::select(&PARTS), 1..3),
            (begin, end) in (prop::sample::select(vec!["", "^", r"\b"]), prop::sample::select(vec!["", "$", r"\b"])),
        ) {
            let expression = format!("{begin}{}{end}", parts.concat());
            for (verdict, passes) in verdicts(&messages, &expression) {
                let holds = match verdict {
                    Some(Verdict::Yes) => passes.iter().all(|passes| *passes),
                    Some(Verdict::No) => !passes.contains(&true),
                    Some(Verdict::Open) | None => true,
                };
                prop_assert!(holds, "{:?} of {} on {:?}", verdict, expression, messages);
            }
        }
    }
}
