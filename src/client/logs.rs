//! `watchfire logs QUERY`: records, tables, exports, and what arrives.

use super::table::print_table;
use super::{get, list, stream, text, texts};
use crate::cli::{LogsArgs, LogsFormat, LogsOrder};
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::io::Write;
use watchfire_logquery::{Pipe, parse_at};
use watchfire_model::{DurationMs, Level};
use watchfire_store::{Clock, SystemClock};

/// Records, or rows of a table, when the command line does not say how many.
const LIMIT_DEFAULT: usize = 100;
/// Records of one page of a search.
const PAGE_MAX: usize = 10_000;
/// Rows that a table may have; more can be exported.
const TABLE_ROWS_MAX: usize = 100_000;

/// `watchfire logs QUERY`.
pub(crate) async fn logs(args: &LogsArgs) -> anyhow::Result<()> {
    let format = if args.json { Some(LogsFormat::Ndjson) } else { args.format };
    if args.follow {
        let as_json = match format {
            None => false,
            Some(LogsFormat::Ndjson) => true,
            Some(LogsFormat::Csv | LogsFormat::Table) => bail!("--follow prints text, or --format ndjson"),
        };
        return follow(args, as_json).await;
    }
    let start = start(&args.since)?;
    match format {
        None if has_pipes(&args.query) => table(args, &start).await,
        None => records(args, &start, false).await,
        Some(LogsFormat::Table) => table(args, &start).await,
        Some(LogsFormat::Ndjson) if args.json && !has_pipes(&args.query) => records(args, &start, true).await,
        Some(LogsFormat::Ndjson) => export(args, &start, "ndjson").await,
        Some(LogsFormat::Csv) => export(args, &start, "csv").await,
    }
}

/// Whether the query does more than find records. A text that cannot be understood here is for the server to judge.
fn has_pipes(query: &str) -> bool {
    let parsed = parse_at(query, SystemClock.now());
    parsed.is_ok_and(|query| query.pipes.iter().any(|pipe| !matches!(pipe, Pipe::Filter(_))))
}

/// Unix seconds.
fn start(since: &str) -> anyhow::Result<String> {
    let since = DurationMs::parse(since).context("`--since`")?;
    let start_ms = SystemClock.now().to_ms().0.saturating_sub(i64::try_from(since.0)?);
    Ok(format!("{}.{:03}", start_ms.div_euclid(1000), start_ms.rem_euclid(1000)))
}

