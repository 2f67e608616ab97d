//! What Flink is given to start one version of a job, and what it says where it takes it not.
//! Must not know when it is started, nor from which state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::manifest::{Body, DYNAMIC_OPTIONS, JobName, Meta, effective_properties};
use crate::secrets::{SecretReference, references_in_sql, references_in_text};
use crate::sql::insert_target;
use crate::tables::fill_group_id;
use crate::target::{Target, version_directory};
use crate::written::WrittenTexts;

/// The view that holds the query's rows, as in the Python tool.
pub const INPUT_VIEW: &str = "__temporary_input_view";
const CHECKPOINTS: &str = "execution.checkpointing.dir";
const SAVEPOINTS: &str = "execution.checkpointing.savepoint-dir";

/// What the body of a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaunchKind {
    /// A SQL query.
    Sql,
    /// Python code.
    Code,
}

/// One statement that runs before the query.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LaunchStatement {
    /// Its file and line.
    pub origin: String,
    /// Its text, everything filled in.
    pub sql: String,
}

/// Everything that is needed to start one version of a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Launch {
    pub name: JobName,
    /// Its version: names the state directories.
    pub version: u32,
    /// The id of the query, as the rows carry it.
    pub query_id: String,
    /// When the query was created, as the rows carry it.
    pub created: String,
    pub kind: LaunchKind,
    /// The statements that run first, in order.
    pub statements: Vec<LaunchStatement>,
    /// The query or the code.
    pub body: String,
    /// The INSERT that reads the view.
    pub insert: String,
    /// Flink's properties, state directories of this version included.
    pub properties: BTreeMap<String, String>,
    /// How many slots it needs.
    pub slots: u32,
    /// The target that this starts.
    pub target: Digest,
    /// Where its texts stand in people's files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<WrittenTexts>,
}

impl Launch {
    /// The launch of `target` as the version that `meta` names.
    pub fn of(target: &Target, meta: &Meta) -> Self {
        let manifest = &target.manifest;
        let version = meta.query_version;
        let group = format!("rta-{}-{version}", manifest.name);
        let statements = target
            .definitions
            .iter()
            .map(|d| LaunchStatement { origin: d.origin.clone(), sql: fill_group_id(&d.sql, &group) })
            .collect();
        let (kind, body) = match &manifest.body {
            Body::Sql(sql) => (LaunchKind::Sql, sql.clone()),
            Body::Code(code) => (LaunchKind::Code, code.clone()),
        };
        let mut properties = effective_properties(manifest);
        properties.insert(CHECKPOINTS.to_owned(), version_directory(&target.checkpoint_directory(), version));
        properties.insert(SAVEPOINTS.to_owned(), version_directory(&target.savepoint_directory(), version));
        if !target.has_dynamic_options() {
            properties.insert(DYNAMIC_OPTIONS.to_owned(), "false".to_owned());
        }
        Self {
            name: manifest.name.clone(),
            version,
            query_id: meta.query_id.clone(),
            created: meta.query_create_timestamp.clone(),
            kind,
            statements,
            body,
            insert: insert(target, meta),
            properties,
            slots: target.slots(),
            target: target.digest(),
            written: None,
        }
    }

    /// The secret references that are resolved when it is prepared, each with the place where it stands.
    pub fn secrets(&self) -> Vec<(String, SecretReference)> {
        let in_statement = |statement: &LaunchStatement| {
            let origin = statement.origin.clone();
            references_in_sql(&statement.sql).into_iter().map(move |reference| (origin.clone(), reference))
        };
        let in_property = |(key, value): (&String, &String)| {
            let origin = format!("flinkProperties.{key}");
            references_in_text(value).into_iter().map(move |reference| (origin.clone(), reference))
        };
        self.statements.iter().flat_map(in_statement).chain(self.properties.iter().flat_map(in_property)).collect()
    }
}

/// The INSERT of the Python tool, with its constants quoted properly.
fn insert(target: &Target, meta: &Meta) -> String {
    let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let stamp = match target.timestamp_field.as_str() {
        "" => String::new(),
        field => format!("NOW() AS {field}, "),
    };
    let manifest = &target.manifest;
    format!(
        "INSERT INTO {table} SELECT *, {stamp}CAST({name} AS STRING) AS __query_name, \
         CAST({description} AS STRING) AS __query_description, CAST({id} AS STRING) AS __query_id, \
         CAST({version} AS INT) AS __query_version, CAST({created} AS TIMESTAMP) AS __query_create_timestamp \
         FROM {INPUT_VIEW}",
        table = insert_target(&manifest.target_table),
        name = text(manifest.name.as_str()),
        description = text(&manifest.description),
        id = text(&meta.query_id),
        version = meta.query_version,
        created = text(&meta.query_create_timestamp),
    )
}

/// Why a job does not compile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rejection {
    /// What was rejected: `table-definition`, `query`, `insert`, `code`, `configuration`, `other`.
    pub kind: String,
    /// The statement's file and line, if it is a table definition.
    pub origin: Option<String>,
    /// Flink's own words, without its stack.
    pub message: String,
    /// The line in the rejected text.
    pub line: Option<u32>,
    /// The column in it, as Java counts: in UTF-16 units.
    pub column: Option<u32>,
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.origin, self.line, self.column) {
            (Some(origin), _, _) => write!(f, "{origin}: {}", self.message),
            (None, Some(line), Some(column)) => {
                write!(f, "{} line {line}, column {column}: {}", self.kind, self.message)
            }
            (None, _, _) => write!(f, "{}: {}", self.kind, self.message),
        }
    }
}
