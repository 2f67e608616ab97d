//! What people read of a plan, and its exit codes.
//! Plans are made by the product's own deciding.

use std::collections::BTreeSet;

use desired::inputs::Desired;
use lifecycle::change::Change;
use lifecycle::documents::outcome::Outcome;
use lifecycle::ids::Hex32;
use lifecycle::orchestrate::Ruling;
use orchestrator::actions::FileAnswer;

use super::*;
use crate::test_kit::{decided, inputs, job_answer, manifest, plan_answer, running, settled};

fn shown(answer: &PlanAnswer) -> String {
    anstream::adapter::strip_str(&text(answer, "Plan")).to_string()
}

fn held(reason: Reason) -> Ruling {
    Ruling::Nothing { change: None, reason, record_target: false }
}

#[test]
fn every_kind_of_line_and_the_sum() {
    let of = |job: &str, yaml: Option<&str>| {
        let record = running(&manifest(job, "SELECT *\nFROM a\nWHERE x > 0", 2), job);
        job_answer(job, decided(&record, yaml, job))
    };
    let fresh = {
        let record = lifecycle::documents::record::Record::fresh(
            crate::test_kit::name("fresh"),
            Hex32::derived(&["n"]).into(),
            lifecycle::documents::record::Source::Queries,
        );
        let mut answer = job_answer("fresh", decided(&record, Some(&manifest("fresh", "SELECT 1", 1)), "fresh"));
        answer.filled_in.insert(
            "execution.checkpointing.externalized-checkpoint-retention".to_owned(),
            "RETAIN_ON_CANCELLATION".to_owned(),
        );
        answer
    };
    let answer = plan_answer(vec![
        of("clicks", Some(&manifest("clicks", "SELECT *\nFROM a\nWHERE x > 10", 2))),
        fresh,
        of("gone", None),
        of("orders", Some(&manifest("orders", "SELECT *\nFROM a\nWHERE x > 0", 4))),
        job_answer("payments", held(Reason::Waits { operation: Hex32::derived(&["p"]).into() })),
        job_answer("refunds", held(Reason::RemovalsHeld)),
        of("same", Some(&manifest("same", "SELECT *  -- all\nFROM a WHERE x > 0", 2))),
    ]);
    insta::assert_snapshot!(shown(&answer), @r"
      ! clicks    v1 -> v2  query          savepoint, START CLEAN
          sql:
          -   WHERE x > 0
          +   WHERE x > 10
          state LOST, 2 slots
      + fresh     v1        new            start clean
          flinkProperties.execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION (filled in)
          1 slot
      - gone      v1        removed        savepoint, stop
          state kept
      ~ orders    v1 -> v1  configuration  savepoint, restart from it
          flinkProperties.parallelism.default: 2 -> 4
          state kept, 4 slots
      ? payments  -         waits          operation 6f760304 is under way
      ? refunds   -         held           more removals at once than allowed; `allow refunds remove` approves it
    Plan: 1 new, 1 configuration, 1 query, 1 removed, 1 waits, 1 held, 1 unchanged. 1 job loses its state.
    ");
    assert_eq!(planned(&answer), Exit::Done);
    assert_eq!(ordered(&answer), Exit::Held);
}

/// Whoever reads a plan looks for the option in the file.
#[test]
fn an_option_is_told_as_it_is_written() {
    let before = manifest("orders", "SELECT 1", 2);
    let after = before.replace("s3://b/s/orders/", "s3://b/elsewhere/");
    let ruling = decided(&running(&before, "orders"), Some(&after), "orders 2");
    let Ruling::Operate(open) = &ruling else { panic!("{ruling:?}") };
    assert_eq!(open.plan.reason, "flinkProperties.state.savepoints.dir");
    // Where it is not set any more, as it was written.
    let of = |option: &str| before.replace("  parallelism.default: \"2\"\n", &format!("  {option}: filesystem\n"));
    let ruling = decided(
        &running(&of("state.backend"), "orders"),
        Some(&of("parallelism.default").replace("filesystem", "2")),
        "x",
    );
    let Ruling::Operate(open) = &ruling else { panic!("{ruling:?}") };
    assert_eq!(open.plan.reason, "flinkProperties.parallelism.default, flinkProperties.state.backend");
}

/// Nothing of it is stopped, as nothing of it runs; what it counted is lost all the same.
#[test]
fn a_changed_query_of_a_suspended_job_stops_nothing_and_loses_its_state() {
    let before = manifest("orders", "SELECT 1", 2);
    let suspended = |yaml: &str| format!("state: suspended\n{yaml}");
    let nothing = Outcome::Suspended { savepoint: None, newest: None, epoch: None, checkpointed: true };
    let record = settled(running(&before, "orders"), &suspended(&before), "orders 2", &nothing);
    let of = |yaml: &str| {
        let ruling = decided(&record, Some(yaml), "orders 3");
        let Ruling::Operate(open) = &ruling else { panic!("{ruling:?}") };
        let plan = PlannedAnswer::of(&open.plan, record.status());
        let answer = plan_answer(vec![JobAnswer { plan: Some(plan), ..job_answer("orders", ruling.clone()) }]);
        assert!(loses_state(&answer.jobs[0]), "the gate ends with 7");
        shown(&answer)
    };
    let after = manifest("orders", "SELECT 2", 2);
    insta::assert_snapshot!(of(&suspended(&after)), @r"
      = orders  v1  suspend  check, start nothing
          sql: SELECT 1 -> SELECT 2
          state LOST
    Plan: 1 suspend. 1 job loses its state.
    ");
    insta::assert_snapshot!(of(&after), @r"
      ! orders  v1 -> v2  query  START CLEAN
          sql: SELECT 1 -> SELECT 2
          state: suspended -> running
          state LOST, 2 slots
    Plan: 1 query. 1 job loses its state.
    ");
}

/// What the job is to be operated by differs, and nothing else: no operation is ordered for that.
#[test]
fn what_is_only_recorded_is_told() {
    let record = running(&manifest("orders", "SELECT 1", 2), "orders");
    let wish = "on-savepoint-failure: checkpoint\nstability-window: 2m\n";
    let yaml = format!("{wish}{}", manifest("orders", "SELECT 1", 2));
    let ruling = decided(&record, Some(&yaml), "orders");
    assert!(matches!(ruling, Ruling::Nothing { record_target: true, .. }), "{ruling:?}");
    let mut answer = job_answer("orders", ruling);
    let Desired::Target(target) = inputs(&[("queries/orders.yaml", &yaml)]).desired(&record.name).0 else { panic!() };
    answer.change = Some(Change::between(&record.deployed.as_ref().unwrap().target, &target));
    let answer = plan_answer(vec![answer]);
    insta::assert_snapshot!(shown(&answer), @r"
      * orders  -  recorded  restarts nothing, counts from the next operation
          max-checkpoint-age: (not set) -> 10m
          on-savepoint-failure: keep-running -> checkpoint
          stability-window: (not set) -> 2m
    Plan: 1 unchanged.
    ");
    assert_eq!(planned(&answer), Exit::Done);
}

#[test]
fn refused_files_come_first() {
    let inputs = inputs(&[("p/queries/orders.yaml", "name: orders\ndescription: d\ntarget_table: t\nsql: SELECT 1\n")]);
    let mut answer = plan_answer(vec![job_answer("orders", held(Reason::UploadRefused))]);
    answer.refused = inputs
        .manifests
        .iter()
        .map(|v| FileAnswer {
            file: v.file.clone(),
            jobs: v.stem.iter().cloned().collect(),
            is_config: false,
            errors: v.errors(),
        })
        .collect();
    insta::assert_snapshot!(shown(&answer), @r"
    error[missing-state-directory]: there is no checkpoint directory
     --> p/queries/orders.yaml:1:1
      |
    1 | name: orders
      | ^
      |
    help: set `state.checkpoints.dir` in config/job-template.yaml, with `{job_name}` in it, or here

    error[missing-state-directory]: there is no savepoint directory
     --> p/queries/orders.yaml:1:1
      |
    1 | name: orders
      | ^
      |
    help: set `state.savepoints.dir` in config/job-template.yaml, with `{job_name}` in it, or here

    error[unknown-field]: `target_table` is not a field of a job manifest
     --> p/queries/orders.yaml:3:1
      |
    3 | target_table: t
      | ^^^^^^^^^^^^
      |
    help: write `target-table`

    Plan: 1 refused.
    ");
    assert_eq!(ordered(&answer), Exit::Invalid);
    let others = BTreeSet::from([crate::test_kit::name("clicks")]);
    let of_others = answer.about(&others);
    assert_eq!(ordered(&of_others), Exit::Done);
    insta::assert_snapshot!(shown(&of_others), @r"
    1 refused file is about other jobs: `flink-sql-runner status` lists them.
    Plan: nothing to do.
    ");
}

#[test]
fn nothing_to_do() {
    insta::assert_snapshot!(shown(&plan_answer(Vec::new())), @"Plan: nothing to do.");
}
