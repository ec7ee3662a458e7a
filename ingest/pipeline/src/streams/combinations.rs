//! The streams of records as texts: each combination is written once, and shared by all records that have it.

use super::rule::StreamRule;
use super::{RuleSet, members};
use foldhash::fast::FixedState;
use parking_lot::RwLock;
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashMap};
use watchfire_model::{LogRecord, TimeNs, stream_names};

/// Different combinations of several streams that records may have within an hour: the store keeps the records of
/// each apart, and a block of few records costs as much as one of many.
pub const STREAM_COMBINATIONS_MAX: usize = 256;
/// After this time combinations are counted afresh, so that a rare one does not take a place for ever.
const PERIOD_NS: i64 = 3_600_000_000_000;

/// What a record belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    /// As a record has it: names, sorted, joined by commas.
    pub(crate) streams: SmolStr,
    /// The rules that count, all that match or, beyond the limit, the first.
    pub(crate) rules: RuleSet,
    pub(crate) is_in_default: bool,
    /// Streams were left out for want of combinations.
    pub(crate) is_cut: bool,
}

#[derive(Debug)]
pub(crate) struct Combinations {
    /// Rules that take records out of `default`.
    removing: RuleSet,
    names: Vec<SmolStr>,
    /// No rule, and each rule alone, of records that came with `default`: always there.
    plain: Membership,
    single: Vec<Membership>,
    several: RwLock<Several>,
}

#[derive(Debug, Default)]
struct Several {
    /// Arrival of the first record of this period.
    since: TimeNs,
    /// By the streams that a record came with, and the rules that match it.
    known: HashMap<(SmolStr, RuleSet), Membership, FixedState>,
}

impl Combinations {
    pub(crate) fn new(rules: &[StreamRule]) -> Combinations {
        let names = rules.iter().map(|rule| SmolStr::new(rule.name.as_str())).collect();
        let removes = rules.iter().enumerate().filter(|(_, rule)| rule.remove_from_default);
        let removing = removes.fold(0, |set, (index, _)| set | 1 << index);
        let mut combinations = Combinations {
            removing,
            names,
            plain: Membership { streams: SmolStr::default(), rules: 0, is_in_default: true, is_cut: false },
            single: Vec::new(),
            several: RwLock::default(),
        };
        let of = |rules| combinations.write_out(LogRecord::DEFAULT_STREAM, rules, rules);
        let (plain, single) = (of(0), (0..rules.len()).map(|index| of(1 << index)).collect());
        (combinations.plain, combinations.single) = (plain, single);
        combinations
    }

    pub(crate) fn names(&self) -> &[SmolStr] {
        &self.names
    }

    /// The streams of a record that came with `own` at `received` and matches `rules`.
    pub(crate) fn membership(&self, own: &SmolStr, rules: RuleSet, received: TimeNs) -> Membership {
        if own == LogRecord::DEFAULT_STREAM {
            match rules.count_ones() {
                0 => return self.plain.clone(),
                1 => return self.single[rules.trailing_zeros() as usize].clone(),
                _ => {}
            }
        }
        let key = (own.clone(), rules);
        {
            let several = self.several.read();
            if let Some(known) = several.known.get(&key) {
                return known.clone();
            }
            if several.is_full(received) {
                return self.cut(own, rules);
            }
        }
        let mut several = self.several.write();
        if several.is_full(received) {
            return self.cut(own, rules);
        }
        if several.known.is_empty() || several.known.len() >= STREAM_COMBINATIONS_MAX {
            several.known.clear();
            several.since = received;
        }
        several.known.entry(key).or_insert_with(|| self.write_out(own, rules, rules)).clone()
    }

    /// Only the first of the rules, in order of the configuration; one that takes the record out of `default` does so
    /// all the same.
    fn cut(&self, own: &str, rules: RuleSet) -> Membership {
        let first = rules & rules.wrapping_neg();
        let whole = self.write_out(own, first, rules);
        Membership { is_cut: first != rules, ..whole }
    }

    fn write_out(&self, own: &str, kept: RuleSet, matching: RuleSet) -> Membership {
        let is_in_default = matching & self.removing == 0;
        let brought = stream_names(own).filter(|name| !name.is_empty() && *name != LogRecord::DEFAULT_STREAM);
        let mut names: BTreeSet<&str> = brought.chain(members(kept).map(|index| self.names[index].as_str())).collect();
        if is_in_default {
            names.insert(LogRecord::DEFAULT_STREAM);
        }
        let streams = names.into_iter().collect::<Vec<_>>().join(",");
        Membership { streams: streams.into(), rules: kept, is_in_default, is_cut: false }
    }
}

impl Several {
    /// Whether a further combination has to wait for the next period. A clock that jumps begins one.
    fn is_full(&self, received: TimeNs) -> bool {
        let age_ns = received.0.abs_diff(self.since.0);
        self.known.len() >= STREAM_COMBINATIONS_MAX && age_ns < PERIOD_NS.unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::StreamName;
    use watchfire_model::LogFilter;

    fn combinations(rules: &[(&str, bool)]) -> Combinations {
        let rule = |&(name, remove_from_default): &(&str, bool)| StreamRule {
            name: StreamName::parse(name).unwrap(),
            filter: LogFilter::All,
            remove_from_default,
        };
        Combinations::new(&rules.iter().map(rule).collect::<Vec<_>>())
    }

    #[track_caller]
    fn check(own: &str, rules: RuleSet, want: &str) {
        let combinations = combinations(&[("pay", false), ("audit", false), ("noise", true)]);
        for _ in 0..2 {
            assert_eq!(combinations.membership(&own.into(), rules, TimeNs(5)).streams, want, "{own} and {rules:b}");
        }
    }

    #[test]
    fn names_are_sorted_and_default_is_among_them_unless_taken_out() {
        check("default", 0, "default");
        check("default", 0b1, "default,pay");
        check("default", 0b11, "audit,default,pay");
        check("default", 0b100, "noise");
        check("default", 0b101, "noise,pay");
        check("site-2", 0, "default,site-2");
        check("site-2", 0b100, "noise,site-2");
        check("", 0, "default");
        check("audit,x", 0b10, "audit,default,x");
    }

    #[test]
    fn beyond_the_limit_the_first_rule_counts_until_the_next_period() {
        let names: Vec<String> = (0..10).map(|n| format!("s{n}")).collect();
        let mut rules: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), false)).collect();
        rules.push(("secret", true));
        let combinations = combinations(&rules);
        let own = SmolStr::new("default");
        let several = (0..1 << 10).filter(|set: &RuleSet| set.count_ones() > 1);
        let mut all: Vec<RuleSet> = several.take(STREAM_COMBINATIONS_MAX + 1).collect();
        let further = all.pop().unwrap();
        for set in all {
            assert!(!combinations.membership(&own, set, TimeNs(7)).is_cut);
        }
        let cut = combinations.membership(&own, further, TimeNs(8));
        assert_eq!((cut.rules, cut.is_cut), (further & further.wrapping_neg(), true));
        assert_eq!(cut.streams, format!("default,s{}", further.trailing_zeros()));
        let secret = combinations.membership(&own, 1 << 10 | 0b10, TimeNs(8));
        assert_eq!((secret.streams.as_str(), secret.is_in_default), ("s1", false));
        assert!(!combinations.membership(&own, 1, TimeNs(8)).is_cut, "one stream always has its place");
        assert!(!combinations.membership(&own, further, TimeNs(7 + PERIOD_NS)).is_cut);
    }
}
