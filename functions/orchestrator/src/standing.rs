//! How a job stands, in one word, and what a run that is alive suffers from.
//! Must not know how that came about, nor how it is shown.

use std::str::FromStr;

use lifecycle::alert_conditions::AlertKind;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::ids::JobId;
use lifecycle::run_conditions::of_one;
use serde::{Deserialize, Serialize};

/// How a job stands, from what is worst to what is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Its record cannot be read.
    NotReadable,
    /// It should run, and does not.
    NotRunning,
    /// It should run; an operation ended without a result.
    Unknown,
    /// Nothing is deployed, and its upload is refused.
    Refused,
    /// It was tried, or is under way for the first time.
    NotDeployed,
    /// It was uploaded just now.
    NotJudged,
    /// It runs.
    Running,
    /// It was bounded and is done.
    Complete,
    /// Its file says so: stopped, its state kept.
    Suspended,
    /// It was removed, its state kept.
    Stopped,
    /// Nothing of it is left: shown only where it is named.
    Forgotten,
}

impl Standing {
    /// Every word.
    pub const ALL: [Self; 11] = [
        Self::NotReadable,
        Self::NotRunning,
        Self::Unknown,
        Self::Refused,
        Self::NotDeployed,
        Self::NotJudged,
        Self::Running,
        Self::Complete,
        Self::Suspended,
        Self::Stopped,
        Self::Forgotten,
    ];

    /// The one spelling: as a flag takes it, as the tables show it, as the JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotReadable => "not-readable",
            Self::NotRunning => "not-running",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::NotDeployed => "not-deployed",
            Self::NotJudged => "not-judged",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Suspended => "suspended",
            Self::Stopped => "stopped",
            Self::Forgotten => "forgotten",
        }
    }

    /// Whether somebody has to know of it.
    pub fn is_wrong(self) -> bool {
        match self {
            Self::NotReadable | Self::NotRunning | Self::Unknown | Self::Refused => true,
            // What was tried and failed is owed.
            Self::NotDeployed
            | Self::NotJudged
            | Self::Running
            | Self::Complete
            | Self::Suspended
            | Self::Stopped
            | Self::Forgotten => false,
        }
    }
}

/// A word that is none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no job stands so")]
pub struct NoStanding;

impl FromStr for Standing {
    type Err = NoStanding;

    fn from_str(word: &str) -> Result<Self, NoStanding> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == word).ok_or(NoStanding)
    }
}

/// What a run suffers from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTrouble {
    /// What people are alerted of; nothing if the run only was not healthy when it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertKind>,
    /// What was seen, with the failure that Flink told and, in a second line, its root cause.
    pub text: String,
}

impl RunTrouble {
    /// What the look tells of this run.
    pub(crate) fn of(run: JobId, look: &ObservedDocument) -> Option<Self> {
        if let Some(condition) = of_one(look, run) {
            return Some(Self { alert: Some(condition.kind), text: condition.detail });
        }
        look.look.job(run).filter(|seen| !seen.is_healthy())?;
        let failure = look.since.iter().find(|since| since.job_id == run)?.failure.as_ref()?;
        Some(Self { alert: None, text: format!("its newest failure: {failure}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_spelling() {
        for standing in Standing::ALL {
            assert_eq!(serde_json::to_value(standing).unwrap(), standing.as_str());
            assert_eq!(standing.as_str().parse(), Ok(standing));
        }
        assert!("Running".parse::<Standing>().is_err());
    }
}
