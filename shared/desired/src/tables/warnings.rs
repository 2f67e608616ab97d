//! Owns the warnings about a table definition that can be used.
//! Must not know jobs.

use std::collections::BTreeMap;

use super::TableDefinitions;
use crate::diagnostics::excerpt;
use crate::sql::{Statement, StatementError};

/// The option by which Kafka's exactly-once sink names its transactions.
const TRANSACTIONAL_ID_PREFIX: &str = "sink.transactional-id-prefix";
/// The option that says where a Kafka source begins that has no state.
const STARTUP_MODE: &str = "scan.startup.mode";
/// The option that says where it begins if its group never committed.
const OFFSET_RESET: &str = "properties.auto.offset.reset";
/// The placeholder that is another for each job and version.
const GROUP_ID: &str = "{group_id}";

/// Tables whose transactional ids are the same for every job and version that writes them: one ends the other's
/// transactions.
pub fn shared_transactions(definitions: &TableDefinitions) -> Vec<StatementError> {
    let warn = |options: &BTreeMap<String, String>| {
        let prefix = options.get(TRANSACTIONAL_ID_PREFIX).filter(|prefix| !prefix.contains(GROUP_ID))?;
        Some((
            format!("'{TRANSACTIONAL_ID_PREFIX}' = '{}' is the same for every job and version", excerpt(prefix)),
            format!("write '{TRANSACTIONAL_ID_PREFIX}' = '{GROUP_ID}': it is filled in per job and version"),
        ))
    };
    warnings(definitions, warn)
}

/// Kafka tables that are read from where the group committed, although each version has a group of its own and nothing
/// says what holds without a commit: a new version has no state and does not start.
pub fn forgotten_offsets(definitions: &TableDefinitions) -> Vec<StatementError> {
    let warn = |options: &BTreeMap<String, String>| {
        let is = |key: &str, value: &str| options.get(key).is_some_and(|it| it.eq_ignore_ascii_case(value));
        let from_group = is(STARTUP_MODE, "group-offsets") || !options.contains_key(STARTUP_MODE);
        let own_group = options.get("properties.group.id").is_some_and(|group| group.contains(GROUP_ID));
        let reset = options.contains_key(OFFSET_RESET) && !is(OFFSET_RESET, "none");
        (is("connector", "kafka") && from_group && own_group && !reset).then(|| {
            (
                format!(
                    "'{STARTUP_MODE}' is group-offsets, and {GROUP_ID} is another for each version: every new version \
                     begins with a group that never committed"
                ),
                format!("add '{OFFSET_RESET}' = 'earliest' or 'latest', or another '{STARTUP_MODE}'"),
            )
        })
    };
    warnings(definitions, warn)
}

fn warnings(
    definitions: &TableDefinitions,
    warn: impl Fn(&BTreeMap<String, String>) -> Option<(String, String)>,
) -> Vec<StatementError> {
    let warning = |statement: &Statement| {
        let (message, help) = warn(&statement.kind.options())?;
        let (file, line) = statement.origin.rsplit_once(':')?;
        let line = line.parse().unwrap_or(1);
        Some(StatementError { file: file.to_owned(), line, column: 1, message, help })
    };
    definitions.statements.iter().filter_map(warning).collect()
}
