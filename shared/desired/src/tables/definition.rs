//! Owns a table definition as a job uses it, and as a record stores it.
//! Must not know how it was found or what changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scope::NameScope;
use crate::sql::{Statement, StatementKind, TablePath};

/// What a job does with what a statement defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableRole {
    /// It reads the table.
    Reads,
    /// It writes the table.
    Writes,
    /// It reads and writes the table.
    Both,
    /// Names are looked up in it, or it concerns every job: `USE`, catalogs, databases, modules, `SET`, whatever is
    /// not known.
    Session,
    /// It uses the function.
    Function,
    /// It reads through the view.
    View,
}

impl TableRole {
    /// Whether a restored source goes on where it was.
    pub fn reads(self) -> bool {
        matches!(self, Self::Reads | Self::Both)
    }
}

/// One statement that a job runs before its query.
///
/// Stored as origin, text and role: the rest is read from the text again, so that nothing about it
/// changes because a later version of ours reads more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Definition {
    /// The file and the line where it starts.
    pub origin: String,
    /// Its text, `{group_id}` left in.
    pub sql: String,
    /// What the job does with it.
    pub role: TableRole,
    pub kind: StatementKind,
    /// What it defines.
    pub name: Option<TablePath>,
    /// What its `WITH (…)` says.
    pub options: BTreeMap<String, String>,
}

impl Definition {
    /// A definition; what it defines is read from its text.
    pub fn new(origin: impl Into<String>, sql: impl Into<String>, role: TableRole) -> Self {
        let sql = sql.into();
        let kind = StatementKind::of(&sql);
        let (name, options) = (kind.name().cloned(), kind.options());
        Self { origin: origin.into(), sql, role, kind, name, options }
    }
}

/// The statements that a job runs before its query, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Used {
    pub definitions: Vec<Definition>,
    /// Where the names of the query itself are looked up; nothing if it writes them all in full.
    pub scope: Option<NameScope>,
}

impl From<&Definition> for Statement {
    fn from(definition: &Definition) -> Self {
        let Definition { origin, sql, kind, .. } = definition;
        Self { origin: origin.clone(), sql: sql.clone(), kind: kind.clone() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    origin: String,
    sql: String,
    role: TableRole,
}

impl From<Stored> for Definition {
    fn from(stored: Stored) -> Self {
        Self::new(stored.origin, stored.sql, stored.role)
    }
}

impl From<Definition> for Stored {
    fn from(definition: Definition) -> Self {
        let Definition { origin, sql, role, .. } = definition;
        Self { origin, sql, role }
    }
}
