//! Owns what changed between the definitions that a job used and those that it uses.
//! Must not know files, or which job it is.

use std::collections::BTreeSet;

use super::change::is_secret;
pub use super::change::{ChangedField, Defined, DefinitionChange, OptionChange, What};
use super::definition::{Definition, Used};
use super::fragment::{Changed, changed_definition, changed_parts};
use super::side::{Placed, Side};
use super::source_options::{is_harmless, topics_may_grow};
use crate::sql::{Current, StatementKind, same_meaning, same_meaning_in, same_target_in};

/// What changed, by meaning. Moving a definition to another file or line is no change, and neither
/// is the order of tables among themselves.
pub fn compare(old: &Used, new: &Used) -> Vec<DefinitionChange> {
    let mut changes = Vec::new();
    // A query that names everything in full finds it wherever it stands.
    if let (Some(before), Some(after)) = (&old.scope, &new.scope)
        && !before.same(after)
    {
        let (before, after) = (Some(before.to_string()), Some(after.to_string()));
        changes.push(DefinitionChange::NameScope { before, after });
    }
    let (old, new) = (Side::of(&old.definitions), Side::of(&new.definitions));
    changes.extend(compare_ordered(&old.ordered, &new.ordered));
    let keys: BTreeSet<_> = old.named.keys().chain(new.named.keys()).collect();
    for key in keys {
        match (old.named.get(key), new.named.get(key)) {
            (Some(old), Some(new)) => changes.extend(compare_all(&key.defined(), old, new)),
            (Some(_), None) => changes.push(DefinitionChange::Removed(key.defined())),
            (None, _) => changes.push(DefinitionChange::Added(key.defined())),
        }
    }
    changes
}

/// Whether two queries say the same, each with what it uses.
pub fn same_query(old: (&str, &Used), new: (&str, &Used)) -> bool {
    match scopes(old.1, new.1) {
        Some([before, after]) => same_meaning_in((old.0, before), (new.0, after)),
        None => same_meaning(old.0, new.0),
    }
}

/// Whether two targets say the same, each with what its job uses.
pub fn same_target(old: (&str, &Used), new: (&str, &Used)) -> bool {
    match scopes(old.1, new.1) {
        Some([before, after]) => same_target_in((old.0, before), (new.0, after)),
        None => same_meaning(old.0, new.0),
    }
}

/// What is current for both. Names that are written in full mean the same anywhere, so also where the other's do.
fn scopes<'u>(old: &'u Used, new: &'u Used) -> Option<[Current<'u>; 2]> {
    match (&old.scope, &new.scope) {
        (Some(old), Some(new)) => Some([old.current(), new.current()]),
        (Some(one), None) | (None, Some(one)) => Some([one.current(); 2]),
        (None, None) => None,
    }
}

fn compare_all(defined: &Defined, old: &[Placed<'_>], new: &[Placed<'_>]) -> Vec<DefinitionChange> {
    let rewritten = |(before, after)| vec![DefinitionChange::Rewritten { defined: defined.clone(), before, after }];
    if old.len() != new.len() {
        let count = |statements: usize| Some(format!("{statements} statements"));
        return rewritten((count(old.len()), count(new.len())));
    }
    let mut changes = Vec::new();
    for (old, new) in old.iter().zip(new) {
        let (before, after) = (&old.definition.sql, &new.definition.sql);
        if let Some(Changed { columns, rest }) = changed_definition(before, after, [&old.scope, &new.scope]) {
            if !columns.is_empty() {
                changes.push(DefinitionChange::ColumnsChanged { defined: defined.clone(), columns });
            }
            changes.extend(rest.into_iter().flat_map(rewritten));
            changes.extend(compare_options(defined, old, new));
            return changes;
        }
        if !old.scope.same(&new.scope) && old.names_others() {
            let scope = |placed: &Placed<'_>| Some(format!("in {}", placed.scope));
            return rewritten((scope(old), scope(new)));
        }
        changes.extend(compare_options(defined, old, new));
    }
    changes
}

