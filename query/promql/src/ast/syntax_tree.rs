//! The tree as JSON, in the shape of Prometheus' `/api/v1/parse_query` (`web/api/v1/translate_ast.go`).

use super::{
    Aggregate, At, Binary, Duration, DurationKind, Expr, ExprKind, Extension, Fill, Grouping, MatchLabels, Modifiers,
    Number, Side, ValueType, VectorSelector,
};
use crate::functions::{Repeats, Signature};
use serde_json::{Value, json};
use smol_str::SmolStr;
use watchfire_model::{MatchOp, Matcher};

/// The tree under `expr`. Durations are milliseconds; those that are computed when the query runs are 0, as upstream's.
pub fn syntax_tree(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Number(number) => json!({"type": "numberLiteral", "val": crate::value::format_number(number.value)}),
        ExprKind::String(text) => json!({"type": "stringLiteral", "val": String::from_utf8_lossy(&text.0)}),
        ExprKind::Vector(selector) => {
            let mut tree = selector_fields(selector);
            tree["type"] = "vectorSelector".into();
            tree
        }
        ExprKind::Matrix(matrix) => {
            let mut tree = selector_fields(&matrix.selector);
            tree["type"] = "matrixSelector".into();
            tree["range"] = ms(Some(&matrix.range)).into();
            tree
        }
        ExprKind::Subquery(subquery) => json!({
            "type": "subquery",
            "expr": syntax_tree(&subquery.operand),
            "range": ms(Some(&subquery.range)),
            "offset": ms(subquery.modifiers.offset.as_ref()),
            "step": ms(subquery.step.as_ref()),
            "timestamp": timestamp(&subquery.modifiers),
            "startOrEnd": start_or_end(&subquery.modifiers),
        }),
        ExprKind::Call(call) => json!({
            "type": "call",
            "func": function(call.function),
            "args": call.args.iter().map(syntax_tree).collect::<Vec<_>>(),
        }),
        ExprKind::Aggregate(aggregate) => aggregation(aggregate),
        ExprKind::Binary(binary) => json!({
            "type": "binaryExpr",
            "op": binary.op.as_str(),
            "lhs": syntax_tree(&binary.lhs),
            "rhs": syntax_tree(&binary.rhs),
            "matching": matching(binary),
            "bool": binary.returns_bool,
        }),
        ExprKind::Unary { negative, operand } => {
            json!({"type": "unaryExpr", "op": if *negative { "-" } else { "+" }, "expr": syntax_tree(operand)})
        }
        ExprKind::Paren(inner) => json!({"type": "parenExpr", "expr": syntax_tree(inner)}),
    }
}

fn aggregation(aggregate: &Aggregate) -> Value {
    let (without, grouping) = match &aggregate.grouping {
        Grouping::By(labels) => (false, labels),
        Grouping::Without(labels) => (true, labels),
    };
    json!({
        "type": "aggregation",
        "op": aggregate.op.as_str(),
        "expr": syntax_tree(&aggregate.operand),
        "param": aggregate.param.as_deref().map(syntax_tree),
        "grouping": names(grouping),
        "without": without,
    })
}

/// How two vectors match; nothing where a side is a scalar.
fn matching(binary: &Binary) -> Option<Value> {
    if binary.lhs.value_type() == ValueType::Scalar || binary.rhs.value_type() == ValueType::Scalar {
        return None;
    }
    let (is_on, labels) = match &binary.matching.on {
        MatchLabels::On(labels) => (true, labels),
        MatchLabels::Ignoring(labels) => (false, labels),
    };
    let card = match &binary.matching.group {
        _ if binary.op.is_set() => "many-to-many",
        None => "one-to-one",
        Some(group) if group.many == Side::Left => "many-to-one",
        Some(_) => "one-to-many",
    };
    let include = binary.matching.group.as_ref().map_or(&[][..], |group| &group.include);
    let Fill { left, right } = binary.matching.fill;
    let number = |number: Option<Number>| number.map(|number| number.value);
    Some(json!({
        "card": card,
        "labels": names(labels),
        "on": is_on,
        "include": names(include),
        "fillValues": {"lhs": number(left), "rhs": number(right)},
    }))
}

fn function(signature: &Signature) -> Value {
    let variadic = match signature.repeats {
        Repeats::Once => 0,
        Repeats::UpTo(count) => i64::try_from(count).unwrap_or(i64::MAX),
        Repeats::AnyNumber => -1,
    };
    json!({
        "name": signature.name,
        "argTypes": signature.args.iter().copied().map(type_name).collect::<Vec<_>>(),
        "variadic": variadic,
        "returnType": type_name(signature.returns),
    })
}

