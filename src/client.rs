//! `watchfire query`, `watchfire logs` and `watchfire backup`: a running server asked over HTTP.

mod logs;
mod table;

pub(crate) use logs::logs;

use crate::cli::{QueryArgs, ServerArgs};
use anyhow::{Context, bail};
use serde_json::Value;
use std::io::Write;
use std::time::Duration;
use watchfire_model::ByteSize;

/// What a single answer may take; following and exports have no end.
const TIMEOUT: Duration = Duration::from_secs(130);

/// `watchfire query EXPR`.
pub(crate) async fn query(args: &QueryArgs) -> anyhow::Result<()> {
    let mut parameters = vec![("query", args.expression.clone())];
    let optional = [("time", &args.time), ("start", &args.start), ("end", &args.end), ("step", &args.step)];
    parameters.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    let path = if args.start.is_some() { "/api/v1/query_range" } else { "/api/v1/query" };
    let answer = get(&args.server.server, path, &parameters).await?;
    let mut out = std::io::stdout().lock();
    if args.json {
        return Ok(writeln!(out, "{answer}")?);
    }
    for warning in texts(&answer["warnings"]).chain(texts(&answer["infos"])) {
        eprintln!("{warning}");
    }
    let data = &answer["data"];
    match data["resultType"].as_str() {
        Some("vector") => {
            for sample in list(&data["result"]) {
                writeln!(out, "{}\t{}", series(&sample["metric"]), text(&sample["value"][1]))?;
            }
        }
        Some("matrix") => {
            for one in list(&data["result"]) {
                writeln!(out, "{}", series(&one["metric"]))?;
                for point in list(&one["values"]) {
                    writeln!(out, "\t{}\t{}", point[0], text(&point[1]))?;
                }
            }
        }
        _ => writeln!(out, "{}", text(&data["result"][1]))?,
    }
    Ok(())
}

/// `watchfire backup`.
pub(crate) async fn backup(args: &ServerArgs) -> anyhow::Result<()> {
    let url = address(&args.server, "/api/watchfire/v1/backups", &[]);
    // A backup takes as long as its disk: there is no time-out.
    let response = reqwest::Client::new().post(&url).send().await;
    let response = response.with_context(|| format!("cannot ask {}: is a server running there?", args.server))?;
    let status = response.status();
    let body = response.text().await?;
    if !status.is_success() {
        bail!("{}", refusal(status, &body));
    }
    let backup: Value =
        serde_json::from_str(&body).with_context(|| format!("{} did not answer with JSON", args.server))?;
    let size = ByteSize(backup["bytes"].as_u64().unwrap_or(0)).rounded();
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}: {} objects, {size}", text(&backup["directory"]), backup["objects"])?)
}

async fn get(server: &str, path: &str, parameters: &[(&str, String)]) -> anyhow::Result<Value> {
    let url = address(server, path, parameters);
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let response =
        client.get(&url).send().await.with_context(|| format!("cannot ask {server}: is a server running there?"))?;
    let status = response.status();
    let body = response.text().await?;
    if !status.is_success() {
        bail!("{}", refusal(status, &body));
    }
    serde_json::from_str(&body).with_context(|| format!("{server} did not answer with JSON"))
}

/// An answer as it comes, for as long as it takes.
async fn stream(server: &str, path: &str, parameters: &[(&str, String)]) -> anyhow::Result<reqwest::Response> {
    let url = address(server, path, parameters);
    let response = reqwest::Client::new().get(&url).send().await;
    let response = response.with_context(|| format!("cannot ask {server}: is a server running there?"))?;
    if !response.status().is_success() {
        bail!("{}", refusal(response.status(), &response.text().await?));
    }
    Ok(response)
}

fn address(server: &str, path: &str, parameters: &[(&str, String)]) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{}{path}?{query}", server.trim_end_matches('/'))
}

/// The message in an error answer of either family, or the answer itself.
fn refusal(status: reqwest::StatusCode, body: &str) -> String {
    let parsed: Value = serde_json::from_str(body).unwrap_or_default();
    let message = parsed["error"]["message"].as_str().or(parsed["error"].as_str());
    message.map_or_else(|| format!("{status}: {}", body.trim()), str::to_owned)
}

fn series(metric: &Value) -> String {
    let pairs = metric.as_object().into_iter().flatten();
    watchfire_model::Labels::from_pairs(pairs.map(|(name, value)| (name.as_str(), text(value)))).to_string()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).iter().filter_map(Value::as_str)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
