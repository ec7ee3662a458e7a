//! `watchfire query` and `watchfire logs`: a running server asked over HTTP.

use crate::cli::{LogsArgs, QueryArgs, ServerArgs};
use anyhow::{Context, bail};
use serde_json::Value;
use std::io::Write;
use std::time::Duration;
use watchfire_model::{ByteSize, DurationMs, Level};
use watchfire_store::{Clock, SystemClock};

/// What a single answer may take; following has no end.
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

/// `watchfire logs QUERY`.
pub(crate) async fn logs(args: &LogsArgs) -> anyhow::Result<()> {
    if args.follow {
        return follow(args).await;
    }
    let since = DurationMs::parse(&args.since).context("`--since`")?;
    let start_ms = SystemClock.now().to_ms().0.saturating_sub(i64::try_from(since.0)?);
    let start = format!("{}.{:03}", start_ms.div_euclid(1000), start_ms.rem_euclid(1000));
    let mut newest_first = Vec::new();
    let mut cursor = None;
    while newest_first.len() < args.limit {
        let page = (args.limit - newest_first.len()).min(10_000);
        let mut parameters = vec![("query", args.query.clone()), ("start", start.clone()), ("limit", page.to_string())];
        parameters.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let answer = get(&args.server.server, "/api/watchfire/v1/logs/search", &parameters).await?;
        for warning in texts(&answer["partial"]) {
            eprintln!("incomplete: {warning}");
        }
        newest_first.extend(list(&answer["records"]).iter().cloned());
        match answer["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let mut out = std::io::stdout().lock();
    for record in newest_first.iter().rev() {
        print_record(&mut out, record, args.json)?;
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

/// Reads the Server-Sent Events of a live tail until the server ends it or the user interrupts.
async fn follow(args: &LogsArgs) -> anyhow::Result<()> {
    let url = address(&args.server.server, "/api/watchfire/v1/logs/tail", &[("query", args.query.clone())]);
    let mut response = reqwest::Client::new().get(&url).send().await.with_context(|| format!("cannot ask {url}"))?;
    if !response.status().is_success() {
        bail!("{}", refusal(response.status(), &response.text().await?));
    }
    let mut pending = Vec::new();
    while let Some(bytes) = response.chunk().await.context("the live tail broke off")? {
        pending.extend_from_slice(&bytes);
        while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = pending.drain(..end + 2).collect();
            print_event(&String::from_utf8_lossy(&event), args.json)?;
        }
    }
    Ok(())
}

fn print_event(event: &str, json: bool) -> anyhow::Result<()> {
    let value =
        |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_start);
    let (Some(kind), Some(data)) = (value("event"), value("data")) else { return Ok(()) };
    let data: Value = serde_json::from_str(data).context("the server sent an event that is not JSON")?;
    let mut out = std::io::stdout().lock();
    match kind {
        "records" => {
            for record in list(&data) {
                print_record(&mut out, record, json)?;
            }
        }
        "lost" => eprintln!("{} records were not shown: this reader was too slow", data["records"]),
        _ => {}
    }
    Ok(out.flush()?)
}

fn print_record(out: &mut impl Write, record: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(writeln!(out, "{record}")?);
    }
    let level = record["level"].as_u64().and_then(|number| Level::new(u8::try_from(number).ok()?));
    let level = level.map_or("-", Level::name);
    writeln!(out, "{} {level} {} {}", text(&record["time"]), text(&record["host"]), text(&record["message"]))?;
    Ok(())
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
