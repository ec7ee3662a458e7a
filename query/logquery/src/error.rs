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
    #[error("`{text}` is not a number, ranges and comparisons take numbers such as 5 or 1.5")]
    NotANumber { text: String },
    #[error("the lower end {low} is above the upper end {high}: swap them")]
    EmptyRange { low: String, high: String },
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("{0}")]
    Unsupported(Unsupported),
}

/// Parts of the language that this version does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    #[error("regular expressions (/…/) are not supported yet: use * and ?, or put a path into quotes")]
    Regex,
    #[error("pipes (|) are not supported yet: remove this part, or write \\| to search for the sign, || for OR")]
    Pipe,
    #[error("proximity (\"…\"~5) is not supported yet: remove the ~ and its number")]
    Proximity,
    #[error("fuzzy terms (word~) are not supported yet: use a wildcard, or write \\~ to search for the sign")]
    Fuzzy,
    #[error("boosts (\"…\"^2) are not supported: records are sorted by time, remove the ^ and its number")]
    Boost,
    #[error("address ranges (10.0.0.0/8) are not supported yet: use a wildcard such as 10.*, or put it into quotes")]
    Cidr,
    #[error("units (1.5s, 10MiB) are not supported yet: write the plain number in the field's own unit")]
    Unit,
}
