//! Label sets compared across head and blocks, which number their symbols differently.

use super::symbols::{Pair, Texts};
use foldhash::fast::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;
use watchfire_model::{Label, Labels, LabelsBuilder};

/// One seed per process: senders cannot prepare label sets that collide.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);

pub(crate) fn hash_text(text: &str) -> u64 {
    SEED.hash_one(text)
}

pub(crate) fn hash_labels(labels: &Labels) -> u64 {
    hash(labels.iter().map(|label| (label.name.as_str(), label.value.as_str())))
}

/// The hash that [`hash_labels`] gives the same label set.
pub(crate) fn hash_pairs(pairs: &[Pair], texts: &impl Texts) -> u64 {
    hash(pairs.iter().map(|pair| (texts.text(pair.name).as_str(), texts.text(pair.value).as_str())))
}

fn hash<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut hasher = SEED.build_hasher();
    for (name, value) in labels {
        hasher.write(name.as_bytes());
        hasher.write_u8(0xff);
        hasher.write(value.as_bytes());
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

pub(crate) fn same_labels(labels: &Labels, pairs: &[Pair], texts: &impl Texts) -> bool {
    let same =
        |label: &Label, pair: &Pair| label.name == *texts.text(pair.name) && label.value == *texts.text(pair.value);
    labels.len() == pairs.len() && labels.iter().zip(pairs).all(|(label, pair)| same(label, pair))
}

pub(crate) fn to_labels(pairs: &[Pair], texts: &impl Texts) -> Labels {
    let mut builder = LabelsBuilder::default();
    for pair in pairs {
        builder.set(texts.text(pair.name).clone(), texts.text(pair.value).clone());
    }
    builder.build()
}
