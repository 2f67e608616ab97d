//! Orders about a bounded job that came to its end: it is started over, or from a state that is named, and nothing else.
//! Must not know I/O: the node is one in memory.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

mod node;

use desired::manifest::WantedState;
use jiff::Timestamp;
use lifecycle::act::{Act, NotNow, OrderedAct};
use lifecycle::alert_conditions::{AlertKind, of_record};
use lifecycle::decision::Why;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{Aim, Ended, OpenOperation, Record, Source, Status};
use lifecycle::flink::JobState;
use lifecycle::ids::run_id;
use lifecycle::orchestrate::{Ruling, Situation, decide, settle_abandoned, settle_result, why_not};
use lifecycle::owed::Cause;
use node::asked::{asked, invoked, ordered};
use node::{Node, deployed, first, id, order, run, settle, situation, wanted};

/// A bounded job whose end was seen. Flink deleted its checkpoints, and not the savepoint that was taken on the way.
fn complete(bounded: Option<bool>) -> (Record, Node, String) {
    let (mut record, mut node) = deployed(&first());
    node.bounded = bounded;
    for known in &mut record.deployed.as_mut().unwrap().runs {
        known.compiled.bounded = bounded;
    }
    let (record, open) = asked(&record, &OrderedAct { id: id(70), ..ordered(Act::Savepoint) }, 50);
    let open = open.unwrap();
    let outcome = node.run(&open.plan);
    let mut record = settle(record, &open, &outcome);
    let savepoint = record.history.last().unwrap().savepoint.clone().unwrap();
    node.end(run(1), JobState::Finished);
    node.disk.retain(|state| state.path == savepoint);
    comes_to_its_end(&mut record, &mut node, 51);
    (record, node, savepoint)
}

/// A look sees that what is deployed came to its end.
fn comes_to_its_end(record: &mut Record, node: &mut Node, n: u8) {
    node::unsettle(record);
    let open = order(record, &wanted(&first()), n);
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome, Outcome::Left { why: Why::IsComplete, .. }), "{outcome:?}");
    *record = settle(record.clone(), &open, &outcome);
    assert_eq!(record.status(), Some(Status::Complete));
}

fn from(path: &str) -> Act {
    Act::RestartFrom { path: path.to_owned(), of_live_run: false }
}

/// `act` was ordered of a complete job as operation 2.
fn with(act: Act, bounded: Option<bool>) -> (Record, Node, OpenOperation) {
    let (record, node, _) = complete(bounded);
    let (record, open) = asked(&record, &ordered(act), 2);
    (record, node, open.unwrap())
}

fn version(record: &Record) -> u32 {
    record.deployed.as_ref().unwrap().meta.query_version
}

#[test]
fn it_is_started_over_as_a_new_version_and_stays_at_its_end_then() {
    let (record, mut node, open) = with(Act::RestartClean, Some(true));
    assert_eq!(record.status(), Some(Status::Complete), "it is before it is started");
    let outcome = node.run(&open.plan);
    assert_eq!(node.submitted.last(), Some(&(run(2), None)));
    let mut record = settle(record, &open, &outcome);
    let aim = record.deployed.as_ref().unwrap().aim;
    assert_eq!((version(&record), aim, record.expected_run()), (2, Aim::Run, Some(run(2))));
    let entry = record.history.last().unwrap();
    let said = (entry.by.as_str(), entry.why.as_str(), entry.outcome, entry.act);
    let why = "restart without state ordered: the sink was restored";
    assert_eq!(said, ("anna", why, Ended::Deployed, Some(id(77))));
    node.end(run(2), JobState::Finished);
    comes_to_its_end(&mut record, &mut node, 3);
    assert_eq!((version(&record), &record.ordered, record.owed.debts().count()), (2, &None, 0));
    assert!(matches!(decide(&record, &wanted(&first()), &situation(4)), Ruling::Nothing { .. }), "it is done once");
}