fn type_name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Scalar => "scalar",
        ValueType::String => "string",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
    }
}

fn selector_fields(selector: &VectorSelector) -> Value {
    let matcher = |matcher: &Matcher| {
        json!({"name": matcher.name().as_str(), "value": matcher.value().as_str(), "type": match matcher.op() {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }})
    };
    // Upstream puts the matcher of the name before the braces last.
    let (of_name, others) = selector.matchers.split_at(usize::from(selector.name.is_some()));
    json!({
        "name": selector.name.as_deref().unwrap_or_default(),
        "offset": ms(selector.modifiers.offset.as_ref()),
        "matchers": others.iter().chain(of_name).map(matcher).collect::<Vec<_>>(),
        "timestamp": timestamp(&selector.modifiers),
        "startOrEnd": start_or_end(&selector.modifiers),
        "anchored": selector.extension == Some(Extension::Anchored),
        "smoothed": selector.extension == Some(Extension::Smoothed),
    })
}

fn names(labels: &[SmolStr]) -> Vec<&str> {
    labels.iter().map(SmolStr::as_str).collect()
}

fn timestamp(modifiers: &Modifiers) -> Option<i64> {
    match modifiers.at {
        Some(At::Time(time)) => Some(time),
        _ => None,
    }
}

fn start_or_end(modifiers: &Modifiers) -> Option<&'static str> {
    match modifiers.at {
        Some(At::Start) => Some("start"),
        Some(At::End) => Some("end"),
        _ => None,
    }
}

/// Milliseconds of a duration that is written out.
fn ms(duration: Option<&Duration>) -> i64 {
    match duration.map(|duration| &duration.kind) {
        Some(DurationKind::Literal(number)) => (number.value * 1000.0).round() as i64,
        Some(DurationKind::Unary { negative, operand }) => {
            let operand = ms(Some(operand));
            if *negative { -operand } else { operand }
        }
        Some(DurationKind::Paren(inner)) => ms(Some(inner)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[track_caller]
    fn check(text: &str, want: &Value) {
        assert_eq!(&syntax_tree(&parse(text).unwrap()), want, "{text}");
    }

    #[test]
    fn trees_have_the_shape_of_upstream() {
        let name = |name: &str| json!({"name": "__name__", "value": name, "type": "="});
        let selector = |text: &str| {
            json!({"type": "vectorSelector", "name": text, "offset": 0, "matchers": [name(text)], "timestamp": null,
                "startOrEnd": null, "anchored": false, "smoothed": false})
        };
        check("-1.50", &json!({"type": "numberLiteral", "val": "-1.5"}));
        check("'a'", &json!({"type": "stringLiteral", "val": "a"}));
        check(
            r#"a{b!~"c"} @ 1.5 offset -5m"#,
            &json!({"type": "vectorSelector", "name": "a", "offset": -300_000,
                "matchers": [{"name": "b", "value": "c", "type": "!~"}, name("a")], "timestamp": 1500,
                "startOrEnd": null, "anchored": false, "smoothed": false}),
        );
        check(
            "rate(a[1m])",
            &json!({"type": "call", "func": {"name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"},
                "args": [{"type": "matrixSelector", "name": "a", "range": 60_000, "offset": 0, "matchers": [name("a")],
                    "timestamp": null, "startOrEnd": null, "anchored": false, "smoothed": false}]}),
        );
        check(
            "topk without (x) (2, a)",
            &json!({"type": "aggregation", "op": "topk", "expr": selector("a"),
                "param": {"type": "numberLiteral", "val": "2"}, "grouping": ["x"], "without": true}),
        );
        check(
            "a * on (x) group_left (y) -(b)",
            &json!({"type": "binaryExpr", "op": "*", "lhs": selector("a"),
                "rhs": {"type": "unaryExpr", "op": "-", "expr": {"type": "parenExpr", "expr": selector("b")}},
                "matching": {"card": "many-to-one", "labels": ["x"], "on": true, "include": ["y"],
                    "fillValues": {"lhs": null, "rhs": null}},
                "bool": false}),
        );
        check(
            "a > bool 1",
            &json!({"type": "binaryExpr", "op": ">", "lhs": selector("a"), "rhs": {"type": "numberLiteral", "val": "1"},
                "matching": null, "bool": true}),
        );
        check(
            "a[1h:] @ end()",
            &json!({"type": "subquery", "expr": selector("a"), "range": 3_600_000, "offset": 0, "step": 0,
                "timestamp": null, "startOrEnd": "end"}),
        );
    }
}
