//! Plans of files that are not uploaded: which jobs they concern, what is known of these, what the plan rests on.
//! Must not know how a plan is shown.

use std::collections::BTreeMap;

use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::change::ChangeKind;
use lifecycle::documents::batch::FORMAT;
use lifecycle::documents::observed::{Checkpointed, ObservedDocument};
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::Deployed;
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::write;
use lifecycle::flink::{Epoch, Look, Slots};
use lifecycle::ids::BatchId;
use lifecycle::orchestrate::Ends;
use lifecycle::reason::Reason;
use orchestrator::actions::{
    Action, ActionError, Basis, FollowingAnswer, JobAnswer, PlanAnswer, Preview, PreviewAnswer, SessionChange,
    StateFate, act,
};

use super::memory::{Memory, keys};
use super::{TABLES, planned, running};

fn manifest(name: &JobName, sql: &str) -> String {
    format!(
        "name: {name}\ndescription: d\ntarget-table: sink\nsql: {sql}\nflinkProperties:\n  \
         state.checkpoints.dir: s3://b/checkpoints/{name}\n  state.savepoints.dir: s3://b/savepoints/{name}\n"
    )
}

fn files<const N: usize>(files: [(&str, String); N]) -> Preview {
    let files = files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
    Preview { files, ..Preview::default() }
}

fn paths(paths: &[&str]) -> std::collections::BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// The plan, and that nothing was written for it.
async fn previewed(memory: &Memory, asked: Preview) -> PlanAnswer {
    let before = memory.objects();
    let answer = planned(memory, Action::Plan(asked)).await;
    assert_eq!(memory.objects(), before, "a plan writes nothing");
    answer
}

fn kinds(answer: &PlanAnswer) -> BTreeMap<&str, ChangeKind> {
    let kind = |job: &JobAnswer| job.plan.as_ref().and(job.change.as_ref()).map(|change| change.kind);
    answer.jobs.iter().filter_map(|job| Some((job.name.as_str(), kind(job)?))).collect()
}

fn about(answer: &PlanAnswer) -> Vec<&str> {
    answer.jobs.iter().map(|job| job.name.as_str()).collect()
}

fn preview(answer: &PlanAnswer) -> PreviewAnswer {
    answer.preview.clone().unwrap_or_default()
}

#[tokio::test]
async fn files_are_planned_as_if_they_were_uploaded() {
    let memory = Memory::default();
    let names = running(&memory, 3).await;
    let new = JobName::try_from("new").unwrap();
    let answer = previewed(
        &memory,
        files([
            ("queries/job-0001.yaml", manifest(&names[1], "SELECT a + 1 FROM orders")),
            ("queries/team/new.yaml", manifest(&new, "SELECT a FROM orders")),
        ]),
    )
    .await;
    assert_eq!(kinds(&answer), [("job-0001", ChangeKind::Query), ("new", ChangeKind::New)].into());
    assert_eq!(about(&answer), ["job-0001", "new"], "and of no other job");
    let fates: Vec<StateFate> = answer.jobs.iter().map(|job| job.plan.as_ref().unwrap().state).collect();
    assert_eq!(fates, [StateFate::Lost, StateFate::None]);
    assert_eq!(answer.jobs[0].change.as_ref().unwrap().differences[0].field, "sql");
    let told = serde_json::to_value(&answer.jobs[0]).unwrap();
    assert_eq!(
        (&told["reason"]["reason"], &told["text"]),
        (&"planned".into(), &"an operation would be ordered".into())
    );
    // A second file of the same name is one too many, as it would be once it is uploaded.
    let twin = files([("queries/team/job-0001.yaml", manifest(&names[1], "SELECT a + 1 FROM orders"))]);
    let answer = previewed(&memory, twin.clone()).await;
    assert!(answer.refused.iter().all(|file| file.errors[0].code == "two-files-one-name"), "{:?}", answer.refused);
    assert_eq!((answer.refused.len(), kinds(&answer).len()), (2, 0));
    // Unless it was given alone: then it replaces that one.
    let alone = Preview { alone: paths(&["queries/team/job-0001.yaml"]), ..twin };
    let answer = previewed(&memory, alone).await;
    assert_eq!(kinds(&answer), [("job-0001", ChangeKind::Query)].into());
    let placed = [("queries/team/job-0001.yaml".to_owned(), "queries/job-0001.yaml".to_owned())];
    assert_eq!(preview(&answer).placed, placed.into());
}

