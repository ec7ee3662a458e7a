//! When counting began, for each sample of a unit. It rarely changes: runs of samples that share it.
//!
//! `starts := until all samples have one: samples: u8 | first time - start: zigzag` (a start of 0 is none)

use super::columns::Columns;
use super::cursor::{Cursor, Damage, put_zigzag};

pub(super) fn encode(columns: &Columns<'_>, out: &mut Vec<u8>) {
    let first = columns.times[0];
    let mut place = 0;
    while place < columns.len() {
        let start = columns.start(place);
        let run = (place..columns.len()).take_while(|other| columns.start(*other) == start).count();
        out.push(run as u8);
        put_zigzag(out, first.wrapping_sub(start));
        place += run;
    }
}

/// Decodes the starts of a unit that begins at `first`.
pub(super) fn decode(cursor: &mut Cursor<'_>, first: i64, into: &mut [i64]) -> Result<(), Damage> {
    let mut rest = into;
    while !rest.is_empty() {
        let run = usize::from(cursor.u8()?);
        let start = first.wrapping_sub(cursor.zigzag()?);
        if run == 0 {
            return Err(Damage("a run of starts is empty"));
        }
        let (these, others) = rest.split_at_mut_checked(run).ok_or(Damage("a run of starts leaves its unit"))?;
        these.fill(start);
        rest = others;
    }
    Ok(())
}
