//! Owns the words that may stand or be missing, and words for which another may stand, without a difference to Flink.
//! Must not know types, or which words are keywords where they stand.

use super::head::Form;
use super::lexer::{Token, TokenKind};
use super::words::Said;

type Placed<'a> = (Said<'a>, Token<'a>);

/// The same with one word for words that say the same, and without those that say nothing.
///
/// A word is left out only where the text without it says the same, or is none that Flink's parser takes.
pub(super) fn unify<'a>(said: &[Placed<'a>], form: Form, has_options: bool) -> Vec<Placed<'a>> {
    let like = default_like(said, form, has_options);
    let mut unified = Vec::with_capacity(said.len());
    for (at, (one, token)) in said.iter().enumerate() {
        if like.contains(&at) || says_nothing(said, at, form) {
            continue;
        }
        let one = match one {
            Said::Keyword(word) => Said::Keyword(synonym(said, at, word).unwrap_or(word).to_owned()),
            Said::Text(TokenKind::Number, digits) => Said::Text(TokenKind::Number, number(digits)),
            Said::Name(_) | Said::Table(_) | Said::Function(_) | Said::Text(..) => one.clone(),
        };
        unified.push((one, *token));
    }
    unified
}

fn says_nothing(said: &[Placed<'_>], at: usize, form: Form) -> bool {
    let before = at.checked_sub(1);
    let follows = |words: &[&str]| before.is_some_and(|before| is(said, before, words));
    let precedes = |words: &[&str]| is(said, at + 1, words);
    // The columns and the class of a definition do not say AS as they please.
    let queries = matches!(form, Form::Query | Form::Definition);
    match said.get(at) {
        Some((Said::Keyword(word), _)) => match word.as_str() {
            // Before a type, a query or a text it has to stand.
            "AS" => queries && before.is_some() && matches!(said.get(at + 1), Some((Said::Name(_), _))),
            "INNER" => precedes(&["JOIN"]),
            "OUTER" => follows(&["LEFT", "RIGHT", "FULL"]) && precedes(&["JOIN"]),
            // Elsewhere it is a name.
            "ASC" => queries && before.is_some(),
            "ALL" => follows(&["SELECT"]) || before.is_some_and(|before| is_symbol(said, before, "(")),
            "DISTINCT" => follows(&["UNION", "INTERSECT", "EXCEPT"]),
            _ => false,
        },
        Some((Said::Name(_) | Said::Table(_) | Said::Function(_) | Said::Text(..), _)) | None => false,
    }
}

/// The word that says the same where this one stands.
fn synonym(said: &[Placed<'_>], at: usize, word: &str) -> Option<&'static str> {
    let before = |back: usize| at.checked_sub(back);
    let follows = |back: usize, words: &[&str]| before(back).is_some_and(|at| is(said, at, words));
    match word {
        "CEILING" => Some("CEIL"),
        "NEXT" => follows(1, &["FETCH"]).then_some("FIRST"),
        "ROW" => is(said, at + 1, &["ONLY"]).then_some("ROWS"),
        _ => {
            let (_, singular) = UNITS.iter().find(|(plural, _)| *plural == word)?;
            let singulars = UNITS.map(|(_, singular)| singular);
            let after_text = before(1).is_some_and(|at| is_literal(said, at));
            let to_unit = follows(1, &["TO"]) && follows(2, &singulars);
            (after_text || to_unit).then_some(singular)
        }
    }
}

/// The units of an `INTERVAL '…'` that may be written in the plural.
const UNITS: [(&str, &str); 6] = [
    ("SECONDS", "SECOND"),
    ("MINUTES", "MINUTE"),
    ("HOURS", "HOUR"),
    ("DAYS", "DAY"),
    ("MONTHS", "MONTH"),
    ("YEARS", "YEAR"),
];

/// A number as one writes it: `007` is 7. Digits before a point count: they are part of its type.
fn number(digits: &str) -> &str {
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let short = digits.trim_start_matches('0');
    match (whole, short.is_empty()) {
        (true, true) => "0",
        (true, false) => short,
        (false, _) => digits,
    }
}

/// The tokens of a bracket after `LIKE table` that asks for what Flink does without it: all, the own options first.
/// Without that last word it is the same only where there are no own options; Flink refuses any that are double.
fn default_like(said: &[Placed<'_>], form: Form, has_options: bool) -> std::ops::Range<usize> {
    if form != Form::Table {
        return 0..0;
    }
    for start in 0..said.len() {
        let words = |words: &[&str]| words.iter().enumerate().all(|(more, word)| is(said, start + 1 + more, &[*word]));
        if !is_symbol(said, start, "(") || !words(&["INCLUDING", "ALL"]) {
            continue;
        }
        if !has_options && is_symbol(said, start + 3, ")") {
            return start..start + 4;
        }
        if words(&["INCLUDING", "ALL", "OVERWRITING", "OPTIONS"]) && is_symbol(said, start + 5, ")") {
            return start..start + 6;
        }
    }
    0..0
}

pub(super) fn is(said: &[Placed<'_>], at: usize, words: &[&str]) -> bool {
    matches!(said.get(at), Some((Said::Keyword(word), _)) if words.contains(&word.as_str()))
}

pub(super) fn is_symbol(said: &[Placed<'_>], at: usize, symbol: &str) -> bool {
    matches!(said.get(at), Some((Said::Text(TokenKind::Symbol, text), _)) if *text == symbol)
}

fn is_literal(said: &[Placed<'_>], at: usize) -> bool {
    matches!(said.get(at), Some((Said::Text(TokenKind::Literal, _), _)))
}
