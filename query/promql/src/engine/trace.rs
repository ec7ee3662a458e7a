//! What each node of a query returned and cost, for `explain`.

use super::meter::Meter;
use crate::Expr;
use crate::ast::ExprKind;
use serde::Serialize;
use std::time::{Duration, Instant};

/// One node of an explained query. Where it was not evaluated (the other places of a sub-expression that is answered
/// once have no children), it is missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// As it is printed, at most [`Explained::TEXT_LEN_MAX`] bytes.
    pub text: String,
    pub kind: &'static str,
    /// Bytes of the query's text.
    pub start: usize,
    pub end: usize,
    /// How many series it returned.
    pub series: u64,
    /// How many numbers and native histograms these have at all steps together; of a range vector, its samples.
    pub points: u64,
    /// Samples that it read from the store.
    pub samples_read: u64,
    /// What it took by itself, without its children, on one thread.
    pub seconds: f64,
    /// Whether it took what an equal expression had led to.
    pub reused: bool,
    pub children: Vec<Explained>,
}

impl Explained {
    pub const TEXT_LEN_MAX: usize = 1024;
}

/// Nodes that an explained query may list; what goes on below is counted as their own.
const NODES_MAX: usize = 2048;

/// Collects the nodes as they are entered and left.
#[derive(Debug, Default)]
pub(super) struct Trace {
    open: Vec<Open>,
    root: Option<Explained>,
    n_nodes: usize,
}

/// A node that is being evaluated.
#[derive(Debug)]
struct Open {
    began: Instant,
    stored_before: u64,
    /// What its children took, and read.
    below: Duration,
    stored_below: u64,
    children: Vec<Explained>,
}

impl Trace {
    pub(super) fn enter(&mut self, meter: &Meter<'_>) {
        let (began, stored_before) = (Instant::now(), meter.stored());
        self.open.push(Open { began, stored_before, below: Duration::ZERO, stored_below: 0, children: Vec::new() });
    }

    pub(super) fn leave(&mut self, node: &Expr, meter: &Meter<'_>, (series, points): (usize, usize), reused: bool) {
        let Some(open) = self.open.pop() else { return };
        let took = open.began.elapsed();
        let stored = meter.stored() - open.stored_before;
        self.n_nodes += 1;
        let mut text = node.to_string();
        if text.len() > Explained::TEXT_LEN_MAX {
            text.truncate(text.floor_char_boundary(Explained::TEXT_LEN_MAX));
        }
        let explained = Explained {
            text,
            kind: kind(node),
            start: node.span.start as usize,
            end: node.span.end as usize,
            series: series as u64,
            points: points as u64,
            samples_read: stored.saturating_sub(open.stored_below),
            seconds: took.saturating_sub(open.below).as_secs_f64(),
            reused,
            children: open.children,
        };
        match self.open.last_mut() {
            Some(parent) => {
                parent.below += took;
                parent.stored_below += stored;
                if self.n_nodes <= NODES_MAX {
                    parent.children.push(explained);
                }
            }
            None => self.root = Some(explained),
        }
    }

    /// The whole tree, once its root was left.
    pub(super) fn finish(self) -> Option<Explained> {
        self.root
    }
}

fn kind(node: &Expr) -> &'static str {
    match &node.kind {
        ExprKind::Number(_) => "number",
        ExprKind::String(_) => "string",
        ExprKind::Vector(_) => "selector",
        ExprKind::Matrix(_) => "matrix selector",
        ExprKind::Subquery(_) => "subquery",
        ExprKind::Call(_) => "call",
        ExprKind::Aggregate(_) => "aggregation",
        ExprKind::Binary(_) => "binary",
        ExprKind::Unary { .. } => "unary",
        ExprKind::Paren(_) => "paren",
    }
}
