//! Fields cut out of a text.

use crate::row::Row;
use crate::{Template, TemplatePart};
use smol_str::SmolStr;
use watchfire_model::{FieldValue, TextRegex};

/// Sets the template's fields where all of it is found in the text: its first literal anywhere, each further one as soon as
/// it comes, a field at the end up to the end of the text.
pub(super) fn by_template(text: &str, template: &Template, row: &mut Row) {
    if let Some(found) = find(text, template) {
        for (name, value) in found {
            row.bring(name, FieldValue::Text(value.into()));
        }
    }
}

fn find<'a, 't>(text: &'t str, template: &'a Template) -> Option<Vec<(&'a SmolStr, &'t str)>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut open: Option<&SmolStr> = None;
    for part in &template.parts {
        match part {
            TemplatePart::Literal(literal) => {
                let (before, after) = rest.split_once(literal.as_str())?;
                found.extend(open.take().map(|name| (name, before)));
                rest = after;
            }
            TemplatePart::Field(name) => open = Some(name),
        }
    }
    found.extend(open.map(|name| (name, rest)));
    found.retain(|(name, _)| !name.is_empty());
    Some(found)
}

/// Sets the expression's named groups where it is found.
pub(super) fn by_regex(text: &str, regex: &TextRegex, row: &mut Row) {
    let Some(captures) = regex.regex().captures(text) else { return };
    for name in regex.regex().capture_names().flatten() {
        if let Some(found) = captures.name(name) {
            row.bring(&name.into(), FieldValue::Text(found.as_str().into()));
        }
    }
}
