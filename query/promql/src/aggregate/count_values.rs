//! `count_values`: how many series of a group have each value.

use super::members;
use crate::ast::{Aggregate, ExprKind};
use crate::engine::{Evaluator, Series, Steps, TABLE_ENTRY_BYTES, Ticker, Vector, absent, is_absent, series_bytes};
use crate::value::format_number;
use crate::{EvalError, Expr};
use std::collections::HashMap;
use watchfire_model::Labels;

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
        // Bits, not values: NaN counts as one value, as its text does.
        let mut index_by_bits: HashMap<u64, usize> = HashMap::new();
        for member in &group.series {
            ticker.tick(steps.count)?;
            for (step, value) in member.values.iter().enumerate().filter(|(_, value)| !is_absent(**value)) {
                let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
                let index = if let Some(index) = index_by_bits.get(&bits) {
                    *index
                } else {
                    let mut builder = group.labels.to_builder();
                    builder.set(label, format_number(*value));
                    let labels = builder.build();
                    let index = if let Some(index) = index_by_labels.get(&labels) {
                        *index
                    } else {
                        held.add(steps.count)?;
                        held.add_memory(series_bytes(&labels) + TABLE_ENTRY_BYTES)?;
                        index_by_labels.insert(labels.clone(), series.len());
                        let values = vec![absent(); steps.count];
                        series.push(Series { labels, name_dropped: group.name_dropped, values });
                        series.len() - 1
                    };
                    held.add_memory(TABLE_ENTRY_BYTES)?;
                    index_by_bits.insert(bits, index);
                    index
                };
                let count = &mut series[index].values[step];
                *count = if is_absent(*count) { 1.0 } else { *count + 1.0 };
            }
        }
    }
    Ok(Vector { series, held })
}
