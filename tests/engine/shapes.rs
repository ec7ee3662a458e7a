//! No record is refused for the type, count, depth, name or length of its fields, and what was sent is found.

use crate::messages::{decode, quoted};
use crate::number;
use crate::random::Random;
use crate::world::World;
use std::fmt::Write as _;
use watchfire_logstore::SearchRequest;
use watchfire_model::{FieldSelection, FieldValue, LogFilter, NumberRange, QueryBudget, ScanOrder, TimeRangeNs};

const MESSAGES_DEFAULT: u64 = 250;
/// Bytes of the longest names and values.
const LEN_MAX: u64 = 100_000;
const COUNT_MAX: u64 = 3000;
const DEPTH_MAX: u64 = 3000;

/// A message with an odd shape of one kind or another.
fn odd(random: &mut Random, id: u64) -> String {
    let mut json = format!(r#"{{"host":"h","short_message":"odd","_id_number":{id}"#);
    let many = |random: &mut Random, max: u64| if random.one_in(30) { max } else { random.within(0..20) };
    match random.within(0..6) {
        0 => {
            for n in 0..many(random, COUNT_MAX) {
                let _ = write!(json, ",{}:{}", quoted(&name(random, n)), any(random, 0));
            }
        }
        1 => {
            let depth = many(random, DEPTH_MAX) as usize;
            let _ = write!(json, r#","_deep":{}1{}"#, r#"{"a":"#.repeat(depth), "}".repeat(depth));
        }
        2 => {
            let depth = many(random, DEPTH_MAX) as usize;
            let _ = write!(json, r#","_deep":{}1{}"#, "[".repeat(depth), "]".repeat(depth));
        }
        3 => {
            let long = "é x".repeat(many(random, LEN_MAX) as usize);
            let _ = write!(json, r#","_long":{},{}:1"#, quoted(&long), quoted(&format!("_{long}")));
        }
        4 => {
            // Names of the record's own parts, with values that they never have.
            for name in [
                "version",
                "level",
                "timestamp",
                "full_message",
                "_host",
                "_message",
                "_time",
                "_stream",
                "facility",
                "_",
            ] {
                if random.one_in(2) {
                    let _ = write!(json, ",{}:{}", quoted(name), any(random, 0));
                }
            }
        }
        _ => {
            for name in ["_mixed", "_other"] {
                let _ = write!(json, ",{}:{}", quoted(name), any(random, 3));
            }
        }
    }
    json.push('}');
    json
}

fn name(random: &mut Random, n: u64) -> String {
    match random.within(0..6) {
        0 => String::new(),
        1 => format!("_{}", "n".repeat(random.within(0..300) as usize)),
        2 => format!("_a.b..{n}. c"),
        3 => format!("_größe \"{n}\"\n\u{0}\u{7f}"),
        4 => format!("{n}"),
        _ => format!("_field{n}"),
    }
}

/// Any JSON value.
fn any(random: &mut Random, depth: u32) -> String {
    match random.within(0..if depth > 0 { 12 } else { 10 }) {
        0 => "null".to_owned(),
        1 => "true".to_owned(),
        2 => (random.next() as i64).to_string(),
        3 => format!("{}{}", random.next(), random.next()),
        4 => ["1e999", "-1e-999", "0.1", "-0", "1E5", "123456789012345678901234567890.5"][random.within(0..6) as usize]
            .to_owned(),
        5 => quoted("text"),
        6 => quoted(""),
        7 => quoted(&"0123456789".repeat(random.within(0..60) as usize)),
        8 => r#""\u0000\ud83d\ude00\ud800 \\""#.to_owned(),
        9 => quoted("2026-11-20"),
        10 => format!("[{},{}]", any(random, depth - 1), any(random, depth - 1)),
        _ => format!(r#"{{"a":{},"b c":{}}}"#, any(random, depth - 1), any(random, depth - 1)),
    }
}

#[test]
fn no_record_is_refused_for_its_shape() {
    let mut random = Random::new(number("WATCHFIRE_ENGINE_SEED").unwrap_or(3));
    let mut world = World::new(1);
    let count = number("WATCHFIRE_ENGINE_MESSAGES").unwrap_or(MESSAGES_DEFAULT);
    let mut batch = Vec::new();
    for id in 0..count {
        let json = odd(&mut random, id);
        let (records, refused) = decode(&json);
        assert!(refused == 0 && records.len() == 1, "refused: {}", &json[..json.len().min(2000)]);
        assert_eq!(
            records[0].field("id_number"),
            Some(&FieldValue::I64(id as i64)),
            "{}",
            &json[..json.len().min(2000)]
        );
        batch.extend(records);
        if random.one_in(20) || id + 1 == count {
            world.records.extend(batch.iter().cloned());
            let position = world.store().append(std::mem::take(&mut batch)).expect("no record is refused");
            world.store().commit(position).expect("the disk works");
            if random.one_in(4) {
                world.step(crate::world::Step::Flush, &mut random);
            }
        }
    }
    for record in &mut world.records {
        record.fields.sort_by(|a, b| a.0.cmp(&b.0));
    }
    for step in [crate::world::Step::Flush, crate::world::Step::Compact, crate::world::Step::Restart] {
        for id in 0..count {
            let bound = std::ops::Bound::Included(id as f64);
            let filter = LogFilter::Range { name: "id_number".into(), range: NumberRange { low: bound, high: bound } };
            if id % 40 == 0 {
                let request = SearchRequest {
                    filter,
                    range: TimeRangeNs::ALL,
                    limit: 2,
                    cursor: None,
                    order: ScanOrder::NewestFirst,
                    fields: FieldSelection::All,
                };
                let page = world.store().search(&request, &QueryBudget::unlimited()).expect("an answer");
                let found: Vec<_> = page.records.iter().map(|stored| &stored.record).collect();
                assert_eq!(found, [&world.records[id as usize]], "before {step:?}");
            }
        }
        world.step(step, &mut random);
    }
}
