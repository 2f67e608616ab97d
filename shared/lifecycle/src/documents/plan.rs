//! The plan: everything the node may do for one job, for every status it can observe, as one immutable value.
//! Must not know how it is carried out.

use std::collections::BTreeSet;

use desired::digest::Digest;
use desired::launch::Launch;
use desired::manifest::{JobManifest, JobName, Meta, OnSavepointFailure};
use desired::secrets::SecretReference;
use desired::target::{Target, version_directory};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::act::OrderedAct;
use crate::change::{Change, ChangeKind};
use crate::decision::{Observed, PlannedAction, action, action_when_suspended};
use crate::documents::Document;
use crate::documents::outcome::{Compiled, RunStarted};
use crate::flink::Epoch;
use crate::ids::{JobId, OperationId};
use crate::state::{StateLocation, kept_at, locations_of_run, savepoint_directory};

/// How long a JobManager surely knows a run that has ended: its `jobstore.expiration-time` is an hour by default.
const KNOWN_FOR: SignedDuration = SignedDuration::from_mins(50);

/// A run of ours that may be live.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KnownRun {
    /// Its Flink job id.
    pub job_id: JobId,
    /// The operation that started it.
    pub operation: OperationId,
    pub version: u32,
    /// The target it was started for.
    pub target: Digest,
    /// The state it was restored from.
    pub restored_from: Option<String>,
    /// The checkpoint directory it was started with, without the version.
    pub checkpoints: String,
    /// The savepoint directory it was started with, without the version.
    pub savepoints: String,
    /// The life of the JobManager that it was given to, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// What Flink told of it as it compiled it.
    #[serde(default)]
    pub compiled: Compiled,
    /// When its operation was planned, where it was left behind: it was given to a JobManager after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Timestamp>,
    /// Version, id and creation that its rows carry, where it was never deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// A stop with savepoint that an operation without a result had asked for: it may be under way still, and whoever asked
/// again under another trigger would abort it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LeftStop {
    /// The operation that asked.
    pub operation: OperationId,
    pub run: JobId,
    /// Which of its tries it was.
    pub n: u32,
    /// Where the savepoint goes.
    pub directory: String,
}

impl KnownRun {
    /// A run of `target` as `version` that `operation` started.
    ///
    /// One that was restored from a checkpoint of its own id keeps its states where that lies: we did not start it.
    pub fn of(target: &Target, version: u32, operation: OperationId, run: RunStarted) -> Self {
        let kept = run.restored_from.as_deref().and_then(|path| kept_at(path, run.job_id));
        let (checkpoints, version) = kept.unwrap_or_else(|| (target.checkpoint_directory(), version));
        Self {
            job_id: run.job_id,
            operation,
            version,
            target: target.digest(),
            restored_from: run.restored_from,
            epoch: run.epoch,
            compiled: run.compiled,
            checkpoints,
            savepoints: target.savepoint_directory(),
            planned: None,
            meta: None,
        }
    }

    /// It keeps its states where this checkpoint of it lies.
    pub fn keeps_states_beside(&mut self, path: &str) {
        if let Some((checkpoints, version)) = kept_at(path, self.job_id) {
            (self.checkpoints, self.version) = (checkpoints, version);
        }
    }

    /// The places where its states lie: under the directories it was started with, wherever later ones go.
    pub fn places(&self) -> Vec<StateLocation> {
        locations_of_run(&self.checkpoints, &self.savepoints, self.version, self.job_id, self.operation)
    }
}

/// What is deployed, as far as an operation needs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Previous {
    /// How it is started again.
    pub launch: Launch,
    /// Its runs since the last restore point, the newest last.
    pub runs: Vec<KnownRun>,
    /// Where its states lie.
    pub places: Vec<StateLocation>,
    /// Where a stop by this operation puts the savepoint.
    pub savepoint_directory: String,
    /// Whether a checkpoint of its runs was ever seen: without any, it may start from its own starting point.
    pub checkpointed: bool,
    /// Whether it was bounded and is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// The state its first run was restored from.
    pub restore_point: Option<String>,
}

impl Previous {
    /// Where states lie that are provably this job's; `run` is the one that was found live, where no other is known.
    pub fn provable_places(&self, run: Option<JobId>) -> Vec<StateLocation> {
        let mut places = Vec::new();
        for place in &self.places {
            match (place, run) {
                (StateLocation::Version { checkpoints, savepoints, shared: true }, Some(run)) => {
                    places.push(StateLocation::checkpoints_of(run, checkpoints));
                    places.push(StateLocation::savepoints_of(run, savepoints, None));
                }
                (place, _) if place.is_provable() => places.push(place.clone()),
                (_, _) => {}
            }
        }
        places
    }

    /// How many slots its run holds: as Flink compiled it, or as its parallelism tells.
    pub fn slots(&self) -> u32 {
        self.runs.last().and_then(|run| run.compiled.slots).unwrap_or(self.launch.slots)
    }
}

