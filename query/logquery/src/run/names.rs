//! Which fields pipes look at, and what the fields are called in the store.

use crate::fields::is_time;
use crate::pipe::{MathExpr, Pipe, StatsKey};
use crate::{Expr, TIME_FIELD};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use watchfire_model::{FieldSelection, HOST_FIELD, LogFilter, MESSAGE_FIELD, STREAM_FIELD};

/// The fields that somebody looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Needed {
    All,
    Only(BTreeSet<SmolStr>),
}

impl Needed {
    /// What these pipes look at, of records that go into the first one and rows that are shown behind the last one.
    pub(super) fn by(pipes: &[Pipe]) -> Needed {
        let mut needed = Needed::All;
        for pipe in pipes.iter().rev() {
            needed.before(pipe);
        }
        needed
    }

    pub(super) fn selection(self) -> FieldSelection {
        match self {
            Needed::All => FieldSelection::All,
            Needed::Only(mut names) => {
                // These are never left out.
                names.remove(TIME_FIELD);
                names.remove(STREAM_FIELD);
                FieldSelection::Only(names)
            }
        }
    }

    pub(super) fn add(&mut self, name: &SmolStr) {
        if let Needed::Only(names) = self {
            names.insert(name.clone());
        }
    }

    fn remove(&mut self, name: &SmolStr) -> bool {
        match self {
            Needed::All => true,
            Needed::Only(names) => names.remove(name),
        }
    }

    /// From what is needed behind the pipe to what is needed in front of it.
    fn before(&mut self, pipe: &Pipe) {
        match pipe {
            Pipe::Stats(stats) => {
                *self = Needed::Only(BTreeSet::new());
                for key in &stats.by {
                    if let StatsKey::Field(name) = key {
                        self.add(name);
                    }
                }
                for result in &stats.results {
                    result.field.iter().for_each(|name| self.add(name));
                    result.only.iter().for_each(|only| self.add_all(only));
                }
            }
            Pipe::Top { by, .. } | Pipe::Uniq { by, .. } => *self = Needed::Only(by.iter().cloned().collect()),
            Pipe::Fields(names) => {
                let wanted = names.iter().filter(|name| match self {
                    Needed::All => true,
                    Needed::Only(needed) => needed.contains(*name),
                });
                *self = Needed::Only(wanted.cloned().collect());
            }
            Pipe::Drop(names) => names.iter().for_each(|name| {
                self.remove(name);
            }),
            Pipe::Rename(pairs) => {
                for (from, to) in pairs.iter().rev() {
                    if self.remove(to) {
                        self.add(from);
                    }
                }
            }
            Pipe::Sort { by, .. } => by.iter().for_each(|key| self.add(&key.field)),
            Pipe::Filter(expr) => self.add_all(expr),
            Pipe::Extract { from, .. }
            | Pipe::ExtractRegexp { from, .. }
            | Pipe::UnpackJson { from, .. }
            | Pipe::UnpackLogfmt { from, .. } => self.add(from),
            Pipe::Replace { at, .. } | Pipe::ReplaceRegexp { at, .. } | Pipe::CollapseNums { at } => self.add(at),
            Pipe::Format { template, to } => {
                self.remove(to);
                template.fields().for_each(|name| self.add(name));
            }
            Pipe::Math { expr, to } => {
                self.remove(to);
                self.add_math(expr);
            }
            Pipe::Limit(_) | Pipe::Offset(_) | Pipe::Sample(_) | Pipe::Context { .. } => {}
        }
    }

    fn add_all(&mut self, expr: &Expr) {
        if !each_name(expr, &mut |name| self.add(name)) {
            *self = Needed::All;
        }
    }

    fn add_math(&mut self, expr: &MathExpr) {
        match expr {
            MathExpr::Number(_) => {}
            MathExpr::Field(name) => self.add(name),
            MathExpr::Negative(operand) => self.add_math(operand),
            MathExpr::Binary { left, right, .. } => {
                self.add_math(left);
                self.add_math(right);
            }
            MathExpr::Call { arguments, .. } => arguments.iter().for_each(|argument| self.add_math(argument)),
        }
    }
}

