//! What a look at the cluster means for one job: which of our runs is live, and in what shape.
//! Must not know what will be done about it.

use jiff::{SignedDuration, Timestamp};

use super::Ending;
use crate::decision::Observed;
use crate::documents::claim::{NewestNote, Notes};
use crate::documents::plan::{Adopt, Plan, Previous};
use crate::flink::{Epoch, JobSeen, JobState};
use crate::ids::JobId;

/// What the node knows of one job after a look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobLook {
    /// Whose view it is.
    pub epoch: Epoch,
    /// When it was taken.
    pub at: Timestamp,
    /// The jobs with a known id or the job's name.
    pub jobs: Vec<JobSeen>,
    /// For each of them that is FINISHED, and ours or of a name that is taken over: the savepoint it ended with, or nothing
    /// if it came to its end.
    pub ended_with: Vec<(JobId, Option<String>)>,
    /// Runs of ours that are not there and were given to another JobManager incarnation, which may still be alive.
    pub unproven: Vec<(JobId, Epoch)>,
    /// Whether a live run of ours has completed a checkpoint.
    pub checkpointed: bool,
    /// Live runs that a directory of the Python tool is named after.
    pub by_directory: Vec<JobId>,
    /// For each live run: its newest checkpoint.
    pub newest: Vec<(JobId, String)>,
    /// When that was triggered, by the JobManager's clock.
    pub newest_at: Vec<(JobId, Timestamp)>,
}

impl JobLook {
    /// A look that shows these jobs and nothing beside them.
    pub fn of(epoch: Epoch, at: Timestamp, jobs: Vec<JobSeen>) -> Self {
        Self {
            epoch,
            at,
            jobs,
            ended_with: Vec::new(),
            unproven: Vec::new(),
            checkpointed: false,
            by_directory: Vec::new(),
            newest: Vec::new(),
            newest_at: Vec::new(),
        }
    }

    /// The job with this id.
    pub fn job(&self, id: JobId) -> Option<&JobSeen> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// How a FINISHED run ended: with a savepoint, or by itself.
    pub fn ending(&self, id: JobId) -> Option<Option<&str>> {
        self.ended_with.iter().find(|(job, _)| *job == id).map(|(_, savepoint)| savepoint.as_deref())
    }

    /// The newest checkpoint of a live run.
    pub fn newest_of(&self, id: JobId) -> Option<String> {
        self.newest.iter().find(|(job, _)| *job == id).map(|(_, path)| path.clone())
    }

    /// How long ago the newest checkpoint of a live run was triggered: less than nothing where clocks differ.
    pub fn newest_age(&self, id: JobId) -> Option<SignedDuration> {
        let triggered = self.newest_at.iter().find(|(job, _)| *job == id).map(|(_, at)| *at)?;
        Some(self.at.duration_since(triggered))
    }

    /// The job with this id, if it is not at its end.
    pub fn live(&self, id: JobId) -> Option<&JobSeen> {
        self.job(id).filter(|job| !job.state.is_terminal())
    }
}

/// What was observed, with the run it was observed on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Observation {
    /// The column of the decision table.
    pub observed: Observed,
    pub run: Option<JobId>,
    /// How what is deployed ended, where that run is none of it.
    pub ended: Ending,
}

impl Observation {
    fn of(observed: Observed, run: JobId) -> Self {
        Self { observed, run: Some(run), ended: Ending::NotSeen }
    }
}

/// The shape of a live run.
pub(super) fn shape(job: &JobSeen) -> Observed {
    match job.state {
        JobState::Running if job.is_healthy() => Observed::Running,
        JobState::Running | JobState::Restarting | JobState::Initializing | JobState::Created => Observed::Unhealthy,
        JobState::Failing | JobState::Cancelling | JobState::Suspended | JobState::Reconciling => Observed::Passing,
        JobState::Failed | JobState::Canceled | JobState::Finished => Observed::Gone,
    }
}

/// The live runs that may be this job's although we did not start them: those that a directory of it is named after,
/// else those of its name. Identity is the job id: a name that merely contains ours is a stranger (B6).
pub fn candidates(plan: &Plan, look: &JobLook) -> Vec<JobId> {
    let by_directory = look.by_directory.iter().copied().filter(|id| look.live(*id).is_some());
    let by_directory: Vec<JobId> = by_directory.collect();
    if !by_directory.is_empty() {
        return by_directory;
    }
    let named = look.jobs.iter().filter(|j| j.name == plan.job.as_str() && !j.state.is_terminal());
    named.map(|job| job.id).filter(|id| !plan.is_ours(*id)).collect()
}

