//! Sub-expressions that occur more than once: each is evaluated at its first place, the others take what it led to.

use super::eval::{Node, Query};
use super::range::Windows;
use super::series::Vector;
use super::steps::Steps;
use crate::Expr;
use crate::ast::{ExprKind, Subquery, ValueType};
use std::collections::HashMap;

/// Places that are compared with each other; further ones of a query are evaluated where they stand.
const PLACES_MAX: usize = 256;

/// What a query keeps for later places.
#[derive(Default)]
pub(super) struct Common<'q> {
    /// Which of `shared` a node of the tree is, by the node's address.
    index_by_node: HashMap<*const Expr, usize>,
    shared: Vec<Shared<'q>>,
}

#[derive(Default)]
struct Shared<'q> {
    /// Places that are still to come.
    left: usize,
    kept: Option<Kept<'q>>,
}

/// What a place led to, and under which circumstances.
struct Kept<'q> {
    steps: Steps,
    hints_by_comparison: bool,
    result: Reusable<'q>,
    /// Samples that steps looked at, altogether and by step.
    seen: u64,
    seen_by_step: Vec<u64>,
}

/// What may be used again.
pub(super) enum Reusable<'q> {
    Node(Node<'q>),
    Windows(Windows<'q>),
}

/// How much steps had looked at before a place was evaluated.
pub(super) struct SeenBefore {
    total: u64,
    by_step: Vec<u64>,
}

impl<'q> Common<'q> {
    /// Finds equal nodes that are evaluated at the same times.
    pub(super) fn new(root: &Expr) -> Common<'q> {
        let mut search = Search { places: Vec::new(), common: Common::default() };
        search.visit(root, None);
        search.common.index_by_node.retain(|_, index| search.common.shared[*index].left > 1);
        search.common
    }

    /// Whether a node occurs again somewhere.
    pub(super) fn holds(&self, node: &Expr) -> bool {
        self.index_by_node.contains_key(&std::ptr::from_ref(node))
    }

    /// What an equal node led to.
    pub(super) fn take(
        &mut self,
        node: &Expr,
        steps: Steps,
        hints_by_comparison: bool,
        query: &Query<'q>,
    ) -> Option<Reusable<'q>> {
        let shared = &mut self.shared[*self.index_by_node.get(&std::ptr::from_ref(node))?];
        shared.left = shared.left.saturating_sub(1);
        let kept = shared.kept.as_ref()?;
        if kept.steps != steps || kept.hints_by_comparison != hints_by_comparison {
            return None;
        }
        if query.counts_seen {
            query.budget.note_seen(kept.seen);
            kept.seen_by_step.iter().enumerate().for_each(|(step, seen)| query.budget.note_seen_at(step, *seen));
        }
        if shared.left == 0 {
            return shared.kept.take().map(|kept| kept.result);
        }
        copy(&kept.result)
    }

    /// Keeps a copy for the places that are still to come, where memory allows.
    pub(super) fn keep(
        &mut self,
        node: &Expr,
        (steps, hints_by_comparison): (Steps, bool),
        result: &Reusable<'q>,
        query: &Query<'q>,
        before: &SeenBefore,
    ) {
        let Some(shared) = self.index_by_node.get(&std::ptr::from_ref(node)).map(|index| &mut self.shared[*index])
        else {
            return;
        };
        if shared.left == 0 {
            return;
        }
        let SeenBefore { total: seen, by_step: seen_by_step } = before.until_now(query);
        shared.kept = copy(result).map(|result| Kept { steps, hints_by_comparison, result, seen, seen_by_step });
    }
}

impl SeenBefore {
    pub(super) fn now(query: &Query<'_>) -> SeenBefore {
        SeenBefore { total: query.budget.seen(), by_step: query.budget.seen_by_step() }
    }

    /// What was looked at since.
    pub(super) fn until_now(&self, query: &Query<'_>) -> SeenBefore {
        let now = SeenBefore::now(query);
        let by_step = now.by_step.iter().zip(&self.by_step).map(|(now, before)| now - before).collect();
        SeenBefore { total: now.total - self.total, by_step }
    }

