//! A set of rows of one granule.

/// One bit per row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
}

const WORD_BITS: usize = 64;

impl RowSet {
    pub fn all(rows: usize) -> RowSet {
        let mut words = vec![u64::MAX; rows.div_ceil(WORD_BITS)];
        if let Some(last) = words.last_mut()
            && !rows.is_multiple_of(WORD_BITS)
        {
            *last = (1 << (rows % WORD_BITS)) - 1;
        }
        RowSet { words }
    }

    /// These rows of this set.
    #[must_use]
    pub fn with(&self, rows: impl Iterator<Item = usize>) -> RowSet {
        let mut words = vec![0; self.words.len()];
        for row in rows {
            words[row / WORD_BITS] |= self.words[row / WORD_BITS] & 1 << (row % WORD_BITS);
        }
        RowSet { words }
    }

    /// The rows of this set for which `wanted` holds.
    #[must_use]
    pub fn filter(&self, mut wanted: impl FnMut(usize) -> bool) -> RowSet {
        let mut words = vec![0; self.words.len()];
        for (at, (word, kept)) in self.words.iter().zip(&mut words).enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                *kept |= u64::from(wanted(at * WORD_BITS + bit)) << bit;
            }
        }
        RowSet { words }
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn unite(&mut self, other: &RowSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine |= theirs);
    }

    pub fn subtract(&mut self, other: &RowSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine &= !theirs);
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(at * WORD_BITS + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: usize) {
        let all = RowSet::all(rows);
        assert_eq!(all.iter().collect::<Vec<_>>(), (0..rows).collect::<Vec<_>>());
        let mut odd = all.filter(|row| row % 2 == 1);
        assert_eq!(odd.len(), rows / 2);
        let mut even = all.clone();
        even.subtract(&odd);
        odd.unite(&even);
        assert_eq!(odd, all);
        assert_eq!(even.with(0..rows), even);
        odd.subtract(&all);
        assert!(odd.is_empty());
    }

    #[test]
    fn sets_behave_at_the_edges_of_words() {
        [0, 1, 63, 64, 65, 8192].into_iter().for_each(check);
    }
}
