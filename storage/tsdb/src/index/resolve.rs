//! Selectors resolved to sets of series.

use super::postings::{Postings, Values};
use super::symbols::Texts;
use roaring::RoaringBitmap;
use std::collections::BTreeSet;
use watchfire_model::{Exhausted, MatchOp, Matcher, QueryBudget};

/// Values that are compared between two looks at the budget.
const VALUES_PER_CHECK: usize = 1024;

/// Bytes of memory of one text in a set, beside its own.
const TEXT_BYTES: usize = 48;

/// The series that pass all matchers.
pub(crate) fn resolve(
    matchers: &[Matcher],
    postings: &Postings,
    texts: &impl Texts,
    budget: &QueryBudget,
) -> Result<RoaringBitmap, Exhausted> {
    budget.check()?;
    // Matchers that want a label come first: they start from few series. The others only take series away.
    let (taking, wanting): (Vec<&Matcher>, Vec<&Matcher>) =
        matchers.iter().partition(|matcher| matcher.matches_empty());
    let mut result: Option<RoaringBitmap> = None;
    for matcher in wanting {
        let series = match texts.find(matcher.name()).and_then(|name| postings.values(name)) {
            Some(values) => passing(matcher, values, texts, budget)?,
            None => RoaringBitmap::new(),
        };
        let both = match result {
            Some(result) => result & series,
            None => series,
        };
        if both.is_empty() {
            return Ok(both);
        }
        result = Some(both);
    }
    let mut result = result.unwrap_or_else(|| postings.all().clone());
    for matcher in taking {
        if let Some(values) = texts.find(matcher.name()).and_then(|name| postings.values(name)) {
            take_failing(matcher, values, texts, budget, &mut result)?;
        }
    }
    Ok(result)
}

/// Series whose label passes a matcher that the empty string fails.
fn passing(
    matcher: &Matcher,
    values: &Values,
    texts: &impl Texts,
    budget: &QueryBudget,
) -> Result<RoaringBitmap, Exhausted> {
    let mut set = RoaringBitmap::new();
    let mut add = |value: &str| {
        if let Some(posting) = texts.find(value).and_then(|value| values.get(value)) {
            posting.add_to(&mut set);
        }
    };
    match matcher.op() {
        MatchOp::Equal => add(matcher.value()),
        // Of this operator only `!= ""` fails the empty string.
        MatchOp::NotEqual => return Ok(values.present().clone()),
        MatchOp::Regex if matcher.value() == ".+" => return Ok(values.present().clone()),
        MatchOp::Regex if is_set(matcher.value()) => matcher.value().split('|').for_each(add),
        MatchOp::Regex | MatchOp::NotRegex => {
            for (index, (value, posting)) in values.iter().enumerate() {
                if index % VALUES_PER_CHECK == 0 {
                    budget.check()?;
                }
                if matcher.matches(texts.text(value)) {
                    posting.add_to(&mut set);
                }
            }
        }
    }
    Ok(set)
}

/// Takes away the series whose label fails a matcher that the empty string passes.
fn take_failing(
    matcher: &Matcher,
    values: &Values,
    texts: &impl Texts,
    budget: &QueryBudget,
    from: &mut RoaringBitmap,
) -> Result<(), Exhausted> {
    let mut remove = |value: &str| {
        if let Some(posting) = texts.find(value).and_then(|value| values.get(value)) {
            posting.remove_from(from);
        }
    };
    match matcher.op() {
        // Of this operator only `= ""` passes the empty string.
        MatchOp::Equal => *from -= values.present(),
        MatchOp::NotEqual => remove(matcher.value()),
        MatchOp::Regex if matcher.value() == ".*" => {}
        MatchOp::NotRegex if is_set(matcher.value()) => matcher.value().split('|').for_each(remove),
        MatchOp::Regex | MatchOp::NotRegex => {
            for (index, (value, posting)) in values.iter().enumerate() {
                if index % VALUES_PER_CHECK == 0 {
                    budget.check()?;
                }
                if !matcher.matches(texts.text(value)) {
                    posting.remove_from(from);
                }
            }
        }
    }
    Ok(())
}

/// Whether an expression is nothing but plain texts between bars, as dashboards write lists of chosen values.
fn is_set(expression: &str) -> bool {
    !expression.contains(|c: char| ".+*?()[]{}^$\\".contains(c))
}

/// Adds the names of the labels that any of `series` has.
pub(crate) fn label_names(
    series: Option<&RoaringBitmap>,
    postings: &Postings,
    texts: &impl Texts,
    budget: &QueryBudget,
    into: &mut BTreeSet<String>,
) -> Result<(), Exhausted> {
    let has = |values: &Values| series.is_none_or(|series| !values.present().is_disjoint(series));
    for (name, _) in postings.names().filter(|(_, values)| has(values)) {
        add_text(texts.text(name), budget, into)?;
    }
    Ok(())
}

/// Adds the values that `name` has in any of `series`.
pub(crate) fn label_values(
    name: &str,
    series: Option<&RoaringBitmap>,
    postings: &Postings,
    texts: &impl Texts,
    budget: &QueryBudget,
    into: &mut BTreeSet<String>,
) -> Result<(), Exhausted> {
    let Some(values) = texts.find(name).and_then(|name| postings.values(name)) else { return Ok(()) };
    for (index, (value, posting)) in values.iter().enumerate() {
        if index % VALUES_PER_CHECK == 0 {
            budget.check()?;
        }
        if series.is_none_or(|series| posting.intersects(series)) {
            add_text(texts.text(value), budget, into)?;
        }
    }
    Ok(())
}

/// Adds a text, and takes its memory until the query ends.
fn add_text(text: &str, budget: &QueryBudget, into: &mut BTreeSet<String>) -> Result<(), Exhausted> {
    if !into.contains(text) {
        budget.take_memory((text.len() + TEXT_BYTES) as u64)?;
        into.insert(text.to_owned());
    }
    Ok(())
}
