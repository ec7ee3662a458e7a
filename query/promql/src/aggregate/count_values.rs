//! `count_values`: how many series of a group have each value.

use super::members;
use crate::ast::{Aggregate, ExprKind};
use crate::engine::{
    Computed, Evaluator, Histograms, Series, Steps, TABLE_ENTRY_BYTES, Ticker, Vector, absent, is_absent, series_bytes,
};
use crate::value::{format_number, histogram_text};
use crate::{EvalError, Expr};
use std::collections::HashMap;
use watchfire_model::Labels;

/// What tells values apart.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    /// Bits, not values: NaN counts as one value, as its text does.
    Bits(u64),
    Text(String),
}

pub(super) fn eval<'q>(
    evaluator: &mut Evaluator<'q>,
    node: &Aggregate,
    param: &Expr,
    steps: Steps,
) -> Result<Vector<'q>, EvalError> {
    let ExprKind::String(text) = &param.unparenthesised().kind else {
        unreachable!("the type check lets only strings stand here")
    };
    let Some(label) = text.as_str().filter(|label| !label.is_empty()) else {
        let escaped = crate::Text(text.0.clone());
        return Err(EvalError::Execution(format!("invalid label name {escaped}")));
    };
    let Vector { series: operand, held: mut operand_held } = evaluator.vector(&node.operand, steps)?;
    let mut ticker = Ticker::new(evaluator.query.budget);
    let mut index_by_labels: HashMap<Labels, usize> = HashMap::new();
    let mut series: Vec<Series> = Vec::new();
    // Every distinct value makes a series: each is counted before the next is made.
    let mut held = evaluator.hold(0)?;
    for group in members(operand, &node.grouping, &mut operand_held)? {
        let mut index_by_key: HashMap<Key, usize> = HashMap::new();
        for member in &group.series {
            ticker.tick(steps.count)?;
            for step in 0..steps.count {
                let Some(sample) = member.get(step) else { continue };
                let key = match &sample {
                    Computed::Float(value) if value.is_nan() => Key::Bits(f64::NAN.to_bits()),
                    Computed::Float(value) => Key::Bits(value.to_bits()),
                    Computed::Histogram(histogram) => Key::Text(histogram_text(histogram)),
                };
                let index = if let Some(index) = index_by_key.get(&key) {
                    *index
                } else {
                    let mut builder = group.labels.to_builder();
                    match (&sample, &key) {
                        (Computed::Float(value), _) => builder.set(label, format_number(*value)),
                        (_, Key::Text(text)) => builder.set(label, text.clone()),
                        (Computed::Histogram(_), Key::Bits(_)) => unreachable!("histograms have texts for keys"),
                    };
                    let labels = builder.build();
                    let index = if let Some(index) = index_by_labels.get(&labels) {
                        *index
                    } else {
                        held.add(steps.count)?;
                        held.add_memory(series_bytes(&labels) + TABLE_ENTRY_BYTES)?;
                        index_by_labels.insert(labels.clone(), series.len());
                        let values = vec![absent(); steps.count];
                        series.push(Series {
                            labels,
                            name_dropped: group.name_dropped,
                            values,
                            histograms: Histograms::default(),
                        });
                        series.len() - 1
                    };
                    held.add_memory(TABLE_ENTRY_BYTES)?;
                    index_by_key.insert(key, index);
                    index
                };
                let count = &mut series[index].values[step];
                *count = if is_absent(*count) { 1.0 } else { *count + 1.0 };
            }
        }
    }
    Ok(Vector { series, held })
}
