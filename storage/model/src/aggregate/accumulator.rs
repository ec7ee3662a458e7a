//! What one computed value of one group has gathered so far.

use super::AggregateFunction;
use crate::{FieldValue, TimeNs};
use foldhash::fast::RandomState;
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashSet};

/// Bytes that a text in a set takes beside itself, about.
const SET_ENTRY_BYTES: usize = 48;
/// Bytes that a first or last value takes beside its text.
const EDGE_BYTES: usize = size_of::<((TimeNs, u64), FieldValue)>();

/// Gathers values; two that gathered parts merge into what one would have gathered of all. Kept small, as there is one for
/// each function in each group.
#[derive(Debug, Clone)]
pub enum Accumulator {
    Count(u64),
    /// Kept as a sum of halves so that the order of adding does not show (Neumaier).
    Sum {
        sum: f64,
        lost: f64,
        numbers: u64,
    },
    /// Smallest (or largest) number, and text where there is no number.
    Extreme {
        /// Not a number: none yet.
        number: f64,
        text: Option<Box<SmolStr>>,
        largest: bool,
    },
    Numbers(Vec<f64>),
    Uniq(Box<HashSet<SmolStr, RandomState>>),
    /// The first `max` in order.
    Values {
        values: Box<BTreeSet<SmolStr>>,
        max: usize,
    },
    /// The value at the earliest (or latest) time and number of arrival.
    Edge {
        at: Option<Box<((TimeNs, u64), FieldValue)>>,
        latest: bool,
    },
}

/// Half a cache line: there may be millions of them.
const _: () = assert!(size_of::<Accumulator>() <= 32);

impl Accumulator {
    /// Nothing gathered yet. `has_field`: whether the function looks at a field.
    pub fn new(function: AggregateFunction, has_field: bool) -> Accumulator {
        let sum = Accumulator::Sum { sum: 0.0, lost: 0.0, numbers: 0 };
        match function {
            AggregateFunction::Count => Accumulator::Count(0),
            AggregateFunction::Rate { .. } if !has_field => Accumulator::Count(0),
            AggregateFunction::Sum | AggregateFunction::Avg | AggregateFunction::Rate { .. } => sum,
            AggregateFunction::Min => Accumulator::Extreme { number: f64::NAN, text: None, largest: false },
            AggregateFunction::Max => Accumulator::Extreme { number: f64::NAN, text: None, largest: true },
            AggregateFunction::Quantile(_) => Accumulator::Numbers(Vec::new()),
            AggregateFunction::CountUniq => Accumulator::Uniq(Box::default()),
            AggregateFunction::Values(max) => Accumulator::Values { values: Box::default(), max },
            AggregateFunction::First => Accumulator::Edge { at: None, latest: false },
            AggregateFunction::Last => Accumulator::Edge { at: None, latest: true },
        }
    }

    /// Notes `n` records, for what counts; nothing otherwise.
    pub fn count(&mut self, n: u64) {
        if let Accumulator::Count(count) = self {
            *count += n;
        }
    }

    /// Notes a number, for what computes with numbers.
    pub fn number(&mut self, value: f64) {
        match self {
            Accumulator::Sum { sum, lost, numbers } => {
                add(sum, lost, value);
                *numbers += 1;
            }
            Accumulator::Extreme { number, largest, .. } if !value.is_nan() => {
                let is_better = if *largest { value > *number } else { value < *number };
                if number.is_nan() || is_better {
                    *number = value;
                }
            }
            Accumulator::Numbers(numbers) if !value.is_nan() => numbers.push(value),
            _ => {}
        }
    }

    /// Notes numbers, for what computes with numbers; its memory grows by at most the bytes returned.
    pub fn numbers(&mut self, values: &[f64]) -> usize {
        if let Accumulator::Numbers(numbers) = self {
            numbers.extend(values.iter().filter(|value| !value.is_nan()));
            return size_of_val(values);
        }
        for value in values {
            self.number(*value);
        }
        0
    }

    /// Notes the field's value in one record; its memory grows by at most the bytes returned.
    pub fn value(&mut self, value: &FieldValue, time: TimeNs, arrival: u64) -> usize {
        match self {
            Accumulator::Count(count) => {
                *count += u64::from(!value.is_empty());
                0
            }
            Accumulator::Sum { .. } | Accumulator::Numbers(_) => match value.as_number() {
                Some(number) => {
                    self.number(number);
                    size_of::<f64>()
                }
                None => 0,
            },
            Accumulator::Extreme { number: held, text, largest } => {
                if let Some(number) = value.as_number() {
                    self.number(number);
                    return 0;
                }
                if !held.is_nan() || value.is_empty() {
                    return 0;
                }
                let found = value.to_text();
                let better = text.as_ref().is_none_or(|text| if *largest { found > **text } else { found < **text });
                if !better {
                    return 0;
                }
                let bytes = found.len();
                *text = Some(Box::new(found));
                bytes
            }
            Accumulator::Uniq(_) | Accumulator::Values { .. } => self.text(value.to_text()),
            Accumulator::Edge { at, latest } => {
                let key = (time, arrival);
                let better = at.as_ref().is_none_or(|it| if *latest { key > it.0 } else { key < it.0 });
                if value.is_empty() || !better {
                    return 0;
                }
                let text_len = |value: &FieldValue| if let FieldValue::Text(text) = value { text.len() } else { 0 };
                let held = at.as_ref().map_or(0, |it| EDGE_BYTES + text_len(&it.1));
                *at = Some(Box::new((key, value.clone())));
                (EDGE_BYTES + text_len(value)).saturating_sub(held)
            }
        }
    }

