//! What changed between the deployed target and the desired one, by meaning.
//! Must not know what runs or what will be done about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use desired::manifest::{Body, canonical_option, effective_properties};
use desired::sql::same_meaning_as_deployed_by_python;
use desired::tables::{self, ChangedField, TableDefinitions, Used};
use desired::target::Target;
use serde::{Deserialize, Serialize};

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Difference {
    /// The field, for example `flinkProperties.parallelism.default`.
    pub field: String,
    /// Its value before, or nothing if it was not set.
    pub before: Option<String>,
    /// Its value after, or nothing if it is not set any more.
    pub after: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
        write!(f, "{}: {} -> {}", self.field, shown(&self.before), shown(&self.after))
    }
}

impl From<ChangedField> for Difference {
    fn from(changed: ChangedField) -> Self {
        let ChangedField { field, before, after } = changed;
        Self { field, before, after }
    }
}

/// The kind of a change, which the decision table is indexed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Nothing of this name was deployed.
    New,
    /// The same by meaning.
    Unchanged,
    /// Only how it runs changed: its state still fits.
    Configuration,
    /// What it computes changed: its state does not fit.
    Query,
    /// It is not desired any more.
    Removed,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::Unchanged => "unchanged",
            Self::Configuration => "configuration",
            Self::Query => "query",
            Self::Removed => "removed",
        })
    }
}

/// A change with the fields that make it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change {
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// The fields that differ; a `description`, and how the job is operated, leave the kind unchanged.
    pub differences: Vec<Difference>,
}

impl Change {
    /// A change without fields: new, removed, unchanged.
    pub fn plain(kind: ChangeKind) -> Self {
        Self { kind, differences: Vec::new() }
    }

    /// The change from `old`, which is deployed, to `new`, which is desired.
    pub fn between(old: &Target, new: &Target) -> Self {
        let (before, after) = (used(old), used(new));
        let mut query = query_differences((old, &before), (new, &after));
        let mut configuration = property_differences(old, new);
        for change in tables::compare(&before, &after) {
            let fields = change.fields().into_iter().map(Difference::from);
            if change.is_query_change() { query.extend(fields) } else { configuration.extend(fields) }
        }
        let kind = match (query.is_empty(), configuration.is_empty()) {
            (false, _) => ChangeKind::Query,
            (true, false) => ChangeKind::Configuration,
            (true, true) => ChangeKind::Unchanged,
        };
        query.append(&mut configuration);
        if old.manifest.description != new.manifest.description {
            query.push(text_difference("description", &old.manifest.description, &new.manifest.description));
        }
        query.extend(operating_differences(old, new));
        Self { kind, differences: query }
    }

    /// Whether the job would start clean although its manifest computes what it did: its tables or our settings changed.
    pub fn starts_over_by_configuration(&self) -> bool {
        let own = |field: &str| matches!(field, "sql" | "code" | "sql or code" | "target-table");
        self.kind == ChangeKind::Query && !self.differences.iter().any(|difference| own(&difference.field))
    }
}

/// What a target uses of the definitions that it holds, as we judge today: an earlier version of ours held more.
fn used(target: &Target) -> Used {
    TableDefinitions::of(&target.definitions).for_job(&target.manifest)
}

fn text_difference(field: &str, before: &str, after: &str) -> Difference {
    Difference { field: field.to_owned(), before: Some(before.to_owned()), after: Some(after.to_owned()) }
}

fn query_differences((old, old_used): (&Target, &Used), (new, new_used): (&Target, &Used)) -> Vec<Difference> {
    let mut found = Vec::new();
    match (&old.manifest.body, &new.manifest.body) {
        (Body::Sql(before), Body::Sql(after)) => {
            let same = tables::same_query((before, old_used), (after, new_used));
            if !same && !same_meaning_as_deployed_by_python(after, before) {
                found.push(text_difference("sql", before, after));
            }
        }
        (Body::Code(before), Body::Code(after)) => {
            if before.trim_end() != after.trim_end() {
                found.push(text_difference("code", before, after));
            }
        }
        (Body::Sql(before), Body::Code(after)) | (Body::Code(before), Body::Sql(after)) => {
            found.push(text_difference("sql or code", before, after));
        }
    }
    let (before, after) = (&old.manifest.target_table, &new.manifest.target_table);
    if !tables::same_target((before, old_used), (after, new_used)) {
        found.push(text_difference("target-table", before, after));
    }
    if old.timestamp_field != new.timestamp_field {
        found.push(text_difference("timestamp field", &old.timestamp_field, &new.timestamp_field));
    }
    found
}

fn operating_differences(old: &Target, new: &Target) -> Vec<Difference> {
    let said = |target: &Target| target.manifest.operating.said().into_iter().collect::<BTreeMap<_, _>>();
    let (mut before, after) = (said(old), said(new));
    let mut found: Vec<Difference> = Vec::new();
    for (field, after) in after {
        let before = before.remove(field);
        if before.as_ref() != Some(&after) {
            found.push(Difference { field: field.to_owned(), before, after: Some(after) });
        }
    }
    let gone =
        |(field, before): (&str, String)| Difference { field: field.to_owned(), before: Some(before), after: None };
    found.extend(before.into_iter().map(gone));
    found
}

fn property_differences(old: &Target, new: &Target) -> Vec<Difference> {
    let (before, after) = (effective_properties(&old.manifest), effective_properties(&new.manifest));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    // Whoever reads it looks for what the file says, not for another name of the same option.
    let written = old.manifest.properties.keys().chain(new.manifest.properties.keys());
    let spelled: BTreeMap<&str, &String> = written.map(|key| (canonical_option(key), key)).collect();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Difference {
            field: format!("flinkProperties.{}", spelled.get(key.as_str()).copied().unwrap_or(key)),
            before: before.get(key).cloned(),
            after: after.get(key).cloned(),
        })
        .collect()
}
