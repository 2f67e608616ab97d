//! The session's administration against an outside in memory that goes dead at any point: nothing is done twice or lost.
//! Must not know HTTP or processes.

#[path = "session_outside/mod.rs"]
mod outside;

use std::collections::BTreeSet;
use std::time::Duration;

use control::session::{RestartEnd, RestartOrder, RestartReport, SessionError};
use desired::manifest::{PropertyValue, ScalarKind};
use lifecycle::flink::JobState;
use lifecycle::ids::Hex32;
use lifecycle::session::{self, RestartPhase};
use outside::{Job, Outside, keys, name};

const JOBS: [&str; 3] = ["a", "b", "c"];

fn order() -> RestartOrder {
    RestartOrder { by: "anna".to_owned(), with_strangers: false }
}

async fn restart(outside: &Outside) -> Result<RestartReport, SessionError> {
    outside.admin().restart(&order()).await
}

/// The live jobs of all sessions, with their session.
fn live(outside: &Outside) -> Vec<(String, String)> {
    let state = outside.state();
    let jobs = state.sessions.iter().filter(|s| s.alive).flat_map(|s| {
        let live = s.jobs.iter().filter(|job| !job.state.is_terminal());
        live.map(|job| (job.name.clone(), s.application.clone())).collect::<Vec<_>>()
    });
    jobs.collect()
}

/// Everything that must hold once a restart is done.
fn assert_done(outside: &Outside, report: &RestartReport, at: &str) {
    assert_eq!(report.end, RestartEnd::Done, "{at}: {report:?}");
    let document = outside.document();
    assert!(document.restart.is_none() && document.last.as_ref() == Some(&report.restart), "{at}");
    assert_eq!(outside.state().starts, 1, "{at}: one session is started");
    let there: BTreeSet<(String, String)> = live(outside).into_iter().collect();
    let expected = JOBS.map(|job| (job.to_owned(), "application_1_0002".to_owned()));
    assert_eq!(there, BTreeSet::from(expected), "{at}");
    assert_eq!(live(outside).len(), JOBS.len(), "{at}: no job runs twice");
    let jobs: Vec<&str> = report.restart.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(jobs, JOBS, "{at}: each is listed once");
    for job in &report.restart.jobs {
        assert!(matches!(job.state, session::JobInRestart::Back { .. }), "{at}: {job:?}");
    }
    assert!(outside.state().held.is_empty(), "{at}: no lock is left");
}

#[tokio::test]
async fn jobs_come_back_from_the_savepoints_of_their_version() {
    let outside = Outside::with(&JOBS);
    let report = restart(&outside).await.unwrap();
    assert_done(&outside, &report, "straight");
    for job in &report.restart.jobs {
        let (own, run) = (report.restart.id, job.job_id.in_savepoint_names());
        let path = format!("s3://b/savepoints/3/{own}/savepoint-{run}-000000000000");
        assert_eq!(job.savepoint, Some(path), "a directory of the restart's own, below that of the version");
    }
}

/// The process dies before or after any call, and a while later another one goes on.
#[tokio::test]
async fn a_restart_that_dies_anywhere_goes_on() {
    let mut points = 0;
    loop {
        let outside = Outside::with(&JOBS);
        outside.lives(Some(points));
        let dead = restart(&outside).await;
        if !outside.died() {
            assert_done(&outside, &dead.unwrap(), "alive");
            break;
        }
        outside.lives(None);
        outside.forward(Duration::from_mins(10));
        // Done already, and only its answer was lost: the next call would be another restart.
        let known = outside.state().starts > 0 && live(&outside).len() == JOBS.len();
        let last = known.then(|| outside.document()).filter(|document| document.restart.is_none());
        let report = match last.and_then(|document| document.last) {
            Some(restart) => RestartReport { restart, end: RestartEnd::Done },
            None => restart(&outside).await.unwrap(),
        };
        let at = format!("died after {points}");
        assert_done(&outside, &report, &at);
        let stops = outside.state().stops.clone();
        let runs: BTreeSet<_> = stops.keys().map(|(run, _)| *run).collect();
        assert_eq!((runs.len(), stops.len()), (JOBS.len(), JOBS.len()), "{at}: each run is stopped under one trigger");
        points += 1;
    }
    assert!(points > 80, "only {points} points");
}

#[tokio::test]
async fn two_at_once_start_one() {
    let outside = Outside::default();
    let (one, other) = (outside.admin(), outside.admin());
    let (one, other) = tokio::join!(one.ensure(), other.ensure());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(outside.state().starts, 1);
    assert_eq!(one.session, other.session);
    assert_eq!([one.started, other.started].iter().filter(|started| **started).count(), 1);
    assert!(outside.document().starting.is_none());
}

