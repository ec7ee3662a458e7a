//! What words, wildcards and values mean, said a second time and as plainly as possible: lists of characters, no short cuts.

use watchfire_model::{FieldValue, LogRecord, stream_names};

/// Runs of letters and digits, lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.chars() {
        if c.is_alphanumeric() {
            words.last_mut().expect("never empty").extend(c.to_lowercase());
        } else {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

pub(crate) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Every field of a record that a search without a field's name looks at: its text, and whether it is always prose.
pub(crate) fn searched(record: &LogRecord) -> Vec<(String, bool)> {
    let mut texts = vec![(record.message.to_string(), true), (record.host.to_string(), false)];
    texts.extend(stream_names(&record.stream).map(|name| (name.to_owned(), false)));
    texts.extend(record.fields.iter().map(|(_, value)| (value.to_text().to_string(), false)));
    texts
}

/// The texts that `name` stands for in a record: none where it has no such field, several for its streams.
pub(crate) fn named(record: &LogRecord, name: &str) -> Vec<(String, bool)> {
    match name {
        "message" => vec![(record.message.to_string(), true)],
        "host" | "source" => vec![(record.host.to_string(), false)],
        "stream" => stream_names(&record.stream).map(|name| (name.to_owned(), false)).collect(),
        "level" => record.level.iter().map(|level| (level.number().to_string(), false)).collect(),
        _ => record.field(name).iter().map(|value| (value.to_text().to_string(), false)).collect(),
    }
}

/// The number that `name` has in a record.
pub(crate) fn numeric(record: &LogRecord, name: &str) -> Option<f64> {
    match (name, record.field(name)) {
        ("level", _) => record.level.map(|level| f64::from(level.number())),
        ("message" | "host" | "stream", _) => None,
        (_, Some(FieldValue::I64(number))) => Some(*number as f64),
        (_, Some(FieldValue::F64(number))) => Some(*number),
        (_, Some(FieldValue::Text(text))) => text.trim().parse().ok(),
        _ => None,
    }
}

fn is_prose(text: &str, always: bool) -> bool {
    always || text.chars().any(char::is_whitespace)
}

/// A word, phrase or identifier in a text.
pub(crate) fn has_text(pattern: &str, (text, always_prose): &(String, bool)) -> bool {
    if !is_prose(text, *always_prose) {
        return lower(text) == lower(pattern);
    }
    let wanted = words(pattern);
    if wanted.is_empty() {
        return lower(text).contains(&lower(pattern));
    }
    words(text).windows(wanted.len()).any(|window| window == wanted)
}

/// A wildcard pattern in a text: on the single words of prose where it has letters and digits only, else on the whole.
pub(crate) fn has_wildcard(pattern: &str, (text, always_prose): &(String, bool)) -> bool {
    let pattern: Vec<char> = lower(pattern).chars().collect();
    let within_word = pattern.iter().all(|c| c.is_alphanumeric() || matches!(c, '*' | '?'));
    let fits = |text: &str| fits(&pattern, &text.chars().collect::<Vec<char>>());
    if within_word && is_prose(text, *always_prose) {
        words(text).iter().any(|word| fits(word))
    } else {
        fits(&lower(text))
    }
}

/// `places[n]`: the pattern so far can end before the `n`-th character.
fn fits(pattern: &[char], text: &[char]) -> bool {
    let mut places = vec![false; text.len() + 1];
    places[0] = true;
    for part in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match part {
                '*' => places[at] || at > 0 && next[at - 1],
                '?' => at > 0 && places[at - 1],
                c => at > 0 && places[at - 1] && text[at - 1] == *c,
            };
        }
        places = next;
    }
    places[text.len()]
}

/// All the words in some window of so many words more.
pub(crate) fn has_near(wanted: &[String], distance: usize, (text, always_prose): &(String, bool)) -> bool {
    let _ = always_prose;
    let found = words(text);
    let window = wanted.len() + distance;
    let starts = 0..found.len().max(1);
    starts.clone().any(|start| {
        let part = &found[start.min(found.len())..(start + window).min(found.len())];
        let times = |list: &[String], word: &String| list.iter().filter(|candidate| *candidate == word).count();
        wanted.iter().all(|word| times(part, word) >= times(wanted, word))
    })
}
