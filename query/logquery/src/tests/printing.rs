use super::*;
use proptest::prelude::*;
use smol_str::SmolStr;
use std::ops::Bound;
use watchfire_model::{NumberRange, WildcardPart};

fn field() -> impl Strategy<Value = SmolStr> {
    proptest::sample::select(vec!["a", "a.b", "a b", "_exists_", "x/y", "AND", "ä\"\\", "5", "-", "*"])
        .prop_map(SmolStr::from)
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let text =
        proptest::sample::select(vec!["a", "AND", "x y", "\"", "\\", "~", "a~1", "/r/", "10.0.0.0/8", "(", "中"]);
    let wildcard = proptest::collection::vec(
        prop_oneof![
            Just(WildcardPart::One),
            Just(WildcardPart::Many),
            proptest::char::any().prop_map(WildcardPart::Literal)
        ],
        1..5,
    );
    prop_oneof![
        text.prop_map(|text| Pattern::Text(text.to_owned())),
        ".{1,6}".prop_map(Pattern::Text),
        (proptest::sample::select(vec!["a+", "a b", " x", "a/b", r"a\/b", r"\\", "(x|y)", "\"", "i"]), any::<bool>())
            .prop_map(|(expression, ignore_case)| Pattern::Regex { expression: expression.to_owned(), ignore_case }),
        (".{1,6}", 0..=DISTANCE_MAX).prop_map(|(text, distance)| Pattern::Near { text, distance }),
        wildcard.prop_filter_map("needs a wildcard and another character", |mut parts| {
            parts.dedup_by(|next, before| *next == WildcardPart::Many && *before == WildcardPart::Many);
            let is_all_stars = parts.iter().all(|part| *part == WildcardPart::Many);
            let has_wildcard = parts.iter().any(|part| !matches!(part, WildcardPart::Literal(_)));
            (has_wildcard && !is_all_stars).then_some(Pattern::Wildcard(parts))
        }),
    ]
}

fn range() -> impl Strategy<Value = NumberRange> {
    let number = prop_oneof![-1e9..1e9, proptest::num::f64::NORMAL];
    bounds(number.boxed()).prop_map(|(low, high)| NumberRange { low, high })
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        any::<i64>().prop_map(|ns| Moment::At(TimeNs(ns))),
        (-i64::MAX..=i64::MAX).prop_map(|offset_ns| Moment::Now { offset_ns }),
        (-100..100_i64).prop_map(|hours| Moment::Now { offset_ns: hours * 3_600_000_000_000 }),
    ]
}

/// Two bounds in order, one of them at least set.
fn bounds<T: Clone + PartialOrd + fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = (Bound<T>, Bound<T>)> {
    let bound = || {
        let value = value.clone();
        prop_oneof![Just(Bound::Unbounded), value.clone().prop_map(Bound::Included), value.prop_map(Bound::Excluded)]
    };
    (bound(), bound()).prop_filter_map("some end is bounded and the ends are in order", |(low, high)| {
        match (&low, &high) {
            (Bound::Unbounded, Bound::Unbounded) => None,
            (Bound::Included(l) | Bound::Excluded(l), Bound::Included(h) | Bound::Excluded(h)) if l > h => None,
            _ => Some((low, high)),
        }
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let network = prop_oneof![
        (any::<[u8; 4]>(), 0..=32_u8).prop_map(|(address, prefix)| (std::net::IpAddr::from(address), prefix)),
        (any::<[u8; 16]>(), 0..=128_u8).prop_map(|(address, prefix)| (std::net::IpAddr::from(address), prefix)),
    ];
    let text = prop_oneof![
        ".{0,6}".prop_map(SmolStr::from),
        proptest::sample::select(vec!["5", "1.5s", "2026-11-20", "now", "*", "TO", "nan", "]"]).prop_map(SmolStr::from),
    ];
    prop_oneof![
        range().prop_map(Condition::Duration),
        range().prop_map(Condition::Size),
        bounds(moment().boxed()).prop_map(|(low, high)| Condition::Date { low, high }),
        network.prop_map(|(network, prefix)| Condition::Cidr { network, prefix }),
        bounds(text.boxed()).prop_map(|(low, high)| Condition::Between { low, high }),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        Just(Expr::All),
        (proptest::option::of(field()), pattern()).prop_map(|(field, pattern)| Expr::Term { field, pattern }),
        (field(), range()).prop_map(|(field, range)| Expr::Range { field, range }),
        field().prop_map(|field| Expr::Exists { field }),
        (field(), condition()).prop_map(|(field, test)| Expr::Test { field, test }),
        bounds(moment().boxed()).prop_map(|(low, high)| Expr::Time { low, high }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::and),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::or),
            inner.prop_map(|part| Expr::Not(Box::new(part))),
        ]
    })
}

