//! Owns which part of a definition changed, as it is shown to people. Secret values never get in here.
//! Must not know what the change leads to.

use super::change::{holds_a_secret, is_secret};
use super::scope::NameScope;
use crate::sql::{Said, Token, canonical_body, tokens};

/// How many tokens around a change are shown at most, so that one knows where it is.
const AROUND: usize = 8;
/// How many characters are shown at most.
const SHOWN: usize = 120;

/// What it was, and what it is.
type Parts = (Option<String>, Option<String>);
type Body<'a> = Vec<(Said<'a>, Token<'a>)>;

/// The part that differs, before and after; nothing if both define the same but for names and options.
/// The scopes are those of the names in both.
pub(super) fn changed_parts(old: &str, new: &str, scopes: Option<[&NameScope; 2]>) -> Option<Parts> {
    let (Ok(old_tokens), Ok(new_tokens)) = (tokens(old), tokens(new)) else {
        return (old != new).then(|| (Some(shown(old)), Some(shown(new))));
    };
    let [old_scope, new_scope] = [0, 1].map(|side| scopes.map(|scopes| scopes[side].current()));
    let (old, new) = (canonical_body(&old_tokens, old_scope), canonical_body(&new_tokens, new_scope));
    let start = old.iter().zip(&new).take_while(|(old, new)| old.0 == new.0).count();
    if start == old.len() && start == new.len() {
        return None;
    }
    let rest = old.len().min(new.len()) - start;
    let ends = old.iter().rev().zip(new.iter().rev()).take(rest);
    let end = ends.take_while(|(old, new)| old.0 == new.0).count();
    Some((part(&old, start, end), part(&new, start, end)))
}

/// From the first to the last token that differ, and on both sides up to a comma or a bracket.
fn part(body: &Body<'_>, start: usize, end: usize) -> Option<String> {
    let separates = |at: usize| body.get(at).is_some_and(|(_, token)| [",", "(", ")"].contains(&token.text));
    let before = (1..=AROUND.min(start)).take_while(|back| !separates(start - back)).count();
    let last = body.len().saturating_sub(end);
    let after = (0..AROUND.min(end)).take_while(|more| !separates(last + more)).count();
    let tokens = body.get(start - before..last + after)?;
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
    (!text.is_empty()).then(|| shown(&text))
}

fn shown(text: &str) -> String {
    if is_secret(text) || holds_a_secret(text) {
        return "***".to_owned();
    }
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
