//! How a job is to be operated: who owns it, whether it runs, how it is watched and stopped.
//! Must not know what it computes, nor how a field is written in YAML.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time_span::TimeSpan;

/// What a manifest says of the operation of its job. None of it is an option of Flink's, and the Python tool knows none
/// of it: it is not in deployed manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Operating {
    /// Who answers for the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether it is to run.
    #[serde(skip_serializing_if = "WantedState::is_running")]
    pub state: WantedState,
    /// How long a new run of it must be stable, where it is not as long as everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability_window: Option<TimeSpan>,
    /// What is done where the savepoint of its stop fails.
    #[serde(skip_serializing_if = "OnSavepointFailure::is_keep_running")]
    pub on_savepoint_failure: OnSavepointFailure,
}

/// What is done about a job whose stop could not write its savepoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum OnSavepointFailure {
    /// It runs on.
    #[default]
    KeepRunning,
    /// It is cancelled and goes on from its newest checkpoint, if that is no older than this.
    Checkpoint { max_age: TimeSpan },
}

impl OnSavepointFailure {
    pub(crate) const KEEP_RUNNING: &str = "keep-running";
    pub(crate) const CHECKPOINT: &str = "checkpoint";

    pub fn is_keep_running(&self) -> bool {
        match self {
            Self::KeepRunning => true,
            Self::Checkpoint { .. } => false,
        }
    }

    /// As it is written, with the age of a checkpoint.
    fn said(self) -> (&'static str, Option<TimeSpan>) {
        match self {
            Self::KeepRunning => (Self::KEEP_RUNNING, None),
            Self::Checkpoint { max_age } => (Self::CHECKPOINT, Some(max_age)),
        }
    }
}

/// Whether a job is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WantedState {
    #[default]
    Running,
    /// It is checked, and nothing of it runs; its state is kept.
    Suspended,
}

impl WantedState {
    pub(crate) const ALL: [Self; 2] = [Self::Running, Self::Suspended];

    pub fn is_suspended(self) -> bool {
        !self.is_running()
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    fn is_running(&self) -> bool {
        match self {
            Self::Running => true,
            Self::Suspended => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Suspended => "suspended",
        }
    }
}

impl Operating {
    /// Whether nothing is said: then it is not written either, and digests are those of manifests without these fields.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What is said of watching and stopping it, as it is written; nothing of what goes without saying.
    pub(crate) fn wishes(&self) -> impl Iterator<Item = (&'static str, String)> {
        let wishes = Self { owner: None, ..self.clone() }.said().into_iter();
        wishes.filter(|(field, value)| *field != "state" && value != OnSavepointFailure::KEEP_RUNNING)
    }

    /// Each field that is said or has a default, with its value, for comparing and showing.
    pub fn said(&self) -> Vec<(&'static str, String)> {
        let Self { owner, state, stability_window, on_savepoint_failure } = self;
        let owner = owner.as_ref().map(|owner| ("owner", owner.clone()));
        let state = ("state", state.as_str().to_owned());
        let window = stability_window.map(|window| ("stability-window", window.to_string()));
        let (failure, age) = on_savepoint_failure.said();
        let failure = ("on-savepoint-failure", failure.to_owned());
        let age = age.map(|age| ("max-checkpoint-age", age.to_string()));
        owner.into_iter().chain([state]).chain(window).chain([failure]).chain(age).collect()
    }
}
