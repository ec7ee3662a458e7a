//! Blocks as a whole, against the records that were written: whatever is read, found and counted is what a look at each
//! record says; merged or not, of this format or an earlier one; and what is damaged is told.

use crate::block::layout::FieldColumn;
use crate::block::{Block, BlockCache, BlockMerge, BlockScan, BlockWriter, ReadError, Reads, Shape, Survey, Union};
use crate::query::{Granule, Plan, read_records, sort_fields};
use crate::{BlockMeta, RecordId};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use watchfire_model::{
    FieldPattern, FieldValue, Level, LogFilter, LogRecord, NumberRange, Proximity, QueryBudget, TextRegex, TimeNs,
    TimeRangeNs, Wildcard,
};
use watchfire_store::{MemStorage, Storage};

const SHAPE: Shape = Shape { granule_rows: 8, zstd_level: 1 };

fn shelf() -> (Arc<dyn Storage>, Arc<BlockCache>) {
    (Arc::new(MemStorage::new(1)), Arc::new(BlockCache::new(1 << 20)))
}

type Shelf = (Arc<dyn Storage>, Arc<BlockCache>);

fn put_away(shelf: &Shelf, writer: BlockWriter, mut meta: BlockMeta) -> Arc<Block> {
    let finished = writer.finish().unwrap();
    shelf.0.create(&meta.idx_key(), &finished.idx).unwrap();
    (meta.parquet_bytes, meta.idx_bytes) = (finished.parquet_bytes, finished.idx.len() as u64);
    Arc::new(Block::new(meta, Arc::clone(&shelf.0), Arc::clone(&shelf.1)))
}

fn begin(shelf: &Shelf, key: &str, fields: Vec<FieldColumn>) -> (BlockWriter, BlockMeta) {
    let meta = BlockMeta::new(key.to_owned(), LogRecord::DEFAULT_STREAM.into());
    let file = shelf.0.append(&meta.parquet_key()).unwrap();
    (BlockWriter::new(file, fields, SHAPE).unwrap(), meta)
}

/// Writes the records, which are in order of their ids.
fn write(shelf: &Shelf, key: &str, records: &[(RecordId, LogRecord)]) -> Arc<Block> {
    let survey = Survey::new(records.iter().map(|(_, record)| record));
    let (mut writer, mut meta) = begin(shelf, key, survey.fields.clone());
    let mut targets = survey.targets();
    for (id, record) in records {
        let (of_record, rest) = targets.split_at(record.fields.len());
        targets = rest;
        meta.add(*id, record);
        writer.push(*id, record, of_record).unwrap();
    }
    put_away(shelf, writer, meta)
}

fn merge(shelf: &Shelf, key: &str, blocks: &[Arc<Block>]) -> Arc<Block> {
    let mut merge = BlockMerge::open(blocks, SHAPE.granule_rows).unwrap();
    let (mut writer, mut meta) = begin(shelf, key, merge.fields().to_vec());
    while merge.step(&mut writer).unwrap() {}
    for block in blocks {
        meta.add_block(&block.meta);
    }
    put_away(shelf, writer, meta)
}

fn read_all(block: &Arc<Block>) -> Vec<(RecordId, LogRecord)> {
    let mut scan = BlockScan::open(block).unwrap();
    std::iter::from_fn(|| scan.next_record().unwrap()).collect()
}

/// The numbers of the records that pass, and how many pass by the counts of granules that are known without reading.
fn find(block: &Arc<Block>, filter: &LogFilter, range: TimeRangeNs) -> Result<BTreeSet<u64>, ReadError> {
    let reads = Reads::default();
    let opened = block.open(&reads)?;
    let plan = Plan::new(filter, block, &opened, &reads, &QueryBudget::unlimited())?;
    let possible = plan.granules(&opened.layout);
    let mut found = BTreeSet::new();
    for index in 0..opened.layout.granules.len() {
        let granule = Granule { block, opened: &opened, index, reads: &reads, held: None, budget: None };
        let rows = granule.select(&plan, range)?;
        assert!(rows.is_empty() || possible.contains(index), "{filter:?}: granule {index} was ruled out");
        if let Some(count) = granule.count_without_reading(&plan, range)? {
            assert_eq!(count, rows.len() as u64, "{filter:?}: granule {index} was counted");
        }
        let sequences = granule.sequences()?;
        found.extend(rows.iter().map(|row| sequences[row]));
        let rows: Vec<usize> = rows.iter().collect();
        assert!(read_records(granule, &rows)?.iter().all(|record| filter.matches(record)), "{filter:?}");
    }
    Ok(found)
}

