//! What must be true of a record before a filter can match it, in forms that one look-up answers for many filters.

use smol_str::SmolStr;
use watchfire_model::{
    FieldPattern, HOST_FIELD, LEVEL_FIELD, Level, LogFilter, LogRecord, MESSAGE_FIELD, STREAM_FIELD, TimeNs, Wildcard,
    fold,
};

/// Guards of one filter; one with more alternatives than this is tried on every record.
const GUARDS_MAX: usize = 64;
/// Bytes of a literal that are looked for; what follows is left to the filter.
const LITERAL_LEN_MAX: usize = 32;
/// A condition that so many levels pass at most is a good guard.
const FEW_LEVELS: u32 = 4;

/// A necessary condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Guard {
    /// The named field (the host among them) has this value, folded, or a value of several words.
    Value { name: SmolStr, folded: String },
    /// The level is one of these.
    Level(LevelSet),
    /// The message, folded, holds these bytes.
    InMessage { literal: String },
    /// The message, the host, a stream or the value of some field, folded, holds these bytes.
    Anywhere { literal: String },
    /// The record has the named field.
    Present { name: SmolStr },
}

/// Levels that pass: the bit of their number; records without a level have the bit behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LevelSet(pub(crate) u16);

impl LevelSet {
    /// One more than there are levels, for none.
    pub(crate) const STATES: usize = Level::NAMES.len() + 1;

    /// The place of a level in the set.
    pub(crate) fn state(level: Option<Level>) -> usize {
        level.map_or(Level::NAMES.len(), |level| usize::from(level.number()))
    }

    /// Asks the filter, which looks at nothing but the level.
    fn passing(filter: &LogFilter) -> LevelSet {
        let bare = LogRecord {
            time: TimeNs(0),
            received: TimeNs(0),
            stream: SmolStr::default(),
            host: SmolStr::default(),
            message: SmolStr::default(),
            level: None,
            fields: Vec::new(),
        };
        let levels = (0..Level::NAMES.len() as u8).map(Level::new).chain([None]);
        let passes = |level: &Option<Level>| filter.matches(&LogRecord { level: *level, ..bare.clone() });
        LevelSet(levels.filter(passes).fold(0, |set, level| set | 1 << LevelSet::state(level)))
    }
}

/// Conditions of which one must hold for every record that the filter matches; `None` when nothing of use can be said.
pub(crate) fn guards(filter: &LogFilter) -> Option<Vec<Guard>> {
    match filter {
        LogFilter::And(parts) => parts.iter().filter_map(guards).min_by_key(|guards| cost(guards)),
        LogFilter::Or(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(guards(part)?);
                if all.len() > GUARDS_MAX {
                    return None;
                }
            }
            Some(all)
        }
        LogFilter::Any(pattern) => Some(vec![Guard::Anywhere { literal: literal(pattern)? }]),
        LogFilter::Field { name, .. }
        | LogFilter::Range { name, .. }
        | LogFilter::Exists { name }
        | LogFilter::Test { name, .. }
            if name == LEVEL_FIELD =>
        {
            Some(vec![Guard::Level(LevelSet::passing(filter))])
        }
        LogFilter::Field { name, pattern } => match (name.as_str(), pattern) {
            (MESSAGE_FIELD, _) => Some(vec![Guard::InMessage { literal: literal(pattern)? }]),
            (STREAM_FIELD, _) => None,
            (_, FieldPattern::Text(text)) => {
                Some(vec![Guard::Value { name: name.clone(), folded: text.whole().to_owned() }])
            }
            (_, FieldPattern::Wildcard(_) | FieldPattern::Regex(_) | FieldPattern::Near(_)) => present(name),
        },
        LogFilter::Range { name, .. } | LogFilter::Exists { name } | LogFilter::Test { name, .. } => present(name),
        LogFilter::All | LogFilter::Not(_) | LogFilter::Time(_) => None,
    }
}

/// The fields that every record has say nothing by being there.
fn present(name: &SmolStr) -> Option<Vec<Guard>> {
    let is_always_there = matches!(name.as_str(), MESSAGE_FIELD | STREAM_FIELD | HOST_FIELD);
    (!is_always_there).then(|| vec![Guard::Present { name: name.clone() }])
}

/// The worst kind among them, and how many there are.
fn cost(guards: &[Guard]) -> (u8, usize) {
    let kind = |guard: &Guard| match guard {
        Guard::Value { .. } => 0,
        Guard::Level(levels) if levels.0.count_ones() <= FEW_LEVELS => 1,
        Guard::InMessage { .. } => 2,
        Guard::Anywhere { .. } => 3,
        Guard::Present { .. } => 4,
        Guard::Level(_) => 5,
    };
    (guards.iter().map(kind).max().unwrap_or(0), guards.len())
}

/// Bytes that stand, folded, in every text that the pattern matches.
fn literal(pattern: &FieldPattern) -> Option<String> {
    let literal = match pattern {
        FieldPattern::Text(text) => longest(text.words().iter().map(String::as_str)).unwrap_or(text.whole()),
        FieldPattern::Wildcard(wildcard) => longest_run(wildcard)?,
        FieldPattern::Near(near) => longest(near.words.iter().map(String::as_str))?,
        FieldPattern::Regex(_) => return None,
    };
    debug_assert_eq!(literal, fold(literal), "patterns are folded");
    let end = literal.floor_char_boundary(LITERAL_LEN_MAX);
    (end > 0).then(|| literal[..end].to_owned())
}

fn longest<'a>(texts: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    texts.max_by_key(|text| text.len())
}

/// The longest text between the wildcards. An escaped star looks like one here, which only makes a run shorter.
fn longest_run(wildcard: &Wildcard) -> Option<&str> {
    longest(wildcard.as_str().split(['*', '?']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, want: &str) {
        let filter = watchfire_logquery::parse(query).expect("a valid query").filter;
        let show = |guard: &Guard| match guard {
            Guard::Value { name, folded } => format!("{name}={folded}"),
            Guard::Level(levels) => format!("level {:b}", levels.0),
            Guard::InMessage { literal } => format!("message~{literal}"),
            Guard::Anywhere { literal } => format!("*~{literal}"),
            Guard::Present { name } => format!("{name}?"),
        };
        let got =
            guards(&filter).map_or("none".to_owned(), |all| all.iter().map(show).collect::<Vec<_>>().join(" or "));
        assert_eq!(got, want, "{query}");
    }

    #[test]
    fn a_filter_is_guarded_by_the_best_of_what_it_needs() {
        check("service:Pay", "service=pay");
        check("source:node-1", "host=node-1");
        check("service:(pay OR ship)", "service=pay or service=ship");
        check("refused AND service:pay AND took:>5", "service=pay");
        check("connection refused", "*~connection");
        check("message:refused AND time-out", "message~refused");
        check("message:*fus?d", "message~fus");
        check("took:>5", "took?");
        check("service:pa* AND _exists_:trace", "service?");
        check("service:pay OR took:>5", "service=pay or took?");
        check("service:pay OR NOT took:5", "none");
        check("level:<=3", "level 1111");
        check("refused AND level:(error OR 4)", "level 1000 or level 10000");
        check("refused AND level:<=debug", "*~refused");
        check("_exists_:level", "level 11111111");
        check("NOT level:3", "none");
        check("NOT refused", "none");
        check("*", "none");
        check("", "none");
        check(&format!("\"{}\"", "é".repeat(40)), &format!("*~{}", "é".repeat(16)));
    }
}
