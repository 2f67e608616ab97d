//! Owns the placeholders of table definitions, as Python's `str.format` reads them.
//! Must not know SQL.

use std::collections::BTreeMap;

use crate::secrets::leading;

/// What is wrong in a template, and where.
pub(super) struct Problem {
    /// The byte of the brace.
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: String,
}

/// The placeholder that stays until a run is started.
const GROUP_ID: &str = "group_id";

/// A piece of a template.
enum Part<'a> {
    Text(&'a str),
    /// A doubled brace, as written.
    Brace(&'a str),
    Placeholder(&'a str),
    /// What is meant as a secret reference, `${…}`: its braces are its own.
    Reference(&'a str),
    /// A brace without its partner.
    Loose(&'a str),
}

/// Fills the parameters in. `{group_id}` and doubled braces stay, braces in values and of references are doubled.
pub(super) fn fill(template: &str, parameters: &BTreeMap<String, String>) -> Result<String, Vec<Problem>> {
    let mut filled = String::with_capacity(template.len());
    let mut problems = Vec::new();
    for (offset, part) in parts(template) {
        match part {
            Part::Text(text) | Part::Brace(text) => filled.push_str(text),
            Part::Placeholder(name) => match parameters.get(name) {
                Some(value) => filled.push_str(&doubled(value)),
                None if name == GROUP_ID => filled.push_str("{group_id}"),
                None => problems.push(unknown(offset, name, parameters)),
            },
            Part::Reference(text) => match leading(text) {
                Some((_, Err(bad))) => {
                    problems.push(Problem { offset, message: bad.to_string(), help: bad.help().to_owned() });
                }
                Some((_, Ok(_))) | None => filled.push_str(&doubled(text)),
            },
            Part::Loose(brace) => problems.push(Problem {
                offset,
                message: format!("this `{brace}` has no partner"),
                help: format!("write `{brace}{brace}` for a literal brace"),
            }),
        }
    }
    if problems.is_empty() { Ok(filled) } else { Err(problems) }
}

fn doubled(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

fn unknown(offset: usize, name: &str, parameters: &BTreeMap<String, String>) -> Problem {
    let known = [GROUP_ID].into_iter().chain(parameters.keys().map(String::as_str));
    let known = known.map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
    Problem {
        offset,
        message: format!("`{{{name}}}` is not a known parameter; known are {known}"),
        help: format!("add it to config/params.yaml; for literal braces write `{{{{{name}}}}}`"),
    }
}

/// The text that runs: the group id filled in, doubled braces made single.
pub fn fill_group_id(sql: &str, group_id: &str) -> String {
    let mut filled = String::with_capacity(sql.len());
    for (_, part) in parts(sql) {
        match part {
            Part::Text(text) | Part::Reference(text) | Part::Loose(text) => filled.push_str(text),
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
        _ => (Part::Loose(&rest[..1]), 1),
    }
}
