//! `time_intervals` of the file.

use super::super::time_interval::{TimeInterval, TimeIntervals, Unit, minute_of_day};
use super::{Problem, raw};
use jiff::tz::TimeZone;
use serde_saphyr::Spanned;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

pub(super) fn read(sets: impl Iterator<Item = Spanned<raw::TimeIntervals>>) -> Result<Vec<TimeIntervals>, Problem> {
    let mut names = BTreeSet::new();
    let mut found = Vec::new();
    for set in sets {
        let line = set.referenced.line();
        let Some(name) = set.value.name.filter(|name| !name.is_empty()) else {
            return Err(Problem::new(line, "time_intervals: an element has no `name`"));
        };
        if !names.insert(name.clone()) {
            return Err(Problem::new(line, format_args!("time interval `{name}` is there twice, rename one")));
        }
        let intervals = set.value.time_intervals.unwrap_or_default().into_iter().map(interval);
        let intervals = intervals.collect::<Result<_, _>>();
        let intervals = intervals.map_err(|why| Problem::new(line, format_args!("time interval `{name}`: {why}")))?;
        found.push(TimeIntervals { name, intervals });
    }
    Ok(found)
}

fn interval(raw: raw::TimeInterval) -> Result<TimeInterval, String> {
    let zone = match raw.location {
        None => TimeZone::UTC,
        Some(name) if name == "Local" => TimeZone::system(),
        Some(name) => TimeZone::get(&name)
            .map_err(|_| format!("location: `{name}` is no time zone, write for example Europe/Berlin"))?,
    };
    Ok(TimeInterval {
        times: raw.times.unwrap_or_default().into_iter().map(times).collect::<Result<_, _>>()?,
        weekdays: ranges(Unit::Weekday, raw.weekdays)?,
        days_of_month: ranges(Unit::DayOfMonth, raw.days_of_month)?,
        months: ranges(Unit::Month, raw.months)?,
        years: ranges(Unit::Year, raw.years)?,
        zone,
    })
}

fn times(raw: raw::TimeRange) -> Result<(u32, u32), String> {
    let (Some(start), Some(end)) = (raw.start_time, raw.end_time) else {
        return Err("times: both start_time and end_time are needed".to_owned());
    };
    let (from, until) = (minute_of_day(&start)?, minute_of_day(&end)?);
    if from >= until {
        return Err(format!("times: {end} is not later than {start}; split a range at midnight"));
    }
    Ok((from, until))
}

fn ranges(unit: Unit, texts: Option<Vec<String>>) -> Result<Vec<RangeInclusive<i32>>, String> {
    texts.unwrap_or_default().iter().map(|text| unit.range(text)).collect()
}
