//! `absent` and `absent_over_time`: 1 where there is nothing, with the labels that the selector asks for.

use super::Site;
use crate::ast::ExprKind;
use crate::engine::{Evaluator, Histograms, Part, Series, Vector, absent};
use crate::{EvalError, Expr};
use std::sync::atomic::{AtomicBool, Ordering};
use watchfire_model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp};

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let arg = &site.args[0];
    let mut present = vec![false; site.steps.count];
    if site.name == "absent" {
        for series in evaluator.vector(arg, site.steps)?.series {
            present.iter_mut().enumerate().for_each(|(step, is_present)| *is_present |= series.is_present(step));
        }
    } else {
        let windows = evaluator.windows(arg, site.steps, false)?;
        let frame = windows.frame;
        if let Some(extension) = frame.extension {
            super::extended::check(site, extension)?;
        }
        let seen: Vec<AtomicBool> = (0..site.steps.count).map(|_| AtomicBool::new(false)).collect();
        windows.map(
            &evaluator.query,
            site.steps,
            || (),
            |(), raw, ticker, _: &mut Part<'_, ()>| {
                frame.each(&raw.samples, site.steps, ticker, |window| {
                    if !window.times.is_empty() {
                        seen[window.step].store(true, Ordering::Relaxed);
                    }
                })
            },
        )?;
        present = seen.into_iter().map(AtomicBool::into_inner).collect();
    }
    let held = evaluator.hold(site.steps.count)?;
    let values = present.into_iter().map(|is_present| if is_present { absent() } else { 1.0 }).collect();
    let series = Series { labels: wanted_labels(arg), name_dropped: false, values, histograms: Histograms::default() };
    let series = if series.is_empty() { Vec::new() } else { vec![series] };
    Ok(Vector { series, held })
}

/// The labels that a selector fixes to one value each; a label that it asks for twice has none.
fn wanted_labels(arg: &Expr) -> Labels {
    let matchers = match &arg.unparenthesised().kind {
        ExprKind::Vector(selector) => &selector.matchers,
        ExprKind::Matrix(matrix) => &matrix.selector.matchers,
        _ => return Labels::empty(),
    };
    let mut labels = LabelsBuilder::default();
    for matcher in matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME) {
        let is_only = matchers.iter().filter(|other| other.name() == matcher.name()).count() == 1;
        if is_only && matcher.op() == MatchOp::Equal {
            labels.set(matcher.name().clone(), matcher.value().clone());
        }
    }
    labels.build()
}
