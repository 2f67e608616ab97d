//! Orders while others write the record: the answer is what happened, by the record that was decided on.
//! Must not know how a race is decided.

use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::Record;
use lifecycle::documents::write;
use lifecycle::ids::{ActId, Hex32};
use lifecycle::owed::{Cause, Debt};
use lifecycle::permission::Permission;
use orchestrator::actions::{Action, AllowAsked, Answer, OrderAsked, act};

use crate::memory::{Memory, keys};
use crate::{name, ordered, refused, restart, running, savepoint};

/// The record of before is there again, with another version.
fn later(memory: &Memory, record: &Record) {
    memory.meanwhile(&keys().record(&name()), write(record));
}

#[tokio::test]
async fn an_order_that_met_an_operation_is_refused_although_that_ends_meanwhile() {
    for restarts in [true, false] {
        let memory = running().await;
        memory.upload(&name(), "SELECT a + 1 AS a FROM orders");
        act(&memory.orchestrator(), Action::Deploy { names: [name()].into(), by: None }).await.unwrap();
        let busy = memory.record(&name());
        memory.settle(&[name()]);
        let settled = memory.record(&name());
        memory.put(&keys().record(&name()), write(&busy));
        later(&memory, &settled);
        let asked = if restarts { Action::Restart(restart()) } else { Action::Savepoint(savepoint()) };
        let (message, help) = refused(&memory, asked).await;
        let operation = busy.open.unwrap().plan.operation.short();
        assert!(message.ends_with(&format!("operation {operation} is under way")), "{message}");
        assert_eq!(help, "wait for its end; `history orders-eu` tells it");
        assert_eq!(memory.record(&name()), settled, "nothing was noted");
    }
}

#[tokio::test]
async fn an_order_that_lost_its_write_to_another_operation_is_refused() {
    let memory = running().await;
    let idle = memory.record(&name());
    memory.upload(&name(), "SELECT a + 1 AS a FROM orders");
    act(&memory.orchestrator(), Action::Deploy { names: [name()].into(), by: None }).await.unwrap();
    let busy = memory.record(&name());
    memory.put(&keys().record(&name()), write(&idle));
    later(&memory, &busy);
    let (message, _) = refused(&memory, Action::Restart(restart())).await;
    assert!(message.ends_with("is under way"), "{message}");
    assert_eq!(memory.record(&name()), busy);
}

/// The job owes this: what is uploaded could not be applied.
fn owing(record: &Record, cause: Cause, error: &str) -> Record {
    let operation = record.history[0].operation;
    let mut record = record.clone().revised(Hex32::derived(&[error]).into());
    record.owed.keep_running = Some(Debt::after(None, cause, error, operation, jiff::Timestamp::UNIX_EPOCH));
    record
}

fn asked() -> OrderAsked {
    OrderAsked { order_id: Some(ActId::derived(&["race"])), by: Some("anna".to_owned()), ..OrderAsked::about(name()) }
}

#[tokio::test]
async fn what_is_paid_meanwhile_is_neither_tried_again_nor_allowed() {
    let allow = || Action::Allow(AllowAsked { permission: Permission::CleanStart, run: None, order: asked() });
    for (order, told) in [
        (Action::Retry(asked()), "orders-eu is not tried again: nothing of it failed or waits for another try"),
        (allow(), "`clean-start` is not allowed for orders-eu: nothing of it waits for `clean-start`"),
    ] {
        let memory = running().await;
        let paid = memory.record(&name());
        memory.put(&keys().record(&name()), write(&owing(&paid, Cause::NoState, "no state was found")));
        later(&memory, &paid);
        let (message, _) = refused(&memory, order).await;
        assert_eq!(message, told);
        assert_eq!(memory.record(&name()), paid, "nothing was noted");
    }
}

/// What the order is for is read from the record that it is noted in.
#[tokio::test]
async fn what_an_order_is_for_is_what_waits_when_it_is_noted() {
    let memory = running().await;
    let record = memory.record(&name());
    memory.put(&keys().record(&name()), write(&owing(&record, Cause::NodeBroken, "the disk is full")));
    later(&memory, &owing(&record, Cause::NoSecret, "a secret is gone"));
    let answer = ordered(&memory, Action::Retry(asked())).await.unwrap();
    assert_eq!(answer.told.len(), 1);
    assert!(answer.told[0].contains("a secret is gone"), "{:?}", answer.told);
}

/// What was ordered and did not come about stands in the answer to `history`, with who and why.
#[tokio::test]
async fn a_superseded_order_is_in_the_history() {
    let memory = running().await;
    memory.upload(&name(), "SELECT a + 1 AS a FROM orders");
    ordered(&memory, Action::Restart(restart())).await.unwrap();
    assert!(memory.record(&name()).ordered.is_some(), "what is uploaded comes first");
    memory.settle(&[name()]);
    let Answer::History(answer) = act(&memory.orchestrator(), Action::History { name: name() }).await.unwrap() else {
        unreachable!()
    };
    let superseded = &answer.superseded[0];
    let who_and_why = (superseded.ordered.by.as_str(), superseded.ordered.why.as_deref());
    assert_eq!(who_and_why, ("anna", Some("the sink lost a day")));
    assert_eq!(superseded.by_what, "another version was deployed");
    // The same order again is known, and nothing waits for it.
    ordered(&memory, Action::Restart(restart())).await.unwrap();
    assert!(memory.record(&name()).open.is_none());
}

#[tokio::test]
async fn an_order_that_waits_is_told_with_what_comes_first() {
    let memory = running().await;
    memory.upload(&name(), "SELECT a + 1 AS a FROM orders");
    let answer = ordered(&memory, Action::Savepoint(savepoint())).await.unwrap();
    assert_eq!(answer.jobs[0].plan.as_ref().unwrap().ordered, None, "the upload");
    memory.end(&name(), &Outcome::refused(Refusal::NodeBroken { message: "the disk is full".to_owned() }));
    assert!(memory.record(&name()).ordered.is_some(), "it waits on");
}
