//! The model check of both protocol machines: the product's own `step` functions under duplicates, crashes and lost replies.
//! Claims, writes, looks and dispatch are the product's own, over ports that answer at once; the rest of the shells is not
//! known here: the modules are the world that the machines are checked in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod claims;
mod drain;
mod flink;
mod kept;
mod orders;
#[path = "../outcomes/orders.rs"]
mod outcomes;
mod pass;
mod ports;
mod protocol;
mod rules;
mod runner;
mod scenario;
mod world;

use std::time::Instant;

use desired::inputs::Desired;
use protocol::Protocol;
use scenario::{Scenario, Wanted, first, reconfigured, requeried, suspended, wanted};
use stateright::{Checker, Model};
use world::Budget;

/// Explores a scenario whole; says how large it was, or tells the shortest way to what went wrong.
fn check(scenario: Scenario) {
    let began = Instant::now();
    let title = scenario.title;
    let checker = Protocol(scenario).checker().threads(2).spawn_bfs().join();
    let (states, seconds) = (checker.unique_state_count(), began.elapsed().as_secs_f32());
    println!("{title}: {states} states, depth {}, {seconds:.1} s", checker.max_depth());
    for (property, path) in checker.discoveries() {
        if property.starts_with("the last") {
            continue;
        }
        let actions: Vec<String> = path.clone().into_actions().iter().map(|action| format!("  {action:?}")).collect();
        let world = path.last_state();
        let drained = drain::converges(&checker.model().0, world);
        panic!("{title}: not so: {property}\n{}\n{:?}, {drained:?}", actions.join("\n"), world.broken);
    }
    assert!(checker.is_done(), "{title}: not all of it was explored");
    assert!(checker.discovery("the last upload is deployed").is_some(), "{title}: it never gets to its end");
}

#[test]
fn everybody_at_work_on_one_upload() {
    let budget = Budget { spurious: 1, checkpoints: 1, ..Budget::default() };
    check(Scenario::new("one upload", vec![wanted(&first())], budget).at_work(2, 1));
    let budget = Budget { crashes: 1, duplicates: 1, ..Budget::default() };
    check(Scenario::new("one upload, delivered twice", vec![wanted(&first())], budget).at_work(1, 2));
}

#[test]
fn orchestrators_race_and_die() {
    let budget = Budget { crashes: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&requeried())];
    check(Scenario::new("orchestrators, a change", script, budget).at_work(2, 0));
    let script = vec![wanted(&first()), Desired::Absent, wanted(&first())];
    check(Scenario::new("orchestrators, removed and put back", script, budget).deployed().at_work(2, 0));
}

#[test]
fn two_runners_of_one_batch_pause_and_die() {
    let budget = Budget { crashes: 1, pauses: 1, duplicates: 1, checkpoints: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured())];
    check(Scenario::new("runners", script, budget).deployed().at_work(0, 2));
}

#[test]
fn a_changed_configuration_keeps_its_state() {
    let budget = Budget { crashes: 3, checkpoints: 2, forgets: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured())];
    check(Scenario::new("configuration", script, budget).deployed().at_work(0, 1));
}

#[test]
fn a_changed_query_starts_over() {
    let budget = Budget { crashes: 3, checkpoints: 2, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&requeried())];
    check(Scenario::new("query", script, budget).deployed().at_work(0, 1));
}

#[test]
fn removed_while_a_change_is_under_way_and_put_back() {
    let budget = Budget { crashes: 2, checkpoints: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured()), Desired::Absent, wanted(&first())];
    check(Scenario::new("removed", script, budget).deployed().at_work(0, 1));
}

#[test]
fn a_first_upload_that_is_withdrawn_leaves_nothing_behind() {
    let budget = Budget { crashes: 2, ..Budget::default() };
    check(Scenario::new("withdrawn", vec![wanted(&first()), Desired::Absent], budget).at_work(0, 1));
}

#[test]
fn a_run_that_is_taken_over_and_fails_comes_back() {
    let budget = Budget { crashes: 2, failures: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured())];
    check(Scenario::new("taken over", script, budget).deployed().at_work(0, 1));
}

#[test]
fn a_configuration_that_fails_is_rolled_back() {
    let budget = Budget { crashes: 2, checkpoints: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured())];
    check(Scenario::new("configuration fails", script, budget).deployed().doomed(&reconfigured()).at_work(0, 1));
}

#[test]
fn a_query_that_fails_is_rolled_back() {
    let budget = Budget { crashes: 1, checkpoints: 1, failures: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&requeried())];
    check(Scenario::new("query fails", script, budget).deployed().doomed(&requeried()).at_work(0, 1));
}

#[test]
fn a_run_that_fails_or_falls_sick_comes_back() {
    let budget = Budget { crashes: 1, checkpoints: 1, failures: 1, forgets: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured())];
    check(Scenario::new("failure", script, budget).deployed().at_work(0, 1));
}

#[test]
fn a_bad_upload_touches_nothing() {
    let budget = Budget { crashes: 1, checkpoints: 1, failures: 1, ..Budget::default() };
    let script = vec![wanted(&first()), Desired::Refused, wanted(&requeried())];
    check(Scenario::new("bad upload", script, budget).deployed().uncompilable(&requeried()).at_work(1, 1));
}

