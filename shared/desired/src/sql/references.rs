//! Owns which tables and functions a query names.
//! Must not know which of them exist.

use std::collections::HashMap;
use std::ops::Range;

use super::calls::{Call, call};
use super::head::Head;
use super::lexer::{Token, TokenKind, tokens};
use super::path::TablePath;
use super::reserved::is_reserved;
use super::words::{follows_dot, is_any, symbol};

/// The names in a query that stand where a table may stand: after `FROM`, `JOIN`, `TABLE`, `INTO`
/// and after a comma in a list of tables.
///
/// No tables are: names that `WITH` gives, where they hold; table functions; what stands after the `FROM` of
/// `EXTRACT(… FROM column)`, `IS DISTINCT FROM` and the like; columns. Text that cannot be read names none.
pub fn table_references(sql: &str) -> Vec<TablePath> {
    tokens(sql).map(|tokens| in_tokens(&tokens)).unwrap_or_default()
}

/// A function that is called.
pub(crate) struct FunctionReference {
    pub(crate) name: TablePath,
    /// Whether it must be defined somewhere: it is no name of a table with columns, and no reserved word.
    pub(crate) certain: bool,
}

/// The functions that are called, and what may be one. Hints are none.
pub(crate) fn function_references(tokens: &[Token<'_>]) -> Vec<FunctionReference> {
    let head = Head::of(tokens);
    // Only there `AS` precedes an expression.
    let matches_rows = tokens.iter().any(|token| is_any(Some(token), &["MEASURES", "DEFINE"]));
    let mut found = Vec::new();
    let mut in_hint = false;
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::Hint {
            in_hint = token.text == "/*+";
        }
        let call = if in_hint || at < head.name_end { Call::No } else { call(tokens, at, head.form) };
        let certain = match call {
            Call::No => continue,
            Call::Maybe if !matches_rows => continue,
            Call::Maybe => false,
            Call::Yes => true,
        };
        let mut first = at;
        while follows_dot(tokens, first) && first >= 2 {
            first -= 2;
        }
        let reserved = first == at && token.kind == TokenKind::Word && is_reserved(token.text);
        let parts: Option<Vec<_>> =
            tokens.get(first..=at).unwrap_or_default().iter().step_by(2).map(Token::name).collect();
        if let Some(parts) = parts {
            found.push(FunctionReference { name: TablePath::new(parts), certain: certain && !reserved });
        }
    }
    found
}

/// What is known about the bracket that a token is in.
#[derive(Default)]
struct Level {
    /// Whether a comma separates tables.
    list_of_tables: bool,
    /// Whether there is a query in it: `FROM` in the brackets of a function is none.
    query: bool,
    /// The names that `WITH` gave in it.
    given: Vec<String>,
}

pub(super) fn in_tokens(tokens: &[Token<'_>]) -> Vec<TablePath> {
    places(tokens).into_iter().map(|(_, path)| path).collect()
}

/// The tables that are named, each with the tokens that name it.
pub(super) fn places(tokens: &[Token<'_>]) -> Vec<(Range<usize>, TablePath)> {
    let mut found = Vec::new();
    let mut given = Given::new(tokens);
    let mut outer = Vec::new();
    let mut level = Level::default();
    let mut table_is_next = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let path = if table_is_next { TablePath::read(tokens.get(at..).unwrap_or_default()) } else { None };
        if let Some((path, used)) = path {
            let function = symbol(tokens.get(at + used), "(") && !is_any(before, &["INTO"]);
            if !function && !given.hold(&path) {
                found.push((at..at + used, path));
            }
            at += used;
            table_is_next = false;
            continue;
        }
        if token.is_symbol("(") {
            // `FROM (a JOIN b)` and `TABLE(f(…))` name tables in the bracket, `f(a, b)` does not.
            let list_of_tables = table_is_next;
            outer.push(std::mem::replace(&mut level, Level { list_of_tables, ..Level::default() }));
        } else if token.is_symbol(")") {
            given.end(&level.given);
            level = outer.pop().unwrap_or_default();
            level.given.extend(given.close(at));
            table_is_next = false;
        } else if token.is_symbol(",") {
            table_is_next = level.list_of_tables;
        } else if token.is_word("FROM") {
            let names_tables = level.query && !is_any(before, &["DISTINCT"]);
            level.list_of_tables |= names_tables;
            table_is_next = names_tables;
        } else if is_any(Some(token), &["JOIN", "TABLE", "INTO", "APPLY"]) {
            table_is_next = true;
        } else if is_any(Some(token), END_OF_TABLES) {
            level.query |= token.is_word("SELECT");
            level.list_of_tables = false;
            table_is_next = false;
        } else if token.is_word("WITH") {
            given.open(at + 1);
            table_is_next = false;
        } else if !token.is_word("LATERAL") {
            table_is_next = false;
        }
        at += 1;
    }
    found
}

/// The names that `WITH` gives to queries: each holds from the end of its query to the end of the bracket.
struct Given<'t, 'a> {
    tokens: &'t [Token<'a>],
    /// The bracket that closes each bracket.
    partners: HashMap<usize, usize>,
    /// The names whose query ends at a bracket.
    open: HashMap<usize, String>,
    /// How many brackets around the present place give a name.
    held: HashMap<String, usize>,
}

impl<'t, 'a> Given<'t, 'a> {
    fn new(tokens: &'t [Token<'a>]) -> Self {
        let mut partners = HashMap::new();
        let mut open = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            if token.is_symbol("(") {
                open.push(at);
            } else if token.is_symbol(")")
                && let Some(start) = open.pop()
            {
                partners.insert(start, at);
            }
        }
        Self { tokens, partners, open: HashMap::new(), held: HashMap::new() }
    }

    /// Reads `name (columns) AS (` here; the columns may be missing.
    fn open(&mut self, at: usize) {
        let at = at + usize::from(is_any(self.tokens.get(at), &["RECURSIVE"]));
        let Some(name) = self.tokens.get(at).and_then(Token::name) else { return };
        let columns = symbol(self.tokens.get(at + 1), "(").then(|| self.partners.get(&(at + 1)));
        let end = match columns {
            None => at + 1,
            Some(Some(end)) => end + 1,
            Some(None) => return,
        };
        if is_any(self.tokens.get(end), &["AS"])
            && symbol(self.tokens.get(end + 1), "(")
            && let Some(close) = self.partners.get(&(end + 1))
        {
            self.open.insert(*close, name);
        }
    }

    /// The name whose query ends with this bracket, if one does; the next may follow a comma.
    fn close(&mut self, at: usize) -> Option<String> {
        let name = self.open.remove(&at)?;
        *self.held.entry(name.clone()).or_default() += 1;
        if symbol(self.tokens.get(at + 1), ",") {
            self.open(at + 2);
        }
        Some(name)
    }

    fn end(&mut self, names: &[String]) {
        for name in names {
            if let Some(count) = self.held.get_mut(name) {
                *count = count.saturating_sub(1);
            }
        }
    }

    fn hold(&self, path: &TablePath) -> bool {
        path.parts().len() == 1 && self.held.get(path.last()).is_some_and(|count| *count > 0)
    }
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
    "VALUES",
];
