//! What is told of an order: what came of it by the record that was decided on, and what came before it.
//! Must not know I/O: the node is one in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

mod node;

use std::collections::VecDeque;

use desired::inputs::Desired;
use jiff::Timestamp;
use lifecycle::act::{Act, ActTaken, NotNow, OrderedAct};
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{Record, Source};
use lifecycle::ids::ActId;
use lifecycle::orchestrate::{Dispatched, Effect, Finding, Input, Situation, State, step};
use node::{Node, deployed, first, id, name, order, reconfigured, requeried, run, settle, situation, wanted};

fn ordered(act: Act, n: u8) -> OrderedAct {
    let (by, why) = (format!("anna {n}"), Some("the sink was restored".to_owned()));
    OrderedAct { id: id(70 + n), act, by, why, at: Timestamp::UNIX_EPOCH, about: None, debt: None }
}

/// One pass that orders something. `meanwhile` are the records that others write just before each of its own writes.
fn pass(
    record: Option<&Record>,
    desired: &Desired,
    ordered: &OrderedAct,
    n: u8,
    meanwhile: &[Record],
) -> (Option<Record>, Finding) {
    let situation = Situation { ordered: Some(ordered.clone()), sweep: false, ..situation(n) };
    let (mut record, mut meanwhile) = (record.cloned(), meanwhile.iter().collect::<VecDeque<_>>());
    let (mut state, mut effect) = step(&name(), &situation, State::new(), Input::Begin);
    loop {
        let input = match effect {
            Effect::ReadRecord => Input::Record(record.clone().map(Box::new)),
            Effect::ReadDeployed => Input::Deployed(None),
            Effect::ReadDesired => Input::Desired(desired.clone()),
            Effect::ReadResult(_) => Input::Result(None),
            Effect::WriteRecord(written) => {
                let others = meanwhile.pop_front().cloned();
                let lost = others.is_some();
                record = Some(others.unwrap_or(*written));
                if lost { Input::Conflict } else { Input::Written }
            }
            Effect::Dispatch(_) | Effect::WritePlan(_) | Effect::Project(_) => Input::Written,
            Effect::AskDispatch(_) => Input::Dispatched(Dispatched::Waiting),
            Effect::Done(finding) => return (record, *finding),
            other => panic!("{other:?}"),
        };
        (state, effect) = step(&name(), &situation, state, input);
    }
}

/// The running job, and the same with an operation open.
fn idle_and_busy() -> (Record, Record) {
    let (idle, _) = deployed(&first());
    let mut busy = idle.clone();
    order(&mut busy, &wanted(&reconfigured()), 9);
    (idle, busy)
}

/// Whoever reads the record after the pass may find another one: that is not what was decided on.
#[test]
fn the_answer_is_about_the_record_that_was_decided_on() {
    let (idle, busy) = idle_and_busy();
    let restart = ordered(Act::Restart, 1);
    let wanted = wanted(&first());
    let taken = |record: Option<&Record>, desired: &Desired| pass(record, desired, &restart, 2, &[]).1.act;
    assert_eq!(taken(Some(&busy), &wanted), Some(ActTaken::NotNow(NotNow::Open(id(9)))));
    assert_eq!(taken(Some(&idle), &wanted), Some(ActTaken::Noted));
    assert_eq!(taken(Some(&idle), &Desired::Refused), Some(ActTaken::NotNow(NotNow::UploadRefused)));
    assert_eq!(taken(Some(&idle), &Desired::Absent), Some(ActTaken::NotNow(NotNow::NotUploaded)));
    let fresh = Record::fresh(name(), id(0), Source::Queries);
    assert_eq!(taken(Some(&fresh), &wanted), Some(ActTaken::NotNow(NotNow::NotDeployed)));
    assert_eq!(taken(None, &wanted), Some(ActTaken::NotNow(NotNow::NotDeployed)));
    assert_eq!(taken(None, &Desired::Absent), Some(ActTaken::UnknownJob));
    let (noted, _) = pass(Some(&idle), &wanted, &restart, 2, &[]);
    assert_eq!(taken(noted.as_ref(), &wanted), Some(ActTaken::Known), "it is under way");
}

#[test]
fn a_lost_race_is_decided_and_told_anew() {
    let (idle, busy) = idle_and_busy();
    let restart = ordered(Act::Restart, 1);
    // An operation is opened between the read and the write.
    let (after, finding) = pass(Some(&idle), &wanted(&first()), &restart, 2, std::slice::from_ref(&busy));
    assert_eq!(finding.act, Some(ActTaken::NotNow(NotNow::Open(id(9)))));
    assert_eq!((after.as_ref(), finding.plan), (Some(&busy), None), "nothing is noted");
    // Another one writes, and the order can be noted all the same.
    let (after, finding) = pass(Some(&idle), &wanted(&first()), &restart, 2, std::slice::from_ref(&idle));
    assert_eq!(finding.act, Some(ActTaken::Noted));
    assert!(after.unwrap().knows_act(restart.id));
    // The same order, asked for twice at once.
    let (first_one, _) = pass(Some(&idle), &wanted(&first()), &restart, 2, &[]);
    let (_, finding) = pass(Some(&idle), &wanted(&first()), &restart, 3, &[first_one.unwrap()]);
    assert_eq!((finding.act, finding.plan), (Some(ActTaken::Known), None));
}

