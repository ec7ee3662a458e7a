//! Hostile queries: each is answered or refused, within its time, within its memory, and gives back what it took.
//! `WATCHFIRE_HOSTILE` sets how many are made up.

use crate::runner::points::Point;
use crate::runner::source::MemorySource;
use std::fmt::Write as _;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use watchfire_model::{ByteSize, Labels, MemoryPool, QueryBudget, Timestamp};
use watchfire_promql::{Engine, EvalError, parse};

const QUERIES_DEFAULT: u64 = 300;
/// A query that takes longer is called off, as the server does at its time-out.
const PATIENCE: Duration = Duration::from_secs(2);
/// From there to its end: 100 ms are wanted, the rest is for a loaded machine without optimisation.
const STOP_MAX: Duration = Duration::from_secs(3);
const MEMORY_MAX: u64 = 16 << 20;
const SERIES: usize = 200;

fn source() -> MemorySource {
    let mut source = MemorySource::default();
    for index in 0..SERIES {
        let number = index.to_string();
        let group = (index % 7).to_string();
        let bound = if index % 7 == 6 { "+Inf".to_owned() } else { group.clone() };
        let labels = Labels::from_pairs([
            ("__name__", "a"),
            ("i", number.as_str()),
            ("g", group.as_str()),
            ("le", bound.as_str()),
        ]);
        let points: Vec<Point> = (0..40).map(|point| Point::Value(f64::from(point * (index as i32 % 5)))).collect();
        source.load(&labels, 15_000, &points);
    }
    source
}

/// A generator of numbers by a seed (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// An instant vector that asks for too much in some way.
fn vector(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        return random
            .pick(&[
                "a",
                "{__name__=~\".+\"}",
                "{i=~\"(1+)+\"}",
                "a{g!~\"(.*)(.*)(.*)x\"}",
                "vector(time())",
                "a offset 1m",
            ])
            .to_owned();
    }
    let inner = vector(random, depth - 1);
    match random.below(24) {
        0 => format!("count_values(\"v\", {inner})"),
        1 => format!("topk(1000000000, {inner})"),
        2 => format!(
            "sum_over_time(({inner})[{}:{}])",
            random.pick(&["5m", "1h", "5d"]),
            random.pick(&["1ms", "1s", "15s", ""])
        ),
        3 => format!("label_replace({inner}, \"x\", \"{}\", \"i\", \"(.*)\")", "$1".repeat(random.below(3000))),
        4 => format!("label_join({inner}, \"x\", \"-\"{})", ", \"i\"".repeat(random.below(40))),
        5 => format!("{inner} + on(g) group_left() max by (g) ({})", vector(random, depth - 1)),
        6 => format!("{inner} or ignoring(g) {}", vector(random, depth - 1)),
        7 => format!("{inner} and {}", vector(random, depth - 1)),
        8 => format!("({inner} * 2) unless on(i) {}", vector(random, depth - 1)),
        9 => format!("histogram_quantile(0.9, {inner})"),
        10 => format!("quantile by (g) (time() % 1, {inner})"),
        11 => format!("sort_by_label({inner}, \"i\", \"g\")"),
        12 => format!("rate(a[{}])", random.pick(&["1m", "1h", "365d"])),
        13 => format!("sum without (i) ({inner})"),
        14 => format!("absent({inner})"),
        15 => format!("histogram_quantiles({inner}, \"q\"{})", ", time() % 1".repeat(1 + random.below(10))),
        16 => format!("quantile_over_time(0.5, {{__name__=~\".+\"}}[{}])", random.pick(&["5y", "292y", "1ms"])),
        17 => format!("last_over_time(({inner})[{}:1ms])", random.pick(&["5y", "11574d", "1s"])),
        18 => format!("{inner} offset {}", random.pick(&["292y", "-292y", "9223372036854775807s", "-(1y^9)"])),
        19 => format!("a{{i=~\"{}\"}}", "(a|b|c)*{0,9}".repeat(random.below(400))),
        20 => format!("{inner} ^ {}", "(".repeat(random.below(200))),
        21 => format!("{inner} + {inner} + {inner} + {inner}"),
        22 => format!("sum by ({}) ({inner})", vec!["i"; 1 + random.below(2000)].join(",")),
        _ => format!("-({inner}) ^ 2"),
    }
}

