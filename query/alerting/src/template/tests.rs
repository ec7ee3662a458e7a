use super::*;
use proptest::prelude::*;

fn render(text: &str, value: f64) -> Result<String, TemplateError> {
    let labels = Labels::from_pairs([("__name__", "up"), ("instance", "db1:9100"), ("job", "node"), ("zero", "0")]);
    let external = Labels::from_pairs([("region", "eu")]);
    let external_url = "https://watch.example/fire";
    Template::parse(text)?.render(&TemplateData { labels: &labels, value, external_labels: &external, external_url })
}

#[track_caller]
fn check(text: &str, value: f64, want: &str) {
    assert_eq!(render(text, value).as_deref(), Ok(want), "{text}");
}

#[track_caller]
fn check_error(text: &str, want: &str) {
    assert_eq!(render(text, 1.0).map_err(|error| error.to_string()), Err(want.to_owned()), "{text}");
}

#[test]
fn data_of_the_rule() {
    check("", 1.0, "");
    check("plain }} text", 1.0, "plain }} text");
    check("{{ $labels.instance }} of {{$labels.job}}", 1.0, "db1:9100 of node");
    check("{{ .Labels.instance }}={{ $.Labels.instance }}", 1.0, "db1:9100=db1:9100");
    check("[{{ $labels.nothing }}]", 1.0, "[]");
    check("{{ $externalLabels.region }} {{ .ExternalLabels.region }}", 1.0, "eu eu");
    check(
        "{{ $externalURL }} {{ externalURL }} {{ pathPrefix }}",
        1.0,
        "https://watch.example/fire https://watch.example/fire /fire",
    );
    check("{{ $value }}|{{ .Value }}", 0.5, "0.5|0.5");
    check("{{ $labels }}", 1.0, "map[__name__:up instance:db1:9100 job:node zero:0]");
    check("{{ index $labels \"job\" }}", 1.0, "node");
}

#[test]
fn numbers_print_as_in_go() {
    check("{{ $value }}", 1.0, "1");
    check("{{ $value }}", 1_048_576.0, "1.048576e+06");
    check("{{ $value }}", 123_456.0, "123456");
    check("{{ $value }}", 0.000_01, "1e-05");
    check("{{ $value }}", -0.25, "-0.25");
    check("{{ $value }}", f64::NAN, "NaN");
    check("{{ $value }}", f64::INFINITY, "+Inf");
    check("{{ 0x1F }} {{ 1_000 }} {{ 1.50 }} {{ -3 }} {{ 'a' }}", 1.0, "31 1000 1.5 -3 97");
}

#[test]
fn printf_verbs() {
    check("{{ printf \"%.2f%% of %s\" $value $labels.job }}", 12.345, "12.35% of node");
    check("{{ $value | printf \"%.0f\" }}", 2.5, "2");
    check(
        "{{ printf \"%g %e %v %.3g\" $value $value $value $value }}",
        1234.5678,
        "1234.5678 1.234568e+03 1234.5678 1.23e+03",
    );
    check("{{ printf \"%5d|%-5d|%05d|%+d\" 42 42 42 42 }}", 1.0, "   42|42   |00042|+42");
    check("{{ printf \"%8.2f|%-8s|%q|%x\" $value \"ab\" \"c\\\"d\" 255 }}", 3.25, "    3.25|ab      |\"c\\\"d\"|ff");
    check("{{ printf \"%d %s\" $value 3 }}", 1.5, "%!d(float64=1.5) %!s(int=3)");
    check("{{ printf \"%s %s\" \"a\" }}", 1.0, "a %!s(MISSING)");
    check("{{ printf \"a\" 1 \"x\" }}", 1.0, "a%!(EXTRA int=1, string=x)");
    check("{{ print 1 2 \"x\" 3 }}{{ println 1 \"y\" }}", 1.0, "1 2x31 y\n");
}

#[test]
fn humanized_values() {
    check("{{ humanize $value }}", 1_048_576.0, "1.049M");
    check("{{ $value | humanize }}", 0.000_12, "120u");
    check("{{ humanize 0.0 }} {{ humanize 999 }} {{ humanize -1500 }}", 1.0, "0 999 -1.5k");
    check("{{ humanize1024 1048576 }} {{ humanize1024 1 }} {{ humanize1024 \"2048\" }}", 1.0, "1Mi 1 2ki");
    check("{{ humanizeDuration 135.3563 }}", 1.0, "2m 15s");
    check("{{ humanizeDuration 0 }} {{ humanizeDuration 1.2345 }} {{ humanizeDuration 0.05 }}", 1.0, "0s 1.234s 50ms");
    check("{{ humanizeDuration 90061 }} {{ humanizeDuration -3661 }}", 1.0, "1d 1h 1m 1s -1h 1m 1s");
    check("{{ humanizePercentage 0.959 }} {{ humanizePercentage 1 }}", 1.0, "95.9% 100%");
    check("{{ humanizeTimestamp 1643114203 }}", 1.0, "2022-01-25 12:36:43 +0000 UTC");
    check("{{ humanizeTimestamp 1435065584.128 }}", 1.0, "2015-06-23 13:19:44.128 +0000 UTC");
    check("{{ humanize $value }} {{ humanizeDuration $value }}", f64::NAN, "NaN NaN");
    check_error("{{ humanize \"x\" }}", "humanize: `x` is not a number");
}

