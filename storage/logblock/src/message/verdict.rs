//! What a pattern says of all messages of a template at once. Exact where it says yes or no; where variable words decide,
//! or may, it is left open.

use super::PairSet;
use super::automaton::{Automaton, Walker};
use super::literal::Literal;
use super::template::{Template, is_variable};
use super::template_words::TemplateWords;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use watchfire_model::{FieldPattern, Proximity, TextPattern, TextRegex, Wildcard, fold, words};

/// Sets with more literals are not looked for, nor more sets.
const LITERALS_MAX: usize = 16;

/// Of the messages of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// None passes.
    No,
    /// All pass.
    Yes,
    /// It depends on their variable words.
    Open,
}

/// A pattern, prepared for looking at templates.
#[derive(Debug)]
pub(crate) struct MessageQuery<'a> {
    pattern: &'a FieldPattern,
    /// A variable word that the pattern does not ask for: stands in for those of a message.
    stand_in: String,
    /// Whether it asks for variable words.
    has_variable: bool,
    /// Sets of texts: of each a message must hold one at least.
    literals: Vec<Vec<Literal>>,
    /// Of an expression.
    automaton: Option<Automaton>,
}

/// What variable words of a granule can decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    /// Folded words that stand in slots, all of them, where an open template passes.
    pub(crate) words: Vec<String>,
    /// Folded parts, of which a word in a slot holds all; only where nothing else lets an open template pass.
    pub(crate) parts: Vec<String>,
}