/// Prints records: the newest ones in order of time, unless an order is asked for.
async fn records(args: &LogsArgs, start: &str, as_json: bool) -> anyhow::Result<()> {
    let limit = args.limit.unwrap_or(LIMIT_DEFAULT);
    let mut found = Vec::new();
    let mut cursor = None;
    while found.len() < limit {
        let page = (limit - found.len()).min(PAGE_MAX);
        let mut parameters =
            vec![("query", args.query.clone()), ("start", start.to_owned()), ("limit", page.to_string())];
        parameters.extend(args.order.map(|order| ("order", order.name().to_owned())));
        parameters.extend(args.fields.clone().map(|fields| ("fields", fields)));
        parameters.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let answer = get(&args.server.server, "/api/watchfire/v1/logs/search", &parameters).await?;
        warn_partial(&answer);
        found.extend(list(&answer["records"]).iter().cloned());
        match answer["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    if args.order.is_none() {
        found.reverse();
    }
    let mut out = std::io::stdout().lock();
    found.iter().try_for_each(|record| print_record(&mut out, record, as_json))
}

/// Prints what the query makes of the records.
async fn table(args: &LogsArgs, start: &str) -> anyhow::Result<()> {
    let limit = args.limit.unwrap_or(PAGE_MAX);
    ensure!(limit <= TABLE_ROWS_MAX, "a table has at most {TABLE_ROWS_MAX} rows here: --format csv gives all of them");
    let parameters = [("query", args.query.clone()), ("start", start.to_owned()), ("limit", limit.to_string())];
    let answer = get(&args.server.server, "/api/watchfire/v1/logs/stats", &parameters).await?;
    warn_partial(&answer);
    print_table(&mut std::io::stdout().lock(), &answer)?;
    if answer["truncated"].as_bool() == Some(true) {
        eprintln!("only the first {limit} rows are shown: --limit shows more, --format csv all of them");
    }
    Ok(())
}

/// Hands the server's file on as it comes.
async fn export(args: &LogsArgs, start: &str, format: &str) -> anyhow::Result<()> {
    let query = match (args.limit, args.query.trim()) {
        (None, query) => query.to_owned(),
        (Some(limit), "") => format!("* | limit {limit}"),
        (Some(limit), query) => format!("{query} | limit {limit}"),
    };
    let mut parameters = vec![("query", query), ("start", start.to_owned()), ("format", format.to_owned())];
    parameters.extend(args.order.map(|order| ("order", order.name().to_owned())));
    parameters.extend(args.fields.clone().map(|fields| ("fields", fields)));
    let mut response = stream(&args.server.server, "/api/watchfire/v1/logs/export", &parameters).await?;
    if let Some(partial) = response.headers().get("watchfire-partial") {
        eprintln!("incomplete: {}", partial.to_str().unwrap_or_default());
    }
    let mut out = std::io::stdout().lock();
    while let Some(bytes) = response.chunk().await.context("the export broke off, what is here is not all")? {
        out.write_all(&bytes)?;
    }
    Ok(out.flush()?)
}

/// Reads the Server-Sent Events of a live tail until the server ends it or the user interrupts.
async fn follow(args: &LogsArgs, as_json: bool) -> anyhow::Result<()> {
    let parameters = [("query", args.query.clone())];
    let mut response = stream(&args.server.server, "/api/watchfire/v1/logs/tail", &parameters).await?;
    let mut pending = Vec::new();
    let mut seen = 0;
    while let Some(bytes) = response.chunk().await.context("the live tail broke off")? {
        pending.extend_from_slice(&bytes);
        // An event may be large: what was looked at is not looked at again.
        while let Some(end) = pending[seen..].windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = pending.drain(..seen + end + 2).collect();
            seen = 0;
            print_event(&String::from_utf8_lossy(&event), as_json)?;
        }
        seen = pending.len().saturating_sub(1);
    }
    Ok(())
}

fn print_event(event: &str, as_json: bool) -> anyhow::Result<()> {
    let value =
        |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_start);
    let (Some(kind), Some(data)) = (value("event"), value("data")) else { return Ok(()) };
    let data: Value = serde_json::from_str(data).context("the server sent an event that is not JSON")?;
    let mut out = std::io::stdout().lock();
    match kind {
        "records" => list(&data).iter().try_for_each(|record| print_record(&mut out, record, as_json))?,
        "lost" => eprintln!("{} records were not shown: this reader was too slow", data["records"]),
        _ => {}
    }
    Ok(out.flush()?)
}

/// A line of text: time, level, host, message; the fields where a step of the query took the message away.
fn print_record(out: &mut impl Write, record: &Value, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return Ok(writeln!(out, "{record}")?);
    }
    let level = record["level"].as_u64().and_then(|number| Level::new(u8::try_from(number).ok()?));
    let level = level.map_or("-", Level::name);
    write!(out, "{} {level} {}", text(&record["time"]), text(&record["host"]))?;
    match text(&record["message"]) {
        "" => record["fields"].as_object().into_iter().flatten().try_for_each(|(name, value)| match value {
            Value::String(value) => write!(out, " {name}={value}"),
            value => write!(out, " {name}={value}"),
        })?,
        message => write!(out, " {message}")?,
    }
    Ok(writeln!(out)?)
}

fn warn_partial(answer: &Value) {
    for warning in texts(&answer["partial"]) {
        eprintln!("incomplete: {warning}");
    }
}

impl LogsOrder {
    fn name(self) -> &'static str {
        match self {
            LogsOrder::Newest => "newest",
            LogsOrder::Oldest => "oldest",
        }
    }
}
