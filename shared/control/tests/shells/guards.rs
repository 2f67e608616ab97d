//! Mishaps with many jobs, one after the other: how many are removed before somebody is asked.
//! Must not know how a job is removed.

use std::collections::BTreeSet;

use control::orchestrator::Scope;
use desired::manifest::JobName;
use lifecycle::documents::outcome::Outcome;
use lifecycle::noted::Order;
use lifecycle::permission::Permission;

use crate::kit::{Outside, jobs};

fn only(name: &JobName) -> Scope {
    Scope::Jobs(BTreeSet::from([name.clone()]))
}

/// A file is deleted, its job stopped and settled before the next event comes; says whether it was.
async fn is_removed(outside: &Outside, name: &JobName) -> bool {
    outside.unwant(name);
    outside.run(only(name)).await;
    let ordered = outside.record(name).open.is_some();
    if ordered {
        outside.ends(name, Outcome::Removed { savepoint: None });
        outside.run(only(name)).await;
    }
    ordered
}

#[tokio::test]
async fn deletions_that_arrive_one_by_one_count_together() {
    let all = jobs(9);
    let outside = Outside::with(&all);
    for (n, name) in all.iter().take(8).enumerate() {
        outside.later(60);
        assert_eq!(is_removed(&outside, name).await, n < 5, "deletion {n}");
    }
    assert_eq!(outside.told(), [("removals-held", 1)]);

    // Time does not let them go, nor does a sweep or a redeploy.
    for _ in 0..3 {
        outside.later(7_200);
        outside.run(Scope::Sweep).await;
        outside.run(Scope::Redeploy).await;
    }
    assert!(all[5..8].iter().all(|name| outside.record(name).open.is_none()));

    // One is allowed: that one goes, the others wait.
    let allow = Order::Allow { permission: Permission::Remove, run: None };
    outside.orchestrator().note_order(&all[5], &allow, &"anna".into()).await.unwrap();
    outside.run(only(&all[5])).await;
    assert!(outside.record(&all[5]).open.is_some());
    outside.ends(&all[5], Outcome::Removed { savepoint: None });
    outside.run(Scope::Redeploy).await;
    assert!(all[6..8].iter().all(|name| outside.record(name).open.is_none()));

    // Their files come back: nothing is held any more, and a single removal hours later is none of it.
    all[6..8].iter().for_each(|name| outside.want(name, 1));
    outside.later(7_200);
    outside.run(Scope::Redeploy).await;
    assert!(is_removed(&outside, &all[8]).await);
}

#[tokio::test]
async fn a_few_removals_in_an_hour_need_nobody() {
    let all = jobs(12);
    let outside = Outside::with(&all);
    for (n, name) in all.iter().enumerate() {
        outside.later(900);
        assert!(is_removed(&outside, name).await, "removal {n}, a quarter of an hour after the one before");
    }
}
