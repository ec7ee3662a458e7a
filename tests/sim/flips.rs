//! Single bits flip in every kind of file: the stores notice, or it does no harm. Never a panic, never a wrong answer.
//!
//! `WATCHFIRE_SIM_FLIPS` says how many (`make flips FLIPS=100000`).

use crate::number;
use crate::random::Random;
use crate::shelf::{Shelf, Verdict};
use std::collections::BTreeMap;
use std::time::Instant;
use watchfire_store::{DirStorage, Object};

const FLIPS_DEFAULT: u64 = 210;

/// Files by what they are; each kind gets as many flips as any other.
fn kinds(objects: Vec<Object>) -> BTreeMap<String, Vec<Object>> {
    let mut kinds: BTreeMap<String, Vec<Object>> = BTreeMap::new();
    for object in objects.into_iter().filter(|object| object.size > 0) {
        let parts: Vec<&str> = object.key.split('/').collect();
        let kind = match parts[0] {
            "manifest" | "wal" => format!("{}/{}", parts[0], parts[1]),
            top => format!("{top}/{}", object.key.rsplit('.').next().unwrap_or_default()),
        };
        kinds.entry(kind).or_default().push(object);
    }
    kinds
}

#[test]
fn flipped_bits_are_detected_or_harmless() {
    let begun = Instant::now();
    let flips = number("WATCHFIRE_SIM_FLIPS").unwrap_or(FLIPS_DEFAULT);
    let shelf = Shelf::new();
    assert_eq!(shelf.judge(&shelf.storage.crash()), Verdict::Harmless, "without any damage");
    let kinds: Vec<(String, Vec<Object>)> = kinds(shelf.objects()).into_iter().collect();
    let mut random = Random::new(number("WATCHFIRE_SIM_SEED").unwrap_or(1));
    // Per kind: harmless and detected.
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for flip in 0..flips {
        let (kind, objects) = &kinds[(flip % kinds.len() as u64) as usize];
        let object = &objects[random.within(0..objects.len() as u64) as usize];
        let bit = random.within(0..object.size * 8);
        let damaged = shelf.storage.crash();
        assert!(damaged.flip_bit(&object.key, bit), "the bit is there");
        let count = counts.entry(kind).or_default();
        match shelf.judge(&damaged) {
            Verdict::Harmless => count.0 += 1,
            Verdict::Detected => count.1 += 1,
            Verdict::Wrong(what) => wrong.push(format!("bit {bit} of {} ({} bytes): {what}", object.key, object.size)),
        }
    }
    let kinds: Vec<String> =
        counts.iter().map(|(kind, (harmless, detected))| format!("{kind} {detected}+{harmless}")).collect();
    println!(
        "flips: {flips} single bits, {} wrong; by kind, detected + harmless: {}; {:.0} s",
        wrong.len(),
        kinds.join(", "),
        begun.elapsed().as_secs_f64(),
    );
    assert!(wrong.is_empty(), "{} of {flips}:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

#[test]
fn a_flip_in_the_format_file_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(DirStorage::open(dir.path()).expect("a new directory"));
    let path = dir.path().join("FORMAT");
    let healthy = std::fs::read(&path).expect("the file is there");
    for bit in 0..healthy.len() * 8 {
        let mut damaged = healthy.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &damaged).expect("written");
        match DirStorage::open(dir.path()) {
            // White space at the end.
            Ok(_) => assert!(bit / 8 == healthy.len() - 1, "bit {bit} is not noticed"),
            Err(error) => assert!(error.to_string().contains("FORMAT"), "bit {bit}: {error}"),
        }
    }
}
