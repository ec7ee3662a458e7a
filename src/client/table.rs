//! A table as text: columns of equal width, numbers to the right.

use super::{list, text};
use serde_json::Value;
use std::io::{self, Write};

/// Characters that a column is at most padded to.
const WIDTH_MAX: usize = 60;

/// Prints an answer of `logs/stats`: `columns`, `types` and `rows`.
pub(super) fn print_table(out: &mut impl Write, answer: &Value) -> io::Result<()> {
    let heads: Vec<String> = list(&answer["columns"]).iter().map(cell).collect();
    let is_number: Vec<bool> = list(&answer["types"]).iter().map(|kind| text(kind) == "number").collect();
    let rows: Vec<Vec<String>> = list(&answer["rows"]).iter().map(|row| list(row).iter().map(cell).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).chain(heads.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).min(WIDTH_MAX)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    for row in [&heads].into_iter().chain(&rows) {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or(0);
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let is_number = is_number.get(column).copied().unwrap_or(false);
            let (before, after) = if is_number { (padding.as_str(), "") } else { ("", padding.as_str()) };
            line.extend([before, cell, after, "  "]);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Without what would move the cursor.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(answer: &Value, want: &[&str]) {
        let mut out = Vec::new();
        print_table(&mut out, answer).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().collect::<Vec<_>>(), want);
    }

    #[test]
    fn columns_are_aligned() {
        let answer = json!({
            "columns": ["service", "count"],
            "types": ["text", "number"],
            "rows": [["größe", 5], ["a", 1_234_567], [null, 7], ["two\nlines", 0.5]],
        });
        check(
            &answer,
            &[
                "service      count",
                "größe            5",
                "a          1234567",
                "                 7",
                "two lines      0.5",
            ],
        );
        check(&json!({"columns": ["a"], "types": ["text"], "rows": []}), &["a"]);
        check(&json!({}), &[""]);
    }
}
