//! What the answer to a plan of local files tells beside the decisions, and what the plan rests on.
//! Must not know how it is worked out.

use std::collections::BTreeMap;

use desired::manifest::JobName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::session_file::SessionChange;

/// What the files that a plan was asked about come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewAnswer {
    /// Files that were given alone and would go elsewhere than their own path says: to where their manifest lies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub placed: BTreeMap<String, String>,
    /// The paths of the uploaded files that would be deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removals: Vec<String>,
    /// Whether the uploaded settings of the session would be others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionChange>,
    /// The slots of the cluster by the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<SlotsSeen>,
    /// What the plan rests on, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

/// The slots of the cluster when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotsSeen {
    pub total: u32,
    pub free: u32,
    pub at: Timestamp,
}

/// What a plan rests on: whatever of it changes may make it another plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The versions of the uploaded files that count, by their paths; nothing for those that would be new.
    pub uploads: BTreeMap<String, Option<String>>,
    /// The revisions of the records; nothing for a job that has none.
    pub records: BTreeMap<JobName, Option<u64>>,
}
