//! Why a search cannot be understood, said so that its author can mend it.

use std::ops::Range;
use watchfire_model::PatternError;

/// A problem and where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at position {})", span.start + 1)]
pub struct QueryError {
    /// The bytes of the query's text that are meant; within the text, at character boundaries.
    pub span: Range<usize>,
    pub problem: Problem,
}

/// What is wrong, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the query is {len} bytes long, at most {max} are allowed: shorten it")]
    TooLong { len: usize, max: usize },
    #[error("more than {max} groups or negations inside each other: write the query flatter")]
    TooDeep { max: usize },
    #[error("more than {max} terms: use a wildcard or split the query")]
    TooManyTerms { max: usize },
    #[error("the words with `*` and `?` have more than {max} characters together: shorten them or split the query")]
    TooManyWildcards { max: usize },
    #[error("a `)` is missing for the `(` here")]
    UnclosedGroup,
    #[error("no `(` belongs to this `)`: remove it, or write \\) to search for it")]
    UnopenedGroup,
    #[error("nothing stands between `(` and `)`")]
    EmptyGroup,
    #[error("a closing `\"` is missing for the one here, write \\\" to search for it")]
    UnclosedPhrase,
    #[error("the phrase is empty: write a word into it, or NOT _exists_:field to find records without a field")]
    EmptyPhrase,
    #[error("`{operator}` needs something on its left")]
    NothingBefore { operator: &'static str },
    #[error("`{operator}` needs something on its right, put it into quotes to search for the word")]
    NothingAfter { operator: &'static str },
    #[error("the field's name before the `:` is missing, write \\: to search for a colon")]
    NoField,
    #[error("a value is missing after `{field}:`, write \"{field}:\" in quotes to search for the text")]
    NoValue { field: String },
    #[error("`*` and `?` cannot stand in a field's name, write \\* or \\? if the name has one")]
    WildcardField,
    #[error("`{outer}:( )` cannot hold the field `{inner}`: write `{inner}:…` outside the group")]
    NestedField { outer: String, inner: String },
    #[error("`{field}` is not known, did you mean `_exists_`?")]
    UnknownOperatorField { field: String },
    #[error("`{word}` is not a level: write 0 to 7 or {}", nearest.as_deref().map_or_else(
        || "a word such as error or warning".to_owned(), |nearest| format!("`{nearest}`")))]
    UnknownLevel { word: String, nearest: Option<String> },
    #[error("a range is written [1 TO 5], {{1 TO 5}} without its ends, or [1 TO *]")]
    BadRange,
    #[error("a `]` or `}}` is missing for the range here, write for example [1 TO 5]")]
    UnclosedRange,
    #[error(
        "`{text}` is not a number, a date or a measure like the other end of the range: write for example [1 TO 5], or \\{text} for text in order of letters"
    )]
    MixedRange { text: String },
    #[error("`{text}` is not a number, write for example 5 or 1.5")]
    NotANumber { text: String },
    #[error("`{text}` is not a time: write a date such as \"2026-11-20T10:30:00Z\" in quotes, or now-1h")]
    NotATime { text: String },
    #[error("`{field}` is the time of a record: ask for a range such as {field}:>now-1h or {field}:\"2026-11-20\"")]
    TimeNeedsRange { field: String },
    #[error("`now` has no meaning here, where a query is kept: write a date")]
    Relative,
    #[error("the lower end {low} is above the upper end {high}: swap them")]
    EmptyRange { low: String, high: String },
    #[error("`{text}` is a network: write field:{text}, or put it into quotes to search for the text")]
    NetworkNeedsField { text: String },
    #[error("`/{prefix}` is too long for this address, at most {max} bits are possible")]
    BadPrefix { prefix: String, max: u8 },
    #[error("fuzzy terms (word~) are not supported: use a wildcard such as wor*, or write \\~ to search for the sign")]
    Fuzzy,
    #[error("a distance (\"…\"~5) is a whole number of words from 0 to {max}, for at most {words_max} words")]
    BadDistance { max: usize, words_max: usize },
    #[error(
        "more than {max} regular expressions, or more than {len_max} characters of them together: write fewer, a|b finds either"
    )]
    TooManyRegexes { max: usize, len_max: usize },
    #[error("{}", pattern_text(.0))]
    Pattern(#[from] PatternError),

    #[error(
        "the name of a pipe is missing after the `|`, such as stats or limit; write \\| to search for the sign, || for OR"
    )]
    NoPipe,
    #[error("`{word}` is not a pipe{}", did_you_mean(nearest.as_deref()))]
    UnknownPipe { word: String, nearest: Option<&'static str> },
    #[error("more than {max} pipes: combine some of them")]
    TooManyPipes { max: usize },
    #[error("`{word}` is not a function of {place}{}", did_you_mean(nearest.as_deref()))]
    UnknownFunction { word: String, place: &'static str, nearest: Option<&'static str> },
    #[error("{wanted} is wanted here, not {}", found_text(found))]
    Expected { wanted: &'static str, found: String },
    #[error("`{name}` needs a field in its parentheses, such as {name}(took)")]
    NeedsField { name: String },
    #[error("two columns are named `{name}`: give one of them another name with `as`")]
    DuplicateColumn { name: String },
    #[error("the time of a record cannot be changed: choose another name than `{name}`")]
    TimeIsFixed { name: String },
    #[error("`{name}` is not a known time zone, write a name such as \"Europe/Berlin\"")]
    UnknownZone { name: String },
    #[error("`{text}` is not a length of time of at least 1ns, write for example 5m or 1h30m")]
    BadDuration { text: String },
    #[error("`{text}` is not a whole number from {min} to {max}")]
    BadCount { text: String, min: usize, max: usize },
    #[error("a share is a number from 0 to 1, such as 0.95")]
    BadShare,
    #[error("the pattern has no field: write for example \"user=<user> \"")]
    NoTemplateField,
    #[error("two fields stand next to each other in the pattern: put some text between them")]
    AdjacentFields,
    #[error("the expression has no named group: write for example (?P<user>[a-z]+)")]
    NoNamedGroup,
    #[error("the text to replace is empty")]
    NothingToReplace,
    #[error("`context` shows the surroundings of what the search finds: put it right behind the search")]
    ContextNotFirst,
    #[error("the computation has more than {max} parts: split it into several math pipes")]
    MathTooLong { max: usize },
}

fn pattern_text(error: &PatternError) -> String {
    match error {
        PatternError::TooLong { .. } => error.to_string(),
        // The parser draws the place over several lines; its last line says what is wrong.
        PatternError::BadRegex(text) => {
            let reason = text.lines().last().unwrap_or_default();
            format!("not a regular expression: {}", reason.strip_prefix("error: ").unwrap_or(reason))
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(", did you mean `{nearest}`?"))
}

fn found_text(found: &str) -> String {
    if found.is_empty() { "the end of the query".to_owned() } else { format!("`{found}`") }
}
