//! A manifest in a directory on a disk that fails and loses power.

use super::disk::{Disk, Fault};
use super::power::{open, opened_before};
use super::*;
use crate::{Manifest, ManifestState};

/// Remembers every transaction.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Values(Vec<u64>);

impl ManifestState for Values {
    type Delta = u64;

    fn apply(&mut self, delta: &u64) {
        self.0.push(*delta);
    }
}

fn open_manifest(disk: &Disk) -> Result<Manifest<Values>, StorageError> {
    Manifest::open(Arc::new(open(disk)?), "manifest/test")
}

/// What was confirmed and, of what was refused since, at most one.
fn is_plausible(found: &[u64], confirmed: &[u64], refused: &[u64]) -> bool {
    found.strip_prefix(confirmed).is_some_and(|more| match more {
        [] => true,
        [one] => refused.contains(one),
        _ => false,
    })
}

/// Transactions on a disk with faults, some of them across a restart of the process, then a power cut.
fn transact(disk: &Disk, restart_every: u64) -> Result<(), TestCaseError> {
    let mut manifest = open_manifest(disk).ok();
    let (mut confirmed, mut refused) = (Vec::new(), Vec::new());
    for value in 1..=70 {
        if value % restart_every == 0 || manifest.is_none() {
            manifest = open_manifest(disk).ok();
            let Some(manifest) = &manifest else { continue };
            let found = &manifest.state().0;
            prop_assert!(is_plausible(found, &confirmed, &refused), "{:?}: {:?}, {:?}", found, confirmed, refused);
            confirmed.clone_from(found);
            refused.clear();
        }
        let Some(manifest) = &manifest else { continue };
        match manifest.commit(value) {
            Ok(_) => {
                confirmed.push(value);
                refused.clear();
            }
            Err(_) => refused.push(value),
        }
        prop_assert_eq!(&manifest.state().0, &confirmed);
    }
    disk.repair();
    let found = &open_manifest(&disk.crash()).unwrap().state().0;
    prop_assert!(is_plausible(found, &confirmed, &refused), "{:?}: {:?}, {:?}", found, confirmed, refused);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No two faults in a row: a name that can be made neither durable nor undone looks like any other to a process that
    /// starts again before the power goes.
    #[test]
    fn confirmed_transactions_survive_the_disk(
        seed: u64,
        restart_every in 5..100_u64,
        faults in proptest::collection::btree_map(1..450_u64, 0..3_usize, 0..12),
    ) {
        let disk = opened_before(seed);
        let before = disk.calls();
        for (number, kind) in faults {
            disk.fail_at(before + 2 * number + seed % 2, [Fault::Io, Fault::IoAfterwards, Fault::Full][kind]);
        }
        transact(&disk, restart_every)?;
    }
}
