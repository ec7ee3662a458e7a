//! Renders a template. Every node and call costs a step, every value and the output have a bound.

use super::functions::{self, Value};
use super::parser::{Block, Call, Node, Operand, PREDEFINED, Pipeline, Term};
use super::{TEMPLATE_OUTPUT_BYTES_MAX, TEMPLATE_STEPS_MAX, TemplateData, TemplateError};

pub(super) fn render(nodes: &[Node], data: &TemplateData<'_>) -> Result<String, TemplateError> {
    let values = [
        Value::Data,
        Value::Labels(data.labels.clone()),
        Value::Labels(data.external_labels.clone()),
        Value::Text(data.external_url.to_owned()),
        Value::Float(data.value),
    ];
    let variables = PREDEFINED.map(str::to_owned).into_iter().zip(values).collect();
    let mut renderer = Renderer { data, variables, output: String::new(), steps: 0 };
    renderer.nodes(nodes, &Value::Data)?;
    Ok(renderer.output)
}

struct Renderer<'a> {
    data: &'a TemplateData<'a>,
    /// Those in scope, innermost last.
    variables: Vec<(String, Value)>,
    output: String,
    steps: usize,
}

impl Renderer<'_> {
    fn step(&mut self) -> Result<(), TemplateError> {
        self.steps += 1;
        if self.steps > TEMPLATE_STEPS_MAX { failed("template takes too many steps") } else { Ok(()) }
    }

    fn write(&mut self, text: &str) -> Result<(), TemplateError> {
        if self.output.len() + text.len() > TEMPLATE_OUTPUT_BYTES_MAX {
            return failed("template produces more than 64 KiB");
        }
        self.output.push_str(text);
        Ok(())
    }

    /// Renders `nodes`; variables that they declare end with them.
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<(), TemplateError> {
        let scope = self.variables.len();
        for node in nodes {
            self.step()?;
            match node {
                Node::Text(text) => self.write(text)?,
                Node::Action(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.write(&value.printed())?;
                    } else {
                        self.set(pipeline, &value);
                    }
                }
                Node::If(block) => self.choose(block, dot, false)?,
                Node::With(block) => self.choose(block, dot, true)?,
                Node::Range(block) => self.range(block, dot)?,
            }
        }
        self.variables.truncate(scope);
        Ok(())
    }

    fn set(&mut self, pipeline: &Pipeline, value: &Value) {
        for name in &pipeline.variables {
            self.set_variable(name, pipeline.declares, value.clone());
        }
    }

    fn set_variable(&mut self, name: &str, declares: bool, value: Value) {
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, slot)) if !declares => *slot = value,
            _ => self.variables.push((name.to_owned(), value)),
        }
    }

    fn choose(&mut self, block: &Block, dot: &Value, moves_dot: bool) -> Result<(), TemplateError> {
        let scope = self.variables.len();
        let value = self.pipeline(&block.pipeline, dot)?;
        self.set(&block.pipeline, &value);
        if !value.is_true() {
            self.nodes(&block.otherwise, dot)?;
        } else if moves_dot {
            self.nodes(&block.body, &value)?;
        } else {
            self.nodes(&block.body, dot)?;
        }
        self.variables.truncate(scope);
        Ok(())
    }

    fn range(&mut self, block: &Block, dot: &Value) -> Result<(), TemplateError> {
        let labels = match self.pipeline(&block.pipeline, dot)? {
            Value::Labels(labels) => labels,
            other => return failed(&format!("range cannot go over a {}", other.kind())),
        };
        if labels.is_empty() {
            return self.nodes(&block.otherwise, dot);
        }
        for label in &labels {
            let scope = self.variables.len();
            let value = Value::Text(label.value.to_string());
            let declares = block.pipeline.declares;
            match block.pipeline.variables.as_slice() {
                [only] => self.set_variable(only, declares, value.clone()),
                [key, element, ..] => {
                    self.set_variable(key, declares, Value::Text(label.name.to_string()));
                    self.set_variable(element, declares, value.clone());
                }
                [] => {}
            }
            self.nodes(&block.body, &value)?;
            self.variables.truncate(scope);
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, TemplateError> {
        let mut piped = None;
        for call in &pipeline.calls {
            piped = Some(self.call(call, piped, dot)?);
        }
        Ok(piped.unwrap_or(Value::Nil))
    }

    fn call(&mut self, call: &Call, piped: Option<Value>, dot: &Value) -> Result<Value, TemplateError> {
        self.step()?;
        let Term::Function(function) = call.head.term else { return self.operand(&call.head, dot) };
        let mut arguments = Vec::with_capacity(call.arguments.len() + 1);
        for argument in &call.arguments {
            let value = self.operand(argument, dot)?;
            if let Some(decided) = functions::short_circuit(function, &value) {
                return self.fields(decided, &call.head.fields);
            }
            arguments.push(value);
        }
        arguments.extend(piped);
        let value = function.call(&arguments, self.data)?;
        if matches!(&value, Value::Text(text) if text.len() > TEMPLATE_OUTPUT_BYTES_MAX) {
            return failed("a value in the template is longer than 64 KiB");
        }
        self.fields(value, &call.head.fields)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, TemplateError> {
        self.step()?;
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Variable(name) => {
                let variable = self.variables.iter().rev().find(|(known, _)| known == name);
                variable.map_or(Value::Nil, |(_, value)| value.clone())
            }
            Term::Function(function) => function.call(&[], self.data)?,
            Term::Quoted(text) => Value::Text(text.clone()),
            Term::Int(value) => Value::Int(*value),
            Term::Float(value) => Value::Float(*value),
            Term::Bool(value) => Value::Bool(*value),
            Term::Nil => Value::Nil,
            Term::Group(pipeline) => self.pipeline(pipeline, dot)?,
        };
        self.fields(value, &operand.fields)
    }

    fn fields(&self, value: Value, fields: &[String]) -> Result<Value, TemplateError> {
        fields.iter().try_fold(value, |value, field| match (&value, field.as_str()) {
            (Value::Data, "Labels") => Ok(Value::Labels(self.data.labels.clone())),
            (Value::Data, "ExternalLabels") => Ok(Value::Labels(self.data.external_labels.clone())),
            (Value::Data, "ExternalURL") => Ok(Value::Text(self.data.external_url.to_owned())),
            (Value::Data, "Value") => Ok(Value::Float(self.data.value)),
            (Value::Data, other) => failed(&format!(
                "`.{other}` does not exist, there are .Labels, .Value, .ExternalLabels and .ExternalURL"
            )),
            (Value::Labels(labels), name) => Ok(Value::Text(labels.get_or_empty(name).to_owned())),
            (value, name) => failed(&format!("a {} has no field `{name}`", value.kind())),
        })
    }
}

fn failed<T>(what: &str) -> Result<T, TemplateError> {
    Err(TemplateError::Render { what: what.to_owned() })
}
