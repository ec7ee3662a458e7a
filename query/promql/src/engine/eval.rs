//! One evaluation: what the whole query knows, and the walk over its tree.

use super::invariant::is_invariant;
use super::select::{Pick, Windows};
use super::series::{Series, Vector, series_bytes};
use super::steps::{Held, Steps};
use crate::ast::{ExprKind, Text};
use crate::functions::call;
use crate::{Annotations, EvalError, Expr, Span, aggregate, binary};
use watchfire_model::{QueryBudget, SeriesSource};

/// What holds for every node of a query.
#[derive(Clone, Copy)]
pub(crate) struct Query<'q> {
    pub(crate) source: &'q dyn SeriesSource,
    pub(crate) budget: &'q QueryBudget,
    /// Unix milliseconds: what `start()` and `end()` mean, within subqueries too.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// What `step()` means; 0 for an instant query.
    pub(crate) step_ms: i64,
    pub(crate) lookback_ms: i64,
    /// At least 1.
    pub(crate) subquery_step_ms: i64,
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
}

impl<'q> Evaluator<'q> {
    pub(crate) fn eval(&mut self, expr: &Expr, steps: Steps) -> Result<Node<'q>, EvalError> {
        self.query.budget.check()?;
        if steps.count > 1 && !is_literal(expr) && is_invariant(expr) {
            let once = self.eval_each(expr, Steps { count: 1, ..steps })?;
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

    /// The samples behind a range vector.
    pub(crate) fn windows(&mut self, expr: &Expr, steps: Steps) -> Result<Windows<'q>, EvalError> {
        let inner = expr.unparenthesised();
        match &inner.kind {
            ExprKind::Matrix(matrix) => {
                let range_ms = self.positive_duration_ms(&matrix.range)?;
                self.select_windows(&matrix.selector, range_ms, steps)
            }
            ExprKind::Subquery(subquery) => self.subquery(subquery, inner.span, steps),
            _ => unreachable!("the type check lets only range vectors stand here"),
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

    pub(crate) fn warn(&mut self, message: &str, span: Span) {
        annotate(&mut self.annotations.warnings, "warning", message, span);
    }

    pub(crate) fn inform(&mut self, message: &str, span: Span) {
        annotate(&mut self.annotations.infos, "info", message, span);
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

fn annotate(into: &mut Vec<String>, kind: &str, message: &str, span: Span) {
    let text = format!("PromQL {kind}: {message} ({}:{})", span.line, span.column);
    if !into.contains(&text) && into.len() < ANNOTATIONS_MAX {
        into.push(text);
    }
}

/// Remarks of one kind that a query may collect; Prometheus' API shows ten.
const ANNOTATIONS_MAX: usize = 100;
