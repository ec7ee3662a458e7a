//! One metric of a family: labels, times, and what it counts.

use super::super::{ExemplarLine, Problem};
use watchfire_model::protobuf::{Fields, Value, zigzag};
use watchfire_model::{
    BucketSpan, CountKind, Exemplar, Histogram, HistogramFault, LabelsBuilder, MetricKind, ResetHint, Timestamp,
};

/// Buckets, spans, quantiles, exemplars or labels that one metric may have of each.
const PARTS_MAX: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Metric<'a> {
    pub(super) labels: Vec<(&'a str, &'a str)>,
    /// Only where it is said and not 0.
    pub(super) time: Option<Timestamp>,
    /// When counting began.
    pub(super) start: Option<Timestamp>,
    pub(super) value: MetricValue<'a>,
}

#[derive(Debug)]
pub(super) enum MetricValue<'a> {
    /// A counter, a gauge, or one of unknown kind; the exemplar is a message.
    Simple {
        value: f64,
        exemplar: Option<Fields<'a>>,
    },
    Summary {
        count: u64,
        sum: f64,
        quantiles: Vec<(f64, f64)>,
    },
    Histogram(Box<HistogramMessage<'a>>),
}

/// A count that is given as a whole number, as a float, or both; a float that is not 0 counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Number {
    whole: u64,
    float: f64,
}

/// A histogram: classic buckets, native ones, or both.
#[derive(Debug, Default)]
pub(super) struct HistogramMessage<'a> {
    pub(super) count: Number,
    pub(super) sum: f64,
    pub(super) buckets: Vec<ClassicBucket<'a>>,
    created: Option<Timestamp>,
    schema: i32,
    zero_threshold: f64,
    zero_count: Number,
    negative: SideMessage,
    positive: SideMessage,
    /// Messages.
    exemplars: Vec<Fields<'a>>,
}

/// A classic bucket, which counts those below it as well.
#[derive(Debug)]
pub(super) struct ClassicBucket<'a> {
    pub(super) count: Number,
    pub(super) bound: f64,
    pub(super) exemplar: Option<Fields<'a>>,
}

/// The native buckets of positive or of negative values.
#[derive(Debug, Default)]
struct SideMessage {
    spans: Vec<BucketSpan>,
    /// Of whole counts.
    deltas: Vec<i64>,
    /// Of float counts.
    counts: Vec<f64>,
}

impl Number {
    pub(super) fn value(self) -> f64 {
        if self.float == 0.0 { self.whole as f64 } else { self.float }
    }
}

impl<'a> Metric<'a> {
    /// Of the value only what fits the family's kind is looked at; where that is missing, the metric is 0.
    pub(super) fn read(mut fields: Fields<'a>, kind: MetricKind) -> Result<Metric<'a>, Problem> {
        let mut labels = Vec::new();
        let (mut time, mut start) = (None, None);
        let value_field = match kind {
            MetricKind::Gauge => 2,
            MetricKind::Counter => 3,
            MetricKind::Summary => 4,
            MetricKind::Histogram | MetricKind::GaugeHistogram => 7,
            _ => 5,
        };
        let mut message = Fields::new(&[]);
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(bytes)) => push(&mut labels, label(fields.nested(bytes))?, "labels")?,
                (6, Value::Varint(ms)) => time = Some(Timestamp(ms as i64)).filter(|time| time.0 != 0),
                (number, Value::Bytes(bytes)) if number == value_field => message = fields.nested(bytes),
                (1..=7, value) if !matches!(value, Value::Bytes(_)) => {
                    return Err(fields.malformed("wire type of a metric's field").into());
                }
                _ => {}
            }
        }
        let value = match kind {
            MetricKind::Summary => summary(message, &mut start)?,
            MetricKind::Histogram | MetricKind::GaugeHistogram => {
                let histogram = HistogramMessage::read(message)?;
                start = histogram.created;
                MetricValue::Histogram(Box::new(histogram))
            }
            _ => simple(message, &mut start)?,
        };
        Ok(Metric { labels, time, start, value })
    }
}

/// The messages `Counter`, `Gauge` and `Untyped`: the last two have only the first field.
fn simple<'a>(mut fields: Fields<'a>, start: &mut Option<Timestamp>) -> Result<MetricValue<'a>, Problem> {
    let (mut value, mut exemplar) = (0.0, None);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Fixed64(bits)) => value = float(bits),
            (2, Value::Bytes(bytes)) => exemplar = Some(fields.nested(bytes)),
            (3, Value::Bytes(bytes)) => *start = timestamp(fields.nested(bytes))?,
            (1..=3, _) => return Err(fields.malformed("wire type of a value's field").into()),
            _ => {}
        }
    }
    Ok(MetricValue::Simple { value, exemplar })
}

