//! Owns which tables a query names.
//! Must not know which tables exist.

use super::lexer::{Token, tokens};
use super::path::TablePath;

/// The names in a query that stand where a table may stand: after `FROM`, `JOIN`, `TABLE`, `INTO`
/// and after a comma in a list of tables.
///
/// More than the tables that are read (names that `WITH` gives, table functions, the column of
/// `EXTRACT(… FROM column)`), never fewer. Columns elsewhere do not count, even when they are
/// called like a table. Text that cannot be read names none.
pub fn table_references(sql: &str) -> Vec<TablePath> {
    tokens(sql).map(|tokens| in_tokens(&tokens)).unwrap_or_default()
}

pub(super) fn in_tokens(tokens: &[Token<'_>]) -> Vec<TablePath> {
    let mut found = Vec::new();
    // For each open bracket, whether a comma outside it separates tables.
    let mut outer = Vec::new();
    let mut list_of_tables = false;
    let mut table_is_next = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let here = tokens.get(at..).unwrap_or_default();
        at += 1;
        if table_is_next && let Some((path, used)) = TablePath::read(here) {
            found.push(path);
            at += used - 1;
            table_is_next = false;
        } else if token.is_symbol("(") {
            // `FROM (a JOIN b)` and `TABLE(f(…))` name tables in the bracket, `f(a, b)` does not.
            outer.push(list_of_tables);
            list_of_tables = table_is_next;
        } else if token.is_symbol(")") {
            list_of_tables = outer.pop().unwrap_or(false);
            table_is_next = false;
        } else if token.is_symbol(",") {
            table_is_next = list_of_tables;
        } else if is_any(token, &["FROM"]) {
            list_of_tables = true;
            table_is_next = true;
        } else if is_any(token, &["JOIN", "TABLE", "INTO", "APPLY"]) {
            table_is_next = true;
        } else if is_any(token, END_OF_TABLES) {
            list_of_tables = false;
            table_is_next = false;
        } else if !is_any(token, &["LATERAL"]) {
            table_is_next = false;
        }
    }
    found
}

/// What ends a list of tables. `ON` does not: `FROM a JOIN b ON …, c`.
const END_OF_TABLES: &[&str] = &[
    "SELECT",
    "WHERE",
    "GROUP",
    "HAVING",
    "WINDOW",
    "ORDER",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "MINUS",
    "LIMIT",
    "OFFSET",
    "FETCH",
];

fn is_any(token: &Token<'_>, words: &[&str]) -> bool {
    words.iter().any(|word| token.is_word(word))
}
