//! Makes native histograms with bounds of their own out of classic ones.
//! Prometheus: `model/textparse/nhcbparse.go`, `util/convertnhcb/convertnhcb.go`.

use crate::exposition::{ExemplarLine, RawLabel, SampleLine, SampleValue, Text, write_series};
use std::sync::Arc;
use watchfire_model::{CountKind, Histogram, Timestamp};

/// Buckets that are gathered for one histogram; one with more stays classic.
const BUCKETS_MAX: usize = 10_000;

/// Gathers the samples of one classic histogram after the other. They stand together on a page.
#[derive(Debug, Default)]
pub(crate) struct ClassicCollector {
    /// The histogram being gathered.
    pending: Option<Classic>,
    /// The series of the last native histogram: its classic form is not made into another.
    last_native: String,
}

/// A classic histogram as far as it is read.
#[derive(Debug)]
struct Classic {
    /// Its series without the suffix and `le`, as the text formats write it.
    series: String,
    /// Upper bounds and counts up to them, ascending.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
    time: Option<Timestamp>,
    start: Option<Timestamp>,
    exemplars: Vec<ExemplarLine>,
    /// It breaks a rule of histograms.
    is_broken: bool,
}

/// A finished histogram.
#[derive(Debug)]
pub(crate) struct Converted {
    /// For [`crate::exposition::read_series`].
    pub(crate) series: String,
    pub(crate) histogram: Arc<Histogram>,
    pub(crate) time: Option<Timestamp>,
    pub(crate) start: Option<Timestamp>,
    pub(crate) exemplars: Vec<ExemplarLine>,
}

/// Whether a sample is a part of a classic histogram that is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Gathered,
    Other,
}

impl ClassicCollector {
    /// Takes the next sample of a page. `family`: the name that the last TYPE line said to be a histogram. Returns the
    /// histogram before where this one is of another.
    pub(crate) fn take(
        &mut self,
        family: Option<&str>,
        name: Text<'_>,
        labels: &[RawLabel<'_>],
        sample: &SampleLine<'_>,
    ) -> (Option<Converted>, Fate) {
        let value = match &sample.value {
            SampleValue::Float(value) => *value,
            SampleValue::Histogram(_) => {
                sample.series.clone_into(&mut self.last_native);
                return (self.finish(), Fate::Other);
            }
        };
        let name = name.unescape();
        let suffix = family.and_then(|family| name.strip_prefix(family));
        let le = labels.iter().find(|label| label.name.raw == "le");
        let bound = le.and_then(|le| le.value.unescape().parse::<f64>().ok()).filter(|bound| !bound.is_nan());
        let (Some(family), Some(suffix)) = (family, suffix) else { return (self.finish(), Fate::Other) };
        if !matches!((suffix, bound), ("_bucket", Some(_)) | ("_count" | "_sum", _)) {
            return (self.finish(), Fate::Other);
        }
        let series = base_series(family, labels, suffix == "_bucket");
        if series == self.last_native {
            return (self.finish(), Fate::Other);
        }
        let is_next =
            self.pending.as_ref().is_none_or(|pending| pending.series != series || pending.time != sample.time);
        let finished = if is_next { self.finish() } else { None };
        let pending = self.pending.get_or_insert_with(|| Classic {
            series,
            buckets: Vec::new(),
            count: None,
            sum: 0.0,
            time: sample.time,
            start: sample.start,
            exemplars: Vec::new(),
            is_broken: false,
        });
        match (suffix, bound) {
            ("_bucket", Some(bound)) => pending.bucket(bound, value),
            ("_count", _) => pending.count = Some(value),
            _ => pending.sum = value,
        }
        pending.is_broken |= suffix == "_count" && value < 0.0;
        pending.exemplars.extend(sample.exemplars.iter().filter(|exemplar| exemplar.time.is_some()).cloned());
        (finished, Fate::Gathered)
    }

    /// Says when the counting of the histogram being gathered began.
    pub(crate) fn start(&mut self, start: Timestamp) {
        if let Some(pending) = &mut self.pending {
            pending.start = Some(start);
        }
    }

    /// The histogram that is complete as another part of the page begins, or the page ends.
    pub(crate) fn finish(&mut self) -> Option<Converted> {
        self.pending.take()?.convert()
    }
}

impl Classic {
    fn bucket(&mut self, bound: f64, count: f64) {
        let place = self.buckets.partition_point(|(earlier, _)| *earlier < bound);
        if self.buckets.get(place).is_some_and(|(there, _)| *there == bound) {
            return;
        }
        let is_over = |neighbour: Option<&(f64, f64)>| neighbour.is_some_and(|(_, below)| *below > count);
        let is_under = self.buckets.get(place).is_some_and(|(_, above)| count > *above);
        self.is_broken |= count < 0.0 || is_under || is_over(place.checked_sub(1).and_then(|at| self.buckets.get(at)));
        if self.buckets.len() >= BUCKETS_MAX {
            self.is_broken = true;
        } else {
            self.buckets.insert(place, (bound, count));
        }
    }

