//! What OpenMetrics demands of a metric family as a whole: names, order, groups and values.
//!
//! One pass, with a set of names for the page and a set of group hashes for the current family. Groups are told apart
//! by a 64-bit hash of their labels: a collision could only refuse the page of a target that sought it.

use super::line::RawLabel;
use super::number::parse_value;
use super::{MetadataFact, Problem};
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::BuildHasher;
use watchfire_model::{MetricKind, Timestamp};

/// What the rules look at in a sample.
#[derive(Debug)]
pub(super) struct SampleFacts<'p, 'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) labels: &'p [RawLabel<'a>],
    pub(super) value: f64,
    pub(super) time: Option<Timestamp>,
    pub(super) has_exemplar: bool,
}

/// What a sample is within its family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SampleRole {
    /// Whether it is the first of a group.
    pub(super) begins_group: bool,
    /// Whether it says when counting began.
    pub(super) is_created: bool,
}

/// Follows a page from its first line to its last.
#[derive(Debug, Default)]
pub(super) struct Validator<'a> {
    /// Names that finished families take, their suffixes included.
    taken: HashSet<Cow<'a, str>, foldhash::fast::FixedState>,
    family: Option<Family<'a>>,
    hasher: foldhash::fast::FixedState,
}

/// The family that the lines now belong to.
#[derive(Debug)]
struct Family<'a> {
    name: Cow<'a, str>,
    kind: Option<MetricKind>,
    unit: Option<&'a str>,
    has_help: bool,
    has_samples: bool,
    /// Hash and time of the group that the last sample belongs to.
    group: Option<(u64, Option<Timestamp>)>,
    groups_seen: HashSet<u64, foldhash::fast::FixedState>,
    histogram: Option<HistogramPoint>,
}

/// The part of a histogram that has one group and one time.
#[derive(Debug)]
struct HistogramPoint {
    group: u64,
    time: Option<Timestamp>,
    last_bound: Option<f64>,
    last_value: f64,
    count: Option<f64>,
    sum: Option<f64>,
    gsum: Option<f64>,
    has_negative_bound: bool,
}

/// The suffixes that a kind's samples have; the empty one is the family's name itself.
fn suffixes(kind: MetricKind) -> &'static [&'static str] {
    match kind {
        MetricKind::Counter => &["_total", "_created"],
        MetricKind::Histogram => &["_count", "_sum", "_bucket", "_created"],
        MetricKind::GaugeHistogram => &["_gcount", "_gsum", "_bucket"],
        MetricKind::Summary => &["", "_count", "_sum", "_created"],
        MetricKind::Info => &["_info"],
        MetricKind::Gauge | MetricKind::StateSet | MetricKind::Unknown => &[""],
    }
}

impl<'a> Validator<'a> {
    pub(super) fn metadata(&mut self, metric: Cow<'a, str>, fact: MetadataFact<'a>) -> Result<(), Problem> {
        if self.family.as_ref().is_none_or(|family| family.name != metric) {
            self.start_family(metric)?;
        }
        let Some(family) = &mut self.family else { return Ok(()) };
        if family.has_samples {
            return Err(family.problem("metadata stands after the metric's samples"));
        }
        let repeated = match fact {
            MetadataFact::Help(_) => std::mem::replace(&mut family.has_help, true),
            MetadataFact::Kind(kind) => family.kind.replace(kind).is_some(),
            MetadataFact::Unit(unit) => family.unit.replace(unit).is_some(),
        };
        if repeated { Err(family.problem("metadata of one sort is given twice")) } else { Ok(()) }
    }

    pub(super) fn sample(&mut self, sample: &SampleFacts<'_, 'a>) -> Result<SampleRole, Problem> {
        if self.family.as_ref().is_none_or(|family| !family.owns(&sample.name)) {
            self.start_family(sample.name.clone())?;
        }
        match &mut self.family {
            Some(family) => family.sample(sample, &self.hasher),
            None => Ok(SampleRole { begins_group: true, is_created: false }),
        }
    }

    /// Begins a family with this fact, whatever came before: the page broke a rule, and is read on.
    pub(super) fn restart(&mut self, metric: Cow<'a, str>, fact: MetadataFact<'a>) {
        let mut family = Family::new(metric);
        match fact {
            MetadataFact::Help(_) => family.has_help = true,
            MetadataFact::Kind(kind) => family.kind = Some(kind),
            MetadataFact::Unit(unit) => family.unit = Some(unit),
        }
        self.family = Some(family);
    }

    /// Checks what is only known at the end of the page.
    pub(super) fn finish(&mut self) -> Result<(), Problem> {
        self.finish_family()
    }

    fn start_family(&mut self, name: Cow<'a, str>) -> Result<(), Problem> {
        self.finish_family()?;
        self.family = Some(Family::new(name));
        Ok(())
    }

