//! A copy of what a pin names opens as the same store.

use super::{append, open, search_all};
use crate::testing::records;
use proptest::prelude::*;
use watchfire_model::{LogFilter, TimeRangeNs};
use watchfire_store::{MemStorage, Storage};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_restored_store_holds_the_same_records(
        batches in proptest::collection::vec((records(1..20), any::<bool>()), 1..6),
        later in records(1..20),
    ) {
        let storage = MemStorage::new(1);
        let store = open(&storage);
        for (batch, flushes) in batches {
            append(&store, batch);
            if flushes {
                store.flush().unwrap();
            }
        }
        let pinned = store.pin().unwrap();
        let before = search_all(&store, &LogFilter::All, TimeRangeNs::ALL);
        // Whatever happens to the store meanwhile.
        append(&store, later);
        store.flush().unwrap();
        store.inner.merge_all().unwrap();
        let copy = MemStorage::new(2);
        for object in pinned.objects() {
            let bytes = storage.read(&object.key).unwrap();
            prop_assert_eq!(bytes.len() as u64, object.size);
            copy.create(&object.key, &bytes).unwrap();
        }
        copy.create(pinned.manifest_key(), pinned.manifest_bytes()).unwrap();
        let restored = open(&copy);
        prop_assert_eq!(search_all(&restored, &LogFilter::All, TimeRangeNs::ALL), before);
        drop(pinned);
        let live = storage.list("logs/").unwrap().len() as u64;
        prop_assert_eq!(live, 2 * store.status().blocks);
    }
}
