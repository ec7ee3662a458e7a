//! Collects the tokens of a block while it is built, and encodes the index of them.

use super::granules::encode_postings;
use super::singletons;
use super::token::{TokenColumn, stable_hash};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::io;
use tantivy::postings::TermInfo;
use tantivy::termdict::TermDictionaryBuilder;

/// Tokens and the granules they stand in. Granules come in ascending order.
#[derive(Debug, Default)]
pub(super) struct TokenCollector {
    hasher: RandomState,
    /// Indices of `entries`.
    table: HashTable<u32>,
    entries: Vec<Entry>,
    /// All terms, one after the other.
    arena: Vec<u8>,
    /// Every further granule of a token: token in the high, granule in the low half.
    further: Vec<u64>,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    start: usize,
    len: u32,
    first_granule: u32,
    last_granule: u32,
}

/// The sections of the index file that hold tokens.
#[derive(Debug)]
pub(super) struct EncodedTokens {
    /// A tantivy term dictionary: terms in two or more granules → a range of `postings`.
    pub terms: Vec<u8>,
    pub postings: Vec<u8>,
    pub singletons: Vec<u8>,
}

impl TokenCollector {
    pub(super) fn add(&mut self, column: TokenColumn, token: &[u8], granule: u32) {
        let column = column.to_bytes();
        let hash = self.hasher.hash_one((column, token));
        let (entries, arena) = (&mut self.entries, &mut self.arena);
        let found = self.table.find(hash, |index| {
            let entry = &entries[*index as usize];
            entry.hash == hash && entry.term(arena).strip_prefix(&column) == Some(token)
        });
        if let Some(&index) = found {
            let entry = &mut entries[index as usize];
            if entry.last_granule != granule {
                entry.last_granule = granule;
                self.further.push(u64::from(index) << 32 | u64::from(granule));
            }
            return;
        }
        let index = entries.len() as u32;
        let len = (column.len() + token.len()) as u32;
        entries.push(Entry { hash, start: arena.len(), len, first_granule: granule, last_granule: granule });
        arena.extend_from_slice(&column);
        arena.extend_from_slice(token);
        self.table.insert_unique(hash, index, |index| entries[*index as usize].hash);
    }

    /// Bytes held, about. Encoding takes about half as much again.
    pub(super) fn memory(&self) -> u64 {
        let table = self.table.capacity() * size_of::<u32>();
        let further = self.further.capacity() * size_of::<u64>();
        (self.entries.capacity() * size_of::<Entry>() + self.arena.capacity() + table + further) as u64
    }

    pub(super) fn encode(mut self, granules: usize) -> io::Result<EncodedTokens> {
        self.further.sort_unstable();
        let mut repeated = Vec::new();
        let mut single = Vec::new();
        let mut at = 0;
        for (index, entry) in self.entries.iter().enumerate() {
            let start = at;
            while self.further.get(at).is_some_and(|pair| (pair >> 32) as usize == index) {
                at += 1;
            }
            let term = entry.term(&self.arena);
            if start == at {
                single.push((stable_hash(term), entry.first_granule));
            } else {
                repeated.push((term, entry.first_granule, start..at));
            }
        }
        repeated.sort_unstable_by_key(|(term, ..)| *term);
        let mut postings = Vec::new();
        let mut terms = TermDictionaryBuilder::create(Vec::new())?;
        let mut list = Vec::new();
        for (term, first_granule, range) in repeated {
            list.clear();
            list.push(first_granule);
            list.extend(self.further[range].iter().map(|pair| *pair as u32));
            let start = postings.len();
            encode_postings(&list, granules, &mut postings);
            let info =
                TermInfo { doc_freq: list.len() as u32, postings_range: start..postings.len(), positions_range: 0..0 };
            terms.insert(term, &info)?;
        }
        Ok(EncodedTokens { terms: terms.finish()?, postings, singletons: singletons::encode(single, granules) })
    }
}

impl Entry {
    fn term<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        &arena[self.start..self.start + self.len as usize]
    }
}
