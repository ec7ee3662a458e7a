//! The tree of a template. Grammar: Go `text/template/parse/parse.go`.

use super::lexer::{Lexed, Token, tokens};
use super::{TEMPLATE_DEPTH_MAX, TemplateError, functions};

#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    /// `{{ pipeline }}`: printed unless it sets a variable.
    Action(Pipeline),
    If(Block),
    With(Block),
    Range(Block),
}

/// `{{if pipeline}} body {{else}} otherwise {{end}}`, also of `with` and `range`.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) pipeline: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// `$x := first | second`: each call gets the value before it as its last argument.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    /// Variables that it sets; `range` may set two.
    pub(super) variables: Vec<String>,
    /// `:=` makes new variables, `=` sets those that are there.
    pub(super) declares: bool,
    pub(super) calls: Vec<Call>,
}

/// A function and its arguments, or a value alone.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) head: Operand,
    pub(super) arguments: Vec<Operand>,
}

#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) term: Term,
    /// `.a.b` after the term.
    pub(super) fields: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Term {
    Dot,
    Variable(String),
    Function(functions::Function),
    Quoted(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Nil,
    Group(Box<Pipeline>),
}

/// Functions and keywords of the language that come later.
const UNSUPPORTED: [&str; 20] = [
    "block",
    "break",
    "call",
    "continue",
    "define",
    "first",
    "html",
    "js",
    "label",
    "now",
    "query",
    "slice",
    "sortByLabel",
    "strvalue",
    "template",
    "tmpl",
    "toDuration",
    "toTime",
    "value",
    "args",
];

/// The variables that every rule's template starts with (Prometheus `rules/alerting.go`); `$` is the root.
pub(super) const PREDEFINED: [&str; 5] = ["$", "$labels", "$externalLabels", "$externalURL", "$value"];

pub(super) fn parse(source: &str) -> Result<Vec<Node>, TemplateError> {
    let variables = PREDEFINED.map(str::to_owned).to_vec();
    let mut parser = Parser { tokens: tokens(source)?, position: 0, variables, depth: 0 };
    let (nodes, end) = parser.nodes()?;
    match end {
        Closer::Source => Ok(nodes),
        Closer::End => parser.error("`end` without a block before it"),
        Closer::Else => parser.error("`else` without an `if`, `with` or `range` before it"),
    }
}

/// What closed a list of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closer {
    Source,
    End,
    /// The parser stands behind the word `else`.
    Else,
}

