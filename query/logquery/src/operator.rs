//! What a pipe does to one row.

mod extract;
mod math;
mod text;
mod unpack;

use crate::row::Row;
use crate::{MathExpr, Pipe, Problem, Template};
use smol_str::SmolStr;
use text::{BoundedText, Replacement};
use watchfire_model::{FieldValue, LogFilter, RecordView, TextRegex, TimeNs};

/// Works on one row at a time and remembers nothing.
#[derive(Debug, Clone)]
pub(crate) enum RowOperator {
    Filter(LogFilter),
    Fields(Vec<SmolStr>),
    Drop(Vec<SmolStr>),
    Rename(Vec<(SmolStr, SmolStr)>),
    Extract { template: Template, from: SmolStr },
    ExtractRegexp { regex: TextRegex, from: SmolStr },
    UnpackJson { from: SmolStr, prefix: SmolStr },
    UnpackLogfmt { from: SmolStr, prefix: SmolStr },
    Replace { old: String, new: String, at: SmolStr },
    ReplaceRegexp { regex: TextRegex, new: Replacement, at: SmolStr },
    Format { template: Template, to: SmolStr },
    Math { expr: MathExpr, to: SmolStr },
    CollapseNums { at: SmolStr },
    Sample(u64),
}

impl RowOperator {
    /// The operator of a pipe when the query is asked at `now`; `None` for pipes that look at more than one row.
    pub(crate) fn of(pipe: &Pipe, now: TimeNs) -> Result<Option<RowOperator>, Problem> {
        Ok(Some(match pipe {
            Pipe::Filter(expr) => RowOperator::Filter(expr.to_filter(now)?),
            Pipe::Fields(names) => RowOperator::Fields(names.clone()),
            Pipe::Drop(names) => RowOperator::Drop(names.clone()),
            Pipe::Rename(pairs) => RowOperator::Rename(pairs.clone()),
            Pipe::Extract { template, from } => RowOperator::Extract { template: template.clone(), from: from.clone() },
            Pipe::ExtractRegexp { expression, from } => {
                RowOperator::ExtractRegexp { regex: TextRegex::new(expression, false)?, from: from.clone() }
            }
            Pipe::UnpackJson { from, prefix } => RowOperator::UnpackJson { from: from.clone(), prefix: prefix.clone() },
            Pipe::UnpackLogfmt { from, prefix } => {
                RowOperator::UnpackLogfmt { from: from.clone(), prefix: prefix.clone() }
            }
            Pipe::Replace { old, new, at } => {
                RowOperator::Replace { old: old.clone(), new: new.clone(), at: at.clone() }
            }
            Pipe::ReplaceRegexp { expression, new, at } => {
                let regex = TextRegex::new(expression, false)?;
                RowOperator::ReplaceRegexp { new: Replacement::new(new, &regex), regex, at: at.clone() }
            }
            Pipe::Format { template, to } => RowOperator::Format { template: template.clone(), to: to.clone() },
            Pipe::Math { expr, to } => RowOperator::Math { expr: expr.clone(), to: to.clone() },
            Pipe::CollapseNums { at } => RowOperator::CollapseNums { at: at.clone() },
            Pipe::Sample(n) => RowOperator::Sample(*n),
            Pipe::Stats(_)
            | Pipe::Sort { .. }
            | Pipe::Limit(_)
            | Pipe::Offset(_)
            | Pipe::Top { .. }
            | Pipe::Uniq { .. }
            | Pipe::Context { .. } => return Ok(None),
        }))
    }

    /// Changes the row; whether it stays.
    pub(crate) fn apply(&self, row: &mut Row) -> bool {
        match self {
            RowOperator::Filter(filter) => return filter.matches(row),
            RowOperator::Fields(names) => keep(row, names),
            RowOperator::Drop(names) => row.cells.retain(|(name, _)| !names.contains(name)),
            RowOperator::Rename(pairs) => pairs.iter().for_each(|(from, to)| rename(row, from, to)),
            RowOperator::Extract { template, from } => {
                if let Some(text) = row.text_of(from) {
                    extract::by_template(&text, template, row);
                }
            }
            RowOperator::ExtractRegexp { regex, from } => {
                if let Some(text) = row.text_of(from) {
                    extract::by_regex(&text, regex, row);
                }
            }
            RowOperator::UnpackJson { from, prefix } => {
                if let Some(text) = row.text_of(from) {
                    unpack::json(&text, prefix, row);
                }
            }
            RowOperator::UnpackLogfmt { from, prefix } => {
                if let Some(text) = row.text_of(from) {
                    unpack::logfmt(&text, prefix, row);
                }
            }
            RowOperator::Replace { old, new, at } => change(row, at, |value| text::replace(value, old, new)),
            RowOperator::ReplaceRegexp { regex, new, at } => change(row, at, |value| new.apply(value, regex)),
            RowOperator::Format { template, to } => {
                let text = format(template, row);
                row.set(to, FieldValue::Text(text));
            }
            RowOperator::Math { expr, to } => match math::compute(expr, row) {
                Some(number) => row.set(to, math::value(number)),
                None => drop(row.remove(to)),
            },
            RowOperator::CollapseNums { at } => change(row, at, text::collapse_numbers),
            RowOperator::Sample(n) => return mix(row.arrival).is_multiple_of(*n),
        }
        true
    }
}

/// Keeps these cells, in this order.
fn keep(row: &mut Row, names: &[SmolStr]) {
    let mut cells = Vec::with_capacity(names.len());
    for name in names {
        // A name that is listed twice is gone the second time.
        if let Some(cell) = row.remove(name) {
            cells.push((name.clone(), cell));
        }
    }
    row.cells = cells;
}

/// Gives a cell another name; a cell that had it is gone even where there is nothing to rename.
fn rename(row: &mut Row, from: &SmolStr, to: &SmolStr) {
    if from == to {
        return;
    }
    row.remove(to);
    if let Some((name, _)) = row.cells.iter_mut().find(|(name, _)| name == from) {
        name.clone_from(to);
    }
}

/// Replaces the text of a cell, where there is one and it changes.
fn change(row: &mut Row, name: &SmolStr, new: impl FnOnce(&str) -> Option<String>) {
    let changed = row.text(name).and_then(|text| new(&text));
    if let Some(changed) = changed {
        row.set(name, FieldValue::Text(changed.into()));
    }
}

fn format(template: &Template, row: &Row) -> SmolStr {
    let mut text = BoundedText::new(0);
    for part in &template.parts {
        match part {
            crate::TemplatePart::Literal(literal) => text.push(literal),
            crate::TemplatePart::Field(name) => {
                if let Some(value) = row.text(name) {
                    text.push(&value);
                }
            }
        }
    }
    text.into_text().into()
}

/// Spreads numbers evenly, always the same way (the finalizer of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Row {
    /// Sets a field that a text brought along; the event time stays what it is.
    fn bring(&mut self, name: &SmolStr, value: FieldValue) {
        if !crate::fields::is_time(name) {
            self.set(name, value);
        }
    }

    /// How many cells there are.
    fn len(&self) -> usize {
        self.cells.len()
    }
}

#[cfg(test)]
mod tests;