#[tokio::test]
async fn another_configuration_concerns_every_job_and_the_same_one_none() {
    let memory = Memory::default();
    let names = running(&memory, 3).await;
    let tables = |text: String| files([("config/tables/t.sql", text)]);
    let answer = previewed(&memory, tables(TABLES.to_owned())).await;
    assert_eq!(about(&answer), Vec::<&str>::new());
    let answer = previewed(&memory, tables(TABLES.replace("'x'", "'y'"))).await;
    assert_eq!(kinds(&answer), names.iter().map(|name| (name.as_str(), ChangeKind::Query)).collect());
    let fields = &answer.jobs[0].change.as_ref().unwrap().differences;
    assert_eq!(fields[0].to_string(), "table orders, which it reads: option topic: x -> y");
    // A broken one is told, and no file is judged.
    let answer = previewed(&memory, tables("CREATE TABEL orders".to_owned())).await;
    assert!(answer.refused.iter().any(|file| file.file == "p/config/tables/t.sql"), "{:?}", answer.refused);
    assert!(kinds(&answer).is_empty());
    // Nothing of it is under refused/: the way out is the file itself.
    let told = serde_json::to_string(&answer.refused).unwrap();
    assert!(told.contains("correct p/config/tables/t.sql:1:1 first: ") && !told.contains("refused/"), "{told}");
}

/// A wish about the operation of a job restarts nothing: it is told, and no operation is planned for it.
#[tokio::test]
async fn what_would_only_be_recorded_is_told_and_not_planned() {
    let memory = Memory::default();
    let names = running(&memory, 2).await;
    let wish = format!("on-savepoint-failure: checkpoint\n{}", manifest(&names[0], "SELECT a FROM orders"));
    let answer = previewed(&memory, files([("queries/job-0000.yaml", wish)])).await;
    assert_eq!(kinds(&answer).len(), 0);
    let job = answer.jobs.iter().find(|job| job.name.as_str() == "job-0000").unwrap();
    let fields: Vec<&str> =
        job.change.iter().flat_map(|change| &change.differences).map(|difference| difference.field.as_str()).collect();
    assert_eq!((&job.reason, fields), (&Reason::Unchanged, vec!["max-checkpoint-age", "on-savepoint-failure"]));
    let others = answer.jobs.iter().filter(|other| other.name != job.name);
    assert_eq!(others.filter(|other| other.change.is_some()).count(), 0);
}

/// What people have to allow is told of files as well, with every field.
#[tokio::test]
async fn a_guard_that_would_hold_tells_what_changes() {
    let memory = Memory::default();
    running(&memory, 7).await;
    let answer = previewed(&memory, files([("config/tables/t.sql", TABLES.replace("'x'", "'y'"))])).await;
    assert!(answer.jobs.iter().all(|job| job.reason == Reason::CleanStartsHeld), "{:?}", answer.jobs);
    assert!(answer.jobs[0].text.contains("`allow job-0000 clean-start`"), "{}", answer.jobs[0].text);
    let change = answer.jobs[0].change.as_ref().unwrap();
    assert_eq!(change.differences[0].field, "table orders, which it reads: option topic");
    assert_eq!(kinds(&answer).len(), 0, "held is not planned");
}

#[tokio::test]
async fn what_has_no_file_any_more_is_removed_only_where_that_is_asked() {
    let memory = Memory::default();
    let names = running(&memory, 3).await;
    memory.put("p/queries/notes.txt", Vec::new());
    let one = files([("queries/job-0000.yaml", manifest(&names[0], "SELECT a FROM orders"))]);
    assert_eq!(kinds(&previewed(&memory, one.clone()).await).len(), 0);
    let prune = |folder: &str| Preview { without: paths(&[folder]), ..one.clone() };
    let answer = previewed(&memory, prune("queries/")).await;
    assert_eq!(kinds(&answer), [("job-0001", ChangeKind::Removed), ("job-0002", ChangeKind::Removed)].into());
    assert_eq!(preview(&answer).removals, ["queries/job-0001.yaml", "queries/job-0002.yaml"]);
    assert_eq!(kinds(&previewed(&memory, prune("queries/team/")).await).len(), 0, "another folder");
    let exact = Preview { without: paths(&["queries/job-0002.yaml"]), ..Preview::default() };
    assert_eq!(kinds(&previewed(&memory, exact).await), [("job-0002", ChangeKind::Removed)].into());
    // Without its tables no job can be judged: that refuses them, and removes none.
    let config = Preview { without: paths(&["config/"]), ..Preview::default() };
    let answer = previewed(&memory, config).await;
    assert_eq!(preview(&answer).removals, ["config/tables/t.sql"]);
    assert!(!kinds(&answer).values().any(|kind| *kind == ChangeKind::Removed));
}