/// Whoever died with the claim may have started one that is not seen yet: it is left the time to show up.
#[tokio::test]
async fn a_starter_that_dies_is_followed_after_its_time() {
    let (mut points, mut waited) = (0, 0);
    loop {
        let outside = Outside::default();
        outside.lives(Some(points));
        let dead = outside.admin().ensure().await;
        if !outside.died() {
            assert!(dead.unwrap().started);
            break;
        }
        outside.lives(None);
        let soon = outside.admin().ensure().await;
        waited += u32::from(matches!(soon, Err(SessionError::NotThere { .. })));
        outside.forward(Duration::from_secs(30));
        outside.admin().ensure().await.unwrap();
        assert_eq!(outside.state().starts, 1, "died after {points}");
        points += 1;
    }
    assert!(waited >= 2, "with the claim, before the start");
}

#[tokio::test]
async fn several_are_refused() {
    let outside = Outside::default();
    outside.begin_session();
    outside.begin_session();
    assert!(matches!(outside.admin().ensure().await, Err(SessionError::Several(all)) if all.len() == 2));
    assert!(matches!(restart(&outside).await, Err(SessionError::Several(_))));
}

#[tokio::test]
async fn what_no_record_knows_is_lost_only_knowingly() {
    let outside = Outside::with(&JOBS);
    let stranger = Job {
        id: Hex32::derived(&["stranger"]).into(),
        name: "stranger".to_owned(),
        state: JobState::Running,
        healthy: true,
    };
    outside.state().sessions[0].jobs.push(stranger);
    let refused = restart(&outside).await.unwrap_err();
    assert!(matches!(&refused, SessionError::Strangers(all) if all[0].name == "stranger"), "{refused}");
    assert_eq!(live(&outside).len(), 4, "nothing was touched");
    let knowingly = RestartOrder { with_strangers: true, ..order() };
    let report = outside.admin().restart(&knowingly).await.unwrap();
    assert_done(&outside, &report, "with strangers");
    assert_eq!(report.restart.strangers[0].name, "stranger");
    let stopped = outside.state().stops.keys().any(|(run, _)| *run == Hex32::derived(&["stranger"]).into());
    assert!(!stopped, "it is never touched itself");
}

/// Neither a stray object nor one job's record keeps the session from being restarted; that job is lost only knowingly.
#[tokio::test]
async fn a_record_that_cannot_be_read_is_its_jobs_trouble() {
    for text in ["{\"format\": 99}", "{\"format\": 1, \"re"] {
        let outside = Outside::with(&JOBS);
        outside.spoil(&format!("{}{}.json", keys().records(), "x".repeat(1000)), text);
        let report = restart(&outside).await.unwrap();
        assert_done(&outside, &report, "a stray object");
        outside.spoil(&keys().record(&name(JOBS[0])), text);
        let refused = restart(&outside).await.unwrap_err();
        assert!(matches!(&refused, SessionError::Strangers(all) if all.len() == 1), "{refused}");
    }
}

#[tokio::test]
async fn a_job_that_can_take_no_savepoint_is_cancelled_and_comes_back() {
    let outside = Outside::with(&JOBS);
    outside.state().sessions[0].jobs[1].healthy = false;
    let report = restart(&outside).await.unwrap();
    assert_done(&outside, &report, "unhealthy");
    assert_eq!(report.restart.jobs[1].savepoint, None);
    assert!(report.restart.jobs[0].savepoint.is_some());
}

/// Flink's words about a job that refers to secrets get nowhere: nobody here knows the values.
#[tokio::test]
async fn words_about_a_job_with_secrets_are_not_told() {
    let outside = Outside::with(&JOBS);
    let mut record = outside.record("b");
    let properties = &mut record.deployed.as_mut().unwrap().target.manifest.properties;
    properties
        .insert("x.password".to_owned(), PropertyValue { text: "${ssm:/p}".to_owned(), kind: ScalarKind::String });
    outside.save(&record);
    let stubborn = outside.state().sessions[0].jobs[1].id;
    outside.state().stubborn.insert(stubborn);
    let report = restart(&outside).await.unwrap();
    let told =
        |jobs: &[String]| jobs.len() == 1 && jobs[0].starts_with("b: its stop failed") && jobs[0].contains("web UI");
    assert!(matches!(&report.end, RestartEnd::NotStopped(jobs) if told(jobs)), "{report:?}");
    assert!(!format!("{report:?}{:?}", outside.document()).contains("the bucket says no"));
}

/// The session is not taken from a job whose state could not be saved; the next call tries it again.
#[tokio::test]
async fn a_job_that_cannot_be_stopped_keeps_the_session() {
    let outside = Outside::with(&JOBS);
    let stubborn = outside.state().sessions[0].jobs[1].id;
    outside.state().stubborn.insert(stubborn);
    let report = restart(&outside).await.unwrap();
    assert!(
        matches!(&report.end, RestartEnd::NotStopped(jobs) if jobs[0].contains("the bucket says no")),
        "{report:?}"
    );
    assert_eq!(live(&outside), [("b".to_owned(), "application_1_0001".to_owned())]);
    assert!(outside.state().held.is_empty());
    // Meanwhile the schedule finds the stopped ones missing and brings one back, in the old session.
    outside.run_again(outside.record("a"));
    outside.state().stubborn.clear();
    let mut report = restart(&outside).await.unwrap();
    report.restart.jobs.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<&str> = report.restart.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!((names.as_slice(), &report.end), (JOBS.as_slice(), &RestartEnd::Done));
    assert_eq!(live(&outside).len(), JOBS.len());
    assert_eq!(outside.state().starts, 1);
}

