//! Operators, signs and what may stand behind an operand: `[range]`, `offset`, `@`.

use super::{Parser, Tree, check};
use crate::ast::{
    Binary, BinaryOp, Expr, ExprKind, Fill, Group, MatchLabels, Matching, MatrixSelector, Modifiers, Number, Side,
    Subquery, VectorSelector,
};
use crate::lexer::TokenKind;
use crate::{ParseError, Span};

/// Signs bind like `*`: their operand takes only tighter operators.
const SIGN_OPERAND_PRECEDENCE: u8 = 6;

impl Parser<'_> {
    /// An expression whose operators have at least `precedence_min`.
    pub(super) fn expr(&mut self, precedence_min: u8) -> Result<Tree, ParseError> {
        self.nested(|parser| {
            let mut tree = parser.operand()?;
            while let Some(op) = parser.peek_operator().filter(|op| op.precedence() >= precedence_min) {
                tree = parser.binary(tree, op)?;
            }
            Ok(tree)
        })
    }

    fn peek_operator(&self) -> Option<BinaryOp> {
        let token = self.peek();
        match token.kind {
            TokenKind::Operator(op) => Some(op),
            TokenKind::Word => [BinaryOp::And, BinaryOp::Or, BinaryOp::Unless, BinaryOp::Atan2]
                .into_iter()
                .find(|op| token.is_word(op.as_str())),
            _ => None,
        }
    }

    fn binary(&mut self, lhs: Tree, op: BinaryOp) -> Result<Tree, ParseError> {
        let op_start = self.advance().span;
        let returns_bool = self.take_word("bool");
        let matching = self.matching()?;
        let op_span = op_start.to(self.tokens[self.next - 1].span);
        // `^` groups to the right, all others to the left.
        let rhs = self.expr(if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 })?;
        let span = lhs.expr.span.to(rhs.expr.span);
        let height = lhs.height.max(rhs.height);
        let binary = Binary { op, lhs: Box::new(lhs.expr), rhs: Box::new(rhs.expr), returns_bool, matching };
        check::binary(&binary, span, op_span)?;
        Parser::tree(Expr { kind: ExprKind::Binary(binary), span }, height)
    }

    fn matching(&mut self) -> Result<Matching, ParseError> {
        let mut matching = Matching::default();
        let has_labels = match () {
            () if self.take_word("on") => {
                matching.on = MatchLabels::On(self.label_list()?);
                true
            }
            () if self.take_word("ignoring") => {
                matching.on = MatchLabels::Ignoring(self.label_list()?);
                true
            }
            () => false,
        };
        let many = match () {
            () if has_labels && self.take_word("group_left") => Some(Side::Left),
            () if has_labels && self.take_word("group_right") => Some(Side::Right),
            () => None,
        };
        if let Some(many) = many {
            let include = if self.peek().kind == TokenKind::LeftParen { self.label_list()? } else { Vec::new() };
            matching.group = Some(Group { many, include });
        }
        matching.fill = self.fill()?;
        Ok(matching)
    }

    /// `fill(x)`, or `fill_left(x)` and `fill_right(y)` in any order.
    fn fill(&mut self) -> Result<Fill, ParseError> {
        let mut fill = Fill::default();
        while self.peek_at(1).kind == TokenKind::LeftParen {
            let (left, right) = match () {
                () if self.peek().is_word("fill") && fill == Fill::default() => (true, true),
                () if self.peek().is_word("fill_left") && fill.left.is_none() => (true, false),
                () if self.peek().is_word("fill_right") && fill.right.is_none() => (false, true),
                () => break,
            };
            self.advance();
            self.advance();
            let value = Some(self.signed_number("fill modifier")?);
            self.expect(&TokenKind::RightParen, "fill modifier", "\")\"")?;
            fill.left = if left { value } else { fill.left };
            fill.right = if right { value } else { fill.right };
        }
        Ok(fill)
    }

    /// A number with or without a sign, or a duration in seconds.
    pub(super) fn signed_number(&mut self, context: &str) -> Result<Number, ParseError> {
        let negative = match self.peek().kind {
            TokenKind::Operator(BinaryOp::Sub) => true,
            TokenKind::Operator(BinaryOp::Add) => false,
            _ => return self.number().ok_or_else(|| self.peek().unexpected(context, "number")),
        };
        self.advance();
        let number = self.number().ok_or_else(|| self.peek().unexpected(context, "number"))?;
        Ok(Number { value: if negative { -number.value } else { number.value }, ..number })
    }

    /// Consumes a number or duration, where one is next.
    pub(super) fn number(&mut self) -> Option<Number> {
        let token = self.peek();
        let number = match token.kind {
            TokenKind::Number(value) => Number { value, is_duration: false },
            TokenKind::Duration(ms) => Number { value: ms as f64 / 1000.0, is_duration: true },
            TokenKind::Word if token.is_word("inf") => Number { value: f64::INFINITY, is_duration: false },
            TokenKind::Word if token.is_word("nan") => Number { value: f64::NAN, is_duration: false },
            _ => return None,
        };
        self.advance();
        Some(number)
    }

    /// One operand with its sign and its modifiers.
    fn operand(&mut self) -> Result<Tree, ParseError> {
        let negative = match self.peek().kind {
            TokenKind::Operator(BinaryOp::Add) => false,
            TokenKind::Operator(BinaryOp::Sub) => true,
            _ => {
                let primary = self.primary()?;
                return self.modifiers(primary);
            }
        };
        let start = self.advance().span;
        let Tree { expr, height } = self.expr(SIGN_OPERAND_PRECEDENCE)?;
        let span = start.to(expr.span);
        if let ExprKind::Number(number) = expr.kind {
            let value = if negative { -number.value } else { number.value };
            return Parser::tree(Expr { kind: ExprKind::Number(Number { value, ..number }), span }, 0);
        }
        check::sign(&expr, span)?;
        Parser::tree(Expr { kind: ExprKind::Unary { negative, operand: Box::new(expr) }, span }, height)
    }

    fn primary(&mut self) -> Result<Tree, ParseError> {
        let token = self.peek().clone();
        if matches!(token.kind, TokenKind::Text(_) | TokenKind::Number(_) | TokenKind::Duration(_)) {
            self.count_leaf()?;
        }
        let leaf = |kind| Parser::tree(Expr { kind, span: token.span }, 0);
        match &token.kind {
            TokenKind::LeftParen => {
                self.advance();
                let inner = self.expr(0)?;
                let end = self.expect(&TokenKind::RightParen, "", "")?;
                let expr = Expr { kind: ExprKind::Paren(Box::new(inner.expr)), span: token.span.to(end) };
                Parser::tree(expr, inner.height)
            }
            TokenKind::Text(bytes) => {
                self.advance();
                leaf(ExprKind::String(crate::Text(bytes.clone())))
            }
            TokenKind::LeftBrace => self.selector(),
            TokenKind::Word | TokenKind::Number(_) | TokenKind::Duration(_) => match self.number() {
                Some(number) => leaf(ExprKind::Number(number)),
                None => self.word(),
            },
            _ => Err(token.unexpected("", "")),
        }
    }

    /// Everything that may follow an operand and binds tighter than any operator.
    fn modifiers(&mut self, mut tree: Tree) -> Result<Tree, ParseError> {
        loop {
            let token = self.peek();
            if token.kind == TokenKind::LeftBracket {
                tree = self.range(tree)?;
            } else if token.kind == TokenKind::At {
                self.at(&mut tree.expr)?;
            } else if token.is_word("offset") {
                self.offset(&mut tree.expr)?;
            } else if token.is_word("anchored") || token.is_word("smoothed") {
                self.extension(&mut tree.expr)?;
            } else {
                return Ok(tree);
            }
        }
    }

    /// `[range]` behind a selector, or `[range:step]` behind any instant vector.
    fn range(&mut self, operand: Tree) -> Result<Tree, ParseError> {
        let open = self.advance().span;
        let range = self.bracketed_duration("subquery or range selector")?;
        if self.take(&TokenKind::Colon) {
            let step = match self.peek().kind {
                TokenKind::RightBracket => None,
                _ => Some(self.bracketed_duration("subquery selector")?),
            };
            let end = self.expect(&TokenKind::RightBracket, "subquery selector", "\"]\"")?;
            let span = operand.expr.span.to(end);
            check::subquery(&operand.expr, span)?;
            let operand_box = Box::new(operand.expr);
            let subquery = Subquery { operand: operand_box, range, step, modifiers: Modifiers::default() };
            return Parser::tree(Expr { kind: ExprKind::Subquery(subquery), span }, operand.height);
        }
        let end = self.expect(&TokenKind::RightBracket, "subquery or range", "\":\" or \"]\"")?;
        let span = operand.expr.span.to(end);
        let refuse = |message: &str| Err(ParseError { message: message.to_owned(), span: open.to(end) });
        match operand.expr.kind {
            ExprKind::Vector(VectorSelector { modifiers: Modifiers { offset: Some(_), .. }, .. }) => {
                refuse("no offset modifiers allowed before range")
            }
            ExprKind::Vector(VectorSelector { modifiers: Modifiers { at: Some(_), .. }, .. }) => {
                refuse("no @ modifiers allowed before range")
            }
            ExprKind::Vector(selector) => {
                let matrix = MatrixSelector { selector, range };
                Parser::tree(Expr { kind: ExprKind::Matrix(matrix), span }, operand.height)
            }
            _ => refuse("ranges only allowed for vector selectors"),
        }
    }

    /// `(label, …)`; keywords and quoted names are labels here.
    pub(super) fn label_list(&mut self) -> Result<Vec<smol_str::SmolStr>, ParseError> {
        const CONTEXT: &str = "grouping opts";
        self.expect(&TokenKind::LeftParen, CONTEXT, "\"(\"")?;
        let mut labels = Vec::new();
        while !self.take(&TokenKind::RightParen) {
            let token = self.peek().clone();
            let label = match &token.kind {
                TokenKind::Word if !token.text.contains(':') => token.text.into(),
                TokenKind::Text(bytes) => match std::str::from_utf8(bytes) {
                    Ok(name) if !name.is_empty() => name.into(),
                    _ => return Err(token.unexpected(CONTEXT, "label")),
                },
                _ => return Err(token.unexpected(CONTEXT, "label")),
            };
            self.count_leaf()?;
            labels.push(label);
            self.advance();
            if self.peek().kind != TokenKind::RightParen {
                self.expect(&TokenKind::Comma, CONTEXT, "\",\" or \")\"")?;
            }
        }
        Ok(labels)
    }

    /// Extends a node's span over a modifier that was just read.
    pub(super) fn extend(&self, span: &mut Span) {
        *span = span.to(self.tokens[self.next - 1].span);
    }
}
