//! However a query is run, its answer is the same.

use super::naive::naive;
use super::*;
use crate::{Bucket, MathExpr, Pipe, SortKey, StatsFunction, StatsKey, StatsPipe, StatsResult};
use proptest::prelude::*;

fn name() -> impl Strategy<Value = SmolStr> {
    proptest::sample::select(vec!["a", "b", "host", "message", "level", "c"]).prop_map(SmolStr::new_static)
}

fn names() -> impl Strategy<Value = Vec<SmolStr>> {
    proptest::collection::btree_set(name(), 1..3).prop_map(|names| names.into_iter().collect())
}

fn condition() -> impl Strategy<Value = crate::Expr> {
    let text = proptest::sample::select(vec![
        "a:x",
        "b:>1",
        "x",
        "-y",
        "_exists_:a",
        "host:x",
        "c:[1 TO 2]",
        "message:y",
        "*",
        "level:3 OR a:1",
        "a:/x|2/",
        "c:>\"x\"",
    ]);
    text.prop_map(|text| parse_at(text, NOW).expect(text).expr)
}

fn stats_pipe() -> impl Strategy<Value = Pipe> {
    let function = proptest::sample::select(vec![
        StatsFunction::Count,
        StatsFunction::Sum,
        StatsFunction::Avg,
        StatsFunction::Min,
        StatsFunction::Max,
        StatsFunction::Quantile(0.5),
        StatsFunction::CountUniq,
        StatsFunction::Values(2),
        StatsFunction::First,
        StatsFunction::Last,
        StatsFunction::Rate,
    ]);
    let result = (function, name(), any::<bool>(), proptest::option::of(condition()));
    let results = proptest::collection::vec(result, 1..3);
    (proptest::option::of(names()), proptest::option::of(1..3_i64), results).prop_map(|(by, step_ns, results)| {
        let result = |(index, (function, field, has_field, only)): (usize, (StatsFunction, SmolStr, bool, _))| {
            let needs_field = !matches!(function, StatsFunction::Count | StatsFunction::Rate);
            let field = (needs_field || has_field).then_some(field);
            StatsResult { only, name: ["a", "r"][index].into(), ..StatsResult::unnamed(function, field) }
        };
        let by = by.unwrap_or_default().into_iter().filter(|name| name != "a").map(StatsKey::Field);
        let bucket = step_ns.map(|step_ns| StatsKey::Time(Bucket { step_ns, offset_ns: 0, zone: None }));
        Pipe::Stats(StatsPipe {
            by: by.chain(bucket).collect(),
            results: results.into_iter().enumerate().map(result).collect(),
        })
    })
}

fn pipe() -> impl Strategy<Value = Pipe> {
    let key = (name(), any::<bool>()).prop_map(|(field, is_descending)| SortKey { field, is_descending });
    let sort = proptest::collection::vec(key, 1..3);
    prop_oneof![
            2 => stats_pipe(),
            1 => names().prop_map(Pipe::Fields),
            1 => name().prop_map(|name| Pipe::Drop(vec![name])),
            1 => (name(), name()).prop_map(|(from, to)| Pipe::Rename(vec![(from, to)])),
            2 => condition().prop_map(Pipe::Filter),
            1 => (sort, proptest::option::of(0..5_usize)).prop_map(|(by, limit)| Pipe::Sort { by, limit }),
            1 => (0..6_usize).prop_map(Pipe::Limit),
            1 => (0..3_usize).prop_map(Pipe::Offset),
            1 => (1..3_usize, names()).prop_map(|(limit, by)| Pipe::Top { limit, by }),
            1 => (names(), proptest::option::of(1..3_usize)).prop_map(|(by, limit)| Pipe::Uniq { by, limit }),
            1 => (name(), name()).prop_map(|(from, to)| Pipe::Math { expr: MathExpr::Field(from), to }),
    1 => Just(Pipe::Sample(2)),
        ]
}

fn records() -> impl Strategy<Value = List> {
    let value = prop_oneof![
        (0..3_i64).prop_map(FieldValue::I64),
        proptest::sample::select(vec!["x", "y z", "1", ""]).prop_map(|text| FieldValue::Text(text.into())),
    ];
    let text = proptest::sample::select(vec!["", "x", "x y", "2"]);
    let fields = proptest::collection::vec(proptest::option::of(value), 3);
    let record = (0..5_i64, text.clone(), text, proptest::option::of(2..4_u8), fields).prop_map(
        |(time, host, message, level, fields)| {
            let fields = ["a", "b", "c"].into_iter().zip(fields).filter_map(|(name, value)| Some((name, value?)));
            record(time, host, message, level, &fields.collect::<Vec<_>>())
        },
    );
    proptest::collection::vec(record, 0..20).prop_map(|records| List { records })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pushed down, streamed, and done in the plainest way: the same answer.
    #[test]
    fn every_way_of_running_gives_the_same(
        expr in condition(), pipes in proptest::collection::vec(pipe(), 0..5), source in records()
    ) {
        let query = Query::new(expr, pipes, NOW).expect("a query");
        let request = RunRequest::new(TimeRangeNs { start: TimeNs(1), end: TimeNs(9) }, NOW);
        let budget = QueryBudget::unlimited();
        let got = run(&query, &request, &source, &budget).expect("an answer").table;
        let streamed = run_streamed(&query, &request, &source, &budget).expect("an answer").table;
        prop_assert_eq!(&got, &streamed, "{}", query);
        let rows = naive(&query, &source, &request);
        let has_column = |(name, _): &(SmolStr, Cell)| got.columns.contains(name);
        prop_assert!(rows.iter().all(|row| row.cells.iter().all(has_column)), "{}", query);
        let want = Columns::of(&query.pipes).table(rows, &mut Vec::new());
        prop_assert_eq!(&got, &want, "{}", query);
        // Where no pipe looks at more than one row, records may as well go through one by one.
        if let Some(mut pipeline) = query.row_pipeline() {
            let mut found = source.found(&query.filter, request.range);
            found.sort_by_key(|(arrival, record)| std::cmp::Reverse((record.time, *arrival)));
            let emitted = found.into_iter().map(|(arrival, record)| pipeline.apply(arrival, record));
            let emitted = emitted.take_while(|result| *result != crate::RowResult::Done);
            let rows = emitted.filter_map(|result| match result {
                crate::RowResult::Emit(record) => Some(Row::of_record(0, &record)),
                crate::RowResult::Skip | crate::RowResult::Done => None,
            });
            let place = got.columns.iter().position(|name| name == "b");
            let of_table: Vec<_> = got.rows.iter().map(|row| place.and_then(|place| row[place].clone())).collect();
            let of_pipeline: Vec<_> = rows.map(|row| row.get("b").cloned()).collect();
            prop_assert_eq!(of_pipeline, of_table, "{}", query);
        }
    }
}
