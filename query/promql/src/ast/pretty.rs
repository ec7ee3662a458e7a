//! Expressions over several lines, as Prometheus' `/api/v1/format_query` prints them (`promql/parser/prettier.go`): what
//! fits into a line stays in one.

use super::{Expr, ExprKind};
use std::fmt::Write;

/// Bytes that fit into a line.
const LINE_LEN_MAX: usize = 100;

/// The expression, broken into lines where it is longer than 100 bytes; what is printed parses to an equal tree.
pub fn pretty(expr: &Expr) -> String {
    pretty_within(expr, LINE_LEN_MAX)
}

fn pretty_within(expr: &Expr, line_len_max: usize) -> String {
    let mut printer = Printer { text: String::new(), line_len_max };
    printer.expr(expr, 0);
    printer.text
}

struct Printer {
    text: String,
    line_len_max: usize,
}

impl Printer {
    /// Prints the expression with its indentation, without a line end.
    fn expr(&mut self, expr: &Expr, level: usize) {
        let line = expr.to_string();
        let is_split = line.len() > self.line_len_max;
        match &expr.kind {
            ExprKind::Aggregate(aggregate) if is_split => {
                self.indent(level);
                let _ = writeln!(self.text, "{}(", aggregate.head());
                if let Some(param) = &aggregate.param {
                    self.expr(param, level + 1);
                    self.text.push_str(",\n");
                }
                self.expr(&aggregate.operand, level + 1);
                self.close(level);
            }
            ExprKind::Binary(binary) if is_split => {
                if binary.is_power_of_infinity() {
                    self.indent(level + 1);
                    self.text.push_str("Inf");
                } else {
                    self.expr(&binary.lhs, level + 1);
                }
                self.text.push('\n');
                self.indent(level);
                let modifier = if binary.returns_bool { " bool" } else { "" };
                let _ = writeln!(self.text, "{}{modifier}{}", binary.op.as_str(), binary.matching);
                self.expr(&binary.rhs, level + 1);
            }
            ExprKind::Call(call) if is_split && !call.args.is_empty() => {
                self.indent(level);
                let _ = writeln!(self.text, "{}(", call.function.name);
                for (index, arg) in call.args.iter().enumerate() {
                    self.text.push_str(if index == 0 { "" } else { ",\n" });
                    self.expr(arg, level + 1);
                }
                self.close(level);
            }
            ExprKind::Paren(inner) if is_split => {
                self.indent(level);
                self.text.push_str("(\n");
                self.expr(inner, level + 1);
                self.close(level);
            }
            ExprKind::Subquery(subquery) if is_split => {
                self.expr(&subquery.operand, level);
                let _ = write!(self.text, "{}", subquery.suffix());
            }
            ExprKind::Unary { negative, operand } if is_split => {
                self.indent(level);
                self.text.push(if *negative { '-' } else { '+' });
                let begin = self.text.len();
                self.expr(operand, level);
                // The sign stands where the operand's indentation would.
                let blanks = self.text[begin..].len() - self.text[begin..].trim_start().len();
                self.text.replace_range(begin..begin + blanks, "");
            }
            _ => {
                self.indent(level);
                self.text.push_str(&line);
            }
        }
    }

    fn indent(&mut self, level: usize) {
        for _ in 0..level {
            self.text.push_str("  ");
        }
    }

    fn close(&mut self, level: usize) {
        self.text.push('\n');
        self.indent(level);
        self.text.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let expr = parse(text).unwrap();
        let got = pretty_within(&expr, 10);
        assert_eq!(got, want, "{text}");
        assert_eq!(parse(&got).as_ref(), Ok(&expr), "{text}");
    }

    #[test]
    fn long_expressions_are_broken_as_upstream_breaks_them() {
        check("sum(foo)", "sum(foo)");
        check("sum by() (errors:rate10s)", "sum(\n  errors:rate10s\n)");
        check("sum without(job,foo) (errors:rate10s)", "sum without (job, foo) (\n  errors:rate10s\n)");
        check("topk(10, errors:rate10s)", "topk(\n  10,\n  errors:rate10s\n)");
        check("count_values('key', foo)", "count_values(\n  \"key\",\n  foo\n)");
        check("foo_1 + foo_2", "  foo_1\n+\n  foo_2");
        check("a+b", "a + b");
        check("Inf ^ a", "Inf ^ a");
        check("Inf ^ foo_bar", "  Inf\n^\n  foo_bar");
        check("foo == bool 1", "  foo\n== bool\n  1");
        check("a + ignoring(job) b", "  a\n+ ignoring (job)\n  b");
        check("foo_1 + foo_2 + foo_3", "    foo_1\n  +\n    foo_2\n+\n  foo_3");
        check("rate(foobar[1m])", "rate(\n  foobar[1m]\n)");
        check("label_join(foo, 'x', '-')", "label_join(\n  foo,\n  \"x\",\n  \"-\"\n)");
        check("((foo_barbaz))", "(\n  (\n    foo_barbaz\n  )\n)");
        check("-(foo_barbaz)", "-(\n  foo_barbaz\n)");
        check(
            "min_over_time(rate(foo[2s])[5m:] @ start())",
            "min_over_time(\n  rate(\n    foo[2s]\n  )[5m:] @ start()\n)",
        );
    }

    #[test]
    fn a_hundred_bytes_fit_into_a_line() {
        let name = "a".repeat(44);
        assert_eq!(pretty(&parse(&format!("abs({name}) + {name}x")).unwrap()).lines().count(), 1);
        assert_eq!(pretty(&parse(&format!("abs({name}) + {name}xxxxx")).unwrap()).lines().count(), 3);
    }
}
