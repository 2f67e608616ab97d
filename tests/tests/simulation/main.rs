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
mod random;
mod random_numbers;
mod rules;
mod sim;
mod store;
mod wishes;

use std::collections::BTreeMap;

use driver::{Deed, Scenario, play};
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

/// While it is watched after a changed configuration: the rollback goes on from the savepoint of the hand.
#[test]
fn a_new_run_that_is_stopped_by_hand_loses_nothing() {
    let wish = |parallelism| Deed::Want("a", Wish::new("a", parallelism));
    for seconds in [8, 12, 16, 20, 30] {
        let played = play(&scenario(vec![(1, wish(1)), (80, wish(2)), (seconds, Deed::StopByHand("a"))]));
        assert_eq!(played.broken, Vec::<String>::new(), "after {seconds} s");
    }
}