fn value() -> impl Strategy<Value = FieldValue> {
    prop_oneof![
        any::<bool>().prop_map(FieldValue::Bool),
        (-3i64..300).prop_map(FieldValue::I64),
        (-8i64..8).prop_map(|n| FieldValue::F64(n as f64 / 2.0)),
        Just(FieldValue::F64(f64::INFINITY)),
        "(|[ab]|a b|A 1|deadbeef|é9|k-17)".prop_map(|text| FieldValue::Text(text.into())),
    ]
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "a",
        "b 1",
        "user 17 took 5ms",
        "user 4711 took 99ms",
        "user 17 lost é9",
        "deadbeef",
        "trace=0af3 ok",
        "->",
        "Connection refused by 10.0.0.7",
        "a—3 \u{212a}1",
    ])
}

fn record() -> impl Strategy<Value = LogRecord> {
    let fields = prop::collection::vec((prop::sample::select(vec!["x", "y", "x.kind", "time"]), value()), 0..4);
    (0i64..40, text(), prop::sample::select(vec!["n1", "n 2", ""]), 0u8..10, fields).prop_map(
        |(time, message, host, level, fields)| LogRecord {
            time: TimeNs(time * 40_000_000_000),
            received: TimeNs(time),
            stream: LogRecord::DEFAULT_STREAM.into(),
            host: host.into(),
            message: message.into(),
            level: Level::new(level),
            fields: fields.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        },
    )
}

fn pattern() -> impl Strategy<Value = FieldPattern> {
    let words = vec![
        "a",
        "b",
        "1",
        "17",
        "user 17",
        "took 5ms",
        "->",
        "deadbeef",
        "0af3",
        "refused by",
        "10.0.0.7",
        "é9",
        "k-17",
        "true",
        "2.5",
        "1k",
        "3",
        "inf",
        "x",
    ];
    let wild = prop::sample::select(vec!["*eadb*", "us*", "*7*", "*r 1*", "?", "*", "zz*", "*->*"]);
    let expressions = prop::sample::select(vec!["took [0-9]+ms", "^user", "7$", "é", r"\d{3}", "USER"]);
    prop_oneof![
        prop::sample::select(words).prop_map(FieldPattern::text),
        wild.prop_map(|text| FieldPattern::Wildcard(Wildcard::parse(text).unwrap())),
        (expressions, any::<bool>())
            .prop_map(|(text, ignore_case)| FieldPattern::Regex(TextRegex::new(text, ignore_case).unwrap())),
        (1usize..3).prop_map(|distance| FieldPattern::Near(Proximity {
            words: vec!["17".to_owned(), "user".to_owned()],
            distance
        })),
    ]
}

fn filter() -> impl Strategy<Value = LogFilter> {
    let name = || prop::sample::select(vec!["x", "y", "message", "host", "level", "x.kind", "time"]);
    let leaf = prop_oneof![
        Just(LogFilter::All),
        pattern().prop_map(LogFilter::Any),
        (name(), pattern()).prop_map(|(name, pattern)| LogFilter::Field { name: name.into(), pattern }),
        name().prop_map(|name| LogFilter::Exists { name: name.into() }),
        (name(), -2i32..6).prop_map(|(name, low)| {
            let low = std::ops::Bound::Included(f64::from(low));
            LogFilter::Range { name: name.into(), range: NumberRange { low, high: std::ops::Bound::Unbounded } }
        }),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(LogFilter::And),
            prop::collection::vec(inner.clone(), 1..3).prop_map(LogFilter::Or),
            inner.prop_map(|part| LogFilter::Not(Box::new(part))),
        ]
    })
}

