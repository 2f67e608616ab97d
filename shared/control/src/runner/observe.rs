//! What a look means for one operation, and what is asked beside a look: unproven ends, how a run ended.
//! Must not know what follows from it.

use jiff::Timestamp;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::plan::{Adopt, Plan};
use lifecycle::execute::JobLook;
use lifecycle::flink::{Epoch, JobSeen, JobState, Look};
use lifecycle::ids::JobId;

use crate::ports::{Child, Cluster, Files, OutsideError};

/// What a look shows of the plan's job; a FINISHED run is asked how it ended.
pub async fn job_look(
    cluster: &dyn Cluster,
    files: &dyn Files,
    plan: &Plan,
    claim: Option<&Claim>,
    look: &Look,
) -> Result<JobLook, OutsideError> {
    let stopped = claim.and_then(|claim| claim.notes.stop.as_ref()).map(|note| note.run);
    let known = |id: JobId| stopped == Some(id) || plan.is_ours(id);
    let unproven = unproven(cluster, plan, claim, look).await?;
    let by_directory = by_directory(files, plan, look).await?;
    let concerned = |job: &&JobSeen| {
        let adopted = by_directory.contains(&job.id) || plan.adopt == Adopt::Run(job.id);
        known(job.id) || adopted || job.name == plan.job.as_str()
    };
    let jobs: Vec<_> = look.jobs.iter().filter(concerned).cloned().collect();
    let mut ended_with = Vec::new();
    let may_be_ours = |id: JobId| known(id) || plan.adopt == Adopt::ByName;
    for job in jobs.iter().filter(|j| j.state == JobState::Finished && may_be_ours(j.id)) {
        let checkpoints = cluster.checkpoints(job.id).await?.unwrap_or_default();
        ended_with.push((job.id, checkpoints.savepoint.filter(|_| checkpoints.ends_in_savepoint)));
    }
    let (mut checkpointed, mut newest, mut newest_at) = (false, Vec::new(), Vec::new());
    for job in jobs.iter().filter(|job| !job.state.is_terminal()) {
        let checkpoints = cluster.checkpoints(job.id).await?.unwrap_or_default();
        checkpointed |= known(job.id) && checkpoints.completed > 0;
        let triggered = checkpoints.newest_ms.filter(|_| checkpoints.newest.is_some());
        newest_at.extend(triggered.and_then(|ms| Some((job.id, Timestamp::from_millisecond(ms).ok()?))));
        newest.extend(checkpoints.newest.map(|path| (job.id, path)));
    }
    Ok(JobLook {
        epoch: look.epoch.clone(),
        at: look.at,
        jobs,
        ended_with,
        unproven,
        checkpointed,
        by_directory,
        newest,
        newest_at,
    })
}

/// The live runs that a directory of the Python tool is named after, whatever Flink calls them.
async fn by_directory(files: &dyn Files, plan: &Plan, look: &Look) -> Result<Vec<JobId>, OutsideError> {
    let Some(directory) = &plan.adopt_from else { return Ok(Vec::new()) };
    let ids = files.children(directory).await?.into_iter().filter_map(|child| match child {
        Child::Directory(name) => name.parse::<JobId>().ok(),
        Child::File(_) => None,
    });
    Ok(ids.filter(|id| look.job(*id).is_some_and(|job| !job.state.is_terminal())).collect())
}

/// The runs of ours that are not in the look, and were given to another JobManager incarnation that may still be alive.
async fn unproven(
    cluster: &dyn Cluster,
    plan: &Plan,
    claim: Option<&Claim>,
    look: &Look,
) -> Result<Vec<(JobId, Epoch)>, OutsideError> {
    let known = plan.known_runs().map(|run| (run.job_id, run.epoch.clone()));
    let notes = claim.map(|claim| &claim.notes);
    let begun = notes.iter().flat_map(|notes| notes.start.iter().chain(&notes.rollback));
    let begun = begun.map(|note| (note.job_id, note.epoch.clone()));
    let absent: Vec<(JobId, Option<Epoch>)> = known.chain(begun).filter(|(id, _)| look.job(*id).is_none()).collect();
    let mut unproven = Vec::new();
    for (id, epoch) in absent {
        let Some(epoch) = epoch.filter(|epoch| *epoch != look.epoch) else { continue };
        if !cluster.is_over(&epoch).await? {
            unproven.push((id, epoch));
        }
    }
    Ok(unproven)
}
