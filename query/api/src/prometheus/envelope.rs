//! The success envelope of Prometheus' API, and query results written straight into it.

use super::number::{write_time, write_value};
use super::stats::Stats;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use watchfire_model::{Exhausted, Histogram, Labels, QueryBudget};
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
    pub(super) fn write(
        output: &QueryOutput,
        stats: Option<&Stats>,
        budget: &QueryBudget,
    ) -> Result<QueryAnswer, Exhausted> {
        let mut out = Text { json: String::with_capacity(1024), taken: 0, budget };
        out.json.push_str("{\"status\":\"success\",\"data\":{\"resultType\":");
        write_result(&mut out, &output.value)?;
        if let Some(stats) = stats {
            out.json.push_str(",\"stats\":");
            out.json.push_str(&json(stats));
        }
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
                if let Some(histogram) = &sample.histogram {
                    out.json.push_str(",\"histogram\":");
                    write_histogram_point(&mut out.json, sample.time.0, histogram);
                } else {
                    out.json.push_str(",\"value\":");
                    write_point(&mut out.json, sample.time.0, sample.value);
                }
                out.json.push('}');
                out.settle()?;
            }
            out.json.push(']');
        }
        Value::Matrix(series) => {
            out.json.push_str("\"matrix\",\"result\":[");
            for (index, one) in series.iter().enumerate() {
                write_metric(&mut out.json, index, &one.labels);
                if !one.times.is_empty() || one.histograms.is_empty() {
                    out.json.push_str(",\"values\":[");
                    for (point, (time, value)) in one.times.iter().zip(&one.values).enumerate() {
                        if point > 0 {
                            out.json.push(',');
                        }
                        write_point(&mut out.json, *time, *value);
                    }
                    out.json.push(']');
                }
                if !one.histograms.is_empty() {
                    out.json.push_str(",\"histograms\":[");
                    for (point, (time, histogram)) in one.histograms.iter().enumerate() {
                        if point > 0 {
                            out.json.push(',');
                        }
                        write_histogram_point(&mut out.json, *time, histogram);
                    }
                    out.json.push(']');
                }
                out.json.push('}');
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

/// `[time,{"count","sum","buckets"}]`; a bucket is `[rule,"lower","upper","count"]`, where the rule says which bounds belong
/// to it: 0 the upper, 1 the lower, 2 none, 3 both.
fn write_histogram_point(out: &mut String, time_ms: i64, histogram: &Histogram) {
    out.push('[');
    write_time(out, time_ms);
    out.push_str(",{\"count\":\"");
    write_value(out, histogram.count);
    out.push_str("\",\"sum\":\"");
    write_value(out, histogram.sum);
    out.push('"');
    for (index, bucket) in histogram.buckets().iter().enumerate() {
        let rule = match (bucket.includes_lower, bucket.includes_upper) {
            (false, true) => '0',
            (true, false) => '1',
            (false, false) => '2',
            (true, true) => '3',
        };
        out.push_str(if index == 0 { ",\"buckets\":[[" } else { ",[" });
        out.push(rule);
        for number in [bucket.lower, bucket.upper, bucket.count] {
            out.push_str(",\"");
            write_value(out, number);
            out.push('"');
        }
        out.push(']');
    }
    out.push_str(if histogram.buckets().is_empty() { "}]" } else { "]}]" });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_histograms_are_printed_bucket_by_bucket() {
        let histogram = Histogram {
            count: 5.0,
            sum: 2.5,
            zero_threshold: 0.5,
            zero_count: 1.0,
            positive: vec![(1, 3.0)],
            negative: vec![(2, 1.0)],
            ..Histogram::empty()
        };
        let mut json = String::new();
        write_histogram_point(&mut json, 1500, &histogram);
        let want =
            r#"[1.5,{"count":"5","sum":"2.5","buckets":[[1,"-4","-2","1"],[3,"-0.5","0.5","1"],[0,"1","2","3"]]}]"#;
        assert_eq!(json, want);
        json.clear();
        write_histogram_point(&mut json, 0, &Histogram::empty());
        assert_eq!(json, r#"[0,{"count":"0","sum":"0"}]"#);
    }
}
