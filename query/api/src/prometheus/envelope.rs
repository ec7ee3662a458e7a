//! The success envelope of Prometheus' API, and query results written straight into it.

use super::number::{write_time, write_value};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use watchfire_model::Labels;
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

/// The answer to a query. Written by hand: results may have millions of points, and their numbers have a form of
/// their own.
#[derive(Debug)]
pub(crate) struct QueryAnswer(pub(crate) QueryOutput);

impl IntoResponse for QueryAnswer {
    fn into_response(self) -> Response {
        let mut out = String::with_capacity(1024);
        out.push_str("{\"status\":\"success\",\"data\":{\"resultType\":");
        write_result(&mut out, &self.0.value);
        out.push('}');
        write_annotations(&mut out, &self.0.annotations);
        out.push('}');
        ([(CONTENT_TYPE, "application/json")], out).into_response()
    }
}

fn write_result(out: &mut String, value: &Value) {
    match value {
        Value::Scalar { time, value } => {
            out.push_str("\"scalar\",\"result\":");
            write_point(out, time.0, *value);
        }
        Value::String { time, value } => {
            out.push_str("\"string\",\"result\":[");
            write_time(out, time.0);
            out.push(',');
            out.push_str(&json(value));
            out.push(']');
        }
        Value::Vector(samples) => {
            out.push_str("\"vector\",\"result\":[");
            for (index, sample) in samples.iter().enumerate() {
                write_metric(out, index, &sample.labels);
                out.push_str(",\"value\":");
                write_point(out, sample.time.0, sample.value);
                out.push('}');
            }
            out.push(']');
        }
        Value::Matrix(series) => {
            out.push_str("\"matrix\",\"result\":[");
            for (index, one) in series.iter().enumerate() {
                write_metric(out, index, &one.labels);
                out.push_str(",\"values\":[");
                for (point, (time, value)) in one.times.iter().zip(&one.values).enumerate() {
                    if point > 0 {
                        out.push(',');
                    }
                    write_point(out, *time, *value);
                }
                out.push_str("]}");
            }
            out.push(']');
        }
    }
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
