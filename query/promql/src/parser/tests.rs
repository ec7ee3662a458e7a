use super::*;

/// Parses and prints again; printing once more must change nothing.
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
