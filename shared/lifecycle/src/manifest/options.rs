//! Flink's options by name: which spellings mean one option, and which a manifest may not set.
//! Knows names only, no values and no files.

/// Old spelling, new spelling: the job options that Flink 1.20 renamed, read out of its own
/// option classes. `state.backend.local-recovery` is missing because it became two options.
const RENAMED: &[(&str, &str)] = &[
    ("cleanup-strategy", "cleanup-strategy.type"),
    ("dstl.dfs.base-path", "state.changelog.dstl.dfs.base-path"),
    ("dstl.dfs.batch.persist-delay", "state.changelog.dstl.dfs.batch.persist-delay"),
    ("dstl.dfs.compression.enabled", "state.changelog.dstl.dfs.compression.enabled"),
    ("dstl.dfs.preemptive-persist-threshold", "state.changelog.dstl.dfs.preemptive-persist-threshold"),
    ("env.java.opts", "env.java.opts.all"),
    ("execution.allow-client-job-configurations", "execution.program-config.enabled"),
    ("execution.buffer-timeout", "execution.buffer-timeout.interval"),
    ("execution.checkpointing.alignment-timeout", "execution.checkpointing.aligned-checkpoint-timeout"),
    ("execution.checkpointing.approximate-local-recovery", "execution.state-recovery.approximate-local-recovery"),
    (
        "execution.checkpointing.checkpoints-after-tasks-finish.enabled",
        "execution.checkpointing.checkpoints-after-tasks-finish",
    ),
    (
        "execution.checkpointing.recover-without-channel-state.checkpoint-id",
        "execution.state-recovery.without-channel-state.checkpoint-id",
    ),
    ("execution.checkpointing.unaligned", "execution.checkpointing.unaligned.enabled"),
    ("execution.savepoint-restore-mode", "execution.state-recovery.claim-mode"),
    ("execution.savepoint.ignore-unclaimed-state", "execution.state-recovery.ignore-unclaimed-state"),
    ("execution.savepoint.path", "execution.state-recovery.path"),
    ("high-availability", "high-availability.type"),
    ("pipeline.operator-chaining", "pipeline.operator-chaining.enabled"),
    ("restart-strategy", "restart-strategy.type"),
    ("savepoints.state.backend.fs.dir", "execution.checkpointing.savepoint-dir"),
    ("state.backend", "state.backend.type"),
    ("state.backend.changelog.enabled", "state.changelog.enabled"),
    ("state.backend.changelog.max-failures-allowed", "state.changelog.max-failures-allowed"),
    ("state.backend.changelog.periodic-materialize.enabled", "state.changelog.periodic-materialize.enabled"),
    ("state.backend.changelog.periodic-materialize.interval", "state.changelog.periodic-materialize.interval"),
    ("state.backend.changelog.storage", "state.changelog.storage"),
    ("state.backend.fs.checkpointdir", "execution.checkpointing.dir"),
    ("state.backend.fs.memory-threshold", "execution.checkpointing.data-inline-threshold"),
    ("state.backend.fs.write-buffer-size", "execution.checkpointing.write-buffer-size"),
    ("state.backend.incremental", "execution.checkpointing.incremental"),
    ("state.backend.latency-track.history-size", "state.latency-track.history-size"),
    ("state.backend.latency-track.keyed-state-enabled", "state.latency-track.keyed-state-enabled"),
    ("state.backend.latency-track.sample-interval", "state.latency-track.sample-interval"),
    ("state.backend.latency-track.state-name-as-variable", "state.latency-track.state-name-as-variable"),
    ("state.backend.rocksdb.checkpointdir", "state.backend.rocksdb.localdir"),
    ("state.checkpoint-storage", "execution.checkpointing.storage"),
    ("state.checkpoint.cleaner.parallel-mode", "execution.checkpointing.cleaner.parallel-mode"),
    ("state.checkpoints.create-subdir", "execution.checkpointing.create-subdir"),
    ("state.checkpoints.dir", CHECKPOINT_DIR),
    ("state.checkpoints.num-retained", NUM_RETAINED),
    ("state.savepoints.dir", SAVEPOINT_DIR),
    ("state.storage.fs.memory-threshold", "execution.checkpointing.data-inline-threshold"),
    ("state.storage.fs.write-buffer-size", "execution.checkpointing.write-buffer-size"),
    (
        "table.exec.deduplicate.insert-and-updateafter-sensitive.enabled",
        "table.exec.deduplicate.insert-update-after-sensitive-enabled",
    ),
    (
        "table.exec.deduplicate.mini-batch.compact-changes.enabled",
        "table.exec.deduplicate.mini-batch.compact-changes-enabled",
    ),
    ("table.exec.topn-cache-size", "table.exec.rank.topn-cache-size"),
    ("table.optimizer.sql-to-rel.project.merge.enabled", "table.optimizer.sql2rel.project-merge.enabled"),
    ("task.cancellation-interval", "task.cancellation.interval"),
    ("taskmanager.state.local.root-dirs", "execution.checkpointing.local-backup.dirs"),
    ("timerservice.exceptional.shutdown.timeout", "task.cancellation.timers.timeout"),
    ("yarn.ship-directories", "yarn.ship-files"),
];

