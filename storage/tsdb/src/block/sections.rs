//! The index sections of a block as bytes (FORMAT.md, "Block"): symbols, series, postings.

use super::LIST_MAX;
use super::writer::SeriesTable;
use crate::codec::{put_text, put_varint};
use crate::index::Pair;
use hashbrown::HashMap;
use roaring::RoaringBitmap;
use smol_str::SmolStr;

/// Encodes the sections in their order; `texts` are sorted, and the labels' symbols count them.
pub(super) fn encode(table: &SeriesTable, texts: &[SmolStr]) -> [Vec<u8>; 3] {
    let symbols = used_symbols(&table.pairs, texts.len());
    [encode_symbols(texts, &symbols), encode_series(table, &symbols), encode_postings(table, &symbols)]
}

/// The block's number of each symbol that its series use; the order of texts is kept.
fn used_symbols(pairs: &[Pair], count: usize) -> Vec<Option<u32>> {
    let mut symbols = vec![None; count];
    for pair in pairs {
        symbols[pair.name as usize] = Some(0);
        symbols[pair.value as usize] = Some(0);
    }
    for (number, symbol) in (0..).zip(symbols.iter_mut().flatten()) {
        *symbol = number;
    }
    symbols
}

fn encode_symbols(texts: &[SmolStr], symbols: &[Option<u32>]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, symbols.iter().flatten().count() as u64);
    for (text, _) in texts.iter().zip(symbols).filter(|(_, symbol)| symbol.is_some()) {
        put_text(&mut out, text);
    }
    out
}

fn encode_series(table: &SeriesTable, symbols: &[Option<u32>]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, table.pages.len() as u64);
    for (len, checksum) in &table.pages {
        put_varint(&mut out, u64::from(*len));
        out.extend_from_slice(&checksum.to_le_bytes());
    }
    put_varint(&mut out, table.entries.len() as u64);
    let (mut page, mut start) = (0, 0);
    for entry in &table.entries {
        let pairs = &table.pairs[start..entry.pairs_end];
        start = entry.pairs_end;
        put_varint(&mut out, pairs.len() as u64);
        for pair in pairs {
            put_varint(&mut out, number(symbols, pair.name));
            put_varint(&mut out, number(symbols, pair.value));
        }
        out.push(u8::from(entry.page != page));
        page = entry.page;
        put_varint(&mut out, entry.len as u64);
    }
    out
}

fn encode_postings(table: &SeriesTable, symbols: &[Option<u32>]) -> Vec<u8> {
    let mut postings: HashMap<(u64, u64), Vec<u32>, foldhash::fast::FixedState> = HashMap::default();
    let mut start = 0;
    for (id, entry) in (0..).zip(&table.entries) {
        for pair in &table.pairs[start..entry.pairs_end] {
            postings.entry((number(symbols, pair.name), number(symbols, pair.value))).or_default().push(id);
        }
        start = entry.pairs_end;
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

fn number(symbols: &[Option<u32>], symbol: u32) -> u64 {
    u64::from(symbols[symbol as usize].expect("every label's symbols are used"))
}
