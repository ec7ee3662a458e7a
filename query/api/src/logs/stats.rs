//! `/api/watchfire/v1/logs/stats`: the answer of a query as a table.

use super::answer::Answer;
use super::call::{Call, LogRequest, StatsBody, ask};
use super::record::ValueBody;
use super::rows::tabulate;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use std::sync::Arc;
use watchfire_logquery::{Cell, Outcome, Table};
use watchfire_model::FieldValue;

/// Rows of an answer when the request does not say how many.
const ROWS_DEFAULT: usize = 1_000;
/// Rows of one answer; `logs/export` has no such limit.
const ROWS_MAX: usize = 100_000;

#[derive(Debug, Serialize)]
struct TableBody<'a> {
    columns: &'a [SmolStr],
    types: Vec<ColumnType>,
    rows: Vec<RowBody<'a>>,
    /// Whether there are more rows.
    truncated: bool,
    partial: Vec<String>,
    stats: StatsBody,
}

/// What the cells of a column are, absent ones aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ColumnType {
    /// RFC 3339.
    Time,
    Number,
    Text,
    Mixed,
}

/// Absent cells are `null`.
#[derive(Debug)]
struct RowBody<'a>(&'a [Option<Cell>]);

#[derive(Debug)]
pub(super) struct CellBody<'a>(pub(super) &'a Cell);

impl Serialize for RowBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|cell| cell.as_ref().map(CellBody)))
    }
}

impl Serialize for CellBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Cell::Value(value) => ValueBody(value).serialize(serializer),
            time @ Cell::Time(_) => time.serialize(serializer),
        }
    }
}

impl ColumnType {
    fn of(cell: &Cell) -> ColumnType {
        match cell {
            Cell::Time(_) => ColumnType::Time,
            Cell::Value(FieldValue::I64(_) | FieldValue::F64(_)) => ColumnType::Number,
            Cell::Value(FieldValue::Text(_) | FieldValue::Bool(_)) => ColumnType::Text,
        }
    }

    /// Of each column of a table; text where it has no cell at all.
    fn of_table(table: &Table) -> Vec<ColumnType> {
        let mut types = vec![None; table.columns.len()];
        for row in &table.rows {
            for (known, cell) in types.iter_mut().zip(row) {
                let Some(cell) = cell else { continue };
                let found = ColumnType::of(cell);
                *known = Some(if known.is_none_or(|known| known == found) { found } else { ColumnType::Mixed });
            }
        }
        types.into_iter().map(|known| known.unwrap_or(ColumnType::Text)).collect()
    }
}

/// `GET|POST …/logs/stats?query=&start=&end=&limit=`.
pub(super) async fn stats(State(api): State<Arc<Api>>, params: Params) -> Result<Answer, ApiError> {
    ask(api, params, answer).await
}

fn answer(call: &Call<'_>) -> Result<Answer, ApiError> {
    let LogRequest { query, range } = call.request(&["limit"])?;
    let limit = call.params.number("limit")?.unwrap_or(ROWS_DEFAULT);
    if !(1..=ROWS_MAX).contains(&limit) {
        let message = format!("`limit` is {limit}, it must be 1 to {ROWS_MAX}: `logs/export` gives all rows");
        return Err(ApiError::parameter(message));
    }
    // One row more tells whether there are more; that even that was not all need not be told again.
    let asked = limit + 1;
    let Outcome { mut table, mut answer } = tabulate(&query, range, asked, &*call.api.logs, call.budget)?;
    let truncated = table.rows.len() > limit;
    table.rows.truncate(limit);
    answer.partial.retain(|note| !(truncated && note.contains(&format!("more than {asked} rows"))));
    call.answer(&TableBody {
        columns: &table.columns,
        types: ColumnType::of_table(&table),
        rows: table.rows.iter().map(|row| RowBody(row)).collect(),
        truncated,
        partial: answer.partial,
        stats: call.stats(&answer.cost),
    })
}
