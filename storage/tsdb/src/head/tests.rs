use super::series::SeriesSamples;
use super::*;
use crate::merge::Merge;
use proptest::prelude::*;
use watchfire_model::{Histogram, QueryBudget, Samples, TimeRange};

fn read(samples: &SeriesSamples) -> Samples {
    let (budget, mut into) = (QueryBudget::unlimited(), Samples::default());
    samples.read(&mut Merge::new(TimeRange::ALL, &budget, &mut into)).expect("units in memory are whole");
    into
}

/// Pushes the runs one by one and at once: both must read alike, and count their memory as it is.
#[track_caller]
fn check(runs: &[Vec<(i64, f64)>]) {
    // One sample in seven has a start, and one in five is a histogram.
    let extra = |time: i64, value: f64| Extra {
        start: if time % 7 == 0 { time / 2 } else { 0 },
        histogram: (time % 5 == 0).then(|| Arc::new(Histogram { count: value, ..Histogram::empty() })),
    };
    let (mut single, mut at_once) = (SeriesSamples::default(), SeriesSamples::default());
    let (mut single_scratch, mut scratch) = (Scratch::default(), Scratch::default());
    let (mut single_replaced, mut replaced) = (0, 0);
    for run in runs {
        for &(time, value) in run {
            let pushed = single.push(time, value, Some(extra(time, value)), &mut single_scratch);
            single_replaced += usize::from(pushed == Pushed::Replaced);
        }
        let extras: Vec<Extra> = run.iter().map(|(time, value)| extra(*time, *value)).collect();
        let collected = |(&(time, value), extra): (&(i64, f64), u32)| Collected { time, value, extra };
        let run: Vec<Collected> = run.iter().zip(1..).map(collected).collect();
        replaced += at_once.push_run(&run, &extras, &mut scratch);
    }
    assert_eq!(read(&single), read(&at_once), "{runs:?}");
    assert!(replaced <= single_replaced, "more stays beside the newest where the ring was longer");
    assert_eq!((single.size(), at_once.size()), (single_scratch.grown, scratch.grown), "{runs:?}");
    let frozen = at_once.freeze(i64::MIN, i64::MIN, 1000);
    assert_eq!(frozen.samples, read(&single).len());
    assert_eq!(at_once.size(), scratch.grown + frozen.grown);
    assert_eq!(at_once.thaw().0, frozen.samples);
    assert_eq!(at_once.size(), 0);
}

#[test]
fn runs_of_any_length_are_pushed() {
    let ticks = |range: std::ops::Range<i64>| range.map(|tick| (tick * 10, tick as f64 / 4.0)).collect::<Vec<_>>();
    check(&[]);
    check(&[ticks(0..1), ticks(1..15), ticks(15..17), ticks(17..400)]);
    check(&[ticks(0..40), ticks(40..80), ticks(80..120), ticks(120..160), ticks(160..1000)]);
    check(&[ticks(0..40), ticks(39..60), ticks(10..50)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_run_is_its_samples(
        runs in proptest::collection::vec(
            proptest::collection::vec((prop_oneof![4 => 1i64..4, 1 => -90i64..2], 0i64..20), 0..90), 0..12),
    ) {
        let mut time = 0;
        let step = |(step, value): (i64, i64)| {
            time += step;
            (time, value as f64)
        };
        let mut step = step;
        check(&runs.into_iter().map(|run| run.into_iter().map(&mut step).collect()).collect::<Vec<_>>());
    }
}