/// Hands out the fields that the condition names; false, and perhaps not every name, when it looks at all of them.
fn each_name(expr: &Expr, visit: &mut impl FnMut(&SmolStr)) -> bool {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().all(|part| each_name(part, visit)),
        Expr::Not(part) => each_name(part, visit),
        Expr::Term { field: None, .. } => false,
        Expr::Term { field: Some(field), .. }
        | Expr::Range { field, .. }
        | Expr::Exists { field }
        | Expr::Test { field, .. } => {
            visit(field);
            true
        }
        Expr::All | Expr::Time { .. } => true,
    }
}

/// What fields are called behind `fields`, `drop` and `rename`, against what they are called in the store.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    /// Names that mean something else than in the store; `None`: no field has this name any more.
    changed: BTreeMap<SmolStr, Option<SmolStr>>,
    /// Names that are not in `changed` mean nothing.
    is_closed: bool,
}

impl Mapping {
    /// Takes a pipe into account; false when it does more than choosing and naming.
    pub(super) fn follow(&mut self, pipe: &Pipe) -> bool {
        match pipe {
            Pipe::Fields(names) => {
                let kept = names.iter().map(|name| (name.clone(), self.stored(name))).collect();
                *self = Mapping { changed: kept, is_closed: true };
            }
            Pipe::Drop(names) => {
                for name in names {
                    self.changed.insert(name.clone(), None);
                }
            }
            Pipe::Rename(pairs) => {
                for (from, to) in pairs.iter().filter(|(from, to)| from != to) {
                    let stored = self.stored(from);
                    self.changed.insert(to.clone(), stored);
                    self.changed.insert(from.clone(), None);
                }
            }
            _ => return false,
        }
        true
    }

    /// The stored field of this name.
    pub(super) fn stored(&self, name: &SmolStr) -> Option<SmolStr> {
        match self.changed.get(name) {
            Some(stored) => stored.clone(),
            None if self.is_closed => None,
            None => Some(name.clone()),
        }
    }

    /// The event time is still the event time.
    pub(super) fn has_time(&self) -> bool {
        self.stored(&SmolStr::new_static(TIME_FIELD)).is_some_and(|stored| is_time(&stored))
    }

    /// The filter on the store's fields; `None` when it means something that no filter there says.
    pub(super) fn filter(&self, filter: &LogFilter) -> Option<LogFilter> {
        let all = |parts: &[LogFilter]| parts.iter().map(|part| self.filter(part)).collect::<Option<Vec<_>>>();
        Some(match filter {
            LogFilter::All => LogFilter::All,
            LogFilter::And(parts) => LogFilter::And(all(parts)?),
            LogFilter::Or(parts) => LogFilter::Or(all(parts)?),
            LogFilter::Not(part) => LogFilter::Not(Box::new(self.filter(part)?)),
            LogFilter::Any(_) if self.is_closed || !self.changed.is_empty() => return None,
            LogFilter::Any(pattern) => LogFilter::Any(pattern.clone()),
            LogFilter::Field { name, pattern } => {
                LogFilter::Field { name: self.searched(name)?, pattern: pattern.clone() }
            }
            LogFilter::Range { name, range } => LogFilter::Range { name: self.searched(name)?, range: *range },
            LogFilter::Exists { name } => LogFilter::Exists { name: self.searched(name)? },
            LogFilter::Test { name, test } => LogFilter::Test { name: self.searched(name)?, test: test.clone() },
            LogFilter::Time(range) => self.has_time().then_some(LogFilter::Time(*range))?,
        })
    }

    /// The stored field, where searching it means the same as searching the one of this name: the line, the host and the
    /// stream are searched in ways of their own.
    fn searched(&self, name: &SmolStr) -> Option<SmolStr> {
        let is_ordinary = |name: &str| !matches!(name, MESSAGE_FIELD | HOST_FIELD | STREAM_FIELD | TIME_FIELD);
        let stored = self.stored(name)?;
        (stored == *name || (is_ordinary(name) && is_ordinary(&stored))).then_some(stored)
    }
}
