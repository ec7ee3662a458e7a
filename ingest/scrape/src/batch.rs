//! What one scrape brings to the store.

use std::collections::HashMap;
use std::sync::Arc;
use watchfire_model::{Exemplar, Histogram, Point, PointValue, Sample, Timestamp};
use watchfire_tsdb::{Appended, SeriesId, Tsdb, TsdbError};

/// Samples for which room is kept between scrapes.
const SAMPLES_KEPT: usize = 16_384;
/// Exemplars that one scrape may bring; further ones are left out.
pub(crate) const EXEMPLARS_MAX: usize = 10_000;

/// Samples in the order of the page, and exemplars. Nearly all samples are a time and a float: what more there is to one stands
/// beside them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    samples: Vec<(SeriesId, Sample)>,
    /// Ascending by the sample's place.
    extras: Vec<Extra>,
    exemplars: Vec<(SeriesId, Exemplar)>,
}

/// What a sample has beside a float.
#[derive(Debug)]
struct Extra {
    /// Index of the sample.
    place: usize,
    start: Option<Timestamp>,
    histogram: Option<Arc<Histogram>>,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    pub(crate) fn push(&mut self, id: SeriesId, time: Timestamp, value: f64) {
        self.samples.push((id, Sample { time, value }));
    }

    pub(crate) fn push_histogram(&mut self, id: SeriesId, time: Timestamp, histogram: Arc<Histogram>) {
        let place = self.samples.len();
        self.samples.push((id, Sample { time, value: 0.0 }));
        self.extras.push(Extra { place, start: None, histogram: Some(histogram) });
    }

    /// Says of all samples from `first` on when their counting began. A time that is not before the sample's is none.
    pub(crate) fn start_from(&mut self, first: usize, start: Timestamp) {
        let mut extras =
            self.extras.split_off(self.extras.partition_point(|extra| extra.place < first)).into_iter().peekable();
        for (place, (_, sample)) in self.samples.iter().enumerate().skip(first) {
            let histogram = extras.next_if(|extra| extra.place == place).and_then(|extra| extra.histogram);
            let start = Some(start).filter(|start| *start < sample.time && start.0 != 0);
            if start.is_some() || histogram.is_some() {
                self.extras.push(Extra { place, start, histogram });
            }
        }
    }

    /// Whether the exemplar was taken.
    pub(crate) fn push_exemplar(&mut self, id: SeriesId, exemplar: Exemplar) -> bool {
        let has_room = self.exemplars.len() < EXEMPLARS_MAX;
        if has_room {
            self.exemplars.push((id, exemplar));
        }
        has_room
    }

    /// Appends the samples in one call.
    pub(crate) fn append(&self, tsdb: &Tsdb) -> Result<Appended, TsdbError> {
        if self.extras.is_empty() {
            return tsdb.append(&self.samples);
        }
        let mut points: Vec<(SeriesId, Point)> =
            self.samples.iter().map(|(id, sample)| (*id, Point::from(*sample))).collect();
        for extra in &self.extras {
            if let Some((_, point)) = points.get_mut(extra.place) {
                point.start = extra.start;
                if let Some(histogram) = &extra.histogram {
                    point.value = PointValue::Histogram(Arc::clone(histogram));
                }
            }
        }
        tsdb.append_points(&points)
    }

    /// Appends the exemplars, after the samples. Returns how many of them the store refused.
    pub(crate) fn append_exemplars(&self, tsdb: &Tsdb) -> Result<usize, TsdbError> {
        if self.exemplars.is_empty() {
            return Ok(0);
        }
        let appended = tsdb.append_exemplars(&self.exemplars)?;
        Ok(appended.too_old + appended.too_far_ahead + appended.too_long + appended.unknown.len())
    }

    /// The series of samples by their places.
    pub(crate) fn id_at(&self, place: usize) -> Option<SeriesId> {
        self.samples.get(place).map(|(id, _)| *id)
    }

    /// The samples at `places` (ascending) whose series has a new id, with that; exemplars get new ids where they stand.
    pub(crate) fn renewed(&mut self, places: &[usize], new_ids: &HashMap<u32, SeriesId>) -> Batch {
        let mut renewed = Batch::default();
        let mut extras = self.extras.iter().peekable();
        for &place in places {
            let Some((old_id, sample)) = self.samples.get(place) else { continue };
            let Some(id) = new_ids.get(&old_id.0) else { continue };
            while extras.next_if(|extra| extra.place < place).is_some() {}
            if let Some(extra) = extras.next_if(|extra| extra.place == place) {
                let histogram = extra.histogram.clone();
                renewed.extras.push(Extra { place: renewed.samples.len(), start: extra.start, histogram });
            }
            renewed.samples.push((*id, *sample));
        }
        for (id, _) in &mut self.exemplars {
            *id = new_ids.get(&id.0).copied().unwrap_or(*id);
        }
        renewed
    }

    /// Empties it; some of the room is kept.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        self.samples.shrink_to(SAMPLES_KEPT);
        self.extras = Vec::new();
        self.exemplars = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_belong_to_the_samples_of_their_group() {
        let mut batch = Batch::default();
        batch.push(SeriesId(1), Timestamp(100), 1.0);
        batch.push_histogram(SeriesId(2), Timestamp(100), Arc::new(Histogram::empty()));
        batch.push(SeriesId(3), Timestamp(40), 1.0);
        batch.push(SeriesId(4), Timestamp(100), 1.0);
        batch.start_from(1, Timestamp(50));
        batch.start_from(3, Timestamp(60));
        let got: Vec<_> =
            batch.extras.iter().map(|it| (it.place, it.start.map(|start| start.0), it.histogram.is_some())).collect();
        assert_eq!(got, [(1, Some(50), true), (3, Some(60), false)]);
        let new_ids = HashMap::from([(2, SeriesId(20)), (4, SeriesId(40))]);
        let renewed = batch.renewed(&[0, 1, 3], &new_ids);
        assert_eq!((renewed.id_at(0), renewed.id_at(1), renewed.len()), (Some(SeriesId(20)), Some(SeriesId(40)), 2));
        assert_eq!(renewed.extras.iter().map(|it| it.place).collect::<Vec<_>>(), [0, 1]);
    }
}
