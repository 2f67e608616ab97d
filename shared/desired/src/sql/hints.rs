//! Owns which hints a query or a target may carry: those that say neither where data is nor who we are.
//! Must not know where the text is from; the lists are in `hint_lists`.

use super::hint_lists::{OPTION_PREFIXES, OPTION_SUFFIXES, OPTION_VALUES, OPTIONS, QUERY_HINTS};
use super::lexer::{Token, TokenKind, tokens};
use super::problem::SqlProblem;

/// The code of a hint that is refused.
const REFUSED_HINT: &str = "refused-hint";

/// The hint that changes a table's options.
const DYNAMIC_OPTIONS: &str = "OPTIONS";

/// What is wrong with the hints in a query, once for each hint or option.
pub(super) fn hint_problems(tokens: &[Token<'_>]) -> Vec<SqlProblem> {
    problems_but(tokens, QUERY_HINTS)
}

/// The same of a target: nothing is joined, looked up or kept there.
pub(super) fn target_hint_problems(tokens: &[Token<'_>]) -> Vec<SqlProblem> {
    problems_but(tokens, &[])
}

/// What is wrong with hints, where these and OPTIONS may be written.
fn problems_but(tokens: &[Token<'_>], allowed: &[&str]) -> Vec<SqlProblem> {
    let mut problems = Vec::new();
    let mut rest = tokens;
    while let Some(start) = rest.iter().position(|token| is_hint(token, "/*+")) {
        let inner = rest.get(start + 1..).unwrap_or_default();
        let end = inner.iter().position(|token| is_hint(token, "*/")).unwrap_or(inner.len());
        for hint in hints(inner.get(..end).unwrap_or_default()) {
            judge(hint, allowed, &mut problems);
        }
        rest = inner.get(end..).unwrap_or_default();
    }
    problems
}

/// Flink's parser takes `U&"…"` for a name, and what is inside it for no SQL. It is refused rather than read, as is any
/// other `"`, which Flink does not know.
pub(super) fn quote_problem(tokens: &[Token<'_>]) -> Option<SqlProblem> {
    let quote = tokens.iter().find(|token| token.is_symbol("\""))?;
    let help = "quote a name with back-ticks, a text with single quotes";
    Some(SqlProblem::at("double-quote", quote, "Flink SQL does not quote with \"", help))
}

/// Whether a text changes options of tables in a hint. One that cannot be read may.
pub fn has_dynamic_options(sql: &str) -> bool {
    let Ok(tokens) = tokens(sql) else { return true };
    // More than the hints' names: any word would do, and a hint without such a word does not.
    let mut in_hint = false;
    tokens.iter().any(|token| {
        in_hint = if token.kind == TokenKind::Hint { token.text == "/*+" } else { in_hint };
        in_hint && names_dynamic_options(token)
    })
}

fn names_dynamic_options(token: &Token<'_>) -> bool {
    token.name().is_some_and(|name| name.eq_ignore_ascii_case(DYNAMIC_OPTIONS))
}

fn is_hint(token: &Token<'_>, text: &str) -> bool {
    token.kind == TokenKind::Hint && token.text == text
}

/// The hints between `/*+` and `*/`, cut at commas outside brackets.
fn hints<'a, 'b>(inner: &'a [Token<'b>]) -> impl Iterator<Item = &'a [Token<'b>]> {
    let mut depth = 0_usize;
    let cut = move |token: &Token<'_>| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.is_symbol(",")
    };
    inner.split(cut).filter(|hint| !hint.is_empty())
}

fn judge(hint: &[Token<'_>], allowed: &[&str], problems: &mut Vec<SqlProblem>) {
    let [name, arguments @ ..] = hint else { return };
    if !names_dynamic_options(name) {
        if !allowed.iter().any(|known| name.name().is_some_and(|name| name.eq_ignore_ascii_case(known))) {
            let message = format!("the hint `{}` is not allowed here", crate::diagnostics::excerpt(name.text));
            let names = [&[DYNAMIC_OPTIONS], allowed].concat().join(", ");
            let help = if allowed.is_empty() {
                format!("remove it; allowed here is {names}, and others in the query")
            } else {
                format!("remove it; allowed are {names}")
            };
            problems.push(SqlProblem::at(REFUSED_HINT, name, message, help));
        } else if !arguments.is_empty() && bracketed(arguments).is_none() {
            let message = format!("the hint {} cannot be read", name.text);
            let help = "write its arguments in one pair of brackets, and a comma between two hints";
            problems.push(SqlProblem::at(REFUSED_HINT, name, message, help));
        }
        return;
    }
    let Some(pairs) = bracketed(arguments) else {
        problems.push(malformed(name));
        return;
    };
    for pair in pairs.split(|token| token.is_symbol(",")) {
        problems.extend(judge_option(pair.first().unwrap_or(name), pair));
    }
}

/// What is inside the one pair of brackets that the tokens are.
fn bracketed<'a, 'b>(tokens: &'a [Token<'b>]) -> Option<&'a [Token<'b>]> {
    let [open, inner @ .., close] = tokens else { return None };
    let nested = inner.iter().any(|token| token.is_symbol("(") || token.is_symbol(")"));
    (open.is_symbol("(") && close.is_symbol(")") && !nested).then_some(inner)
}

fn malformed(at: &Token<'_>) -> SqlProblem {
    let message = "this OPTIONS hint cannot be read";
    SqlProblem::at(REFUSED_HINT, at, message, "write it as /*+ OPTIONS('option'='value') */")
}

fn judge_option(at: &Token<'_>, pair: &[Token<'_>]) -> Option<SqlProblem> {
    let [key, equals, value] = pair else {
        return Some(malformed(at));
    };
    let Some(option) = key.literal_value().or_else(|| key.name()) else {
        return Some(malformed(key));
    };
    let Some(value) = value.literal_value().filter(|_| equals.is_symbol("=")) else {
        return Some(malformed(key));
    };
    (!is_allowed(&option, &value)).then(|| {
        let message = format!("the option `{}` cannot be changed in a hint", crate::diagnostics::excerpt(&option));
        let help = "remove it: where data is and who reads it is said in config/tables/ alone; a hint may say where to \
                    start (`scan.startup.mode`), parallelism, and caching of lookups";
        SqlProblem::at(REFUSED_HINT, key, message, help)
    })
}

fn is_allowed(option: &str, value: &str) -> bool {
    OPTIONS.binary_search(&option).is_ok()
        || OPTION_PREFIXES.iter().any(|prefix| option.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()))
        || OPTION_SUFFIXES.iter().any(|suffix| option.strip_suffix(suffix).is_some_and(|rest| !rest.is_empty()))
        || OPTION_VALUES.iter().any(|(known, values)| *known == option && values.contains(&value))
}