impl<'a> MessageQuery<'a> {
    /// `pairs` are those of the variable words of the block, or all.
    pub(crate) fn new(pattern: &'a FieldPattern, pairs: &PairSet) -> MessageQuery<'a> {
        let wanted: &[String] = match pattern {
            FieldPattern::Text(text) => text.words(),
            FieldPattern::Near(near) => &near.words,
            FieldPattern::Wildcard(_) | FieldPattern::Regex(_) => &[],
        };
        let mut stand_in = "0".to_owned();
        while wanted.contains(&stand_in) {
            stand_in.push('0');
        }
        let texts = match pattern {
            FieldPattern::Regex(regex) => required_literals(regex),
            FieldPattern::Wildcard(wildcard) if !wildcard.is_within_word() => {
                literal_runs(wildcard).take(LITERALS_MAX).map(|run| vec![run.to_owned()]).collect()
            }
            _ => Vec::new(),
        };
        let prepare = |texts: Vec<String>| texts.iter().map(|text| Literal::new(text, pairs)).collect();
        let literals = texts.into_iter().filter(|texts| texts.len() <= LITERALS_MAX).map(prepare).collect();
        let has_variable = wanted.iter().any(|word| is_variable(word));
        let automaton = if let FieldPattern::Regex(regex) = pattern { Automaton::new(regex) } else { None };
        MessageQuery { pattern, stand_in, has_variable, literals, automaton }
    }

    /// What looks at the words of a granule as a whole, for expressions.
    pub(crate) fn into_automaton(self) -> Option<Automaton> {
        self.automaton
    }

    /// What holds for the messages of each template. `static_words` are those of the templates: a pattern of words is tried
    /// on templates alone that may have them.
    pub(crate) fn verdicts(&self, templates: &[Template], static_words: &TemplateWords) -> Vec<Verdict> {
        if let FieldPattern::Text(text) = self.pattern {
            if let [word] = text.words() {
                let open = if is_variable(word) { Verdict::Open } else { Verdict::No };
                let of = |template: &Template| if template.slots() > 0 { open } else { Verdict::No };
                let mut verdicts: Vec<Verdict> = templates.iter().map(of).collect();
                for number in static_words.with(word) {
                    verdicts[*number as usize] = Verdict::Yes;
                }
                return verdicts;
            }
            let fixed = text.words().iter().filter(|word| !is_variable(word)).map(|word| static_words.with(word));
            if let Some(candidates) = fixed.min_by_key(|numbers| numbers.len()) {
                let mut verdicts = vec![Verdict::No; templates.len()];
                for number in candidates {
                    verdicts[*number as usize] = self.verdict(&templates[*number as usize], None);
                }
                return verdicts;
            }
        }
        let automaton = self.automaton.as_ref();
        let mut walker = automaton.and_then(Automaton::walker);
        let verdicts = templates.iter().map(|template| self.verdict(template, walker.as_mut())).collect();
        if let (Some(automaton), Some(walker)) = (automaton, walker) {
            automaton.give_back(walker);
        }
        verdicts
    }

    /// What holds for every message of the template.
    fn verdict(&self, template: &Template, walker: Option<&mut Walker>) -> Verdict {
        if template.slots() == 0 {
            return decided(self.pattern.matches_prose(&template.filled("")));
        }
        match self.pattern {
            FieldPattern::Text(text) => self.text(text, template),
            FieldPattern::Wildcard(wildcard) => self.wildcard(wildcard, template),
            FieldPattern::Regex(regex) => self.regex(regex, template, walker),
            FieldPattern::Near(near) => self.near(near, template),
        }
    }

    /// What has to be among the variable words of a granule for an open template to pass, given the verdicts.
    pub(crate) fn probe(&self, verdicts: &[Verdict], static_words: &TemplateWords) -> Probe {
        let mut probe = Probe { words: Vec::new(), parts: Vec::new() };
        match self.pattern {
            FieldPattern::Text(text) => {
                // A word that some open template has in its text need not be in a slot.
                let is_static = |word: &String| {
                    static_words.with(word).iter().any(|number| verdicts[*number as usize] == Verdict::Open)
                };
                let wanted = text.words().iter().filter(|word| is_variable(word) && !is_static(word));
                probe.words = wanted.cloned().collect();
            }
            FieldPattern::Wildcard(wildcard) if wildcard.is_within_word() => {
                probe.parts = literal_runs(wildcard).map(str::to_owned).collect();
            }
            FieldPattern::Wildcard(_) | FieldPattern::Regex(_) => {}
            FieldPattern::Near(near) => {
                if static_words.are_ascii() {
                    probe.words = near.words.iter().filter(|word| is_variable(word)).cloned().collect();
                }
            }
        }
        probe
    }

    fn text(&self, text: &TextPattern, template: &Template) -> Verdict {
        // No variable word equals the one that stands in, and none equals a word that is not variable.
        if self.pattern.matches_prose(&template.filled(&self.stand_in)) {
            return Verdict::Yes;
        }
        if !self.has_variable {
            return Verdict::No;
        }
        let tokens = tokens(template);
        let fits = |token: &Token, word: &String| match token {
            Token::Static(text) => text == word,
            Token::Variable => is_variable(word),
        };
        let aligned = tokens
            .windows(text.words().len())
            .any(|window| window.iter().zip(text.words()).all(|(token, word)| fits(token, word)));
        if aligned { Verdict::Open } else { Verdict::No }
    }

    fn near(&self, near: &Proximity, template: &Template) -> Verdict {
        if near.matches(&template.filled(&self.stand_in)) {
            return Verdict::Yes;
        }
        if self.has_variable { Verdict::Open } else { Verdict::No }
    }

    fn regex(&self, regex: &TextRegex, template: &Template, walker: Option<&mut Walker>) -> Verdict {
        if self.by_literals(template) == Verdict::No {
            return Verdict::No;
        }
        let told = self.automaton.as_ref().zip(walker);
        if let Some(verdict) = told.and_then(|(automaton, walker)| automaton.verdict(walker, template, None)) {
            return verdict;
        }
        let filled = template.filled(&self.stand_in);
        let spans = static_spans(template, self.stand_in.len());
        // A match that neither touches a variable word nor looks at one is there whatever the words are.
        let is_static = |start: usize, end: usize| {
            let inside = |&(from, to): &(usize, usize)| {
                (from < start || from == 0 && start == 0) && (end < to || to == filled.len() && end == to)
            };
            spans.iter().any(inside)
        };
        let found = regex.regex().find_iter(&filled).any(|found| is_static(found.start(), found.end()));
        if found { Verdict::Yes } else { Verdict::Open }
    }

    fn wildcard(&self, wildcard: &Wildcard, template: &Template) -> Verdict {
        if wildcard.is_within_word() {
            let is_static = template.pieces().flat_map(words).any(|word| wildcard.matches(&fold(word)));
            return if is_static { Verdict::Yes } else { Verdict::Open };
        }
        let mut runs = literal_runs(wildcard);
        if let (Some(only), None) = (runs.next(), runs.next())
            && is_substring(wildcard, only)
            && template.pieces().any(|piece| fold(piece).contains(only))
        {
            return Verdict::Yes;
        }
        self.by_literals(template)
    }

    /// Open where the template allows for one literal of each set.
    fn by_literals(&self, template: &Template) -> Verdict {
        let may_hold_one = |literals: &Vec<Literal>| literals.iter().any(|literal| literal.may_stand_in(template));
        if self.literals.iter().all(may_hold_one) { Verdict::Open } else { Verdict::No }
    }
}

fn decided(passes: bool) -> Verdict {
    if passes { Verdict::Yes } else { Verdict::No }
}

/// Whether the pattern is `*run*`.
fn is_substring(wildcard: &Wildcard, run: &str) -> bool {
    // The stars might be characters that were escaped: then the pattern does not match without them.
    wildcard.as_str().len() == run.len() + 2 && wildcard.matches(run) && wildcard.matches(&format!("+{run}+"))
}

/// Stretches of literal characters in the pattern. A star that stands for itself is taken for a wildcard, which only
/// makes for more and shorter ones.
fn literal_runs(wildcard: &Wildcard) -> impl Iterator<Item = &str> {
    wildcard.as_str().split(['*', '?']).filter(|run| !run.is_empty())
}

/// A word of a template.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// Folded.
    Static(String),
    Variable,
}

