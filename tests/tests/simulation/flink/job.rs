//! One run of a job: starting, running with checkpoints, failing, restarting, at its end.
//! Must not know stops, sessions or other jobs.

use lifecycle::flink::{JobSeen, JobState, Tasks};
use lifecycle::ids::JobId;

use super::{Saved, States};

/// How a job behaves, told by its query's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nature {
    pub(crate) compiles: bool,
    pub(crate) starts: bool,
    /// Fails for good after so many milliseconds.
    pub(crate) dies_after: Option<i64>,
    /// Begins to fail and restart for ever after so many milliseconds.
    pub(crate) restarts_after: Option<i64>,
    /// Comes to its end after so many milliseconds.
    pub(crate) bounded: Option<i64>,
    /// Between two checkpoints; nothing if it never completes one.
    pub(crate) interval: Option<i64>,
    /// How long a savepoint takes.
    pub(crate) savepoint: i64,
    /// How many savepoints fail first.
    pub(crate) savepoints_fail: u32,
    /// Of how many stops the last part of the savepoint cannot be written: Flink restarts the job then.
    pub(crate) savepoints_break: u32,
}

impl Nature {
    /// Reads words like `dies-after:15` (seconds) in the query.
    pub(crate) fn of(body: &str) -> Self {
        let word = |name: &str| -> Option<i64> {
            let rest = body.split_once(&format!("{name}:"))?.1;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        let times = |name: &str| word(name).map_or(0, |n| u32::try_from(n).unwrap());
        let interval = word("interval").unwrap_or(10) * 1000;
        Self {
            compiles: !body.contains("does-not-compile"),
            starts: !body.contains("does-not-start"),
            dies_after: word("dies-after").map(|s| s * 1000),
            restarts_after: word("restarts-after").map(|s| s * 1000),
            bounded: word("bounded").map(|s| s * 1000),
            interval: (!body.contains("never-checkpoints")).then_some(interval),
            savepoint: word("savepoint-takes").unwrap_or(2) * 1000,
            savepoints_fail: times("savepoints-fail"),
            savepoints_break: times("savepoints-break"),
        }
    }

    /// Whether it can be deployed and stay healthy.
    pub(crate) fn is_good(&self) -> bool {
        self.compiles && self.starts && self.dies_after.is_none() && self.restarts_after.is_none()
    }
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunPhase {
    /// Its JobMaster begins until then.
    Initializing { until: i64 },
    /// It waits for slots.
    Scheduled,
    /// Its tasks begin until then.
    Deploying { until: i64 },
    /// Every task runs.
    Running { since: i64 },
    /// Between two attempts.
    Restarting { until: i64 },
    /// Its savepoint is taken, it ends then.
    Stopping { until: i64 },
    /// It is cancelled, it ends then.
    Cancelling { until: i64 },
    /// At its end.
    Over { state: JobState, at: i64 },
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) number: usize,
    pub(crate) id: JobId,
    pub(crate) name: String,
    pub(crate) session: usize,
    /// Whether the session's present JobManager has it.
    pub(crate) known: bool,
    /// Started by somebody else.
    pub(crate) foreign: bool,
    pub(crate) version: u32,
    pub(crate) body: String,
    pub(crate) parallelism: u32,
    pub(crate) checkpoints: String,
    pub(crate) nature: Nature,
    pub(crate) phase: RunPhase,
    pub(crate) holds_slots: bool,
    pub(crate) lineage: u64,
    pub(crate) counter: u64,
    pub(crate) completed: u64,
    pub(crate) triggered: Option<i64>,
    pub(crate) last_checkpoint: Option<String>,
    pub(crate) writing: Option<(String, i64)>,
    pub(crate) next_checkpoint: i64,
    pub(crate) savepoint: Option<String>,
    pub(crate) ends_in_savepoint: bool,
    pub(crate) came_to_its_end: bool,
    pub(crate) restored: Option<String>,
    pub(crate) restarts: u64,
    pub(crate) started: i64,
    pub(crate) modified: i64,
    /// When its tasks first ran.
    pub(crate) first_ran: Option<i64>,
    /// Something outside the job made it fail: its JobManager, its TaskManagers, people.
    pub(crate) disturbed: bool,
    /// A stop whose savepoint could not be written put it down, and its tasks do not run again yet.
    pub(crate) put_down: bool,
    pub(crate) last_failure: Option<String>,
}

impl Job {
    pub(crate) fn state(&self) -> JobState {
        match self.phase {
            RunPhase::Initializing { .. } => JobState::Initializing,
            RunPhase::Scheduled | RunPhase::Deploying { .. } | RunPhase::Running { .. } | RunPhase::Stopping { .. } => {
                JobState::Running
            }
            RunPhase::Restarting { .. } => JobState::Restarting,
            RunPhase::Cancelling { .. } => JobState::Cancelling,
            RunPhase::Over { state, .. } => state,
        }
    }

