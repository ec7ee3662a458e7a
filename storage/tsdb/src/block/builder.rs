//! Writes a block into memory.

use super::{HEADER_LEN, LIST_MAX, MAGIC, PAGE_BYTES, VERSION};
use crate::codec::{Unit, put_text, put_varint};
use crate::index::Pair;
use hashbrown::HashMap;
use roaring::RoaringBitmap;
use smol_str::SmolStr;

/// Collects series in order of their labels.
#[derive(Debug)]
pub(crate) struct BlockBuilder<'a> {
    series: Vec<SeriesEntry<'a>>,
    pages: Vec<u8>,
    /// Ends of the pages that are closed.
    page_ends: Vec<usize>,
    min_time: i64,
    max_time: i64,
    samples: u64,
}

#[derive(Debug)]
struct SeriesEntry<'a> {
    labels: &'a [Pair],
    page: usize,
    /// Bytes of the series' units.
    len: usize,
}

/// A finished block.
#[derive(Debug)]
pub(crate) struct BuiltBlock {
    pub(crate) bytes: Vec<u8>,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) series: u64,
    pub(crate) samples: u64,
}

impl<'a> BlockBuilder<'a> {
    pub(crate) fn new() -> BlockBuilder<'a> {
        BlockBuilder {
            series: Vec::new(),
            pages: Vec::new(),
            page_ends: Vec::new(),
            min_time: i64::MAX,
            max_time: i64::MIN,
            samples: 0,
        }
    }

    /// Adds a series that comes after all before; one without units is left out.
    pub(crate) fn add<'u>(&mut self, labels: &'a [Pair], units: impl Iterator<Item = &'u Unit>) {
        let start = self.pages.len();
        for unit in units {
            put_varint(&mut self.pages, unit.bytes().len() as u64);
            self.pages.extend_from_slice(unit.bytes());
            self.min_time = self.min_time.min(unit.first);
            self.max_time = self.max_time.max(unit.last);
            self.samples += unit.len() as u64;
        }
        let len = self.pages.len() - start;
        if len == 0 {
            return;
        }
        self.series.push(SeriesEntry { labels, page: self.page_ends.len(), len });
        if self.pages.len() - self.page_ends.last().copied().unwrap_or(0) >= PAGE_BYTES {
            self.page_ends.push(self.pages.len());
        }
    }

    /// The block's bytes; `texts` are sorted, and the labels' symbols count them. None where nothing was added.
    pub(crate) fn finish(mut self, texts: &[SmolStr]) -> Option<BuiltBlock> {
        if self.series.is_empty() {
            return None;
        }
        if self.page_ends.last().copied() != Some(self.pages.len()) {
            self.page_ends.push(self.pages.len());
        }
        let symbols = self.used_symbols(texts.len());
        let sections =
            [symbols_section(texts, &symbols), self.series_section(&symbols), self.postings_section(&symbols)];
        let len = HEADER_LEN + sections.iter().map(Vec::len).sum::<usize>() + self.pages.len();
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.min_time.to_le_bytes());
        bytes.extend_from_slice(&self.max_time.to_le_bytes());
        bytes.extend_from_slice(&self.samples.to_le_bytes());
        for section in &sections {
            bytes.extend_from_slice(&(section.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&crc32c::crc32c(section).to_le_bytes());
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        for section in &sections {
            bytes.extend_from_slice(section);
        }
        bytes.extend_from_slice(&self.pages);
        Some(BuiltBlock {
            bytes,
            min_time: self.min_time,
            max_time: self.max_time,
            series: self.series.len() as u64,
            samples: self.samples,
        })
    }

    /// The block's number of each symbol that its series use; the order of texts is kept.
    fn used_symbols(&self, count: usize) -> Vec<Option<u32>> {
        let mut symbols = vec![None; count];
        for pair in self.series.iter().flat_map(|entry| entry.labels) {
            symbols[pair.name as usize] = Some(0);
            symbols[pair.value as usize] = Some(0);
        }
        for (number, symbol) in (0..).zip(symbols.iter_mut().flatten()) {
            *symbol = number;
        }
        symbols
    }

    fn series_section(&self, symbols: &[Option<u32>]) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.page_ends.len() as u64);
        let mut start = 0;
        for &end in &self.page_ends {
            put_varint(&mut out, (end - start) as u64);
            out.extend_from_slice(&crc32c::crc32c(&self.pages[start..end]).to_le_bytes());
            start = end;
        }
        put_varint(&mut out, self.series.len() as u64);
        let mut page = 0;
        for entry in &self.series {
            put_varint(&mut out, entry.labels.len() as u64);
            for pair in entry.labels {
                put_varint(&mut out, number(symbols, pair.name));
                put_varint(&mut out, number(symbols, pair.value));
            }
            out.push(u8::from(entry.page != page));
            page = entry.page;
            put_varint(&mut out, entry.len as u64);
        }
        out
    }

    fn postings_section(&self, symbols: &[Option<u32>]) -> Vec<u8> {
        let mut postings: HashMap<(u64, u64), Vec<u32>, foldhash::fast::FixedState> = HashMap::default();
        for (id, entry) in (0..).zip(&self.series) {
            for pair in entry.labels {
                postings.entry((number(symbols, pair.name), number(symbols, pair.value))).or_default().push(id);
            }
        }
        let mut postings: Vec<_> = postings.into_iter().collect();
        postings.sort_unstable_by_key(|(pair, _)| *pair);
        let mut out = Vec::new();
        for ((name, value), ids) in postings {
            put_varint(&mut out, name);
            put_varint(&mut out, value);
            put_varint(&mut out, ids.len() as u64);
            if ids.len() <= LIST_MAX {
                let mut last = 0;
                for id in ids {
                    put_varint(&mut out, u64::from(id - last));
                    last = id;
                }
                continue;
            }
            let mut bitmap = RoaringBitmap::from_sorted_iter(ids).expect("series are numbered in order");
            bitmap.optimize();
            put_varint(&mut out, bitmap.serialized_size() as u64);
            bitmap.serialize_into(&mut out).expect("a vector takes all bytes");
        }
        out
    }
}

fn symbols_section(texts: &[SmolStr], symbols: &[Option<u32>]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, symbols.iter().flatten().count() as u64);
    for (text, _) in texts.iter().zip(symbols).filter(|(_, symbol)| symbol.is_some()) {
        put_text(&mut out, text);
    }
    out
}

fn number(symbols: &[Option<u32>], symbol: u32) -> u64 {
    u64::from(symbols[symbol as usize].expect("every label's symbols are used"))
}
