//! The deterministic simulation: the product's own shells over an outside in memory, in simulated time.
//! Must not know the product's insides: what it checks is read from the store and from Flink.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::doc_markdown,
    clippy::allow_attributes,
    reason = "tests"
)]

mod control_plane;
mod driver;
mod faults;
mod flink;
mod invocation;
mod matrix;
mod node;
mod operations;
mod orders;
#[path = "../outcomes/orders.rs"]
mod outcomes;
mod ports;
mod put_down;
mod random;
mod random_numbers;
mod rules;
mod sim;
mod store;
mod wishes;

use std::collections::BTreeMap;

use driver::{Deed, Scenario, play};
use orders::Wanted;
use wishes::Wish;

/// These deeds, one job running beside them, and no fault.
fn scenario(deeds: Vec<(u64, Deed)>) -> Scenario {
    Scenario {
        seed: 1,
        ha: false,
        setup: vec![vec![Deed::Want("z", Wish::new("z", 1))]],
        deeds,
        mending: Vec::new(),
        faults: BTreeMap::new(),
        by_chance: 0,
        draws: false,
        duplicates: false,
    }
}

#[test]
fn a_new_job_is_deployed() {
    let played = play(&scenario(vec![(1, Deed::Want("a", Wish::new("a", 1)))]));
    assert_eq!(played.broken, Vec::<String>::new());
    assert_eq!(played.steps, 1);
}

/// Flink restarts it, once and again: it runs on, and goes on from a savepoint once one can be written.
#[test]
fn a_job_that_its_own_savepoint_puts_down_is_not_cancelled_for_that() {
    let wish = |words, parallelism| Deed::Want("a", Wish::new(words, parallelism));
    for words in ["savepoints-break:1", "savepoints-break:2", "savepoints-break:3", "savepoints-break:4"] {
        for deeds in [
            vec![(80, wish(words, 2))],
            vec![(80, wish(words, 2)), (10, wish("other", 2)), (5, wish(words, 3))],
            vec![(80, Deed::Suspend("a"))],
            vec![(80, Deed::Unwant("a"))],
            vec![(80, Deed::Order("a", Wanted::Restart, 0)), (4, Deed::RunnersDie)],
        ] {
            let title = format!("{words} {deeds:?}");
            let deeds = [vec![(1, wish(words, 1))], deeds].concat();
            let played = play(&scenario(deeds));
            assert_eq!(played.broken, Vec::<String>::new(), "{title}");
        }
    }
}

/// A bounded job runs again only as a person orders it.
#[test]
fn a_bounded_job_is_started_over_by_an_order() {
    let steps = |wanted| {
        let deeds = vec![
            (1, Deed::Want("a", Wish::new("bounded:40", 1))),
            (120, Deed::Redeploy),
            (60, Deed::Order("a", wanted, 0)),
            (120, Deed::Redeploy),
        ];
        let played = play(&scenario(deeds));
        assert_eq!(played.broken, Vec::<String>::new(), "{wanted:?}");
        played.steps
    };
    let (restart, savepoint, clean) = (steps(Wanted::Restart), steps(Wanted::Savepoint), steps(Wanted::Clean));
    assert!(clean > restart && restart == savepoint, "{clean} {restart} {savepoint}");
}

/// While it is watched after a changed configuration: the rollback goes on from the savepoint of the hand.
#[test]
fn a_new_run_that_is_stopped_by_hand_loses_nothing() {
    let wish = |parallelism| Deed::Want("a", Wish::new("a", parallelism));
    for seconds in [8, 12, 16, 20, 30] {
        let played = play(&scenario(vec![(1, wish(1)), (80, wish(2)), (seconds, Deed::StopByHand("a"))]));
        assert_eq!(played.broken, Vec::<String>::new(), "after {seconds} s");
    }
}
