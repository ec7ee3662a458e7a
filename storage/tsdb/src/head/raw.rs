//! Samples as they came, not encoded yet.

use std::sync::Arc;
use watchfire_model::{Histogram, Samples};

/// Times and values; beside them what few series have.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    samples: Vec<(i64, f64)>,
    extras: Option<Box<Extras>>,
}

/// What a sample may have beside its time and value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extra {
    /// When counting began, 0 where that is not known.
    pub(crate) start: i64,
    /// In place of the value.
    pub(crate) histogram: Option<Arc<Histogram>>,
}

#[derive(Debug, Default)]
struct Extras {
    /// As many as samples, or none at all.
    histograms: Vec<Option<Arc<Histogram>>>,
    histogram_bytes: usize,
    /// Starts, each from the sample on at whose place it stands; before the first there is none.
    starts: Vec<(u32, i64)>,
}

impl Extra {
    /// What a sample has; none where that is nothing.
    pub(crate) fn of(samples: &Samples, place: usize) -> Option<Extra> {
        let start = samples.starts.get(place).copied().unwrap_or(0);
        let histogram = samples.histograms.get(place).cloned().flatten();
        (start != 0 || histogram.is_some()).then_some(Extra { start, histogram })
    }

    /// Appends a sample to columns.
    pub(crate) fn append(time: i64, value: f64, extra: Option<&Extra>, into: &mut Samples) {
        match extra.and_then(|extra| extra.histogram.as_ref()) {
            Some(histogram) => into.push_histogram(time, Arc::clone(histogram)),
            None => into.push(time, value),
        }
        if let Some(Extra { start, .. }) = extra
            && *start != 0
        {
            into.set_start(*start);
        }
    }

    /// Bytes of memory beyond the value itself.
    pub(crate) fn bytes(&self) -> usize {
        self.histogram.as_ref().map_or(0, |histogram| histogram.bytes())
    }
}

impl Raw {
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    pub(crate) fn times(&self) -> impl DoubleEndedIterator<Item = i64> {
        self.samples.iter().map(|(time, _)| *time)
    }

    pub(crate) fn reserve_exact(&mut self, additional: usize) {
        self.samples.reserve_exact(additional);
    }

    pub(crate) fn push(&mut self, time: i64, value: f64, extra: Option<Extra>) {
        self.samples.push((time, value));
        if extra.is_some() || self.extras.is_some() {
            let place = self.samples.len() - 1;
            self.extras.get_or_insert_default().put(place, extra.unwrap_or_default());
        }
    }

    /// Puts another value in place of the last.
    pub(crate) fn replace_last(&mut self, value: f64, extra: Option<Extra>) {
        let Some(last) = self.samples.last_mut() else { return };
        last.1 = value;
        let place = self.samples.len() - 1;
        if let Some(extras) = &mut self.extras {
            extras.truncate(place);
        }
        if extra.is_some() || self.extras.is_some() {
            self.extras.get_or_insert_default().put(place, extra.unwrap_or_default());
        }
    }

    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        if let Some(extras) = &mut self.extras {
            extras.truncate(0);
        }
    }

    /// Appends the samples in the order in which they were pushed.
    pub(crate) fn append_to(&self, into: &mut Samples) {
        for place in 0..self.samples.len() {
            self.append_one_to(place, into);
        }
    }

    /// The samples in order of time; of one time the last pushed.
    pub(crate) fn sorted(&self) -> Samples {
        let mut places: Vec<usize> = (0..self.samples.len()).rev().collect();
        places.sort_by_key(|place| self.samples[*place].0);
        places.dedup_by_key(|place| self.samples[*place].0);
        let mut sorted = Samples::default();
        for place in places {
            self.append_one_to(place, &mut sorted);
        }
        sorted
    }

    fn append_one_to(&self, place: usize, into: &mut Samples) {
        let (time, value) = self.samples[place];
        let extra = self.extras.as_ref().map(|extras| extras.get(place));
        Extra::append(time, value, extra.as_ref(), into);
    }

    /// Bytes of memory beyond the value itself.
    pub(crate) fn bytes(&self) -> i64 {
        let extras = self.extras.as_ref().map_or(0, |extras| extras.bytes());
        (self.samples.capacity() * size_of::<(i64, f64)>() + extras) as i64
    }
}

impl Extras {
    /// Notes what the sample at `place`, the last, has.
    fn put(&mut self, place: usize, Extra { start, histogram }: Extra) {
        if histogram.is_some() || !self.histograms.is_empty() {
            self.histogram_bytes += histogram.as_ref().map_or(0, |histogram| histogram.bytes());
            self.histograms.resize(place, None);
            self.histograms.push(histogram);
        }
        if self.starts.last().map_or(0, |(_, last)| *last) != start {
            self.starts.push((place as u32, start));
        }
    }

    fn get(&self, place: usize) -> Extra {
        let behind = self.starts.partition_point(|(from, _)| *from as usize <= place);
        let start = behind.checked_sub(1).map_or(0, |run| self.starts[run].1);
        Extra { start, histogram: self.histograms.get(place).cloned().flatten() }
    }

    fn truncate(&mut self, len: usize) {
        let gone = self.histograms.get(len..).unwrap_or_default().iter().flatten();
        self.histogram_bytes -= gone.map(|histogram| histogram.bytes()).sum::<usize>();
        self.histograms.truncate(len);
        self.starts.retain(|(from, _)| (*from as usize) < len);
    }

    fn bytes(&self) -> usize {
        let starts = self.starts.capacity() * size_of::<(u32, i64)>();
        size_of::<Extras>()
            + self.histograms.capacity() * size_of::<Option<Arc<Histogram>>>()
            + starts
            + self.histogram_bytes
    }
}
