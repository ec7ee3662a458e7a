//! Texts that were expressions once: pieces of upstream's and our own scripts, cut, doubled, swapped and put together
//! anew. None makes the parser or the engine panic, what parses is
//! printed so that it parses again, and all that is taken is given back.
//! `WATCHFIRE_FUZZ_SECONDS` says for how long, 2 unless said; a failure prints its text.

use crate::oracle::expressions;
use crate::runner::points::Point;
use crate::runner::source::MemorySource;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchfire_model::{ByteSize, Labels, MemoryPool, QueryBudget, Timestamp};
use watchfire_promql::{Engine, parse, pretty, syntax_tree};

const SECONDS_DEFAULT: u64 = 2;
const MEMORY_MAX: u64 = 8 << 20;
const SAMPLES_MAX: u64 = 200_000;

/// A generator of numbers by a seed (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    /// A place in a text where a character begins.
    fn place(&mut self, text: &str) -> usize {
        let at = self.below(text.len() + 1);
        text.floor_char_boundary(at)
    }

    fn pick<'t>(&mut self, corpus: &'t [String]) -> &'t str {
        &corpus[self.below(corpus.len())]
    }
}

const PIECES: [&str; 22] = [
    "[1000000y]",
    "[5m:1ms]",
    "1e308",
    "-",
    "offset -9999d",
    "@ end()",
    "{__name__=~\".+\"}",
    "by ()",
    "without (le)",
    "bool",
    "0x",
    "'\\xff'",
    "{{}}",
    "^",
    "atan2",
    "</ 0",
    "fill(NaN)",
    "smoothed",
    "[step()*0]",
    "😀",
    "\"",
    "(",
];

fn mutated(random: &mut Random, corpus: &[String]) -> String {
    let mut text = random.pick(corpus).to_owned();
    for _ in 0..=random.below(3) {
        match random.below(6) {
            0 => {
                let (a, b) = (random.place(&text), random.place(&text));
                text.replace_range(a.min(b)..a.max(b), "");
            }
            1 => {
                let (a, b, to) = (random.place(&text), random.place(&text), random.place(&text));
                let piece = text[a.min(b)..a.max(b)].to_owned();
                text.insert_str(to, &piece);
            }
            2 => {
                let at = random.place(&text);
                text.insert_str(at, PIECES[random.below(PIECES.len())]);
            }
            3 => {
                let other = random.pick(corpus);
                let (from, to) = (random.place(other), random.place(&text));
                text = format!("{}{}", &text[..to], &other[from..]);
            }
            4 => text = format!("sum_over_time(({text})[5m:10s])"),
            _ => {
                text = format!(
                    "({text}) {} ({})",
                    ["+", "and", "or", "/ on ()", ">"][random.below(5)],
                    random.pick(corpus)
                );
            }
        }
    }
    text
}

fn source() -> MemorySource {
    let mut source = MemorySource::default();
    for index in 0..12 {
        let name = ["http_requests", "metric", "foo", "http_requests_total"][index % 4];
        let labels =
            Labels::from_pairs([("__name__", name), ("i", &index.to_string()), ("le", &(index / 4).to_string())]);
        let points: Vec<Point> = (0..30).map(|at| Point::Value(f64::from(at * index as i32))).collect();
        source.load(&labels, 60_000, &points);
    }
    source
}

fn check(source: &MemorySource, pool: &Arc<MemoryPool>, text: &str) -> bool {
    let Ok(expr) = parse(text) else { return false };
    let printed = expr.to_string();
    assert_eq!(parse(&printed).as_ref(), Ok(&expr), "{text} printed as {printed}");
    let broken = pretty(&expr);
    assert_eq!(parse(&broken).as_ref(), Ok(&expr), "{text} broken into {broken}");
    assert!(syntax_tree(&expr).is_object(), "{text}");
    let budget = QueryBudget::new(SAMPLES_MAX).with_memory(pool, MEMORY_MAX);
    let engine = Engine::default();
    // Errors are answers too.
    let _ = engine.instant(source, &expr, Timestamp(900_000), &budget);
    let _ = engine.range(source, &expr, Timestamp(0), Timestamp(900_000), 60_000, &budget);
    drop(budget);
    assert_eq!(pool.used(), 0, "{text}");
    true
}

#[test]
fn fuzz_mutated_expressions() {
    let seconds = std::env::var("WATCHFIRE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(SECONDS_DEFAULT));
    let corpus: Vec<String> = expressions().into_iter().filter(|text| text.len() < 2000).collect();
    let (source, pool) = (source(), MemoryPool::new("queries", ByteSize(MEMORY_MAX)));
    let (mut tried, mut valid, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    while Instant::now() < until {
        tried += 1;
        let text = mutated(&mut Random(tried.wrapping_mul(0x9e37_79b9_7f4a_7c15)), &corpus);
        let began = Instant::now();
        valid += u64::from(check(&source, &pool, &text));
        let took = began.elapsed();
        slowest = slowest.max(took);
    }
    println!("promql: {tried} mutated texts, {valid} of them valid, slowest {slowest:?}");
    assert!(valid > 0 && valid < tried);
}
