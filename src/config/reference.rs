//! The configuration file with every key, its meaning and its default: printed by `watchfire config-reference`, kept as
//! `deploy/config/watchfire.yml`. The values come from the defaults themselves, so the page cannot disagree with the code.

use super::Config;
use serde_json::Value;
use std::fmt::Write;

const HEAD: &str = "\
# Watchfire's configuration: every key with its default. A file needs only what differs; an empty one is valid, and so is
# a prometheus.yml. Unknown keys are errors. Durations: 15s, 1h30m, 30d. Sizes: 64KiB, 8MiB, 1GiB.
# Printed by `watchfire config-reference`.
";

const SCRAPE_EXAMPLE: &str = "\
# What to scrape: Prometheus' scrape_configs, unchanged.
# scrape_configs:
#   - job_name: node
#     static_configs:
#       - targets: ['node-1:9100', 'node-2:9100']
#   - job_name: from-files
#     file_sd_configs:
#       - files: ['targets/*.yml']
scrape_configs: []

# Rule files, with * and ? in the last part of the path; relative to this file.
rule_files: []
";

const STREAMS: &str = "\
What belongs to which stream: rules on records as they arrive, at most 100. A record gets all streams whose `match` (a
search without pipes) it passes, and is found in each by `stream:NAME`; it is stored once, and kept as long as the stream of
them that keeps longest. It stays in `default` too, unless `remove_from_default` says otherwise. Other rules later change
nothing of what is stored. Names: [a-z0-9][a-z0-9_-]{0,62}. `retention` by age or bytes or both; where it says nothing,
`logs.store` says it.
  - name: audit
    description: who did what
    match: 'tag:audit OR (service:sshd AND level:<=notice)'
    retention: {age: 365d}
  - name: debug
    match: 'level:debug'
    remove_from_default: true
    retention: {age: 2d, bytes: 50GiB}";

