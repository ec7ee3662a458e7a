//! One evaluation: what the whole query knows, and the walk over its tree.

use super::common::{Common, Reusable, SeenBefore};
use super::helpers::{Alone, Helpers, in_order};
use super::invariant::is_invariant;
use super::meter::Meter;
use super::range::Windows;
use super::select::Pick;
use super::series::{Series, Vector, series_bytes};
use super::steps::{Held, Steps};
use super::trace::Trace;
use crate::ast::{ExprKind, Text};
use crate::functions::call;
use crate::{Annotations, EvalError, Expr, aggregate, binary};
use std::ops::Range;
use watchfire_model::SeriesSource;

/// What holds for every node of a query.
#[derive(Clone, Copy)]
pub(crate) struct Query<'q> {
    pub(crate) source: &'q dyn SeriesSource,
    pub(crate) budget: &'q Meter<'q>,
    pub(super) helpers: &'q dyn Helpers,
    /// Unix milliseconds: what `start()` and `end()` mean, within subqueries too.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// What `step()` means; 0 for an instant query.
    pub(crate) step_ms: i64,
    pub(crate) lookback_ms: i64,
    /// At least 1.
    pub(crate) subquery_step_ms: i64,
    /// Whether steps are those of the query itself, not those of a subquery.
    pub(super) counts_seen: bool,
}

/// Points of work from which on it is spread over threads: below, starting them costs more than they save.
const SHARED_POINTS_MIN: usize = 100_000;
/// How far samples are usually apart.
const SAMPLE_DISTANCE_MS: i64 = 15_000;

impl Query<'_> {
    /// As [`in_order`], on other threads too where there is much to do. `points`: steps of each item, and over how many
    /// milliseconds samples are read for it.
    pub(super) fn in_order<S, R: Send>(
        &self,
        count: usize,
        (n_steps, span_ms): (usize, i64),
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, Range<usize>) -> Result<R, EvalError> + Sync,
    ) -> Result<Vec<R>, EvalError> {
        let points = n_steps.saturating_add(usize::try_from(span_ms / SAMPLE_DISTANCE_MS).unwrap_or(0));
        let is_shared = count.saturating_mul(points) >= SHARED_POINTS_MIN;
        in_order(if is_shared { self.helpers } else { &Alone }, count, state, work)
    }
}

/// The value of a node at every step.
#[derive(Debug)]
pub(crate) enum Node<'q> {
    Scalar(Vec<f64>),
    String(Text),
    Vector(Vector<'q>),
}

/// Evaluates one query.
pub(crate) struct Evaluator<'q> {
    pub(crate) query: Query<'q>,
    pub(crate) annotations: Annotations,
    /// Whether only count and sum of the histograms that selectors yield are asked for: whether each was reset is then
    /// found by comparing it with the one before.
    pub(crate) hints_by_comparison: bool,
    common: Common<'q>,
    /// Where the query is to be explained.
    pub(super) trace: Option<Trace>,
}

impl<'q> Evaluator<'q> {
    pub(super) fn new(query: Query<'q>, expr: &Expr, trace: Option<Trace>) -> Evaluator<'q> {
        let annotations = Annotations::default();
        Evaluator { query, annotations, hints_by_comparison: false, common: Common::new(expr), trace }
    }

    pub(crate) fn eval(&mut self, expr: &Expr, steps: Steps) -> Result<Node<'q>, EvalError> {
        let made = self.shared(expr, steps, |evaluator| evaluator.eval_once(expr, steps).map(Reusable::Node))?;
        match made {
            Reusable::Node(node) => Ok(node),
            Reusable::Windows(_) => unreachable!("range vectors are never asked for as nodes"),
        }
    }

