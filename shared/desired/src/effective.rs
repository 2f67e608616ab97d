//! What Flink says a run runs with, and where that is not what was asked for.
//! Must not know how Flink is asked, nor what follows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::{CHECKPOINT_DIR, RETENTION, canonical_option, flink_duration_text, same_value};
use crate::secrets::references;

/// No periodic checkpoints, as Flink writes it.
const NEVER_MS: i64 = i64::MAX;

/// A run's configuration, as far as Flink tells it. Restart strategies it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Effective {
    /// The job's own parallelism (`/jobs/:id/config`).
    pub parallelism: Option<i64>,
    /// The parallelism of its widest vertex (`/jobs/:id`).
    pub widest: Option<i64>,
    /// Whether records are reused (`/jobs/:id/config`).
    pub object_reuse: Option<bool>,
    /// What is said of its checkpoints (`/jobs/:id/checkpoints/config`).
    pub checkpoints: Option<CheckpointSettings>,
}

/// The answer of `/jobs/:id/checkpoints/config`, field by field; what a release does not tell is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckpointSettings {
    /// `exactly_once` or `at_least_once`.
    pub mode: Option<String>,
    /// Milliseconds between two checkpoints; the largest number if there are none.
    pub interval: Option<i64>,
    /// Milliseconds until a checkpoint is given up.
    pub timeout: Option<i64>,
    /// Milliseconds between the end of one and the start of the next.
    pub min_pause: Option<i64>,
    /// How many may be under way at a time.
    pub max_concurrent: Option<i64>,
    /// What becomes of checkpoints when the job ends.
    pub externalization: Option<Externalization>,
    /// The state backend's class, without its package.
    pub state_backend: Option<String>,
    /// The class that writes checkpoints, without its package.
    pub checkpoint_storage: Option<String>,
    /// Whether checkpoints overtake records.
    pub unaligned_checkpoints: Option<bool>,
    /// How many may fail in a row.
    pub tolerable_failed_checkpoints: Option<i64>,
    /// Milliseconds after which an aligned checkpoint goes on unaligned.
    pub aligned_checkpoint_timeout: Option<i64>,
    /// Whether checkpoints are made after some tasks came to their end.
    pub checkpoints_after_tasks_finish: Option<bool>,
    /// Whether the state's changelog is written.
    pub state_changelog_enabled: Option<bool>,
}

impl CheckpointSettings {
    /// Milliseconds between two checkpoints, if any are made by themselves.
    pub fn interval_ms(&self) -> Option<u64> {
        self.interval.filter(|interval| *interval > 0 && *interval < NEVER_MS)?.try_into().ok()
    }
}

/// What becomes of checkpoints when the job ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Externalization {
    /// Whether any are kept at all.
    pub enabled: bool,
    /// Whether a cancel deletes them.
    pub delete_on_cancellation: bool,
}

/// An option that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OptionDifference {
    /// The option, as it was asked for where that is known, else in its new spelling.
    pub option: String,
    /// What was asked for.
    pub asked: String,
    /// What Flink says it is.
    pub effective: String,
}

/// Where a run is not what was asked for, in the order of the options. `asked` is in new spellings, as a launch has it;
/// what nobody asked for, and what Flink does not tell, is no difference.
pub fn differences(asked: &BTreeMap<String, String>, effective: &Effective) -> Vec<OptionDifference> {
    let mut differences: Vec<_> = told(asked, effective)
        .into_iter()
        .filter_map(|(option, effective)| {
            let asked = asked.get(option)?;
            // The value of a secret is neither compared nor shown; -1 asks for whatever the cluster has.
            if !references(asked).is_empty() || asked == "-1" || same_value(option, asked, &effective) {
                return None;
            }
            Some(OptionDifference { option: option.to_owned(), asked: asked.clone(), effective })
        })
        .collect();
    differences.sort();
    differences.dedup_by(|one, other| one.option == other.option);
    differences
}

/// The same, with each option spelled as one of these keys where one is that option in an older spelling: whoever reads
/// it looks for it in the manifest.
pub fn spelled_as(differences: Vec<OptionDifference>, keys: &[&str]) -> Vec<OptionDifference> {
    let spelled = |option: &str| {
        let mut same = keys.iter().filter(|key| canonical_option(key) == option);
        // Of two spellings the new one counts.
        if keys.contains(&option) { None } else { same.next().map(|key| (*key).to_owned()) }
    };
    let of =
        |found: OptionDifference| OptionDifference { option: spelled(&found.option).unwrap_or(found.option), ..found };
    differences.into_iter().map(of).collect()
}

