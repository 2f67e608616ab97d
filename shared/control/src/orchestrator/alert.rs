//! What people must know of at once: one alert for one cause, however many jobs it concerns.
//! Must not know how they are told.

use std::collections::BTreeMap;
use std::fmt;

use lifecycle::flink::Epoch;
use lifecycle::manifest::JobName;
use lifecycle::orchestrate::Lost;

use super::records::Versioned;

/// Something that people must know of at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alert {
    /// The JobManager that these jobs ran under is gone; they are brought back under another one.
    LostCluster {
        /// The JobManager that is there now.
        epoch: Epoch,
        /// The jobs that are not on it.
        jobs: Vec<JobName>,
    },
}

impl Alert {
    /// Its kind, by which alerts are counted.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LostCluster { .. } => "lost-cluster",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostCluster { epoch, jobs } => {
                let names: Vec<&str> = jobs.iter().map(JobName::as_str).collect();
                write!(f, "{} jobs went with their JobManager and are brought back under {epoch}: ", jobs.len())?;
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// The one alert about jobs that went with their JobManager. A look that is told twice finds newer records, and
/// raises none.
pub(super) fn lost_cluster(
    epoch: Epoch,
    lost: &BTreeMap<JobName, Lost>,
    records: &[(JobName, Versioned)],
) -> Option<Alert> {
    let went = |(name, (record, _)): &(JobName, Versioned)| {
        let (record, lost) = (record.as_ref()?, lost.get(name)?);
        let run = record.deployed.as_ref()?.runs.last()?;
        let same = record.revision == lost.revision && record.open.is_none() && run.job_id == lost.job_id;
        (same && run.epoch.as_ref().is_some_and(|before| *before != epoch)).then(|| name.clone())
    };
    let jobs: Vec<JobName> = records.iter().filter_map(went).collect();
    (!jobs.is_empty()).then_some(Alert::LostCluster { epoch, jobs })
}