    /// The samples behind a range vector. `on_grid`: they are only summed up, or their extremes are wanted.
    pub(crate) fn windows(&mut self, expr: &Expr, steps: Steps, on_grid: bool) -> Result<Windows<'q>, EvalError> {
        let inner = expr.unparenthesised();
        let made = self.shared(inner, steps, |evaluator| {
            let windows = match &inner.kind {
                ExprKind::Matrix(matrix) => {
                    let range_ms = evaluator.positive_duration_ms(&matrix.range)?;
                    let is_shared = evaluator.common.holds(inner) || evaluator.trace.is_some();
                    let windows = evaluator.select_windows(&matrix.selector, range_ms, steps, on_grid && !is_shared)?;
                    if is_shared { windows.load(&evaluator.query)? } else { windows }
                }
                ExprKind::Subquery(subquery) => evaluator.subquery(subquery, inner.span, steps)?,
                _ => unreachable!("the type check lets only range vectors stand here"),
            };
            Ok(Reusable::Windows(windows))
        })?;
        match made {
            Reusable::Windows(windows) => Ok(windows),
            Reusable::Node(_) => unreachable!("a range vector is no node"),
        }
    }

    /// Evaluates a node, or takes what an equal one led to.
    fn shared(
        &mut self,
        expr: &Expr,
        steps: Steps,
        make: impl FnOnce(&mut Evaluator<'q>) -> Result<Reusable<'q>, EvalError>,
    ) -> Result<Reusable<'q>, EvalError> {
        self.query.budget.check()?;
        if let Some(trace) = &mut self.trace {
            trace.enter(self.query.budget);
        }
        let hints = self.hints_by_comparison;
        let reused = self.common.take(expr, steps, hints, &self.query);
        let is_reused = reused.is_some();
        let made = match reused {
            Some(reused) => reused,
            None if self.common.holds(expr) => {
                let before = SeenBefore::now(&self.query);
                // A remark names its place: what led to one is evaluated anew at the next.
                let remarks = std::mem::take(&mut self.annotations);
                let made = make(self);
                let is_quiet = self.annotations.is_empty();
                let new_remarks = std::mem::replace(&mut self.annotations, remarks);
                self.annotations.absorb(new_remarks);
                let made = made?;
                if is_quiet {
                    self.common.keep(expr, (steps, hints), &made, &self.query, &before);
                }
                made
            }
            None => make(self)?,
        };
        if let Some(trace) = &mut self.trace {
            let (n_series, n_points) = match &made {
                Reusable::Windows(windows) => windows.size(),
                Reusable::Node(Node::Vector(vector)) => {
                    (vector.series.len(), vector.series.iter().map(Series::present_count).sum())
                }
                Reusable::Node(Node::Scalar(values)) => (0, values.len()),
                Reusable::Node(Node::String(_)) => (0, 1),
            };
            trace.leave(expr, self.query.budget, (n_series, n_points), is_reused);
        }
        Ok(made)
    }

    fn eval_once(&mut self, expr: &Expr, steps: Steps) -> Result<Node<'q>, EvalError> {
        if steps.count > 1 && !is_literal(expr) && is_invariant(expr) {
            let before = SeenBefore::now(&self.query);
            let once = self.eval_each(expr, Steps { count: 1, ..steps })?;
            if self.query.counts_seen {
                before.repeat(&self.query, steps.count);
            }
            return self.repeat(once, steps.count);
        }
        self.eval_each(expr, steps)
    }

    fn eval_each(&mut self, expr: &Expr, steps: Steps) -> Result<Node<'q>, EvalError> {
        // A column for each node on the way down: what scalars take, which are counted nowhere else.
        let _column = Held::memory(self.query.budget, steps.count * size_of::<f64>())?;
        match &expr.kind {
            ExprKind::Number(number) => Ok(Node::Scalar(vec![number.value; steps.count])),
            ExprKind::String(text) => Ok(Node::String(text.clone())),
            ExprKind::Vector(selector) => {
                self.select_instant(selector, expr.span, steps, Pick::Value).map(Node::Vector)
            }
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => {
                unreachable!("the type check lets range vectors stand only where `windows` reads them")
            }
            ExprKind::Call(function_call) => call(self, expr, function_call, steps),
            ExprKind::Aggregate(node) => aggregate::eval(self, node, steps).map(Node::Vector),
            ExprKind::Binary(node) => binary::eval(self, node, expr.span, steps),
            ExprKind::Unary { negative, operand } => {
                let mut value = self.eval(operand, steps)?;
                if *negative {
                    match &mut value {
                        Node::Scalar(values) => values.iter_mut().for_each(|value| *value = -*value),
                        Node::Vector(vector) => self.negate(vector)?,
                        Node::String(_) => {}
                    }
                }
                Ok(value)
            }
            ExprKind::Paren(inner) => self.eval(inner, steps),
        }
    }

    pub(crate) fn scalar(&mut self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, EvalError> {
        match self.eval(expr, steps)? {
            Node::Scalar(values) => Ok(values),
            _ => unreachable!("the type check lets only scalars stand here"),
        }
    }

    pub(crate) fn vector(&mut self, expr: &Expr, steps: Steps) -> Result<Vector<'q>, EvalError> {
        match self.eval(expr, steps)? {
            Node::Vector(vector) => Ok(vector),
            _ => unreachable!("the type check lets only instant vectors stand here"),
        }
    }

    /// Replaces every sample; the results have no names.
    pub(crate) fn map(&self, vector: &mut Vector<'_>, change: impl Fn(f64) -> f64) -> Result<(), EvalError> {
        for series in &mut vector.series {
            self.query.budget.check()?;
            series.map(&change);
        }
        Ok(())
    }

    fn negate(&self, vector: &mut Vector<'_>) -> Result<(), EvalError> {
        for series in &mut vector.series {
            self.query.budget.check()?;
            let mut histograms = std::mem::take(&mut series.histograms);
            series.map(|value| -value);
            histograms.map(|histogram| histogram.times(-1.0));
            series.histograms = histograms;
        }
        Ok(())
    }

    pub(crate) fn hold(&self, samples: usize) -> Result<Held<'q>, EvalError> {
        Ok(Held::new(self.query.budget, samples)?)
    }

    /// Holds series that were made with label sets of their own.
    pub(crate) fn hold_series(&self, series: &[Series], steps: Steps) -> Result<Held<'q>, EvalError> {
        let mut held = self.hold(series.len() * steps.count)?;
        held.add_memory(series.iter().map(|one| series_bytes(&one.labels)).sum())?;
        Ok(held)
    }

    /// Stretches a value at one step over `count` steps.
    fn repeat(&self, node: Node<'q>, count: usize) -> Result<Node<'q>, EvalError> {
        Ok(match node {
            Node::Scalar(values) => Node::Scalar(vec![values[0]; count]),
            Node::String(text) => Node::String(text),
            Node::Vector(Vector { mut series, .. }) => {
                let held = self.hold(series.len() * count)?;
                for one in &mut series {
                    one.values = vec![one.values[0]; count];
                    one.histograms.repeat(count);
                }
                Node::Vector(Vector { series, held })
            }
        })
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Number(_) | ExprKind::String(_))
}