/// Where checkpoints go.
pub const CHECKPOINT_DIR: &str = "execution.checkpointing.dir";
/// Where savepoints go.
pub const SAVEPOINT_DIR: &str = "execution.checkpointing.savepoint-dir";
/// Whether checkpoints outlive a cancelled run.
pub const RETENTION: &str = "execution.checkpointing.externalized-checkpoint-retention";
/// The one retention that keeps state for the next run.
pub const RETAIN: &str = "RETAIN_ON_CANCELLATION";
/// How many checkpoints are kept: the `JobManager`'s own option, ignored per job.
pub const NUM_RETAINED: &str = "execution.checkpointing.num-retained";
/// The job's name in Flink.
pub const PIPELINE_NAME: &str = "pipeline.name";

/// The new spelling of an option, which is the key itself where there is no other.
pub fn canonical_option(key: &str) -> &str {
    RENAMED.iter().find(|(old, _)| *old == key).map_or(key, |(_, new)| new)
}

/// Why an option may not be set by hand; `None` if it may.
pub(crate) fn refusal(key: &str) -> Option<&'static str> {
    let key = canonical_option(key);
    let under = |prefix: &str| key.starts_with(prefix);
    if under("$internal.") {
        Some("the options under `$internal.` belong to the deployment protocol")
    } else if under("execution.savepoint.")
        || matches!(
            key,
            "execution.state-recovery.path"
                | "execution.state-recovery.claim-mode"
                | "execution.state-recovery.ignore-unclaimed-state"
                | "execution.state-recovery.without-channel-state.checkpoint-id"
        )
    {
        Some("what a run is restored from is decided at each deployment")
    } else if key == "execution.target"
        || key == "execution.attached"
        || key == "yarn.application.id"
        || ["rest.", "high-availability", "security.", "jobmanager.rpc."].iter().any(|p| under(p))
    {
        Some("it belongs to the cluster that jobs are deployed to")
    } else {
        None
    }
}

/// Whether an option brings code into the job, or runs some beside it.
pub(crate) fn brings_code(key: &str) -> bool {
    let key = canonical_option(key);
    matches!(key, "pipeline.jars" | "pipeline.classpaths" | "yarn.ship-files" | "yarn.ship-archives")
        || ["python.", "env.java.", "yarn.provided.", "classloader.", "user.artifacts."]
            .iter()
            .any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_one_step() {
        assert!(RENAMED.is_sorted());
        for (old, new) in RENAMED {
            assert_ne!(old, new);
            assert_eq!(canonical_option(new), *new, "{old} leads to a renamed option");
        }
    }

    #[test]
    fn old_and_new_spellings_are_one_option() {
        for (key, option) in [
            ("state.checkpoints.dir", CHECKPOINT_DIR),
            ("state.savepoints.dir", SAVEPOINT_DIR),
            ("state.backend", "state.backend.type"),
            ("restart-strategy", "restart-strategy.type"),
            ("restart-strategy.fixed-delay.delay", "restart-strategy.fixed-delay.delay"),
            ("execution.checkpointing.dir", CHECKPOINT_DIR),
            ("parallelism.default", "parallelism.default"),
        ] {
            assert_eq!(canonical_option(key), option);
        }
    }

    #[test]
    fn refused_and_code_options() {
        for key in [
            "$internal.pipeline.job-id",
            "execution.savepoint.path",
            "execution.savepoint-restore-mode",
            "execution.state-recovery.path",
            "execution.target",
            "rest.port",
            "high-availability",
            "high-availability.type",
            "security.ssl.rest.enabled",
            "jobmanager.rpc.address",
        ] {
            assert!(refusal(key).is_some(), "{key}");
        }
        for key in ["pipeline.jars", "pipeline.classpaths", "python.files", "env.java.opts", "yarn.ship-directories"] {
            assert!(brings_code(key) && refusal(key).is_none(), "{key}");
        }
        for key in ["pipeline.name", "restart-strategy", "execution.state-recovery.from-local"] {
            assert!(!brings_code(key) && refusal(key).is_none(), "{key}");
        }
    }
}