fn summary<'a>(mut fields: Fields<'a>, start: &mut Option<Timestamp>) -> Result<MetricValue<'a>, Problem> {
    let (mut count, mut sum, mut quantiles) = (0, 0.0, Vec::new());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(number)) => count = number,
            (2, Value::Fixed64(bits)) => sum = float(bits),
            (3, Value::Bytes(bytes)) => push(&mut quantiles, quantile(fields.nested(bytes))?, "quantiles")?,
            (4, Value::Bytes(bytes)) => *start = timestamp(fields.nested(bytes))?,
            (1..=4, _) => return Err(fields.malformed("wire type of a summary's field").into()),
            _ => {}
        }
    }
    Ok(MetricValue::Summary { count, sum, quantiles })
}

impl<'a> HistogramMessage<'a> {
    fn read(mut fields: Fields<'a>) -> Result<HistogramMessage<'a>, Problem> {
        let mut it = HistogramMessage::default();
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Varint(number)) => it.count.whole = number,
                (2, Value::Fixed64(bits)) => it.sum = float(bits),
                (3, Value::Bytes(bytes)) => push(&mut it.buckets, classic_bucket(fields.nested(bytes))?, "buckets")?,
                (4, Value::Fixed64(bits)) => it.count.float = float(bits),
                (5, Value::Varint(number)) => it.schema = zigzag(number) as i32,
                (6, Value::Fixed64(bits)) => it.zero_threshold = float(bits),
                (7, Value::Varint(number)) => it.zero_count.whole = number,
                (8, Value::Fixed64(bits)) => it.zero_count.float = float(bits),
                (9, Value::Bytes(bytes)) => push(&mut it.negative.spans, span(fields.nested(bytes))?, "spans")?,
                (12, Value::Bytes(bytes)) => push(&mut it.positive.spans, span(fields.nested(bytes))?, "spans")?,
                (10, value) => read_deltas(&fields, value, &mut it.negative.deltas)?,
                (13, value) => read_deltas(&fields, value, &mut it.positive.deltas)?,
                (11, value) => read_counts(&fields, value, &mut it.negative.counts)?,
                (14, value) => read_counts(&fields, value, &mut it.positive.counts)?,
                (15, Value::Bytes(bytes)) => it.created = timestamp(fields.nested(bytes))?,
                (16, Value::Bytes(bytes)) => push(&mut it.exemplars, fields.nested(bytes), "exemplars")?,
                (1..=16, _) => return Err(fields.malformed("wire type of a histogram's field").into()),
                _ => {}
            }
        }
        Ok(it)
    }

    /// Whether there are native buckets. A native histogram without observations says so by an empty span.
    pub(super) fn is_native(&self) -> bool {
        !self.positive.spans.is_empty()
            || !self.negative.spans.is_empty()
            || self.zero_threshold > 0.0
            || self.zero_count.value() > 0.0
    }

    /// The native histogram, of a schema that is stored.
    pub(super) fn to_native(&self, is_gauge: bool) -> Result<Histogram, HistogramFault> {
        let is_float = self.count.float > 0.0 || self.zero_count.float > 0.0;
        let (kind, count, zero_count) = if is_float {
            (CountKind::Float, self.count.float, self.zero_count.float)
        } else {
            (CountKind::Integer, self.count.whole as f64, self.zero_count.whole as f64)
        };
        let side = |side: &SideMessage| {
            if is_float {
                Histogram::buckets_from_counts(&side.spans, &side.counts)
            } else {
                Histogram::buckets_from_deltas(&side.spans, &side.deltas)
            }
        };
        let histogram = Histogram {
            schema: self.schema,
            hint: if is_gauge { ResetHint::Gauge } else { ResetHint::Unknown },
            zero_threshold: self.zero_threshold,
            zero_count,
            count,
            sum: self.sum,
            positive: side(&self.positive)?,
            negative: side(&self.negative)?,
            ..Histogram::empty()
        };
        if histogram.is_custom() {
            return Err(HistogramFault::Schema(self.schema)); // The message has no place for the bounds.
        }
        histogram.check(kind)?;
        Ok(histogram.reduce_resolution(Histogram::SCHEMA_MAX))
    }

    /// The exemplars of a native histogram: its own, else those of the classic buckets; only ones with a time.
    pub(super) fn native_exemplars(&self) -> Result<Vec<ExemplarLine>, Problem> {
        let classic = self.buckets.iter().filter_map(|bucket| bucket.exemplar);
        let messages: Vec<Fields<'_>> =
            if self.exemplars.is_empty() { classic.collect() } else { self.exemplars.clone() };
        let mut exemplars = Vec::new();
        for message in messages {
            exemplars.extend(Some(exemplar(message)?).filter(|exemplar| exemplar.time.is_some()));
        }
        Ok(exemplars)
    }
}

