//! How the session stands: one look at YARN, at its `JobManager` and at the document.
//! Must not change anything.

use std::collections::BTreeMap;

use lifecycle::flink::Slots;
use lifecycle::session::{Restart, Starting};
use serde::Serialize;

use super::{SessionAdmin, SessionSeen};
use crate::ports::OutsideError;

/// How Flink is told whether a session outlives its JobManager.
const HIGH_AVAILABILITY: [&str; 2] = ["high-availability.type", "high-availability"];

/// What YARN shows of the session.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SessionState {
    /// It runs.
    Running {
        application: String,
        /// Which of its attempts.
        attempt: u32,
        /// Its JobManager's address.
        jobmanager: String,
    },
    /// It is being started.
    Starting { application: String },
    /// There is none.
    Absent {
        /// Flink applications of other names.
        others: Vec<String>,
    },
    /// There are several of its name.
    Several {
        /// All of them.
        applications: Vec<String>,
    },
}

/// How the session stands.
#[derive(Clone, Debug, Serialize)]
pub struct SessionStatus {
    /// `flink-sql-runner/session-status`.
    pub format: &'static str,
    /// The version of this answer's shape.
    pub version: u32,
    /// The session's name or id.
    pub session: String,
    /// What YARN shows of it.
    #[serde(flatten)]
    pub state: SessionState,
    /// Why its JobManager says nothing, if it does not.
    pub silent: Option<String>,
    /// Whether jobs outlive a JobManager.
    pub high_availability: Option<bool>,
    /// Its slots, and those of the task managers that YARN can still grant.
    pub slots: Option<Slots>,
    /// How many jobs are in which state.
    pub jobs: BTreeMap<String, usize>,
    /// Whether the session outlives the ResourceManager.
    pub resource_manager_recovers: Option<bool>,
    /// Who starts a session.
    pub starting: Option<Starting>,
    /// The restart under way.
    pub restart: Option<Restart>,
    /// The last one that came to its end.
    pub last_restart: Option<Restart>,
    /// Warnings.
    pub warnings: Vec<String>,
}

impl SessionAdmin {
    /// How the session stands.
    pub async fn status(&self) -> Result<SessionStatus, OutsideError> {
        let document = self.documents.read().await?;
        let seen = self.sessions.seen(&self.session).await?;
        let mut status = SessionStatus {
            format: "flink-sql-runner/session-status",
            version: 1,
            session: self.session.to_string(),
            state: shown(&seen),
            silent: None,
            high_availability: None,
            slots: None,
            jobs: BTreeMap::new(),
            resource_manager_recovers: self.sessions.recovers().await.ok(),
            starting: document.starting,
            restart: document.restart,
            last_restart: document.last,
            warnings: Vec::new(),
        };
        if let SessionSeen::Running(session) = &seen {
            let cluster = self.sessions.cluster(session)?;
            match cluster.look().await {
                Ok(look) => {
                    status.slots = look.slots;
                    for job in &look.jobs {
                        let state = serde_json::to_value(job.state).ok();
                        let state = state.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
                        *status.jobs.entry(state).or_default() += 1;
                    }
                    status.high_availability = cluster.options().await.ok().map(|options| is_on(&options));
                    status.warnings = self.warnings(cluster.as_ref()).await;
                }
                Err(error) => status.silent = Some(crate::errors::error_chain(&error)),
            }
        }
        Ok(status)
    }
}

fn shown(seen: &SessionSeen) -> SessionState {
    match seen {
        SessionSeen::Running(session) => SessionState::Running {
            application: session.application.clone(),
            attempt: session.attempt,
            jobmanager: session.endpoint.to_string(),
        },
        SessionSeen::Starting { application } => SessionState::Starting { application: application.clone() },
        SessionSeen::Absent { others } => SessionState::Absent { others: others.clone() },
        SessionSeen::Several(all) => SessionState::Several { applications: all.clone() },
    }
}

fn is_on(options: &BTreeMap<String, String>) -> bool {
    let set = HIGH_AVAILABILITY.into_iter().find_map(|name| options.get(name));
    set.is_some_and(|kind| !kind.trim().is_empty() && !kind.trim().eq_ignore_ascii_case("none"))
}
