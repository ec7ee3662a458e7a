//! Families as a client library encodes them.

use crate::exposition::tests::{ALL, read_with};
use crate::exposition::{Format, ReadOptions};

/// A message: number and value of each field.
#[derive(Debug, Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(mut self, number: u32, wire: u64) -> Message {
        self.0.extend(varint(u64::from(number) << 3 | wire));
        self
    }

    fn number(self, number: u32, value: u64) -> Message {
        let mut it = self.key(number, 0);
        it.0.extend(varint(value));
        it
    }

    fn zigzag(self, number: u32, value: i64) -> Message {
        self.number(number, zigzag(value))
    }

    fn float(self, number: u32, value: f64) -> Message {
        let mut it = self.key(number, 1);
        it.0.extend(value.to_le_bytes());
        it
    }

    fn bytes(self, number: u32, bytes: &[u8]) -> Message {
        let mut it = self.key(number, 2);
        it.0.extend(varint(bytes.len() as u64));
        it.0.extend(bytes);
        it
    }

    fn text(self, number: u32, text: &str) -> Message {
        self.bytes(number, text.as_bytes())
    }

    fn message(self, number: u32, message: &Message) -> Message {
        self.bytes(number, &message.0)
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn family(name: &str, kind: u64, metrics: &[Message]) -> Message {
    let head = Message::default().text(1, name).text(2, "about").number(3, kind);
    metrics.iter().fold(head, |family, metric| family.message(4, metric))
}

fn label(name: &str, value: &str) -> Message {
    Message::default().text(1, name).text(2, value)
}

fn at(seconds: u64) -> Message {
    Message::default().number(1, seconds).number(2, 500_000_000)
}

fn exemplar(id: &str, value: f64, time: Option<u64>) -> Message {
    let it = Message::default().message(1, &label("id", id)).float(2, value);
    time.map_or(it.clone(), |seconds| it.message(3, &at(seconds)))
}

fn page(families: &[Message]) -> Vec<u8> {
    families.iter().flat_map(|family| [varint(family.0.len() as u64), family.0.clone()].concat()).collect()
}

#[track_caller]
fn check(families: &[Message], options: ReadOptions, want: Result<&[&str], &str>) {
    let got = read_with(&page(families), Format::Protobuf, options).map_err(|error| error.to_string());
    let want = want.map(|want| want.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()).map_err(str::to_owned);
    assert_eq!(got, want);
}

#[test]
fn simple_metrics_and_summaries() {
    let counter = Message::default()
        .message(1, &label("b.c", "1\n"))
        .message(3, &Message::default().float(1, 2.5).message(2, &exemplar("x", 0.5, None)).message(3, &at(7)))
        .number(6, 1234);
    let quantile = |quantile, value| Message::default().float(1, quantile).float(2, value);
    let summary =
        Message::default().number(1, 3).float(2, 6.0).message(3, &quantile(0.5, 1.0)).message(3, &quantile(1.0, 2.0));
    let families = [
        family("a_total", 0, &[counter, Message::default()]),
        family("empty", 0, &[]),
        family("g", 1, &[Message::default().message(2, &Message::default().float(1, -1.0))]),
        family("s", 2, &[Message::default().message(4, &summary)]),
        family("ü", 3, &[Message::default().message(5, &Message::default().float(1, 1.0))]),
    ];
    check(
        &families,
        ALL,
        Ok(&[
            r#"HELP a_total "about""#,
            "TYPE a_total Counter",
            "a_total {b.c=\"1\\n\"} 2.5 @1234 since 7500 # {id=\"x\"} 0.5 None",
            "a_total {} 0",
            r#"HELP g "about""#,
            "TYPE g Gauge",
            "g {} -1",
            r#"HELP s "about""#,
            "TYPE s Summary",
            "s_count {} 3",
            "s_sum {} 6",
            r#"s {quantile="0.5"} 1"#,
            r#"s {quantile="1.0"} 2"#,
            r#"HELP ü "about""#,
            "TYPE ü Unknown",
            "ü {} 1",
        ]),
    );
}

/// Classic buckets to 1 and 2.5, native ones of schema 3.
fn histogram(with_classic: bool) -> Message {
    let bucket = |count: u64, bound: f64| Message::default().number(1, count).float(2, bound);
    let span = |offset: i64, length: u64| Message::default().zigzag(1, offset).number(2, length);
    let mut it = Message::default().number(1, 6).float(2, 9.5);
    if with_classic {
        it = it.message(3, &bucket(1, 1.0).message(3, &exemplar("c", 0.5, Some(1)))).message(3, &bucket(4, 2.5));
    }
    let packed: Vec<u8> = [2, -1, 1].into_iter().flat_map(|delta| varint(zigzag(delta))).collect();
    it.zigzag(5, 3)
        .float(6, 0.001)
        .number(7, 1)
        .message(12, &span(-2, 1))
        .message(12, &span(3, 2))
        .bytes(13, &packed)
        .message(15, &at(7))
        .message(16, &exemplar("n", 1.5, Some(2)))
        .message(16, &exemplar("untimed", 1.5, None))
}

#[test]
fn histograms_are_native_or_classic_or_both() {
    let of = |message: &Message| [family("h", 4, &[Message::default().message(7, message)])];
    let (head, native) = (
        [r#"HELP h "about""#, "TYPE h Histogram"],
        "h {} [3 6 9.5 Unknown (0.001, 1.0) [(-2, 2.0), (2, 1.0), (3, 2.0)] []]",
    );
    let exemplar = r#" # {id="n"} 1.5 Some(2500)"#;
    let classic = [
        "h_count {} 6",
        "h_sum {} 9.5",
        r#"h_bucket {le="1.0"} 1 # {id="c"} 0.5 Some(1500)"#,
        r#"h_bucket {le="2.5"} 4"#,
        r#"h_bucket {le="+Inf"} 6"#,
    ];
    let only_native = ReadOptions { native_histograms: true, ..ReadOptions::default() };
    let native_line = format!("{native}{exemplar}");
    check(&of(&histogram(true)), only_native, Ok(&[&head[..], &[&native_line]].concat()));
    check(&of(&histogram(true)), ReadOptions::default(), Ok(&[&head[..], &classic].concat()));
    let since = |line: &str| {
        line.split_once(" #").map_or(format!("{line} since 7500"), |(line, rest)| format!("{line} since 7500 #{rest}"))
    };
    let both: Vec<String> = [native_line.as_str()].iter().chain(&classic).map(|line| since(line)).collect();
    let both: Vec<&str> = head.iter().copied().chain(both.iter().map(String::as_str)).collect();
    check(&of(&histogram(true)), ALL, Ok(&both));
    // Without classic buckets there is nothing to be scraped twice.
    check(&of(&histogram(false)), ALL, Ok(&[&head[..], &[&since(&native_line)]].concat()));
    let gauge = [family("h", 5, &[Message::default().message(7, &histogram(false))])];
    let line = native_line.replace("Unknown", "Gauge");
    check(&gauge, only_native, Ok(&[head[0], "TYPE h GaugeHistogram", &line]));
}

#[test]
fn float_histograms_have_counts_as_they_are() {
    let span = Message::default().zigzag(1, 0).number(2, 2);
    let counts: Vec<u8> = [0.5f64, 2.0].iter().flat_map(|count| count.to_le_bytes()).collect();
    let message = Message::default().float(4, 3.0).float(2, 1.0).float(8, 0.5).message(12, &span).bytes(14, &counts);
    let families = [family("h", 4, &[Message::default().message(7, &message)])];
    check(
        &families,
        ALL,
        Ok(&[r#"HELP h "about""#, "TYPE h Histogram", "h {} [0 3 1 Unknown (0.0, 0.5) [(0, 0.5), (1, 2.0)] []]"]),
    );
}

#[test]
fn faults_name_family_and_cause() {
    let bad = |metric: &Message| [family("ok", 0, &[Message::default()]), family("h", 4, std::slice::from_ref(metric))];
    let with = |histogram: Message| Message::default().message(7, &histogram);
    check(
        &bad(&with(histogram(false).number(1, 7))),
        ALL,
        Err("metric family 2: metric `h`: no native histogram: its buckets do not add up to its count"),
    );
    check(
        &bad(&with(histogram(false).zigzag(5, 60))),
        ALL,
        Err("metric family 2: metric `h`: no native histogram: the schema 60 is not known"),
    );
    check(
        &bad(&Message::default().message(1, &label("", "x"))),
        ALL,
        Err("metric family 2: a label name is missing or has a character that is not allowed"),
    );
    check(&bad(&Message::default().bytes(1, b"\x0a\x01\xff")), ALL, Err("metric family 2: the page is not UTF-8"));
    check(
        &[family("", 0, &[Message::default()])],
        ALL,
        Err("metric family 1: a metric name is missing or has a character that is not allowed"),
    );
    check(&[family("x", 9, &[Message::default()])], ALL, Err("metric family 1: `9` is not a metric type"));
    check(
        &[family("x", 0, &[Message::default()]).text(5, "seconds")],
        ALL,
        Err("metric family 1: metric `x`: the name does not end with the unit"),
    );
    let long = exemplar(&"x".repeat(127), 1.0, None);
    let counter = Message::default().message(3, &Message::default().message(2, &long));
    check(
        &[family("x", 0, &[counter])],
        ALL,
        Err("metric family 1: the exemplar's labels have more than 128 characters"),
    );
    let many = (0..70_000).fold(Message::default(), |it, _| it.message(3, &Message::default()));
    check(&bad(&with(many)), ALL, Err("metric family 2: a metric has more than 65536 buckets"));
    let cut = &page(&bad(&with(histogram(true))))[..40];
    assert!(read_with(cut, Format::Protobuf, ALL).is_err());
}

#[test]
fn written_out_series_are_bounded() {
    let bucket = Message::default();
    let labels = label("l", &"x".repeat(60_000));
    let histogram = (0..10_000).fold(Message::default(), |it, _| it.message(3, &bucket));
    let metric = Message::default().message(1, &labels).message(7, &histogram);
    let mut parser = super::ProtobufParser::new(&[], ALL);
    assert!(parser.next_entry().unwrap().is_none());
    let error = read_with_count(&page(&[family("h", 4, &[metric])]));
    assert_eq!(error, "metric family 1: its series, written out, take more than 268435456 bytes");
}

/// Reads without keeping what is read.
fn read_with_count(page: &[u8]) -> String {
    let mut parser = super::ProtobufParser::new(page, ALL);
    loop {
        match parser.next_entry() {
            Ok(Some(_)) => {}
            Ok(None) => return String::new(),
            Err(error) => return error.to_string(),
        }
    }
}