/// The message `Exemplar`.
pub(super) fn exemplar(mut fields: Fields<'_>) -> Result<ExemplarLine, Problem> {
    let mut labels = LabelsBuilder::default();
    let (mut value, mut time, mut chars) = (0.0, None, 0);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => {
                let (name, value) = label(fields.nested(bytes))?;
                chars += name.chars().count() + value.chars().count();
                if chars > Exemplar::LABELS_CHARS_MAX {
                    return Err(Problem::ExemplarLength);
                }
                labels.set(name, value);
            }
            (2, Value::Fixed64(bits)) => value = float(bits),
            (3, Value::Bytes(bytes)) => time = timestamp(fields.nested(bytes))?,
            (1..=3, _) => return Err(fields.malformed("wire type of an exemplar's field").into()),
            _ => {}
        }
    }
    Ok(ExemplarLine { labels: labels.build(), value, time })
}

/// Text of the page.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Problem> {
    str::from_utf8(bytes).map_err(|_| Problem::NotUtf8)
}

/// The message `LabelPair`.
fn label(mut fields: Fields<'_>) -> Result<(&str, &str), Problem> {
    let (mut name, mut value) = ("", "");
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => name = text(bytes)?,
            (2, Value::Bytes(bytes)) => value = text(bytes)?,
            (1 | 2, _) => return Err(fields.malformed("wire type of a label's field").into()),
            _ => {}
        }
    }
    if name.is_empty() { Err(Problem::LabelName) } else { Ok((name, value)) }
}

/// The message `google.protobuf.Timestamp`, in whole milliseconds; 0 is as if it were not there.
fn timestamp(mut fields: Fields<'_>) -> Result<Option<Timestamp>, Problem> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(number)) => seconds = number as i64,
            (2, Value::Varint(number)) => nanos = number as i64,
            (1 | 2, _) => return Err(fields.malformed("wire type of a time's field").into()),
            _ => {}
        }
    }
    let ms = seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000);
    Ok(Some(Timestamp(ms)).filter(|time| time.0 != 0))
}

/// The message `Quantile`: quantile and value.
fn quantile(mut fields: Fields<'_>) -> Result<(f64, f64), Problem> {
    let (mut quantile, mut value) = (0.0, 0.0);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Fixed64(bits)) => quantile = float(bits),
            (2, Value::Fixed64(bits)) => value = float(bits),
            (1 | 2, _) => return Err(fields.malformed("wire type of a quantile's field").into()),
            _ => {}
        }
    }
    Ok((quantile, value))
}

/// The message `Bucket`.
fn classic_bucket(mut fields: Fields<'_>) -> Result<ClassicBucket<'_>, Problem> {
    let mut bucket = ClassicBucket { count: Number::default(), bound: 0.0, exemplar: None };
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(number)) => bucket.count.whole = number,
            (2, Value::Fixed64(bits)) => bucket.bound = float(bits),
            (3, Value::Bytes(bytes)) => bucket.exemplar = Some(fields.nested(bytes)),
            (4, Value::Fixed64(bits)) => bucket.count.float = float(bits),
            (1..=4, _) => return Err(fields.malformed("wire type of a bucket's field").into()),
            _ => {}
        }
    }
    Ok(bucket)
}

/// The message `BucketSpan`.
fn span(mut fields: Fields<'_>) -> Result<BucketSpan, Problem> {
    let mut span = BucketSpan::default();
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(number)) => span.offset = zigzag(number) as i32,
            (2, Value::Varint(number)) => span.length = number as u32,
            (1 | 2, _) => return Err(fields.malformed("wire type of a span's field").into()),
            _ => {}
        }
    }
    Ok(span)
}

/// One difference, or many of them packed.
fn read_deltas(fields: &Fields<'_>, value: Value<'_>, deltas: &mut Vec<i64>) -> Result<(), Problem> {
    match value {
        Value::Varint(number) => push(deltas, zigzag(number), "buckets"),
        Value::Bytes(bytes) => {
            let mut packed = fields.nested(bytes);
            while let Some(number) = packed.next_packed()? {
                push(deltas, zigzag(number), "buckets")?;
            }
            Ok(())
        }
        Value::Fixed64(_) | Value::Fixed32(_) => Err(fields.malformed("wire type of a bucket's count").into()),
    }
}

/// One count, or many of them packed.
fn read_counts(fields: &Fields<'_>, value: Value<'_>, counts: &mut Vec<f64>) -> Result<(), Problem> {
    match value {
        Value::Fixed64(bits) => push(counts, float(bits), "buckets"),
        Value::Bytes(bytes) => {
            let mut packed = fields.nested(bytes);
            while let Some(bits) = packed.next_packed_fixed64()? {
                push(counts, float(bits), "buckets")?;
            }
            Ok(())
        }
        Value::Varint(_) | Value::Fixed32(_) => Err(fields.malformed("wire type of a bucket's count").into()),
    }
}

/// A number of the page; none of them is a staleness marker.
fn float(bits: u64) -> f64 {
    let value = f64::from_bits(bits);
    if value.is_nan() { super::super::number::normal_nan() } else { value }
}

fn push<T>(list: &mut Vec<T>, item: T, what: &'static str) -> Result<(), Problem> {
    if list.len() >= PARTS_MAX {
        return Err(Problem::TooMany { what, max: PARTS_MAX });
    }
    list.push(item);
    Ok(())
}
