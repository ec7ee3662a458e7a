//! A question about one record, with its plain meaning.

use crate::messages::{HOSTS, NAMES, START_S, TEXTS, WORDS, pick};
use crate::plain;
use crate::random::Random;
use regex::Regex;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Bound;
use watchfire_model::{
    FieldPattern, LogFilter, LogRecord, NumberRange, Proximity, TextRegex, TimeNs, TimeRangeNs, ValueTest, Wildcard,
};

/// What is asked; `field` none: any field will do.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    All,
    And(Vec<Ask>),
    Or(Vec<Ask>),
    Not(Box<Ask>),
    Text {
        field: Option<&'static str>,
        text: String,
    },
    Wildcard {
        field: Option<&'static str>,
        pattern: String,
    },
    Regex {
        field: Option<&'static str>,
        regex: Regex,
        ignores_case: bool,
    },
    Near {
        field: Option<&'static str>,
        words: Vec<String>,
        distance: usize,
    },
    /// Ends, and whether each belongs to the range.
    Range {
        field: &'static str,
        low: Option<(f64, bool)>,
        high: Option<(f64, bool)>,
    },
    Exists {
        field: &'static str,
    },
    /// One of these texts, written as `field:(a b)`.
    Group {
        field: &'static str,
        texts: Vec<String>,
        all: bool,
    },
    Cidr {
        field: &'static str,
        network: [u8; 4],
        prefix: u32,
    },
    /// Event time in seconds, low inclusive, high exclusive.
    Time {
        low: i64,
        high: i64,
    },
}

const FIELDS: [&str; 12] =
    ["message", "host", "stream", "level", "number", "service", "took", "user.id", "größe", "ip", "when", "took_ms"];
const REGEXES: [&str; 12] = [
    "err",
    "ERR",
    "conn.*ref",
    "^GET",
    "[0-9]{3}$",
    "o[a-z]der-",
    "größe|中",
    "x{200}",
    "7f3a.",
    "(a|b) ",
    "^$",
    "u1[0-9]",
];
const WILDCARDS: [&str; 14] = [
    "err*",
    "*ror",
    "*ption",
    "*",
    "conn?ction",
    "REF*",
    "o*r-s*",
    "node-?",
    "1*",
    "*o*",
    "gr*e",
    "zk81q?",
    "*.*.*.*",
    "u?",
];

impl Ask {
    /// A question of at most so many parts inside each other.
    pub(crate) fn any(random: &mut Random, depth: u32) -> Ask {
        if depth > 0 && random.one_in(2) {
            let count = random.within(2..4);
            let parts = |random: &mut Random| (0..count).map(|_| Ask::any(random, depth - 1)).collect();
            return match random.within(0..5) {
                0 | 1 => Ask::And(parts(random)),
                2 | 3 => Ask::Or(parts(random)),
                _ => Ask::Not(Box::new(Ask::any(random, depth - 1))),
            };
        }
        let field = if random.one_in(2) { Some(pick(random, &FIELDS)) } else { None };
        let certain = field.unwrap_or_else(|| pick(random, &NAMES));
        // What is no level cannot be asked of one.
        if field == Some("level") && random.one_in(2) {
            return Ask::Text { field, text: random.within(0..8).to_string() };
        }
        let field = field.filter(|field| *field != "level");
        match random.within(0..22) {
            0 => Ask::All,
            1..=6 => Ask::Text { field, text: Ask::text(random) },
            7 | 8 => Ask::Wildcard { field, pattern: pick(random, &WILDCARDS).to_owned() },
            9 | 10 => {
                let ignores_case = random.one_in(2);
                let source = pick(random, &REGEXES);
                let built = regex::RegexBuilder::new(source).case_insensitive(ignores_case).build();
                Ask::Regex { field, regex: built.expect("it is one"), ignores_case }
            }
            11 => {
                let words = (0..random.within(2..4)).map(|_| plain::lower(pick(random, &WORDS))).collect();
                Ask::Near { field, words, distance: random.within(0..4) as usize }
            }
            12..=15 => {
                let end = |random: &mut Random| {
                    let end = ([-2.0, 0.0, 1.0, 1.5, 3.0, 5.0, 200.0][random.within(0..7) as usize], random.one_in(2));
                    (!random.one_in(3)).then_some(end)
                };
                let (low, high) = (end(random), end(random));
                match (low, high) {
                    (None, None) => Ask::Exists { field: certain },
                    (Some((a, _)), Some((b, _))) if a > b => Ask::Range { field: certain, low: high, high: low },
                    _ => Ask::Range { field: certain, low, high },
                }
            }
            16 | 17 => Ask::Exists { field: certain },
            18 => {
                let texts = (0..random.within(2..4)).map(|_| Ask::text(random)).collect();
                Ask::Group { field: pick(random, &NAMES), texts, all: random.one_in(2) }
            }
            19 => {
                Ask::Cidr { field: "ip", network: [10, 0, 0, 0], prefix: [8, 9, 16, 32][random.within(0..4) as usize] }
            }
            20 => {
                let low = START_S + random.within(0..100_000) as i64;
                Ask::Time { low, high: low + random.within(1..50_000) as i64 }
            }
            _ => Ask::Text { field: Some("number"), text: random.within(0..700).to_string() },
        }
    }