/// Its run may be over before it is watched long enough.
#[test]
fn one_that_is_over_at_once_is_complete_again() {
    let (record, mut node, open) = with(Act::RestartClean, Some(true));
    (node.claim, node.result) = (None, None);
    node.submits_again(&open.plan);
    node.end(run(2), JobState::Finished);
    node.go_on(&open.plan, usize::MAX);
    let outcome = node.result.clone().unwrap();
    assert!(matches!(outcome, Outcome::Completed { .. }), "{outcome:?}");
    let record = settle(record, &open, &outcome);
    assert_eq!((record.status(), version(&record), &record.ordered), (Some(Status::Complete), 2, &None));
}

#[test]
fn it_is_started_from_a_state_that_is_named() {
    let (record, mut node, savepoint) = complete(Some(true));
    let (record, open) = asked(&record, &ordered(from(&savepoint)), 2);
    let open = open.unwrap();
    let outcome = node.run(&open.plan);
    assert_eq!(node.submitted.last(), Some(&(run(2), Some(savepoint.clone()))));
    let record = settle(record, &open, &outcome);
    assert_eq!((version(&record), record.deployed.unwrap().restore_point), (2, Some(savepoint)));
}

#[test]
fn a_state_that_is_gone_leaves_it_at_its_end() {
    let (record, mut node, savepoint) = complete(Some(true));
    let (record, open) = asked(&record, &ordered(from(&savepoint)), 2);
    let open = open.unwrap();
    node.disk.clear();
    let outcome = node.run(&open.plan);
    assert_eq!(outcome.refusal(), Some(&Refusal::StateNotThere { path: savepoint }));
    let record = settle(record, &open, &outcome);
    assert_eq!((record.status(), &record.ordered, record.owed.debts().count()), (Some(Status::Complete), &None, 0));
}

#[test]
fn what_else_may_be_ordered_of_it_is_said() {
    let (record, _, savepoint) = complete(Some(true));
    let why = |act: &Act| why_not(&record, &wanted(&first()), act, Source::Queries);
    assert_eq!((why(&Act::RestartClean), why(&from(&savepoint))), (None, None));
    assert_eq!((why(&Act::Restart), why(&Act::Savepoint)), (Some(NotNow::Complete), Some(NotNow::Complete)));
    assert_eq!(why(&from("s3://other/one/checkpoints/1/x/chk-1")), Some(NotNow::NotItsState));
}

/// The run that it had before is over, and is not what the order is about.
#[test]
fn a_start_over_that_fails_does_not_bring_back_what_was_complete() {
    for bounded in [Some(true), None] {
        let (record, mut node, open) = with(Act::RestartClean, bounded);
        node.doomed = Some(first().digest());
        let before = node.submitted.len();
        let outcome = node.run(&open.plan);
        assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
        assert_eq!((node.submitted.len(), node.live()), (before + 1, vec![]), "only what was ordered was started");
        let record = settle(record, &open, &outcome);
        assert_eq!((record.status(), &record.ordered, record.owed.debts().count()), (Some(Status::Complete), &None, 0));
        assert_eq!((version(&record), record.highest_version), (1, 2));
        let told: Vec<_> = of_record(&record).into_iter().map(|condition| condition.kind).collect();
        assert_eq!(told, [AlertKind::OperationFailed], "nothing else tells that the order came to nothing");
    }
}

#[test]
fn what_the_environment_keeps_from_being_done_stays_owed() {
    let (record, mut node, open) = with(Act::RestartClean, Some(true));
    node.no_cluster = Some("no session".to_owned());
    let outcome = node.run(&open.plan);
    let mut record = settle(record, &open, &outcome);
    let debt = record.ordered.as_ref().unwrap().debt.clone().unwrap();
    assert_eq!((debt.cause, record.owed.debts().count()), (Cause::NoCluster, 0));
    node.no_cluster = None;
    let due = Situation { now: debt.next.unwrap(), ..situation(3) };
    let Ruling::Operate(open) = decide(&record, &wanted(&first()), &due) else { panic!("it is forgotten") };
    record.open = Some((*open).clone());
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    // Nothing was started under the version of the try that found no session.
    assert_eq!((version(&record), &record.ordered, node.live()), (2, &None, vec![run(3)]));
}

