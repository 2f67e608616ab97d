//! What people read of `status`, and of what `history` says with it.
//! Records are made by the product's own settling.

use desired::diagnostics::{Diagnostic, Severity, Span};
use lifecycle::documents::observed::{Checkpointed, ObservedDocument};
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{Decision, Record, Status};
use lifecycle::flink::{CheckpointsSeen, Epoch, Look, Tasks};
use lifecycle::ids::Hex32;
use lifecycle::owed::{Cause, Purpose};
use lifecycle::reason::Reason;
use orchestrator::actions::{HistoryAnswer, OwedAnswer, RefusedUpload, RunTrouble};
use orchestrator::held::WaitsFor;

use super::*;
use crate::history::history_text;
use crate::status::standing::is_wrong;
use crate::test_kit::{at, manifest, name, nothing_done, orders, rejected, running, settled};

fn job(record: Record) -> JobStatus {
    JobStatus {
        name: record.name.clone(),
        owner: record.owner().map(str::to_owned),
        version: record.deployed.as_ref().map(|d| d.meta.query_version),
        state: None,
        status: record.status(),
        run_trouble: None,
        run: record.deployed.as_ref().and_then(lifecycle::documents::record::Deployed::run),
        since: record.deployed.as_ref().map(|d| d.since),
        operation: None,
        owed: OwedAnswer::all(&record),
        waits_for: WaitsFor::all(&record),
        decision: record.decision,
        refused: Vec::new(),
        ordered: record.ordered,
        forgotten: None,
        last: None,
        trouble: None,
    }
}

fn answer(jobs: Vec<JobStatus>, observed: Option<ObservedDocument>) -> StatusAnswer {
    StatusAnswer {
        format: String::new(),
        version: 2,
        jobs,
        observed,
        observed_trouble: None,
        unknown: Vec::new(),
        refused: 0,
        refused_uploads: Vec::new(),
        refused_trouble: None,
        left_out: Vec::new(),
    }
}

