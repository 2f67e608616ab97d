//! What is known of a job beside its decision: what becomes of its state and how old that is, slots, the last downtime.
//! Must not guess: what nobody measured is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use control::documents::fetch;
use control::fan_out::FanOut;
use control::orchestrator::{Orchestrator, RecordSeen};
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::change::ChangeKind;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::Status;
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::{JobId, OperationId};
use serde::{Deserialize, Serialize};

/// How many documents are read at one time.
const READS: usize = 16;
/// Of how many jobs the last downtime is looked for.
const DOWNTIMES: usize = 200;

/// What becomes of a job's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateFate {
    /// It has none.
    #[default]
    None,
    /// It goes on from it, or it is kept for when the job comes back.
    Kept,
    /// It goes back to the state that was ordered: what came since does not count.
    Given,
    /// It starts clean.
    Lost,
}

impl StateFate {
    /// What becomes of the state of the job that `plan` is about.
    pub fn of(plan: &Plan) -> Self {
        if plan.given_state().is_some() {
            return Self::Given;
        }
        match plan.change.kind {
            ChangeKind::New => Self::None,
            ChangeKind::Query => Self::Lost,
            ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Removed => Self::Kept,
        }
    }
}

/// What is known of a job's runs and their states.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// How many slots what is started needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// How many the run in its place holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots_before: Option<u32>,
    /// The newest state that the last look at the cluster showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_state: Option<NewestState>,
    /// How long the job was down when a run of it was last replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime: Option<Downtime>,
}

/// A completed checkpoint or savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestState {
    /// When it was triggered.
    pub at: Timestamp,
    /// How old it is.
    pub age_s: u64,
    /// When the cluster was looked at: later ones are not known here.
    pub seen_at: Timestamp,
}

/// A downtime that was measured on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downtime {
    pub ms: u64,
    pub operation: OperationId,
    pub at: Timestamp,
}

impl Measured {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in what the record and the last look tell.
    pub(crate) fn note(
        &mut self,
        plan: &Plan,
        record: Option<&RecordSeen>,
        look: Option<&ObservedDocument>,
        now: Timestamp,
    ) {
        let Some(previous) = &plan.previous else { return };
        let runs = record.is_some_and(|record| record.status == Some(Status::Running));
        self.slots_before = runs.then(|| previous.slots());
        let run = previous.runs.last().map(|run| run.job_id);
        self.newest_state = run.zip(look).and_then(|(run, look)| newest_state(run, look, now));
    }
}

/// The newest completed state of a run that a look showed.
fn newest_state(run: JobId, look: &ObservedDocument, now: Timestamp) -> Option<NewestState> {
    let found = look.checkpoints.iter().find(|checkpoint| checkpoint.job_id == run && checkpoint.completed)?;
    let at = Timestamp::from_millisecond(found.at_ms).ok()?;
    let age_s = u64::try_from(now.duration_since(at).as_secs()).unwrap_or(0);
    Some(NewestState { at, age_s, seen_at: look.look.at })
}

/// The last measured downtimes of these jobs; of too many, of the first ones.
pub(crate) async fn downtimes(
    orchestrator: &Arc<Orchestrator>,
    records: impl IntoIterator<Item = (JobName, Vec<OperationId>)>,
) -> BTreeMap<JobName, Downtime> {
    let mut reads = FanOut::new(READS, records.into_iter().take(DOWNTIMES), |(name, operations)| {
        let orchestrator = Arc::clone(orchestrator);
        async move { (downtime(&orchestrator, &name, operations).await, name) }
    });
    let mut found = BTreeMap::new();
    while let Some(read) = reads.next().await {
        // A result that cannot be read says nothing: the plan is the same without.
        if let Ok((Some(downtime), name)) = read {
            found.insert(name, downtime);
        }
    }
    found
}

async fn downtime(orchestrator: &Orchestrator, name: &JobName, operations: Vec<OperationId>) -> Option<Downtime> {
    for operation in operations {
        let key = orchestrator.settings.keys.result(name, operation);
        let result = fetch::<OperationResult>(orchestrator.store.as_ref(), &key).await.ok().flatten();
        if let Some((result, ms)) = result.and_then(|(result, _)| Some((result.at, result.downtime_ms?))) {
            return Some(Downtime { ms, operation, at: result });
        }
    }
    None
}
