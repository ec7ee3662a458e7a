//! Comma-separated values. RFC 4180.
//!
//! Values stand as they are: a program that reads cells beginning with `=`, `+`, `-` or `@` as formulas must be told to
//! import them as text.

/// One row at a time at the end of a buffer.
#[derive(Debug)]
pub(super) struct CsvRow<'b> {
    out: &'b mut Vec<u8>,
    is_first: bool,
}

impl<'b> CsvRow<'b> {
    pub(super) fn new(out: &'b mut Vec<u8>) -> CsvRow<'b> {
        CsvRow { out, is_first: true }
    }

    /// Quoted where the text needs it. Section 2, rules 5 to 7.
    pub(super) fn cell(&mut self, text: &str) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        if !text.contains(['"', ',', '\r', '\n']) {
            self.out.extend_from_slice(text.as_bytes());
            return;
        }
        self.out.push(b'"');
        for byte in text.bytes() {
            if byte == b'"' {
                self.out.push(b'"');
            }
            self.out.push(byte);
        }
        self.out.push(b'"');
    }

    pub(super) fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cells: &[&str], want: &str) {
        let mut out = Vec::new();
        let mut row = CsvRow::new(&mut out);
        for cell in cells {
            row.cell(cell);
        }
        row.end();
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    #[test]
    fn cells_are_quoted_where_they_must() {
        check(&["a", "b c", ""], "a,b c,\r\n");
        check(&["a,b", "say \"x\"", "two\nlines", "cr\r"], "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\"cr\r\"\r\n");
        check(&["", "=1+1", "größe"], ",=1+1,größe\r\n");
        check(&[], "\r\n");
    }
}