/// While it waited its job came to its end: a plain restart is about a run that is over.
#[test]
fn what_was_ordered_of_it_while_it_ran_is_carried_out_if_it_starts_over() {
    for act in [Act::Restart, Act::RestartClean] {
        let (record, mut node) = deployed(&first());
        let (record, open) = asked(&record, &ordered(act.clone()), 2);
        let open = open.unwrap();
        node.no_cluster = Some("no session".to_owned());
        let outcome = node.run(&open.plan);
        let mut record = settle(record, &open, &outcome);
        node.no_cluster = None;
        node.end(run(1), JobState::Finished);
        comes_to_its_end(&mut record, &mut node, 3);
        let superseded: Vec<_> = record.superseded.iter().map(|superseded| superseded.by_what.as_str()).collect();
        let waits = record.ordered.is_some();
        if act == Act::Restart {
            assert_eq!((waits, superseded), (false, vec!["the job came to its end"]));
        } else {
            assert_eq!((waits, superseded.len()), (true, 0));
        }
    }
}

/// Whatever a runner did before it died: in the end one run of the new version lives, or was there.
#[test]
fn an_operation_without_a_result_loses_no_order() {
    for effects in 0..16 {
        let (record, mut node, open) = with(Act::RestartClean, Some(true));
        (node.claim, node.result) = (None, None);
        node.go_on(&open.plan, effects);
        let claim = node.claim.clone();
        let mut record = settle_abandoned(record, &open, claim.as_ref(), Timestamp::UNIX_EPOCH, node::patience());
        for n in 3..9 {
            let later = Timestamp::from_second(i64::from(n) * 4_000).unwrap();
            let situation = Situation { now: later, ..situation(n) };
            let Ruling::Operate(open) = decide(&record, &wanted(&first()), &situation) else { break };
            record.open = Some((*open).clone());
            let outcome = node.run(&open.plan);
            record = settle_result(record, &open, &outcome, later, node::patience());
        }
        let title = format!("{effects} effects");
        assert_eq!((&record.ordered, record.owed.debts().count()), (&None, 0), "{title}");
        assert_eq!((version(&record) > 1, node.live()), (true, vec![record.expected_run().unwrap()]), "{title}");
        let ids: Vec<_> = node.submitted.iter().map(|(id, _)| *id).filter(|id| *id != run(1)).collect();
        assert_eq!(ids.len(), 1, "{title}: it was started once: {ids:?}");
        assert!(ids[0] == run_id(id(2)) || !node.runs.contains_key(&run(2)), "{title}");
    }
}

/// Its file comes first: nothing of it is to run.
#[test]
fn one_whose_file_says_that_it_is_not_to_run_is_not_started() {
    let mut suspended = first();
    suspended.manifest.operating.state = WantedState::Suspended;
    let (record, mut node, _) = complete(Some(true));
    let why = why_not(&record, &wanted(&suspended), &Act::RestartClean, Source::Queries);
    assert_eq!(why, Some(NotNow::NotToRun));
    // One that waits is told as superseded.
    let (record, open) = asked(&record, &ordered(Act::RestartClean), 2);
    let open = open.unwrap();
    node.no_cluster = Some("no session".to_owned());
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let later = Situation { now: Timestamp::from_second(100_000).unwrap(), ..situation(3) };
    let (record, open) = invoked(&record, &wanted(&suspended), &later);
    assert!(open.is_none(), "{open:?}");
    let superseded: Vec<_> = record.superseded.iter().map(|superseded| superseded.by_what.as_str()).collect();
    assert_eq!((record.ordered, superseded), (None, vec!["its file says that it is not to run"]));
}