#[derive(Debug)]
struct Parser {
    tokens: Vec<Lexed>,
    position: usize,
    /// Those in scope, outermost first.
    variables: Vec<String>,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position).map(|lexed| &lexed.token)
    }

    fn line(&self) -> usize {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens.get(self.position.min(last)).map_or(1, |lexed| lexed.line)
    }

    fn error<T>(&self, what: &str) -> Result<T, TemplateError> {
        Err(TemplateError::Syntax { what: what.to_owned(), line: self.line() })
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.position += 1;
        }
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.position += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.position += usize::from(found);
        found
    }

    fn close(&mut self) -> Result<(), TemplateError> {
        self.skip_space();
        if self.take(&Token::Close) { Ok(()) } else { self.error("`}}` expected") }
    }

    fn enter(&mut self) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > TEMPLATE_DEPTH_MAX {
            return Err(TemplateError::Limit { what: "at most 32 levels of blocks and parentheses" });
        }
        Ok(())
    }

    /// Nodes up to an `end`, an `else` or the end of the text.
    fn nodes(&mut self) -> Result<(Vec<Node>, Closer), TemplateError> {
        let mut nodes = Vec::new();
        loop {
            match self.peek() {
                None => return Ok((nodes, Closer::Source)),
                Some(Token::Text(text)) => {
                    nodes.push(Node::Text(text.clone()));
                    self.position += 1;
                    continue;
                }
                Some(_) => self.position += 1,
            }
            self.skip_space();
            if self.take_word("end") {
                self.close()?;
                return Ok((nodes, Closer::End));
            }
            if self.take_word("else") {
                return Ok((nodes, Closer::Else));
            }
            if let Some(node) = self.action()? {
                nodes.push(node);
            }
        }
    }

    fn action(&mut self) -> Result<Option<Node>, TemplateError> {
        for (word, make) in [("if", Node::If as fn(Block) -> Node), ("with", Node::With), ("range", Node::Range)] {
            if self.take_word(word) {
                let scope = self.variables.len();
                let block = self.block(word)?;
                self.variables.truncate(scope);
                return Ok(Some(make(block)));
            }
        }
        let pipeline = self.pipeline(1)?;
        self.close()?;
        Ok(Some(Node::Action(pipeline)))
    }

    /// A block from behind its keyword to its `end`.
    fn block(&mut self, keyword: &str) -> Result<Block, TemplateError> {
        self.enter()?;
        let pipeline = self.pipeline(if keyword == "range" { 2 } else { 1 })?;
        self.close()?;
        let scope = self.variables.len();
        let (body, end) = self.nodes()?;
        self.variables.truncate(scope);
        let otherwise = match end {
            Closer::End => Vec::new(),
            Closer::Source => return self.error(&format!("`{keyword}` is never closed, write {{{{end}}}}")),
            Closer::Else => self.otherwise(keyword)?,
        };
        self.depth -= 1;
        Ok(Block { pipeline, body, otherwise })
    }

    /// What stands between `else` and `end`; `else if` nests a block that shares the `end`.
    fn otherwise(&mut self, keyword: &str) -> Result<Vec<Node>, TemplateError> {
        self.skip_space();
        for (word, make) in [("if", Node::If as fn(Block) -> Node), ("with", Node::With)] {
            if keyword == word && self.take_word(word) {
                return Ok(vec![make(self.block(word)?)]);
            }
        }
        self.close()?;
        let scope = self.variables.len();
        let (nodes, end) = self.nodes()?;
        self.variables.truncate(scope);
        if end == Closer::End {
            Ok(nodes)
        } else {
            self.error(&format!("`{keyword}` needs one {{{{end}}}} after {{{{else}}}}"))
        }
    }

    /// A pipeline that may set up to `variables_max` variables.
    fn pipeline(&mut self, variables_max: usize) -> Result<Pipeline, TemplateError> {
        let (variables, declares) = self.declaration(variables_max)?;
        let mut calls = vec![self.call()?];
        while self.take(&Token::Pipe) {
            let call = self.call()?;
            if !matches!(call.head.term, Term::Function(_)) {
                return self.error("only a function can stand behind `|`");
            }
            calls.push(call);
        }
        if declares {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipeline { variables, declares, calls })
    }

    /// `$x :=`, `$x =`, `$i, $x :=`, or nothing.
    fn declaration(&mut self, variables_max: usize) -> Result<(Vec<String>, bool), TemplateError> {
        let start = self.position;
        let mut variables = Vec::new();
        loop {
            self.skip_space();
            let Some(Token::Variable(name)) = self.peek() else { break };
            variables.push(name.clone());
            self.position += 1;
            self.skip_space();
            if self.take(&Token::Comma) && variables.len() < variables_max {
                continue;
            }
            if self.take(&Token::Declare) {
                return Ok((variables, true));
            }
            if self.take(&Token::Assign) {
                for name in &variables {
                    self.known(name)?;
                }
                return Ok((variables, false));
            }
            break;
        }
        self.position = start;
        Ok((Vec::new(), false))
    }

    fn known(&self, name: &str) -> Result<(), TemplateError> {
        if self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(TemplateError::Variable { name: name.to_owned(), line: self.line() })
    }

    fn call(&mut self) -> Result<Call, TemplateError> {
        self.skip_space();
        let head = self.operand()?;
        let mut arguments = Vec::new();
        loop {
            let separated = self.peek() == Some(&Token::Space);
            self.skip_space();
            match self.peek() {
                None => return self.error("unclosed action, `}}` is missing"),
                Some(Token::Close | Token::Pipe | Token::Right) => break,
                Some(_) if !separated => return self.error("arguments are separated by spaces"),
                Some(_) => arguments.push(self.operand()?),
            }
        }
        if !arguments.is_empty() && !matches!(head.term, Term::Function(_)) {
            return self.error("a value that is not a function cannot take arguments");
        }
        Ok(Call { head, arguments })
    }

    fn operand(&mut self) -> Result<Operand, TemplateError> {
        let Some(token) = self.peek().cloned() else { return self.error("unclosed action, `}}` is missing") };
        let mut fields = Vec::new();
        let term = match token {
            Token::Dot => Term::Dot,
            Token::Field(name) => {
                fields.push(name);
                Term::Dot
            }
            Token::Variable(name) => {
                self.known(&name)?;
                Term::Variable(name)
            }
            Token::Quoted(text) => Term::Quoted(text),
            Token::Int(value) => Term::Int(value),
            Token::Float(value) => Term::Float(value),
            Token::Word(word) => self.word(&word)?,
            Token::Left => {
                self.position += 1;
                self.enter()?;
                let pipeline = self.pipeline(0)?;
                self.depth -= 1;
                self.skip_space();
                if self.peek() != Some(&Token::Right) {
                    return self.error("`)` expected");
                }
                Term::Group(Box::new(pipeline))
            }
            Token::Close => return self.error("a value is missing"),
            _ => return self.error("a value or function expected"),
        };
        self.position += 1;
        while let Some(Token::Field(name)) = self.peek() {
            fields.push(name.clone());
            self.position += 1;
        }
        Ok(Operand { term, fields })
    }

    fn word(&self, word: &str) -> Result<Term, TemplateError> {
        let line = self.line();
        match word {
            "true" => Ok(Term::Bool(true)),
            "false" => Ok(Term::Bool(false)),
            "nil" => Ok(Term::Nil),
            word if UNSUPPORTED.contains(&word) => Err(TemplateError::Unsupported { what: word.to_owned(), line }),
            word => match functions::Function::named(word) {
                Some(function) => Ok(Term::Function(function)),
                None => Err(TemplateError::Function { name: word.to_owned(), line }),
            },
        }
    }
}
