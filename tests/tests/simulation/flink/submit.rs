//! Submissions: ids that are known are refused, a state is restored or refused, and what must never be started is noted.
//! Must not know who submits, nor why.

use desired::launch::Launch;
use lifecycle::flink::JobState;
use lifecycle::ids::JobId;

use super::{Flink, Job, Nature, RunPhase};

/// How a submission ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    Duplicate,
    Rejected(String),
}

/// What is submitted.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) id: JobId,
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) body: String,
    pub(crate) parallelism: u32,
    pub(crate) checkpoints: String,
    pub(crate) restore: Option<String>,
    pub(crate) foreign: bool,
    /// Whether a start without state is ordered although this query has one: an operator said so.
    pub(crate) may_forget: bool,
    /// Whether this very state is ordered, however old it is.
    pub(crate) older: bool,
}

impl Submission {
    pub(crate) fn of(id: JobId, launch: &Launch, restore: Option<&str>, may_forget: bool) -> Self {
        Self {
            id,
            name: launch.name.to_string(),
            version: launch.version,
            body: launch.body.clone(),
            parallelism: launch.slots,
            checkpoints: launch.properties["execution.checkpointing.dir"].clone(),
            restore: restore.map(str::to_owned),
            foreign: false,
            may_forget,
            older: false,
        }
    }
}

impl Flink {
    pub(crate) fn submit(&mut self, session: usize, what: &Submission) -> Answer {
        if self.known(session, what.id).is_some() {
            return Answer::Duplicate;
        }
        let nature = Nature::of(&what.body);
        if !what.foreign {
            self.judge(what);
        }
        let saved = what.restore.as_ref().map(|path| (path, self.states.all.get(path).cloned()));
        let (lineage, counter, failure) = match saved {
            None => (self.next_lineage(), 0, None),
            // What goes on from an older state leaves those after it behind.
            Some((_, Some(saved))) if saved.complete && what.older => (self.next_lineage(), saved.checkpoint_id, None),
            Some((_, Some(saved))) if saved.complete => (saved.lineage, saved.checkpoint_id, None),
            Some((path, _)) => {
                self.broken(&format!("{} was to be restored from {path}, which is not complete", what.name));
                (self.next_lineage(), 0, Some(format!("Cannot find meta data file '_metadata' in directory '{path}'")))
            }
        };
        let failure = failure.or((!nature.starts).then(|| "Could not start the JobMaster.".to_owned()));
        let now = self.now;
        let phase = match &failure {
            Some(_) => RunPhase::Over { state: JobState::Failed, at: now },
            None => RunPhase::Initializing { until: now + 500 },
        };
        self.jobs.push(Job {
            number: self.jobs.len(),
            id: what.id,
            name: what.name.clone(),
            session,
            known: true,
            foreign: what.foreign,
            version: what.version,
            body: what.body.clone(),
            parallelism: what.parallelism,
            checkpoints: what.checkpoints.clone(),
            nature,
            phase,
            holds_slots: false,
            lineage,
            counter,
            completed: 0,
            triggered: None,
            last_checkpoint: None,
            writing: None,
            next_checkpoint: i64::MAX,
            savepoint: None,
            ends_in_savepoint: false,
            came_to_its_end: false,
            restored: what.restore.clone(),
            restarts: 0,
            started: now,
            modified: now,
            first_ran: None,
            disturbed: false,
            put_down: false,
            last_failure: failure.clone(),
        });
        failure.map_or(Answer::Accepted, Answer::Rejected)
    }

    fn next_lineage(&mut self) -> u64 {
        self.lineages += 1;
        self.lineages
    }

    /// Guarantees 1 and 2, at the moment of a start of ours.
    fn judge(&mut self, what: &Submission) {
        let others: Vec<String> = self.live(&what.name).map(|job| format!("{} ({:?})", job.id, job.phase)).collect();
        if !others.is_empty() {
            self.broken(&format!("{} was started as {} while {} lived", what.name, what.id, others.join(", ")));
        }
        let of_this_query = self.states.versions.get(&(what.name.clone(), what.version)).copied();
        let restored = what.restore.as_ref().and_then(|path| self.states.all.get(path)).cloned();
        match (restored, of_this_query) {
            (None, Some(lineage)) if what.restore.is_none() && !what.may_forget => {
                let newest = self.states.newest[&lineage];
                self.broken(&format!(
                    "{} version {} was started clean, its state is {newest}",
                    what.name, what.version
                ));
            }
            (Some(saved), _) => {
                let newest = self.states.newest[&saved.lineage];
                if saved.checkpoint_id < newest && !what.older {
                    self.broken(&format!(
                        "{} was restored from state {} while {newest} is the newest",
                        what.name, saved.checkpoint_id
                    ));
                }
                if saved.name != what.name {
                    self.broken(&format!("{} was restored from a state of {}", what.name, saved.name));
                }
            }
            (None, _) => {}
        }
        if let Some((version, query)) = self.deployed.get(&what.name)
            && (*query == what.body && *version != what.version && what.restore.is_none() && !what.may_forget)
            && self.states.versions.contains_key(&(what.name.clone(), *version))
        {
            self.broken(&format!("{} was started clean although its query is the deployed one", what.name));
        }
        let done = |job: &&Job| job.name == what.name && job.version == what.version && job.came_to_its_end;
        if let Some(done) = self.jobs.iter().find(done).filter(|_| !what.may_forget) {
            let id = done.id;
            self.broken(&format!("{} was bounded and done as {id}, and was started again", what.name));
        }
        let before = self.jobs.iter().any(|job| job.id == what.id && job.completed > 0);
        if before && what.restore.is_none() {
            self.broken(&format!("{} was used again without its state", what.id));
        }
    }
}