/// Gives numbers in order of arrival, sorts by time, and sorts fields as answers do.
fn in_order(records: Vec<LogRecord>, first: u64) -> Vec<(RecordId, LogRecord)> {
    let numbered = (first..).zip(records);
    let mut records: Vec<(RecordId, LogRecord)> =
        numbered.map(|(sequence, record)| (RecordId { time: record.time, sequence }, record)).collect();
    records.sort_by_key(|(id, _)| *id);
    for (_, record) in &mut records {
        sort_fields(record);
    }
    records
}

/// As [`in_order`], but that of two values under one name the first stays in front, as they were given.
fn wanted(records: &[(RecordId, LogRecord)], filter: &LogFilter, range: TimeRangeNs) -> BTreeSet<u64> {
    let passes = |(id, record): &&(RecordId, LogRecord)| range.contains(id.time) && filter.matches(record);
    records.iter().filter(passes).map(|(id, _)| id.sequence).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_is_read_and_found_is_what_was_written(
        parts in prop::collection::vec(prop::collection::vec(record(), 0..30), 1..4),
        filters in prop::collection::vec(filter(), 1..6),
        end in 0i64..50,
    ) {
        let shelf = shelf();
        let mut all = Vec::new();
        let mut blocks = Vec::new();
        let range = TimeRangeNs { start: TimeNs(0), end: TimeNs(end * 40_000_000_000) };
        for (number, records) in parts.into_iter().enumerate() {
            let records = in_order(records, number as u64 * 1000);
            let block = write(&shelf, &format!("logs/{number}"), &records);
            prop_assert_eq!(&read_all(&block), &records);
            for filter in &filters {
                prop_assert_eq!(find(&block, filter, TimeRangeNs::ALL).unwrap(), wanted(&records, filter, TimeRangeNs::ALL));
            }
            all.extend(records);
            blocks.push(block);
        }
        all.sort_by_key(|(id, _)| *id);
        let merged = merge(&shelf, "logs/merged", &blocks);
        prop_assert_eq!(merged.meta.rows, all.len() as u64);
        prop_assert_eq!(&read_all(&merged), &all);
        for range in [range, TimeRangeNs::ALL] {
            for filter in &filters {
                prop_assert_eq!(find(&merged, filter, range).unwrap(), wanted(&all, filter, range), "{:?}", filter);
            }
        }
        merged.verify().unwrap();
    }
}

fn line(n: i64) -> LogRecord {
    let fields = vec![
        ("code".into(), if n % 5 == 0 { FieldValue::Text("none".into()) } else { FieldValue::I64(200 + n % 7) }),
        ("request_id".into(), FieldValue::Text(format!("a1d57279-56db-79cc-863a-{:012x}", n * 7919).into())),
        (
            "service".into(),
            FieldValue::Text(["order-service", "search-api", "bastion"][usize::try_from(n).unwrap() % 3].into()),
        ),
        ("took_ms".into(), FieldValue::F64(n as f64 / 4.0)),
    ];
    LogRecord {
        time: TimeNs(1_795_046_400_000_000_000 + n * 1_000_000_000),
        received: TimeNs(1_795_046_400_500_000_000 + n * 1_000_000_000),
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: format!("node-{}", n % 4).into(),
        message: match n % 4 {
            0 => format!("GET /v1/items/{n} took {}ms", n * 3).into(),
            1 => format!("Connection refused by 10.0.0.{} größe=é", n % 250).into(),
            2 => "NullPointerException in worker".into(),
            _ => format!("trace_id={:016x} done -> ok", n * 0x9e37_79b9).into(),
        },
        level: if n % 9 == 0 { None } else { Level::new((n % 8) as u8) },
        fields,
    }
}

fn lines(numbers: std::ops::Range<i64>) -> Vec<(RecordId, LogRecord)> {
    let first = numbers.start as u64;
    in_order(numbers.map(line).collect(), first)
}

