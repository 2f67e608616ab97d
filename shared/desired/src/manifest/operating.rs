//! How a job is to be operated: who owns it, whether it runs, how it is watched and stopped.
//! Must not know what it computes, nor how a field is written in YAML.

use serde::{Deserialize, Serialize};

/// What a manifest says of the operation of its job. None of it is an option of Flink's, and the Python tool knows none
/// of it: it is not in deployed manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Operating {
    /// Who answers for the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl Operating {
    /// Whether nothing is said: then it is not written either, and digests are those of manifests without these fields.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Each field that is said, with its value, for comparing and showing.
    pub fn said(&self) -> Vec<(&'static str, String)> {
        let Self { owner } = self;
        let owner = owner.as_ref().map(|owner| ("owner", owner.clone()));
        owner.into_iter().collect()
    }
}
