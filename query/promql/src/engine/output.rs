//! From columns to what a client sees: names that were dropped go, series that became equal join.

use super::eval::{Evaluator, Node};
use super::histograms::Histograms;
use super::meter::Meter;
use super::series::{Series, Vector, is_absent, labels_bytes, merge_equal_labels, without_metadata};
use super::steps::{Held, Steps};
use super::window::{Point, Window};
use crate::{EvalError, Expr, MatrixSeries, Value, VectorSample};
use std::sync::Arc;
use watchfire_model::{Labels, Timestamp};

impl<'q> Evaluator<'q> {
    pub(super) fn instant_value(&self, node: Node<'_>, time: Timestamp) -> Result<Value, EvalError> {
        Ok(match node {
            Node::Scalar(values) => Value::Scalar { time, value: values[0] },
            Node::String(text) => Value::String { time, value: String::from_utf8_lossy(&text.0).into_owned() },
            Node::Vector(vector) => {
                let Vector { series, mut held } = vector;
                let present = clean(series, &mut held, self.query.budget)?;
                let present = present.into_iter().filter(|series| series.is_present(0));
                Value::Vector(
                    present
                        .map(|mut series| VectorSample {
                            time,
                            value: series.values[0],
                            histogram: series.histograms.take(0),
                            labels: series.labels,
                        })
                        .collect(),
                )
            }
        })
    }

    pub(super) fn range_value(&self, node: Node<'q>, steps: Steps) -> Result<Value, EvalError> {
        // Held until the columns have become points: each series is freed as its points are made.
        let (series, _held) = match node {
            Node::Scalar(values) => {
                let held = self.hold(values.len())?;
                (
                    vec![Series {
                        labels: Labels::empty(),
                        name_dropped: false,
                        values,
                        histograms: Histograms::default(),
                    }],
                    held,
                )
            }
            Node::Vector(Vector { series, mut held }) => (clean(series, &mut held, self.query.budget)?, held),
            Node::String(_) => unreachable!("the type was checked"),
        };
        let mut matrix: Vec<MatrixSeries> = series
            .into_iter()
            .filter(|series| !series.is_empty())
            .map(|mut series| {
                let histograms =
                    (0..steps.count).filter_map(|step| Some((steps.time(step), series.histograms.take(step)?)));
                let histograms = histograms.collect();
                let points = steps.times().zip(series.values).filter(|(_, value)| !is_absent(*value));
                let (times, values) = points.unzip();
                MatrixSeries { labels: series.labels, times, values, histograms }
            })
            .collect();
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(Value::Matrix(matrix))
    }

    /// A range vector asked for directly: its samples as they are stored.
    pub(super) fn raw_matrix(&mut self, expr: &Expr, steps: Steps) -> Result<Value, EvalError> {
        let windows = self.windows(expr, steps, false)?;
        let part = windows.map(
            &self.query,
            steps,
            || (),
            |(), series, ticker, part| {
                let labels = if series.name_dropped { without_metadata(&series.labels) } else { series.labels.clone() };
                windows.frame.each(&series.samples, steps, ticker, |window| {
                    if !window.times.is_empty() {
                        part.results.push(points(labels.clone(), window));
                    }
                })?;
                part.held.add(part.results.last().map_or(0, |one| one.times.len() + one.histograms.len()))?;
                Ok(())
            },
        )?;
        let mut matrix = part.results;
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        if matrix.windows(2).any(|pair| pair[0].labels == pair[1].labels) {
            return Err(super::duplicate_labels());
        }
        Ok(Value::Matrix(matrix))
    }
}

fn points(labels: Labels, window: Window<'_>) -> MatrixSeries {
    let mut one = MatrixSeries { labels, ..MatrixSeries::default() };
    for (time, point) in window.times.iter().zip(window.points()) {
        match point {
            Point::Float(value) => {
                one.times.push(*time);
                one.values.push(value);
            }
            Point::Histogram(histogram) => one.histograms.push((*time, Arc::clone(histogram))),
        }
    }
    one
}

/// Takes the names away that the expression drops; the label sets without them are added to what is held.
fn clean(mut series: Vec<Series>, held: &mut Held<'_>, budget: &Meter<'_>) -> Result<Vec<Series>, EvalError> {
    for one in series.iter_mut().filter(|one| one.name_dropped) {
        one.labels = without_metadata(&one.labels);
        one.name_dropped = false;
        held.add_memory(labels_bytes(&one.labels))?;
    }
    merge_equal_labels(series, budget)
}
