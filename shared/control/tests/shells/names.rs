//! The jobs of these tests: their names, keys, targets and runs.
//! Must not know what happens to them.

use desired::manifest::{Body, CHECKPOINT_DIR, JobManifest, JobName, PropertyValue, SAVEPOINT_DIR, ScalarKind};
use desired::target::Target;
use lifecycle::flink::Epoch;
use lifecycle::ids::Hex32;
use lifecycle::keys::Keys;
pub(crate) fn job(text: &str) -> JobName {
    JobName::try_from(text).unwrap()
}

pub(crate) fn jobs(count: usize) -> Vec<JobName> {
    (0..count).map(|n| job(&format!("job-{n:02}"))).collect()
}

pub(crate) fn keys() -> Keys {
    Keys::new("p")
}

pub(crate) fn epoch(attempt: u32) -> Epoch {
    Epoch::Yarn { application: "application_1_1".to_owned(), attempt }
}

/// The run that a job is deployed with.
pub(crate) fn run_of(name: &JobName) -> Hex32 {
    Hex32::derived(&["first", name.as_str()])
}

pub(crate) fn target(name: &JobName, parallelism: u32) -> Target {
    let property = |text: &str| PropertyValue { text: text.to_owned(), kind: ScalarKind::String };
    let parallelism = parallelism.to_string();
    let properties = [
        (CHECKPOINT_DIR, "s3://b/checkpoints"),
        (SAVEPOINT_DIR, "s3://b/savepoints"),
        ("parallelism.default", parallelism.as_str()),
    ];
    let manifest = JobManifest {
        name: name.clone(),
        description: String::new(),
        target_table: "sink".to_owned(),
        body: Body::Sql("SELECT 1".to_owned()),
        properties: properties.map(|(key, value)| (key.to_owned(), property(value))).into(),
        operating: desired::manifest::Operating::default(),
    };
    Target { manifest, definitions: Vec::new(), timestamp_field: String::new() }
}