    fn finish_family(&mut self) -> Result<(), Problem> {
        let Some(family) = self.family.take() else { return Ok(()) };
        family.finish()?;
        let clash = family.problem("another metric has this name already");
        for suffix in suffixes(family.kind()).iter().filter(|suffix| !suffix.is_empty()) {
            if !self.taken.insert(Cow::Owned(format!("{}{suffix}", family.name))) {
                return Err(clash);
            }
        }
        if self.taken.insert(family.name) { Ok(()) } else { Err(clash) }
    }
}

impl<'a> Family<'a> {
    fn new(name: Cow<'a, str>) -> Family<'a> {
        Family {
            name,
            kind: None,
            unit: None,
            has_help: false,
            has_samples: false,
            group: None,
            groups_seen: HashSet::default(),
            histogram: None,
        }
    }

    fn kind(&self) -> MetricKind {
        self.kind.unwrap_or_default()
    }

    fn problem(&self, rule: &'static str) -> Problem {
        Problem::Family { metric: self.name.clone().into_owned(), rule }
    }

    /// Whether a sample of this name may belong to the family.
    fn owns(&self, sample_name: &str) -> bool {
        sample_name.strip_prefix(&*self.name).is_some_and(|suffix| match self.kind {
            Some(kind) => suffixes(kind).contains(&suffix),
            None => suffix.is_empty(),
        })
    }

    fn sample(
        &mut self,
        sample: &SampleFacts<'_, 'a>,
        hasher: &foldhash::fast::FixedState,
    ) -> Result<SampleRole, Problem> {
        self.has_samples = true;
        let kind = self.kind();
        let suffix = &sample.name[self.name.len()..];
        // The label that tells the parts of one group apart, where the kind has one.
        let part_name = match (kind, suffix) {
            (MetricKind::Histogram | MetricKind::GaugeHistogram, "_bucket") => Some("le"),
            (MetricKind::Summary, "") => Some("quantile"),
            (MetricKind::StateSet, _) => Some(&*self.name),
            _ => None,
        };
        let is_part = |label: &RawLabel<'_>| part_name.is_some_and(|name| label.name.unescape() == name);
        let part = sample.labels.iter().find(|label| is_part(label)).map(|label| label.value.unescape());
        if kind == MetricKind::StateSet && part.is_none() {
            return Err(self.problem("a state set's sample has no label of the metric's name"));
        }
        let bound = match part_name {
            Some("le") => Some(bucket_bound(part.as_deref()).ok_or_else(|| self.problem("a bucket has no valid le"))?),
            Some("quantile") if !part.as_deref().is_some_and(is_quantile) => {
                return Err(self.problem("a quantile is missing or not within 0 and 1"));
            }
            _ => None,
        };
        self.check_value(suffix, sample)?;

        let group = if kind == MetricKind::Info {
            0 // Groups of infos cannot be told apart.
        } else {
            let hash = |label: &RawLabel<'_>| hasher.hash_one((label.name.raw, label.value.raw));
            sample.labels.iter().filter(|label| !is_part(label)).map(hash).fold(0, u64::wrapping_add)
        };
        let is_created = suffix == "_created";
        let begins_group = self.check_group(group, sample.time)?;
        if matches!(kind, MetricKind::Histogram | MetricKind::GaugeHistogram) {
            self.check_histogram(group, suffix, bound, sample)?;
        }
        Ok(SampleRole { begins_group, is_created })
    }

    fn check_value(&self, suffix: &str, sample: &SampleFacts<'_, 'a>) -> Result<(), Problem> {
        let kind = self.kind();
        let value = sample.value;
        let counts = matches!(suffix, "_total" | "_sum" | "_count" | "_bucket" | "_gcount" | "_gsum");
        let refuse = |rule| Err(self.problem(rule));
        match kind {
            MetricKind::StateSet if value != 0.0 && value != 1.0 => return refuse("a state's value is not 0 or 1"),
            MetricKind::Info if value != 1.0 => return refuse("an info's value is not 1"),
            MetricKind::Summary if suffix.is_empty() && value < 0.0 => return refuse("a quantile's value is negative"),
            _ => {}
        }
        if counts && value.is_nan() {
            return refuse("a counter, count or sum is NaN");
        }
        if counts && suffix != "_gsum" && value < 0.0 {
            return refuse("a counter, count or sum is negative");
        }
        if matches!(suffix, "_bucket" | "_count" | "_gcount") && value.fract() != 0.0 && value.is_finite() {
            return refuse("a bucket or count is not a whole number");
        }
        let takes_exemplars = match kind {
            MetricKind::Histogram | MetricKind::GaugeHistogram => suffix == "_bucket",
            MetricKind::Counter => suffix == "_total",
            _ => false,
        };
        if sample.has_exemplar && !takes_exemplars { Err(Problem::ExemplarPlace) } else { Ok(()) }
    }

    /// Samples of a group stand together, in order of time, all with a time or all without. Returns whether a group begins.
    fn check_group(&mut self, group: u64, time: Option<Timestamp>) -> Result<bool, Problem> {
        let begins = self.group.is_none_or(|(last_group, _)| last_group != group);
        match self.group {
            Some((last_group, last_time)) if last_group == group => {
                if last_time.is_some() != time.is_some() {
                    return Err(self.problem("some samples of a group have a time and some have none"));
                }
                if self.kind() != MetricKind::Info && last_time > time {
                    return Err(self.problem("times within a group go back"));
                }
            }
            _ => {
                if !self.groups_seen.insert(group) {
                    return Err(self.problem("samples of a group do not stand together"));
                }
            }
        }
        self.group = Some((group, time));
        Ok(begins)
    }

    fn check_histogram(
        &mut self,
        group: u64,
        suffix: &str,
        bound: Option<f64>,
        sample: &SampleFacts<'_, 'a>,
    ) -> Result<(), Problem> {
        let is_same = |point: &HistogramPoint| point.group == group && point.time == sample.time;
        if !self.histogram.as_ref().is_some_and(is_same) {
            self.finish_histogram()?;
        }
        let point = self.histogram.get_or_insert_with(|| HistogramPoint::new(group, sample.time));
        let checked = point.sample(suffix, bound, sample.value);
        checked.map_err(|rule| self.problem(rule))
    }

    fn finish_histogram(&mut self) -> Result<(), Problem> {
        match self.histogram.take().map(|point| point.finish()) {
            Some(Err(rule)) => Err(self.problem(rule)),
            _ => Ok(()),
        }
    }

    fn finish(&self) -> Result<(), Problem> {
        if let Some(unit) = self.unit.filter(|unit| !unit.is_empty()) {
            let ends_with_unit = self.name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'));
            if !ends_with_unit {
                return Err(self.problem("the name does not end with the unit"));
            }
            if matches!(self.kind(), MetricKind::Info | MetricKind::StateSet) {
                return Err(self.problem("infos and state sets have no unit"));
            }
        }
        match self.histogram.as_ref().map(HistogramPoint::finish) {
            Some(Err(rule)) => Err(self.problem(rule)),
            _ => Ok(()),
        }
    }
}

impl HistogramPoint {
    fn new(group: u64, time: Option<Timestamp>) -> HistogramPoint {
        HistogramPoint {
            group,
            time,
            last_bound: None,
            last_value: 0.0,
            count: None,
            sum: None,
            gsum: None,
            has_negative_bound: false,
        }
    }

