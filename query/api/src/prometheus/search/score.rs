//! How well a name fits what somebody typed: 0 to 1.

/// How names are compared that do not hold the text as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// All letters of the text in their order, others between them.
    Subsequence,
    /// Similar letters at similar places.
    JaroWinkler,
}

/// A text to search for.
#[derive(Debug)]
pub(super) struct Pattern {
    text: Vec<char>,
    algorithm: Algorithm,
    /// Less is no match.
    threshold: f64,
    case_sensitive: bool,
}

impl Pattern {
    pub(super) fn new(text: &str, algorithm: Algorithm, threshold: f64, case_sensitive: bool) -> Pattern {
        Pattern { text: letters(text, case_sensitive), algorithm, threshold, case_sensitive }
    }

    /// `None` where the name does not fit. A name that begins with the text has 1, one that holds it 0.9 at least.
    pub(super) fn score(&self, name: &str) -> Option<f64> {
        let name = letters(name, self.case_sensitive);
        if name.starts_with(&self.text) {
            return Some(1.0);
        }
        if name.windows(self.text.len()).any(|window| window == self.text) {
            return Some(0.9);
        }
        let score = match self.algorithm {
            Algorithm::Subsequence => subsequence(&self.text, &name),
            Algorithm::JaroWinkler => jaro_winkler(&self.text, &name),
        };
        (score > 0.0 && score >= self.threshold).then_some(score)
    }
}

fn letters(text: &str, case_sensitive: bool) -> Vec<char> {
    if case_sensitive { text.chars().collect() } else { text.chars().flat_map(char::to_lowercase).collect() }
}

/// Between 0 (the letters do not stand there in this order) and 0.9: the fewer runs they stand in, the better, and the less
/// stands beside them.
fn subsequence(text: &[char], name: &[char]) -> f64 {
    let (mut at, mut runs, mut last) = (0, 0_usize, None);
    for letter in text {
        let Some(step) = name[at..].iter().position(|one| one == letter) else { return 0.0 };
        let place = at + step;
        if last != place.checked_sub(1) || last.is_none() {
            runs += 1;
        }
        last = Some(place);
        at = place + 1;
    }
    let density = text.len() as f64 / name.len() as f64;
    0.9 * (0.7 / runs as f64 + 0.3 * density)
}

/// Winkler's measure: Jaro's, raised for up to four equal letters at the beginning.
fn jaro_winkler(text: &[char], name: &[char]) -> f64 {
    let jaro = jaro(text, name);
    let prefix = text.iter().zip(name).take(4).take_while(|(a, b)| a == b).count();
    jaro + prefix as f64 * 0.1 * (1.0 - jaro)
}

fn jaro(text: &[char], name: &[char]) -> f64 {
    if text.is_empty() || name.is_empty() {
        return 0.0;
    }
    let reach = (text.len().max(name.len()) / 2).saturating_sub(1);
    let mut taken = vec![false; name.len()];
    let mut matched = Vec::new();
    for (index, letter) in text.iter().enumerate() {
        let window = index.saturating_sub(reach)..(index + reach + 1).min(name.len());
        if let Some(place) = window.into_iter().find(|place| !taken[*place] && name[*place] == *letter) {
            taken[place] = true;
            matched.push(*letter);
        }
    }
    if matched.is_empty() {
        return 0.0;
    }
    let in_name = name.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(letter, _)| letter);
    let swapped = matched.iter().zip(in_name).filter(|(a, b)| a != b).count() as f64 / 2.0;
    let n_matched = matched.len() as f64;
    (n_matched / text.len() as f64 + n_matched / name.len() as f64 + (n_matched - swapped) / n_matched) / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, name: &str, algorithm: Algorithm, want: Option<f64>) {
        let got = Pattern::new(text, algorithm, 0.0, false).score(name);
        assert_eq!(got.map(|score| (score * 1000.0).round() / 1000.0), want, "{text} in {name}");
    }

    #[test]
    fn names_are_scored_by_how_they_hold_the_text() {
        use Algorithm::{JaroWinkler, Subsequence};
        check("", "up", Subsequence, Some(1.0));
        check("Node", "node_cpu_seconds_total", Subsequence, Some(1.0));
        check("cpu", "node_cpu_seconds_total", Subsequence, Some(0.9));
        check("ncpu", "node_cpu", Subsequence, Some(0.45));
        check("upc", "node_cpu", Subsequence, None);
        check("longer than the name", "up", Subsequence, None);
        check("martha", "marhta", JaroWinkler, Some(0.961));
        check("dwayne", "duane", JaroWinkler, Some(0.84));
        check("abc", "xyz", JaroWinkler, None);
        assert_eq!(Pattern::new("ncpu", Subsequence, 0.5, true).score("node_cpu"), None);
        assert_eq!(Pattern::new("NODE", Subsequence, 0.0, true).score("node_cpu"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn scores_are_between_0_and_1(text: String, name: String, fuzzy: bool) {
            let algorithm = if fuzzy { Algorithm::JaroWinkler } else { Algorithm::Subsequence };
            let score = Pattern::new(&text, algorithm, 0.0, true).score(&name);
            prop_assert!(score.is_none_or(|score| score > 0.0 && score <= 1.0), "{:?}", score);
        }
    }
}
