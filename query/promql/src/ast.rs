//! The syntax tree. Every node knows where it stands in the text; equality ignores that.

mod operator;
mod pretty;
mod print;
mod syntax_tree;
mod visit;

pub use operator::{AggregateOp, BinaryOp};
pub use pretty::pretty;
pub use syntax_tree::syntax_tree;

use crate::Span;
use crate::functions::Signature;
use smol_str::SmolStr;
use watchfire_model::Matcher;

/// A PromQL expression that passed the type check.
#[derive(Debug, Clone)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Expr) -> bool {
        self.kind == other.kind
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    Number(Number),
    String(Text),
    Vector(VectorSelector),
    Matrix(MatrixSelector),
    Subquery(Subquery),
    Call(Call),
    Aggregate(Aggregate),
    Binary(Binary),
    Unary { negative: bool, operand: Box<Expr> },
    Paren(Box<Expr>),
}

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    Scalar,
    String,
    Vector,
    Matrix,
}

impl ValueType {
    /// The name that Prometheus' documentation and messages use.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
        }
    }
}

/// A number, or a duration used as one (in seconds).
#[derive(Debug, Clone, Copy)]
pub struct Number {
    pub value: f64,
    /// Whether it was written with units, as in `1h30m`.
    pub is_duration: bool,
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.is_duration == other.is_duration
            && (self.value == other.value || (self.value.is_nan() && other.value.is_nan()))
    }
}

/// A string literal. Escapes can make it hold bytes that are no UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub Vec<u8>);

impl Text {
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

/// `name{matchers} @ at offset offset`.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// The name before the braces, where there is one; `matchers` holds it too, first.
    pub name: Option<SmolStr>,
    pub matchers: Vec<Matcher>,
    pub modifiers: Modifiers,
    pub extension: Option<Extension>,
}

/// How a selector or subquery shifts in time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Modifiers {
    pub offset: Option<Duration>,
    pub at: Option<At>,
}

/// `@ …`: the time that takes the place of the evaluation time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// Unix milliseconds.
    Time(i64),
    Start,
    End,
}

/// Experimental selector modifiers that look beyond the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    Anchored,
    Smoothed,
}

/// `selector[range]`; time shifts belong to the selector.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSelector {
    pub selector: VectorSelector,
    pub range: Duration,
}

/// `expr[range:step]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    pub operand: Box<Expr>,
    pub range: Duration,
    /// Where absent, the engine's default step holds.
    pub step: Option<Duration>,
    pub modifiers: Modifiers,
}

/// A length of time within brackets or behind `offset`.
#[derive(Debug, Clone)]
pub struct Duration {
    pub kind: DurationKind,
    pub span: Span,
}

impl PartialEq for Duration {
    fn eq(&self, other: &Duration) -> bool {
        self.kind == other.kind
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum DurationKind {
    Literal(Number),
    /// `step()`: the query's step.
    Step,
    /// `range()`: from the query's start to its end.
    Range,
    MinOf(Box<Duration>, Box<Duration>),
    MaxOf(Box<Duration>, Box<Duration>),
    Unary {
        negative: bool,
        operand: Box<Duration>,
    },
    Binary {
        op: BinaryOp,
        lhs: Box<Duration>,
        rhs: Box<Duration>,
    },
    Paren(Box<Duration>),
}

/// `function(args)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub function: &'static Signature,
    pub args: Vec<Expr>,
}

/// `op by (labels) (param, operand)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    pub op: AggregateOp,
    pub grouping: Grouping,
    pub param: Option<Box<Expr>>,
    pub operand: Box<Expr>,
}

/// Which labels make a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    By(Vec<SmolStr>),
    Without(Vec<SmolStr>),
}

/// `lhs op rhs` with everything that may stand behind the operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    pub op: BinaryOp,
    pub lhs: Box<Expr>,
    pub rhs: Box<Expr>,
    /// `bool`: comparisons answer 0 or 1 instead of filtering.
    pub returns_bool: bool,
    /// How the series of two vectors find each other.
    pub matching: Matching,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matching {
    pub on: MatchLabels,
    pub group: Option<Group>,
    pub fill: Fill,
}

/// The labels that have to agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchLabels {
    On(Vec<SmolStr>),
    /// All but these (and the metric's name).
    Ignoring(Vec<SmolStr>),
}

impl Default for MatchLabels {
    fn default() -> MatchLabels {
        MatchLabels::Ignoring(Vec::new())
    }
}

/// `group_left(labels)` or `group_right(labels)`: many series of one side may match one of the other, whose `labels`
/// the result takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub many: Side,
    pub include: Vec<SmolStr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// `fill(…)`, `fill_left(…)`, `fill_right(…)`: what stands in for a series without a partner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fill {
    pub left: Option<Number>,
    pub right: Option<Number>,
}

impl Expr {
    /// What the expression yields.
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::String(_) => ValueType::String,
            ExprKind::Vector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Call(call) => call.function.returns,
            ExprKind::Binary(binary) => match (binary.lhs.value_type(), binary.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            ExprKind::Unary { operand, .. } => operand.value_type(),
            ExprKind::Paren(inner) => inner.value_type(),
        }
    }

    /// The expression inside any parentheses.
    pub fn unparenthesised(&self) -> &Expr {
        let mut expr = self;
        while let ExprKind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }
}
