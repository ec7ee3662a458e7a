//! Groups of the records that pass, and what is computed over them.

use super::search::shown;
use super::session::{Ask, Failure, Session, Snapshot, Unit, answer};
use crate::LogStoreError;
use crate::store::Inner;
use std::sync::Arc;
use watchfire_logblock::query::read_records;
use watchfire_model::{AggregateRequest, FieldSelection, Groups, LogAnswer, QueryBudget, TooManyGroups};

/// As [`watchfire_model::LogSource::aggregate`].
pub(crate) fn aggregate(
    inner: &Inner,
    request: &AggregateRequest,
    budget: &QueryBudget,
) -> Result<(Groups, LogAnswer), LogStoreError> {
    let ask = Ask { filter: &request.filter, range: request.range, budget };
    answer(inner, ask, |session, snapshot| gather(session, snapshot, request))
}

/// What one thread has gathered.
#[derive(Debug)]
struct Part {
    groups: Groups,
    /// Bytes that were paid for.
    charged: u64,
}

fn gather(session: &Session<'_>, snapshot: Snapshot, request: &AggregateRequest) -> Result<Groups, Failure> {
    let units = session.units(snapshot)?;
    let spec = Arc::new(request.spec.clone());
    let begin = || Part { groups: Groups::new(Arc::clone(&spec)), charged: 0 };
    let parts = session.each(&units, begin, |part, unit| {
        match unit {
            Unit::Chunk(chunk) => {
                session.scan(chunk, |at, record| Ok(part.groups.add(chunk.first_sequence + at as u64, record)?))?
            }
            Unit::Granule(planned, granule) => {
                let records = session.select(planned, *granule, |columns, rows| {
                    let sequences = columns.sequences()?;
                    let rows: Vec<usize> = rows.iter().collect();
                    let records = read_records(columns, &rows)?;
                    Ok(rows.iter().map(|row| sequences[*row]).zip(records).collect::<Vec<_>>())
                })?;
                for (sequence, record) in records {
                    part.groups.add(sequence, &shown(record, &FieldSelection::All))?;
                }
            }
        }
        part.charge(session)
    })?;
    let mut parts = parts.into_iter().map(|part| part.groups);
    let mut groups = parts.next().unwrap_or_else(|| Groups::new(spec));
    for part in parts {
        groups.merge(part)?;
    }
    Ok(groups)
}

impl Part {
    fn charge(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let bytes = self.groups.bytes();
        session.hold(bytes.saturating_sub(self.charged))?;
        self.charged = bytes.max(self.charged);
        Ok(())
    }
}

impl From<TooManyGroups> for Failure {
    fn from(error: TooManyGroups) -> Failure {
        Failure::Query(error.into())
    }
}
