//! What a statement can do, and what it is about.
//! Must not know how a statement is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::path::TablePath;

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StatementKind {
    CreateTable {
        name: TablePath,
        temporary: bool,
        /// What its `WITH (…)` says.
        options: BTreeMap<String, String>,
        /// The table it takes over with `LIKE`.
        like: Option<TablePath>,
        /// Whether a query follows (`AS SELECT …`).
        as_query: bool,
    },
    CreateView {
        name: TablePath,
        /// The tables its query names.
        reads: Vec<TablePath>,
    },
    CreateFunction {
        name: TablePath,
    },
    /// `ALTER` or `DROP` of a table or a view.
    AlterTable {
        name: TablePath,
    },
    /// `ALTER` or `DROP` of a function.
    AlterFunction {
        name: TablePath,
    },
    CreateCatalog {
        name: TablePath,
        /// What its `WITH (…)` says.
        options: BTreeMap<String, String>,
    },
    CreateDatabase {
        name: TablePath,
        /// What its `WITH (…)` says.
        options: BTreeMap<String, String>,
    },
    /// `USE`: names without a catalog or database mean another table from here on.
    Use {
        /// The catalog or database.
        name: TablePath,
        /// Whether it is `USE CATALOG`.
        catalog: bool,
    },
    /// `SET 'key' = 'value'`.
    Set {
        key: String,
        /// What it is set to.
        value: String,
    },
    /// Anything else.
    Other,
}

impl StatementKind {
    /// The table, view, function, catalog or database that it is about.
    pub fn name(&self) -> Option<&TablePath> {
        match self {
            Self::CreateTable { name, .. }
            | Self::CreateView { name, .. }
            | Self::CreateFunction { name }
            | Self::AlterTable { name }
            | Self::AlterFunction { name }
            | Self::CreateCatalog { name, .. }
            | Self::CreateDatabase { name, .. }
            | Self::Use { name, .. } => Some(name),
            Self::Set { .. } | Self::Other => None,
        }
    }

    /// What its `WITH (…)` says; nothing if it has none.
    pub fn options(&self) -> BTreeMap<String, String> {
        match self {
            Self::CreateTable { options, .. }
            | Self::CreateCatalog { options, .. }
            | Self::CreateDatabase { options, .. } => options.clone(),
            Self::CreateView { .. }
            | Self::CreateFunction { .. }
            | Self::AlterTable { .. }
            | Self::AlterFunction { .. }
            | Self::Use { .. }
            | Self::Set { .. }
            | Self::Other => BTreeMap::new(),
        }
    }
}