/// Every key in the order of the page; sections first say what they are for. `scrape_configs` and `rule_files` have a
/// text of their own.
const KEYS: &[(&str, &str)] = &[
    ("global", "Defaults for all scrape jobs and rule groups, as in Prometheus."),
    ("global.scrape_interval", "Time between two scrapes of a target."),
    ("global.scrape_timeout", "When a scrape is given up; 10s, or the interval where that is shorter."),
    ("global.scrape_protocols", "Formats to ask for, the best first; OpenMetrics, then text."),
    ("global.evaluation_interval", "Time between two evaluations of a rule group."),
    ("global.rule_query_offset", "How far back rules look, so that late samples are there."),
    ("global.external_labels", "Labels added to alerts on their way out."),
    ("global.body_size_limit", "Largest uncompressed page of a target; 0 for the built-in cap."),
    ("global.sample_limit", "Most samples of a page, after metric relabeling; 0 for none, as for all limits here."),
    ("global.target_limit", "Most targets of a scrape configuration."),
    ("global.label_limit", "Most labels of a sample."),
    ("global.label_name_length_limit", "Most bytes of a label's name."),
    ("global.label_value_length_limit", "Most bytes of a label's value."),
    ("global.keep_dropped_targets", "Most dropped targets that are kept to be shown."),
    ("global.metric_name_validation_scheme", "Names of metrics and labels: utf8 or legacy."),
    ("global.metric_name_escaping_scheme", "allow-utf-8, underscores, dots or values."),
    ("global.always_scrape_classic_histograms", "Classic histograms are always scraped."),
    ("global.query_log_file", "These two are accepted and have no effect yet."),
    ("global.scrape_failure_log_file", ""),
    ("global.scrape_native_histograms", "Native histograms are asked for (protobuf first) and kept."),
    ("global.convert_classic_histograms_to_nhcb", "Classic histograms become native ones with buckets of their own."),
    ("global.extra_scrape_metrics", "Each scrape tells its time-out, sample limit and body size as series."),
    ("global.scrape_start_timestamps", "When counting began is kept with each sample; `_created` is no series then."),
    ("alerting", "Who is told of alerts."),
    ("alerting.config_file", "An alertmanager.yml; without it alerts are shown, but nobody is told."),
    ("alerting.external_url", "Address of this server in notices; by default the one that it listens on."),
    ("http", "The page and every HTTP API. Read at the start only."),
    ("http.listen", "Loopback, since there is no login."),
    ("http.hosts", "Host names under which browsers may ask, beside localhost and literal addresses."),
    ("http.insecure", "Listen beyond loopback all the same: only behind a proxy with login and TLS."),
    (
        "http.connections_per_peer_max",
        "Connections of one address, of 1024 in all; raise it where a proxy stands between.",
    ),
    ("http.query_concurrency", "Queries that run at once; further ones wait."),
    ("http.query_timeout", "The longest that a query may take."),
    ("http.query_samples_max", "Samples, or log records, that one query may hold in memory."),
    (
        "http.admin_api",
        "Whether /api/v1/admin/tsdb/ deletes samples and takes snapshots for whoever asks (--http-admin-api).",
    ),
    ("logs", "Log inputs, streams and the log store. Read at the start only, but for the streams and all retention."),
    ("logs.gelf", "GELF over UDP, TCP and HTTP (POST /gelf on the HTTP port)."),
    ("logs.gelf.udp", ""),
    ("logs.gelf.udp.enabled", ""),
    ("logs.gelf.udp.listen", "All addresses: log ports only take data in."),
    ("logs.gelf.udp.receive_buffer", "Receive buffer to ask of the kernel; see net.core.rmem_max."),
    ("logs.gelf.udp.threads", "Sockets, each with a receiving and a decoding thread, 1 to 16."),
    ("logs.gelf.udp.queue", "Datagrams waiting to be decoded, per thread."),
    ("logs.gelf.udp.chunks", "Bounds of the reassembly of chunked messages, per thread."),
    ("logs.gelf.udp.chunks.timeout", "How long all chunks of a message may take."),
    ("logs.gelf.udp.chunks.memory", "Memory of all incomplete messages."),
    ("logs.gelf.udp.chunks.messages_max", "Incomplete messages at a time."),
    ("logs.gelf.udp.chunks.sender_share_percent", "The part of both that one sender may fill, 1 to 100."),
    ("logs.gelf.udp.messages", ""),
    ("logs.gelf.udp.messages.decompressed_max", "Size of a message after decompression."),
    (
        "logs.gelf.udp.messages.future_max",
        "How far ahead of its arrival a timestamp may lie before the arrival takes its place.",
    ),
    ("logs.gelf.udp.messages.drop_blank", "Drop messages of nothing but white space."),
    ("logs.gelf.tcp", ""),
    ("logs.gelf.tcp.enabled", ""),
    ("logs.gelf.tcp.listen", ""),
    ("logs.gelf.tcp.frame_max", "Longest frame."),
    ("logs.gelf.tcp.connections_max", "Connections at a time, each with a thread."),
    ("logs.gelf.tcp.memory", "What all connections together may hold of frames not stored yet."),
    (
        "logs.gelf.tcp.frame_timeout",
        "How long a frame that was begun may take; between frames a connection may be quiet for ever.",
    ),
    ("logs.gelf.tcp.messages", ""),
    ("logs.gelf.tcp.messages.decompressed_max", ""),
    ("logs.gelf.tcp.messages.future_max", ""),
    ("logs.gelf.tcp.messages.drop_blank", ""),
    ("logs.gelf.http", ""),
    ("logs.gelf.http.enabled", ""),
    ("logs.gelf.http.body_max", "Longest body as sent."),
    ("logs.gelf.http.messages", ""),
    ("logs.gelf.http.messages.decompressed_max", "For the whole body."),
    ("logs.gelf.http.messages.future_max", ""),
    ("logs.gelf.http.messages.drop_blank", ""),
    ("logs.streams", STREAMS),
    ("logs.store", ""),
    (
        "logs.store.memtable_bytes_max",
        "Memory for fresh records before they become a block; at most twice this while one is written.",
    ),
    ("logs.store.flush_age", "The longest that a record waits for its block."),
    ("logs.store.retention", "How long records are kept, by their event time."),
    ("logs.store.stream_retention", "The same for single streams: {default: 7d}."),
    ("logs.store.bytes_max", "What all blocks may take on disk; the oldest go first. By default as much as there is."),
    ("logs.store.stream_bytes_max", "The same for single streams: {default: 100GiB}."),
    (
        "logs.store.cache_bytes_max",
        "Memory for index sections and columns that further queries may need; at most a twentieth of memory_limit.",
    ),
    ("logs.store.compact_rows_max", "Records in one merged block."),
    ("logs.store.compact_in_background", "Merge small blocks and mend damaged ones while the server runs."),
    (
        "logs.store.wal_keep_bytes",
        "Write-ahead log that is kept after its records are in blocks, to rebuild a block found damaged.",
    ),
    ("metrics", "The time-series store. Read at the start only."),
    ("metrics.retention", "How long samples are kept."),
    ("metrics.bytes_max", "What samples may take on disk; the oldest blocks go first. By default as much as there is."),
    (
        "metrics.retention_rules",
        "Series that are kept for a shorter time: [{selector: '{env=\"dev\"}', retention: 7d}].",
    ),
    ("metrics.series_max", "Series that may be active at once; samples of further ones are refused and counted."),
    (
        "metrics.head_bytes_max",
        "Memory for active series and their fresh samples; by default its share of memory_limit.",
    ),
    ("metrics.lookback", "How far back an instant query looks for a sample."),
    ("metrics.log_series", "Log records as series in PromQL: logs_count, logs_bytes, log_field and others."),
    ("metrics.log_series.labels", "Fields that are labels where a selector has no log_by, at most 16."),
    ("metrics.log_series.series_max", "Series that one selector may find; more are an error."),
    ("storage", "Where everything lies. Read at the start only."),
    ("storage.directory", "Relative to the working directory of the process."),
    (
        "storage.backups",
        "Where backups go; by default `backups` in the data directory. On one file system they take no space at first.",
    ),
    (
        "storage.used_max_percent",
        "From this part of the disk on nothing is taken in until there is room again, 10 to 100; never more than 10 GiB are kept free.",
    ),
    ("storage.exemplars", "Measurements that stand for others, mostly with the id of a trace."),
    ("storage.exemplars.max_exemplars", "Exemplars that are kept; of more, the oldest are forgotten. 0 keeps none."),
    (
        "memory_limit",
        "What the whole process may take of memory, 128MiB or more; by default half of what the machine, or the control group, has.",
    ),
];