    /// As a look shows it.
    pub(crate) fn seen(&self) -> JobSeen {
        let total = u32::from(self.state() != JobState::Initializing);
        let running = u32::from(self.all_run());
        let finished = u32::from(self.state() == JobState::Finished);
        let waiting = u32::from(self.phase == RunPhase::Scheduled);
        JobSeen {
            id: self.id,
            name: self.name.clone(),
            state: self.state(),
            tasks: Tasks { total, running, finished, waiting },
            started_ms: self.started,
            modified_ms: self.modified,
            checkpoints: None,
            restarts: None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over_since().is_some()
    }

    pub(crate) fn over_since(&self) -> Option<i64> {
        match self.phase {
            RunPhase::Over { at, .. } => Some(at),
            RunPhase::Initializing { .. }
            | RunPhase::Scheduled
            | RunPhase::Deploying { .. }
            | RunPhase::Running { .. }
            | RunPhase::Restarting { .. }
            | RunPhase::Stopping { .. }
            | RunPhase::Cancelling { .. } => None,
        }
    }

    pub(crate) fn all_run(&self) -> bool {
        matches!(self.phase, RunPhase::Running { .. } | RunPhase::Stopping { .. })
    }

    pub(crate) fn wants_slots(&self) -> bool {
        !self.holds_slots && self.phase == RunPhase::Scheduled
    }

    pub(crate) fn gets_slots(&mut self, now: i64) {
        self.holds_slots = true;
        self.to(RunPhase::Deploying { until: now + 1_500 }, now);
    }

    pub(crate) fn to(&mut self, phase: RunPhase, at: i64) {
        self.phase = phase;
        self.modified = at;
        if !matches!(phase, RunPhase::Running { .. }) {
            // What was being written stays behind, without `_metadata`, for ever.
            self.writing = None;
        }
        if self.is_over() {
            self.holds_slots = false;
        }
    }

    /// It fails and is tried again.
    pub(crate) fn restart(&mut self, at: i64, why: &str) {
        self.restarts += 1;
        self.last_failure = Some(why.to_owned());
        self.to(RunPhase::Restarting { until: at + 1_000 }, at);
    }

    /// When something happens to it by itself.
    pub(crate) fn next_event(&self) -> Option<i64> {
        match self.phase {
            RunPhase::Initializing { until }
            | RunPhase::Deploying { until }
            | RunPhase::Restarting { until }
            | RunPhase::Stopping { until }
            | RunPhase::Cancelling { until } => Some(until),
            RunPhase::Running { .. } => {
                let checkpoint = self.writing.as_ref().map(|(_, done)| *done);
                let checkpoint = checkpoint.or(self.nature.interval.map(|_| self.next_checkpoint));
                [self.fails_at(), self.finishes_at(), checkpoint].into_iter().flatten().min()
            }
            RunPhase::Scheduled | RunPhase::Over { .. } => None,
        }
    }

    /// A job that begins to fail goes on failing a second after each restart.
    fn fails_at(&self) -> Option<i64> {
        let first = self.first_ran?;
        let RunPhase::Running { since } = self.phase else { return None };
        let after = self.nature.dies_after.or(self.nature.restarts_after)?;
        Some((first + after).max(since + 1_000))
    }

    fn finishes_at(&self) -> Option<i64> {
        Some(self.first_ran? + self.nature.bounded?)
    }

    pub(crate) fn fire(&mut self, at: i64, states: &mut States) {
        match self.phase {
            RunPhase::Initializing { .. } => self.to(RunPhase::Scheduled, at),
            RunPhase::Deploying { .. } => {
                self.first_ran.get_or_insert(at);
                self.put_down = false;
                self.next_checkpoint = at + self.nature.interval.unwrap_or(0);
                self.to(RunPhase::Running { since: at }, at);
            }
            RunPhase::Restarting { .. } => {
                let next = if self.holds_slots { RunPhase::Deploying { until: at + 500 } } else { RunPhase::Scheduled };
                self.to(next, at);
            }
            RunPhase::Stopping { .. } => {
                self.ends_in_savepoint = true;
                self.over(JobState::Finished, at);
                // Stopped with a savepoint, its checkpoints are deleted.
                if let Some(path) = self.last_checkpoint.take() {
                    states.remove(&path);
                }
            }
            RunPhase::Cancelling { .. } => self.over(JobState::Canceled, at),
            RunPhase::Running { .. } => self.run(at, states),
            RunPhase::Scheduled | RunPhase::Over { .. } => {}
        }
    }

    fn run(&mut self, at: i64, states: &mut States) {
        if self.finishes_at().is_some_and(|end| end <= at) {
            self.ends_in_savepoint = false;
            self.came_to_its_end = true;
            // Flink keeps no checkpoint of a job that came to its end.
            if let Some(path) = self.last_checkpoint.take() {
                states.remove(&path);
            }
            return self.over(JobState::Finished, at);
        }
        if self.fails_at().is_some_and(|end| end <= at) {
            self.last_failure = Some("it fails by nature".to_owned());
            if self.nature.dies_after.is_some() {
                return self.over(JobState::Failed, at);
            }
            return self.restart(at, "it fails by nature");
        }
        if let Some((path, _)) = self.writing.take() {
            states.complete(&path);
            self.completed += 1;
            self.triggered = Some(at - 1_000);
            self.ends_in_savepoint = false;
            if let Some(before) = self.last_checkpoint.replace(path) {
                states.remove(&before);
            }
            self.next_checkpoint = at + self.nature.interval.unwrap_or(0);
            return;
        }
        self.counter += 1;
        let path = format!("{}/{}/chk-{}", self.checkpoints, self.id, self.counter);
        states.begin(&path, self.saved());
        self.writing = Some((path, at + 1_000));
    }

    /// A state of this run with its present counter.
    pub(crate) fn saved(&self) -> Saved {
        Saved {
            complete: false,
            checkpoint_id: self.counter,
            lineage: self.lineage,
            name: self.name.clone(),
            version: self.version,
        }
    }

    pub(crate) fn over(&mut self, state: JobState, at: i64) {
        self.to(RunPhase::Over { state, at }, at);
    }
}
