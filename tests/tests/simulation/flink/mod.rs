//! A Flink with sessions, jobs and states in memory, which behaves as the real one was measured to.
//! Must not know documents, nor who asks; time is what it is told.

mod job;
mod saved;
mod session;
mod stops;
mod submit;

pub(crate) use job::{Job, Nature, RunPhase};
use lifecycle::flink::{Look, Slots};
use lifecycle::ids::JobId;
pub(crate) use saved::{Saved, States};
pub(crate) use session::{Session, SessionState};
pub(crate) use stops::Stop;
pub(crate) use submit::{Answer, Submission};

/// An hour: so long the JobManager remembers an ended job.
const REMEMBERED: i64 = 3_600_000;

/// Everything of Flink.
#[derive(Debug, Default)]
pub(crate) struct Flink {
    pub(crate) sessions: Vec<Session>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) states: States,
    pub(crate) stops: Vec<Stop>,
    pub(crate) lineages: u64,
    /// The version and the query that each job's record says is deployed.
    pub(crate) deployed: std::collections::BTreeMap<String, (u32, String)>,
    /// What must never happen, and did.
    pub(crate) broken: Vec<String>,
    pub(crate) now: i64,
}

impl Flink {
    /// Lets everything happen that is due by `now`.
    pub(crate) fn advance(&mut self, now: i64) {
        self.now = now;
        self.advance_sessions();
        self.finish_stops();
        self.give_slots();
        for n in 0..self.jobs.len() {
            while let Some(at) = self.jobs[n].next_event().filter(|at| *at <= now) {
                let job = &mut self.jobs[n];
                job.fire(at, &mut self.states);
            }
        }
        self.finish_stops();
        self.give_slots();
    }

    /// A job that finds enough slots gets them, the oldest first.
    fn give_slots(&mut self) {
        for session in 0..self.sessions.len() {
            let total = self.sessions[session].slots;
            let held = |jobs: &[Job]| -> u32 {
                jobs.iter().filter(|job| job.session == session && job.holds_slots).map(|job| job.parallelism).sum()
            };
            for n in 0..self.jobs.len() {
                let free = total.saturating_sub(held(&self.jobs));
                let now = self.now;
                let job = &mut self.jobs[n];
                if job.session == session && job.wants_slots() {
                    if job.parallelism <= free {
                        job.gets_slots(now);
                    } else {
                        job.disturbed = true;
                    }
                }
            }
        }
    }

    pub(crate) fn broken(&mut self, what: &str) {
        self.broken.push(format!("at {} s: {what}", (self.now - crate::sim::BEGIN) / 1000));
    }

    /// The jobs that can run tasks, wherever they are.
    pub(crate) fn live(&self, name: &str) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(move |job| job.name == name && !job.is_over())
    }

    /// The job as the session's present JobManager has it.
    pub(crate) fn known(&self, session: usize, id: JobId) -> Option<&Job> {
        let remembered = |job: &&Job| job.over_since().is_none_or(|at| self.now - at < REMEMBERED);
        self.jobs.iter().rev().find(|job| job.session == session && job.id == id && job.known).filter(remembered)
    }

    pub(crate) fn known_mut(&mut self, session: usize, id: JobId) -> Option<&mut Job> {
        let at = self.known(session, id)?.number;
        self.jobs.get_mut(at)
    }

    /// The state of a run that nobody remembers.
    pub(crate) fn old_states(&mut self, name: &str) {
        self.lineages += 1;
        let saved =
            Saved { complete: false, checkpoint_id: 7, lineage: self.lineages, name: name.to_owned(), version: 1 };
        let path = format!("s3://b/checkpoints/{name}/1/{}/chk-7", JobId::derived(&["old", name]));
        self.states.begin(&path, saved);
        self.states.complete(&path);
    }

    /// Something outside the job ends or disturbs it.
    pub(crate) fn disturbed(&mut self, id: JobId) {
        self.jobs.iter_mut().filter(|job| job.id == id).for_each(|job| job.disturbed = true);
    }

    pub(crate) fn look(&self, session: usize, at: jiff::Timestamp) -> Look {
        let known = self.jobs.iter().filter(|job| self.known(session, job.id).is_some_and(|k| k.number == job.number));
        let jobs = known.map(Job::seen).collect();
        let total = self.sessions[session].slots;
        let held: u32 =
            self.jobs.iter().filter(|job| job.session == session && job.holds_slots).map(|job| job.parallelism).sum();
        let slots = Some(Slots { total, free: total.saturating_sub(held) });
        Look { epoch: self.sessions[session].epoch(), at, jobs, slots }
    }
}
