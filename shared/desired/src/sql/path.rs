//! Owns the name of a table, view or function, qualified or not.
//! Must not know which catalog or database is current.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lexer::{Token, tokens};
use super::reserved::is_reserved;

/// The parts of a name, without quotes: `table`, `database.table` or `catalog.database.table`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TablePath(Vec<String>);

impl TablePath {
    /// A name from its parts, the table's own last.
    pub fn new<Part: Into<String>>(parts: impl IntoIterator<Item = Part>) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }

    /// Reads a name as SQL writes it, such as `` `kafka`.`orders` ``; nothing if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text).ok()?;
        let (path, used) = Self::read(&tokens)?;
        (used == tokens.len()).then_some(path)
    }

    /// The parts, the table's own last.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// The table's own name.
    pub fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Whether both may name the same table: where both say something, they say the same.
    pub fn matches(&self, other: &Self) -> bool {
        let mut pairs = self.0.iter().rev().zip(other.0.iter().rev());
        pairs.all(|(mine, theirs)| mine == theirs)
    }

    /// Reads the name that the tokens start with, and how many tokens it takes.
    pub(crate) fn read(tokens: &[Token<'_>]) -> Option<(Self, usize)> {
        let first = tokens.first().filter(|token| !is_reserved(token.text))?;
        let mut parts = vec![first.name()?];
        let mut used = 1;
        while let [dot, part, ..] = tokens.get(used..)?
            && dot.is_symbol(".")
            && let Some(name) = part.name()
        {
            parts.push(name);
            used += 2;
        }
        Some((Self(parts), used))
    }
}

impl fmt::Display for TablePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("."))
    }
}