/// The whole page.
pub(crate) fn print() -> String {
    let defaults = defaults();
    let mut page = String::from(HEAD);
    for (path, doc) in KEYS {
        let depth = path.matches('.').count();
        let indent = "  ".repeat(depth);
        let key = path.rsplit('.').next().unwrap_or(path);
        if depth == 0 {
            page.push('\n');
            if *path == "alerting" {
                page.push_str(SCRAPE_EXAMPLE);
                page.push('\n');
            }
        }
        for line in doc.lines() {
            let _ = writeln!(page, "{indent}# {line}");
        }
        let _ = match look_up(&defaults, path) {
            Value::Null => writeln!(page, "{indent}# {key}:"),
            Value::Object(fields) if fields.is_empty() => writeln!(page, "{indent}{key}: {{}}"),
            Value::Object(_) => writeln!(page, "{indent}{key}:"),
            Value::String(text) if text.is_empty() || text.starts_with('[') => {
                writeln!(page, "{indent}{key}: '{text}'")
            }
            Value::String(text) => writeln!(page, "{indent}{key}: {text}"),
            other => writeln!(page, "{indent}{key}: {other}"),
        };
    }
    page
}

fn defaults() -> Value {
    serde_json::to_value(Config::default()).expect("the configuration has string keys")
}

fn look_up<'a>(defaults: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(defaults, |value, key| &value[key])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn paths(value: &Value, prefix: &str, into: &mut BTreeSet<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            paths(value, &path, into);
            into.insert(path);
        }
    }

    #[test]
    fn the_page_has_every_key_and_no_other() {
        let mut real = BTreeSet::new();
        paths(&defaults(), "", &mut real);
        let mut shown: BTreeSet<String> = KEYS.iter().map(|(path, _)| (*path).to_owned()).collect();
        shown.insert("rule_files".to_owned());
        assert_eq!(
            real.difference(&shown).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "keys without a line on the page"
        );
        assert_eq!(
            shown.difference(&real).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "lines for keys that do not exist"
        );
    }

    #[test]
    fn the_page_is_a_configuration_that_changes_nothing() {
        let read = Config::parse(&print()).expect("a valid configuration");
        assert_eq!(serde_json::to_value(read).expect("JSON"), defaults());
    }
}