#[test]
fn a_job_whose_record_cannot_be_read_says_so() {
    let mut unreadable = job(running(&manifest("orders", "SELECT 1", 1), "orders"));
    unreadable.trouble = Some("reading p/records/orders.json: the document is damaged (put it back)".to_owned());
    (unreadable.version, unreadable.status, unreadable.since) = (None, None, None);
    let text = status_text(&answer(vec![unreadable], None), false, at("2026-11-23T12:09:24Z"));
    insta::assert_snapshot!(text, @r"
    NAME    VERSION  STATE         SINCE  FLINK  RESTARTS  CHECKPOINT  SIZE  OPERATION
    orders  -        not-readable  -      -      -         -           -     -
      orders: reading p/records/orders.json: the document is damaged (put it back)
    1 not-readable. The cluster was not looked at yet.
    ");
}

fn seen(operation: &str, state: JobState, running: u32) -> JobSeen {
    JobSeen {
        id: Hex32::derived(&[operation]).into(),
        name: "x".to_owned(),
        state,
        tasks: Tasks { total: 2, running, finished: 0, waiting: 0 },
        started_ms: 0,
        modified_ms: 0,
        checkpoints: None,
        restarts: None,
    }
}

/// A moment after the look.
fn now() -> Timestamp {
    at("2026-11-23T12:09:24Z")
}

fn looked(jobs: Vec<JobSeen>) -> ObservedDocument {
    let look = Look {
        epoch: Epoch::Yarn { application: "application_1_2".to_owned(), attempt: 1 },
        at: at("2026-11-23T12:09:12Z"),
        jobs,
        slots: Some(Slots { total: 40, free: 2 }),
    };
    ObservedDocument {
        format: 1,
        batch: Hex32::derived(&["b"]).into(),
        look,
        expected: Vec::new(),
        replaced: None,
        checkpoints: Vec::new(),
        since: Vec::new(),
        web: None,
    }
}

#[test]
fn what_the_last_look_showed_stands_beside_what_was_settled() {
    let names = ["clicks", "orders", "sums"];
    let jobs = names.map(|name| job(running(&manifest(name, "SELECT 1", 1), name)));
    let mut observed = looked(vec![
        seen("clicks 1", JobState::Running, 2),
        seen("orders 1", JobState::Running, 1),
        seen("sums 1", JobState::Restarting, 0),
    ]);
    let run = |name: &str| Hex32::derived(&[&format!("{name} 1")]).into();
    let checkpoint = |name: &str, at_ms, completed| Checkpointed { job_id: run(name), at_ms, completed, failure: None };
    let look_ms = observed.look.at.as_millisecond();
    observed.checkpoints =
        vec![checkpoint("clicks", look_ms - 42_000, true), checkpoint("orders", look_ms - 900_000, false)];
    let told = |at: &str, size, restarts| {
        let last_completed_at = Some(self::at(at));
        let seen = CheckpointsSeen { completed: 1, failed: 0, last_completed_at, last_size: size, interval_ms: None };
        (Some(seen), Some(restarts))
    };
    (observed.look.jobs[0].checkpoints, observed.look.jobs[0].restarts) =
        told("2026-11-23T12:08:30Z", Some(48_300_000), 0);
    observed.look.jobs[2].restarts = Some(17);
    observed.web = Some("http://10.0.0.7:8081".to_owned());
    let answer = answer(jobs.into(), Some(observed));
    insta::assert_snapshot!(status_text(&answer, true, at("2026-11-23T12:09:24Z")), @r"
    NAME    VERSION  STATE    SINCE  FLINK        RESTARTS  CHECKPOINT  SIZE   OPERATION  RUN
    clicks  v1       running  4 min  RUNNING      0         42 s        48 MB  -          9a05f348e5127fed25a418d81d4e8dad
    orders  v1       running  4 min  RUNNING 1/2  -         -           -      -          055c0891771ef6cdb2a919408402c0f5
    sums    v1       running  4 min  RESTARTING   17        -           -      -          73d3c14a300bb4be6ed1fcea58f7d8d8
    3 running. 38 of 40 slots in use, seen 12 s ago. Flink's web page: http://10.0.0.7:8081
    ");
}

/// What a script that asks every minute has to tell somebody of.
#[test]
fn whatever_is_not_as_it_should_be_is_wrong() {
    let fine = || answer(vec![job(running(&manifest("orders", "SELECT 1", 1), "orders"))], None);
    let with = |change: &dyn Fn(&mut StatusAnswer)| {
        let mut answer = fine();
        change(&mut answer);
        is_wrong(&answer, now())
    };
    let shown =
        |state, running| move |a: &mut StatusAnswer| a.observed = Some(looked(vec![seen("orders 1", state, running)]));
    assert!(!is_wrong(&fine(), now()) && !with(&shown(JobState::Running, 2)));
    assert!(!with(&|a| a.jobs[0].status = Some(Status::Stopped)) && !with(&|a| a.jobs.clear()));
    assert!(!with(&|a| a.jobs[0] = untouched("fresh")), "it is judged in a moment");
    for wrong in [
        &shown(JobState::Running, 1) as &dyn Fn(&mut StatusAnswer),
        &shown(JobState::Restarting, 0),
        &shown(JobState::Failed, 0),
        &|a| a.observed = Some(looked(Vec::new())),
        &|a| a.jobs[0].status = Some(Status::NotRunning),
        &|a| a.jobs[0].status = Some(Status::Unknown),
        &|a| a.jobs[0].trouble = Some("damaged".to_owned()),
        &|a| a.jobs[0].run_trouble = Some(restarts_again_and_again()),
        &|a| a.jobs[0].refused = vec!["p/refused/queries/orders.yaml.json".to_owned()],
        &|a| a.jobs[0] = job(orders()),
        &|a| a.refused = 1,
        &|a| a.refused_trouble = Some("AccessDenied".to_owned()),
        &|a| a.observed_trouble = Some("damaged".to_owned()),
    ] {
        let mut answer = fine();
        wrong(&mut answer);
        assert!(is_wrong(&answer, now()), "{}", status_text(&answer, false, now()));
    }
}

fn restarts_again_and_again() -> RunTrouble {
    let text = "it restarted 17 times since 12:04 UTC: FlinkException: lost\x1b\ncaused by IOException: disk full";
    RunTrouble { alert: Some(lifecycle::alert_conditions::AlertKind::RestartLoop), text: text.to_owned() }
}

/// What only the environment keeps from being done is tried by each redeploy: nothing has to change for that.
#[test]
fn what_has_no_time_says_what_it_is_tried_again_by() {
    let told = |purpose, cause| {
        let mut job = job(orders());
        job.owed[0] = OwedAnswer { purpose, cause, next: None, ..job.owed[0].clone() };
        status_text(&answer(vec![job], None), false, now())
    };
    for (purpose, cause, words) in [
        (Purpose::Apply, Cause::DoesNotCompile, "tried again once it changes, or by `retry orders`"),
        (Purpose::Apply, Cause::NoSecret, "tried again with the next redeploy, or by `retry orders`"),
        (
            Purpose::KeepRunning,
            Cause::NoCapacity { needed: 2, free: 0 },
            "tried again once slots are free, at the latest with the next redeploy, or by `retry orders`",
        ),
        (
            Purpose::KeepRunning,
            Cause::NotStable,
            "tried again once its run, which Flink restarts, is gone, or by `retry orders`",
        ),
        (Purpose::Remove, Cause::NoCluster, "tried again with the next redeploy, or by `retry orders`"),
        (Purpose::KeepRunning, Cause::NoState, "tried again only by `retry orders`"),
    ] {
        let text = told(purpose, cause);
        assert!(text.contains(&format!(", {words}: ")), "{text}");
    }
}

/// Everything runs as far as it says, and nobody looks any more.
#[test]
fn an_old_look_is_wrong() {
    let mut answer = answer(vec![job(running(&manifest("orders", "SELECT 1", 1), "orders"))], None);
    answer.observed = Some(looked(vec![seen("orders 1", JobState::Running, 2)]));
    let after = |minutes| now() + jiff::SignedDuration::from_mins(minutes);
    assert!(!is_wrong(&answer, after(59)) && is_wrong(&answer, after(61)));
    let text = status_text(&answer, false, after(61));
    assert!(text.contains("This is old: `status --fresh`"), "{text}");
}

#[test]
fn jobs_in_columns_and_what_went_wrong_below() {
    let clicks = JobStatus {
        operation: Some(Hex32::derived(&["clicks 2"]).into()),
        ..job(running(&manifest("clicks", "SELECT 1", 1), "clicks"))
    };
    let two = answer(vec![clicks, job(orders())], Some(looked(vec![seen("orders 2", JobState::Restarting, 0)])));
    insta::assert_snapshot!(status_text(&two, false, at("2026-11-23T12:09:24Z")), @r"
    NAME    VERSION  STATE    SINCE  FLINK       RESTARTS  CHECKPOINT  SIZE  OPERATION
    clicks  v1       running  4 min  not seen    -         -           -     fc07145f
    orders  v1       running  4 min  RESTARTING  -         -           -     -
      orders: not applied for 4 min after 1 attempt, tried again once it changes, or by `retry orders`: it does not compile: query line 1, column 8: Column 'prize' not found�
    2 running. 38 of 40 slots in use, seen 12 s ago.
    ");
    let owned = JobStatus { owner: Some("team-orders".to_owned()), ..job(orders()) };
    let text = status_text(&answer(vec![owned, untouched("fresh")], None), false, at("2026-11-23T12:09:24Z"));
    let columns: Vec<&str> = text.lines().take(2).map(|line| line.split_whitespace().last().unwrap()).collect();
    assert_eq!(columns, ["OWNER", "team-orders"], "a column only where somebody has one");
    let nothing = answer(Vec::new(), None);
    insta::assert_snapshot!(status_text(&nothing, false, at("2026-11-23T12:09:24Z")), @r"
    no jobs. The cluster was not looked at yet.
    ");
}

/// Flink restarts a job again and again and calls it running: the table alone would say that all is well.
#[test]
fn what_a_run_suffers_from_stands_below_its_job_with_the_command_that_explains_it() {
    let mut orders = job(running(&manifest("orders", "SELECT 1", 1), "orders"));
    orders.run_trouble = Some(restarts_again_and_again());
    let answer = answer(vec![orders], Some(looked(vec![seen("orders 1", JobState::Running, 2)])));
    insta::assert_snapshot!(status_text(&answer, false, now()), @r"
    NAME    VERSION  STATE    SINCE  FLINK    RESTARTS  CHECKPOINT  SIZE  OPERATION
    orders  v1       running  4 min  RUNNING  -         -           -     -
      orders: it restarted 17 times since 12:04 UTC: FlinkException: lost�
        caused by IOException: disk full
        `logs orders` shows more
    1 running. 38 of 40 slots in use, seen 12 s ago.
    ");
    assert!(status_text(&answer, true, now()).contains("`logs orders` shows more"));
}

#[test]
fn what_flink_refused_keeps_its_lines() {
    let told = Diagnostic::new(Severity::Error, "unknown-column", "queries/orders.yaml", "no column is called `pirce`")
        .with_span(Span { line: 7, column: 5, length: 5 }, Some("    pirce FROM orders".to_owned()))
        .with_help("write price");
    let outcome = match rejected() {
        Outcome::Refused { refusal: Refusal::DoesNotCompile { rejection, .. }, .. } => {
            Outcome::refused(Refusal::DoesNotCompile { rejection, told: Some(Box::new(told)) })
        }
        other => other,
    };
    let (one, two) = (manifest("orders", "SELECT 1", 1), manifest("orders", "SELECT pirce", 1));
    let record = settled(running(&one, "orders"), &two, "orders 2", &outcome);
    let entries = record.history.clone();
    let history = HistoryAnswer { entries, ..nothing_done("orders") };
    let status = status_text(&answer(vec![job(record)], None), false, at("2026-11-23T12:09:24Z"));
    for text in [status, history_text(&history)] {
        let lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|line| line.ends_with("--> queries/orders.yaml:7:5")).unwrap();
        assert!(lines[at + 1].trim_start() == "7 |     pirce FROM orders", "{text}");
        assert_eq!(lines[at + 2].find('^'), lines[at + 1].find("pirce"), "{text}");
        assert_eq!(lines[at + 3].trim_start(), "help: write price", "{text}");
        assert!(!text.contains('\u{fffd}'), "{text}");
    }
}

/// Jobs that are held, or whose upload is refused, run as before: the table alone would say that all is well.
#[test]
fn what_holds_a_job_and_what_is_refused_is_said_with_the_way_out() {
    let held = |job: &str, reason: Reason| {
        let mut record = running(&manifest(job, "SELECT 1", 1), job);
        let (by, at) = ("upload".to_owned(), at("2026-11-23T12:08:24Z"));
        let (text, held) = (reason.to_string(), reason.held());
        record.decision = Some(Decision {
            etags: Vec::new(),
            config: None,
            change: None,
            reason: text,
            operation: None,
            held,
            by,
            at,
        });
        record
    };
    let needs_state = settled(
        running(&manifest("orders", "SELECT 1", 1), "orders"),
        &manifest("orders", "SELECT 1", 4),
        "orders 2",
        &Outcome::refused(Refusal::NoState),
    );
    let upload = |file: &str, job: Option<&str>| RefusedUpload {
        file: format!("p/{file}"),
        errors_at: format!("p/refused/{file}.json"),
        job: job.map(name),
        since: Some(at("2026-11-23T12:00:24Z")),
        first: Some("`target_table` is not a field\x1b of a job manifest".to_owned()),
    };
    let mut jobs = vec![
        job(held("clicks", Reason::CleanStartsHeld)),
        job(held("gone", Reason::RemovalsHeld)),
        job(needs_state),
        job(running(&manifest("sums", "SELECT 1", 1), "sums")),
        JobStatus { since: Some(at("2026-11-23T12:00:24Z")), ..untouched("fresh") },
        untouched("later"),
    ];
    for job in &mut jobs[..5] {
        job.refused = vec!["p/refused/config/tables/x.sql.json".to_owned()];
    }
    jobs[4].refused = vec!["p/refused/queries/fresh.yaml.json".to_owned()];
    let mut answer = answer(jobs, None);
    answer.refused_uploads = vec![upload("queries/fresh.yaml", Some("fresh")), upload("config/tables/x.sql", None)];
    answer.refused = 74;
    insta::assert_snapshot!(status_text(&answer, false, at("2026-11-23T12:09:24Z")), @r"
    NAME    VERSION  STATE       SINCE  FLINK  RESTARTS  CHECKPOINT  SIZE  OPERATION
    clicks  v1       running     4 min  -      -         -           -     -
    gone    v1       running     4 min  -      -         -           -     -
    orders  v1       running     4 min  -      -         -           -     -
    sums    v1       running     4 min  -      -         -           -     -
    fresh   -        refused     9 min  -      -         -           -     -
    later   -        not-judged  -      -      -         -           -     -
      clicks: held by the clean-start guard for 1 min: more jobs than allowed would start clean because of config/; `allow clicks clean-start` approves it
      gone: held by the removal guard for 1 min: more removals at once than allowed; `allow gone remove` approves it
      orders: not applied for 4 min after 1 attempt, tried again once it changes, or by `retry orders`: no state of its lineage was found; `allow orders clean-start` starts it without state
      refused, 9 min ago: p/queries/fresh.yaml: `target_table` is not a field� of a job manifest
        every error is in p/refused/queries/fresh.yaml.json
      refused, 9 min ago: p/config/tables/x.sql: `target_table` is not a field� of a job manifest
        every error is in p/refused/config/tables/x.sql.json; nothing that is uploaded for 4 jobs is applied
      72 more uploads refused as well: every error is under refused/
    1 not-judged, 1 refused, 4 running, 1 held by the removal guard, 1 held by the clean-start guard, 1 waiting for an `allow`, 74 uploads refused. The cluster was not looked at yet.
    ");
}

fn untouched(job: &str) -> JobStatus {
    JobStatus {
        version: None,
        status: None,
        run: None,
        since: None,
        decision: None,
        ..self::job(running(&manifest(job, "SELECT 1", 1), job))
    }
}

#[test]
fn an_order_that_waits_is_told_with_who_and_why() {
    let mut record = running(&manifest("orders", "SELECT 1", 1), "orders");
    let (id, by, at) = (lifecycle::ids::ActId::derived(&["a"]), "anna".to_owned(), Timestamp::UNIX_EPOCH);
    let debt = lifecycle::owed::Debt::after(
        None,
        lifecycle::owed::Cause::NoCluster,
        "no session is there",
        lifecycle::ids::OperationId::derived(&["o"]),
        at,
    );
    let (act, why) = (lifecycle::act::Act::Restart, Some("a\u{1b}b".to_owned()));
    record.ordered = Some(lifecycle::act::OrderedAct { id, act, by, why, at, about: None, debt: Some(debt) });
    let text = note(&job(record), Timestamp::from_second(120).unwrap());
    assert_eq!(text, "  orders: restart ordered: a\u{fffd}b, by anna 2 min ago, waits: no session is there\n");
}
