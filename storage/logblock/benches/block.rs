//! What a block costs and answers: `WATCHFIRE_LOGS=day.ndjson cargo bench -p watchfire-logblock`, with GELF messages, one a
//! line, as `loggen ndjson day.ndjson 1000000` writes them. Blocks of 250,000 records are written and then merged into one.
//! Parsing is left out of the figures. Needs about 2 KiB of memory a message.

#![expect(clippy::print_stdout, reason = "the figures are the output")]

mod loggen;

use loggen::parse;
use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use watchfire_logblock::block::layout::GRANULE_ROWS;
use watchfire_logblock::block::{Block, BlockCache, BlockMerge, BlockWriter, Part, Reads, Shape, Survey};
use watchfire_logblock::query::{Granule, Plan, read_records};
use watchfire_logblock::{BlockMeta, RecordId};
use watchfire_model::{FieldPattern, LogFilter, LogRecord, QueryBudget, TextRegex, TimeRangeNs, Wildcard};
use watchfire_store::{DirStorage, Storage};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BLOCK_ROWS: usize = 250_000;
const SHAPE: Shape = Shape { granule_rows: GRANULE_ROWS, zstd_level: 1 };
const REPEATS: usize = 7;
/// As the store has by default.
const CACHE_BYTES: u64 = 64 << 20;

