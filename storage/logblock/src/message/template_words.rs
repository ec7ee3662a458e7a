//! Which templates of a block hold which words in their static text.

use super::template::Template;
use foldhash::HashMap;
use smol_str::SmolStr;
use watchfire_model::{fold, words};

/// Folded words, each with the numbers of its templates, ascending.
#[derive(Debug, Default)]
pub(crate) struct TemplateWords {
    templates: HashMap<SmolStr, Vec<u32>>,
    /// Whether some word has a letter beyond ASCII.
    has_foreign: bool,
}

impl TemplateWords {
    pub(crate) fn new(templates: &[Template]) -> TemplateWords {
        let mut map: HashMap<SmolStr, Vec<u32>> = HashMap::default();
        let mut has_foreign = false;
        for (number, template) in (0..).zip(templates) {
            for word in template.pieces().flat_map(words) {
                has_foreign |= !word.is_ascii();
                let numbers = map.entry(SmolStr::new(fold(word))).or_default();
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
            }
        }
        TemplateWords { templates: map, has_foreign }
    }

    /// The templates whose text holds the folded word.
    pub(super) fn with(&self, folded: &str) -> &[u32] {
        self.templates.get(folded).map_or(&[], Vec::as_slice)
    }

    /// Whether all letters of all words are ASCII, as they stand in the text.
    pub(super) fn are_ascii(&self) -> bool {
        !self.has_foreign
    }

    /// Bytes held, about.
    pub(crate) fn memory(&self) -> usize {
        const ENTRY: usize = size_of::<(SmolStr, Vec<u32>)>();
        self.templates.iter().map(|(word, numbers)| ENTRY + word.len() + numbers.capacity() * size_of::<u32>()).sum()
    }
}
