//! How many rows of a granule pass, where that is known without reading it.

use super::eval::{Granule, covers};
use super::plan::{Known, Place, Plan};
use crate::block::layout::HOST;
use crate::block::{ReadError, Summary};
use crate::message::Verdict;
use smol_str::SmolStr;
use watchfire_model::TimeRangeNs;

impl Granule<'_> {
    /// How many rows pass the plan and lie in the range, if templates and statistics tell; none where rows have to be
    /// looked at. Reads nothing but the block's statistics.
    pub fn count_without_reading(self, plan: &Plan, range: TimeRangeNs) -> Result<Option<u64>, ReadError> {
        let stats = self.stats();
        if !covers(range, stats) {
            return Ok(None);
        }
        let summary = self.block.summary(self.opened, self.reads)?;
        Ok(self.count(plan, summary.as_deref()))
    }

    fn count(self, plan: &Plan, summary: Option<&Summary>) -> Option<u64> {
        let rows = self.stats().rows as u64;
        match plan {
            Plan::Constant(passes) => Some(if *passes { rows } else { 0 }),
            Plan::Not(part) => Some(rows - self.count(part, summary)?),
            Plan::And(parts) => self.combine(parts, summary, rows),
            Plan::Or(parts) => self.combine(parts, summary, 0),
            Plan::Time(range) if covers(*range, self.stats()) => Some(rows),
            Plan::Time(range) => {
                let (first, last) = self.stats().times;
                (last < range.start || range.end <= first).then_some(0)
            }
            Plan::Levels(levels) => {
                let counts = &summary?.granules[self.index].levels;
                Some((0..8).filter(|level| levels >> level & 1 == 1).map(|level| u64::from(counts[level])).sum())
            }
            Plan::Pattern { places, known, .. } => {
                let mut here = places.iter().filter(|(_, granules)| granules.contains(self.index));
                match (here.next(), here.next()) {
                    (None, _) => Some(0),
                    (Some((place, _)), None) => self.count_place(place, known, summary?),
                    _ => None,
                }
            }
            Plan::NotEmpty(Place::Field(field)) => {
                let column = &self.opened.layout.fields[*field];
                let present = self.stats().fields[*field].rows as u64;
                if !column.kind.is_text() || present == 0 {
                    return Some(present);
                }
                let counts = summary?.value_counts(column.leaf)?;
                let empty = counts.values.iter().position(SmolStr::is_empty);
                let of_empty = |(value, _): &&(u32, u32)| Some(*value as usize) == empty;
                let empty_rows =
                    counts.granules[self.index].iter().find(of_empty).map_or(0, |(_, rows)| u64::from(*rows));
                Some(present.saturating_sub(empty_rows))
            }
            Plan::Range { .. } | Plan::NotEmpty(_) | Plan::Test { .. } => None,
        }
    }

    /// The count of parts of which all but one pass everywhere or nowhere; `neutral` is what decides nothing: all rows for
    /// a conjunction, none for a disjunction.
    fn combine(self, parts: &[Plan], summary: Option<&Summary>, neutral: u64) -> Option<u64> {
        let rows = self.stats().rows as u64;
        let dominant = rows - neutral;
        let counts: Vec<Option<u64>> = parts.iter().map(|part| self.count(part, summary)).collect();
        if counts.contains(&Some(dominant)) {
            return Some(dominant);
        }
        let mut left = counts.into_iter().filter(|count| *count != Some(neutral));
        match (left.next(), left.next()) {
            (None, _) => Some(neutral),
            (Some(only), None) => only,
            _ => None,
        }
    }

    fn count_place(self, place: &Place, known: &Known, summary: &Summary) -> Option<u64> {
        let leaf = match place {
            Place::Message => return self.count_messages(known, summary),
            Place::Host => HOST,
            Place::Field(field) => self.opened.layout.fields[*field].leaf,
            Place::Rest(_) => return None,
        };
        let (_, passes) = known.values.iter().find(|(of, _)| *of == leaf)?;
        let counts = &summary.value_counts(leaf)?.granules[self.index];
        let passing = counts.iter().filter(|(value, _)| passes.get(*value as usize).copied().unwrap_or(false));
        Some(passing.map(|(_, rows)| u64::from(*rows)).sum())
    }

    fn count_messages(self, known: &Known, summary: &Summary) -> Option<u64> {
        let granule = &summary.granules[self.index];
        if known.untemplated.contains(self.index) {
            return None;
        }
        let mut count = 0;
        for (number, rows) in &granule.templates {
            match known.verdicts.get(*number as usize)? {
                Verdict::Yes => count += u64::from(*rows),
                Verdict::Open if known.open.contains(self.index) => return None,
                Verdict::No | Verdict::Open => {}
            }
        }
        Some(count)
    }
}
