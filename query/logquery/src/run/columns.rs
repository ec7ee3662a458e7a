//! The columns of an answer: fixed by the pipes where they say so, else what the rows have.

use crate::Pipe;
use crate::fields::TIME_FIELD;
use crate::pipe::HITS;
use crate::row::{Row, Table};
use smol_str::SmolStr;
use std::collections::HashMap;
use watchfire_model::{HOST_FIELD, LEVEL_FIELD, MESSAGE_FIELD, STREAM_FIELD};

/// Columns that an answer may have where its rows decide; it says so when there are more.
const COLUMNS_MAX: usize = 1000;

/// What is known of the columns before any row is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// These and no others.
    Fixed(Vec<SmolStr>),
    /// These first, then others as they come.
    Open(Vec<SmolStr>),
}

impl Columns {
    /// Behind these pipes.
    pub(super) fn of(pipes: &[Pipe]) -> Columns {
        let head = [TIME_FIELD, STREAM_FIELD, HOST_FIELD, LEVEL_FIELD, MESSAGE_FIELD];
        let mut columns = Columns::Open(head.map(SmolStr::new_static).to_vec());
        for pipe in pipes {
            columns.follow(pipe);
        }
        columns
    }

    fn names(&mut self) -> &mut Vec<SmolStr> {
        match self {
            Columns::Fixed(names) | Columns::Open(names) => names,
        }
    }

    fn add(&mut self, name: &SmolStr) {
        let names = self.names();
        if !names.contains(name) {
            names.push(name.clone());
        }
    }

    fn follow(&mut self, pipe: &Pipe) {
        match pipe {
            Pipe::Stats(stats) => {
                let keys = stats.by.iter().map(|key| SmolStr::new(key.name()));
                *self = Columns::Fixed(keys.chain(stats.results.iter().map(|result| result.name.clone())).collect());
            }
            Pipe::Top { by, .. } => {
                *self = Columns::Fixed(by.iter().cloned().chain([SmolStr::new_static(HITS)]).collect());
            }
            Pipe::Uniq { by, .. } => *self = Columns::Fixed(by.clone()),
            Pipe::Fields(names) => {
                *self = Columns::Fixed(Vec::new());
                for name in names {
                    self.add(name);
                }
            }
            Pipe::Drop(names) => self.names().retain(|name| !names.contains(name)),
            Pipe::Rename(pairs) => {
                for (from, to) in pairs.iter().filter(|(from, to)| from != to) {
                    let names = self.names();
                    names.retain(|name| name != to);
                    if let Some(name) = names.iter_mut().find(|name| *name == from) {
                        name.clone_from(to);
                    }
                }
            }
            Pipe::Extract { template, .. } => template.fields().for_each(|name| self.add(name)),
            Pipe::Format { to, .. } | Pipe::Math { to, .. } => self.add(to),
            // Only the rows know what is found; so for the names of an expression's groups.
            Pipe::UnpackJson { .. } | Pipe::UnpackLogfmt { .. } | Pipe::ExtractRegexp { .. } => {
                *self = Columns::Open(std::mem::take(self.names()));
            }
            Pipe::Sort { .. }
            | Pipe::Limit(_)
            | Pipe::Offset(_)
            | Pipe::Filter(_)
            | Pipe::Replace { .. }
            | Pipe::ReplaceRegexp { .. }
            | Pipe::Context { .. }
            | Pipe::CollapseNums { .. }
            | Pipe::Sample(_) => {}
        }
    }

    /// The rows as a table.
    pub(super) fn table(self, rows: Vec<Row>, partial: &mut Vec<String>) -> Table {
        let (mut columns, is_open) = match self {
            Columns::Fixed(names) => (names, false),
            Columns::Open(names) => (names, true),
        };
        let mut places: HashMap<SmolStr, usize> =
            columns.iter().enumerate().map(|(place, name)| (name.clone(), place)).collect();
        let mut has_more = false;
        let mut table = Vec::with_capacity(rows.len());
        for row in rows {
            let mut cells = vec![None; columns.len()];
            for (name, cell) in row.cells {
                let place = match places.get(&name) {
                    Some(place) => *place,
                    None if is_open && columns.len() < COLUMNS_MAX => {
                        places.insert(name.clone(), columns.len());
                        columns.push(name);
                        cells.push(None);
                        columns.len() - 1
                    }
                    None => {
                        has_more |= is_open;
                        continue;
                    }
                };
                cells[place] = Some(cell);
            }
            table.push(cells);
        }
        for cells in &mut table {
            cells.resize(columns.len(), None);
        }
        if has_more {
            partial.push(format!("the rows have more than {COLUMNS_MAX} different fields, the others are left out"));
        }
        Table { columns, rows: table }
    }
}
