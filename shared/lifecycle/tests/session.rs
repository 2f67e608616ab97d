//! A restart of the session with a crash at every point, with and without the schedule bringing jobs back meanwhile.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::execute::StopEnd;
use lifecycle::ids::{Hex32, JobId};
use lifecycle::session::{JobInRestart, LiveJob, Restart, RestartPhase, SessionJob, Step};

const JOBS: [&str; 3] = ["a", "b", "c"];

fn name(text: &str) -> JobName {
    JobName::try_from(text).unwrap()
}

/// What is outside: the runs of the old and of the new session.
#[derive(Default)]
struct World {
    old_is_over: bool,
    old: Vec<(JobName, JobId)>,
    new: Vec<(JobName, JobId)>,
    started: u8,
}

impl World {
    fn fresh_run(&mut self) -> JobId {
        self.started += 1;
        Hex32::from_bytes([self.started; 16]).into()
    }

    fn live(&self) -> Vec<LiveJob> {
        let live = |(name, job_id): &(JobName, JobId)| LiveJob {
            name: name.clone(),
            job_id: *job_id,
            directory: "s3://b/savepoints/1".to_owned(),
            holds_secrets: false,
        };
        self.old.iter().map(live).collect()
    }

    /// The schedule finds jobs that do not run, and the old session still there.
    fn bring_back_in_old(&mut self) {
        for job in JOBS.map(name) {
            if !self.old_is_over && self.old.iter().all(|(known, _)| *known != job) {
                let run = self.fresh_run();
                self.old.push((job, run));
            }
        }
    }
}

/// One step. Each effect and each note counts down `left`; at nothing the process is gone, with the note of its last
/// effect unwritten. Answers whether it still lives and is not done.
fn step(world: &mut World, restart: &mut Restart, left: &mut u32) -> bool {
    let mut lives = || {
        *left = left.saturating_sub(1);
        *left > 0
    };
    let leaves_old = restart.phase == RestartPhase::Stopping || restart.phase == RestartPhase::Ending;
    if leaves_old && world.old_is_over {
        restart.old_is_over();
        return lives();
    }
    if leaves_old {
        restart.reconcile(&world.live());
    }
    if !lives() {
        return false;
    }
    match restart.step() {
        Step::Stop(jobs) => {
            for job in jobs {
                world.old.retain(|(_, run)| *run != job.job_id);
                if !lives() {
                    return false;
                }
                let end = StopEnd::Savepoint(format!("{}/savepoint", job.directory));
                assert!(restart.note(job.stop_ended(restart.id, end)));
            }
        }
        Step::NoteEnd => restart.phase = RestartPhase::Ending,
        Step::End(_) => {
            assert!(world.old.is_empty(), "a job would end with its session, without a savepoint");
            world.old_is_over = true;
        }
        Step::Start => restart.phase = RestartPhase::Restoring,
        Step::Restore(jobs) => {
            for job in jobs {
                let known = world.new.iter().find(|(known, _)| *known == job.name).map(|(_, run)| *run);
                let run = known.unwrap_or_else(|| world.fresh_run());
                if known.is_none() {
                    world.new.push((job.name.clone(), run));
                }
                if !lives() {
                    return false;
                }
                assert!(restart.note(job.with(JobInRestart::Back { job_id: run })));
            }
        }
        Step::Report => return false,
    }
    lives()
}

fn begun() -> (World, Restart) {
    let mut world = World::default();
    world.bring_back_in_old();
    let jobs = world.live().into_iter().map(SessionJob::live).collect();
    let id = Hex32::from_bytes([200; 16]);
    (
        world,
        Restart::begin(id.into(), "test".to_owned(), Timestamp::UNIX_EPOCH, Some("application_1_1".to_owned()), jobs),
    )
}

#[test]
fn a_restart_goes_on_from_wherever_it_died() {
    for schedule in [false, true] {
        for first in 1..40 {
            for second in 1..20 {
                let (mut world, mut restart) = begun();
                for mut left in [first, second, u32::MAX] {
                    while step(&mut world, &mut restart, &mut left) {}
                    if schedule {
                        world.bring_back_in_old();
                    }
                }
                assert_eq!(restart.step(), Step::Report, "{first} {second}: {restart:?}");
                assert!(world.old.is_empty() && world.old_is_over);
                let mut back: Vec<&str> = world.new.iter().map(|(name, _)| name.as_str()).collect();
                back.sort_unstable();
                assert_eq!(back, JOBS, "each job once");
                assert_eq!(restart.jobs.len(), JOBS.len(), "each job is listed once: {restart:?}");
                assert!(restart.jobs.iter().all(|job| matches!(job.state, JobInRestart::Back { .. })));
            }
        }
    }
}

/// The same trigger is asked for again until its failure was read: a second one would abort the first.
#[test]
fn a_stop_of_unknown_outcome_is_asked_for_under_its_trigger() {
    let (_, restart) = begun();
    let job = restart.jobs[0].clone();
    let stopping = job.clone().with(JobInRestart::Stopping);
    assert_eq!(job.trigger(restart.id), stopping.trigger(restart.id));
    let failed = stopping.clone().stop_ended(restart.id, StopEnd::Failed("no".to_owned()));
    assert_ne!(failed.trigger(restart.id), stopping.trigger(restart.id));
    let gone = stopping.clone().stop_ended(restart.id, StopEnd::Savepoint("s3://b/sp".to_owned()));
    assert_eq!((gone.state, gone.savepoint.as_deref()), (JobInRestart::Stopped, Some("s3://b/sp")));
    assert_eq!(stopping.stop_ended(restart.id, StopEnd::NotRunning).state, JobInRestart::Cancelling);
}

/// A restart that goes on after a failure tries three times more.
#[test]
fn a_stop_of_a_restart_is_tried_three_times_in_one_go() {
    let (_, restart) = begun();
    let mut job = restart.jobs[0].clone();
    let mut given_up = Vec::new();
    for n in 1..=7 {
        job = job.with(JobInRestart::Stopping).stop_ended(restart.id, StopEnd::Failed("Checkpoint expired".to_owned()));
        match &job.state {
            JobInRestart::Failed { .. } => given_up.push(n),
            state => assert_eq!(*state, JobInRestart::Stopping),
        }
    }
    assert_eq!(given_up, [3, 6]);
}

/// Flink restarts a run whose last part of a savepoint could not be written; the next try finds it without tasks.
#[test]
fn a_job_that_its_own_savepoint_put_down_is_not_cancelled_for_that() {
    let (_, restart) = begun();
    for (holds_secrets, told) in [(false, "savepoint-1"), (true, "its web UI has them")] {
        let job = SessionJob { holds_secrets, ..restart.jobs[0].clone() };
        let words = format!("Could not finalize {}/savepoint-1/_metadata", job.stop_directory(restart.id));
        let tried = job.to_be_stopped().stop_ended(restart.id, StopEnd::Failed(words));
        assert_eq!((&tried.state, tried.is_put_down()), (&JobInRestart::Stopping, false));
        let kept = tried.stop_ended(restart.id, StopEnd::NotRunning);
        assert!(matches!(&kept.state, JobInRestart::Failed { error } if error.contains(told)), "{kept:?}");
        assert!(kept.is_put_down());
        // The next go has another trigger and all of its tries; a job that is unhealthy by then is cancelled.
        assert_eq!(kept.tries, 3);
        let again = kept.to_be_stopped();
        assert_eq!(again.stop_ended(restart.id, StopEnd::NotRunning).state, JobInRestart::Cancelling);
    }
}