/// Time spans of an operation, in milliseconds: configuration, so that tests are quick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Windows {
    /// How long a new run must be stable.
    pub stability_ms: u64,
    /// How long it may take until all its tasks run.
    pub startup_ms: u64,
    /// How long a stop with savepoint may take; after that its outcome is unknown.
    pub stop_ms: u64,
    /// How long a passing state is waited for.
    pub passing_ms: u64,
}

impl Default for Windows {
    fn default() -> Self {
        Self { stability_ms: 30_000, startup_ms: 120_000, stop_ms: 3_600_000, passing_ms: 60_000 }
    }
}

/// One branch of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Branch {
    /// What is observed.
    pub observed: Observed,
    /// What is done then.
    pub action: PlannedAction,
}

/// Which run that we did not start is taken for ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adopt {
    /// None.
    No,
    /// The only live one with the job's name.
    ByName,
    /// This one.
    Run(JobId),
}

/// Everything the node may do for one job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Plan {
    /// The format of this document.
    pub format: u32,
    /// The operation that applies it.
    pub operation: OperationId,
    pub job: JobName,
    /// When it was made.
    pub at: Timestamp,
    /// Who or what asked for it.
    pub by: String,
    /// Why, for people.
    pub reason: String,
    /// What changed.
    pub change: Change,
    /// What is started; nothing for a removal.
    pub next: Option<Launch>,
    /// The manifest that is applied, merged with the template of then: what a rollback to this operation uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Box<JobManifest>>,
    /// What is deployed; nothing for a new job.
    pub previous: Option<Previous>,
    /// Runs of operations that ended without a result.
    pub orphans: Vec<KnownRun>,
    /// Stops of operations that ended without a result, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<LeftStop>,
    /// Whether nothing of the job is to run afterwards, as its file says: what changed is checked, what lives is ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspends: bool,
    /// What a person ordered, if it carries that out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<OrderedAct>,
    /// Which run that we did not start is taken for ours.
    pub adopt: Adopt,
    /// The directory that holds one directory for each run of the Python tool, by its id, if it holds no other job's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt_from: Option<String>,
    /// Whether it may start clean if no state is left, as an operator allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clean_start: bool,
    /// What is done where the savepoint of a stop fails.
    #[serde(default, skip_serializing_if = "OnSavepointFailure::is_keep_running")]
    pub on_savepoint_failure: OnSavepointFailure,
    /// One branch for each thing the node can observe.
    pub branches: Vec<Branch>,
    /// Its time spans.
    pub windows: Windows,
}

impl Document for Plan {
    const FORMAT: u32 = FORMAT;
}

/// The format of plans that this version writes.
pub const FORMAT: u32 = 1;

impl Plan {
    /// One branch for every observation, by the decision table.
    pub fn branches_of(kind: ChangeKind) -> Vec<Branch> {
        Observed::ALL.into_iter().map(|observed| Branch { observed, action: action(kind, observed) }).collect()
    }

    /// The same for a job that is not to run.
    pub fn branches_when_suspended(kind: ChangeKind) -> Vec<Branch> {
        let branch = |observed| Branch { observed, action: action_when_suspended(kind, observed) };
        Observed::ALL.into_iter().map(branch).collect()
    }

    /// The action for what was observed; a plan that lacks it leaves no choice but to wait.
    pub fn action(&self, observed: Observed) -> PlannedAction {
        self.branches.iter().find(|b| b.observed == observed).map_or(PlannedAction::Wait, |b| b.action)
    }

    /// Every secret reference that its launches hold.
    pub fn secrets(&self) -> BTreeSet<SecretReference> {
        let launches = self.next.iter().chain(self.previous.as_ref().map(|previous| &previous.launch));
        launches.flat_map(Launch::secrets).map(|(_, reference)| reference).collect()
    }

    /// The runs of ours that may be live, the deployed ones first.
    pub fn known_runs(&self) -> impl Iterator<Item = &KnownRun> {
        self.previous.iter().flat_map(|p| p.runs.iter().rev()).chain(&self.orphans)
    }

    /// Whether a run is one of ours: this operation's, a deployed one, or one that was left behind.
    pub fn is_ours(&self, run: JobId) -> bool {
        self.operation.starts(run) || self.known_runs().any(|known| known.job_id == run)
    }