#[test]
fn full_granules_are_copied_and_small_ones_joined() {
    let shelf = shelf();
    let blocks: Vec<Arc<Block>> =
        (0..4).map(|n| write(&shelf, &format!("logs/{n}"), &lines(n * 18..n * 18 + 18))).collect();
    let mut merge = BlockMerge::open(&blocks, SHAPE.granule_rows).unwrap();
    let (mut writer, mut meta) = begin(&shelf, "logs/merged", merge.fields().to_vec());
    while merge.step(&mut writer).unwrap() {}
    assert_eq!((merge.copied(), merge.rewritten()), (8, 8));
    for block in &blocks {
        meta.add_block(&block.meta);
    }
    let merged = put_away(&shelf, writer, meta);
    let opened = merged.open(&Reads::default()).unwrap();
    assert_eq!(opened.layout.granules.iter().map(|granule| granule.rows).collect::<Vec<_>>(), [8; 9]);
    assert_eq!(read_all(&merged), lines(0..72));
    merged.verify().unwrap();
}

#[test]
fn phrases_levels_and_values_are_counted_without_reading() {
    let shelf = shelf();
    let block = write(&shelf, "logs/1", &lines(0..64));
    let reads = Reads::default();
    let opened = block.open(&reads).unwrap();
    let field = |name: &str, text: &str| LogFilter::Field { name: name.into(), pattern: FieldPattern::text(text) };
    let parts = FieldPattern::Wildcard(Wildcard::parse("*eption*").unwrap());
    let filters = [
        LogFilter::All,
        LogFilter::Any(FieldPattern::text("connection refused")),
        LogFilter::Any(FieldPattern::text("done")),
        LogFilter::Not(Box::new(field("message", "worker"))),
        LogFilter::Field { name: "message".into(), pattern: parts },
        field("service", "bastion"),
        field("host", "node-3"),
        field("level", "3"),
    ];
    for filter in &filters {
        let plan = Plan::new(filter, &block, &opened, &reads, &QueryBudget::unlimited()).unwrap();
        let count = |index| {
            let granule = Granule { block: &block, opened: &opened, index, reads: &reads, held: None, budget: None };
            granule.count_without_reading(&plan, TimeRangeNs::ALL).unwrap()
        };
        let counted: Option<u64> = (0..opened.layout.granules.len()).map(count).sum();
        assert_eq!(counted, Some(wanted(&lines(0..64), filter, TimeRangeNs::ALL).len() as u64), "{filter:?}");
    }
    let summary = block.summary(&opened, &reads).unwrap().unwrap();
    let minutes: u32 = summary.granules.iter().flat_map(|granule| granule.time_counts().unwrap()).map(|(_, n)| n).sum();
    assert_eq!(minutes, 64);
}

/// A block of index version 2, written by the code of that time: 300 of [`line`], granules of 100.
#[test]
fn blocks_of_version_2_are_read_and_merged() {
    let shelf = shelf();
    let (columns, index) = (include_bytes!("../tests/version2.parquet"), include_bytes!("../tests/version2.idx"));
    let mut meta = BlockMeta::new("logs/version2".to_owned(), LogRecord::DEFAULT_STREAM.into());
    let records = lines(0..300);
    for (id, record) in &records {
        meta.add(*id, record);
    }
    shelf.0.create(&meta.parquet_key(), columns).unwrap();
    shelf.0.create(&meta.idx_key(), index).unwrap();
    (meta.parquet_bytes, meta.idx_bytes) = (columns.len() as u64, index.len() as u64);
    let block = Arc::new(Block::new(meta, Arc::clone(&shelf.0), Arc::clone(&shelf.1)));
    block.verify().unwrap();
    assert_eq!(read_all(&block), records);
    let fresh = write(&shelf, "logs/fresh", &lines(300..340));
    let merged = merge(&shelf, "logs/merged", &[Arc::clone(&block), fresh]);
    assert_eq!(read_all(&merged), lines(0..340));
    for text in ["connection refused", "worker", "36ms", "a1d57279-56db-79cc-863a-000000001eef", "node-2", "2.25", "->"]
    {
        let filter = LogFilter::Any(FieldPattern::text(text));
        for (block, records) in [(&block, lines(0..300)), (&merged, lines(0..340))] {
            let wanted = wanted(&records, &filter, TimeRangeNs::ALL);
            assert!(!wanted.is_empty(), "{text}");
            assert_eq!(find(block, &filter, TimeRangeNs::ALL).unwrap(), wanted, "{text}");
        }
    }
}

