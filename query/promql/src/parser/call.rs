//! What may start with a word: an aggregation, a function call or a metric's name.

use super::{Parser, Tree, check};
use crate::ParseError;
use crate::ast::{Aggregate, AggregateOp, Call, Expr, ExprKind, Grouping};
use crate::functions::signature;
use crate::lexer::TokenKind;

/// Words that are never a metric's name.
const RESERVED: [&str; 6] = ["bool", "on", "ignoring", "group_left", "group_right", "atan2"];

impl Parser<'_> {
    pub(super) fn word(&mut self) -> Result<Tree, ParseError> {
        let token = self.peek();
        let behind = self.peek_at(1);
        if let Some(op) = AggregateOp::ALL.into_iter().find(|op| token.is_word(op.as_str())) {
            let is_call = behind.kind == TokenKind::LeftParen || behind.is_word("by") || behind.is_word("without");
            return if is_call { self.aggregate(op) } else { self.selector() };
        }
        if RESERVED.iter().any(|word| token.is_word(word)) {
            return Err(token.unexpected("", ""));
        }
        if behind.kind == TokenKind::LeftParen && !token.text.contains(':') {
            return self.call();
        }
        self.selector()
    }

    fn aggregate(&mut self, op: AggregateOp) -> Result<Tree, ParseError> {
        let mut span = self.advance().span;
        let before = self.grouping()?;
        let (args, height) = self.args()?;
        let grouping = match before {
            Some(grouping) => Some(grouping),
            None => self.grouping()?,
        };
        self.extend(&mut span);
        let count_want = if op.param_type().is_some() { 2 } else { 1 };
        let refuse = |message: String| Err(ParseError { message, span });
        if args.is_empty() {
            return refuse("no arguments for aggregate expression provided".to_owned());
        }
        if args.len() != count_want {
            return refuse(format!(
                "wrong number of arguments for aggregate expression provided, expected {count_want}, got {}",
                args.len()
            ));
        }
        let mut args = args.into_iter();
        let param = if count_want == 2 { args.next().map(Box::new) } else { None };
        let operand = Box::new(args.next().expect("the count was checked"));
        let aggregate = Aggregate { op, grouping: grouping.unwrap_or(Grouping::By(Vec::new())), param, operand };
        check::aggregate(&aggregate)?;
        Parser::tree(Expr { kind: ExprKind::Aggregate(aggregate), span }, height)
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        if self.take_word("by") {
            return self.label_list().map(|labels| Some(Grouping::By(labels)));
        }
        if self.take_word("without") {
            return self.label_list().map(|labels| Some(Grouping::Without(labels)));
        }
        Ok(None)
    }

    fn call(&mut self) -> Result<Tree, ParseError> {
        let name = self.advance();
        let mut span = name.span;
        let (args, height) = self.args()?;
        self.extend(&mut span);
        let Some(function) = signature(name.text) else {
            let message = format!("unknown function with name {:?}", name.text);
            return Err(ParseError { message, span: name.span });
        };
        let call = Call { function, args };
        check::call(&call, span)?;
        Parser::tree(Expr { kind: ExprKind::Call(call), span }, height)
    }

    /// `(expr, …)` and the height of the tallest.
    fn args(&mut self) -> Result<(Vec<Expr>, usize), ParseError> {
        self.expect(&TokenKind::LeftParen, "aggregation", "\"(\"")?;
        let mut args = Vec::new();
        let mut height = 0;
        if self.take(&TokenKind::RightParen) {
            return Ok((args, height));
        }
        loop {
            let arg = self.expr(0)?;
            height = height.max(arg.height);
            args.push(arg.expr);
            if self.take(&TokenKind::RightParen) {
                return Ok((args, height));
            }
            let comma = self.expect(&TokenKind::Comma, "", "")?;
            if self.peek().kind == TokenKind::RightParen {
                let message = "trailing commas not allowed in function call args".to_owned();
                return Err(ParseError { message, span: comma });
            }
        }
    }
}