/// What Flink told, as one would write it under the option that says it.
fn told(asked: &BTreeMap<String, String>, effective: &Effective) -> Vec<(&'static str, String)> {
    const DEFAULT: &str = "parallelism.default";
    const OF_TABLES: &str = "table.exec.resource.default-parallelism";
    let mut told = Vec::new();
    let mut say = |option: &'static str, value: Option<String>| told.extend(value.map(|value| (option, value)));
    say(DEFAULT, effective.parallelism.map(|n| n.to_string()));
    say("pipeline.object-reuse", effective.object_reuse.map(|on| on.to_string()));
    // A table program's own parallelism goes before the job's.
    let of_tables = asked.get(OF_TABLES).is_some_and(|asked| asked.parse().is_ok_and(|asked: i64| asked > 0));
    let widest = if of_tables { OF_TABLES } else { DEFAULT };
    say(widest, effective.widest.map(|n| n.to_string()));
    if let Some(checkpoints) = &effective.checkpoints {
        told.extend(told_of_checkpoints(asked, checkpoints));
    }
    told
}

fn told_of_checkpoints(asked: &BTreeMap<String, String>, settings: &CheckpointSettings) -> Vec<(&'static str, String)> {
    const INTERVAL: &str = "execution.checkpointing.interval";
    const STORAGE: &str = "execution.checkpointing.storage";
    let mut told = Vec::new();
    let mut say = |option: &'static str, value: Option<String>| told.extend(value.map(|value| (option, value)));
    if settings.interval == Some(NEVER_MS) {
        // Flink says nothing else of checkpoints that would hold.
        say(INTERVAL, Some("never".to_owned()));
        return told;
    }
    say(INTERVAL, settings.interval.map(flink_duration_text));
    say("execution.checkpointing.mode", settings.mode.as_ref().map(|mode| mode.to_uppercase()));
    say("execution.checkpointing.timeout", settings.timeout.map(flink_duration_text));
    say("execution.checkpointing.min-pause", settings.min_pause.map(flink_duration_text));
    say("execution.checkpointing.max-concurrent-checkpoints", settings.max_concurrent.map(|n| n.to_string()));
    say(RETENTION, settings.externalization.as_ref().map(retention));
    say("execution.checkpointing.unaligned.enabled", settings.unaligned_checkpoints.map(|on| on.to_string()));
    let tolerable = settings.tolerable_failed_checkpoints.map(|n| n.to_string());
    say("execution.checkpointing.tolerable-failed-checkpoints", tolerable);
    say(
        "execution.checkpointing.aligned-checkpoint-timeout",
        settings.aligned_checkpoint_timeout.map(flink_duration_text),
    );
    let after_end = settings.checkpoints_after_tasks_finish.map(|on| on.to_string());
    say("execution.checkpointing.checkpoints-after-tasks-finish", after_end);
    say("state.changelog.enabled", settings.state_changelog_enabled.map(|on| on.to_string()));
    say("state.backend.type", settings.state_backend.as_deref().and_then(backend(asked)));
    let storage = match settings.checkpoint_storage.as_deref() {
        Some("JobManagerCheckpointStorage") => Some("jobmanager"),
        Some("FileSystemCheckpointStorage") => Some("filesystem"),
        Some(_) | None => None,
    };
    say(STORAGE, storage.map(str::to_owned));
    // Whoever asks for a directory wants checkpoints that survive the JobManager.
    if storage == Some("jobmanager") && !asked.contains_key(STORAGE) {
        say(CHECKPOINT_DIR, Some("the JobManager's memory".to_owned()));
    }
    told
}

/// The option's value for a class, of those that one would have asked for.
fn backend(asked: &BTreeMap<String, String>) -> impl Fn(&str) -> Option<String> {
    // These three are one class since 1.13.
    let heap = ["hashmap", "filesystem", "jobmanager"];
    let asked = asked.get("state.backend.type").map(|asked| asked.to_lowercase());
    let heap = heap.into_iter().find(|name| asked.as_deref() == Some(name)).unwrap_or("hashmap");
    move |class| match class {
        "EmbeddedRocksDBStateBackend" => Some("rocksdb".to_owned()),
        "HashMapStateBackend" | "MemoryStateBackend" | "FsStateBackend" => Some(heap.to_owned()),
        _ => None,
    }
}

fn retention(externalization: &Externalization) -> String {
    match (externalization.enabled, externalization.delete_on_cancellation) {
        (false, _) => "NO_EXTERNALIZED_CHECKPOINTS",
        (true, true) => "DELETE_ON_CANCELLATION",
        (true, false) => "RETAIN_ON_CANCELLATION",
    }
    .to_owned()
}

#[cfg(test)]
mod tests;
