//! What to write in place of a mistake in a query, where that can be told: the page offers it as one click.

use watchfire_logquery::{Problem, QueryError};

/// The text for the bytes of [`QueryError::span`].
pub(crate) fn suggestion(error: &QueryError) -> Option<String> {
    let quoted = |text: &str| Some(format!("\"{text}\""));
    match &error.problem {
        // The sign itself is meant.
        Problem::UnclosedGroup => Some("\\(".to_owned()),
        Problem::UnopenedGroup => Some("\\)".to_owned()),
        Problem::UnclosedPhrase => Some("\\\"".to_owned()),
        // The word is meant, or the text.
        Problem::NothingBefore { operator } | Problem::NothingAfter { operator } => quoted(operator),
        Problem::NetworkNeedsField { text } => quoted(text),
        Problem::UnknownOperatorField { .. } => Some("_exists_".to_owned()),
        Problem::UnknownLevel { nearest, .. } => nearest.clone(),
        Problem::UnknownPipe { nearest, .. } | Problem::UnknownFunction { nearest, .. } => {
            nearest.map(ToOwned::to_owned)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_logquery::parse_at;
    use watchfire_model::TimeNs;

    /// `want` is the query with the suggestion in its place, which must be one without a mistake.
    #[track_caller]
    fn check(query: &str, want: Option<&str>) {
        let error = parse_at(query, TimeNs(0)).unwrap_err();
        let corrected =
            suggestion(&error).map(|text| format!("{}{text}{}", &query[..error.span.start], &query[error.span.end..]));
        assert_eq!(corrected.as_deref(), want, "{query}: {error}");
        if let Some(corrected) = corrected {
            assert!(parse_at(&corrected, TimeNs(0)).is_ok(), "{corrected}");
        }
    }

    #[test]
    fn mistakes_are_mended_in_their_place() {
        check("a (b", Some("a \\(b"));
        check("a b)", Some("a b\\)"));
        check("größe:\"x", Some("größe:\\\"x"));
        check("AND b", Some("\"AND\" b"));
        check("a OR", Some("a \"OR\""));
        check("10.0.0.0/8", Some("\"10.0.0.0/8\""));
        check("_exist_:user", Some("_exists_:user"));
        check("level:eror", Some("level:error"));
        check("* | statz count()", Some("* | stats count()"));
        check("* | stats cuont()", Some("* | stats count()"));
        check("took:[1 TO", None);
        check("()", None);
    }
}
