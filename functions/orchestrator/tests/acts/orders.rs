//! `retry` and `allow` with who and why: noted once, rehearsed without a trace.
//! Must not know what follows from a note.

use desired::manifest::JobName;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::Record;
use lifecycle::ids::{ActId, Hex32};
use lifecycle::noted::Order;
use lifecycle::owed::{Cause, Debt};
use lifecycle::permission::{AllowedFor, Permission};
use orchestrator::actions::{Action, AllowAsked, Answer, OrderAsked, act};

use crate::memory::{Memory, keys};
use crate::{name, ordered, refused, running};

fn by_anna(id: &str) -> OrderAsked {
    let (by, reason) = (Some("anna".to_owned()), Some("the disk is back".to_owned()));
    OrderAsked { order_id: Some(ActId::derived(&[id])), by, reason, ..OrderAsked::about(name()) }
}

fn allow(permission: Permission, order: OrderAsked) -> Action {
    Action::Allow(AllowAsked { permission, run: None, order })
}

/// A changed query of a job that runs was refused, as the node's disk was full.
async fn refused_by_the_node() -> Memory {
    let memory = running().await;
    memory.upload(&name(), "SELECT a + 1 AS a FROM orders");
    let deploy = Action::Deploy { names: [name()].into(), by: None };
    act(&memory.orchestrator(), deploy).await.unwrap();
    memory.end(&name(), &Outcome::refused(Refusal::NodeBroken { message: "the disk is full".to_owned() }));
    memory
}

#[tokio::test]
async fn a_retry_is_noted_with_who_and_why_and_orders_what_is_owed() {
    let memory = refused_by_the_node().await;
    let answer = ordered(&memory, Action::Retry(by_anna("one"))).await.unwrap();
    assert!(answer.jobs[0].plan.is_some(), "{:?}", answer.jobs[0].text);
    assert_eq!(answer.told.len(), 1);
    assert!(answer.told[0].starts_with("For: not applied: ") && answer.told[0].contains("the disk is full"));
    let record = memory.record(&name());
    assert_eq!(record.open.unwrap().plan.by, "anna");
    let noted = record.noted.last().unwrap();
    assert_eq!(
        (noted.order, noted.by.as_str(), noted.why.as_deref()),
        (Order::Retry, "anna", Some("the disk is back"))
    );
    // It is in the history at once, and once however often it is asked.
    ordered(&memory, Action::Retry(by_anna("one"))).await.unwrap();
    match act(&memory.orchestrator(), Action::History { name: name() }).await.unwrap() {
        Answer::History(answer) => assert_eq!(answer.noted, record.noted),
        Answer::Plan(_) | Answer::Status(_) | Answer::States(_) | Answer::Look(_) => unreachable!(),
    }
}

#[tokio::test]
async fn the_same_retry_after_its_end_is_not_another_one() {
    let memory = refused_by_the_node().await;
    ordered(&memory, Action::Retry(by_anna("one"))).await.unwrap();
    memory.settle(&[name()]);
    let before = memory.record(&name());
    ordered(&memory, Action::Retry(by_anna("one"))).await.unwrap();
    let after = memory.record(&name());
    assert_eq!((after.noted, after.history), (before.noted, before.history));
    let (message, _) = refused(&memory, Action::Retry(by_anna("two"))).await;
    assert!(message.starts_with("orders-eu is not tried again: "), "{message}");
}

#[tokio::test]
async fn a_rehearsed_retry_says_what_it_is_for_and_notes_nothing() {
    let memory = refused_by_the_node().await;
    let before = memory.objects();
    let rehearsed = ordered(&memory, Action::Retry(OrderAsked { dry_run: true, ..by_anna("one") })).await.unwrap();
    assert_eq!(memory.objects(), before, "nothing is written");
    assert!(rehearsed.jobs[0].plan.is_some() && rehearsed.dispatched_as.is_none());
    let carried_out = ordered(&memory, Action::Retry(by_anna("one"))).await.unwrap();
    assert_eq!(rehearsed.told, carried_out.told);
    let changes = |answer: &orchestrator::actions::PlanAnswer| answer.jobs[0].change.clone();
    assert_eq!(changes(&rehearsed), changes(&carried_out));
}

#[tokio::test]
async fn what_cannot_be_noted_as_a_reason_changes_nothing() {
    let memory = refused_by_the_node().await;
    let before = memory.objects();
    for dry_run in [false, true] {
        let asked = OrderAsked { reason: Some("a\nb".to_owned()), dry_run, ..by_anna("one") };
        let (message, _) = refused(&memory, Action::Retry(asked)).await;
        assert!(message.starts_with("the reason is too long"), "{message}");
    }
    assert_eq!(memory.objects(), before);
}

/// A job that waits for a permission, as its state is gone.
fn waiting(memory: &Memory) -> Record {
    let mut record = memory.record(&name());
    let operation = record.history[0].operation;
    let debt = Debt::after(None, Cause::NoState, "no state was found", operation, jiff::Timestamp::UNIX_EPOCH);
    record.owed.keep_running = Some(debt);
    let record = record.revised(Hex32::from_bytes([7; 16]).into());
    memory.put(&keys().record(&name()), lifecycle::documents::write(&record));
    record
}

#[tokio::test]
async fn an_allow_says_what_it_is_for_and_is_noted_with_who_and_why() {
    let memory = running().await;
    let operation = waiting(&memory).history[0].operation;
    let clean = |dry_run| allow(Permission::CleanStart, OrderAsked { dry_run, ..by_anna("one") });
    let before = memory.objects();
    let rehearsed = ordered(&memory, clean(true)).await.unwrap();
    assert_eq!(memory.objects(), before, "nothing is written");
    let what = format!("For: what operation {} could not do: no state was found.", operation.short());
    assert_eq!(rehearsed.told, [what]);
    let carried_out = ordered(&memory, clean(false)).await.unwrap();
    assert_eq!(carried_out.told, rehearsed.told);
    let record = memory.record(&name());
    assert_eq!(record.allows[0].what, Some(AllowedFor::Operation(operation)));
    assert!(record.open.unwrap().plan.clean_start && rehearsed.jobs[0].plan.is_some());
    let noted = record.noted.last().unwrap();
    assert_eq!(noted.order, Order::Allow { permission: Permission::CleanStart, run: None });
    assert_eq!((noted.by.as_str(), noted.why.as_deref()), ("anna", Some("the disk is back")));
    let (message, _) = refused(&memory, allow(Permission::Remove, by_anna("two"))).await;
    assert!(message.starts_with("`remove` is not allowed for orders-eu: "), "{message}");
    let unknown = JobName::try_from("nobody").unwrap();
    let (message, _) = refused(&memory, Action::Retry(OrderAsked::about(unknown))).await;
    assert!(message.contains("nothing was ever decided"), "{message}");
}