#[tokio::test]
async fn a_name_that_no_job_has_is_told_with_the_one_that_was_meant() {
    let memory = Memory::default();
    let names = running(&memory, 2).await;
    let [typo, stranger] = ["job-00000", "payments"].map(|name| JobName::try_from(name).unwrap());
    let asked = Preview::of([names[0].clone(), typo.clone(), stranger.clone()].into());
    let answer = previewed(&memory, asked).await;
    assert_eq!(answer.unknown, [(typo, Some(names[0].clone())), (stranger, None)].into());
    // A job that was removed is known, and so is one whose only upload is refused.
    memory.remove("p/queries/job-0000.yaml");
    planned(&memory, super::all()).await;
    memory.settle(&names[..1]);
    memory.put("p/queries/broken.yaml", b"name: [".to_vec());
    let asked = Preview::of([names[0].clone(), JobName::try_from("broken").unwrap()].into());
    assert_eq!(previewed(&memory, asked).await.unknown, [].into());
}

#[tokio::test]
async fn a_given_file_is_told_whatever_it_may_be_about() {
    let memory = Memory::default();
    running(&memory, 1).await;
    memory.put("p/queries/other.yaml", b"name: [".to_vec());
    let answer = previewed(&memory, files([("queries/a b.yaml", "name: [".to_owned())])).await;
    assert_eq!((answer.refused[0].file.as_str(), answer.others_refused), ("p/queries/a b.yaml", 1));
    let large = previewed(&memory, files([("queries/large.yaml", "#".repeat(2_000_000))])).await;
    assert_eq!(large.refused[0].errors[0].code, "too-large");
    let elsewhere = Action::Plan(files([("records/a.json", String::new())]));
    let Err(ActionError::Outside(error)) = act(&memory.orchestrator(), elsewhere).await else { panic!("planned") };
    let message = error.to_string();
    assert!(message.contains("only files under queries/ and config/"), "{message}");
}

#[tokio::test]
async fn what_is_known_of_a_job_is_told_and_nothing_else() {
    let memory = Memory::default();
    let names = running(&memory, 2).await;
    memory.pass(1_000);
    let query = |n: usize| (format!("queries/job-000{n}.yaml"), manifest(&names[n], "SELECT a + 1 FROM orders"));
    let asked = Preview { files: [query(0), query(1)].into(), ..Preview::default() };
    let answer = previewed(&memory, asked.clone()).await;
    let known = |answer: &PlanAnswer, n: usize| answer.jobs[n].plan.clone().unwrap().measured;
    let nothing = known(&answer, 0);
    assert_eq!(
        (nothing.slots, nothing.slots_before, nothing.newest_state, nothing.downtime),
        (Some(1), Some(1), None, None)
    );
    assert_eq!(preview(&answer).slots, None);

    let record = memory.record(&names[0]);
    let job_id = record.deployed.as_ref().and_then(Deployed::run).unwrap();
    let look = Look {
        epoch: Epoch::Yarn { application: "application_1_2".to_owned(), attempt: 1 },
        at: Timestamp::from_second(950).unwrap(),
        jobs: Vec::new(),
        slots: Some(Slots { total: 8, free: 3 }),
    };
    let checkpoints = vec![Checkpointed { job_id, at_ms: 900_000, completed: true, failure: None }];
    let (batch, expected) = (BatchId::derived(&["look"]), Vec::new());
    let seen = ObservedDocument {
        format: FORMAT,
        batch,
        look,
        expected,
        replaced: None,
        checkpoints,
        since: Vec::new(),
        web: None,
    };
    memory.put(&keys().observed(), write(&seen));
    let operation = record.history.last().unwrap().operation;
    let result = OperationResult {
        format: 1,
        operation,
        job: names[0].clone(),
        outcome: Outcome::refused(Refusal::NoState),
        at: Timestamp::from_second(10).unwrap(),
        phases: Vec::new(),
        downtime_ms: Some(8_200),
        differences: Vec::new(),
        no_savepoint: None,
    };
    memory.put(&keys().result(&names[0], operation), write(&result));
    let answer = previewed(&memory, asked).await;
    let (told, other) = (known(&answer, 0), known(&answer, 1));
    assert_eq!(told.newest_state.map(|state| (state.age_s, state.seen_at.as_second())), Some((100, 950)));
    assert_eq!(told.downtime.map(|downtime| (downtime.ms, downtime.operation)), Some((8_200, operation)));
    assert_eq!((other.newest_state, other.downtime), (None, None), "nobody measured it");
    assert_eq!(preview(&answer).slots.map(|slots| (slots.total, slots.free)), Some((8, 3)));
}

