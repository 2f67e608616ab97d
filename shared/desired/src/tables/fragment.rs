//! Owns which part of a definition changed, as it is shown to people. Secret values never get in here.
//! Must not know what the change leads to.

use super::change::{ChangedField, holds_a_secret, is_secret};
use super::columns::{TableChange, changed_columns};
use super::scope::NameScope;
use crate::printable::cut;
use crate::sql::{Said, Token, canonical_body, tokens};

/// How many tokens around a change are shown at most, so that one knows where it is.
const AROUND: usize = 8;
/// How many characters are shown at most.
const SHOWN: usize = 120;

/// What it was, and what it is.
pub(super) type Parts = (Option<String>, Option<String>);
pub(super) type Body<'a> = Vec<(Said<'a>, Token<'a>)>;

/// What differs between two definitions.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// The columns and constraints, by what they are called.
    pub(super) columns: Vec<ChangedField>,
    /// The part of the rest.
    pub(super) rest: Option<Parts>,
}

/// What differs; nothing if both define the same but for names and options. The scopes are those of the names in both.
pub(super) fn changed_definition(old: &str, new: &str, scopes: [&NameScope; 2]) -> Option<Changed> {
    let rest = changed_parts(old, new, Some(scopes))?;
    let (Ok(old_tokens), Ok(new_tokens)) = (tokens(old), tokens(new)) else {
        return Some(Changed { rest: Some(rest), ..Changed::default() });
    };
    let [old_scope, new_scope] = scopes.map(|scope| Some(scope.current()));
    let (old, new) = (canonical_body(&old_tokens, old_scope), canonical_body(&new_tokens, new_scope));
    Some(match changed_columns(&old, &new) {
        Some(TableChange { columns, around: [old, new] }) if !columns.is_empty() => {
            Changed { columns, rest: parts_of(&old, &new) }
        }
        // Nothing but their order.
        Some(_) | None => Changed { rest: Some(rest), ..Changed::default() },
    })
}

/// The part that differs, before and after; nothing if both define the same but for names and options.
/// The scopes are those of the names in both.
pub(super) fn changed_parts(old: &str, new: &str, scopes: Option<[&NameScope; 2]>) -> Option<Parts> {
    let (Ok(old_tokens), Ok(new_tokens)) = (tokens(old), tokens(new)) else {
        return (old != new).then(|| (Some(shown(old)), Some(shown(new))));
    };
    let [old_scope, new_scope] = [0, 1].map(|side| scopes.map(|scopes| scopes[side].current()));
    parts_of(&canonical_body(&old_tokens, old_scope), &canonical_body(&new_tokens, new_scope))
}

pub(super) fn parts_of(old: &[(Said<'_>, Token<'_>)], new: &[(Said<'_>, Token<'_>)]) -> Option<Parts> {
    let start = old.iter().zip(new).take_while(|(old, new)| old.0 == new.0).count();
    if start == old.len() && start == new.len() {
        return None;
    }
    let rest = old.len().min(new.len()) - start;
    let ends = old.iter().rev().zip(new.iter().rev()).take(rest);
    let end = ends.take_while(|(old, new)| old.0 == new.0).count();
    Some((part(old, start, end), part(new, start, end)))
}

/// From the first to the last token that differ, and on both sides up to a comma or a bracket.
fn part(body: &[(Said<'_>, Token<'_>)], start: usize, end: usize) -> Option<String> {
    let separates = |at: usize| body.get(at).is_some_and(|(_, token)| [",", "(", ")"].contains(&token.text));
    let before = (1..=AROUND.min(start)).take_while(|back| !separates(start - back)).count();
    let last = body.len().saturating_sub(end);
    let after = (0..AROUND.min(end)).take_while(|more| !separates(last + more)).count();
    let text = text_of(body.get(start - before..last + after)?);
    (!text.is_empty()).then(|| shown(&text))
}

/// The tokens as they stand, with one space where there is any.
pub(super) fn text_of(tokens: &[(Said<'_>, Token<'_>)]) -> String {
    let mut text = String::new();
    let mut at = None;
    for (_, token) in tokens {
        if at.is_some_and(|at| at < token.offset) {
            text.push(' ');
        }
        text.push_str(token.text);
        at = Some(token.end());
        if text.len() > 4 * SHOWN {
            break;
        }
    }
    text
}

pub(super) fn shown(text: &str) -> String {
    if is_secret(text) || holds_a_secret(text) {
        return "***".to_owned();
    }
    cut(text, SHOWN)
}
