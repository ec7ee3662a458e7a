//! What rules hold from one evaluation to the next: alerts with their labels and annotations, and the series that they wrote.
//! Data decide how much that is, so it is bounded, for each rule and for all.

use std::sync::Arc;
use watchfire_model::{ByteSize, Label, Labels, MemoryHold, MemoryPool};

/// What all rules may hold together.
pub const STATE_BYTES_MAX: ByteSize = ByteSize::from_mib(64);
/// What one rule may hold: some 40,000 series of six labels, or fewer alerts with their annotations.
pub const RULE_STATE_BYTES_MAX: ByteSize = ByteSize::from_mib(16);
/// Bytes of a label's value that a rule makes. Annotations may have [`crate::TEMPLATE_OUTPUT_BYTES_MAX`].
pub const LABEL_VALUE_BYTES_MAX: usize = 8 << 10;

/// A place in a table or set that holds label sets, with what the set itself has beside its labels.
const ENTRY_BYTES: usize = 64;
/// Texts of at most so many bytes lie within the label itself.
const INLINE_TEXT_LEN: usize = 23;

/// Bytes of a label set in a table.
pub(crate) fn labels_bytes(labels: &Labels) -> u64 {
    let outside = |text: &str| if text.len() > INLINE_TEXT_LEN { text.len() } else { 0 };
    let label = |label: &Label| size_of::<Label>() + outside(&label.name) + outside(&label.value);
    (ENTRY_BYTES + labels.iter().map(label).sum::<usize>()) as u64
}

/// Refuses what is more than one rule may hold; `what` is `series` or `alerts`.
pub(crate) fn check_rule(bytes: u64, what: &str) -> Result<(), String> {
    if bytes > RULE_STATE_BYTES_MAX.0 {
        return Err(format!(
            "its {what} take more than {RULE_STATE_BYTES_MAX} of memory: let the expression yield fewer"
        ));
    }
    Ok(())
}

/// One rule's part of the memory of all.
#[derive(Debug, Default)]
pub(crate) struct StateHold(Option<MemoryHold>);

impl StateHold {
    /// Holds `bytes` from now on; after a refusal, what was held before.
    pub(crate) fn resize(&mut self, pool: &Arc<MemoryPool>, bytes: u64) -> Result<(), String> {
        let resized = match &mut self.0 {
            Some(hold) => hold.resize(bytes),
            None => pool.take(bytes).map(|hold| self.0 = Some(hold)),
        };
        resized.map_err(|full| full.to_string())
    }
}