fn name() -> impl Strategy<Value = SmolStr> {
    proptest::sample::select(vec![
        "a", "b.c", "a b", "by", "limit", "count()", "AND", "5xx", "ä\"\\", "x-y", "a/b", "@t",
    ])
    .prop_map(SmolStr::from)
}

fn names() -> impl Strategy<Value = Vec<SmolStr>> {
    proptest::collection::btree_set(name(), 1..4).prop_map(|names| names.into_iter().collect())
}

fn template() -> impl Strategy<Value = Template> {
    let literal =
        prop_oneof!["[ -~]{1,4}", proptest::sample::select(vec!["<", "<<", "a<b", "\"", "\\"]).prop_map(str::to_owned)];
    let field = proptest::sample::select(vec!["a", "b c", "", "time"]);
    (proptest::option::of(literal.clone()), proptest::collection::vec((field, literal), 1..4)).prop_map(
        |(first, pairs)| {
            let mut parts: Vec<TemplatePart> = first.into_iter().map(TemplatePart::Literal).collect();
            for (field, literal) in pairs {
                parts.push(TemplatePart::Field(field.into()));
                parts.push(TemplatePart::Literal(literal));
            }
            // One field at least has a name.
            parts.push(TemplatePart::Field("z".into()));
            Template { parts }
        },
    )
}

fn math() -> impl Strategy<Value = MathExpr> {
    let leaf = prop_oneof![proptest::num::f64::NORMAL.prop_map(MathExpr::Number), name().prop_map(MathExpr::Field)];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let operator = proptest::sample::select(MathOperator::ALL.to_vec());
        let function = proptest::sample::select(MathFunction::ALL.to_vec());
        prop_oneof![
            (operator, inner.clone(), inner.clone()).prop_map(|(operator, left, right)| MathExpr::Binary {
                operator,
                left: Box::new(left),
                right: Box::new(right)
            }),
            (function, proptest::collection::vec(inner.clone(), 1..4)).prop_map(|(function, mut arguments)| {
                if function.is_of_one() {
                    arguments.truncate(1);
                }
                MathExpr::Call { function, arguments }
            }),
            inner.prop_map(|operand| match operand {
                MathExpr::Number(number) => MathExpr::Number(number),
                operand => MathExpr::Negative(Box::new(operand)),
            }),
        ]
    })
}

fn stats() -> impl Strategy<Value = Pipe> {
    let bucket = (
        prop_oneof![1..=i64::MAX, Just(60_000_000_000)],
        prop_oneof![Just(0), -i64::MAX..=i64::MAX],
        proptest::option::of(proptest::sample::select(vec!["Europe/Berlin", "UTC"])),
    );
    let bucket =
        bucket.prop_map(|(step_ns, offset_ns, zone)| Bucket { step_ns, offset_ns, zone: zone.map(Into::into) });
    let function = prop_oneof![
        proptest::sample::select(vec![
            StatsFunction::Count,
            StatsFunction::Sum,
            StatsFunction::Avg,
            StatsFunction::Min,
            StatsFunction::Max,
            StatsFunction::CountUniq,
            StatsFunction::First,
            StatsFunction::Last,
            StatsFunction::Rate,
        ]),
        (0..100_u8).prop_map(|percent| StatsFunction::Quantile(f64::from(percent) / 100.0)),
        (0.0..=1.0).prop_map(StatsFunction::Quantile),
        (1..10_000_usize).prop_map(StatsFunction::Values),
    ];
    let result = (function, proptest::option::of(name()), proptest::option::of(expr()), any::<bool>());
    let keys = proptest::option::of(names());
    (keys, proptest::option::of(bucket), proptest::collection::vec(result, 1..4)).prop_map(|(by, bucket, results)| {
        let mut by: Vec<StatsKey> = by.unwrap_or_default().into_iter().map(StatsKey::Field).collect();
        by.extend(bucket.map(StatsKey::Time));
        let result = |(index, (function, field, only, is_named)): (usize, (_, Option<SmolStr>, _, _))| {
            let field = match function {
                StatsFunction::Count | StatsFunction::Rate => field,
                _ => Some(field.unwrap_or_else(|| "f".into())),
            };
            let mut result = StatsResult { only, ..StatsResult::unnamed(function, field) };
            if is_named || index > 0 {
                result.name = smol_str::format_smolstr!("column {index}");
            }
            result
        };
        let results: Vec<StatsResult> = results.into_iter().enumerate().map(result).collect();
        by.retain(|key| results.iter().all(|result| result.name != key.name()));
        Pipe::Stats(StatsPipe { by, results })
    })
}

