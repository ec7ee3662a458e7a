//! Places at which a test lets the process die.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// `<name>`, or `<name>:<n>` to die when it is passed for the nth time.
const VARIABLE: &str = "WATCHFIRE_CRASH_AT";

#[derive(Debug)]
struct Chosen {
    name: String,
    /// How often it is passed before the end.
    left: AtomicU64,
}

/// Ends the process at once, as `kill -9` would, where the environment variable `WATCHFIRE_CRASH_AT` names this place.
/// Does nothing in builds without debug assertions. Names are `<store>.<work>.<what has just happened>`.
pub fn crash_point(name: &str) {
    static CHOSEN: OnceLock<Option<Chosen>> = OnceLock::new();
    if !cfg!(debug_assertions) {
        return;
    }
    let Some(chosen) = CHOSEN.get_or_init(|| Chosen::parse(&std::env::var(VARIABLE).ok()?)) else { return };
    if chosen.name == name && chosen.left.fetch_sub(1, Ordering::SeqCst) == 1 {
        eprintln!("crash point {name} reached");
        std::process::abort();
    }
}

impl Chosen {
    fn parse(text: &str) -> Option<Chosen> {
        let (name, left) = match text.split_once(':') {
            Some((name, count)) => (name, count.parse().ok().filter(|count| *count > 0)?),
            None => (text, 1),
        };
        (!name.is_empty()).then(|| Chosen { name: name.to_owned(), left: AtomicU64::new(left) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<(&str, u64)>) {
        let chosen = Chosen::parse(text);
        assert_eq!(chosen.as_ref().map(|chosen| (chosen.name.as_str(), chosen.left.load(Ordering::SeqCst))), want);
    }

    #[test]
    fn a_place_is_named_with_or_without_a_count() {
        check("logstore.flush.committed", Some(("logstore.flush.committed", 1)));
        check("logstore.flush.committed:3", Some(("logstore.flush.committed", 3)));
        check("", None);
        check("a:0", None);
        check("a:b", None);
    }
}
