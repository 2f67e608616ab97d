//! The predecessor's bugs (B1 to B12 of docs/design.md, 8), each as a test of the pure code that keeps it from coming
//! back.
//! Must not know the shells: what lies in them (B10's command line, B12's other jobs) is tested there.

mod node;

use desired::diagnostics::SourceFile;
use desired::inputs::{Desired, InputFile, InputFiles, Inputs};
use desired::launch::Launch;
use desired::manifest::{JobName, Policy, load_merged, parse_deployed, render_deployed};
use desired::sql::same_meaning;
use desired::tables::{Definition, TableRole};
use lifecycle::change::{Change, ChangeKind};
use lifecycle::decision::Observed;
use lifecycle::documents::outcome::Outcome;
use lifecycle::documents::plan::Windows;
use lifecycle::execute::{JobLook, observe};
use lifecycle::flink::{JobSeen, JobState, Tasks};
use lifecycle::orchestrate::{Effect, Input, Ruling, State, decide, step};
use lifecycle::reason::Reason;
use lifecycle::state::{StateLocation, StateRef, newest};
use node::{
    Node, deployed, first, id, meta, name, order, reconfigured, requeried, run, settle, situation, target, wanted,
};

/// B1: the first run was seen RESTARTING, the manifest was not stored, the next run started a second copy.
#[test]
fn b1_a_first_run_that_restarts_is_ended_before_it_is_given_up() {
    let mut record =
        lifecycle::documents::record::Record::fresh(name(), id(0), lifecycle::documents::record::Source::Queries);
    let mut node = Node::default();
    let open = order(&mut record, &wanted(&first()), 1);
    // Claim, look, compile, reserve, note, submit; then it restarts while it is watched.
    node.go_on(&open.plan, 6);
    node.end(run(1), JobState::Restarting);
    node.go_on(&open.plan, usize::MAX);
    assert!(matches!(node.result, Some(Outcome::Failed { .. })), "{:?}", node.result);
    assert_eq!(node.live(), [], "no copy is left behind");
    let record = settle(record, &open, &node.result.unwrap());
    let again = decide(&record, &wanted(&first()), &situation(2));
    assert!(matches!(again, Ruling::Nothing { reason: Reason::GivenUp { .. }, .. }), "{again:?}");
}

/// B2: a changed target table, or a changed table definition, deployed nothing.
#[test]
fn b2_a_changed_target_table_or_definition_is_a_change() {
    let mut other_table = first();
    other_table.manifest.target_table = "other".to_owned();
    assert_eq!(Change::between(&first(), &other_table).kind, ChangeKind::Query);
    let with = |sql: &str| {
        let mut target = first();
        target.definitions = vec![Definition::new("t.sql:1", sql, TableRole::Reads)];
        target
    };
    let before = with("CREATE TABLE t (a INT) WITH ('connector' = 'kafka', 'topic' = 'one', 'scan.parallelism' = '1')");
    let options =
        with("CREATE TABLE t (a INT) WITH ('connector' = 'kafka', 'topic' = 'one', 'scan.parallelism' = '2')");
    let column =
        with("CREATE TABLE t (a BIGINT) WITH ('connector' = 'kafka', 'topic' = 'one', 'scan.parallelism' = '1')");
    assert_eq!(Change::between(&before, &options).kind, ChangeKind::Configuration);
    assert_eq!(Change::between(&before, &column).kind, ChangeKind::Query);
}

/// B3: a removed job made every later run fail.
#[test]
fn b3_a_removed_job_is_left_in_peace() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &Desired::Absent, 2);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let later = decide(&record, &Desired::Absent, &situation(3));
    assert!(matches!(later, Ruling::Nothing { reason: Reason::Absent, .. }), "{later:?}");
}

/// B4: the file's name was taken for the job's name when it came to removals.
#[test]
fn b4_a_file_that_names_another_job_removes_neither() {
    let text = "name: orders\nsql: SELECT 1\ntarget-table: sink\ndescription: d\nflinkProperties: {}\n";
    let file = InputFile { file: SourceFile::new("queries/renamed.yaml", text), etag: "e".to_owned() };
    let inputs = Inputs::read(&InputFiles { queries: vec![file], ..InputFiles::default() }, &Policy::default());
    for about in ["orders", "renamed"] {
        let (desired, _) = inputs.desired(&JobName::try_from(about).unwrap());
        assert_eq!(desired, Desired::Refused, "{about}");
    }
}

/// B5: with a changed state directory the job was stopped under the old one, searched under the new one, and stayed down.
#[test]
fn b5_a_changed_state_directory_does_not_lose_the_state() {
    let moved = target("SELECT a FROM t", 1, "two");
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&moved), 2);
    node.run(&open.plan);
    let (run, restore) = node.submitted.last().cloned().unwrap();
    assert!(restore.unwrap().starts_with("s3://state/one/savepoints/1/"));
    assert_eq!(node.live(), [run]);
    assert!(node.runs[&run].directory.starts_with("s3://state/two/checkpoints/1/"));
}