#[tokio::test]
async fn an_operation_under_way_is_waited_for() {
    let outside = Outside::with(&JOBS);
    let mut record = outside.record("b");
    record.open = Some(open_operation(&record));
    outside.save(&record);
    let report = restart(&outside).await.unwrap();
    assert!(matches!(&report.end, RestartEnd::Unknown(why) if why.contains("of b")), "{report:?}");
    assert_eq!((live(&outside).len(), outside.state().stops.len()), (3, 0), "nothing was touched");
    assert!(outside.state().held.is_empty(), "the operation can have its lock");
    record.open = None;
    outside.save(&record);
    assert_done(&outside, &restart(&outside).await.unwrap(), "settled");
}

fn open_operation(record: &lifecycle::documents::record::Record) -> lifecycle::documents::record::OpenOperation {
    let plan = lifecycle::documents::plan::Plan {
        format: lifecycle::documents::plan::FORMAT,
        operation: Hex32::derived(&["open"]).into(),
        job: record.name.clone(),
        at: jiff::Timestamp::UNIX_EPOCH,
        by: String::new(),
        reason: String::new(),
        change: lifecycle::change::Change::plain(lifecycle::change::ChangeKind::Removed),
        next: None,
        manifest: None,
        previous: None,
        orphans: Vec::new(),
        stops: Vec::new(),
        suspends: false,
        ordered: None,
        adopt: lifecycle::documents::plan::Adopt::No,
        adopt_from: None,
        clean_start: false,
        on_savepoint_failure: desired::manifest::OnSavepointFailure::KeepRunning,
        branches: Vec::new(),
        windows: lifecycle::documents::plan::Windows::default(),
    };
    lifecycle::documents::record::OpenOperation {
        plan,
        target: None,
        meta: None,
        batch: Hex32::derived(&["open"]).into(),
        sent: 1,
        sent_at: None,
    }
}

/// Flink restarts a job whose savepoint could not be written: it is waited for, and keeps the session like any other.
#[tokio::test]
async fn a_job_that_its_own_savepoint_puts_down_keeps_the_session() {
    let outside = Outside::with(&JOBS);
    let breaking = outside.state().sessions[0].jobs[1].id;
    outside.state().breaking.insert(breaking);
    let report = restart(&outside).await.unwrap();
    let told = |jobs: &[String]| jobs.len() == 1 && jobs[0].starts_with("b: Could not finalize s3://b/savepoints/");
    assert!(matches!(&report.end, RestartEnd::NotStopped(jobs) if told(jobs)), "{report:?}");
    let job = outside.state().sessions[0].jobs[1].clone();
    assert_eq!((job.state, job.healthy), (JobState::Running, true), "nobody meets it before it is back");
    outside.state().breaking.clear();
    let report = restart(&outside).await.unwrap();
    assert_done(&outside, &report, "written");
    assert!(report.restart.jobs[1].savepoint.is_some());
}

/// One that has not read its state knows no session: that does not make the session's jobs lost.
#[tokio::test]
async fn a_manager_that_is_being_started_proves_nothing() {
    let outside = Outside::with(&JOBS);
    let stubborn = outside.state().sessions[0].jobs[1].id;
    outside.state().stubborn.insert(stubborn);
    restart(&outside).await.unwrap();
    outside.state().manager_is_new = true;
    let report = restart(&outside).await.unwrap();
    assert!(matches!(report.end, RestartEnd::Unknown(_)), "{report:?}");
    assert_eq!(report.restart.phase, RestartPhase::Stopping);
    outside.state().manager_is_new = false;
    outside.state().stubborn.clear();
    assert_done(&outside, &restart(&outside).await.unwrap(), "read");
}

/// What died with its session comes back from its newest state.
#[tokio::test]
async fn a_session_that_dies_meanwhile_is_replaced_as_well() {
    let outside = Outside::with(&JOBS);
    let stubborn = outside.state().sessions[0].jobs[1].id;
    outside.state().stubborn.insert(stubborn);
    restart(&outside).await.unwrap();
    outside.state().sessions[0].alive = false;
    assert_done(&outside, &restart(&outside).await.unwrap(), "died");
    // And without any session at all, the jobs that should run are the ones to bring back.
    let none = Outside::with(&JOBS);
    none.state().sessions[0].alive = false;
    let report = restart(&none).await.unwrap();
    assert_done(&none, &report, "none");
    assert!(report.restart.jobs.iter().all(|job| job.savepoint.is_none()));
}
