//! The success envelope of Prometheus' API, and query results written straight into it.

use super::number::{write_time, write_value};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use watchfire_model::{Exhausted, Labels, QueryBudget};
use watchfire_promql::{Annotations, QueryOutput, Value};

/// `{"status":"success","data":…}`.
#[derive(Debug, Serialize)]
pub(crate) struct Success<T> {
    status: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl<T: Serialize> Success<T> {
    pub(crate) fn new(data: T) -> Success<T> {
        Success { status: "success", data, warnings: Vec::new() }
    }

    /// With a warning, for example that a limit cut the answer.
    pub(crate) fn with_warnings(data: T, warnings: Vec<String>) -> Success<T> {
        Success { status: "success", data, warnings }
    }
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}

/// The answer to a query, as JSON. Written by hand: results may have millions of points, and their numbers have a form of
/// their own.
#[derive(Debug)]
pub(crate) struct QueryAnswer(String);

impl QueryAnswer {
    /// Writes a result down where the query ran, so that the text takes its place in the query's memory.
    ///
    /// # Errors
    /// The text would take more memory than the query may.
    pub(crate) fn write(output: &QueryOutput, budget: &QueryBudget) -> Result<QueryAnswer, Exhausted> {
        let mut out = Text { json: String::with_capacity(1024), taken: 0, budget };
        out.json.push_str("{\"status\":\"success\",\"data\":{\"resultType\":");
        write_result(&mut out, &output.value)?;
        out.json.push('}');
        write_annotations(&mut out.json, &output.annotations);
        out.json.push('}');
        Ok(QueryAnswer(out.json))
    }
}

impl IntoResponse for QueryAnswer {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// The text and what it takes of the query's memory.
struct Text<'b> {
    json: String,
    taken: usize,
    budget: &'b QueryBudget,
}

impl Text<'_> {
    /// Takes memory for what was written since the last call.
    fn settle(&mut self) -> Result<(), Exhausted> {
        let more = self.json.capacity().saturating_sub(self.taken);
        self.taken += more;
        self.budget.take_memory(more as u64)
    }
}

fn write_result(out: &mut Text<'_>, value: &Value) -> Result<(), Exhausted> {
    match value {
        Value::Scalar { time, value } => {
            out.json.push_str("\"scalar\",\"result\":");
            write_point(&mut out.json, time.0, *value);
        }
        Value::String { time, value } => {
            out.json.push_str("\"string\",\"result\":[");
            write_time(&mut out.json, time.0);
            out.json.push(',');
            out.json.push_str(&json(value));
            out.json.push(']');
        }
        Value::Vector(samples) => {
            out.json.push_str("\"vector\",\"result\":[");
            for (index, sample) in samples.iter().enumerate() {
                write_metric(&mut out.json, index, &sample.labels);
                out.json.push_str(",\"value\":");
                write_point(&mut out.json, sample.time.0, sample.value);
                out.json.push('}');
                out.settle()?;
            }
            out.json.push(']');
        }
        Value::Matrix(series) => {
            out.json.push_str("\"matrix\",\"result\":[");
            for (index, one) in series.iter().enumerate() {
                write_metric(&mut out.json, index, &one.labels);
                out.json.push_str(",\"values\":[");
                for (point, (time, value)) in one.times.iter().zip(&one.values).enumerate() {
                    if point > 0 {
                        out.json.push(',');
                    }
                    write_point(&mut out.json, *time, *value);
                }
                out.json.push_str("]}");
                out.settle()?;
            }
            out.json.push(']');
        }
    }
    out.settle()
}

fn write_metric(out: &mut String, index: usize, labels: &Labels) {
    if index > 0 {
        out.push(',');
    }
    out.push_str("{\"metric\":");
    out.push_str(&json(labels));
}

/// `[time,"value"]`.
fn write_point(out: &mut String, time_ms: i64, value: f64) {
    out.push('[');
    write_time(out, time_ms);
    out.push_str(",\"");
    write_value(out, value);
    out.push_str("\"]");
}

fn write_annotations(out: &mut String, annotations: &Annotations) {
    for (name, texts) in [("warnings", &annotations.warnings), ("infos", &annotations.infos)] {
        if !texts.is_empty() {
            out.push_str(",\"");
            out.push_str(name);
            out.push_str("\":");
            out.push_str(&json(texts));
        }
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and label sets have string keys and serialize without error")
}
