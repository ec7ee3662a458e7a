//! From label matchers to series: symbols, postings, and how a selector resolves. Head and blocks share it.
//!
//! Invariants
//! - A label that a series does not have counts as the empty string, for every operator, as in Prometheus.
//! - Postings hold each series once under each of its labels, and `all` holds every series.

mod hash;
mod posting;
mod postings;
mod resolve;
mod symbols;

pub(crate) use hash::{hash_labels, hash_pairs, same_labels, to_labels};
pub(crate) use posting::Posting;
pub(crate) use postings::Postings;
pub(crate) use resolve::{label_names, label_values, resolve};
pub(crate) use symbols::{Interner, Pair, SymbolTable, Texts};

#[cfg(test)]
mod tests;
