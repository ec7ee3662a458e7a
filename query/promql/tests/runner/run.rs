//! Executes scripts. An instant evaluation is also run with `@` forced on its selectors, at other times, and each of
//! those again as the middle of a range query: the results have to be the same.

use super::compare;
use super::script::{Command, Eval, Script, Want, When};
use super::source::MemorySource;
use watchfire_model::{QueryBudget, Timestamp};
use watchfire_promql::{At, Engine, EvalError, Expr, ExprKind, QueryOutput, Value, VectorSample, parse};

/// Samples that one evaluation may hold.
const SAMPLES_MAX: u64 = 2_000_000;

/// Functions whose result varies with the evaluation time even where their arguments do not.
const AT_UNSAFE: [&str; 11] = [
    "time",
    "timestamp",
    "predict_linear",
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
];

/// Functions of the query's own range.
const QUERY_CONTEXT: [&str; 4] = ["range", "step", "start", "end"];

/// Runs every command; returns how many evaluations there were and what went wrong with which.
pub(crate) fn run(script: &Script) -> (usize, Vec<String>) {
    let mut source = MemorySource::default();
    let mut count = 0;
    let mut failures = Vec::new();
    for (line, command) in &script.commands {
        match command {
            Command::Clear => source = MemorySource::default(),
            Command::Load { step_ms, series, with_nhcb } => {
                for loaded in series {
                    source.load_line(*step_ms, loaded);
                }
                if *with_nhcb {
                    source.load_native_forms(*step_ms, series);
                }
            }
            Command::Eval(eval) => {
                count += 1;
                let outcome = check(&source, eval);
                if let Err(reason) = outcome {
                    failures.push(format!("line {line}: {}: {reason}", eval.expr));
                }
            }
        }
    }
    (count, failures)
}

fn check(source: &MemorySource, eval: &Eval) -> Result<(), String> {
    let expr = parse(&eval.expr).map_err(|error| error.to_string());
    match eval.when {
        When::Range { start, end, step } => {
            let output = range(source, &expr?, start, end, step);
            let Some(output) = check_failure(eval, output)? else { return Ok(()) };
            check_annotations(eval, &output)?;
            match (&output.value, &eval.result) {
                (Value::Matrix(got), Want::Series(want)) => compare::matrix(got, want, start, step),
                (got, want) => Err(format!("{got:?} instead of {want:?}")),
            }
        }
        When::Instant(time) => {
            check_instant(source, eval, &expr.clone()?, time)?;
            if matches!(eval.result, Want::String(_)) {
                return Ok(());
            }
            let mut pinned = expr?;
            if pin(&mut pinned, time) {
                return Ok(());
            }
            let others = if time == 0 { vec![-1000, 0, 1000] } else { vec![-10 * time, 0, time / 5, time, 10 * time] };
            for other in others {
                check_instant(source, eval, &pinned, other)
                    .map_err(|reason| format!("{pinned} at {other} ms: {reason}"))?;
            }
            Ok(())
        }
    }
}

fn instant(source: &MemorySource, expr: &Expr, time: i64) -> Result<QueryOutput, EvalError> {
    Engine::default().instant(source, expr, Timestamp(time), &QueryBudget::new(SAMPLES_MAX))
}

fn range(source: &MemorySource, expr: &Expr, start: i64, end: i64, step: i64) -> Result<QueryOutput, EvalError> {
    Engine::default().range(source, expr, Timestamp(start), Timestamp(end), step, &QueryBudget::new(SAMPLES_MAX))
}

