//! Numbers from a seed.

/// Pseudo-random numbers (splitmix64).
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    /// Mostly small enough to be carried out, now and then as large as it gets.
    pub(super) fn size(&mut self, max: u64) -> usize {
        let max = match self.below(6) {
            0 => max,
            1 => max.min(1000),
            _ => max.min(12),
        };
        1 + self.below(max) as usize
    }

    /// The text, cut anywhere.
    pub(super) fn cut(&mut self, text: &str) -> String {
        text.chars().take(self.below(text.len() as u64) as usize).collect()
    }

    /// The text with one to four of `signs` in the place of what stood there.
    pub(super) fn mangle(&mut self, text: &str, signs: &[char]) -> String {
        let mut mangled: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(4) {
            let at = self.below(mangled.len() as u64) as usize;
            mangled[at] = signs[self.below(signs.len() as u64) as usize];
        }
        mangled.into_iter().collect()
    }
}
