//! Owns what the table files define, found by name as Flink looks names up.
//! Must not know which of it a job uses.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::TableDefinitions;
use super::concern::{Concern, used_modules};
use super::scope::{FullName, NameScope};
use crate::sql::{TablePath, table_references};

/// One statement, and where its names are looked up.
struct Entry<'a> {
    concern: Concern<'a>,
    scope: Rc<NameScope>,
    /// Whether what it does depends on what is current.
    placed: bool,
}

/// The statements by what they define.
pub(super) struct Known<'a> {
    entries: Vec<Entry<'a>>,
    last_scope: Rc<NameScope>,
    /// The tables and views with this last name.
    tables: HashMap<&'a str, Vec<usize>>,
    /// The functions with this last name; Flink finds them in any case.
    functions: HashMap<String, Vec<usize>>,
    catalogs: HashMap<&'a str, Vec<usize>>,
    databases: HashMap<(String, String), Vec<usize>>,
    /// The modules that a `USE MODULES` names.
    used_modules: HashSet<String>,
}

impl<'a> Known<'a> {
    /// What the statements of a session define that starts in this scope.
    pub(super) fn new(definitions: &'a TableDefinitions, start: NameScope) -> Self {
        let mut known = Self {
            entries: Vec::with_capacity(definitions.statements.len()),
            last_scope: Rc::new(start),
            tables: HashMap::new(),
            functions: HashMap::new(),
            catalogs: HashMap::new(),
            databases: HashMap::new(),
            used_modules: HashSet::new(),
        };
        for (at, statement) in definitions.statements.iter().enumerate() {
            let concern = Concern::of(&statement.kind, &statement.sql);
            // A `USE` itself is looked up where it stands.
            let scope = Rc::clone(&known.last_scope);
            if concern == Concern::Use {
                Rc::make_mut(&mut known.last_scope).follow(&statement.kind, at);
            }
            if concern == Concern::All {
                known.used_modules.extend(used_modules(&statement.sql));
            }
            known.enter(&concern, &scope, at);
            let placed = match concern {
                Concern::Table(_) | Concern::Function { .. } | Concern::Database(_) => true,
                Concern::Catalog(_) | Concern::Use | Concern::Module(_) | Concern::Nobody => false,
                Concern::All => !table_references(&statement.sql).is_empty(),
            };
            known.entries.push(Entry { concern, scope, placed });
        }
        known
    }

    fn enter(&mut self, concern: &Concern<'a>, scope: &NameScope, at: usize) {
        let same_name = match concern {
            Concern::Table(name) => self.tables.entry(name.last()).or_default(),
            Concern::Function { name, .. } => self.functions.entry(name.last().to_lowercase()).or_default(),
            Concern::Catalog(name) => self.catalogs.entry(name.last()).or_default(),
            Concern::Database(name) => {
                let place = scope.database(name);
                self.databases.entry((place.catalog, place.name)).or_default()
            }
            Concern::Use | Concern::Module(_) | Concern::Nobody | Concern::All => return,
        };
        same_name.push(at);
    }

    pub(super) fn concerns(&self) -> impl Iterator<Item = &Concern<'a>> {
        self.entries.iter().map(|entry| &entry.concern)
    }

    /// What is current behind the last statement, where queries stand.
    pub(super) fn last_scope(&self) -> NameScope {
        NameScope::clone(&self.last_scope)
    }

    /// What is current where a statement stands.
    pub(super) fn scope(&self, at: usize) -> Rc<NameScope> {
        self.entries.get(at).map(|entry| Rc::clone(&entry.scope)).unwrap_or_default()
    }

    /// The full name of what a statement defines in a catalog.
    pub(super) fn own_place(&self, at: usize) -> Option<FullName> {
        let entry = self.entries.get(at)?;
        match entry.concern {
            Concern::Table(name) | Concern::Function { name, .. } => Some(entry.scope.place(name)),
            Concern::Database(name) => Some(entry.scope.database(name)),
            Concern::Catalog(_) | Concern::Use | Concern::Module(_) | Concern::Nobody | Concern::All => None,
        }
    }

    /// Whether what a statement does depends on what is current.
    pub(super) fn stands_somewhere(&self, at: usize) -> bool {
        self.entries.get(at).is_some_and(|entry| entry.placed)
    }

    /// The tables and views that a name in this scope means.
    pub(super) fn tables(&self, reference: &TablePath, scope: &NameScope) -> Vec<usize> {
        self.meant(self.tables.get(reference.last()), reference, scope)
    }

    /// The functions that a name in this scope means.
    pub(super) fn functions(&self, reference: &TablePath, scope: &NameScope) -> Vec<usize> {
        let candidates = self.functions.get(&reference.last().to_lowercase());
        let mut found = self.meant(candidates, reference, scope);
        if reference.parts().len() == 1 {
            let system = |at: &&usize| {
                let concern = self.entries.get(**at).map(|entry| &entry.concern);
                matches!(concern, Some(Concern::Function { system: true, .. })) && !found.contains(at)
            };
            let more: Vec<usize> = candidates.into_iter().flatten().filter(system).copied().collect();
            found.extend(more);
        }
        found
    }

    /// Those in the very place.
    fn meant(&self, candidates: Option<&Vec<usize>>, reference: &TablePath, scope: &NameScope) -> Vec<usize> {
        let place = scope.place(reference);
        let there = |at: &&usize| self.own_place(**at).is_some_and(|own| own.matches(&place));
        candidates.into_iter().flatten().filter(there).copied().collect()
    }

    /// The statements that create the catalog and the database of a place.
    pub(super) fn around(&self, place: &FullName) -> Vec<usize> {
        let catalog = self.catalogs.get(place.catalog.as_str()).into_iter().flatten();
        let key = place.database.as_ref().map(|database| (place.catalog.clone(), database.clone()));
        let database = key.and_then(|key| self.databases.get(&key)).into_iter().flatten();
        catalog.chain(database).copied().collect()
    }

    /// The statements that every job runs.
    pub(super) fn for_all(&self) -> Vec<usize> {
        let for_all = |entry: &Entry<'_>| match &entry.concern {
            Concern::All => true,
            Concern::Module(name) => self.used_modules.contains(name),
            Concern::Table(_)
            | Concern::Function { .. }
            | Concern::Catalog(_)
            | Concern::Database(_)
            | Concern::Use
            | Concern::Nobody => false,
        };
        let entries = self.entries.iter().enumerate();
        entries.filter(|(_, entry)| for_all(entry)).map(|(at, _)| at).collect()
    }

    /// The statements that load modules.
    pub(super) fn modules(&self) -> Vec<usize> {
        let entries = self.entries.iter().enumerate();
        entries.filter(|(_, entry)| matches!(entry.concern, Concern::Module(_))).map(|(at, _)| at).collect()
    }
}
