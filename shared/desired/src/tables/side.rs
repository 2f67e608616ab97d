//! Owns the definitions of one side of a comparison: by full name, with their connectors.
//! Must not know the other side.

use std::collections::{BTreeMap, HashMap};

use super::change::{Defined, What};
use super::concern::Concern;
use super::definition::Definition;
use super::scope::{FullName, NameScope};
use crate::sql::{StatementKind, TablePath, function_references, says_if_not_exists, tokens};

/// The option that names a table's connector.
const CONNECTOR: &str = "connector";

/// What is defined, by its full name. A function and a table may have the same name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    what: What,
    place: FullName,
}

impl Key {
    pub(super) fn defined(&self) -> Defined {
        let name = match self.what {
            What::Catalog => TablePath::new([&self.place.name]),
            What::Table | What::Function | What::Database => self.place.shown(),
        };
        Defined { what: self.what, name }
    }
}

/// A definition, and what belongs to it where it stands.
pub(super) struct Placed<'a> {
    pub(super) definition: &'a Definition,
    /// The catalog and database that are current there.
    pub(super) scope: NameScope,
    /// The connector of the table, its own or that of a table that it takes over or that takes it over.
    pub(super) connector: Option<String>,
}

impl Placed<'_> {
    /// Whether it names other tables or functions, which are looked up where it stands.
    pub(super) fn names_others(&self) -> bool {
        match &self.definition.kind {
            StatementKind::CreateTable { like: Some(_), .. } | StatementKind::CreateTable { as_query: true, .. } => {
                true
            }
            StatementKind::CreateTable { .. } | StatementKind::CreateFunction { .. } => {
                let tokens = tokens(&self.definition.sql).unwrap_or_default();
                function_references(&tokens).iter().any(|function| function.certain)
            }
            StatementKind::CreateCatalog { .. } | StatementKind::CreateDatabase { .. } => false,
            StatementKind::CreateView { .. }
            | StatementKind::AlterTable { .. }
            | StatementKind::AlterFunction { .. }
            | StatementKind::Use { .. }
            | StatementKind::Set { .. }
            | StatementKind::Other => true,
        }
    }
}

/// The definitions of one side.
pub(super) struct Side<'a> {
    /// What is said about each name, in order: `CREATE`, then `ALTER`.
    pub(super) named: BTreeMap<Key, Vec<Placed<'a>>>,
    /// The statements that concern every job, in order.
    pub(super) ordered: Vec<&'a Definition>,
}

impl<'a> Side<'a> {
    pub(super) fn of(definitions: &'a [Definition]) -> Self {
        let connectors = connectors(definitions);
        let mut side = Self { named: BTreeMap::new(), ordered: Vec::new() };
        let mut scope = NameScope::default();
        for (at, definition) in definitions.iter().enumerate() {
            let key = match Concern::of(&definition.kind, &definition.sql) {
                Concern::Table(name) => Some(Key { what: What::Table, place: scope.place(name) }),
                Concern::Function { name, .. } => {
                    let mut place = scope.place(name);
                    place.name = place.name.to_lowercase();
                    Some(Key { what: What::Function, place })
                }
                Concern::Catalog(name) => Some(Key { what: What::Catalog, place: NameScope::default().place(name) }),
                Concern::Database(name) => Some(Key { what: What::Database, place: scope.database(name) }),
                Concern::Use | Concern::Nobody => None,
                Concern::Module(_) | Concern::All => {
                    side.ordered.push(definition);
                    None
                }
            };
            if let Some(key) = key {
                let connector = connectors.get(at).cloned().flatten();
                let named = side.named.entry(key).or_default();
                if !named.iter().any(|earlier| is_skipped(definition, earlier.definition)) {
                    named.push(Placed { definition, scope: scope.clone(), connector });
                }
            }
            scope.follow(&definition.kind, at);
        }
        side
    }
}

/// Whether Flink skips a definition because of an earlier one of the same name.
fn is_skipped(definition: &Definition, earlier: &Definition) -> bool {
    // A temporary one hides another and is hidden by none, and one of the system is apart from all.
    let kind = |definition: &Definition| {
        let tokens = tokens(&definition.sql).unwrap_or_default();
        let says = |word: &str| tokens.iter().take(4).any(|token| token.is_word(word));
        (says("TEMPORARY"), says("SYSTEM"), says("CREATE"), says_if_not_exists(&tokens))
    };
    let (temporary, system, _, skips) = kind(definition);
    skips && matches!(kind(earlier), (its, of_system, true, _) if (its, of_system) == (temporary, system))
}

/// The connector of each table. `LIKE` takes it over; a table without one has that of a table that takes it over.
fn connectors(definitions: &[Definition]) -> Vec<Option<String>> {
    let mut connectors: Vec<Option<String>> = Vec::with_capacity(definitions.len());
    let mut bases: Vec<Option<usize>> = Vec::with_capacity(definitions.len());
    let mut tables: HashMap<FullName, usize> = HashMap::new();
    let mut scope = NameScope::default();
    for (at, definition) in definitions.iter().enumerate() {
        let base = match &definition.kind {
            StatementKind::CreateTable { name, like, .. } => {
                let base = like.as_ref().and_then(|base| tables.get(&scope.place(base)).copied());
                tables.insert(scope.place(name), at);
                base
            }
            StatementKind::CreateView { .. }
            | StatementKind::CreateFunction { .. }
            | StatementKind::AlterTable { .. }
            | StatementKind::AlterFunction { .. }
            | StatementKind::CreateCatalog { .. }
            | StatementKind::CreateDatabase { .. }
            | StatementKind::Use { .. }
            | StatementKind::Set { .. }
            | StatementKind::Other => None,
        };
        let own = definition.options.get(CONNECTOR).cloned();
        let inherited = || base.and_then(|base| connectors.get(base).cloned().flatten());
        let connector = own.or_else(inherited);
        connectors.push(connector);
        bases.push(base);
        scope.follow(&definition.kind, at);
    }
    for (at, base) in bases.iter().enumerate().rev() {
        let connector = connectors.get(at).cloned().flatten();
        if let Some(of_base) = base.and_then(|base| connectors.get_mut(base))
            && of_base.is_none()
        {
            *of_base = connector;
        }
    }
    connectors
}
