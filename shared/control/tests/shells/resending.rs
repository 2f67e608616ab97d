//! A batch that the lists of the control plane do not show: how long it is waited for, and when it is sent again.
//! Must not know the node.

use control::orchestrator::Scope;
use lifecycle::owed::Cause;

use crate::kit::{Outside, jobs};

/// Lists lag behind the second send as they do behind the first: it is waited for from then on.
#[tokio::test]
async fn what_was_sent_again_is_waited_for_from_then_on() {
    let orders = jobs(1).remove(0);
    let outside = Outside::with(std::slice::from_ref(&orders));
    outside.want(&orders, 2);
    outside.run(Scope::Jobs([orders.clone()].into())).await;
    let first = outside.record(&orders).open.unwrap();
    outside.state().unlisted = true;
    let open_after = async |seconds| {
        outside.later(seconds);
        outside.run(Scope::Sweep).await;
        outside.record(&orders).open.map(|open| (open.plan.operation, open.sent))
    };
    assert_eq!(open_after(29).await, Some((first.plan.operation, 1)));
    assert_eq!(open_after(2).await, Some((first.plan.operation, 2)), "no list shows it: it is sent again");
    assert_eq!(open_after(29).await, Some((first.plan.operation, 2)), "another invocation must not send it again");
    assert_eq!(open_after(2).await, None);
    let owed = outside.record(&orders).owed.apply.unwrap();
    assert_eq!(owed.debt.cause, Cause::NeverTaken);
    // What was tried is in the history, as one entry for as many tries as there are in a row: its step's log can be found.
    let last = || outside.record(&orders).history.last().map(|entry| (entry.operation, entry.untaken));
    assert_eq!(last(), Some((first.plan.operation, Some(1))));
    let entries = outside.record(&orders).history.len();
    for _ in 0..4 {
        outside.later(900);
        outside.run(Scope::Sweep).await;
    }
    let record = outside.record(&orders);
    assert_eq!(record.history.len(), entries);
    let newest = record.history.last().unwrap();
    assert!(newest.operation != first.plan.operation && newest.untaken > Some(1), "{newest:?}");
    assert!(newest.batch.is_some(), "its receipt names the step");
}