    /// Notes a value in its text form, for what tells values apart; its memory grows by the bytes returned.
    pub fn text(&mut self, text: SmolStr) -> usize {
        let bytes = text.len() + SET_ENTRY_BYTES;
        if text.is_empty() {
            return 0;
        }
        match self {
            Accumulator::Uniq(values) => usize::from(values.insert(text)) * bytes,
            Accumulator::Values { values, max } => {
                let is_new = values.insert(text);
                if values.len() > *max {
                    values.pop_last();
                    return 0;
                }
                usize::from(is_new) * bytes
            }
            _ => 0,
        }
    }

    /// Takes over what another one of the same kind has gathered.
    pub fn merge(&mut self, other: Accumulator) {
        match (self, other) {
            (Accumulator::Count(count), Accumulator::Count(more)) => *count += more,
            (
                Accumulator::Sum { sum, lost, numbers },
                Accumulator::Sum { sum: more, lost: also_lost, numbers: further },
            ) => {
                add(sum, lost, more);
                add(sum, lost, also_lost);
                *numbers += further;
            }
            (this @ Accumulator::Extreme { .. }, Accumulator::Extreme { number, text, .. }) => {
                // Not a number is passed over.
                this.number(number);
                if let Some(text) = text {
                    this.value(&FieldValue::Text(*text), TimeNs::MIN, 0);
                }
            }
            (Accumulator::Numbers(numbers), Accumulator::Numbers(more)) => numbers.extend(more),
            (Accumulator::Uniq(values), Accumulator::Uniq(mut more)) => {
                if more.len() > values.len() {
                    std::mem::swap(values, &mut more);
                }
                values.extend(*more);
            }
            (this @ Accumulator::Values { .. }, Accumulator::Values { values: more, .. }) => {
                for text in *more {
                    this.text(text);
                }
            }
            (this @ Accumulator::Edge { .. }, Accumulator::Edge { at: Some(held), .. }) => {
                let ((time, arrival), value) = *held;
                this.value(&value, time, arrival);
            }
            _ => {}
        }
    }

    /// The computed value; `None` where nothing was gathered that it could be computed from.
    pub fn finish(self, function: AggregateFunction) -> Option<FieldValue> {
        let whole = |count: u64| FieldValue::I64(i64::try_from(count).unwrap_or(i64::MAX));
        match (self, function) {
            (Accumulator::Count(count), AggregateFunction::Rate { over_ns }) => {
                Some(FieldValue::F64(count as f64 / seconds(over_ns)))
            }
            (Accumulator::Count(count), _) => Some(whole(count)),
            (Accumulator::Sum { sum, lost, .. }, AggregateFunction::Rate { over_ns }) => {
                Some(FieldValue::F64((sum + lost) / seconds(over_ns)))
            }
            (Accumulator::Sum { numbers: 0, .. }, _) => None,
            (Accumulator::Sum { sum, lost, numbers }, AggregateFunction::Avg) => {
                Some(FieldValue::F64((sum + lost) / numbers as f64))
            }
            (Accumulator::Sum { sum, lost, .. }, _) => Some(number(sum + lost)),
            (Accumulator::Extreme { number: found, text, .. }, _) => {
                if found.is_nan() {
                    text.map(|text| FieldValue::Text(*text))
                } else {
                    Some(number(found))
                }
            }
            (Accumulator::Numbers(numbers), AggregateFunction::Quantile(share)) => nearest_rank(numbers, share),
            (Accumulator::Numbers(_), _) => None,
            (Accumulator::Uniq(values), _) => Some(whole(values.len() as u64)),
            (Accumulator::Values { values, .. }, _) => {
                let texts: Vec<&str> = values.iter().map(SmolStr::as_str).collect();
                Some(FieldValue::Text(texts.join(", ").into()))
            }
            (Accumulator::Edge { at, .. }, _) => at.map(|held| held.1),
        }
    }
}

/// Adds without losing what the sum is too large to hold (Neumaier's summation).
fn add(sum: &mut f64, lost: &mut f64, value: f64) {
    let total = *sum + value;
    if total.is_finite() {
        *lost += if sum.abs() >= value.abs() { (*sum - total) + value } else { (value - total) + *sum };
    }
    *sum = total;
}

fn seconds(ns: i64) -> f64 {
    ns.max(1) as f64 / 1e9
}

/// Whole numbers print without a point.
fn number(value: f64) -> FieldValue {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        FieldValue::I64(value as i64)
    } else {
        FieldValue::F64(value)
    }
}

fn nearest_rank(mut numbers: Vec<f64>, share: f64) -> Option<FieldValue> {
    if numbers.is_empty() {
        return None;
    }
    let rank = (share.clamp(0.0, 1.0) * numbers.len() as f64).ceil() as usize;
    let (_, found, _) = numbers.select_nth_unstable_by(rank.saturating_sub(1), f64::total_cmp);
    Some(number(*found))
}