    /// The newest run of what `launch` starts again, if all of its sources are bounded and it left no state after which it
    /// goes on: nobody having seen its end, it may have come to it. `found` is the newest state of the lineage, `seen` the
    /// life of the JobManager that was looked at, and when.
    pub fn may_be_complete<'a>(
        &'a self,
        launch: &'a Launch,
        found: Option<&str>,
        seen: Option<(&Epoch, Timestamp)>,
    ) -> Option<&'a KnownRun> {
        let previous = self.previous.as_ref().filter(|previous| previous.launch.version == launch.version);
        let deployed = previous.and_then(|previous| previous.runs.last());
        // One that was left and given to the JobManager that was looked at never came there, or it would be known there.
        let never_came =
            |run: &KnownRun| run.planned.is_some_and(|planned| is_known(seen, run.epoch.as_ref(), planned));
        let left = self.left_of(launch).rev().map(|run| (run, never_came(run)));
        for (run, never_came) in left.chain(deployed.map(|run| (run, false))) {
            if found.is_some_and(|path| self.went_on(run, path)) {
                return None;
            }
            if run.compiled.bounded == Some(true) && !never_came {
                return Some(run);
            }
        }
        None
    }

    /// The runs that were left behind of what `launch` starts again, the newest last.
    pub fn left_of<'a>(&'a self, launch: &'a Launch) -> impl DoubleEndedIterator<Item = &'a KnownRun> {
        self.orphans.iter().filter(|run| run.version == launch.version || run.target == launch.target)
    }

    /// Whether a bounded run had not come to its end when it left this state: Flink deletes the checkpoints of one that
    /// does, and a savepoint says so only if it was a stop's. Any other one may have been taken on the way.
    fn went_on(&self, run: &KnownRun, path: &str) -> bool {
        // What it was restored from stays, whatever became of it: also its own, where it was submitted again.
        if run.restored_from.as_deref() == Some(path) {
            return false;
        }
        let id = run.job_id.to_string();
        let restored = self.previous.as_ref().and_then(|previous| previous.restore_point.as_deref());
        let stopped = self.stops.iter().any(|stop| stop.run == run.job_id && path.starts_with(&stop.directory));
        path.split('/').any(|segment| segment == id) || stopped || restored == Some(path)
    }

    /// Whether the target is the deployed one: a restart has nothing to roll back to.
    pub fn is_restart(&self) -> bool {
        match self.change.kind {
            ChangeKind::Unchanged => !self.suspends,
            ChangeKind::New | ChangeKind::Configuration | ChangeKind::Query | ChangeKind::Removed => false,
        }
    }

    /// Whether it brings a job back that should run and does not.
    pub fn brings_back(&self) -> bool {
        self.is_restart() && self.ordered.is_none()
    }

    /// The state that a person ordered it to start from.
    pub fn given_state(&self) -> Option<&str> {
        self.ordered.as_ref().and_then(|ordered| ordered.act.given())
    }

    /// Where that state lies.
    pub(crate) fn given_place(&self) -> Vec<StateLocation> {
        self.given_state().map(|path| StateLocation::Exactly { path: path.to_owned() }).into_iter().collect()
    }

    /// Whether a person ordered it to start over, or from an older state, while this run goes on from what is left behind.
    pub fn leaves_lineage_of(&self, run: &KnownRun) -> bool {
        let before = self.previous.as_ref().map(|previous| previous.launch.version);
        self.ordered.is_some() && !self.is_restart() && before == Some(run.version)
    }

    /// Whether what is deployed was seen to come to its end, and nobody allowed to start that again: an order may start over.
    pub fn stays_complete(&self) -> bool {
        let allowed = self.clean_start && self.ordered.is_none();
        self.previous.as_ref().is_some_and(|previous| previous.complete) && !allowed
    }

    /// Whether a failed start is answered by starting the deployed manifest again.
    pub fn can_roll_back(&self) -> bool {
        self.previous.is_some() && !self.is_restart()
    }

    /// Where the savepoint of a stop by this operation is put.
    pub fn stop_directory(&self) -> Option<&str> {
        self.previous.as_ref().map(|p| p.savepoint_directory.as_str())
    }
}

/// Whether a look would have shown a run that was given to `epoch` no earlier than `planned`, alive or ended.
pub fn is_known(seen: Option<(&Epoch, Timestamp)>, epoch: Option<&Epoch>, planned: Timestamp) -> bool {
    seen.is_some_and(|(looked_at, at)| epoch == Some(looked_at) && at.duration_since(planned) < KNOWN_FOR)
}

/// The places where the states of `runs` under `target` lie, and `restore_point` itself.
pub fn lineage(
    target: &Target,
    version: u32,
    runs: &[KnownRun],
    restore_point: Option<&str>,
    operation: OperationId,
) -> (Vec<StateLocation>, String) {
    let (checkpoints, savepoints) = (target.checkpoint_directory(), target.savepoint_directory());
    let stop_directory = savepoint_directory(&savepoints, version, operation);
    let mut places: Vec<StateLocation> =
        restore_point.map(|path| StateLocation::Exactly { path: path.to_owned() }).into_iter().collect();
    if runs.is_empty() && restore_point.is_none() {
        places.push(StateLocation::Version {
            checkpoints: version_directory(&checkpoints, version),
            savepoints: version_directory(&savepoints, version),
            shared: !target.has_directories_of_its_own(),
        });
    }
    for run in runs {
        places.extend(run.places());
    }
    places.push(StateLocation::savepoints(stop_directory.clone()));
    (places, stop_directory)
}