fn compare_options(defined: &Defined, old: &Placed<'_>, new: &Placed<'_>) -> Vec<DefinitionChange> {
    let mut changes = Vec::new();
    let mut options = Vec::new();
    let (old_options, new_options) = (&old.definition.options, &new.definition.options);
    let keys: BTreeSet<_> = old_options.keys().chain(new_options.keys()).collect();
    for key in keys {
        let before = old_options.get(key).map(String::as_str);
        let after = new_options.get(key).map(String::as_str);
        if before == after {
            continue;
        }
        let option = OptionChange::new(key, before, after);
        if may_be_other_data(defined.what, old, new, key) {
            changes.push(DefinitionChange::SourceMoved { defined: defined.clone(), option });
        } else {
            options.push(option);
        }
    }
    if !options.is_empty() {
        changes.push(DefinitionChange::OptionsChanged { defined: defined.clone(), options });
    }
    changes
}

/// Whether something with another value of this option may hold other data, which a restored source would not notice.
fn may_be_other_data(what: What, old: &Placed<'_>, new: &Placed<'_>, key: &str) -> bool {
    match what {
        // With a new password it is the same catalog; with any other option it may be another.
        What::Catalog | What::Database => return !is_secret(key),
        What::Table | What::Function => {}
    }
    if !old.definition.role.reads() && !new.definition.role.reads() {
        return false;
    }
    let Some(connector) = new.connector.as_deref().filter(|_| old.connector == new.connector) else { return true };
    let before = old.definition.options.get(key).map(String::as_str);
    let after = new.definition.options.get(key).map(String::as_str);
    let grows = || before.is_some() && topics(before).is_subset(&topics(after));
    !(is_harmless(connector, key) || topics_may_grow(connector, key) && grows())
}

fn topics(list: Option<&str>) -> BTreeSet<&str> {
    let topics = list.unwrap_or_default().split(';').map(str::trim);
    topics.filter(|topic| !topic.is_empty()).collect()
}

/// What changed in the statements that concern every job; their order counts.
fn compare_ordered(old: &[&Definition], new: &[&Definition]) -> Vec<DefinitionChange> {
    let mut pairs = old.iter().zip(new);
    let start = pairs.by_ref().take_while(|(old, new)| same_statement(old, new)).count();
    let rest = old.len().min(new.len()) - start;
    let pairs = old.iter().rev().zip(new.iter().rev()).take(rest);
    let end = pairs.take_while(|(old, new)| same_statement(old, new)).count();
    let old = old.get(start..old.len() - end).unwrap_or_default();
    let new = new.get(start..new.len() - end).unwrap_or_default();
    if old.len() == new.len() {
        let pairs = old.iter().zip(new).filter(|(old, new)| !same_statement(old, new));
        return pairs.map(|(old, new)| changed_statement(Some(old), Some(new))).collect();
    }
    if new.is_empty() {
        return old.iter().map(|old| changed_statement(Some(old), None)).collect();
    }
    new.iter().map(|new| changed_statement(None, Some(new))).collect()
}

fn same_statement(old: &Definition, new: &Definition) -> bool {
    match (&old.kind, &new.kind) {
        (StatementKind::Set { .. }, StatementKind::Set { .. }) => old.kind == new.kind,
        _ => same_meaning(&old.sql, &new.sql),
    }
}

fn changed_statement(old: Option<&Definition>, new: Option<&Definition>) -> DefinitionChange {
    let origin = new.or(old).map(|definition| definition.origin.clone()).unwrap_or_default();
    let parts = match (old, new) {
        (Some(old), Some(new)) => changed_parts(&old.sql, &new.sql, None).unwrap_or_default(),
        (None, Some(new)) => (None, changed_parts("", &new.sql, None).and_then(|(_, after)| after)),
        (Some(old), None) => (changed_parts(&old.sql, "", None).and_then(|(before, _)| before), None),
        (None, None) => (None, None),
    };
    DefinitionChange::Session { origin, before: parts.0, after: parts.1 }
}
