//! Buckets of a native histogram as runs of neighbours.

use watchfire_model::BucketSpan;

/// Where buckets stand, and their counts in the same order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Spans {
    pub(super) spans: Vec<BucketSpan>,
    pub(super) counts: Vec<f64>,
}

/// `buckets`: index and count, ascending.
pub(super) fn spans(buckets: &[(i32, f64)]) -> Spans {
    let mut spans = Spans::default();
    let mut next = 0;
    for (index, count) in buckets {
        match spans.spans.last_mut() {
            Some(last) if *index == next => last.length += 1,
            _ => spans.spans.push(BucketSpan { offset: index - next, length: 1 }),
        }
        next = index + 1;
        spans.counts.push(*count);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_run() {
        let got = spans(&[(-2, 1.0), (-1, 2.0), (3, 3.0)]);
        let want = [BucketSpan { offset: -2, length: 2 }, BucketSpan { offset: 3, length: 1 }];
        assert_eq!((got.spans.as_slice(), got.counts.as_slice()), (&want[..], &[1.0, 2.0, 3.0][..]));
        assert_eq!(spans(&[]), Spans::default());
    }
}