#[test]
fn text_functions() {
    check(
        "{{ title \"this part\" }} {{ toUpper \"is testing\" }} {{ toLower \"THE\" }}",
        1.0,
        "This Part IS TESTING the",
    );
    check(
        "{{ stripPort \"[::1]:6006\" }} {{ stripPort \"127.0.0.1:4004\" }} {{ stripPort \"::1\" }}",
        1.0,
        "::1 127.0.0.1 ::1",
    );
    check("{{ stripDomain \"db1.example.org:9100\" }} {{ stripDomain \"10.0.0.1\" }}", 1.0, "db1:9100 10.0.0.1");
    check("{{ parseDuration \"2h10m15s\" }}", 1.0, "7815");
    check(
        "{{ if match \"[0-9]+\" \"1234\" }}{{ reReplaceAll \"r.*d\" \"replaced\" \"rpld text\" }}{{ end }}",
        1.0,
        "replaced text",
    );
    check("{{ reReplaceAll \"(.*):.*\" \"$1\" $labels.instance }}", 1.0, "db1");
    check("{{ graphLink \"up == 0\" }}", 1.0, "/graph?g0.expr=up+%3D%3D+0&g0.tab=0");
    check("{{ urlQueryEscape \"a b/c~\" }}", 1.0, "a+b%2Fc~");
    check("{{ `raw \\n` }}{{ \"\\u00e9\\t\" }}", 1.0, "raw \\n\u{e9}\t");
}

#[test]
fn conditions_and_variables() {
    check("{{ if gt $value 10.0 }}high{{ else if gt $value 5.0 }}middle{{ else }}low{{ end }}", 7.0, "middle");
    check("{{ if gt $value 10 }}high{{ else }}low{{ end }}", 11.0, "high");
    check("{{ if and (eq $labels.job \"node\") (ne .Value 2.0) }}yes{{ end }}", 1.0, "yes");
    check("{{ or $labels.nothing \"none\" }} {{ and 1 0 }} {{ not true }}", 1.0, "none 0 false");
    check("{{ eq \"a\" \"b\" \"a\" }} {{ le 1 1 }} {{ lt \"a\" \"b\" }} {{ ge 1.5 2.5 }}", 1.0, "true true true false");
    check("{{ $x := \"a\" }}{{ if true }}{{ $x = \"b\" }}{{ $x := \"c\" }}{{ $x }}{{ end }}{{ $x }}", 1.0, "cb");
    check("{{ with $labels.job }}<{{ . }}>{{ end }}{{ with $labels.nothing }}x{{ else }}-{{ end }}", 1.0, "<node>-");
    check("{{ with $y := len \"abc\" }}{{ $y }}{{ end }}", 1.0, "3");
    check(
        "{{ range $name, $text := .Labels }}{{ $name }}={{ $text }};{{ end }}",
        1.0,
        "__name__=up;instance=db1:9100;job=node;zero=0;",
    );
    check("{{ range $labels }}{{ . }},{{ end }}", 1.0, "up,db1:9100,node,0,");
    check("a {{- /* gone */ -}} b{{/* kept blanks */}} c {{- 1 -}} d", 1.0, "ab c1d");
}

#[test]
fn what_is_wrong_is_said() {
    check_error(
        "{{ $label.foo }}",
        "undefined variable `$label`, rules know $labels, $value, $externalLabels and $externalURL (template line 1)",
    );
    check_error("a\n{{ frobnicate 1 }}", "function `frobnicate` is not defined (template line 2)");
    check_error("{{ query \"up\" }}", "`query` is not supported yet (template line 1)");
    check_error("{{ define \"x\" }}{{ end }}", "`define` is not supported yet (template line 1)");
    check_error("{{ $value ", "unclosed action, `}}` is missing (template line 1)");
    check_error("{{ if true }}x", "`if` is never closed, write {{end}} (template line 1)");
    check_error("{{ end }}", "`end` without a block before it (template line 1)");
    check_error("{{ else }}", "`else` without an `if`, `with` or `range` before it (template line 1)");
    check_error("{{ 1 2 }}", "a value that is not a function cannot take arguments (template line 1)");
    check_error("{{ }}", "a value is missing (template line 1)");
    check_error("{{ \"a\" | 1 }}", "only a function can stand behind `|` (template line 1)");
    check_error(
        "{{ .labels.x }}",
        "`.labels` does not exist, there are .Labels, .Value, .ExternalLabels and .ExternalURL",
    );
    check_error("{{ $labels.job.x }}", "a string has no field `x`");
    check_error("{{ eq 1 \"a\" }}", "eq: cannot compare a int with a string");
    check_error("{{ toUpper }}", "toUpper: cannot be called with ()");
    check_error("{{ match \"(\" \"x\" }}", "match: `(` is not a valid regular expression");
}

#[test]
fn rendering_is_bounded() {
    let deep = format!("{}{}", "{{if true}}".repeat(40), "{{end}}".repeat(40));
    check_error(&deep, "template is longer or nested deeper than allowed: at most 32 levels of blocks and parentheses");
    let long = "x".repeat(TEMPLATE_BYTES_MAX + 1);
    check_error(&long, "template is longer or nested deeper than allowed: at most 64 KiB of text");
    let nested = "{{range $labels}}".repeat(16) + "x" + &"{{end}}".repeat(16);
    check_error(&nested, "template takes too many steps");
    let growing = format!("{{{{ $x := \"{}\" }}}}{}", "x".repeat(1000), "{{ $x = print $x $x }}".repeat(20));
    check_error(&growing, "a value in the template is longer than 64 KiB");
    check_error(&"{{ printf \"%1000d\" 1 }}".repeat(100), "template produces more than 64 KiB");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_refused_or_rendered(text in "([{}$.|()\"`:=, a-z0-9-]|\\{\\{|\\}\\}|\\{\\{if |\\{\\{end\\}\\}|\\$value){0,24}") {
        let _ = render(&text, 1.0);
    }
}
