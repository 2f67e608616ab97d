//! A token that Flink's parser did not expect: what was probably meant, from the tokens around it.
//! Must not know tables, types or what a query means.

use super::{At, Failure, Told, dialects, quoted};
use crate::sql::{TokenKind, is_reserved, lookalike, tokens};
use crate::suggest::closest;

mod brackets;
mod queries;
mod statements;
mod symbols;

const CODE: &str = "syntax";

/// Words that begin a part of a query, or go on with an expression.
const CLAUSES: &[&str] = &[
    "FROM",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "UNION",
    "ON",
    "JOIN",
    "SELECT",
    "WITH",
    "AND",
    "OR",
    "THEN",
    "ELSE",
    "WHEN",
    "END",
    "BY",
    "INTO",
    "SET",
    "BETWEEN",
    "LIKE",
    "IN",
    "IS",
    "EXCEPT",
    "INTERSECT",
    "LEFT",
    "RIGHT",
    "INNER",
    "FULL",
    "CROSS",
    "AS",
    "USING",
    "OFFSET",
    "FETCH",
    "WINDOW",
];

/// A rule about the token at an index; the number of tokens is the end of the text.
type Rule = fn(&Failure<'_>, usize) -> Option<Told>;

const RULES: &[Rule] = &[
    symbols::rule,
    symbols::texts,
    queries::functions,
    queries::intervals,
    misspelt,
    statements::rule,
    brackets::cases,
    queries::with,
    reserved,
    brackets::commas,
    queries::clauses,
    brackets::rule,
    queries::two_in_a_row,
];

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    let starts = ["Encountered ", "Incorrect syntax near", "Lexical error"];
    starts.iter().any(|start| message.starts_with(start)).then_some(())?;
    if let Some(found) = lookalike(it.text) {
        return Told::new(found.code, At::Text(found.at), found.message).help(found.help).some();
    }
    if let Err(error) = tokens(it.text) {
        let problem = crate::sql::SqlProblem::from(error);
        return Told::new(problem.code, At::Text(problem.at), problem.message).help(problem.help).some();
    }
    let end = message.starts_with("Encountered \"<EOF>");
    let here = it.here().filter(|_| !end).unwrap_or(it.tokens.len());
    let told = RULES.iter().find_map(|rule| rule(it, here));
    told.or_else(|| Some(plainly(it, here)))
}

fn plainly(it: &Failure<'_>, here: usize) -> Told {
    match it.token(here) {
        Some(token) => Told::new(CODE, it.place(here), format!("`{}` is not expected here", token.text)),
        None => Told::new(
            CODE,
            it.place(here.saturating_sub(1)),
            "the text ends too early: something is missing behind this",
        )
        .help("write the rest of it"),
    }
}

/// A keyword with a slip in it.
fn misspelt(it: &Failure<'_>, here: usize) -> Option<Told> {
    const KEYWORDS: &[&str] = &[
        "SELECT",
        "FROM",
        "WHERE",
        "GROUP",
        "ORDER",
        "HAVING",
        "JOIN",
        "UNION",
        "BETWEEN",
        "LIMIT",
        "TABLE",
        "WITH",
        "WATERMARK",
        "PRIMARY",
        "INTERVAL",
        "DISTINCT",
        "CREATE",
    ];
    let known: Vec<String> = it
        .tables()
        .into_iter()
        .flat_map(|table| {
            let columns = table.columns.into_iter().map(|(name, _)| name);
            columns.chain([table.name]).collect::<Vec<_>>()
        })
        .collect();
    let candidates = [here.checked_sub(1), Some(here)];
    candidates.into_iter().flatten().find_map(|index| {
        let token = it.token(index).filter(|token| token.kind == TokenKind::Word && !is_reserved(token.text))?;
        let own = known.iter().any(|name| name == token.text);
        let meant = closest(token.text, KEYWORDS).filter(|meant| !own && token.text.len().abs_diff(meant.len()) < 2)?;
        // What stands alone behind AS or a dot is a name.
        (!it.is_before(index, 1, &["AS", "."])).then_some(())?;
        Told::new(CODE, it.place(index), format!("`{}` is no word of SQL here", token.text))
            .help(format!("write {meant}"))
            .some()
    })
}

/// A reserved word that is used as a name.
fn reserved(it: &Failure<'_>, here: usize) -> Option<Told> {
    let before_names = [
        "SELECT", ",", "AS", ".", "(", "DISTINCT", "WHERE", "AND", "OR", "BY", "ON", "=", "<>", "<", ">", "TABLE",
        "HAVING", "NOT", "VIEW", "FUNCTION", "EXISTS", "FROM", "JOIN", "+", "-", "*", "/", "WHEN", "THEN", "ELSE",
        "BETWEEN",
    ];
    let after_names = [
        "FROM", ",", "AS", ")", "=", "<>", "<", ">", ".", "IS", "IN", "LIKE", "AND", "OR", "WHERE", "-", "END", "DESC",
        "ASC",
    ];
    let candidates = [Some(here), here.checked_sub(1)];
    candidates.into_iter().flatten().find_map(|index| {
        let token = it.token(index).filter(|token| token.kind == TokenKind::Word && is_reserved(token.text))?;
        it.is_before(index, 1, &before_names).then_some(())?;
        let ends = index + 1 >= it.tokens.len();
        let is_value = [
            "NULL",
            "TRUE",
            "FALSE",
            "CURRENT_DATE",
            "CURRENT_TIME",
            "CURRENT_TIMESTAMP",
            "LOCALTIMESTAMP",
            "LOCALTIME",
            "DISTINCT",
            "ALL",
        ];
        let as_name = ends || it.is(index + 1, &after_names);
        let is_clause = CLAUSES.iter().any(|word| token.is_word(word));
        let in_columns = it.kind == "table-definition" && it.is_before(index, 1, &["(", ",", "TABLE"]);
        let plain = !is_clause && !it.is(index + 1, &["("]) && (index == here || as_name);
        let named = as_name && (is_clause && index == here || it.is_before(index, 1, &["AS"]));
        // `, FROM orders` is a comma too many.
        let comma = !in_columns
            && is_clause
            && it.is_before(index, 1, &[",", "SELECT"])
            && !(it.is(index + 1, &["FROM", ",", "AS", "-"]));
        ((plain || named || in_columns) && !comma && !is_value.iter().any(|word| token.is_word(word))).then_some(())?;
        if it.is(index + 1, &["-"])
            && let Some(rest) = it.token(index + 2)
        {
            let whole = format!("{}-{}", token.text, rest.text);
            let told =
                Told::new("reserved-word", it.place(index), format!("`{}` is a reserved word of SQL", token.text));
            return told.help(format!("put the name in back-ticks: `{whole}`")).some();
        }
        let told = Told::new("reserved-word", it.place(index), format!("`{}` is a reserved word of SQL", token.text));
        told.help(format!("put it in back-ticks to use it as a name: `{}`", token.text)).some()
    })
}
