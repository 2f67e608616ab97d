//! Warnings about a session that runs: what it would not outlive, and what it was not started with.
//! Must not change anything.

use std::collections::BTreeMap;

use desired::manifest::megabytes;
use desired::session_settings::SessionSettings;

use super::{SessionAdmin, SessionCluster};

/// How often YARN starts an application's first container again.
const MAX_ATTEMPTS: &str = "yarn.resourcemanager.am.max-attempts";
/// What Flink shows in the place of a secret.
const HIDDEN: &str = "******";

impl SessionAdmin {
    /// All warnings; what cannot be found out is left out.
    pub async fn warnings(&self, cluster: &dyn SessionCluster) -> Vec<String> {
        let mut warnings = Vec::new();
        if matches!(self.sessions.recovers().await, Ok(false)) {
            warnings.push(
                "the ResourceManager keeps no state (yarn.resourcemanager.recovery.enabled): its restart ends the session"
                    .to_owned(),
            );
        }
        if self.settings.high_availability.is_some()
            && let Ok(Some(text)) = self.sessions.setting(MAX_ATTEMPTS).await
            && text.trim().parse::<u32>().is_ok_and(|attempts| attempts < 2)
        {
            warnings.push(format!(
                "{MAX_ATTEMPTS} is {}: YARN does not start a JobManager again, whatever high-availability says",
                text.trim()
            ));
        }
        if let Ok(options) = cluster.options().await {
            let different = differences(&self.settings, &options);
            if !different.is_empty() {
                warnings.push(format!(
                    "the session was started with other settings: {}; `flink-sql-runner session restart` applies them",
                    different.join(", ")
                ));
            }
        }
        warnings
    }
}

/// The options that a session would be started with and that the running one does not have.
fn differences(settings: &SessionSettings, options: &BTreeMap<String, String>) -> Vec<String> {
    let Ok(wanted) = settings.effective() else { return Vec::new() };
    let mut different = Vec::new();
    for (name, value) in wanted {
        match options.get(&name) {
            Some(running) if running == HIDDEN || same(running, &value) => {}
            Some(running) => {
                different.push(format!("{name} is {}, not {value}", desired::printable::readable(running)));
            }
            None => different.push(format!("{name} is not set, not {value}")),
        }
    }
    different
}

/// Flink writes sizes in its own way.
fn same(running: &str, wanted: &str) -> bool {
    let (running, wanted) = (running.trim(), wanted.trim());
    running.eq_ignore_ascii_case(wanted)
        || matches!((megabytes(running), megabytes(wanted)), (Some(a), Some(b)) if a == b && has_unit(running) && has_unit(wanted))
}

fn has_unit(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_by_meaning() {
        let settings = SessionSettings::default();
        let mut options = settings.effective().unwrap();
        options.insert("jobmanager.memory.process.size".to_owned(), "2 gb".to_owned());
        options.insert(
            "execution.checkpointing.externalized-checkpoint-retention".to_owned(),
            "retain_on_cancellation".to_owned(),
        );
        options.insert("rest.port".to_owned(), "0".to_owned());
        assert!(differences(&settings, &options).is_empty());
        options.insert("taskmanager.numberOfTaskSlots".to_owned(), "1".to_owned());
        options.remove("job-result-store.delete-on-commit");
        assert_eq!(
            differences(&settings, &options),
            ["job-result-store.delete-on-commit is not set, not false", "taskmanager.numberOfTaskSlots is 1, not 4"]
        );
    }
}