/// B6: jobs were found by substring: `orders` counted as running because `orders-eu` was.
#[test]
fn b6_a_longer_name_is_another_job() {
    let (mut record, _) = deployed(&first());
    let open = order(&mut record, &wanted(&requeried()), 2);
    let tasks = Tasks { total: 1, running: 1, finished: 0, waiting: 0 };
    let seen = |name: &str| JobSeen {
        id: id(7),
        name: name.to_owned(),
        state: JobState::Running,
        tasks,
        started_ms: 0,
        modified_ms: 0,
        checkpoints: None,
        restarts: None,
    };
    let look = |name: &str| JobLook::of(node::epoch(), jiff::Timestamp::UNIX_EPOCH, vec![seen(name)]);
    for stranger in ["orders-eu", "eu-orders", "order"] {
        assert_eq!(observe(&open.plan, &look(stranger)).observed, Observed::Gone, "{stranger}");
    }
    assert_eq!(observe(&open.plan, &look("orders")).observed, Observed::Foreign, "the name alone makes it nobody's");
}

/// B7: newlines became spaces first, so that a comment swallowed the rest of the query.
#[test]
fn b7_a_comment_ends_with_its_line() {
    let commented = "SELECT a -- the price\nFROM t";
    assert!(same_meaning(commented, "SELECT a FROM t"));
    let launch = Launch::of(&target(commented, 1, "one"), &meta(1));
    assert_eq!(launch.body, commented, "what Flink gets keeps its lines");
}

/// B8: the prefix of version 1 matched version 10, too.
#[test]
fn b8_version_1_is_not_version_10() {
    let (mut record, mut node) = deployed(&first());
    let of_ten = "s3://state/one/checkpoints/10/01010101010101010101010101010101/chk-9".to_owned();
    node.disk.push(StateRef { path: of_ten, checkpoint_id: 9 });
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    let places = &open.plan.previous.as_ref().unwrap().places;
    assert_eq!(node.find(places).unwrap().checkpoint_id, 1);
    assert!(
        !places.iter().any(|place| matches!(place, StateLocation::Version { .. })),
        "no search over a whole version"
    );
}

/// B9: the newest state was chosen by a time stamp of one second's resolution.
#[test]
fn b9_the_highest_checkpoint_id_is_the_newest() {
    let state = |path: &str, checkpoint_id| StateRef { path: path.to_owned(), checkpoint_id };
    let found = newest(vec![state("z/chk-9", 9), state("a/savepoint-010101-000000000000", 10), state("m/chk-2", 2)]);
    assert_eq!(found.unwrap().checkpoint_id, 10);
}

/// B10: the single-job command could not start; its input, a merged manifest with `meta`, is read.
#[test]
fn b10_a_deployed_manifest_is_input_for_the_single_job_command() {
    let text = render_deployed(&first().manifest, &meta(3));
    let file = SourceFile::new("orders.yaml", text);
    let loaded = load_merged(&file, &Policy::default()).unwrap();
    assert_eq!(loaded.manifest.body, first().manifest.body);
    assert_eq!(parse_deployed(&file).unwrap().1, meta(3));
}

/// B11: the savepoint that the stop returned was thrown away, and the client gave up after 60 seconds.
#[test]
fn b11_the_savepoint_of_the_stop_is_what_is_restored() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    node.run(&open.plan);
    assert_eq!(node.submitted.last().unwrap().1, node.runs[&run(1)].stopped);
    assert!(Windows::default().stop_ms >= 3_600_000, "as long as a checkpoint may take");
}

/// B12: a failed upload of the deployed manifest was swallowed: here it is written before the record that says so.
#[test]
fn b12_the_deployed_manifest_precedes_the_record() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&requeried()), 2);
    let outcome = node.run(&open.plan);
    let result = lifecycle::documents::result::OperationResult {
        format: 1,
        operation: id(2),
        job: name(),
        outcome,
        at: situation(3).now,
        phases: Vec::new(),
        downtime_ms: None,
        differences: Vec::new(),
        no_savepoint: None,
    };
    let situation = situation(3);
    let (state, _) = step(&name(), &situation, State::new(), Input::Begin);
    let (state, _) = step(&name(), &situation, state, Input::Record(Some(Box::new(record))));
    let (state, effect) = step(&name(), &situation, state, Input::Desired(wanted(&requeried())));
    assert_eq!(effect, Effect::ReadResult(id(2)));
    let (state, effect) = step(&name(), &situation, state, Input::Result(Some(Box::new(result))));
    assert!(matches!(effect, Effect::Project(Some(_))), "{effect:?}");
    let (_, effect) = step(&name(), &situation, state, Input::Written);
    assert!(matches!(effect, Effect::WriteRecord(_)), "{effect:?}");
}

/// B12: quotes and dollars in a description broke the statement, or became part of it.
#[test]
fn b12_constants_of_the_insert_are_quoted() {
    let mut target = first();
    target.manifest.description = "it's $HOME \"x\"".to_owned();
    let insert = Launch::of(&target, &meta(1)).insert;
    assert!(insert.contains("CAST('it''s $HOME \"x\"' AS STRING) AS __query_description"), "{insert}");
}
