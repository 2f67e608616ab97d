//! Flink's options by name: which spellings mean one option, and which a manifest may not set.
//! Must not know values or files; which names there are is in the catalogue.

use super::catalogue::{self, Names};

/// Where checkpoints go.
pub const CHECKPOINT_DIR: &str = "execution.checkpointing.dir";
/// Where savepoints go.
pub const SAVEPOINT_DIR: &str = "execution.checkpointing.savepoint-dir";
/// Whether checkpoints outlive a cancelled run.
pub const RETENTION: &str = "execution.checkpointing.externalized-checkpoint-retention";
/// The one retention that keeps state for the next run.
pub const RETAIN: &str = "RETAIN_ON_CANCELLATION";
/// Whether checkpoints lie below a directory that is named after the run: nothing else tells whose they are.
pub(crate) const CREATE_SUBDIR: &str = "execution.checkpointing.create-subdir";
/// Whether a submission waits for the end of the job.
pub(crate) const DML_SYNC: &str = "table.dml-sync";
/// The job's name in Flink.
pub const PIPELINE_NAME: &str = "pipeline.name";

/// The new spelling of an option, which is the key itself where there is no other.
pub fn canonical_option(key: &str) -> &str {
    catalogue::renamed(key).unwrap_or(key)
}

/// Why an option may not be set by hand; `None` if it may.
pub(crate) fn refusal(key: &str) -> Option<&'static str> {
    catalogue::set_by(key).find_map(refusal_of)
}

fn refusal_of(key: &str) -> Option<&'static str> {
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
    catalogue::set_by(key).any(|key| {
        matches!(key, "pipeline.jars" | "pipeline.classpaths" | "yarn.ship-files" | "yarn.ship-archives")
            || ["python.", "env.java.", "yarn.provided.", "classloader.", "user.artifacts."]
                .iter()
                .any(|prefix| key.starts_with(prefix))
    })
}

/// What an option of this value does that is for those alone who may bring code, or write `config/`.
pub(crate) fn reach(key: &str, text: &str) -> Option<&'static str> {
    catalogue::set_by(key).find_map(|key| catalogue::names(key, text)).map(|names| match names {
        Names::Classes => "names a class that Flink would run",
        Names::Files => "names files that Flink would read or write with its own rights",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_leads_to_the_new_spelling() {
        let mut renamed = 0;
        for old in catalogue::spellings() {
            let new = canonical_option(old);
            assert_eq!(canonical_option(new), new, "{old} leads to a renamed option");
            assert!(catalogue::option(new).is_some(), "{old} leads nowhere");
            renamed += usize::from(new != old);
        }
        assert!(renamed > 150, "{renamed}");
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
            // It became two options, and is none of them.
            ("state.backend.local-recovery", "state.backend.local-recovery"),
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
            // Each became two options.
            "web.port",
            "jobmanager.web.port",
            "jobmanager.web.address",
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
