//! What holds for all targets, whatever their configurations say.

use watchfire_model::ByteSize;

/// Limits that protect the process from its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrapeLimits {
    /// Bytes of all pages that are being received and read, compressed and not. 64 MiB; where that runs out, the largest
    /// page that is still being received is given up.
    pub page_bytes_max: ByteSize,
    /// Different series that one target may bring within an hour or two; further ones are left out, and the target is named.
    /// 100,000; twice its `sample_limit` where that is more.
    pub target_series_max: u64,
}

impl Default for ScrapeLimits {
    fn default() -> ScrapeLimits {
        ScrapeLimits { page_bytes_max: ByteSize::from_mib(64), target_series_max: 100_000 }
    }
}
