//! Owns which names of a query no definition has, only where that is certain.
//! Must not know files. Misses a name rather than refusing a query that Flink would run.

use std::collections::BTreeSet;

use super::lexer::{Token, TokenKind, tokens};
use super::path::TablePath;
use super::problem::SqlProblem;
use super::reserved::is_reserved;
use super::statement_kind::StatementKind;
use super::statements::Statement;
use crate::suggest::closest;

/// The code of a name that nothing defines.
const UNKNOWN_TABLE: &str = "unknown-table";

/// The tables and views that the definitions make, where no catalog can hold others.
#[derive(Clone, Debug, Default)]
pub struct KnownTables {
    names: BTreeSet<String>,
    /// Whether there are no others; where nothing is known, there may be.
    closed: bool,
}

impl KnownTables {
    /// What these statements define. Where there are none, or a catalog, nothing is known of other tables.
    pub fn of(statements: &[Statement]) -> Self {
        let mut known = Self { names: BTreeSet::new(), closed: !statements.is_empty() };
        for statement in statements {
            match &statement.kind {
                StatementKind::CreateTable { name, .. } | StatementKind::CreateView { name, .. } => {
                    known.names.insert(name.last().to_owned());
                }
                StatementKind::CreateFunction { .. }
                | StatementKind::AlterFunction { .. }
                | StatementKind::Set { .. } => {}
                StatementKind::AlterTable { .. }
                | StatementKind::CreateCatalog { .. }
                | StatementKind::CreateDatabase { .. }
                | StatementKind::Use { .. }
                | StatementKind::Other => known.closed = false,
            }
        }
        known
    }

    fn lacks(&self, name: &str) -> bool {
        self.closed && !self.names.contains(name)
    }

    fn problem(&self, token: &Token<'_>, name: &str) -> SqlProblem {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let help = match closest(name, &names) {
            Some(meant) if meant.eq_ignore_ascii_case(name) => format!("write `{meant}`: the case of a name counts"),
            Some(meant) => format!("write `{meant}`, or define it in a file under config/tables/"),
            None => "define it in a file under config/tables/".to_owned(),
        };
        let message = format!("no table or view is called `{}`", crate::diagnostics::excerpt(name));
        SqlProblem::at(UNKNOWN_TABLE, token, message, help)
    }
}

/// The target, if it has one plain name that nothing defines.
pub fn unknown_target(text: &str, known: &KnownTables) -> Option<SqlProblem> {
    let tokens = tokens(text).ok()?;
    let (path, _) = TablePath::read(&tokens)?;
    let [name] = path.parts() else { return None };
    let token = tokens.first().filter(|_| known.lacks(name))?;
    Some(known.problem(token, name))
}

/// The most unknown tables that are told of one query.
const MOST_UNKNOWN: usize = 20;

/// The tables that a query names without a catalog or database, and that nothing defines.
pub fn unknown_tables(sql: &str, known: &KnownTables) -> Vec<SqlProblem> {
    let Ok(tokens) = tokens(sql) else { return Vec::new() };
    if !known.closed {
        return Vec::new();
    }
    let own = named_queries(&tokens);
    let mut told = BTreeSet::new();
    let mut problems = Vec::new();
    for token in sources(&tokens) {
        let Some(name) = token.name().filter(|name| known.lacks(name)) else { continue };
        if !own.contains(&name.to_lowercase()) && told.insert(name.clone()) {
            problems.push(known.problem(token, &name));
            // Each is compared with every name there is.
            if problems.len() == MOST_UNKNOWN {
                break;
            }
        }
    }
    problems
}

/// The names before `AS (` and before `(columns) AS (`: those that WITH gives, and more.
fn named_queries(tokens: &[Token<'_>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open = Vec::new();
    let is = |at: usize, symbol: &str| tokens.get(at).is_some_and(|token| token.is_symbol(symbol));
    for (at, token) in tokens.iter().enumerate() {
        let before = if token.is_symbol("(") {
            open.push(at);
            continue;
        } else if token.is_symbol(")") {
            open.pop().and_then(|open| open.checked_sub(1))
        } else {
            Some(at)
        };
        let as_query = tokens.get(at + 1).is_some_and(|next| next.is_word("AS")) && is(at + 2, "(");
        if as_query && let Some(name) = before.and_then(|before| tokens.get(before)).and_then(Token::name) {
            names.insert(name.to_lowercase());
        }
    }
    names
}

/// What a bracket holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// A query; whether its list of tables is being read.
    Query { tables: bool },
    /// Arguments, columns, a pattern: a FROM in it may be that of `EXTRACT`.
    Other,
}

/// The names without a catalog or database that certainly stand for tables: after FROM, JOIN, a comma among tables, and
/// TABLE.
fn sources<'a, 'b>(tokens: &'a [Token<'b>]) -> Vec<&'a Token<'b>> {
    let mut found = Vec::new();
    let mut outer = Vec::new();
    let mut level = Level::Query { tables: false };
    let starts_query = starts_query(tokens);
    let mut before: Option<&Token<'_>> = None;
    for (at, token) in tokens.iter().enumerate() {
        let mut table_is_next = false;
        if token.is_symbol("(") {
            outer.push(level);
            let query = starts_query.get(at) == Some(&true);
            level = if query { Level::Query { tables: false } } else { Level::Other };
        } else if token.is_symbol(")") {
            level = outer.pop().unwrap_or(Level::Other);
        } else if let Level::Query { tables } = &mut level {
            let distinct = before.is_some_and(|token| token.is_word("DISTINCT"));
            if token.is_word("FROM") && !distinct {
                (*tables, table_is_next) = (true, true);
            } else if token.is_word("JOIN") || token.is_symbol(",") {
                table_is_next = *tables;
            } else if ENDS.iter().any(|word| token.is_word(word)) {
                *tables = false;
            }
        }
        let argument = before.is_some_and(|token| ["(", ",", "=>"].iter().any(|symbol| token.is_symbol(symbol)));
        if table_is_next || token.is_word("TABLE") && argument {
            found.extend(plain_name(tokens.get(at + 1..).unwrap_or_default()));
        }
        before = Some(token);
    }
    found
}

/// What ends the list of tables of a query.
const ENDS: &[&str] = &[
    "SELECT",
    "WHERE",
    "GROUP",
    "HAVING",
    "WINDOW",
    "QUALIFY",
    "ORDER",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "MINUS",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "MATCH_RECOGNIZE",
];

/// For each token, whether a query begins there, brackets before it included.
fn starts_query(tokens: &[Token<'_>]) -> Vec<bool> {
    let mut query = false;
    let mut starts: Vec<bool> = Vec::with_capacity(tokens.len());
    for token in tokens.iter().rev() {
        query = token.is_word("SELECT") || token.is_word("WITH") || query && token.is_symbol("(");
        starts.push(query);
    }
    starts.reverse();
    starts
}

/// The name that stands first, unless it is a part of a path, a function, or no name at all.
fn plain_name<'a, 'b>(tokens: &'a [Token<'b>]) -> Option<&'a Token<'b>> {
    let name = tokens.first()?;
    let next = tokens.get(1);
    let is_name = match name.kind {
        TokenKind::Word => !is_reserved(name.text),
        TokenKind::QuotedIdentifier => true,
        TokenKind::Literal | TokenKind::Number | TokenKind::Hint | TokenKind::Symbol => false,
    };
    let alone = !next.is_some_and(|next| next.is_symbol(".") || next.is_symbol("("));
    (is_name && alone).then_some(name)
}
