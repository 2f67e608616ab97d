//! The fields about the operation of a job: what they may be, what the template sets, what the Python tool sees of them.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use desired::diagnostics::SourceFile;
use desired::manifest::{
    Loaded, Meta, OnSavepointFailure, Operating, Policy, WantedState, load, load_merged, parse_deployed,
    render_deployed,
};
use desired::time_span::TimeSpan;

const BARE: &str = "name: a\ndescription: d\ntarget-table: t\nsql: TABLE x\n";
const DIRS: &str = "flinkProperties:\n  state.checkpoints.dir: s3://b/c\n  state.savepoints.dir: s3://b/s\n";

fn file(fields: &str) -> SourceFile {
    SourceFile::new("queries/a.yaml", format!("{BARE}{fields}{DIRS}"))
}

fn loaded(template: Option<&str>, fields: &str) -> Loaded {
    let template = template.map(|text| SourceFile::new("config/job-template.yaml", text));
    load(template.as_ref(), &file(fields), &Policy::default()).unwrap()
}

fn operating(template: Option<&str>, fields: &str) -> Operating {
    loaded(template, fields).manifest.operating
}

/// Everything that is found about these fields, a line each, without the file's name.
fn found(fields: &str) -> String {
    let findings = match load(None, &file(fields), &Policy::default()) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors,
    };
    let lines: Vec<String> = findings.iter().map(|found| found.to_string().replace("queries/a.yaml:", "")).collect();
    lines.join("\n")
}

