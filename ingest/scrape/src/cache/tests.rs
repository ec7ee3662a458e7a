//! Pages that are shown to a cache, and what it expects of the next.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn seen(series: &str) -> Seen<'_> {
    Seen { series, passage: series, lines: 1, kind: MetricKind::Unknown, tracked: true }
}

/// Shows a page of texts, where the text's first byte is the id; `None` is a failed scrape. Returns what has ended.
fn show(cache: &mut SeriesCache, page: Option<&[&str]>) -> Vec<u32> {
    cache.start_page();
    let ended = match page {
        None => cache.end_all(),
        Some(texts) => {
            for text in texts {
                if cache.expected().is_some_and(|(passage, _)| passage == *text) {
                    let (id, _) = cache.see_expected(true);
                    assert_eq!(id.map(|id| id.0), Some(u32::from(text.as_bytes()[0])));
                } else if cache.see(&seen(text)).is_none() {
                    cache.insert(&seen(text), Some(SeriesId(u32::from(text.as_bytes()[0]))));
                }
            }
            cache.finish_page()
        }
    };
    ended.iter().map(|id| id.0).collect()
}

#[track_caller]
fn check(pages: &[Option<&[&str]>], want_ended: &[&[u32]]) {
    let mut cache = SeriesCache::with_orphans(vec![SeriesId(u32::from(b'o'))]);
    for (page, want) in pages.iter().zip(want_ended) {
        assert_eq!(show(&mut cache, *page), *want, "{page:?}");
    }
}

#[test]
fn a_series_ends_once() {
    let (a, b, o) = (u32::from(b'a'), u32::from(b'b'), u32::from(b'o'));
    check(&[Some(&["a", "b"]), Some(&["a"]), Some(&["a"]), None, None], &[&[o], &[b], &[], &[a], &[]]);
    check(&[Some(&["o"]), Some(&["o"])], &[&[], &[]]); // the orphan lives on
    check(&[Some(&["a1", "a2"]), Some(&["a1"]), Some(&[])], &[&[o], &[], &[a]]); // two texts, one series
    check(&[Some(&["a"]), None, Some(&["a"]), Some(&["b"])], &[&[o], &[a], &[], &[a]]);
}

#[test]
fn a_page_is_expected_as_the_last_one_was() {
    let mut cache = SeriesCache::default();
    let expected = |cache: &SeriesCache| cache.expected().map(|(passage, _)| passage.to_owned());
    show(&mut cache, Some(&["a", "b", "c", "d"]));
    cache.start_page();
    assert_eq!(expected(&cache).as_deref(), Some("a"));
    cache.see_expected(true);
    assert!(cache.see(&seen("new")).is_none());
    cache.insert(&seen("new"), Some(SeriesId(7)));
    assert_eq!(cache.see(&seen("c")).map(|seen| seen.1), Some(Sighting::First));
    assert_eq!(expected(&cache).as_deref(), Some("d"), "behind the series that was found");
    assert_eq!(cache.see(&seen("a")).map(|seen| seen.1), Some(Sighting::Again));
    cache.finish_page();
    cache.start_page();
    for want in ["a", "new", "c"] {
        assert_eq!(expected(&cache).as_deref(), Some(want));
        cache.see_expected(true);
    }
    assert_eq!(expected(&cache), None);
    assert!(cache.order.is_none());
}

#[test]
fn comments_belong_to_the_series_behind_them() {
    let mut cache = SeriesCache::default();
    let long = format!("{}a", "#\n".repeat(COMMENT_BYTES_MAX));
    for (passage, want) in [("# x\na", "# x\na"), ("a", "a"), ("# y\na", "# y\na"), (&long, "a")] {
        cache.start_page();
        let line = Seen { passage, lines: 2, ..seen("a") };
        if cache.see(&line).is_none() {
            cache.insert(&line, None);
        }
        assert_eq!(cache.finish_page(), []);
        cache.start_page();
        assert_eq!(cache.expected(), Some((want, 2)));
        assert_eq!(cache.text, want);
        assert_eq!(cache.comment_bytes, want.len() - 1);
    }
}

#[test]
fn comments_of_a_target_are_bounded() {
    let comment = "#".repeat(COMMENT_BYTES_MAX - 1) + "\n";
    let mut cache = SeriesCache::default();
    cache.start_page();
    let texts: Vec<String> = (0..1_000).map(|series| format!("s{series:04}")).collect();
    for series in &texts {
        let passage = format!("{comment}{series}");
        cache.insert(&Seen { series, passage: &passage, ..seen("") }, None);
    }
    cache.finish_page();
    assert_eq!((cache.entries.len(), cache.comment_bytes), (1_000, ALL_COMMENT_BYTES_MAX));
    assert!(cache.text.len() <= ALL_COMMENT_BYTES_MAX + 5 * 1_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a map: what ends, and what is known.
    #[test]
    fn any_pages_are_followed_like_a_map_would(
        pages in prop::collection::vec(prop::option::weighted(0.9, prop::collection::vec(b'a'..b'i', 0..8)), 0..8),
    ) {
        let mut cache = SeriesCache::default();
        let mut model: BTreeMap<u8, bool> = BTreeMap::new();
        for page in pages {
            let texts: Option<Vec<String>> = page.as_ref().map(|page| page.iter().map(|byte| char::from(*byte).to_string()).collect());
            let texts: Option<Vec<&str>> = texts.as_ref().map(|texts| texts.iter().map(String::as_str).collect());
            let ended = show(&mut cache, texts.as_deref());
            let now: BTreeSet<u8> = page.iter().flatten().copied().collect();
            let want: Vec<u32> = model.iter().filter(|(key, live)| **live && !now.contains(key)).map(|(key, _)| u32::from(*key)).collect();
            prop_assert_eq!(ended, want);
            if page.is_some() {
                model = now.into_iter().map(|key| (key, true)).collect();
            } else {
                model.retain(|_, live| std::mem::take(live));
            }
            prop_assert_eq!(cache.entries.len(), model.len());
            prop_assert_eq!(cache.places.len(), model.len());
        }
    }
}