    /// Counts what one step looked at for all the others too.
    pub(super) fn repeat(&self, query: &Query<'_>, n_steps: usize) {
        let once = self.until_now(query).total;
        query.budget.note_seen(once * (n_steps as u64 - 1));
        (1..n_steps).for_each(|step| query.budget.note_seen_at(step, once));
    }
}

/// A copy that is counted in the budget; `None` where that has no room for it.
fn copy<'q>(result: &Reusable<'q>) -> Option<Reusable<'q>> {
    Some(match result {
        Reusable::Windows(windows) => Reusable::Windows(windows.clone()),
        Reusable::Node(Node::Scalar(values)) => Reusable::Node(Node::Scalar(values.clone())),
        Reusable::Node(Node::String(text)) => Reusable::Node(Node::String(text.clone())),
        Reusable::Node(Node::Vector(vector)) => {
            let held = vector.held.doubled().ok()?;
            Reusable::Node(Node::Vector(Vector { series: vector.series.clone(), held }))
        }
    })
}

/// The walk that finds equal nodes.
struct Search<'e, 'q> {
    /// Each different node with the subquery around it.
    places: Vec<(&'e Expr, Option<&'e Expr>)>,
    common: Common<'q>,
}

impl<'e> Search<'e, '_> {
    /// `around`: the innermost subquery, which says at which times the node is evaluated.
    fn visit(&mut self, node: &'e Expr, around: Option<&'e Expr>) {
        if is_worth_it(node) {
            let known = self
                .places
                .iter()
                .position(|(other, other_around)| *other == node && same_times(*other_around, around));
            if let Some(index) = known {
                self.common.shared[index].left += 1;
                self.common.index_by_node.insert(std::ptr::from_ref(node), index);
                // What is below is not evaluated again.
                return;
            }
            if self.places.len() < PLACES_MAX {
                self.common.index_by_node.insert(std::ptr::from_ref(node), self.places.len());
                self.common.shared.push(Shared { left: 1, kept: None });
                self.places.push((node, around));
            }
        }
        match &node.kind {
            ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Vector(_) | ExprKind::Matrix(_) => {}
            ExprKind::Subquery(subquery) => self.visit(&subquery.operand, Some(node)),
            // These look at the selector itself, not at its value; the second argument of `info` is never evaluated.
            ExprKind::Call(call) if matches!(call.function.name, "timestamp" | "start_timestamp") => {}
            ExprKind::Call(call) if call.function.name == "info" => self.visit(&call.args[0], around),
            ExprKind::Call(call) => call.args.iter().for_each(|arg| self.visit(arg, around)),
            ExprKind::Aggregate(aggregate) => {
                if let Some(param) = &aggregate.param {
                    self.visit(param, around);
                }
                self.visit(&aggregate.operand, around);
            }
            ExprKind::Binary(binary) => {
                self.visit(&binary.lhs, around);
                self.visit(&binary.rhs, around);
            }
            ExprKind::Unary { operand, .. } => self.visit(operand, around),
            ExprKind::Paren(inner) => self.visit(inner, around),
        }
    }
}

/// Two subqueries ask for their operands at the same times if they and all around them agree; those further out differ
/// only where these do, so that looking at the innermost is enough: a kept result also knows its steps.
fn same_times(a: Option<&Expr>, b: Option<&Expr>) -> bool {
    let frame = |expr: Option<&Expr>| match expr.map(|expr| &expr.kind) {
        Some(ExprKind::Subquery(Subquery { range, step, modifiers, .. })) => {
            Some((range.clone(), step.clone(), modifiers.clone()))
        }
        _ => None,
    };
    frame(a) == frame(b)
}

fn is_worth_it(node: &Expr) -> bool {
    match &node.kind {
        ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Paren(_) => false,
        ExprKind::Call(call) if call.function.name == "scalar" => true,
        _ => node.value_type() != ValueType::Scalar,
    }
}
