//! Owns in which catalog and database a name is looked up, and which statements made them current.
//! Must not know which names a job uses.

use std::collections::BTreeMap;
use std::fmt;

use crate::sql::{Current, StatementKind, TablePath};

/// The catalog that is current in a new session.
const DEFAULT_CATALOG: &str = "default_catalog";
const DEFAULT_DATABASE: &str = "default_database";

/// The catalog and database that are current at some place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameScope {
    catalog: String,
    /// Nothing where the catalog's own default is current, which only the catalog knows.
    database: Option<String>,
    /// The statement that made the catalog current, and the one that made the database current.
    uses: [Option<usize>; 2],
}

impl Default for NameScope {
    fn default() -> Self {
        let database = Some(DEFAULT_DATABASE.to_owned());
        Self { catalog: DEFAULT_CATALOG.to_owned(), database, uses: [None, None] }
    }
}

impl fmt::Display for NameScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.catalog, self.database.as_deref().unwrap_or("(its default database)"))
    }
}

impl NameScope {
    /// What is current in a new session with these properties.
    pub(super) fn new(properties: &BTreeMap<String, String>) -> Self {
        let named = |key: &str, default: &str| properties.get(key).map_or(default, String::as_str).to_owned();
        let catalog = named("table.builtin-catalog-name", DEFAULT_CATALOG);
        let database = Some(named("table.builtin-database-name", DEFAULT_DATABASE));
        Self { catalog, database, uses: [None, None] }
    }

    /// Goes on behind a statement; `at` is its place among the statements.
    pub(super) fn follow(&mut self, kind: &StatementKind, at: usize) {
        let StatementKind::Use { name, catalog } = kind else { return };
        match (name.parts(), catalog) {
            ([name], true) => {
                let database = (name == DEFAULT_CATALOG).then(|| DEFAULT_DATABASE.to_owned());
                *self = Self { catalog: name.clone(), database, uses: [Some(at), None] };
            }
            ([database], false) => {
                self.database = Some(database.clone());
                self.uses[1] = Some(at);
            }
            ([catalog, database], false) => {
                *self = Self { catalog: catalog.clone(), database: Some(database.clone()), uses: [Some(at), None] };
            }
            // Flink takes no other.
            (_, true | false) => {}
        }
    }

    /// The statements that made it what it is.
    pub(super) fn uses(&self) -> impl Iterator<Item = usize> {
        self.uses.into_iter().flatten()
    }

    pub(super) fn current(&self) -> Current<'_> {
        Current { catalog: &self.catalog, database: self.database.as_deref() }
    }

    /// Whether names mean the same in both.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.catalog == other.catalog && self.database == other.database
    }

    /// What a name means here.
    pub(super) fn place(&self, path: &TablePath) -> FullName {
        let name = path.last().to_owned();
        match path.parts() {
            [.., catalog, database, _] => FullName { catalog: catalog.clone(), database: Some(database.clone()), name },
            [database, _] => FullName { catalog: self.catalog.clone(), database: Some(database.clone()), name },
            [_] | [] => FullName { catalog: self.catalog.clone(), database: self.database.clone(), name },
        }
    }

    /// What the name of a database means here.
    pub(super) fn database(&self, path: &TablePath) -> FullName {
        let catalog = match path.parts() {
            [.., catalog, _] => catalog.clone(),
            [_] | [] => self.catalog.clone(),
        };
        FullName { catalog, database: None, name: path.last().to_owned() }
    }
}

/// The full name of a table, view or function; that of a database has no database of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FullName {
    pub(super) catalog: String,
    pub(super) database: Option<String>,
    pub(super) name: String,
}

impl FullName {
    /// Whether both are in the same place. A database that only its catalog knows may be any.
    pub(super) fn matches(&self, other: &Self) -> bool {
        let databases = match (&self.database, &other.database) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, _) | (_, None) => true,
        };
        self.catalog == other.catalog && databases
    }

    /// Its name as people write it: without what is current in a new session.
    pub(super) fn shown(&self) -> TablePath {
        let catalog = (self.catalog != DEFAULT_CATALOG).then_some(&self.catalog);
        let plain = catalog.is_none() && self.database.as_deref() == Some(DEFAULT_DATABASE);
        let database = self.database.as_ref().filter(|_| !plain);
        TablePath::new(catalog.into_iter().chain(database).chain([&self.name]).cloned())
    }
}