/// Runs one query; `Ok` says whether it was answered.
#[track_caller]
fn check(source: &MemorySource, pool: &std::sync::Arc<MemoryPool>, text: &str, steps: i64) -> bool {
    let began = Instant::now();
    let budget = QueryBudget::new(5_000_000).with_memory(pool, MEMORY_MAX);
    let answered = match parse(text) {
        Err(_) => false,
        Ok(expr) => {
            let (start, end) = (Timestamp(0), Timestamp((steps - 1) * 1000));
            let run = || match steps {
                1 => Engine::default().instant(source, &expr, Timestamp(600_000), &budget),
                _ => Engine::default().range(source, &expr, start, end, 1000, &budget),
            };
            let (done, ended) = mpsc::channel::<()>();
            let outcome = std::thread::scope(|scope| {
                let budget = &budget;
                scope.spawn(move || {
                    if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                        budget.cancel();
                    }
                });
                let outcome = run();
                drop(done);
                outcome
            });
            assert!(!matches!(outcome, Err(EvalError::Storage(_))), "{text}");
            outcome.is_ok()
        }
    };
    assert!(began.elapsed() < PATIENCE + STOP_MAX, "{:?} for {text}", began.elapsed());
    drop(budget);
    assert_eq!(pool.used(), 0, "{text}");
    answered
}

#[test]
fn made_up_queries_are_answered_or_refused() {
    let wanted = std::env::var("WATCHFIRE_HOSTILE").ok().and_then(|text| text.parse().ok());
    let source = source();
    let pool = MemoryPool::new("queries", ByteSize(MEMORY_MAX));
    let (mut answered, mut slowest) = (0, Duration::ZERO);
    let wanted = wanted.unwrap_or(QUERIES_DEFAULT);
    for seed in 1..=wanted {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let depth = 1 + random.below(4);
        let text = vector(&mut random, depth);
        let steps = [1, 1, 100, 11_000][random.below(4)];
        let began = Instant::now();
        answered += u64::from(check(&source, &pool, &text, steps));
        slowest = slowest.max(began.elapsed());
    }
    println!("{answered} of {wanted} answered, slowest {slowest:?}, peak {} KiB", pool.peak() >> 10);
    assert!(answered > 0 && answered < wanted);
}

#[test]
fn known_deaths_are_refused_or_answered() {
    let source = source();
    let pool = MemoryPool::new("queries", ByteSize(MEMORY_MAX));
    let mut towers = vec!["(".repeat(1_000_000), "-".repeat(60_000), "abs(".repeat(20_000), "a[1m:]".repeat(10_000)];
    let mut scalars = String::from("time()");
    for _ in 0..30 {
        scalars = format!("(time() + {scalars})");
    }
    towers.push(format!("sum_over_time(vector({scalars})[5d:1s])"));
    for text in &towers {
        check(&source, &pool, text, 1);
    }
    check(&source, &pool, "{__name__=~\".+\"}", 11_000);
    check(&source, &pool, "rate({__name__=~\".+\"}[5d])", 11_000);
    assert!(pool.peak() <= MEMORY_MAX);
}

#[test]
fn labels_do_not_grow_without_end() {
    let source = source();
    let mut grown = String::from("a");
    for _ in 0..9 {
        grown = format!("label_replace({grown}, \"i\", \"$1$1$1$1$1$1$1$1\", \"i\", \"(.*)\")");
    }
    let expr = parse(&grown).unwrap();
    let refused = Engine::default().instant(&source, &expr, Timestamp(600_000), &QueryBudget::unlimited()).unwrap_err();
    assert!(refused.to_string().contains("label value of"), "{refused}");
}

#[test]
fn what_an_answer_holds_stays_taken() {
    let source = source();
    let pool = MemoryPool::new("queries", ByteSize(MEMORY_MAX));
    for text in ["a", "a[5m]", "sum by (i) (a)", "label_join(a, \"x\", \"\", \"i\")", "a + a", "a or a", "rate(a[1m])"]
    {
        let budget = QueryBudget::new(1_000_000).with_memory(&pool, MEMORY_MAX);
        let output = Engine::default().instant(&source, &parse(text).unwrap(), Timestamp(600_000), &budget).unwrap();
        let mut least = String::new();
        write!(least, "{:?}", output.value).unwrap();
        assert!(pool.used() > 30 * SERIES as u64 && pool.used() < 4 * least.len() as u64, "{text}: {}", pool.used());
        assert_eq!(budget.samples(), 0, "{text}");
        drop(budget);
        assert_eq!(pool.used(), 0, "{text}");
    }
}
