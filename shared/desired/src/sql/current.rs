//! Owns how a table's name is shortened: the catalog and the database that are current anyway say nothing.
//! Must not know what made them current.

use std::collections::HashSet;

use super::head::{Form, Head};
use super::lexer::Token;
use super::path::TablePath;
use super::references::places;
use super::words::is_any;

/// The catalog and the database that a name is looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current<'a> {
    pub catalog: &'a str,
    /// The database; nothing where only the catalog knows it.
    pub database: Option<&'a str>,
}

impl Current<'_> {
    /// How many of the first parts of a name say what is current.
    fn parts(&self, path: &TablePath) -> usize {
        let is_current = |database: &str| self.database == Some(database);
        match path.parts() {
            [catalog, database, _] if catalog == self.catalog => 1 + usize::from(is_current(database)),
            [database, _] => usize::from(is_current(database)),
            _ => 0,
        }
    }
}

/// Which tokens of the tables' names count.
#[derive(Default)]
pub(super) struct Shortened {
    dropped: HashSet<usize>,
    ends: HashSet<usize>,
}

impl Shortened {
    /// The tables that a statement reads; what it defines is not among them.
    pub(super) fn of(tokens: &[Token<'_>], head: &Head, current: Current<'_>) -> Self {
        let start = match head.form {
            Form::Query => 0,
            Form::Table | Form::Function | Form::Definition => head.name_end,
        };
        let mut shortened = Self::default();
        let rest = tokens.get(start..).unwrap_or_default();
        for (at, path) in places(rest) {
            shortened.add(start + at.start, &path, current);
        }
        if let Some((at, base)) = like(tokens, head) {
            shortened.add(at, &base, current);
        }
        shortened
    }

    /// The table that the tokens begin with.
    pub(super) fn leading(tokens: &[Token<'_>], current: Current<'_>) -> Self {
        let mut shortened = Self::default();
        if let Some((path, _)) = TablePath::read(tokens) {
            shortened.add(0, &path, current);
        }
        shortened
    }

    fn add(&mut self, at: usize, path: &TablePath, current: Current<'_>) {
        // A dot follows each part but the last.
        self.dropped.extend(at..at + 2 * current.parts(path));
        self.ends.insert(at + 2 * path.parts().len().saturating_sub(1));
    }

    /// Whether a token says what is current anyway.
    pub(super) fn drops(&self, at: usize) -> bool {
        self.dropped.contains(&at)
    }

    /// Whether a token is a table's own name.
    pub(super) fn ends(&self, at: usize) -> bool {
        self.ends.contains(&at)
    }
}

/// The table that a definition takes over.
fn like(tokens: &[Token<'_>], head: &Head) -> Option<(usize, TablePath)> {
    if head.form != Form::Table {
        return None;
    }
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(head.name_end) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && is_any(Some(token), &["LIKE"]) {
            let (base, _) = tokens.get(at + 1..).and_then(TablePath::read)?;
            return Some((at + 1, base));
        }
    }
    None
}