#[test]
fn what_never_could_be_written_is_not_told_as_noted() {
    let (idle, _) = idle_and_busy();
    let others = vec![idle.clone(); 50];
    let (after, finding) = pass(Some(&idle), &wanted(&first()), &ordered(Act::Restart, 1), 2, &others);
    assert_eq!(finding.act, Some(ActTaken::NotNow(NotNow::Contended)));
    assert_eq!((after, finding.plan), (Some(idle), None));
}

/// The job runs, `act` is noted, and what is uploaded comes first.
fn waiting(act: Act) -> (Record, Node) {
    let (record, node) = deployed(&first());
    let (record, finding) = pass(Some(&record), &wanted(&requeried()), &ordered(act, 1), 2, &[]);
    let record = record.unwrap();
    assert_eq!(finding.act, Some(ActTaken::Noted));
    assert_eq!(finding.plan.unwrap().ordered, None, "it is not tried yet");
    assert!(record.ordered.as_ref().is_some_and(|ordered| ordered.debt.is_none()));
    (record, node)
}

fn told(record: &Record) -> Vec<(ActId, String, String)> {
    let one = |order: &lifecycle::act::SupersededAct| {
        (order.ordered.id, format!("{}: {}", order.ordered.by, order.ordered.told()), order.by_what.clone())
    };
    record.superseded.iter().map(one).collect()
}

#[test]
fn an_order_that_an_upload_comes_before_stays_in_the_history() {
    let (record, mut node) = waiting(Act::Restart);
    let open = record.open.clone().unwrap();
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let who = "anna 1: restart ordered: the sink was restored".to_owned();
    assert_eq!(
        (&record.ordered, told(&record)),
        (&None, vec![(id(71), who, "another version was deployed".to_owned())])
    );
    // Whoever got no answer and asks again orders nothing anew.
    let (after, finding) = pass(Some(&record), &wanted(&requeried()), &ordered(Act::Restart, 1), 4, &[]);
    assert_eq!((finding.act, after.unwrap().ordered), (Some(ActTaken::Known), None));
}

#[test]
fn an_order_that_a_newer_one_or_a_removal_comes_before_stays_in_the_history() {
    let (record, _) = waiting(Act::Restart);
    let open = record.open.clone().unwrap();
    let full = Outcome::refused(Refusal::NodeBroken { message: "the disk is full".to_owned() });
    let record = settle(record, &open, &full);
    assert!(record.ordered.is_some() && record.superseded.is_empty(), "it waits on");
    let (newer, _) = pass(Some(&record), &wanted(&first()), &ordered(Act::RestartClean, 2), 4, &[]);
    let newer = newer.unwrap();
    assert_eq!(newer.ordered.as_ref().map(|ordered| ordered.id), Some(id(72)));
    let by_what = "a newer order took its place: restart without state".to_owned();
    let who = "anna 1: restart ordered: the sink was restored".to_owned();
    assert_eq!(told(&newer), [(id(71), who.clone(), by_what)]);

    let mut removed = record;
    let mut node = deployed(&first()).1;
    let open = order(&mut removed, &Desired::Absent, 5);
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome, Outcome::Removed { .. }), "{outcome:?}");
    let removed = settle(removed, &open, &outcome);
    assert_eq!(told(&removed), [(id(71), who, "the job was stopped".to_owned())]);
}

/// What was done is told by its operation, and by that alone.
#[test]
fn an_order_that_is_carried_out_is_not_superseded() {
    for act in [Act::Restart, Act::RestartClean, Act::Savepoint] {
        let (record, mut node) = deployed(&first());
        let (record, _) = pass(Some(&record), &wanted(&first()), &ordered(act.clone(), 1), 2, &[]);
        let record = record.unwrap();
        let open = record.open.clone().unwrap();
        let outcome = node.run(&open.plan);
        let record = settle(record, &open, &outcome);
        assert_eq!((&record.ordered, told(&record)), (&None, vec![]), "{act}");
        assert!(!node.live().is_empty() && node.submitted.first().is_some_and(|(id, _)| *id == run(1)));
    }
}

#[test]
fn a_record_stays_small_however_many_orders_are_superseded() {
    let (mut record, _) = deployed(&first());
    for n in 0..100 {
        let mut order = ordered(Act::Savepoint, n % 100);
        (order.id, order.by) = (ActId::derived(&[&n.to_string()]), "ä".repeat(5_000));
        record.owed.remove = None;
        record.open = None;
        // Each is noted beside an upload that comes first.
        record = pass(Some(&record), &wanted(&requeried()), &order, 2, &[]).0.unwrap();
    }
    assert_eq!(record.superseded.len(), 20);
    let last = record.superseded.last().unwrap();
    assert_eq!((last.ordered.id, last.ordered.by.chars().count()), (ActId::derived(&["98"]), 501));
}