fn main() {
    let path = std::env::var("WATCHFIRE_LOGS").unwrap_or_default();
    let Ok(file) = File::open(&path) else {
        println!("skipped: WATCHFIRE_LOGS names no file of GELF messages, one a line");
        return;
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let storage: Arc<dyn Storage> = Arc::new(DirStorage::open(directory.path()).expect("a fresh directory"));
    let cache = Arc::new(BlockCache::new(CACHE_BYTES));
    let mut lines = BufReader::new(file).lines();
    let mut blocks = Vec::new();
    let (mut surveying, mut writing, mut rows) = (0.0, 0.0, 0);
    loop {
        let records: Vec<LogRecord> =
            lines.by_ref().take(BLOCK_ROWS).map_while(Result::ok).filter_map(|line| parse(&line)).collect();
        if records.is_empty() {
            break;
        }
        let cpu = cpu_seconds();
        let survey = Survey::new(records.iter());
        surveying += cpu_seconds() - cpu;
        let cpu = cpu_seconds();
        let meta = write(&storage, &format!("logs/{}", blocks.len()), &survey, &records, rows);
        writing += cpu_seconds() - cpu;
        rows += records.len() as u64;
        blocks.push(Arc::new(Block::new(meta, Arc::clone(&storage), Arc::clone(&cache))));
    }
    let per_million = |seconds: f64| seconds / rows as f64 * 1e6;
    println!("{rows} records in {} blocks", blocks.len());
    println!("survey: {:.2} cpu-s/M, write: {:.2} cpu-s/M", per_million(surveying), per_million(writing));
    tell_parts("written", &blocks);
    let cpu = cpu_seconds();
    let merged = merge(&storage, &cache, &blocks);
    println!("merge: {:.2} cpu-s/M", per_million(cpu_seconds() - cpu));
    let merged = [merged];
    tell_parts("merged", &merged);
    tell_queries(&merged);
    tell_columns(&merged);
}

fn write(storage: &Arc<dyn Storage>, key: &str, survey: &Survey, records: &[LogRecord], first: u64) -> BlockMeta {
    let mut meta = BlockMeta::new(key.to_owned(), LogRecord::DEFAULT_STREAM.into());
    let file = storage.append(&meta.parquet_key()).expect("a fresh key");
    let mut writer = BlockWriter::new(file, survey.fields.clone(), SHAPE).expect("the disk works");
    let mut targets = survey.targets();
    for (sequence, record) in (first..).zip(records) {
        let (of_record, rest) = targets.split_at(record.fields.len());
        targets = rest;
        let id = RecordId { time: record.time, sequence };
        meta.add(id, record);
        writer.push(id, record, of_record).expect("the disk works");
    }
    let finished = writer.finish().expect("the disk works");
    storage.create(&meta.idx_key(), &finished.idx).expect("the disk works");
    (meta.parquet_bytes, meta.idx_bytes) = (finished.parquet_bytes, finished.idx.len() as u64);
    meta
}

fn merge(storage: &Arc<dyn Storage>, cache: &Arc<BlockCache>, blocks: &[Arc<Block>]) -> Arc<Block> {
    let mut meta = BlockMeta::new("logs/merged".to_owned(), LogRecord::DEFAULT_STREAM.into());
    let mut merge = BlockMerge::open(blocks, SHAPE.granule_rows).expect("whole blocks");
    let file = storage.append(&meta.parquet_key()).expect("a fresh key");
    let mut writer = BlockWriter::new(file, merge.fields().to_vec(), SHAPE).expect("the disk works");
    while merge.step(&mut writer).expect("whole blocks") {}
    println!("{} granules copied, {} records written anew", merge.copied(), merge.rewritten());
    for block in blocks {
        meta.add_block(&block.meta);
    }
    let finished = writer.finish().expect("the disk works");
    storage.create(&meta.idx_key(), &finished.idx).expect("the disk works");
    (meta.parquet_bytes, meta.idx_bytes) = (finished.parquet_bytes, finished.idx.len() as u64);
    Arc::new(Block::new(meta, Arc::clone(storage), Arc::clone(cache)))
}

fn tell_parts(what: &str, blocks: &[Arc<Block>]) {
    let rows: u64 = blocks.iter().map(|block| block.meta.rows).sum();
    let per_row = |bytes: u64| bytes as f64 / rows as f64;
    let mut parts: BTreeMap<Part, u64> = BTreeMap::new();
    for block in blocks {
        for (part, bytes) in block.parts().expect("a whole block") {
            *parts.entry(part).or_default() += bytes;
        }
    }
    let of = |pick: fn(&BlockMeta) -> u64| per_row(blocks.iter().map(|block| pick(&block.meta)).sum());
    println!(
        "{what}: {:.1} B/record, {:.1} columns, {:.1} index",
        of(BlockMeta::bytes),
        of(|meta| meta.parquet_bytes),
        of(|meta| meta.idx_bytes)
    );
    for (part, bytes) in parts {
        println!("  {part:?}: {:.2} B/record", per_row(bytes));
    }
}

fn queries() -> Vec<(&'static str, LogFilter)> {
    let any = |text: &str| LogFilter::Any(FieldPattern::text(text));
    let field = |name: &str, text: &str| LogFilter::Field { name: name.into(), pattern: FieldPattern::text(text) };
    let message = |pattern| LogFilter::Field { name: "message".into(), pattern };
    let like = |text: &str| message(FieldPattern::Wildcard(Wildcard::parse(text).expect("a short pattern")));
    let regex = |text: &str| message(FieldPattern::Regex(TextRegex::new(text, false).expect("a small expression")));
    vec![
        ("all", LogFilter::All),
        ("needle", any("zk81qxneedle")),
        ("rare id", field("request_id", "a1d57279-56db-79cc-863a-44ccebc5d521")),
        ("word", any("error")),
        ("phrase", any("connection refused")),
        ("number", any("48213")),
        ("substring", like("*eption*")),
        ("regex with a literal", regex(r"took \d+ s")),
        ("regex without one", regex(r"[0-9]{4}ms")),
        ("service", field("service", "order-service")),
        ("level and word", LogFilter::And(vec![field("level", "3"), any("timeout")])),
    ]
}

/// Counts what passes, first with nothing in memory, then again.
fn tell_queries(blocks: &[Arc<Block>]) {
    for (name, filter) in queries() {
        let mut times: Vec<f64> = Vec::new();
        let mut told = String::new();
        for _ in 0..=REPEATS {
            let cpu = thread_cpu_ms();
            let (found, summed, read) = count(blocks, &filter);
            times.push(thread_cpu_ms() - cpu);
            told = format!("{found} records, {summed} granules summed, {read} read");
        }
        let cold = times.remove(0);
        times.sort_by(f64::total_cmp);
        println!("{name}: {:.2} CPU ms, {cold:.2} the first time; {told}", times[REPEATS / 2]);
    }
}

/// Reads whole columns, as aggregates do, past the cache.
fn tell_columns(blocks: &[Arc<Block>]) {
    for name in ["duration_ms", "service", "user_id", "request_id"] {
        let mut times: Vec<f64> = Vec::new();
        for _ in 0..REPEATS {
            let cpu = thread_cpu_ms();
            for block in blocks {
                let reads = Reads::passing();
                let opened = block.open(&reads).expect("a whole block");
                let Some(field) = opened.layout.field(name) else { continue };
                for granule in 0..opened.layout.granules.len() {
                    let leaf = opened.layout.fields[field].leaf;
                    black_box(block.column(&opened, granule, leaf, &reads).expect("a whole block"));
                }
            }
            times.push(thread_cpu_ms() - cpu);
        }
        times.sort_by(f64::total_cmp);
        println!("column {name}: {:.2} CPU ms", times[REPEATS / 2]);
    }
}

fn count(blocks: &[Arc<Block>], filter: &LogFilter) -> (u64, u64, u64) {
    let (mut found, mut summed, mut read) = (0, 0, 0);
    let reads = Reads::default();
    for block in blocks {
        let opened = block.open(&reads).expect("a whole block");
        let plan = Plan::new(filter, block, &opened, &reads, &QueryBudget::unlimited()).expect("a whole block");
        for index in plan.granules(&opened.layout).iter() {
            let granule = Granule { block, opened: &opened, index, reads: &reads, held: None, budget: None };
            let known = granule.count_without_reading(&plan, TimeRangeNs::ALL).expect("a whole block");
            if let Some(known) = known {
                (found, summed) = (found + known, summed + 1);
                continue;
            }
            let rows = granule.select(&plan, TimeRangeNs::ALL).expect("a whole block");
            let few: Vec<usize> = rows.iter().take(1).collect();
            black_box(read_records(granule, &few).expect("a whole block"));
            (found, read) = (found + rows.len() as u64, read + 1);
        }
    }
    (found, summed, read)
}

/// Time that this thread has run. Linux: `/proc/thread-self/schedstat`, the first number, in nanoseconds.
fn thread_cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

/// User and system time of this process. Linux: proc(5), `/proc/self/stat`, in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks =
        |field: usize| after_name.split_whitespace().nth(field).and_then(|ticks| ticks.parse().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