fn tokens(template: &Template) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (at, piece) in template.pieces().enumerate() {
        if at > 0 {
            tokens.push(Token::Variable);
        }
        tokens.extend(words(piece).map(|word| Token::Static(fold(word))));
    }
    tokens
}

/// Where the static pieces begin and end in the template filled with words of this length.
fn static_spans(template: &Template, word_len: usize) -> Vec<(usize, usize)> {
    let mut at = 0;
    let span = |piece: &str| {
        let span = (at, at + piece.len());
        at = span.1 + word_len;
        span
    };
    template.pieces().map(span).collect()
}

/// Sets of texts, folded: one of each stands in whatever the expression matches.
fn required_literals(regex: &TextRegex) -> Vec<Vec<String>> {
    let Ok(hir) = regex_syntax::parse(regex.as_str()) else { return Vec::new() };
    let mut extractor = Extractor::new();
    let prefixes = extractor.extract(&hir);
    let suffixes = extractor.kind(ExtractKind::Suffix).extract(&hir);
    [prefixes, suffixes].iter().map(literal_texts).filter(|literals| !literals.is_empty()).collect()
}

fn literal_texts(sequence: &Seq) -> Vec<String> {
    let texts = sequence.literals().map(|literals| {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty()).map(fold);
        literals.iter().map(|literal| text(literal.as_bytes())).collect::<Option<Vec<String>>>()
    });
    texts.flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{MessageBuilder, TemplateSet, decode_templates};
    use super::*;
    use proptest::prelude::*;
    use watchfire_model::WildcardPart;

    fn template(message: &str) -> Template {
        let mut set = TemplateSet::default();
        MessageBuilder::new(1).push(message, &mut set);
        decode_templates(&set.encode()).unwrap().remove(0)
    }

    fn verdict(message: &str, pattern: &FieldPattern) -> Verdict {
        let templates = [template(message)];
        let words = TemplateWords::new(&templates);
        MessageQuery::new(pattern, &PairSet::full()).verdicts(&templates, &words)[0]
    }

    #[track_caller]
    fn check(message: &str, pattern: &FieldPattern, want: Verdict) {
        assert_eq!(verdict(message, pattern), want, "{pattern:?} on {message:?}");
    }

    #[test]
    fn words_without_digits_are_decided() {
        let text = FieldPattern::text;
        check("Connection refused by 10.0.0.1 port 80", &text("connection refused"), Verdict::Yes);
        check("Connection refused by 10.0.0.1 port 80", &text("refused connection"), Verdict::No);
        check("Connection refused by 10.0.0.1 port 80", &text("port 81"), Verdict::Open);
        check("Connection refused by 10.0.0.1 port 80", &text("by 81"), Verdict::Open);
        check("Connection refused by 10.0.0.1 port 80", &text("refused 81"), Verdict::No);
        check("Connection refused by 10.0.0.1 port 80", &text("0"), Verdict::Open);
        check("took 5 -> done", &text("->"), Verdict::Yes);
        check("took 5 -> done", &text("=>"), Verdict::No);
        check("nothing here", &text("nothing 5"), Verdict::No);
    }

    #[test]
    fn parts_and_expressions_are_decided_by_what_surrounds_them() {
        let like = |text: &str| FieldPattern::Wildcard(Wildcard::parse(text).unwrap());
        let regex = |text: &str| FieldPattern::Regex(TextRegex::new(text, false).unwrap());
        check("NullPointerException in 5", &like("*eption*"), Verdict::Yes);
        check("took 5", &like("*eption*"), Verdict::Open);
        check("took 5 ms, then", &like("*ms, th*"), Verdict::Yes);
        check("took 5 ms", &like("*ms, th*"), Verdict::No);
        check("took 5 ms", &like("*k 12 m*"), Verdict::Open);
        check("took 5 ms now", &regex("took|lost"), Verdict::Yes);
        check("took 5 ms now", &regex("ms$"), Verdict::No);
        check("took 5 ms", &regex("ms$"), Verdict::Yes);
        check("took 5", &regex(r"took \d+ ms"), Verdict::No);
        check("took 5 ms", &regex(r"took \d+ ms"), Verdict::Open);
        check("5 left", &regex(r"took \d+ ms"), Verdict::No);
        check("5left x7 left", &regex(r"^ left"), Verdict::No);
    }

    fn pattern() -> impl Strategy<Value = FieldPattern> {
        let part = prop_oneof![
            Just(WildcardPart::Many),
            Just(WildcardPart::One),
            "[ab1 :*]".prop_map(|c| WildcardPart::Literal(c.chars().next().unwrap())),
        ];
        prop_oneof![
            "[ab1 :]{0,6}".prop_map(|text| FieldPattern::text(&text)),
            prop::collection::vec(part, 0..5).prop_map(|parts| FieldPattern::Wildcard(Wildcard::new(parts).unwrap())),
            "(\\^)?[ab1 :.]{1,3}(\\\\b)?(\\$)?"
                .prop_map(|text| FieldPattern::Regex(TextRegex::new(&text, false).unwrap())),
            "[ab1 :.]{1,3}".prop_map(|text| FieldPattern::Regex(TextRegex::new(&text.to_uppercase(), true).unwrap())),
            (prop::collection::vec("[ab1]{1,2}", 2..4), 0usize..3)
                .prop_map(|(words, distance)| FieldPattern::Near(Proximity { words, distance })),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]
        #[test]
        fn a_verdict_is_what_the_pattern_says(message in "([AaBb1 :é—\u{212a}]){0,12}", pattern in pattern()) {
            let passes = pattern.matches_prose(&message);
            let verdict = verdict(&message, &pattern);
            prop_assert!(
                verdict == Verdict::Open || verdict == decided(passes),
                "{:?} of {:?} on {:?}", verdict, pattern, message
            );
        }
    }
}
