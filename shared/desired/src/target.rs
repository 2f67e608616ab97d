//! What a job should be: merged manifest, the definitions it uses, the settings that count as its query.
//! Must not know what runs now.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::manifest::{Body, JobManifest, effective_properties, state_directories};
use crate::sql::has_dynamic_options;
use crate::tables::{Definition, TableDefinitions};

pub use crate::sql::TIMESTAMP_FIELD;

/// The desired state of one job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The manifest merged with the template.
    pub manifest: JobManifest,
    /// The definitions that the job uses, parameters filled in, `{group_id}` left in.
    pub definitions: Vec<Definition>,
    /// The name of the time stamp column; empty for none.
    pub timestamp_field: String,
}

impl Target {
    /// The target of a manifest under these table definitions: it holds those that the job uses.
    pub fn of(manifest: JobManifest, tables: &TableDefinitions, timestamp_field: &str) -> Self {
        let used = tables.for_job(&manifest);
        Self { manifest, definitions: used.definitions, timestamp_field: timestamp_field.to_owned() }
    }

    /// A digest that names this target; it decides nothing.
    pub fn digest(&self) -> Digest {
        // Serializing plain data to memory cannot fail; an empty text would only give a name that matches nothing.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The checkpoint directory, without the version.
    pub fn checkpoint_directory(&self) -> String {
        state_directories(&self.manifest).0
    }

    /// The savepoint directory, without the version.
    pub fn savepoint_directory(&self) -> String {
        state_directories(&self.manifest).1
    }

    /// Whether its state directories are named after the job: then no other job keeps states there.
    pub fn has_directories_of_its_own(&self) -> bool {
        let name = self.manifest.name.as_str();
        let own = |directory: String| directory.split('/').any(|segment| segment == name);
        own(self.checkpoint_directory()) && own(self.savepoint_directory())
    }

    /// How many slots the job needs: its parallelism, by Flink's default slot sharing.
    pub fn slots(&self) -> u32 {
        effective_properties(&self.manifest)
            .get("parallelism.default")
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(1)
    }

    /// Whether some hint changes options of tables: without one, Flink need not take any. Code may do so unseen.
    pub fn has_dynamic_options(&self) -> bool {
        let query = match &self.manifest.body {
            Body::Sql(sql) => has_dynamic_options(sql),
            Body::Code(_) => true,
        };
        query
            || has_dynamic_options(&self.manifest.target_table)
            || self.definitions.iter().any(|definition| has_dynamic_options(&definition.sql))
    }
}

/// `<directory>/<version>`, whatever slashes the directory ends with.
pub fn version_directory(directory: &str, version: u32) -> String {
    format!("{}/{version}", directory.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::manifest::{CHECKPOINT_DIR, Operating, PropertyValue, SAVEPOINT_DIR, ScalarKind};

    /// The target of a job `orders` that keeps its states in these directories.
    fn in_directories(checkpoints: &str, savepoints: &str) -> Target {
        let property = |text: &str| PropertyValue { text: text.to_owned(), kind: ScalarKind::String };
        let properties = [(CHECKPOINT_DIR, checkpoints), (SAVEPOINT_DIR, savepoints)];
        let properties = properties.map(|(key, text)| (key.to_owned(), property(text)));
        let manifest = JobManifest {
            name: "orders".try_into().unwrap(),
            description: String::new(),
            target_table: "sink".to_owned(),
            body: Body::Sql("SELECT 1".to_owned()),
            properties: BTreeMap::from(properties),
            operating: Operating::default(),
        };
        Target { manifest, definitions: Vec::new(), timestamp_field: String::new() }
    }

    /// Whose states lie in a directory that other jobs use as well, nobody can tell by the path.
    #[test]
    fn a_job_has_directories_of_its_own_only_if_both_are_named_after_it() {
        for (checkpoints, savepoints, own) in [
            ("s3://b/c/orders", "s3://b/s/orders/", true),
            ("s3://b/orders/c", "s3://b/orders/s", true),
            ("s3://b/c/orders", "s3://b/s", false),
            ("s3://b/c", "s3://b/s/orders", false),
            ("s3://b/c", "s3://b/s", false),
            ("s3://b/c/orders-old", "s3://b/s/orders", false),
            ("s3://b/c/orders", "s3://b/s/all-orders", false),
        ] {
            let target = in_directories(checkpoints, savepoints);
            assert_eq!(target.has_directories_of_its_own(), own, "{checkpoints} and {savepoints}");
        }
    }
}
