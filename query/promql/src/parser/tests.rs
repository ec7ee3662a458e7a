use super::*;
use crate::{ExprKind, ValueType};

/// Parses and prints again; parsing what is printed must yield the same tree.
#[track_caller]
fn check(text: &str, want: Result<&str, &str>) {
    let got = parse(text);
    if let Ok(expr) = &got {
        let again = parse(&expr.to_string());
        assert_eq!(again.as_ref(), Ok(expr), "{text} printed as {expr}");
    }
    let printed = got.map(|expr| expr.to_string()).map_err(|error| error.to_string());
    assert_eq!(printed.as_deref().map_err(String::as_str), want, "{text}");
}

#[test]
fn literals() {
    check("1_000", Ok("1000"));
    check("-0x1F", Ok("-31"));
    check("iNf", Ok("+Inf"));
    check("1h30m", Ok("1h30m"));
    check("'it''s'", Err("1:5: parse error: unexpected string \"'s'\""));
    check(r#"`a"b\`"#, Ok(r#""a\"b\\""#));
    check(r#""\xff\n""#, Ok(r#""\xff\n""#));
    check("", Err("1:1: parse error: no expression found in input"));
    check("# only a comment", Err("1:17: parse error: no expression found in input"));
    check("1 2", Err("1:3: parse error: unexpected number \"2\""));
    check("08x", Err("1:1: parse error: bad number or duration syntax: \"08x\""));
}

#[test]
fn selectors_and_modifiers() {
    check("foo", Ok("foo"));
    check(" foo { } ", Ok("foo"));
    check(r#"foo{a="b",c!="d",e=~"f|g",h!~"i",}"#, Ok(r#"foo{a="b",c!="d",e=~"f|g",h!~"i"}"#));
    check(r#"{"my.metric", "a b"='c'}"#, Ok(r#"{__name__="my.metric","a b"="c"}"#));
    check("foo:bar{}", Ok("foo:bar"));
    check("foo[5m]", Ok("foo[5m]"));
    check("foo[5m] @ 10.5 offset -1h", Ok("foo[5m] @ 10.500 offset -1h"));
    check("foo offset 50 @ start()", Ok("foo @ start() offset 50"));
    check("foo @ 1m40s", Ok("foo @ 100.000"));
    check("foo[5m] smoothed", Ok("foo[5m] smoothed"));
    check("foo anchored offset 5m", Ok("foo anchored offset 5m"));
    check("foo[2*5m]", Ok("foo[2 * 5m]"));
    check("foo[max_of(step(), 1m)+-1s]", Ok("foo[max_of(step(), 1m) + -1s]"));
    check("foo offset -(step()-range())", Ok("foo offset -(step() - range())"));
    check("foo offset 5m + 2", Ok("foo offset 5m + 2"));
    check("rate(foo[5m])[1h:] offset 1d", Ok("rate(foo[5m])[1h:] offset 1d"));
    check("foo[1h:5m] @ end()", Ok("foo[1h:5m] @ end()"));
    check("foo[0s]", Err("1:5: parse error: duration must be greater than 0"));
    check("foo[5m", Err("1:7: parse error: unclosed left bracket"));
    check("foo[5m][5m]", Err("1:8: parse error: ranges only allowed for vector selectors"));
    check("foo offset 1m[5m]", Err("1:14: parse error: no offset modifiers allowed before range"));
    check("foo offset 1m offset 2m", Err("1:1: parse error: offset may not be set multiple times"));
    check("foo @ inf", Err("1:7: parse error: timestamp out of bounds for @ modifier: inf"));
    check("foo anchored smoothed", Err("1:1: parse error: anchored and smoothed modifiers cannot be used together"));
    check("{}", Err("1:1: parse error: vector selector must contain at least one non-empty matcher"));
    check(r#"{a=~".*"}"#, Err("1:1: parse error: vector selector must contain at least one non-empty matcher"));
    check(r#"foo{__name__="bar"}"#, Err("1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""));
    check("foo{a}", Err("1:6: parse error: unexpected \"}\" in label matching, expected label matching operator"));
    check("foo{", Err("1:5: parse error: unexpected end of input inside braces"));
    check(
        r#"foo{a="b" c="d"}"#,
        Err("1:11: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\""),
    );
}

#[test]
fn operators_bind_as_in_mathematics() {
    check("1+2*3^2^2", Ok("1 + 2 * 3 ^ 2 ^ 2"));
    check("-a^2*b", Ok("-a ^ 2 * b"));
    check("a and b or c unless d", Ok("a and b or c unless d"));
    check("a</b", Ok("a </ b"));
    check("a atan2 b", Ok("a atan2 b"));
    check("a>bool 1", Ok("a > bool 1"));
    check("a * on(x,) group_left(y) b", Ok("a * on (x) group_left (y) b"));
    check("a / ignoring() group_right b", Ok("a / ignoring () group_right () b"));
    check("a + on(\"x y\") fill(0) b", Ok("a + on (\"x y\") fill_left(0) fill_right(0) b"));
    check("a + fill", Ok("a + fill"));
    let tree = parse("-a ^ 2 * b").expect("valid");
    let ExprKind::Binary(product) = tree.kind else { panic!("a product") };
    assert!(matches!(product.lhs.kind, ExprKind::Unary { negative: true, .. }));
    check("1 == 2", Err("1:3: parse error: comparisons between scalars must use BOOL modifier"));
    check("a + bool b", Err("1:3: parse error: bool modifier can only be used on comparison operators"));
    check("1 and a", Err("1:1: parse error: set operator \"and\" not allowed in binary scalar expression"));
    check("1 + on(x) a", Err("1:1: parse error: vector matching only allowed between instant vectors"));
    check("a and on(x) group_left b", Err("1:1: parse error: no grouping allowed for \"and\" operation"));
    check(
        "a * on(x) group_left(x) b",
        Err("1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"),
    );
    check("a + group_left b", Err("1:5: parse error: unexpected <group_left>"));
    check("a[5m] + 1", Err("1:1: parse error: binary expression must contain only scalar and instant vector types"));
    check(
        "-\"a\"",
        Err(
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
        ),
    );
    check("a = b", Err("1:3: parse error: unexpected \"=\""));
    check("a =~ b", Err("1:3: parse error: unexpected character after '=': '~'"));
    check("(a", Err("1:3: parse error: unclosed left parenthesis"));
    check("a)", Err("1:2: parse error: unexpected right parenthesis ')'"));
    check("a +\n  *b", Err("2:3: parse error: unexpected <op:*>"));
}

#[test]
fn calls_and_aggregations() {
    check("SUM(a) BY (b, on, offset)", Ok("sum by (b, on, offset) (a)"));
    check("topk without (x) (1+1, a)", Ok("topk without (x) (1 + 1, a)"));
    check("sum", Ok("sum"));
    check("sum{a=\"b\"} + by + offset", Ok("sum{a=\"b\"} + by + offset"));
    check("rate + rate(rate[5m])", Ok("rate + rate(rate[5m])"));
    check("info(a, {b=~\".*\"})", Ok("info(a, {b=~\".*\"})"));
    check("round(a)", Ok("round(a)"));
    check("label_join(a, \"b\", \"-\")", Ok("label_join(a, \"b\", \"-\")"));
    check("foo(a)", Err("1:1: parse error: unknown function with name \"foo\""));
    check(
        "rate(a)",
        Err("1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
    );
    check("abs()", Err("1:1: parse error: expected 1 argument(s) in call to \"abs\", got 0"));
    check("round()", Err("1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"));
    check("round(a, 1, 2)", Err("1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"));
    check("abs(a,)", Err("1:6: parse error: trailing commas not allowed in function call args"));
    check("sum()", Err("1:1: parse error: no arguments for aggregate expression provided"));
    check(
        "topk(a)",
        Err("1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"),
    );
    check("topk(a, b)", Err("1:6: parse error: expected type scalar in aggregation parameter, got instant vector"));
    check(
        "sum(a[5m])",
        Err("1:5: parse error: expected type instant vector in aggregation expression, got range vector"),
    );
    check("info(a, b)", Err("1:9: parse error: expected label selectors only, got vector selector instead"));
    check("1[5m:]", Err("1:1: parse error: subquery is only allowed on instant vector, got scalar instead"));
}

#[test]
fn spans_cover_their_nodes() {
    let text = "1 +\n  rate(foo{a=\"b\"}[5m] offset 1h)";
    let tree = parse(text).expect("valid");
    assert_eq!(tree.value_type(), ValueType::Vector);
    let mut pieces = Vec::new();
    tree.walk(&mut |expr| {
        let span = expr.span;
        pieces.push((&text[span.start as usize..span.end as usize], span.line, span.column));
    });
    let want =
        [(text, 1, 1), ("1", 1, 1), ("rate(foo{a=\"b\"}[5m] offset 1h)", 2, 3), ("foo{a=\"b\"}[5m] offset 1h", 2, 8)];
    assert_eq!(pieces, want);
    assert_eq!(tree.selectors().len(), 1);
}

#[track_caller]
fn check_limit(text: &str, want: &str) {
    let error = parse(text).expect_err("over a limit");
    assert!(error.message.contains(want), "{}", error.message);
}

#[test]
fn nesting_and_length_have_limits() {
    check_limit(&"(".repeat(10_000), "nested more than 64 levels");
    check_limit(&"-".repeat(60_000), "nested more than 64 levels");
    check_limit(&"2^".repeat(10_000), "nested more than 64 levels");
    check_limit(&"abs(".repeat(10_000), "nested more than 64 levels");
    check_limit(&format!("a[{}", "(".repeat(10_000)), "nested more than 64 levels");
    check_limit(&format!("a[1{}]", "+1".repeat(10_000)), "more than 64 operators in a row");
    check_limit(&format!("a{}", " + a".repeat(10_000)), "more than 256 levels");
    check_limit(&format!("a{}", "[1m:]".repeat(10_000)), "instant vector");
    check_limit(&" ".repeat(TEXT_LEN_MAX + 1), "longer than 65536 bytes");
    assert!(parse(&format!("a{}", " + a".repeat(250))).is_ok());
    check_limit(&"(".repeat(1_000_000), "longer than 65536 bytes");
}

/// `n` copies of a leaf, in pairs of pairs so that the tree stays flat.
fn spread(leaf: &str, n: usize) -> String {
    if n < 2 { leaf.to_owned() } else { format!("({}+{})", spread(leaf, n / 2), spread(leaf, n - n / 2)) }
}

#[test]
fn leaves_have_a_limit() {
    assert!(parse(&spread("a", 1024)).is_ok());
    check_limit(&spread("a", 1025), "more than 1024 numbers, texts, selectors and labels");
    check_limit(&spread("1", 2000), "more than 1024");
    check_limit(&format!("sum by ({}) (a)", vec!["b"; 1024].join(",")), "more than 1024");
    check_limit(&format!("a{{{}}}", vec!["b=\"c\""; 1024].join(",")), "more than 1024");
    check_limit(&format!("label_join(a{})", ",\"b\"".repeat(1024)), "more than 1024");
}

#[test]
fn expressions_have_a_limit_each_and_together() {
    let with = |expression: &str, n: usize| format!("a{{{}}}", vec![format!("b=~\"{expression}\""); n].join(","));
    assert!(parse(&with("x.*|y.+", 100)).is_ok());
    check_limit(&with("x.*|y.+", 110), "together");
    check_limit(&with("\\\\w{9}", 100), "together");
    check_limit(&with("\\\\pL{1000}", 1), "error parsing regexp");
    check_limit(&with("(", 1), "error parsing regexp");
}
