//! A question as somebody would type it: each time in another of the language's forms.

use crate::ask::Ask;
use crate::random::Random;

/// The query's text.
pub(crate) fn text(ask: &Ask, random: &mut Random) -> String {
    match ask {
        Ask::All => if random.one_in(2) { "*" } else { "_exists_:number" }.to_owned(),
        Ask::And(parts) => {
            let sign = [" AND ", " && ", " "][random.within(0..3) as usize];
            group(parts, sign, random)
        }
        Ask::Or(parts) => {
            let sign = [" OR ", " || "][random.within(0..2) as usize];
            group(parts, sign, random)
        }
        Ask::Not(part) => {
            let sign = ["NOT ", "-", "!"][random.within(0..3) as usize];
            format!("{sign}({})", text(part, random))
        }
        Ask::Text { field, text } => format!("{}{}", prefix(*field), literal(text, random)),
        Ask::Wildcard { field, pattern } => format!("{}{pattern}", prefix(*field)),
        Ask::Regex { field, regex, ignores_case } => {
            let sign = if *ignores_case { "i" } else { "" };
            format!("{}/{}/{sign}", prefix(*field), regex.as_str().replace('/', "\\/"))
        }
        Ask::Near { field, words, distance } => format!("{}\"{}\"~{distance}", prefix(*field), words.join(" ")),
        Ask::Range { field, low, high } => range(field, *low, *high, random),
        Ask::Exists { field } => {
            if random.one_in(2) {
                format!("_exists_:{}", name(field))
            } else {
                format!("{}:*", name(field))
            }
        }
        Ask::Group { field, texts, all } => {
            let sign = if *all { " " } else { " OR " };
            let parts: Vec<String> = texts.iter().map(|text| literal(text, random)).collect();
            format!("{}:({})", name(field), parts.join(sign))
        }
        Ask::Cidr { field, network, prefix } => {
            let [a, b, c, d] = network;
            format!("{}:{a}.{b}.{c}.{d}/{prefix}", name(field))
        }
        Ask::Time { low, high } => format!("timestamp:[\"{}\" TO \"{}\"}}", stamp(*low), stamp(*high)),
    }
}

fn group(parts: &[Ask], sign: &str, random: &mut Random) -> String {
    let parts: Vec<String> = parts.iter().map(|part| format!("({})", text(part, random))).collect();
    parts.join(sign)
}

fn range(field: &str, low: Option<(f64, bool)>, high: Option<(f64, bool)>, random: &mut Random) -> String {
    let field = name(field);
    match (low, high) {
        (Some((end, belongs)), None) if random.one_in(2) => format!("{field}:>{}{end}", if belongs { "=" } else { "" }),
        (None, Some((end, belongs))) if random.one_in(2) => format!("{field}:<{}{end}", if belongs { "=" } else { "" }),
        _ => {
            let open = if low.is_none_or(|(_, belongs)| belongs) { "[" } else { "{" };
            let close = if high.is_none_or(|(_, belongs)| belongs) { "]" } else { "}" };
            let end = |end: Option<(f64, bool)>| end.map_or("*".to_owned(), |(end, _)| end.to_string());
            format!("{field}:{open}{} TO {}{close}", end(low), end(high))
        }
    }
}

fn prefix(field: Option<&str>) -> String {
    field.map_or(String::new(), |field| format!("{}:", name(field)))
}

/// A field's name with its special characters escaped.
fn name(field: &str) -> String {
    let escaped = |c: char| if matches!(c, ' ' | ':' | '(' | ')' | '"') { format!("\\{c}") } else { c.to_string() };
    field.chars().map(escaped).collect()
}

/// A text in quotes, or as a bare word where it is one.
fn literal(text: &str, random: &mut Random) -> String {
    let is_word = text.chars().next().is_some_and(char::is_alphabetic) && text.chars().all(char::is_alphanumeric);
    if is_word && random.one_in(2) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// RFC 3339 of seconds since 1970, for dates of this century.
fn stamp(seconds: i64) -> String {
    let (mut days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let mut year = 1970;
    let length = |year: i64| if year % 4 == 0 { 366 } else { 365 };
    while days >= length(year) {
        days -= length(year);
        year += 1;
    }
    let mut month = 0;
    let february = length(year) - 337;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        month += 1;
        if days < length {
            break;
        }
        days -= length;
    }
    format!("{year}-{month:02}-{:02}T{:02}:{:02}:{:02}Z", days + 1, rest / 3600, rest / 60 % 60, rest % 60)
}