#[test]
fn an_owner_is_one_short_line() {
    assert_eq!(operating(None, "owner: ' team-orders '\n").owner.as_deref(), Some("team-orders"));
    assert_eq!(found(&format!("owner: {}\n", "ö".repeat(100))), "");
    insta::assert_snapshot!(found(&format!("owner: {}\n", "ö".repeat(101))), @"5:8: error[bad-owner]: `owner` has 101 characters; write a name or an address in one line of at most 100 characters");
    insta::assert_snapshot!(found("owner: |\n  a\n  b\n"), @"6:3: error[bad-owner]: `owner` is more than one line; write a name or an address in one line of at most 100 characters");
    insta::assert_snapshot!(found("owner: 5\n"), @r#"5:8: error[wrong-type]: `owner` must be text, this is a number; put it in quotes: "5""#);
    insta::assert_snapshot!(found("owner:\n"), @"5:1: error[empty-field]: `owner` is empty; give `owner` a value");
    insta::assert_snapshot!(found("owner: ${ssm:/x}\n"), @"5:8: error[secret-reference]: a manifest cannot refer to secrets; refer to it from config/ only");
    insta::assert_snapshot!(found("owner: \"\\e[0m\"\n"), @"5:8: error[control-character]: it holds the control character U+001B; remove it");
    insta::assert_snapshot!(found("ownr: me\n"), @"5:1: error[unknown-field]: `ownr` is not a field of a job manifest; write `owner`");
}

#[test]
fn a_job_runs_or_is_suspended() {
    assert_eq!(operating(None, "").state, WantedState::Running);
    assert_eq!(operating(None, "state: suspended\n").state, WantedState::Suspended);
    assert_eq!(operating(Some("state: suspended\n"), "").state, WantedState::Suspended);
    assert_eq!(operating(Some("state: suspended\n"), "state: running\n").state, WantedState::Running);
    insta::assert_snapshot!(found("state: suspend\n"), @"5:8: error[unknown-value]: `suspend` is no value of `state`; write `state: suspended`");
    insta::assert_snapshot!(found("state: off\n"), @"5:8: error[unknown-value]: `off` is no value of `state`; write one of `running`, `suspended`");
    insta::assert_snapshot!(found("state: [running]\n"), @"5:8: error[wrong-type]: `state` must be text, this is a list; write one text");
    insta::assert_snapshot!(found("state:\n"), @"5:1: error[unknown-value]: `` is no value of `state`; write one of `running`, `suspended`");
}

#[test]
fn a_stability_window_is_a_span_of_up_to_an_hour() {
    let window = |fields| operating(None, fields).stability_window.map(TimeSpan::as_millis);
    assert_eq!(
        [window(""), window("stability-window: 0s\n"), window("stability-window: 1h\n")],
        [None, Some(0), Some(3_600_000)]
    );
    assert_eq!(operating(Some("stability-window: 2m\n"), "").stability_window, "120s".parse().ok());
    insta::assert_snapshot!(found("stability-window: 61m\n"), @"5:19: error[out-of-range]: `stability-window` is longer than 1h; write `0s` to `1h`");
    insta::assert_snapshot!(found("stability-window: 30\n"), @"5:19: error[bad-time-span]: `30` is no span of time: a whole number with `s`, `m` or `h` is expected, for example `30s`; write `stability-window: 30s`");
    insta::assert_snapshot!(found("stability-widow: 30s\n"), @"5:1: error[unknown-field]: `stability-widow` is not a field of a job manifest; write `stability-window`");
}

#[test]
fn a_failed_savepoint_keeps_the_job_running_or_a_young_checkpoint_takes_its_place() {
    let wish = |template, fields| operating(template, fields).on_savepoint_failure;
    let checkpoint = |age: &str| OnSavepointFailure::Checkpoint { max_age: age.parse().unwrap() };
    let old = "on-savepoint-failure: checkpoint\nmax-checkpoint-age: 1h\n";
    assert_eq!(wish(None, ""), OnSavepointFailure::KeepRunning);
    assert_eq!(wish(None, "on-savepoint-failure: keep-running\n"), OnSavepointFailure::KeepRunning);
    assert_eq!(wish(None, "on-savepoint-failure: checkpoint\n"), checkpoint("10m"));
    assert_eq!(wish(None, old), checkpoint("1h"));
    assert_eq!(wish(Some(old), "max-checkpoint-age: 24h\n"), checkpoint("24h"));
    // The template's age is for those jobs only that have a use for it.
    assert_eq!(wish(Some(old), "on-savepoint-failure: keep-running\n"), OnSavepointFailure::KeepRunning);
    assert_eq!(wish(Some("max-checkpoint-age: 1h\n"), ""), OnSavepointFailure::KeepRunning);
    assert_eq!(wish(Some("max-checkpoint-age: 1h\n"), "on-savepoint-failure: checkpoint\n"), checkpoint("1h"));
}

#[test]
fn what_is_no_wish_for_a_failed_savepoint_is_told_the_way_out() {
    insta::assert_snapshot!(found("max-checkpoint-age: 10m\n"), @"5:21: error[without-effect]: `max-checkpoint-age` has no effect without `on-savepoint-failure: checkpoint`; write `on-savepoint-failure: checkpoint` as well, or remove it");
    let keeps = "on-savepoint-failure: keep-running\nmax-checkpoint-age: 10m\n";
    insta::assert_snapshot!(found(keeps), @"6:21: error[without-effect]: `max-checkpoint-age` has no effect without `on-savepoint-failure: checkpoint`; write `on-savepoint-failure: checkpoint` as well, or remove it");
    let misspelt = "on-savepoint-failure: checkpoints\nmax-checkpoint-age: 10m\n";
    insta::assert_snapshot!(found(misspelt), @"5:23: error[unknown-value]: `checkpoints` is no value of `on-savepoint-failure`; write `on-savepoint-failure: checkpoint`");
    let never = "on-savepoint-failure: checkpoint\nmax-checkpoint-age: 0s\n";
    insta::assert_snapshot!(found(never), @"6:21: error[out-of-range]: `max-checkpoint-age` is shorter than 1s; write `1s` to `24h`");
    let ten = "on-savepoint-failure: checkpoint\nmax-checkpoint-age: 10\n";
    insta::assert_snapshot!(found(ten), @"6:21: error[bad-time-span]: `10` is no span of time: a whole number with `s`, `m` or `h` is expected, for example `30s`; write `max-checkpoint-age: 10m`");
}

#[test]
fn the_template_sets_what_a_manifest_does_not() {
    let template = Some("owner: platform of {job_name}\n");
    assert_eq!(operating(template, "").owner.as_deref(), Some("platform of a"));
    assert_eq!(operating(template, "owner: me\n").owner.as_deref(), Some("me"));
}

/// The Python tool finds the deployed manifest as it would have written it, and says nothing about these fields itself.
#[test]
fn deployed_manifests_hold_none_of_these_fields() {
    let meta = || Meta {
        query_version: 1,
        query_id: "q".to_owned(),
        query_create_timestamp: "2026-01-01 00:00:00".to_owned(),
    };
    let (plain, said) = (loaded(None, "").manifest, loaded(None, ALL).manifest);
    assert_ne!(plain, said);
    let written = render_deployed(&said, &meta());
    assert_eq!(written, render_deployed(&plain, &meta()));
    let by_python = format!("{ALL}{written}");
    let (read, _) = parse_deployed(&SourceFile::new("manifests/a.yaml", by_python.clone())).unwrap();
    assert_eq!(read, plain, "what the Python tool copied there was never meant by it");
    // Merged already, by whoever wrote the file: there it counts.
    assert_eq!(
        load_merged(&SourceFile::new("a.yaml", by_python), &Policy::default()).unwrap().manifest.operating,
        said.operating
    );
}

/// A manifest that says nothing of its operation is stored as one was before there was anything to say.
#[test]
fn what_is_not_said_is_not_stored() {
    let stored = serde_json::to_value(loaded(None, "").manifest).unwrap();
    assert_eq!(stored.get("operating"), None);
    let said = loaded(None, ALL).manifest;
    let stored = serde_json::to_string(&said).unwrap();
    assert_eq!(serde_json::from_str::<desired::manifest::JobManifest>(&stored).unwrap(), said);
}

const ALL: &str =
    "owner: team\nstate: suspended\nstability-window: 2m\non-savepoint-failure: checkpoint\nmax-checkpoint-age: 1h\n";
