//! Stops with savepoint and cancels: asynchronous, remembered by their trigger for a while, spoilt where two cross.
//! Must not know which trigger is whose.

use control::ports::StopStatus;
use lifecycle::ids::{JobId, TriggerId};

use super::{Flink, RunPhase};

/// So long the JobManager remembers how a stop ended.
const REMEMBERED: i64 = 300_000;
/// From the savepoint until the job is at its end.
const ENDING: i64 = 1_500;
/// From a savepoint that put its job down until that is started again: before the next try, or long after it.
const DOWN: i64 = 100;
const DOWN_LONG: i64 = 8_000;

/// One stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) session: usize,
    pub(crate) run: JobId,
    pub(crate) trigger: TriggerId,
    pub(crate) directory: String,
    /// Whether the job ends with it.
    pub(crate) ends: bool,
    pub(crate) due: i64,
    pub(crate) status: StopStatus,
    pub(crate) ended: i64,
}

impl Stop {
    pub(crate) fn is_under_way(&self) -> bool {
        self.status == StopStatus::InProgress
    }

    pub(crate) fn fails(&mut self, now: i64, class: &str, message: &str) {
        self.status = StopStatus::Failed { class: class.to_owned(), message: message.to_owned() };
        self.ended = now;
    }
}

impl Flink {
    pub(crate) fn stop(&mut self, session: usize, run: JobId, trigger: TriggerId, directory: &str) {
        self.write_savepoint(session, run, trigger, directory, true);
    }

    /// Whether a stop or a savepoint of a run is under way.
    pub(crate) fn is_stopping(&self, run: JobId) -> bool {
        self.stops.iter().any(|stop| stop.run == run && stop.is_under_way())
    }

    /// A savepoint of a job that goes on.
    pub(crate) fn savepoint(&mut self, session: usize, run: JobId, trigger: TriggerId, directory: &str) {
        self.write_savepoint(session, run, trigger, directory, false);
    }

    fn write_savepoint(&mut self, session: usize, run: JobId, trigger: TriggerId, directory: &str, ends: bool) {
        // One that is forgotten is asked for as if nobody had.
        if self.stop_status(session, run, trigger) != StopStatus::Forgotten {
            return;
        }
        self.stops.retain(|stop| (stop.session, stop.run, &stop.trigger) != (session, run, &trigger));
        let now = self.now;
        let mut stop = Stop {
            session,
            run,
            trigger,
            directory: directory.to_owned(),
            ends,
            due: now,
            status: StopStatus::InProgress,
            ended: now,
        };
        let under_way = self.stops.iter().position(|s| s.session == session && s.run == run && s.is_under_way());
        match self.known_mut(session, run) {
            None => stop.fails(now, "FlinkJobNotFoundException", "Could not find Flink job"),
            Some(job) if job.is_over() => {
                stop.fails(now, "FlinkJobNotFoundException", "Could not find Flink job");
            }
            Some(job) if !matches!(job.phase, RunPhase::Running { .. }) => stop.fails(
                now,
                "CheckpointException",
                "it is not being executed at the moment. Not all required tasks are currently running.",
            ),
            Some(job) => match under_way {
                Some(other) => {
                    job.restart(now, "two stops crossed");
                    job.disturbed = true;
                    stop.fails(now, "CheckpointException", "Checkpoint was declined (tasks not ready)");
                    self.stops[other].fails(now, "CheckpointException", "Checkpoint Coordinator is suspending.");
                    self.broken(&format!("two stops of {run} crossed"));
                }
                None if job.nature.savepoints_fail > 0 => {
                    job.nature.savepoints_fail -= 1;
                    stop.fails(now, "CheckpointException", "IO-problem detected.");
                }
                None => stop.due = now + job.nature.savepoint,
            },
        }
        self.stops.push(stop);
    }

    pub(crate) fn stop_status(&self, session: usize, run: JobId, trigger: TriggerId) -> StopStatus {
        let found = self.stops.iter().find(|s| s.session == session && s.run == run && s.trigger == trigger);
        let remembered = found.filter(|stop| stop.is_under_way() || self.now - stop.ended < REMEMBERED);
        remembered.map_or(StopStatus::Forgotten, |stop| stop.status.clone())
    }

    pub(crate) fn cancel(&mut self, session: usize, run: JobId) {
        let now = self.now;
        if let Some(job) = self.known_mut(session, run)
            && !job.is_over()
        {
            job.to(RunPhase::Cancelling { until: now + 1_000 }, now);
        }
        for stop in self.stops.iter_mut().filter(|s| s.session == session && s.run == run && s.is_under_way()) {
            stop.fails(now, "CheckpointException", "Checkpoint Coordinator is suspending.");
        }
    }

    /// The savepoints that are due: their place is known before the job has reached its end.
    pub(super) fn finish_stops(&mut self) {
        for n in 0..self.stops.len() {
            let stop = self.stops[n].clone();
            if !stop.is_under_way() || stop.due > self.now {
                continue;
            }
            let Some(job) = self.known_mut(stop.session, stop.run) else { continue };
            if !matches!(job.phase, RunPhase::Running { .. }) {
                let gone = job.is_over();
                let (class, message) = if gone {
                    ("FlinkJobNotFoundException", "Could not find Flink job")
                } else {
                    ("CheckpointException", "Checkpoint Coordinator is suspending.")
                };
                self.stops[n].fails(stop.due, class, message);
                continue;
            }
            if stop.ends && job.nature.savepoints_break > 0 {
                // A synchronous savepoint that cannot be finished fails the job globally; the failure names the file.
                job.nature.savepoints_break -= 1;
                job.put_down = true;
                job.restart(stop.due, "Failure to finalize checkpoint.");
                let down = if job.nature.savepoints_break.is_multiple_of(3) { DOWN_LONG } else { DOWN };
                job.phase = RunPhase::Restarting { until: stop.due + down };
                let message = format!("Could not finalize: {}/savepoint-1/_metadata", stop.directory);
                self.stops[n].fails(stop.due, "CheckpointException", &message);
                continue;
            }
            job.counter += 1;
            let names = job.id.in_savepoint_names();
            let path = format!("{}/savepoint-{names}-{:012x}", stop.directory.trim_end_matches('/'), job.counter);
            let saved = job.saved();
            job.savepoint = Some(path.clone());
            job.completed += 1;
            job.triggered = Some(stop.due);
            if stop.ends {
                job.to(RunPhase::Stopping { until: stop.due + ENDING }, stop.due);
            }
            self.states.begin(&path, saved);
            self.states.complete(&path);
            self.stops[n].status = StopStatus::Completed(path);
            self.stops[n].ended = stop.due;
        }
    }
}
