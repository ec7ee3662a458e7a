//! Mutated pages: never a panic, whatever comes. `WATCHFIRE_FUZZ_SECONDS=3600 cargo test -p watchfire-scrape fuzz` goes on for
//! that long; by default it is a moment. A failure prints the page.

use crate::exposition::{Entry, Exposition, Format, ReadOptions, SampleValue, read_series};
use std::time::{Duration, Instant};
use watchfire_model::CountKind;

/// Pages that are tried where no time is given.
const ROUNDS: usize = 3_000;
/// Larger pages are not made.
const PAGE_BYTES_MAX: usize = 16 << 10;
/// Pages that got further than others and are mutated again.
const CORPUS_MAX: usize = 512;

const TEXT: &str = "# HELP a h \\\\ \\n x\n# TYPE a histogram\na_bucket{le=\"1\",x=\"\\\"\"} 1 1000\na_bucket{le=\"+Inf\"} 2\na_sum 1e-3\n\
                    a_count 2\n{\"b.c\",\"d e\"=\"f\"} NaN\n# TYPE s summary\ns{quantile=\"0.5\"} -1.5\n";
const OPENMETRICS: &str = "# TYPE a counter\n# UNIT a \n# HELP a h\na_total{x=\"1\"} 1 1.5 # {id=\"7\"} 0.5 1\na_created{x=\"1\"} 1 1.5\n\
                           # TYPE h histogram\nh_bucket{le=\"1\"} 1 # {} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 1\nh_created 2\n\
                           # TYPE i info\ni_info{v=\"1\"} 1\n# TYPE t stateset\nt{t=\"a\"} 1\n# EOF\n";
/// A counter with an exemplar, and a histogram with classic and native buckets.
const PROTOBUF: &[u8] = b"5\x0a\x07a_total\x12\x01h\x18\0\x22%\x0a\x06\x0a\x01x\x12\x011\x1a\x1b\x09\0\0\0\0\0\0\xf0?\x12\x10\x0a\x05\x0a\x01i\x12\0\x11\0\0\0\0\0\0\xf0?\
                          3\x0a\x01h\x18\x04\x22,:*\x08\x03\x11\0\0\0\0\0\0\xf0?\x1a\x0b\x08\x01\x11\0\0\0\0\0\0\xf0?(\x068\x01b\x04\x08\x04\x10\x02j\x02\x02\0z\x02\x08\x07";
/// What the formats are made of.
const TOKENS: [&[u8]; 18] = [
    b"{",
    b"}",
    b"\"",
    b"\\",
    b",",
    b"=",
    b"\n",
    b" ",
    b"#",
    b"# EOF\n",
    b"# TYPE a histogram\n",
    b"le=\"1\"",
    b"1e308",
    b"-Inf",
    b"\xff",
    b"\x80\x80\x80\x80\x10",
    b"\x22\x00",
    b"\x3a\x02\x62\x00",
];

/// Marsaglia's xorshift: the same pages for the same seed.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

#[test]
fn fuzz() {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let until = variable("WATCHFIRE_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = variable("WATCHFIRE_FUZZ_SEED").unwrap_or(0x9e37_79b9_7f4a_7c15);
    let mut random = Random(seed.max(1));
    let mut corpus: Vec<(Format, Vec<u8>)> = vec![
        (Format::Text, TEXT.into()),
        (Format::OpenMetrics, OPENMETRICS.into()),
        (Format::Protobuf, PROTOBUF.into()),
    ];
    for (format, page) in &corpus {
        assert_eq!(read(page, *format).1, None, "a page to begin with is good: {format:?}");
    }
    let mut rounds = 0;
    while until.map_or(rounds < ROUNDS, |until| Instant::now() < until) {
        rounds += 1;
        let other = corpus[random.below(corpus.len())].1.clone();
        let (format, mut page) = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut page, &other, &mut random);
        }
        page.truncate(PAGE_BYTES_MAX);
        let result = std::panic::catch_unwind(|| read(&page, format));
        let Ok((entries, error)) = result else {
            panic!("{format:?} seed {seed}: {:?}", page.escape_ascii().to_string())
        };
        if entries > 0 && (error.is_none() || random.below(16) == 0) {
            if corpus.len() < CORPUS_MAX {
                corpus.push((format, page));
            } else {
                let place = 3 + random.below(CORPUS_MAX - 3);
                corpus[place] = (format, page);
            }
        }
    }
    println!("fuzz: {rounds} pages, {} kept to go on from", corpus.len());
}

/// Entries up to the end or the first error; what must hold of each is asserted.
fn read(page: &[u8], format: Format) -> (usize, Option<String>) {
    // Half of all pages are read strictly.
    let tolerant = page.len().is_multiple_of(2);
    let options = ReadOptions { native_histograms: true, classic_too: true, start_times: true, tolerant };
    let mut entries = 0;
    let mut labels = Vec::new();
    let mut exposition = match Exposition::new(page, format, options) {
        Ok(exposition) => exposition,
        Err(error) => return (0, Some(error.to_string())),
    };
    loop {
        match exposition.next_entry() {
            Ok(None) => return (entries, None),
            Err(error) => return (entries, Some(error.to_string())),
            Ok(Some(Entry::Sample(sample))) => {
                assert!(sample.passage.ends_with(sample.series));
                let mut labels_here = std::mem::take(&mut labels);
                let read = read_series(sample.series, &mut labels_here);
                // Only protobuf gives series whose labels nobody has looked at.
                assert!(read.is_ok() || format == Format::Protobuf, "{:?}", sample.series);
                if let SampleValue::Histogram(histogram) = &sample.value {
                    assert_eq!(histogram.check(CountKind::Float), Ok(()));
                }
            }
            Ok(Some(_)) => {}
        }
        entries += 1;
    }
}

fn mutate(page: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(page.len() + 1);
    match random.below(6) {
        0 if at < page.len() => page[at] ^= 1 << random.below(8),
        1 if at < page.len() => page[at] = random.below(256) as u8,
        2 => {
            let token = TOKENS[random.below(TOKENS.len())];
            page.splice(at..at, token.iter().copied());
        }
        3 => {
            let end = (at + random.below(12)).min(page.len());
            page.drain(at..end);
        }
        4 => {
            let from = random.below(other.len() + 1);
            let to = (from + random.below(64)).min(other.len());
            page.splice(at..at, other[from..to].iter().copied());
        }
        _ => {
            let end = (at + random.below(48)).min(page.len());
            let piece = page[at..end].to_vec();
            page.splice(at..at, piece);
        }
    }
}