fn pipe() -> impl Strategy<Value = Pipe> {
    let count = || 0..=ROWS_LIMIT_MAX;
    let text = || "[ -~]{0,5}";
    let key = (name(), any::<bool>()).prop_map(|(field, is_descending)| SortKey { field, is_descending });
    let sort = (proptest::collection::vec(key, 1..4), proptest::option::of(count()));
    let replace = ("[ -~]{1,5}", text(), name());
    prop_oneof![
        stats(),
        names().prop_map(Pipe::Fields),
        names().prop_map(Pipe::Drop),
        proptest::collection::vec((name(), name()), 1..4).prop_map(Pipe::Rename),
        sort.prop_map(|(by, limit)| Pipe::Sort { by, limit }),
        prop_oneof![
            count().prop_map(Pipe::Limit),
            count().prop_map(Pipe::Offset),
            (1..=ROWS_LIMIT_MAX as u64).prop_map(Pipe::Sample),
            name().prop_map(|at| Pipe::CollapseNums { at }),
        ],
        (count(), names()).prop_map(|(limit, by)| Pipe::Top { limit, by }),
        (names(), proptest::option::of(count())).prop_map(|(by, limit)| Pipe::Uniq { by, limit }),
        expr().prop_map(Pipe::Filter),
        (template(), name()).prop_map(|(template, from)| Pipe::Extract { template, from }),
        (proptest::sample::select(vec!["(?P<a>x\"|y)", r"(?<b>\d+)/"]), name())
            .prop_map(|(expression, from)| Pipe::ExtractRegexp { expression: expression.to_owned(), from }),
        (name(), text()).prop_map(|(from, prefix)| Pipe::UnpackJson { from, prefix: prefix.into() }),
        (name(), text()).prop_map(|(from, prefix)| Pipe::UnpackLogfmt { from, prefix: prefix.into() }),
        replace.prop_map(|(old, new, at)| Pipe::Replace { old, new, at }),
        (text(), name()).prop_map(|(new, at)| Pipe::ReplaceRegexp { expression: "a|\"".to_owned(), new, at }),
        (template(), name()).prop_map(|(template, to)| Pipe::Format { template, to }),
        (math(), name()).prop_map(|(expr, to)| Pipe::Math { expr, to }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_printed_is_read_back(
        expr in expr(),
        context in proptest::option::of((0..=CONTEXT_MAX, 0..=CONTEXT_MAX)),
        pipes in proptest::collection::vec(pipe(), 0..4)
    ) {
        let context = context.map(|(before, after)| Pipe::Context { before, after });
        let pipes: Vec<Pipe> = context.into_iter().chain(pipes).collect();
        let query = Query::new(expr, pipes, NOW).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let printed = query.to_string();
        let read = parse_at(&printed, NOW).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
        prop_assert_eq!((read.expr, read.pipes), (query.expr, query.pipes), "{}", printed);
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place(
        text in prop_oneof![".{0,40}", r#"([ab:()"*?\\/~|&<>=\[\]{}!+\-5 ]|AND|OR|NOT|TO|level:|_exists_:){0,20}"#]
    ) {
        match parse_at(&text, NOW) {
            Ok(query) => {
                let printed = query.to_string();
                prop_assert_eq!(parse_at(&printed, NOW).map(|again| (again.expr, again.pipes)), Ok((query.expr, query.pipes)), "{}", printed);
            }
            Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error.span),
        }
    }
}
