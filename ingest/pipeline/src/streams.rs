//! Streams: rules that say, as a record arrives, by which names it can be found and how long it is kept.
//!
//! A record gets the streams of all rules that match it, and keeps the ones that it came with. It is in `default` as well,
//! unless one of the matching rules takes it out. Its streams are decided once, on arrival: other rules later change nothing
//! of what is stored. Rules look at records as their inputs hand them over, and so never at each other's streams.

mod combinations;
mod guard;
mod guard_index;
mod matcher;
mod router;
mod rule;

pub use combinations::STREAM_COMBINATIONS_MAX;
pub use matcher::StreamRules;
pub use router::StreamRouter;
pub use rule::{STREAM_NAME_LEN_MAX, STREAMS_MAX, StreamName, StreamRule, StreamRuleError};

/// A set of rules: bit `n` is the rule that stands at `n` in the configuration.
type RuleSet = u128;

const _: () = assert!(STREAMS_MAX <= RuleSet::BITS as usize, "each rule has a bit");

/// The rules of a set, in order of the configuration.
fn members(mut set: RuleSet) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let first = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(first)
    })
}
