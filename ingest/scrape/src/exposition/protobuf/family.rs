//! A metric family: what its metrics share.

use super::super::Problem;
use super::metric::{Metric, text};
use watchfire_model::protobuf::{Fields, Value};
use watchfire_model::{HistogramFault, MetricKind};

/// The head of a family, and the place among its metrics.
#[derive(Debug)]
pub(super) struct Family<'a> {
    pub(super) name: &'a str,
    pub(super) kind: MetricKind,
    pub(super) help: Option<&'a str>,
    pub(super) unit: Option<&'a str>,
    /// The message from the next metric on.
    metrics: Fields<'a>,
}

impl<'a> Family<'a> {
    /// `None` for a family without metrics, which is as if it were not there.
    pub(super) fn read(fields: Fields<'a>) -> Result<Option<Family<'a>>, Problem> {
        let mut family = Family { name: "", kind: MetricKind::Counter, help: None, unit: None, metrics: fields };
        let mut has_metrics = false;
        let mut rest = fields;
        while let Some(field) = rest.next()? {
            match field {
                (1, Value::Bytes(bytes)) => family.name = text(bytes)?,
                (2, Value::Bytes(bytes)) => family.help = Some(text(bytes)?).filter(|help| !help.is_empty()),
                (3, Value::Varint(number)) => family.kind = kind_of(number)?,
                (4, Value::Bytes(_)) => has_metrics = true,
                (5, Value::Bytes(bytes)) => family.unit = Some(text(bytes)?).filter(|unit| !unit.is_empty()),
                (1..=5, _) => return Err(rest.malformed("wire type of a metric family's field").into()),
                _ => {}
            }
        }
        if !has_metrics {
            return Ok(None);
        }
        if family.name.is_empty() {
            return Err(Problem::MetricName);
        }
        if let Some(unit) = family.unit {
            let name = match family.kind {
                MetricKind::Counter => family.name.strip_suffix("_total").unwrap_or(family.name),
                _ => family.name,
            };
            if !name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')) {
                let rule = "the name does not end with the unit";
                return Err(Problem::Family { metric: family.name.to_owned(), rule });
            }
        }
        Ok(Some(family))
    }

    pub(super) fn next_metric(&mut self) -> Result<Option<Metric<'a>>, Problem> {
        while let Some(field) = self.metrics.next()? {
            if let (4, Value::Bytes(bytes)) = field {
                return Metric::read(self.metrics.nested(bytes), self.kind).map(Some);
            }
        }
        Ok(None)
    }

    pub(super) fn histogram_problem(&self, fault: HistogramFault) -> Problem {
        Problem::Histogram { metric: self.name.to_owned(), fault }
    }
}

fn kind_of(number: u64) -> Result<MetricKind, Problem> {
    Ok(match number {
        0 => MetricKind::Counter,
        1 => MetricKind::Gauge,
        2 => MetricKind::Summary,
        3 => MetricKind::Unknown,
        4 => MetricKind::Histogram,
        5 => MetricKind::GaugeHistogram,
        _ => return Err(Problem::Kind(number.to_string())),
    })
}
