//! Which pairs of neighbouring letters and digits the variable words of a granule hold: tells in 162 bytes that a part of
//! a word, as of `*eption*`, stands in none of them.

const SYMBOLS: usize = 36;
pub(crate) const PAIRS_LEN: usize = (SYMBOLS * SYMBOLS).div_ceil(8);

/// One bit per pair, case folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairSet([u8; PAIRS_LEN]);

impl Default for PairSet {
    fn default() -> PairSet {
        PairSet([0; PAIRS_LEN])
    }
}

impl PairSet {
    /// Every pair.
    pub(crate) fn full() -> PairSet {
        PairSet([u8::MAX; PAIRS_LEN])
    }

    pub(crate) fn unite(&mut self, other: &PairSet) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    /// Whether a word may hold the first character right before the second.
    pub(super) fn may_hold_pair(&self, first: char, second: char) -> bool {
        let byte = |c| u8::try_from(c).ok();
        let at = byte(first).zip(byte(second)).and_then(|(first, second)| index(first, second));
        at.is_some_and(|at| self.0[at / 8] >> (at % 8) & 1 == 1)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<PairSet> {
        Some(PairSet(bytes.try_into().ok()?))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds the pairs of an ASCII word.
    pub(crate) fn add(&mut self, word: &str) {
        for pair in word.as_bytes().windows(2) {
            if let Some(at) = index(pair[0], pair[1]) {
                self.0[at / 8] |= 1 << (at % 8);
            }
        }
    }

    /// Adds all pairs of decimal digits.
    pub(crate) fn add_decimals(&mut self) {
        for pair in 0..100u8 {
            if let Some(at) = index(b'0' + pair / 10, b'0' + pair % 10) {
                self.0[at / 8] |= 1 << (at % 8);
            }
        }
    }

    /// Adds all pairs of hexadecimal digits.
    pub(crate) fn add_hexadecimals(&mut self) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for (a, b) in DIGITS.iter().flat_map(|a| DIGITS.iter().map(move |b| (*a, *b))) {
            if let Some(at) = index(a, b) {
                self.0[at / 8] |= 1 << (at % 8);
            }
        }
    }

    /// Whether some word may hold `part`, which is folded.
    pub(crate) fn may_hold(&self, part: &str) -> bool {
        part.as_bytes()
            .windows(2)
            .all(|pair| index(pair[0], pair[1]).is_some_and(|at| self.0[at / 8] >> (at % 8) & 1 == 1))
    }
}

fn index(first: u8, second: u8) -> Option<usize> {
    Some(symbol(first)? * SYMBOLS + symbol(second)?)
}

fn symbol(byte: u8) -> Option<usize> {
    match byte {
        b'0'..=b'9' => Some(usize::from(byte - b'0')),
        b'a'..=b'z' => Some(usize::from(byte - b'a') + 10),
        b'A'..=b'Z' => Some(usize::from(byte - b'A') + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_words_are_found() {
        let mut pairs = PairSet::default();
        pairs.add("Ab1");
        pairs.add_decimals();
        for (part, want) in
            [("ab", true), ("ab1", true), ("b1", true), ("1a", false), ("x", true), ("é1", false), ("907", true)]
        {
            assert_eq!(pairs.may_hold(part), want, "{part}");
        }
        pairs.add_hexadecimals();
        assert!(pairs.may_hold("deadbeef") && !pairs.may_hold("eption"));
        assert_eq!(PairSet::from_bytes(pairs.as_bytes()), Some(pairs));
    }
}