    fn text(random: &mut Random) -> String {
        match random.within(0..7) {
            0 => pick(random, &HOSTS).to_owned(),
            1 => format!("{} {}", pick(random, &WORDS), pick(random, &WORDS)),
            2 => pick(random, &TEXTS[..4]).to_owned(),
            3 => ["->", "1", "200", "true", "default", "audit", "u7"][random.within(0..7) as usize].to_owned(),
            _ => pick(random, &WORDS).to_owned(),
        }
    }

    /// Whether the record is meant.
    pub(crate) fn is_met(&self, record: &LogRecord) -> bool {
        let texts = |field: Option<&'static str>| match field {
            Some(name) => plain::named(record, name),
            None => plain::searched(record),
        };
        match self {
            Ask::All => true,
            Ask::And(parts) => parts.iter().all(|part| part.is_met(record)),
            Ask::Or(parts) => parts.iter().any(|part| part.is_met(record)),
            Ask::Not(part) => !part.is_met(record),
            Ask::Text { field, text } => texts(*field).iter().any(|value| plain::has_text(text, value)),
            Ask::Wildcard { field, pattern } if pattern == "*" => {
                field.is_none_or(|name| Ask::Exists { field: name }.is_met(record))
            }
            Ask::Wildcard { field, pattern } => texts(*field).iter().any(|value| plain::has_wildcard(pattern, value)),
            Ask::Regex { field, regex, .. } => texts(*field).iter().any(|(text, _)| regex.is_match(text)),
            Ask::Near { field, words, distance } => {
                texts(*field).iter().any(|value| plain::has_near(words, *distance, value))
            }
            Ask::Range { field, low, high } => plain::numeric(record, field).is_some_and(|number| {
                let above = low.is_none_or(|(end, belongs)| number > end || belongs && number == end);
                let below = high.is_none_or(|(end, belongs)| number < end || belongs && number == end);
                above && below && !number.is_nan()
            }),
            Ask::Exists { field } => plain::named(record, field).iter().any(|(text, _)| !text.is_empty()),
            Ask::Group { field, texts, all } => {
                let met = |text: &String| Ask::Text { field: Some(field), text: text.clone() }.is_met(record);
                if *all { texts.iter().all(met) } else { texts.iter().any(met) }
            }
            Ask::Cidr { field, network, prefix } => plain::named(record, field).iter().any(|(text, _)| {
                let address = text.trim().parse::<Ipv4Addr>().map(u32::from);
                let kept = u32::MAX << (32 - prefix);
                address.is_ok_and(|address| address & kept == u32::from_be_bytes(*network) & kept)
            }),
            Ask::Time { low, high } => record.time.0 >= low * 1_000_000_000 && record.time.0 < high * 1_000_000_000,
        }
    }

    /// The question as stores are asked it.
    pub(crate) fn filter(&self) -> LogFilter {
        let of = |field: Option<&'static str>, pattern: FieldPattern| match field {
            Some(name) => LogFilter::Field { name: name.into(), pattern },
            None => LogFilter::Any(pattern),
        };
        let all = |parts: &[Ask]| parts.iter().map(Ask::filter).collect();
        let bound = |end: Option<(f64, bool)>| match end {
            Some((end, true)) => Bound::Included(end),
            Some((end, false)) => Bound::Excluded(end),
            None => Bound::Unbounded,
        };
        match self {
            Ask::All => LogFilter::All,
            Ask::And(parts) => LogFilter::And(all(parts)),
            Ask::Or(parts) => LogFilter::Or(all(parts)),
            Ask::Not(part) => LogFilter::Not(Box::new(part.filter())),
            Ask::Text { field, text } => of(*field, FieldPattern::text(text)),
            Ask::Wildcard { field: None, pattern } if pattern == "*" => LogFilter::All,
            Ask::Wildcard { field: Some(name), pattern } if pattern == "*" => {
                LogFilter::Exists { name: (*name).into() }
            }
            Ask::Wildcard { field, pattern } => {
                of(*field, FieldPattern::Wildcard(Wildcard::parse(pattern).expect("a short pattern")))
            }
            Ask::Regex { field, regex, ignores_case } => {
                let regex = TextRegex::new(regex.as_str(), *ignores_case).expect("a small expression");
                of(*field, FieldPattern::Regex(regex))
            }
            Ask::Near { field, words, distance } => {
                of(*field, FieldPattern::Near(Proximity { words: words.clone(), distance: *distance }))
            }
            Ask::Range { field, low, high } => {
                LogFilter::Range { name: (*field).into(), range: NumberRange { low: bound(*low), high: bound(*high) } }
            }
            Ask::Exists { field } => LogFilter::Exists { name: (*field).into() },
            Ask::Group { field, texts, all } => {
                let parts = texts.iter().map(|text| of(Some(field), FieldPattern::text(text))).collect();
                if *all { LogFilter::And(parts) } else { LogFilter::Or(parts) }
            }
            Ask::Cidr { field, network, prefix } => {
                let network = IpAddr::V4(Ipv4Addr::from(*network));
                LogFilter::Test { name: (*field).into(), test: ValueTest::Cidr { network, prefix: *prefix as u8 } }
            }
            Ask::Time { low, high } => {
                LogFilter::Time(TimeRangeNs { start: TimeNs(low * 1_000_000_000), end: TimeNs(high * 1_000_000_000) })
            }
        }
    }
}