    /// `None` where it is no histogram: it has no count, or its counts contradict each other.
    fn convert(mut self) -> Option<Converted> {
        let count = self.count.or(self.buckets.last().map(|(_, count)| *count))?;
        if self.buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let total = self.buckets.last().map(|(_, count)| *count)?;
        if self.is_broken || total != count {
            return None;
        }
        let mut below = 0.0;
        let mut positive = Vec::new();
        for ((_, upto), index) in self.buckets.iter().zip(0..) {
            if *upto != below {
                positive.push((index, *upto - below));
            }
            below = *upto;
        }
        let bounds = self.buckets.iter().map(|(bound, _)| *bound).filter(|bound| *bound != f64::INFINITY).collect();
        let histogram =
            Histogram { schema: Histogram::CUSTOM, count, sum: self.sum, positive, bounds, ..Histogram::empty() };
        histogram.check(CountKind::Float).ok()?;
        Some(Converted {
            series: self.series,
            histogram: Arc::new(histogram),
            time: self.time,
            start: self.start,
            exemplars: self.exemplars,
        })
    }
}

/// The series of a histogram, from the labels of one of its parts.
fn base_series(family: &str, labels: &[RawLabel<'_>], without_le: bool) -> String {
    let kept = labels.iter().filter(|label| !(without_le && label.name.raw == "le"));
    let plain: Vec<_> = kept.map(|label| (label.name.unescape(), label.value.unescape())).collect();
    let mut series = String::new();
    write_series(&mut series, family, "", plain.iter().map(|(name, value)| (&**name, &**value)));
    series
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Entry, MetadataFact, ReadOptions, Text, TextParser, read_series};

    /// What becomes of a page: converted histograms as `series count sum buckets @bounds`, other samples by their series.
    fn convert(page: &str) -> Vec<String> {
        let mut parser = TextParser::new(page);
        let (mut collector, mut labels, mut got) = (ClassicCollector::default(), Vec::new(), Vec::new());
        let mut family = None;
        let print = |it: Converted| {
            let Histogram { count, sum, positive, bounds, .. } = &*it.histogram;
            format!("{} {count} {sum} {positive:?} @{bounds:?}", it.series)
        };
        while let Some(entry) = parser.next_entry().unwrap() {
            match entry {
                Entry::Metadata(line) => {
                    let is_histogram = matches!(line.fact, MetadataFact::Kind(watchfire_model::MetricKind::Histogram));
                    family = is_histogram.then(|| line.metric.raw.to_owned());
                }
                Entry::Sample(sample) => {
                    let mut labels_here = std::mem::take(&mut labels);
                    let name: Text<'_> = read_series(sample.series, &mut labels_here).unwrap();
                    let (done, fate) = collector.take(family.as_deref(), name, &labels_here, &sample);
                    got.extend(done.map(print));
                    if fate == Fate::Other {
                        got.push(sample.series.to_owned());
                    }
                }
                Entry::Created(_) => unreachable!("text knows no start times: {:?}", ReadOptions::default()),
            }
        }
        got.extend(collector.finish().map(print));
        got
    }

    #[track_caller]
    fn check(page: &str, want: &[&str]) {
        assert_eq!(convert(page), want, "{page}");
    }

    #[test]
    fn classic_histograms_become_native_ones() {
        check(
            "# TYPE h histogram\nh_bucket{x=\"1\",le=\"1\"} 2\nh_bucket{x=\"1\",le=\"2.5\"} 2\n\
             h_bucket{x=\"1\",le=\"+Inf\"} 5\nh_sum{x=\"1\"} 9.5\nh_count{x=\"1\"} 5\n\
             h_bucket{x=\"2\",le=\"1\"} 1\nh_count{x=\"2\"} 3\n# TYPE g gauge\ng_count 1\n",
            &[
                "h{x=\"1\"} 5 9.5 [(0, 2.0), (2, 3.0)] @[1.0, 2.5]",
                "h{x=\"2\"} 3 0 [(0, 1.0), (1, 2.0)] @[1.0]",
                "g_count",
            ],
        );
    }

    #[test]
    fn what_contradicts_itself_is_none() {
        check("# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 1\nh_count 2\n", &[]);
        check("# TYPE h histogram\nh_bucket{le=\"1\"} -2\nh_count 2\n", &[]);
        check("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 2\n", &[]);
        check("# TYPE h histogram\nh_sum 2\n", &[]);
        check(
            "# TYPE h histogram\nh_bucket{le=\"2\"} 2\nh_bucket{le=\"1\"} 1\n",
            &["h 2 0 [(0, 1.0), (1, 1.0)] @[1.0, 2.0]"],
        );
        check("# TYPE h histogram\nh_bucket{le=\"x\"} 2\nh_other 1\n", &["h_bucket{le=\"x\"}", "h_other"]);
        check("h_bucket{le=\"1\"} 2\nh_count 2\n", &["h_bucket{le=\"1\"}", "h_count"]);
    }
}
