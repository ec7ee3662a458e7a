//! `watchfire check streams`: which streams messages would get, without a server.

use crate::cli::CheckStreamsArgs;
use crate::config::Config;
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use watchfire_gelf::{Arrival, Decoded, Decoder, MessageLimits};
use watchfire_model::{TimeNs, stream_names};
use watchfire_pipeline::StreamRules;
use watchfire_store::{Clock, SystemClock};

/// Bytes of a line; messages are bounded to the same.
const LINE_LEN_MAX: u64 = 8 << 20;

/// Prints the line's number and the streams of each record, or how many records each stream gets.
pub(crate) fn streams(args: &CheckStreamsArgs) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    let rules = config.logs.stream_rules().map_err(anyhow::Error::msg)?;
    let input: Box<dyn BufRead> = if args.file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
        Box::new(BufReader::new(file))
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let dry_run = DryRun { rules, now: SystemClock.now(), counts: args.counts.then(BTreeMap::new) };
    let bad_lines = dry_run.run(input, &mut out).with_context(|| format!("reading {}", args.file.display()))?;
    out.flush()?;
    if bad_lines > 0 {
        bail!("{bad_lines} lines of {} hold no message", args.file.display());
    }
    Ok(())
}

struct DryRun {
    rules: StreamRules,
    /// When the messages arrive.
    now: TimeNs,
    /// Records by stream, where single lines are not asked for.
    counts: Option<BTreeMap<String, u64>>,
}

impl DryRun {
    /// Returns how many lines held no message.
    fn run(mut self, mut input: impl BufRead, out: &mut impl Write) -> std::io::Result<u64> {
        let arrival = Arrival { sender: IpAddr::V4(Ipv4Addr::LOCALHOST), received: self.now };
        let mut decoder = Decoder::new(MessageLimits::default());
        let mut line = Vec::new();
        let (mut number, mut bad_lines) = (0_u64, 0);
        loop {
            line.clear();
            number += 1;
            if input.by_ref().take(LINE_LEN_MAX).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let mut decoded = Decoded::default();
            decoder.decode(&line, &arrival, &mut decoded);
            if decoded.records.is_empty() {
                let reason = decoded.faults.first().map_or("no message", |fault| fault.reason.text());
                eprintln!("line {number}: {reason}");
                bad_lines += 1;
            }
            for record in &decoded.records {
                let streams = self.rules.streams_of(record);
                match &mut self.counts {
                    Some(counts) => stream_names(&streams).for_each(|name| match counts.get_mut(name) {
                        Some(count) => *count += 1,
                        None => drop(counts.insert(name.to_owned(), 1)),
                    }),
                    None => writeln!(out, "{number}\t{streams}")?,
                }
            }
        }
        let known = self.rules.names().iter().map(|name| (name.as_str(), 0));
        if let Some(counts) = &self.counts {
            let mut all: BTreeMap<&str, u64> = known.collect();
            all.extend(counts.iter().map(|(name, count)| (name.as_str(), *count)));
            for (name, count) in all {
                writeln!(out, "{name}\t{count}")?;
            }
        }
        Ok(bad_lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &str, counts: bool, want: &str, want_bad_lines: u64) {
        let text = "logs: {streams: [{name: pay, match: 'service:pay'}, {name: noise, match: beat, remove_from_default: true}]}";
        let rules = Config::parse(text).expect("valid").logs.stream_rules().expect("valid");
        let dry_run = DryRun { rules, now: TimeNs(0), counts: counts.then(BTreeMap::new) };
        let mut out = Vec::new();
        let bad_lines = dry_run.run(lines.as_bytes(), &mut out).expect("memory does not fail");
        assert_eq!((String::from_utf8_lossy(&out).as_ref(), bad_lines), (want, want_bad_lines));
    }

    #[test]
    fn each_record_is_named_by_its_line() {
        let lines = "{\"short_message\":\"a\",\"_service\":\"pay\"}\n\n{\"short_message\":\"a beat\"}\nnonsense\n\
                     [{\"short_message\":\"b\"},{\"short_message\":\"beat\",\"_service\":\"Pay\"}]";
        check(lines, false, "1\tdefault,pay\n3\tnoise\n5\tdefault\n5\tnoise,pay\n", 1);
        check(lines, true, "default\t2\nnoise\t2\npay\t2\n", 1);
        check("", true, "noise\t0\npay\t0\n", 0);
    }
}