#[test]
fn a_session_that_ends_and_comes_back_runs_nothing_twice() {
    let budget = Budget { crashes: 1, sessions: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured())];
    check(Scenario::new("session", script, budget).deployed().at_work(0, 1));
}

#[test]
fn what_is_short_of_slots_waits_for_them() {
    let budget = Budget { shortages: 1, failures: 1, retries: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured())];
    check(Scenario::new("capacity", script, budget).deployed().at_work(0, 1));
}

#[test]
fn a_bounded_job_that_came_to_its_end_is_not_run_again() {
    let budget = Budget { crashes: 1, checkpoints: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured())];
    check(Scenario::new("bounded", script, budget).deployed().bounded().at_work(0, 1));
}

#[test]
fn what_came_to_its_end_is_started_over_by_an_order_only() {
    let budget = Budget { crashes: 1, orders: 2, ..Budget::default() };
    let script = vec![wanted(&first())];
    let ordered = |title, act, budget| {
        check(Scenario::new(title, script.clone(), budget).deployed().bounded().ordered(act).at_work(0, 1));
    };
    ordered("bounded, started over", Wanted::Clean, budget);
    ordered("bounded, restarted", Wanted::Restart, budget);
    ordered("bounded, started over and fails", Wanted::Clean, Budget { crashes: 1, orders: 1, failures: 1, ..budget });
}

#[test]
fn what_came_to_its_end_is_not_brought_back_by_a_rollback() {
    let budget = Budget { crashes: 1, checkpoints: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&requeried())];
    check(
        Scenario::new("bounded, another query fails", script, budget)
            .deployed()
            .bounded()
            .doomed(&requeried())
            .at_work(0, 1),
    );
}

#[test]
fn what_was_counted_is_forgotten_only_where_that_is_allowed() {
    let budget = Budget { crashes: 1, deletions: 1, failures: 1, allows: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&reconfigured())];
    check(Scenario::new("clean start", script, budget).deployed().at_work(0, 1));
}

#[test]
fn a_removal_that_is_held_waits_until_it_is_allowed() {
    let budget = Budget { crashes: 1, checkpoints: 1, allows: 2, ..Budget::default() };
    let script = vec![wanted(&first()), Desired::Absent, wanted(&first()), Desired::Absent];
    check(Scenario::new("held removal", script, budget).deployed().removals_held().at_work(1, 1));
}

#[test]
fn an_order_is_carried_out_once_however_often_it_is_asked_for() {
    let budget = Budget { crashes: 2, orders: 2, checkpoints: 1, failures: 1, ..Budget::default() };
    let ordered = |title, act| {
        check(Scenario::new(title, vec![wanted(&first())], budget).deployed().ordered(act).at_work(0, 1));
    };
    ordered("ordered restart", Wanted::Restart);
    ordered("ordered start over", Wanted::Clean);
    ordered("ordered older state", Wanted::Oldest);
    ordered("ordered savepoint", Wanted::Savepoint);
}

#[test]
fn orchestrators_race_for_one_order() {
    let budget = Budget { crashes: 1, orders: 2, ..Budget::default() };
    let script = vec![wanted(&first())];
    check(Scenario::new("order, race", script, budget).deployed().ordered(Wanted::Restart).at_work(2, 0));
}

#[test]
fn an_order_beside_an_upload_and_failures_is_not_lost() {
    let budget = Budget { crashes: 1, orders: 1, failures: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&requeried())];
    let beside = |title, act| {
        check(Scenario::new(title, script.clone(), budget).deployed().ordered(act).at_work(0, 1));
    };
    beside("restart and upload", Wanted::Restart);
    beside("savepoint and upload", Wanted::Savepoint);
}

#[test]
fn an_order_waits_for_the_environment() {
    let budget = Budget { sessions: 1, orders: 2, ..Budget::default() };
    let script = vec![wanted(&first())];
    check(Scenario::new("restart, session", script.clone(), budget).deployed().ordered(Wanted::Restart).at_work(0, 1));
    let budget = Budget { shortages: 1, failures: 1, orders: 1, ..Budget::default() };
    check(Scenario::new("start over, capacity", script, budget).deployed().ordered(Wanted::Clean).at_work(0, 1));
}

#[test]
fn a_suspended_job_goes_on_from_its_state() {
    let budget = Budget { crashes: 2, checkpoints: 2, forgets: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&suspended(&first())), wanted(&first())];
    check(Scenario::new("suspended and resumed", script, budget).deployed().at_work(0, 1));
}

#[test]
fn a_job_that_is_suspended_in_the_end_does_not_run() {
    let budget = Budget { crashes: 1, failures: 1, orders: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&suspended(&reconfigured()))];
    let scenario = Scenario::new("suspended with another configuration", script, budget).deployed();
    check(scenario.ordered(Wanted::Restart).at_work(0, 1));
    let budget = Budget { crashes: 1, sessions: 1, ..Budget::default() };
    let script = vec![wanted(&first()), wanted(&suspended(&first()))];
    check(Scenario::new("suspended, session", script, budget).deployed().at_work(0, 1));
}
