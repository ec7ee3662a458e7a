use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use watchfire_model::TimeNs;
use watchfire_store::{Fault, ManualClock, MemStorage};

const KIND: Kind = Kind::SAVED_SEARCH;

fn open(storage: &MemStorage) -> Catalog {
    let clock = ManualClock::new(TimeNs(7));
    Catalog::open(Arc::new(storage.clone()), Arc::new(clock)).unwrap()
}

fn read(catalog: &Catalog, name: &str) -> Option<(u64, Value)> {
    catalog.get(KIND, name).map(|revision| (revision.version, revision.read().unwrap()))
}

#[test]
fn documents_have_versions_and_a_history() {
    let storage = MemStorage::new(1);
    let catalog = open(&storage);
    for version in 1..=12 {
        let put = catalog.put(KIND, "größte Fehler", &json!({"n": version}), Some(version - 1)).unwrap();
        assert_eq!((put.version, put.changed), (version, TimeNs(7)));
    }
    assert_eq!(read(&catalog, "größte Fehler"), Some((12, json!({"n": 12}))));
    let versions: Vec<u64> = catalog.history(KIND, "größte Fehler").iter().map(|one| one.version).collect();
    assert_eq!(versions, (3..=12).rev().collect::<Vec<u64>>());
    assert!(matches!(
        catalog.put(KIND, "größte Fehler", &json!(0), Some(11)),
        Err(CatalogError::Conflict { found: Some(12) })
    ));
    assert!(matches!(catalog.put(KIND, "b", &json!(0), Some(1)), Err(CatalogError::Conflict { found: None })));
    assert_eq!(catalog.put(KIND, "größte Fehler", &json!(0), None).unwrap().version, 13);
    assert_eq!(catalog.put(KIND, "b", &json!(0), Some(0)).unwrap().version, 1);
    let names: Vec<String> = catalog.list(KIND).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["b", "größte Fehler"]);
}

#[test]
fn a_deleted_document_s_versions_never_come_back() {
    let catalog = open(&MemStorage::new(1));
    for _ in 0..3 {
        catalog.put(KIND, "a", &json!(1), None).unwrap();
    }
    assert!(matches!(catalog.delete(KIND, "a", Some(2)), Err(CatalogError::Conflict { found: Some(3) })));
    catalog.delete(KIND, "a", Some(3)).unwrap();
    assert!(matches!(catalog.delete(KIND, "a", None), Err(CatalogError::NotFound { .. })));
    assert_eq!(catalog.history(KIND, "a"), []);
    assert!(catalog.put(KIND, "a", &json!(1), Some(3)).is_err(), "an editor of the deleted one is told");
    assert_eq!(catalog.put(KIND, "a", &json!(1), Some(0)).unwrap().version, 4);
}

#[track_caller]
fn check_name(name: &str, want: bool) {
    let put = open(&MemStorage::new(1)).put(KIND, name, &json!(1), None);
    assert_eq!(put.is_ok(), want, "{name:?}");
    assert!(want || matches!(put, Err(CatalogError::Name { .. })));
}

#[test]
fn names_are_short_lines() {
    check_name("a", true);
    check_name("../x y/ä", true);
    check_name(&"ä".repeat(NAME_CHARS_MAX), true);
    check_name(&"ä".repeat(NAME_CHARS_MAX + 1), false);
    check_name("", false);
    check_name(" a", false);
    check_name("a\n", false);
    check_name("a\u{0}b", false);
}

#[test]
fn limits_are_told_and_counted() {
    let storage = MemStorage::new(1);
    let catalog = open(&storage);
    let largest = "x".repeat(DOCUMENT_BYTES_MAX - 2);
    catalog.put(KIND, "large", &largest, None).unwrap();
    let larger = "x".repeat(DOCUMENT_BYTES_MAX - 1);
    assert!(matches!(catalog.put(KIND, "larger", &larger, None), Err(CatalogError::TooLarge { .. })));
    storage.set_has_room(false);
    assert!(matches!(catalog.put(KIND, "b", &json!(1), None), Err(CatalogError::DiskFull)));
    catalog.delete(KIND, "large", None).unwrap();
    storage.set_has_room(true);
    for number in 0..DOCUMENTS_MAX {
        catalog.put(KIND, &number.to_string(), &json!(1), None).unwrap();
    }
    assert!(matches!(catalog.put(KIND, "one more", &json!(1), None), Err(CatalogError::TooMany { .. })));
    catalog.put(KIND, "0", &json!(2), None).unwrap();
    assert_eq!(catalog.refused.get(), 3);
}