#[tokio::test]
async fn a_plan_tells_what_it_rests_on() {
    let memory = Memory::default();
    let names = running(&memory, 2).await;
    let new = JobName::try_from("new").unwrap();
    let asked = Preview {
        basis: true,
        ..files([
            ("queries/job-0000.yaml", manifest(&names[0], "SELECT a + 1 FROM orders")),
            ("queries/new.yaml", manifest(&new, "SELECT a FROM orders")),
        ])
    };
    let basis = |answer: PlanAnswer| preview(&answer).basis.unwrap();
    let first: Basis = basis(previewed(&memory, asked.clone()).await);
    let uploads: Vec<&str> = first.uploads.keys().map(String::as_str).collect();
    assert_eq!(uploads, ["config/tables/t.sql", "queries/job-0000.yaml", "queries/new.yaml"]);
    assert_eq!(first.uploads["queries/new.yaml"], None);
    let revision = memory.record(&names[0]).revision;
    assert_eq!(first.records, [(names[0].clone(), Some(revision)), (new, None)].into());
    assert_eq!(basis(previewed(&memory, asked.clone()).await), first, "nothing happened");
    // What is not concerned may change; the tables, the file and the record may not.
    memory.upload(&names[1], "SELECT a + 2 FROM orders");
    assert_eq!(basis(previewed(&memory, asked.clone()).await), first);
    memory.upload(&names[0], "SELECT a + 3 FROM orders");
    let second = basis(previewed(&memory, asked.clone()).await);
    assert_ne!(second.uploads, first.uploads);
    planned(&memory, super::all()).await;
    let third = basis(previewed(&memory, asked).await);
    assert_ne!(third.records, second.records);
}

/// While an operation is under way nothing is ordered yet; what a file changes is lost all the same once it ended.
#[tokio::test]
async fn a_change_behind_an_operation_under_way_is_told() {
    let memory = Memory::default();
    let names = running(&memory, 2).await;
    let fates = |answer: &PlanAnswer| {
        let next = answer.jobs[0].following.iter();
        next.map(|it| (it.ends, it.plan.as_ref().map(|plan| plan.state))).collect::<Vec<_>>()
    };
    let asked = |sql: &str| files([("queries/job-0000.yaml", manifest(&names[0], sql))]);
    memory.upload(&names[0], "SELECT a + 1 FROM orders");
    planned(&memory, super::all()).await;
    let answer = previewed(&memory, asked("SELECT a + 2 FROM orders")).await;
    assert!(matches!(answer.jobs[0].reason, Reason::Waits { .. }), "{:?}", answer.jobs);
    // Whether it succeeds or not, another query is not the one that is to come.
    let lost = |ends| (ends, Some(StateFate::Lost));
    assert_eq!(fates(&answer), [lost(Ends::AsOrdered), lost(Ends::Undone)]);
    let [done, undone] = answer.jobs[0].following.as_slice() else { panic!("{:?}", answer.jobs) };
    let before = |next: &FollowingAnswer| next.change.as_ref().unwrap().differences[0].before.clone().unwrap();
    assert_eq!((before(done).trim(), before(undone).trim()), ("SELECT a + 1 FROM orders", "SELECT a FROM orders"));
    // Going back loses what is counted only if the operation succeeds; what it is for is no change.
    assert_eq!(fates(&previewed(&memory, asked("SELECT a FROM orders")).await), [lost(Ends::AsOrdered)]);
    assert_eq!(fates(&previewed(&memory, asked("SELECT a + 1 FROM orders")).await), []);
    let gone = Preview { without: paths(&["queries/job-0000.yaml"]), ..Preview::default() };
    assert_eq!(fates(&previewed(&memory, gone).await), [(Ends::Either, Some(StateFate::Kept))]);
    assert!(
        planned(&memory, super::all()).await.jobs.iter().all(|job| job.following.is_empty()),
        "an order tells none"
    );
}

/// No job is judged with them; they are uploaded with everything else all the same.
#[tokio::test]
async fn the_settings_of_the_session_are_part_of_a_plan() {
    let memory = Memory::default();
    running(&memory, 1).await;
    let asked = |text: &str| Preview { basis: true, ..files([("config/session.yaml", text.to_owned())]) };
    let answer = previewed(&memory, asked("slots: 4\n")).await;
    assert_eq!((about(&answer), preview(&answer).session), (Vec::new(), Some(SessionChange::New)));
    let uploaded = |answer: &PlanAnswer| preview(answer).basis.unwrap().uploads["config/session.yaml"].clone();
    assert_eq!(uploaded(&answer), None);
    memory.put("p/config/session.yaml", b"slots: 2\n".to_vec());
    let answer = previewed(&memory, asked("slots: 4\n")).await;
    assert_eq!(preview(&answer).session, Some(SessionChange::Changed));
    assert!(uploaded(&answer).is_some(), "it rests on what is uploaded");
    assert_eq!(preview(&previewed(&memory, asked("slots: 2\n")).await).session, None);
    let refused = previewed(&memory, asked("slots: banana\n")).await.refused;
    assert_eq!((refused.len(), refused[0].file.as_str()), (1, "p/config/session.yaml"));
}