#[test]
fn a_flipped_bit_is_told_or_changes_nothing() {
    let records = lines(0..12);
    let (storage, cache) = (MemStorage::new(1), Arc::new(BlockCache::new(1 << 20)));
    let shelf: Shelf = (Arc::new(storage.clone()), Arc::clone(&cache));
    let meta = write(&shelf, "logs/1", &records).meta.clone();
    let filters =
        [LogFilter::Any(FieldPattern::text("12ms")), LogFilter::Any(FieldPattern::text("done")), LogFilter::All];
    for (key, bytes) in [(meta.parquet_key(), meta.parquet_bytes), (meta.idx_key(), meta.idx_bytes)] {
        // A prime step meets every part of the files and every bit of a byte.
        for bit in (0..bytes * 8).step_by(211) {
            assert!(storage.flip_bit(&key, bit));
            let block =
                Arc::new(Block::new(meta.clone(), Arc::new(storage.clone()), Arc::new(BlockCache::new(1 << 20))));
            assert!(matches!(block.verify(), Err(ReadError::Damaged(_))), "bit {bit} of {key}");
            for filter in &filters {
                if let Ok(found) = find(&block, filter, TimeRangeNs::ALL) {
                    assert_eq!(found, wanted(&records, filter, TimeRangeNs::ALL), "bit {bit} of {key}");
                }
            }
            assert!(storage.flip_bit(&key, bit));
        }
    }
}

#[test]
fn overlapping_granules_are_read_in_order() {
    let shelf = shelf();
    let every = |first: i64| -> Vec<(RecordId, LogRecord)> {
        let records = (0..40).map(|n| line(n * 3 + first)).collect();
        in_order(records, first as u64 * 1000)
    };
    let blocks: Vec<Arc<Block>> = (0..3).map(|n| write(&shelf, &format!("logs/{n}"), &every(n))).collect();
    let merged = merge(&shelf, "logs/merged", &blocks);
    let mut all: Vec<(RecordId, LogRecord)> = (0..3).flat_map(every).collect();
    all.sort_by_key(|(id, _)| *id);
    assert_eq!(read_all(&merged), all);
    let scan = BlockScan::open(&merged).unwrap();
    assert!(Union::new(&[scan], |_, _, error| Err(error)).is_ok());
}

/// Two blocks whose templates do not fit into one: what does not is stored as it is.
#[test]
fn a_merge_with_too_many_templates_keeps_every_message() {
    let shelf = shelf();
    let letters =
        |n: i64| -> String { format!("{n:03}").bytes().map(|digit| char::from(digit + b'g' - b'0')).collect() };
    let long = |n: i64| {
        let message = format!("{} {}", letters(n), "xyz ".repeat(1900)).into();
        LogRecord { message, ..line(n) }
    };
    let part = |numbers: std::ops::Range<i64>| in_order(numbers.clone().map(long).collect(), numbers.start as u64);
    let blocks = [write(&shelf, "logs/1", &part(0..320)), write(&shelf, "logs/2", &part(320..640))];
    let merged = merge(&shelf, "logs/merged", &blocks);
    let opened = merged.open(&Reads::default()).unwrap();
    let summary = merged.summary(&opened, &Reads::default()).unwrap().unwrap();
    assert!(summary.granules.iter().any(|granule| granule.untemplated > 0), "all templates fit");
    assert_eq!(read_all(&merged), part(0..640));
    merged.verify().unwrap();
}