/// One evaluation at one time, and the same as the middle of a range query.
fn check_instant(source: &MemorySource, eval: &Eval, expr: &Expr, time: i64) -> Result<(), String> {
    let Some(output) = check_failure(eval, instant(source, expr, time))? else { return Ok(()) };
    check_annotations(eval, &output)?;
    match (&output.value, &eval.result) {
        (Value::Scalar { value, .. }, Want::Scalar(want)) if compare::almost_equal(*value, *want) => {}
        (Value::String { value, .. }, Want::String(want)) if value == want => return Ok(()),
        (Value::Vector(got), Want::Series(want)) => compare::vector(got, want, eval.is_ordered)?,
        (Value::Matrix(got), Want::RangeVector { start, step, series }) => {
            return compare::matrix(got, series, *start, *step);
        }
        (got, want) => return Err(format!("{got:?} instead of {want:?}")),
    }
    if calls_any(expr, &QUERY_CONTEXT) {
        return Ok(());
    }
    let output =
        range(source, expr, time - 60_000, time + 60_000, 60_000).map_err(|error| format!("as a range: {error}"))?;
    if eval.is_ordered {
        return Ok(());
    }
    let Value::Matrix(matrix) = output.value else { return Err(format!("as a range: {:?}", output.value)) };
    let middle: Vec<VectorSample> = matrix
        .into_iter()
        .filter_map(|series| {
            let value = series.times.iter().position(|at| *at == time).map(|index| series.values[index]);
            let histogram = series.histograms.into_iter().find(|(at, _)| *at == time).map(|(_, histogram)| histogram);
            value.is_some().then_some(()).or(histogram.is_some().then_some(()))?;
            let value = value.unwrap_or_default();
            Some(VectorSample { labels: series.labels, time: Timestamp(time), value, histogram })
        })
        .collect();
    let outcome = match &eval.result {
        Want::Scalar(want) => match middle.as_slice() {
            [only] if compare::almost_equal(only.value, *want) => Ok(()),
            other => Err(format!("{other:?} instead of {want}")),
        },
        Want::Series(want) => compare::vector(&middle, want, false),
        _ => Ok(()),
    };
    outcome.map_err(|reason| format!("as a range: {reason}"))
}

/// The output, or `None` where the evaluation failed as it should.
fn check_failure(eval: &Eval, output: Result<QueryOutput, EvalError>) -> Result<Option<QueryOutput>, String> {
    match (output, &eval.fails) {
        (Ok(output), None) => Ok(Some(output)),
        (Ok(output), Some(_)) => Err(format!("should fail, but is {:?}", output.value)),
        (Err(error), Some(want)) if compare::matches(&error.to_string(), want) => Ok(None),
        (Err(error), Some(want)) => Err(format!("fails with `{error}` instead of {want:?}")),
        (Err(error), None) => Err(error.to_string()),
    }
}

fn check_annotations(eval: &Eval, output: &QueryOutput) -> Result<(), String> {
    compare::annotations(&output.annotations.warnings, &eval.warnings)?;
    compare::annotations(&output.annotations.infos, &eval.infos)
}

fn calls_any(expr: &Expr, names: &[&str]) -> bool {
    let mut found = false;
    expr.walk(&mut |node| {
        if let ExprKind::Call(call) = &node.kind {
            found |= names.contains(&call.function.name);
        }
    });
    found || expr.to_string().contains("step()") || expr.to_string().contains("range()")
}

/// Sets `@ time` on every selector that has none, except within pinned subqueries; `true` where that would change the
/// result, because a function depends on the time itself.
fn pin(expr: &mut Expr, time: i64) -> bool {
    let pinned = |at: &mut Option<At>| {
        at.get_or_insert(At::Time(time));
    };
    match &mut expr.kind {
        ExprKind::Vector(selector) => pinned(&mut selector.modifiers.at),
        ExprKind::Matrix(matrix) => pinned(&mut matrix.selector.modifiers.at),
        ExprKind::Subquery(subquery) => pinned(&mut subquery.modifiers.at),
        ExprKind::Call(call) => {
            let is_unsafe = AT_UNSAFE.contains(&call.function.name);
            return call.args.iter_mut().fold(is_unsafe, |found, arg| pin(arg, time) | found);
        }
        ExprKind::Aggregate(aggregate) => {
            let param = aggregate.param.as_mut().is_some_and(|param| pin(param, time));
            return pin(&mut aggregate.operand, time) | param;
        }
        ExprKind::Binary(binary) => return pin(&mut binary.lhs, time) | pin(&mut binary.rhs, time),
        ExprKind::Unary { operand, .. } => return pin(operand, time),
        ExprKind::Paren(inner) => return pin(inner, time),
        ExprKind::Number(_) | ExprKind::String(_) => {}
    }
    false
}
