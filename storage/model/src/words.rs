//! How text falls into words. Index, search and live tail must agree, so it is said once, here.
//!
//! A word is a longest run of letters and digits (Unicode `is_alphanumeric`); words compare without regard to case.
//! Text is *prose* when it holds white space, an identifier when it does not. The message is always prose. Prose is
//! searched by its words; an identifier (a request id, a container's name) only as a whole, so that
//! `service:order` does not find `order-service`.

/// The words of `text` in order, in their original case; [`fold`] makes them comparable.
pub fn words(text: &str) -> Words<'_> {
    Words { rest: text }
}

/// Lower-cases for comparison, character by character.
pub fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().flat_map(char::to_lowercase).collect() }
}

/// Whether a field's value is searched by its words (it holds white space) or as a whole.
pub fn is_prose(value: &str) -> bool {
    value.contains(char::is_whitespace)
}

/// Iterator over the words of a text.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.rest.as_bytes();
        let start = bytes.iter().position(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())?;
        let ascii_end =
            bytes[start..].iter().position(|byte| !byte.is_ascii_alphanumeric()).map_or(bytes.len(), |n| start + n);
        if ascii_end > start && bytes.get(ascii_end).is_none_or(u8::is_ascii) {
            let word = &self.rest[start..ascii_end];
            self.rest = &self.rest[ascii_end..];
            return Some(word);
        }
        self.next_unicode()
    }
}

impl<'a> Words<'a> {
    /// The text behind the last word.
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// The slow path: some byte near the next word is not ASCII.
    fn next_unicode(&mut self) -> Option<&'a str> {
        let start = self.rest.find(char::is_alphanumeric)?;
        let tail = &self.rest[start..];
        let end = tail.find(|c: char| !c.is_alphanumeric()).unwrap_or(tail.len());
        self.rest = &tail[end..];
        Some(&tail[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        assert_eq!(words(text).collect::<Vec<_>>(), want, "{text:?}");
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        check("", &[]);
        check("  -- ", &[]);
        check("GET /v1/items 200", &["GET", "v1", "items", "200"]);
        check("a_b", &["a", "b"]);
        check("größe=3 …x", &["größe", "3", "x"]);
        check("—", &[]);
        check("ab中", &["ab中"]);
    }

    #[test]
    fn folding_ignores_case() {
        assert_eq!(fold("ÄBc"), "äbc");
    }
}