#[test]
fn all_together_are_bounded_but_can_be_changed() {
    let catalog = open(&MemStorage::new(1));
    let document = "x".repeat(DOCUMENT_BYTES_MAX - 2);
    let mut kept = 0;
    while catalog.put(KIND, &(kept / REVISIONS_KEPT).to_string(), &document, None).is_ok() {
        kept += 1;
    }
    assert_eq!(kept, CATALOG_BYTES_MAX / DOCUMENT_BYTES_MAX - 1, "the names take a little");
    assert!(matches!(catalog.put(KIND, "further", &document, None), Err(CatalogError::Full { .. })));
    catalog.put(KIND, "0", &document, None).unwrap();
}

#[test]
fn a_document_as_deep_as_json_goes_can_be_read_again() {
    let storage = MemStorage::new(1);
    let deep: Value = serde_json::from_str(&format!("{}{}", "[".repeat(126), "]".repeat(126))).unwrap();
    open(&storage).put(KIND, "deep", &deep, None).unwrap();
    assert_eq!(read(&open(&storage.crash()), "deep"), Some((1, deep)));
}

/// What a user does.
#[derive(Debug, Clone)]
enum Step {
    Put(u8),
    Delete(u8),
    Reopen,
    PowerCut,
    Fault(Fault),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..4).prop_map(Step::Put),
        2 => (0u8..4).prop_map(Step::Delete),
        1 => Just(Step::Reopen),
        1 => Just(Step::PowerCut),
        1 => prop_oneof![Just(Fault::Io), Just(Fault::IoAfterwards), Just(Fault::Full)].prop_map(Step::Fault),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a map. After a failed change either outcome may show at the next opening, and nothing else.
    #[test]
    fn what_returned_is_there_and_what_failed_is_whole_or_absent(
        steps in proptest::collection::vec(step(), 1..200),
        seed: u64,
    ) {
        let mut storage = MemStorage::new(seed);
        let mut catalog = open(&storage);
        let mut model: BTreeMap<String, usize> = BTreeMap::new();
        let mut in_doubt: Option<BTreeMap<String, usize>> = None;
        for (number, step) in steps.into_iter().enumerate() {
            let mut changed = model.clone();
            let outcome = match step {
                Step::Put(name) => {
                    changed.insert(name.to_string(), number);
                    catalog.put(KIND, &name.to_string(), &number, None).map(drop)
                }
                Step::Delete(name) if model.contains_key(&name.to_string()) => {
                    changed.remove(&name.to_string());
                    catalog.delete(KIND, &name.to_string(), None)
                }
                Step::Fault(fault) => {
                    storage.fail_at(storage.operations() + 1, fault);
                    continue;
                }
                Step::PowerCut | Step::Reopen | Step::Delete(_) => {
                    storage.repair();
                    if matches!(step, Step::PowerCut) {
                        storage = storage.crash();
                    }
                    catalog = open(&storage);
                    let found: BTreeMap<String, usize> =
                        catalog.list(KIND).into_iter().map(|(name, one)| (name, one.read().unwrap())).collect();
                    prop_assert!(found == model || Some(&found) == in_doubt.as_ref(), "{found:?} {model:?}");
                    model = found;
                    in_doubt = None;
                    continue;
                }
            };
            match outcome {
                Ok(()) => {
                    model = changed;
                    in_doubt = None;
                }
                Err(CatalogError::Storage(_)) => in_doubt = in_doubt.or(Some(changed)),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
    }
}