/// The run that is taken for ours although we did not start it; several are nobody's.
fn adopted(plan: &Plan, look: &JobLook) -> Option<JobId> {
    match plan.adopt {
        Adopt::No => None,
        Adopt::Run(id) => Some(id),
        Adopt::ByName => match candidates(plan, look)[..] {
            [id] => Some(id),
            [] | [_, ..] => None,
        },
    }
}

/// The newest checkpoint of the live run from whose states the deployed manifest goes on, adopted or not.
fn newest_state(plan: &Plan, look: &JobLook) -> Option<NewestNote> {
    let deployed = plan.previous.as_ref()?.runs.iter().rev().map(|run| run.job_id);
    let run = deployed.chain(adopted(plan, look)).find(|id| look.live(*id).is_some())?;
    look.newest_of(run).map(|path| NewestNote { run, path })
}

/// Notes what a look told of the states of the deployed run: later ones may not find it alive.
pub(super) fn note_states(plan: &Plan, notes: &mut Notes, look: &JobLook) {
    notes.checkpointed |= look.checkpointed;
    notes.complete |= plan.previous.is_some() && matches!(observe(plan, look).ended, Ending::Complete(_));
    notes.newest = newest_state(plan, look).or(notes.newest.take());
}

/// What `look` shows of the plan's job.
pub fn observe(plan: &Plan, look: &JobLook) -> Observation {
    let ours = || plan.known_runs().map(|run| run.job_id).chain(adopted(plan, look));
    if let Some(job) = ours().find_map(|id| look.live(id)) {
        return Observation { ended: ended_beside(plan, look, job.id), ..Observation::of(shape(job), job.id) };
    }
    if let Some(id) = candidates(plan, look).first() {
        return Observation::of(Observed::Foreign, *id);
    }
    if let Some((id, _)) = look.unproven.first() {
        return Observation::of(Observed::Unproven, *id);
    }
    let ended = ending(plan, look);
    let (observed, run) = match &ended {
        Ending::Complete(id) => (Observed::Complete, Some(*id)),
        Ending::Savepoint(id, _) => (Observed::StoppedOutside, Some(*id)),
        Ending::NotSeen => (Observed::Gone, None),
    };
    Observation { observed, run, ended }
}

/// Only the newest run of the deployed manifest tells whether the job is complete: one that was left went on from it.
fn ending(plan: &Plan, look: &JobLook) -> Ending {
    let deployed = plan.previous.iter().filter_map(|previous| previous.runs.last());
    let left = plan.previous.iter().flat_map(|previous| plan.left_of(&previous.launch).rev());
    let newest = left.chain(deployed).find_map(|run| Some((run.job_id, look.ending(run.job_id)?)));
    match newest {
        Some((id, None)) => Ending::Complete(id),
        Some((id, Some(path))) => Ending::Savepoint(id, path.to_owned()),
        None => complete_of_its_name(plan, look).map_or(Ending::NotSeen, Ending::Complete),
    }
}

/// Where no run of what is deployed is known yet: the newest job of its name, if that came to its end by itself.
fn complete_of_its_name(plan: &Plan, look: &JobLook) -> Option<JobId> {
    let is_unknown = plan.previous.as_ref().is_some_and(|previous| previous.runs.is_empty());
    if plan.adopt != Adopt::ByName || !is_unknown {
        return None;
    }
    let named = look.jobs.iter().filter(|job| job.name == plan.job.as_str());
    let newest = named.max_by_key(|job| job.started_ms)?;
    (look.ending(newest.id) == Some(None)).then_some(newest.id)
}

/// How what is deployed ended, if `run` is of another version.
pub(super) fn ended_beside(plan: &Plan, look: &JobLook, run: JobId) -> Ending {
    if is_of_another_version(plan, run) { ending(plan, look) } else { Ending::NotSeen }
}

/// Whether a run was left by an operation that was to deploy another version: its end tells nothing of what is deployed.
pub(super) fn is_of_another_version(plan: &Plan, run: JobId) -> bool {
    let of_deployed = |previous: &Previous| plan.left_of(&previous.launch).any(|left| left.job_id == run);
    plan.orphans.iter().any(|orphan| orphan.job_id == run) && !plan.previous.as_ref().is_some_and(of_deployed)
}
