//! The Flink options that a job runs with: one spelling each, and what is always set filled in.
//! Must not know files: it is given a merged manifest.

use std::collections::BTreeMap;

use super::JobManifest;
use super::options::{CHECKPOINT_DIR, PIPELINE_NAME, RETAIN, RETENTION, SAVEPOINT_DIR, canonical_option};
use super::scalar::ScalarKind;

/// What the job runs with: options in their new spelling, null ones left out, retention and name set.
pub fn effective_properties(manifest: &JobManifest) -> BTreeMap<String, String> {
    let mut effective = given(manifest);
    for (option, value) in added(manifest) {
        effective.entry(option).or_insert(value);
    }
    effective
}

/// Where the job's checkpoints and savepoints go, as written, without the version that is appended.
/// Empty only for a manifest that `load` would have refused.
pub fn state_directories(manifest: &JobManifest) -> (String, String) {
    let mut given = given(manifest);
    let mut take = |option: &str| given.remove(option).unwrap_or_default();
    (take(CHECKPOINT_DIR), take(SAVEPOINT_DIR))
}

/// What is set although no file sets it.
pub(crate) fn added(manifest: &JobManifest) -> Vec<(String, String)> {
    let given = given(manifest);
    [(RETENTION, RETAIN), (PIPELINE_NAME, manifest.name.as_str())]
        .into_iter()
        .filter(|(option, _)| !given.contains_key(*option))
        .map(|(option, value)| (option.to_owned(), value.to_owned()))
        .collect()
}

fn given(manifest: &JobManifest) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    for (key, value) in manifest.properties.iter().filter(|(_, value)| value.kind != ScalarKind::Null) {
        let option = canonical_option(key);
        // Flink prefers the new spelling, should a manifest of the Python tool have both.
        if option == key || !given.contains_key(option) {
            given.insert(option.to_owned(), value.text.clone());
        }
    }
    given
}
