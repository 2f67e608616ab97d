//! What is being done about a job or waits to be done: who asked for it, and why.
//! Must not know what came of it: that is the history.

use jiff::Timestamp;
use lifecycle::act::{ActKind, OrderedAct};
use lifecycle::change::ChangeKind;
use lifecycle::documents::record::{OpenOperation, Record, Turned};
use lifecycle::ids::OperationId;
use serde::{Deserialize, Serialize};

/// An operation under way, or an order that waits to become one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsettled {
    /// The operation; nothing while the order waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationId>,
    /// When it was planned or ordered.
    pub at: Timestamp,
    /// The version that it is about.
    pub version: Option<u32>,
    pub change: ChangeKind,
    /// What a person ordered, if it carries that out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted: Option<ActKind>,
    /// Whether it suspends or resumes the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<Turned>,
    /// Who or what asked for it.
    pub by: String,
    pub why: String,
}

impl Unsettled {
    /// All of a job, what is under way first.
    pub(crate) fn all(record: &Record) -> Vec<Self> {
        let open = record.open.as_ref();
        let carried_out = open.and_then(|open| open.plan.ordered.as_ref()).map(|ordered| ordered.id);
        let waits = record.ordered.as_ref().filter(|ordered| carried_out != Some(ordered.id));
        let version = record.deployed.as_ref().map(|deployed| deployed.meta.query_version);
        let waiting = waits.map(|ordered| Self::waiting(ordered, version));
        open.map(|open| Self::under_way(open, record)).into_iter().chain(waiting).collect()
    }

    fn under_way(open: &OpenOperation, record: &Record) -> Self {
        let plan = &open.plan;
        let launches = plan.next.as_ref().or(plan.previous.as_ref().map(|previous| &previous.launch));
        Self {
            operation: Some(plan.operation),
            at: plan.at,
            version: launches.map(|launch| launch.version),
            change: plan.change.kind,
            acted: plan.ordered.as_ref().map(|ordered| ordered.act.kind()),
            turned: open.turns(record),
            by: plan.by.clone(),
            why: plan.reason.clone(),
        }
    }

    fn waiting(ordered: &OrderedAct, version: Option<u32>) -> Self {
        let told = ordered.told();
        Self {
            operation: None,
            at: ordered.at,
            version,
            change: ordered.act.change(),
            acted: Some(ordered.act.kind()),
            turned: None,
            by: ordered.by.clone(),
            why: ordered.debt.as_ref().map_or_else(|| told.clone(), |debt| format!("{told}: {}", debt.error)),
        }
    }
}
