//! The kinds of operations of the matrix, each as a scenario without faults of calls.
//! Must not know which faults they meet.

use std::collections::BTreeMap;

use lifecycle::permission::Permission;

use crate::control_plane::Fate;
use crate::driver::{Deed, Scenario};
use crate::orders::Wanted;
use crate::wishes::Wish;

/// A kind of operation.
pub(crate) struct Operation {
    pub(crate) title: &'static str,
    pub(crate) scenario: Scenario,
}

fn scenario(setup: Vec<Vec<Deed>>, deeds: Vec<(u64, Deed)>) -> Scenario {
    Scenario {
        seed: 1,
        ha: false,
        setup,
        deeds,
        mending: Vec::new(),
        faults: BTreeMap::new(),
        by_chance: 0,
        draws: false,
        duplicates: false,
    }
}

fn a(words: &str, parallelism: u32) -> Deed {
    Deed::Want("a", Wish::new(words, parallelism))
}

fn z() -> Deed {
    Deed::Want("z", Wish::new("z", 1))
}

/// Its savepoints fail, and its manifest says to go on from a checkpoint then.
const NO_SAVEPOINT: &str = "savepoints-fail:99 or-a-checkpoint";

/// Both run.
fn both() -> Vec<Vec<Deed>> {
    vec![vec![a("a", 1), z()]]
}

pub(crate) fn all() -> Vec<Operation> {
    let of = |title, setup, deeds| Operation { title, scenario: scenario(setup, deeds) };
    let ha = |title, setup, deeds| Operation { title, scenario: Scenario { ha: true, ..scenario(setup, deeds) } };
    let removed = vec![vec![a("a", 1), z()], vec![Deed::Unwant("a")]];
    vec![
        of("new", vec![vec![z()]], vec![(1, a("a", 1))]),
        of("unchanged, down", both(), vec![(1, Deed::CancelByHand("a")), (3, Deed::Redeploy)]),
        of("configuration", both(), vec![(1, a("a", 2))]),
        of("query", both(), vec![(1, a("other", 1))]),
        of("removed", both(), vec![(1, Deed::Unwant("a"))]),
        of("put back", removed, vec![(1, a("a", 1))]),
        of("rollback of a query", both(), vec![(1, a("restarts-after:20", 1))]),
        of(
            "rollback of a configuration",
            vec![vec![a("savepoint-takes:4", 1), z()]],
            vec![(1, a("does-not-start", 2))],
        ),
        of("take-over", vec![vec![z()]], vec![(1, Deed::PythonJob("a", Wish::new("a", 1)))]),
        of(
            "adopt",
            vec![vec![z()]],
            vec![
                (1, Deed::ForeignJob("a", Wish::new("a", 1))),
                (9, a("a", 1)),
                (60, Deed::Allow("a", Permission::Adopt)),
            ],
        ),
        of("sweep after a cancelled step", both(), vec![(1, Deed::Fate(Fate::Cancelled)), (1, a("a", 2))]),
        of(
            "sweep after a step that lists do not show",
            both(),
            vec![(1, Deed::Fate(Fate::Unseen(400))), (1, a("a", 2))],
        ),
        of("sweep after a step that waits", both(), vec![(1, Deed::Fate(Fate::Pending(300))), (1, a("a", 2))]),
        of("lost cluster", both(), vec![(1, Deed::JobManagerDies), (12, Deed::Redeploy)]),
        ha("JobManager with HA dies in a change", both(), vec![(1, a("a", 2)), (5, Deed::JobManagerDies)]),
        of("JobManager dies in a change", both(), vec![(1, a("a", 2)), (5, Deed::JobManagerDies)]),
        of(
            "session cut off, another starts",
            both(),
            vec![(1, Deed::Cut), (1, Deed::SessionStarts), (2, Deed::Redeploy), (300, Deed::CutEnds)],
        ),
        of(
            "no session for a while",
            both(),
            vec![(1, Deed::SessionEnds), (2, Deed::Redeploy), (400, Deed::SessionStarts), (5, Deed::Redeploy)],
        ),
        of("slots gone and back", both(), vec![(1, Deed::Slots(0)), (2, Deed::Redeploy), (600, Deed::Slots(12))]),
        of("bounded", vec![vec![z()]], vec![(1, a("bounded:50", 1)), (120, Deed::Redeploy)]),
        of(
            "bounded, its end not seen",
            vec![vec![z()]],
            vec![(1, a("bounded:50 never-checkpoints", 1)), (4_000, Deed::Redeploy)],
        ),
        of("slow savepoint", vec![vec![a("savepoint-takes:250", 1), z()]], vec![(1, a("savepoint-takes:250", 2))]),
        of(
            "two runners die in a stop",
            vec![vec![a("savepoint-takes:500", 1), z()]],
            vec![(1, a("savepoint-takes:500", 2)), (20, Deed::RunnersDie), (200, Deed::RunnersDie)],
        ),
        of(
            "allowed and new beside old directories",
            vec![vec![z()]],
            vec![(1, Deed::OldStates("a")), (1, Deed::Allow("a", Permission::Adopt)), (9, a("a", 1))],
        ),
        of("savepoints that fail", vec![vec![a("savepoints-fail:2", 1), z()]], vec![(1, a("savepoints-fail:2", 2))]),
        of("no savepoint, on from a checkpoint", vec![vec![a(NO_SAVEPOINT, 1), z()]], vec![(1, a(NO_SAVEPOINT, 2))]),
        of(
            "one of two cannot start",
            vec![vec![z()]],
            vec![(1, a("does-not-start", 1)), (0, Deed::Want("b", Wish::new("b", 1)))],
        ),
        of("restart", both(), vec![(1, Deed::Order("a", Wanted::Restart, 0))]),
        of("restart without state", both(), vec![(1, Deed::Order("a", Wanted::Clean, 0))]),
        of("restart from an older state", both(), vec![(25, Deed::Order("a", Wanted::Oldest, 0))]),
        of("savepoint", both(), vec![(1, Deed::Order("a", Wanted::Savepoint, 0))]),
        of("two wishes at once", both(), vec![(1, a("a", 2)), (6, a("other", 2))]),
    ]
}

/// Jobs that are not to run: their rows are not in the table.
pub(crate) fn of_suspended_jobs() -> Vec<Operation> {
    let of = |title, setup, deeds| Operation { title, scenario: scenario(setup, deeds) };
    let suspended = |words| Deed::Want("a", Wish::new(words, 1).suspended());
    vec![
        of("new and suspended", vec![vec![z()]], vec![(1, suspended("a"))]),
        of("suspended", both(), vec![(1, suspended("a"))]),
        of("suspended without a savepoint", vec![vec![a(NO_SAVEPOINT, 1), z()]], vec![(1, suspended(NO_SAVEPOINT))]),
        of("suspended with another query", both(), vec![(1, suspended("other"))]),
        of("resumed", vec![vec![a("a", 1), z()], vec![suspended("a")]], vec![(1, a("a", 1))]),
        of("suspended and removed", vec![vec![a("a", 1), z()], vec![suspended("a")]], vec![(1, Deed::Unwant("a"))]),
    ]
}
