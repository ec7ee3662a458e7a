//! Arithmetic on fields.

use smol_str::SmolStr;

/// What `math` computes. At most [`crate::MATH_NODES_MAX`] parts.
#[derive(Debug, Clone, PartialEq)]
pub enum MathExpr {
    /// Finite.
    Number(f64),
    Field(SmolStr),
    /// Of anything but a number.
    Negative(Box<MathExpr>),
    Binary {
        operator: MathOperator,
        left: Box<MathExpr>,
        right: Box<MathExpr>,
    },
    Call {
        function: MathFunction,
        arguments: Vec<MathExpr>,
    },
}

/// Tightest first: `^` (from the right), then `* / %`, then `+ -`. A sign binds looser than `^`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MathOperator {
    Power,
    Times,
    Divided,
    Remainder,
    Plus,
    Minus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MathFunction {
    /// Of one or more.
    Min,
    Max,
    Abs,
    Round,
    Floor,
    Ceil,
}

impl MathOperator {
    pub(crate) const ALL: [MathOperator; 6] = [
        MathOperator::Power,
        MathOperator::Times,
        MathOperator::Divided,
        MathOperator::Remainder,
        MathOperator::Plus,
        MathOperator::Minus,
    ];

    pub(crate) fn sign(self) -> char {
        match self {
            MathOperator::Power => '^',
            MathOperator::Times => '*',
            MathOperator::Divided => '/',
            MathOperator::Remainder => '%',
            MathOperator::Plus => '+',
            MathOperator::Minus => '-',
        }
    }

    /// Larger binds tighter.
    pub(crate) fn strength(self) -> u8 {
        match self {
            MathOperator::Plus | MathOperator::Minus => 1,
            MathOperator::Times | MathOperator::Divided | MathOperator::Remainder => 2,
            MathOperator::Power => 4,
        }
    }
}

impl MathFunction {
    pub(crate) const ALL: [MathFunction; 6] = [
        MathFunction::Min,
        MathFunction::Max,
        MathFunction::Abs,
        MathFunction::Round,
        MathFunction::Floor,
        MathFunction::Ceil,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            MathFunction::Min => "min",
            MathFunction::Max => "max",
            MathFunction::Abs => "abs",
            MathFunction::Round => "round",
            MathFunction::Floor => "floor",
            MathFunction::Ceil => "ceil",
        }
    }

    /// Whether it takes exactly one argument.
    pub(crate) fn is_of_one(self) -> bool {
        !matches!(self, MathFunction::Min | MathFunction::Max)
    }
}
