//! Turns what the YAML reader says into a line that names the place and the cure.

/// Edits within which a known key is offered for an unknown one.
const SIMILAR: f64 = 0.75;

/// `line 2, column 3: unknown key `x`, did you mean `y`?`
pub(super) fn explain(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let place = error.location().map(|at| format!("line {}, column {}: ", at.line(), at.column()));
    format!("{}{}", place.unwrap_or_default(), cure(message))
}

fn cure(message: &str) -> String {
    let Some((name, known)) = unknown_field(message) else { return message.to_owned() };
    match nearest(name, &known) {
        Some(key) => format!("unknown key `{name}`, did you mean `{key}`?"),
        None => format!("unknown key `{name}`, known here are {}", known.join(", ")),
    }
}

/// The parts of serde's "unknown field `x`, expected one of a, b".
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let (name, rest) = message.strip_prefix("unknown field `")?.split_once('`')?;
    let known = rest.split_once("expected one of ").or(rest.split_once("expected "))?.1;
    Some((name, known.split(", ").map(|key| key.trim_matches('`')).collect()))
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|key| (strsim::jaro_winkler(name, key), *key)).filter(|(score, _)| *score >= SIMILAR);
    scored.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, want: &str) {
        assert_eq!(cure(message), want);
    }

    #[test]
    fn unknown_keys_get_the_nearest_known_one() {
        check(
            "unknown field `scrape_intervall`, expected one of scrape_interval, scrape_timeout",
            "unknown key `scrape_intervall`, did you mean `scrape_interval`?",
        );
        check(
            "unknown field `zzz`, expected one of scrape_interval, scrape_timeout",
            "unknown key `zzz`, known here are scrape_interval, scrape_timeout",
        );
        check("expected string scalar", "expected string scalar");
    }
}
