//! Label names and values, each text held once and named by a number.

use super::hash::hash_text;
use hashbrown::HashTable;
use smol_str::SmolStr;

/// Names a text within one head or one block.
pub(crate) type Symbol = u32;

/// One label as symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) name: Symbol,
    pub(crate) value: Symbol,
}

/// Looks symbols up: the head's growing table and a block's sorted one.
pub(crate) trait Texts {
    /// The text of a symbol that this table gave out.
    fn text(&self, symbol: Symbol) -> &SmolStr;

    fn find(&self, text: &str) -> Option<Symbol>;
}

/// Texts that come and go; each counts its users.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    entries: Vec<Entry>,
    by_text: HashTable<Symbol>,
    free: Vec<Symbol>,
    /// Bytes of memory of texts that do not fit their entries.
    texts_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    text: SmolStr,
    users: u32,
}

impl Interner {
    /// The symbol of a text, counting one more user.
    pub(crate) fn acquire(&mut self, text: &SmolStr) -> Symbol {
        let hash = hash_text(text);
        let entries = &mut self.entries;
        if let Some(&symbol) = self.by_text.find(hash, |&symbol| entries[symbol as usize].text == *text) {
            entries[symbol as usize].users += 1;
            return symbol;
        }
        // What the caller shares with others would stay in memory for them.
        let entry = Entry { text: SmolStr::new(text.as_str()), users: 1 };
        self.texts_bytes += heap_bytes(&entry.text);
        let symbol = if let Some(symbol) = self.free.pop() {
            entries[symbol as usize] = entry;
            symbol
        } else {
            entries.push(entry);
            (entries.len() - 1) as Symbol
        };
        self.by_text.insert_unique(hash, symbol, |&symbol| hash_text(&entries[symbol as usize].text));
        symbol
    }

    /// Counts one user less; a text without users is forgotten.
    pub(crate) fn release(&mut self, symbol: Symbol) {
        let entry = &mut self.entries[symbol as usize];
        entry.users -= 1;
        if entry.users > 0 {
            return;
        }
        let hash = hash_text(&entry.text);
        self.texts_bytes -= heap_bytes(&entry.text);
        entry.text = SmolStr::default();
        if let Ok(occupied) = self.by_text.find_entry(hash, |&other| other == symbol) {
            occupied.remove();
        }
        self.free.push(symbol);
    }
}

impl Interner {
    /// Bytes of memory of texts that do not fit their entries.
    pub(crate) fn texts_bytes(&self) -> usize {
        self.texts_bytes
    }

    /// Bytes of memory.
    pub(crate) fn size(&self) -> usize {
        let entries = self.entries.capacity() * size_of::<Entry>() + self.free.capacity() * size_of::<Symbol>();
        entries + self.by_text.allocation_size() + self.texts_bytes
    }
}

/// Bytes of memory of a text beyond its entry: two counts, and what an allocator rounds up.
fn heap_bytes(text: &SmolStr) -> usize {
    if text.is_heap_allocated() { (text.len() + 16).next_multiple_of(16) } else { 0 }
}

impl Texts for Interner {
    fn text(&self, symbol: Symbol) -> &SmolStr {
        &self.entries[symbol as usize].text
    }

    fn find(&self, text: &str) -> Option<Symbol> {
        self.by_text.find(hash_text(text), |&symbol| self.entries[symbol as usize].text == text).copied()
    }
}

/// Texts of a block: sorted, each once, named by their place.
#[derive(Debug, Default)]
pub(crate) struct SymbolTable {
    texts: Vec<SmolStr>,
}

impl SymbolTable {
    /// `texts` are sorted and distinct.
    pub(crate) fn new(texts: Vec<SmolStr>) -> SymbolTable {
        SymbolTable { texts }
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn texts(&self) -> &[SmolStr] {
        &self.texts
    }

    /// Memory, approximately.
    pub(crate) fn size(&self) -> usize {
        self.texts.iter().map(|text| size_of::<SmolStr>() + heap_bytes(text)).sum()
    }
}

impl Texts for SymbolTable {
    fn text(&self, symbol: Symbol) -> &SmolStr {
        &self.texts[symbol as usize]
    }

    fn find(&self, text: &str) -> Option<Symbol> {
        self.texts.binary_search_by(|other| other.as_str().cmp(text)).ok().map(|index| index as Symbol)
    }
}
