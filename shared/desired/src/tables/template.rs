//! Owns the placeholders of table definitions, as Python's `str.format` reads them; braces that cannot be meant as one
//! stay as they are. Must not know SQL.

use std::collections::BTreeMap;

use crate::diagnostics::{MAX_FINDINGS, excerpt};
use crate::manifest::MAX_BYTES;
use crate::secrets::leading;

/// What is wrong in a template, and where.
pub(super) struct TemplateProblem {
    /// The byte of the brace.
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: String,
}

/// The placeholder that stays until a run is started.
pub(crate) const GROUP_ID: &str = "group_id";
/// How many known parameters a message names.
const KNOWN: usize = 20;

/// A piece of a template.
enum Part<'a> {
    Text(&'a str),
    /// A doubled brace, as written.
    Brace(&'a str),
    Placeholder(&'a str),
    /// What is meant as a secret reference, `${…}`: its braces are its own.
    Reference(&'a str),
    /// Braces inside braces, none of which can be meant as a placeholder.
    Nested(&'a str),
    /// A brace without its partner.
    Loose(&'a str),
}

/// The longest text that is looked through for the partner of a brace: longer than any pattern or document in an option.
const LONGEST_GROUP: usize = 1_000;

/// How deep braces may stand in each other: text with many that are never closed is then read in linear time.
const DEEPEST_GROUP: usize = 8;

/// Fills the parameters in. `{group_id}` and doubled braces stay; braces in values, of references and those that are
/// meant as they are, are doubled.
/// The result may have as many bytes as there is `room`, or those of the template.
pub(super) fn fill(
    template: &str,
    parameters: &BTreeMap<String, String>,
    room: usize,
) -> Result<String, Vec<TemplateProblem>> {
    let room = room.max(template.len());
    let mut filled = String::with_capacity(template.len());
    let mut problems = Vec::new();
    for (offset, part) in parts(template) {
        if problems.len() > MAX_FINDINGS {
            break;
        }
        match part {
            Part::Text(text) | Part::Brace(text) => filled.push_str(text),
            // A parameter of this name is refused where it is given.
            Part::Placeholder(GROUP_ID) => filled.push_str("{group_id}"),
            Part::Placeholder(name) => match parameters.get(name) {
                Some(value) if filled.len() + value.len() > room => {
                    problems.push(too_long(offset, name));
                    break;
                }
                Some(value) => filled.push_str(&doubled(value)),
                None if is_no_name(name) || is_expression(template, offset, name) => {
                    filled.push_str(&doubled(&format!("{{{name}}}")));
                }
                None => problems.push(unknown(offset, name, parameters)),
            },
            Part::Reference(text) => match leading(text) {
                Some((_, Err(bad))) => {
                    problems.push(TemplateProblem { offset, message: bad.to_string(), help: bad.help().to_owned() });
                }
                Some((_, Ok(_))) | None => filled.push_str(&doubled(text)),
            },
            Part::Nested(text) => filled.push_str(&doubled(text)),
            Part::Loose(brace) => problems.push(TemplateProblem {
                offset,
                message: format!("this `{brace}` has no partner"),
                help: format!("write `{brace}{brace}` for a literal brace"),
            }),
        }
    }
    if problems.is_empty() { Ok(filled) } else { Err(problems) }
}

/// Whether nobody can have meant a parameter by this text between braces: a quantifier (`{2,3}`), a document
/// (`{"a": 1}`), nothing, or a call with quoted arguments. Text that leaves its string is a brace without its partner.
fn is_no_name(text: &str) -> bool {
    let nameless = !text.trim_start().starts_with(|first: char| first.is_alphabetic() || first == '_');
    !text.replace("''", "").contains('\'') && (nameless || text.contains(['\'', '"', ',', '(']))
}

/// Whether a brace begins an expression of the faker connector: `#{Name.first_name}`.
fn is_expression(template: &str, offset: usize, text: &str) -> bool {
    text.contains('.') && template.get(..offset).is_some_and(|before| before.ends_with('#'))
}

fn doubled(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

fn unknown(offset: usize, name: &str, parameters: &BTreeMap<String, String>) -> TemplateProblem {
    let name = excerpt(name);
    let known = [GROUP_ID].into_iter().chain(parameters.keys().map(String::as_str)).take(KNOWN);
    let mut known = known.map(|name| format!("{{{}}}", excerpt(name))).collect::<Vec<_>>().join(", ");
    if parameters.len() >= KNOWN {
        known.push_str(", …");
    }
    TemplateProblem {
        offset,
        message: format!("`{{{name}}}` is not a known parameter; known are {known}"),
        help: format!("add it to config/params.yaml; for literal braces write `{{{{{name}}}}}`"),
    }
}

fn too_long(offset: usize, name: &str) -> TemplateProblem {
    TemplateProblem {
        offset,
        message: format!("with `{{{}}}` filled in, the file has more than {MAX_BYTES} bytes", excerpt(name)),
        help: "shorten its value in config/params.yaml, or use it less often".to_owned(),
    }
}

/// The text that runs: the group id filled in, doubled braces made single.
pub fn fill_group_id(sql: &str, group_id: &str) -> String {
    let mut filled = String::with_capacity(sql.len());
    for (_, part) in parts(sql) {
        match part {
            Part::Text(text) | Part::Reference(text) | Part::Nested(text) | Part::Loose(text) => filled.push_str(text),
            Part::Brace(braces) => filled.push_str(braces.get(1..).unwrap_or_default()),
            Part::Placeholder(GROUP_ID) => filled.push_str(group_id),
            Part::Placeholder(name) => {
                filled.extend(["{", name, "}"]);
            }
        }
    }
    filled
}

fn parts(template: &str) -> impl Iterator<Item = (usize, Part<'_>)> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let rest = template.get(offset..).filter(|rest| !rest.is_empty())?;
        let (part, length) = first_part(rest);
        let start = offset;
        offset += length;
        Some((start, part))
    })
}

fn first_part(rest: &str) -> (Part<'_>, usize) {
    let braces = ['{', '}'];
    let text = rest.find(braces).unwrap_or(rest.len());
    let dollar = text.saturating_sub(1);
    if let Some((length, _)) = rest.get(dollar..).and_then(leading) {
        return if dollar > 0 {
            (Part::Text(&rest[..dollar]), dollar)
        } else {
            (Part::Reference(&rest[..length]), length)
        };
    }
    if text > 0 {
        return (Part::Text(&rest[..text]), text);
    }
    if rest.starts_with("{{") || rest.starts_with("}}") {
        return (Part::Brace(&rest[..2]), 2);
    }
    let inner = &rest[1..];
    match inner.find(braces) {
        Some(end) if rest.starts_with('{') && inner[end..].starts_with('}') => {
            (Part::Placeholder(&inner[..end]), end + 2)
        }
        _ => nested(rest).map_or((Part::Loose(&rest[..1]), 1), |length| (Part::Nested(&rest[..length]), length)),
    }
}

/// How long the braces inside braces are that the text begins with; nothing if one may be a placeholder, or if two of
/// a kind stand together, which are one literal brace elsewhere.
fn nested(rest: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut last = None;
    for (at, brace) in rest.char_indices().take(LONGEST_GROUP).filter(|(_, it)| matches!(it, '{' | '}')) {
        if at > 0 && last == Some((at - 1, brace)) {
            return None;
        }
        last = Some((at, brace));
        if brace == '{' {
            open.push(at);
            if open.len() > DEEPEST_GROUP {
                return None;
            }
            continue;
        }
        let start = open.pop()?;
        if !is_no_name(rest.get(start + 1..at)?) {
            return None;
        }
        if open.is_empty() {
            return Some(at + 1);
        }
    }
    None
}
