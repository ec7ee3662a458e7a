//! Type checks, with Prometheus' messages (`promql/parser/parse.go`, `checkAST`).

use crate::ast::{Aggregate, Binary, Call, Expr, ExprKind, Fill, MatchLabels, ValueType, VectorSelector};
use crate::functions::Repeats;
use crate::{ParseError, Span};
use watchfire_model::METRIC_NAME;

fn refuse(message: impl Into<String>, span: Span) -> Result<(), ParseError> {
    Err(ParseError { message: message.into(), span })
}

fn expect_type(expr: &Expr, want: ValueType, context: &str) -> Result<(), ParseError> {
    let got = expr.value_type();
    if got == want {
        return Ok(());
    }
    refuse(format!("expected type {} in {context}, got {}", want.as_str(), got.as_str()), expr.span)
}

pub(super) fn aggregate(aggregate: &Aggregate) -> Result<(), ParseError> {
    expect_type(&aggregate.operand, ValueType::Vector, "aggregation expression")?;
    match (&aggregate.param, aggregate.op.param_type()) {
        (Some(param), Some(want)) => expect_type(param, want, "aggregation parameter"),
        _ => Ok(()),
    }
}

pub(super) fn binary(binary: &Binary, span: Span, op_span: Span) -> Result<(), ParseError> {
    let Binary { op, lhs, rhs, returns_bool, matching } = binary;
    let (left, right) = (lhs.value_type(), rhs.value_type());
    if *returns_bool && !op.is_comparison() {
        return refuse("bool modifier can only be used on comparison operators", op_span);
    }
    if op.is_comparison() && !returns_bool && left == ValueType::Scalar && right == ValueType::Scalar {
        return refuse("comparisons between scalars must use BOOL modifier", op_span);
    }
    if let (MatchLabels::On(labels), Some(group)) = (&matching.on, &matching.group)
        && let Some(label) = labels.iter().find(|label| group.include.contains(label))
    {
        return refuse(format!("label {label:?} must not occur in ON and GROUP clause at once"), op_span);
    }
    for (operand, value_type) in [(lhs, left), (rhs, right)] {
        if !matches!(value_type, ValueType::Scalar | ValueType::Vector) {
            return refuse("binary expression must contain only scalar and instant vector types", operand.span);
        }
    }
    let fills = matching.fill != Fill::default();
    if left == ValueType::Scalar || right == ValueType::Scalar {
        if op.is_set() {
            let message = format!("set operator {:?} not allowed in binary scalar expression", op.as_str());
            return refuse(message, span);
        }
        let (MatchLabels::On(labels) | MatchLabels::Ignoring(labels)) = &matching.on;
        if !labels.is_empty() {
            return refuse("vector matching only allowed between instant vectors", span);
        }
        if fills {
            return refuse("filling in missing series only allowed between instant vectors", span);
        }
    } else if op.is_set() {
        if matching.group.is_some() {
            return refuse(format!("no grouping allowed for {:?} operation", op.as_str()), span);
        }
        if fills {
            return refuse("filling in missing series not allowed for set operators", span);
        }
    }
    Ok(())
}

pub(super) fn call(call: &Call, span: Span) -> Result<(), ParseError> {
    let Call { function, args } = call;
    let (name, count) = (function.name, args.len());
    let count_min = function.args.len() - usize::from(function.repeats != Repeats::Once);
    match function.repeats {
        Repeats::Once if count != count_min => {
            return refuse(format!("expected {count_min} argument(s) in call to {name:?}, got {count}"), span);
        }
        Repeats::UpTo(_) | Repeats::AnyNumber if count < count_min => {
            let message = format!("expected at least {count_min} argument(s) in call to {name:?}, got {count}");
            return refuse(message, span);
        }
        Repeats::UpTo(repeats) if count > count_min + repeats => {
            let count_max = count_min + repeats;
            return refuse(format!("expected at most {count_max} argument(s) in call to {name:?}, got {count}"), span);
        }
        _ => {}
    }
    if name == "info" && count == 2 {
        match &args[1].kind {
            ExprKind::Vector(selector) if selector.name.is_none() => {}
            ExprKind::Vector(_) => {
                return refuse("expected label selectors only, got vector selector instead", args[1].span);
            }
            _ => return refuse("expected label selectors only", args[1].span),
        }
    }
    for (index, arg) in args.iter().enumerate() {
        let want = function.args[index.min(function.args.len() - 1)];
        expect_type(arg, want, &format!("call to function {name:?}"))?;
    }
    Ok(())
}

pub(super) fn sign(operand: &Expr, span: Span) -> Result<(), ParseError> {
    match operand.value_type() {
        ValueType::Scalar | ValueType::Vector => Ok(()),
        other => {
            let message = "unary expression only allowed on expressions of type scalar or instant vector, got";
            refuse(format!("{message} {:?}", other.as_str()), span)
        }
    }
}

pub(super) fn subquery(operand: &Expr, span: Span) -> Result<(), ParseError> {
    match operand.value_type() {
        ValueType::Vector => Ok(()),
        // Prometheus prints the short name of the type here.
        other => {
            let name = if other == ValueType::Matrix { "matrix" } else { other.as_str() };
            refuse(format!("subquery is only allowed on instant vector, got {name} instead"), span)
        }
    }
}

/// Checks every selector of the finished tree: the second argument of `info` may match everything, others may not.
pub(super) fn selectors(root: &Expr) -> Result<(), ParseError> {
    let mut exempt = Vec::new();
    let mut first_error = Ok(());
    root.walk(&mut |expr| match &expr.kind {
        ExprKind::Call(call) if call.function.name == "info" => exempt.extend(call.args.get(1).map(std::ptr::from_ref)),
        ExprKind::Vector(selector) if first_error.is_ok() => {
            first_error = check_selector(selector, exempt.contains(&std::ptr::from_ref(expr)), expr.span);
        }
        ExprKind::Matrix(matrix) if first_error.is_ok() => {
            first_error = check_selector(&matrix.selector, false, expr.span);
        }
        _ => {}
    });
    first_error
}

fn check_selector(selector: &VectorSelector, may_match_all: bool, span: Span) -> Result<(), ParseError> {
    if let Some(name) = &selector.name {
        // The first matcher is that of the name itself.
        let second = selector.matchers.iter().skip(1).find(|matcher| matcher.name() == METRIC_NAME);
        return match second {
            Some(matcher) => {
                refuse(format!("metric name must not be set twice: {name:?} or {:?}", matcher.value().as_str()), span)
            }
            None => Ok(()),
        };
    }
    if may_match_all || selector.matchers.iter().any(|matcher| !matcher.matches_empty()) {
        return Ok(());
    }
    refuse("vector selector must contain at least one non-empty matcher", span)
}
