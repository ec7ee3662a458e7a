//! The series of a page, written out one at a time.

use super::super::Problem;
use super::super::series::write_series;

/// Bytes of all series of one page, written out. A message can make them many times its own size, as each bucket of a histogram
/// repeats the labels.
const EXPANSION_MAX: usize = 256 << 20;

/// The buffer into which series are written.
#[derive(Debug, Default)]
pub(super) struct SeriesText {
    text: String,
    /// Bytes written so far.
    written: usize,
}

impl SeriesText {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Writes `name` and `suffix`, `labels`, and one more label where there is one.
    pub(super) fn write(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[(&str, &str)],
        piece: Option<(&str, &str)>,
    ) -> Result<(), Problem> {
        self.text.clear();
        write_series(&mut self.text, name, suffix, labels.iter().copied().chain(piece));
        self.written += self.text.len();
        if self.written > EXPANSION_MAX { Err(Problem::Expansion { max: EXPANSION_MAX }) } else { Ok(()) }
    }
}
