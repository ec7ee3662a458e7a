//! `stats` with every function, by fields and by time, against a plain scan.

use crate::answers::{Found, Question, whole};
use crate::messages::{NAMES, pick};
use crate::random::Random;
use crate::world::World;
use std::sync::Arc;
use watchfire_model::{
    Aggregate, AggregateFunction, AggregateRequest, AggregateSpec, FieldPattern, FieldValue, GroupKey, GroupRow,
    Groups, LogFilter, LogSource, QueryBudget, TimeBuckets, TimeNs,
};

/// More groups than the records make.
const GROUPS_MAX: usize = 1_000_000;

pub(crate) fn check(
    world: &World,
    question: &Question<'_>,
    wanted: &[Found<'_>],
    random: &mut Random,
) -> Result<(), String> {
    let spec = spec(random);
    let request = AggregateRequest { filter: question.filter.clone(), range: question.range, spec: spec.clone() };
    let answer = world.store().aggregate(&request, &QueryBudget::unlimited());
    let (groups, answer) = answer.map_err(|error| format!("{error:?} for {spec:?}"))?;
    whole("stats", &answer.partial)?;
    let mut plain = Groups::new(Arc::new(spec.clone()));
    for (arrival, record) in wanted {
        plain.add(*arrival, *record).map_err(|error| error.to_string())?;
    }
    let (found, wanted) = (groups.finish(), plain.finish());
    let differing = (0..found.len().max(wanted.len())).find(|at| match (found.get(*at), wanted.get(*at)) {
        (Some(found), Some(wanted)) => !is_same(found, wanted),
        _ => true,
    });
    match differing {
        Some(at) => Err(format!(
            "stats: {} groups, not {}; {:?}, not {:?}; {spec:?}",
            found.len(),
            wanted.len(),
            found.get(at),
            wanted.get(at)
        )),
        None => Ok(()),
    }
}

fn spec(random: &mut Random) -> AggregateSpec {
    let keys = [0, 0, 1, 1, 1, 2][random.within(0..6) as usize];
    let by = (0..keys).map(|_| key(random)).collect();
    let functions = (0..random.within(1..5)).map(|_| aggregate(random)).collect();
    AggregateSpec { by, functions, groups_max: GROUPS_MAX }
}

fn field<'a>(random: &mut Random) -> &'a str {
    match random.within(0..6) {
        0 => ["level", "host", "stream", "message", "number", "absent"][random.within(0..6) as usize],
        _ => pick(random, &NAMES),
    }
}

fn key(random: &mut Random) -> GroupKey {
    if !random.one_in(3) {
        return GroupKey::Field(field(random).into());
    }
    let start = crate::messages::START_S;
    GroupKey::Time(if random.one_in(2) {
        let step_ns = [60, 3600, 86_400, 5][random.within(0..4) as usize] * 1_000_000_000;
        TimeBuckets::Every { step_ns, origin: TimeNs(random.within(0..1_000_000) as i64) }
    } else {
        // Days as a time zone makes them, of 23 and 25 hours among them.
        let starts = [-86_400, 0, 82_800, 172_800].map(|s| TimeNs((start + s) * 1_000_000_000));
        TimeBuckets::Starts(starts.to_vec())
    })
}

fn aggregate(random: &mut Random) -> Aggregate {
    let function = match random.within(0..13) {
        0..=2 => AggregateFunction::Count,
        3 => AggregateFunction::Sum,
        4 => AggregateFunction::Avg,
        5 => AggregateFunction::Min,
        6 => AggregateFunction::Max,
        7 => AggregateFunction::Quantile([0.0, 0.5, 0.95, 1.0][random.within(0..4) as usize]),
        8 => AggregateFunction::CountUniq,
        9 => AggregateFunction::Values(random.within(1..20) as usize),
        10 => AggregateFunction::First,
        11 => AggregateFunction::Last,
        _ => AggregateFunction::Rate { over_ns: 60_000_000_000 },
    };
    let is_countable = matches!(function, AggregateFunction::Count | AggregateFunction::Rate { .. });
    let field = if is_countable && random.one_in(2) { None } else { Some(field(random).into()) };
    let only = random.one_in(5).then(|| LogFilter::Any(FieldPattern::text("error")));
    Aggregate { function, field, only }
}

/// Equal but for the order in which numbers were added up.
fn is_same(found: &GroupRow, wanted: &GroupRow) -> bool {
    let close = |pair: (&Option<FieldValue>, &Option<FieldValue>)| match pair {
        (
            Some(found @ (FieldValue::I64(_) | FieldValue::F64(_))),
            Some(wanted @ (FieldValue::I64(_) | FieldValue::F64(_))),
        ) => {
            let (found, wanted) = (found.as_number().unwrap_or(f64::NAN), wanted.as_number().unwrap_or(f64::NAN));
            // Numbers up to 1e300 stand beside 0.5: what is left of a sum may differ in its last bits.
            found == wanted
                || found.is_nan() && wanted.is_nan()
                || (found - wanted).abs() <= 1e-9 * found.abs().max(wanted.abs())
        }
        (found, wanted) => found == wanted,
    };
    found.key == wanted.key
        && found.values.len() == wanted.values.len()
        && found.values.iter().zip(&wanted.values).all(close)
}
