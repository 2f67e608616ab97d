//! Owns what changed between the definitions that a job used and those that it uses.
//! Must not know files, or which job it is.

use std::collections::{BTreeMap, BTreeSet};

pub use super::change::{DefinitionChange, OptionChange};

use super::change::is_secret;
use super::definition::{Definition, Role};
use crate::sql::{StatementKind, TablePath, same_meaning, same_tokens, tokens, without_options};

/// What changed, by meaning. Moving a definition to another file or line is no change, and neither
/// is the order of tables among themselves.
///
/// A table whose unqualified name falls into another catalog or database, because a `USE` now
/// stands elsewhere, did change.
pub fn compare(old: &[Definition], new: &[Definition]) -> Vec<DefinitionChange> {
    let mut changes = compare_session(old, new);
    let (old, new) = (by_name(old), by_name(new));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let path = || name.path.clone();
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => changes.extend(compare_all(&name.path, old, new)),
            (Some(_), None) => changes.push(DefinitionChange::Removed { name: path() }),
            (None, _) => changes.push(DefinitionChange::Added { name: path() }),
        }
    }
    changes
}

/// A function and a table may have the same name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    path: TablePath,
    function: bool,
}

/// A definition, and the catalog and database that were current there.
struct Placed<'a> {
    definition: &'a Definition,
    scope: Scope,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Scope {
    catalog: Option<String>,
    database: Option<String>,
}

impl Scope {
    fn follow(&mut self, kind: &StatementKind) {
        let StatementKind::Use { name, catalog } = kind else {
            return;
        };
        let last = Some(name.last().to_owned());
        if *catalog {
            // The database becomes the catalog's default.
            *self = Self { catalog: last, database: None };
        } else {
            if let [first, _] = name.parts() {
                self.catalog = Some(first.clone());
            }
            self.database = last;
        }
    }
}

/// What is said about each name, in order: `CREATE`, then `ALTER`.
fn by_name(definitions: &[Definition]) -> BTreeMap<Name, Vec<Placed<'_>>> {
    let mut scope = Scope::default();
    let mut by_name = BTreeMap::<Name, Vec<Placed<'_>>>::new();
    for definition in definitions {
        scope.follow(&definition.kind);
        if let (Some(path), false) = (&definition.name, definition.role == Role::Session) {
            let name = Name { path: path.clone(), function: definition.role == Role::Function };
            by_name.entry(name).or_default().push(Placed { definition, scope: scope.clone() });
        }
    }
    by_name
}

fn compare_all(name: &TablePath, old: &[Placed<'_>], new: &[Placed<'_>]) -> Vec<DefinitionChange> {
    let schema = || vec![DefinitionChange::SchemaChanged { name: name.clone() }];
    if old.len() != new.len() {
        return schema();
    }
    let mut changes = Vec::new();
    for (old, new) in old.iter().zip(new) {
        if old.scope != new.scope {
            return schema();
        }
        let (old, new) = (old.definition, new.definition);
        if same_meaning(&old.sql, &new.sql) {
            continue;
        }
        if !same_but_for_options(old, new) {
            return schema();
        }
        changes.extend(compare_options(name, old, new));
    }
    changes
}

/// Whether both are the same but for what their `WITH (…)` says, and in which order.
fn same_but_for_options(old: &Definition, new: &Definition) -> bool {
    match (tokens(&old.sql), tokens(&new.sql)) {
        (Ok(old), Ok(new)) => same_tokens(&without_options(&old), &without_options(&new)),
        _ => false,
    }
}

fn compare_options(name: &TablePath, old: &Definition, new: &Definition) -> Vec<DefinitionChange> {
    let reads = old.role.reads() || new.role.reads();
    let mut changes = Vec::new();
    let mut options = Vec::new();
    let keys: BTreeSet<_> = old.options.keys().chain(new.options.keys()).collect();
    for key in keys {
        let before = old.options.get(key).map(String::as_str);
        let after = new.options.get(key).map(String::as_str);
        if before == after {
            continue;
        }
        let option = OptionChange::new(key, before, after);
        if reads && moves_a_source(key, before, after) {
            changes.push(DefinitionChange::SourceMoved { name: name.clone(), option });
        } else {
            options.push(option);
        }
    }
    if !options.is_empty() {
        changes.push(DefinitionChange::OptionsChanged { name: name.clone(), options });
    }
    changes
}

/// Whether a source restored with this option would go on reading what it read before.
fn moves_a_source(key: &str, before: Option<&str>, after: Option<&str>) -> bool {
    match key {
        "connector" | "path" | "topic-pattern" => true,
        "topic" => !topics(before).is_subset(&topics(after)) || before.is_none(),
        _ => false,
    }
}

fn topics(list: Option<&str>) -> BTreeSet<&str> {
    let topics = list.unwrap_or_default().split(';').map(str::trim);
    topics.filter(|topic| !topic.is_empty()).collect()
}

/// What changed in the statements that concern every job; their order counts.
fn compare_session(old: &[Definition], new: &[Definition]) -> Vec<DefinitionChange> {
    let (old, new) = (session(old), session(new));
    let mut pairs = old.iter().zip(&new);
    let start = pairs.by_ref().take_while(|(old, new)| same_statement(old, new)).count();
    let rest = old.len().min(new.len()) - start;
    let pairs = old.iter().rev().zip(new.iter().rev()).take(rest);
    let end = pairs.take_while(|(old, new)| same_statement(old, new)).count();
    let old = old.get(start..old.len() - end).unwrap_or_default();
    let new = new.get(start..new.len() - end).unwrap_or_default();
    if old.len() == new.len() {
        let pairs = old.iter().zip(new).filter(|(old, new)| !same_statement(old, new));
        return pairs.flat_map(|(old, new)| compare_statement(old, new)).collect();
    }
    let changed = if new.is_empty() { old } else { new };
    changed.iter().map(|it| session_changed(it)).collect()
}

fn session(definitions: &[Definition]) -> Vec<&Definition> {
    definitions.iter().filter(|definition| definition.role == Role::Session).collect()
}

fn same_statement(old: &Definition, new: &Definition) -> bool {
    match (&old.kind, &new.kind) {
        (StatementKind::Set { .. }, StatementKind::Set { .. }) => old.kind == new.kind,
        _ => same_meaning(&old.sql, &new.sql),
    }
}

/// A catalog with a new password is the same catalog; with any other option it may be another.
fn compare_statement(old: &Definition, new: &Definition) -> Vec<DefinitionChange> {
    if let Some(name) = &new.name
        && same_but_for_options(old, new)
    {
        let mut keys = old.options.keys().chain(new.options.keys());
        if keys.all(|key| is_secret(key) || old.options.get(key) == new.options.get(key)) {
            return compare_options(name, old, new);
        }
    }
    vec![session_changed(new)]
}

fn session_changed(definition: &Definition) -> DefinitionChange {
    DefinitionChange::SessionChanged { origin: definition.origin.clone() }
}
