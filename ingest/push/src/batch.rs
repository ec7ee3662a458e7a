//! What one request wants stored, by kind, and what was refused of it.

use watchfire_model::{Exemplar, Labels, Point, PointValue, Sample};
use watchfire_tsdb::{SeriesId, Tsdb, TsdbError};

/// Everything of one request.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) samples: Column<Sample>,
    pub(crate) started: Column<Point>,
    pub(crate) histograms: Column<Point>,
    pub(crate) exemplars: Column<Exemplar>,
    pub(crate) n_refused: u64,
    /// In words.
    pub(crate) first_refusal: Option<String>,
}

/// Items of one kind.
#[derive(Debug)]
pub(crate) struct Column<T> {
    pub(crate) items: Vec<(SeriesId, T)>,
    /// Each series, and where its items begin.
    series: Vec<(usize, Labels)>,
}

impl<T> Default for Column<T> {
    fn default() -> Column<T> {
        Column { items: Vec::new(), series: Vec::new() }
    }
}

impl<T: Clone> Column<T> {
    pub(crate) fn push(&mut self, labels: &Labels, id: SeriesId, items: impl IntoIterator<Item = T>) {
        let before = self.items.len();
        self.items.extend(items.into_iter().map(|item| (id, item)));
        if self.items.len() > before {
            self.series.push((before, labels.clone()));
        }
    }

    /// The items at these indexes, which rise, with new ids.
    pub(crate) fn register_again(&self, tsdb: &Tsdb, indexes: &[usize]) -> Result<Vec<(SeriesId, T)>, TsdbError> {
        let mut again = Vec::with_capacity(indexes.len());
        let mut last: Option<(usize, SeriesId)> = None;
        for &index in indexes {
            let series = self.series.partition_point(|(start, _)| *start <= index) - 1;
            let id = match last {
                Some((known, id)) if known == series => id,
                _ => tsdb.register(&self.series[series].1)?,
            };
            last = Some((series, id));
            again.push((id, self.items[index].1.clone()));
        }
        Ok(again)
    }

    /// Bytes, without what items hold beside themselves; labels are shared with the store.
    fn memory(&self) -> usize {
        size_of_val(self.items.as_slice()) + size_of_val(self.series.as_slice())
    }
}

impl Batch {
    /// Bytes, estimated.
    pub(crate) fn memory(&self) -> u64 {
        let histograms = self.histograms.items.iter().map(|(_, point)| match &point.value {
            PointValue::Histogram(histogram) => histogram.bytes(),
            PointValue::Float(_) => 0,
        });
        // A label has two texts of up to 24 bytes in place.
        let labels = self.exemplars.items.iter().map(|(_, exemplar)| exemplar.labels.len() * 48);
        let columns =
            self.samples.memory() + self.started.memory() + self.histograms.memory() + self.exemplars.memory();
        (columns + histograms.sum::<usize>() + labels.sum::<usize>()) as u64
    }

    /// Notes samples that will never be stored.
    pub(crate) fn refuse(&mut self, samples: u64, text: impl FnOnce() -> String) {
        if samples > 0 {
            self.n_refused += samples;
            self.first_refusal.get_or_insert_with(text);
        }
    }
}