    fn sample(&mut self, suffix: &str, bound: Option<f64>, value: f64) -> Result<(), &'static str> {
        match suffix {
            "_bucket" => {
                let bound = bound.unwrap_or(f64::INFINITY);
                if self.last_bound.is_some_and(|last| bound <= last) {
                    return Err("buckets are not in the order of their bounds");
                }
                if value < self.last_value {
                    return Err("a bucket counts less than the one before it");
                }
                self.has_negative_bound |= bound < 0.0;
                self.last_bound = Some(bound);
                self.last_value = value;
            }
            "_count" | "_gcount" => self.count = Some(value),
            "_sum" => self.sum = Some(value),
            "_gsum" => self.gsum = Some(value),
            _ => {}
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), &'static str> {
        if self.last_bound != Some(f64::INFINITY) {
            return Err("the bucket le=\"+Inf\" is missing");
        }
        if self.count.is_some_and(|count| count != self.last_value) {
            return Err("the count differs from the bucket le=\"+Inf\"");
        }
        if self.sum.or(self.gsum).is_some() != self.count.is_some() {
            return Err("of count and sum only one is given");
        }
        if self.has_negative_bound && self.sum.is_some() {
            return Err("a histogram with negative buckets has no sum");
        }
        if !self.has_negative_bound && self.gsum.is_some_and(|sum| sum < 0.0) {
            return Err("the sum is negative without negative buckets");
        }
        Ok(())
    }
}

/// A bucket's upper bound; infinity has one spelling.
fn bucket_bound(le: Option<&str>) -> Option<f64> {
    let le = le?;
    let bound = parse_value(le).filter(|bound| !bound.is_nan())?;
    if bound.is_infinite() && !matches!(le, "+Inf" | "-Inf") { None } else { Some(bound) }
}

fn is_quantile(text: &str) -> bool {
    parse_value(text).is_some_and(|quantile| (0.0..=1.0).contains(&quantile))
}
