//! The decision table: what a change means for each thing the node can observe.
//! Must not know identities, paths or time: one arm per cell, so that a reader checks it against docs/design.md (2).

mod suspended;

use std::fmt;

use serde::{Deserialize, Serialize};
pub use suspended::action_when_suspended;

use crate::change::ChangeKind;

/// What the node can observe of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// A run of ours, RUNNING with every task running.
    Running,
    /// A run of ours that is neither healthy nor gone.
    Unhealthy,
    /// A run of ours in a state that passes by itself.
    Passing,
    /// A run of ours that came to its end: bounded and done.
    Complete,
    /// A run of ours that somebody stopped with a savepoint.
    StoppedOutside,
    /// No run of ours is there or live.
    Gone,
    /// No run of ours, but a live job of the same name.
    Foreign,
    /// No run of ours is there, but one was given to a JobManager that may still be alive.
    Unproven,
}

impl Observed {
    /// Every value, for tables and tests.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Unhealthy,
        Self::Passing,
        Self::Complete,
        Self::StoppedOutside,
        Self::Gone,
        Self::Foreign,
        Self::Unproven,
    ];
}

impl Observed {
    /// Whether a run is live and does not change by itself.
    pub fn is_live(self) -> bool {
        match self {
            Self::Running | Self::Unhealthy | Self::Foreign => true,
            Self::Passing | Self::Complete | Self::StoppedOutside | Self::Gone | Self::Unproven => false,
        }
    }
}

/// How a live run is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// With a savepoint; cancelled only where no savepoint is possible.
    Savepoint,
    /// At once; its newest checkpoint stays.
    Cancel,
}

/// Where a start takes its state from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartFrom {
    /// No state.
    Clean,
    /// The newest state of the lineage, the savepoint of this operation's stop included.
    Latest,
    /// The state that the act of the plan names.
    Given,
}

/// Why the node leaves a job alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It runs as it should.
    RunsAsDeployed,
    /// Flink restarts it by itself.
    FlinkRestartsIt,
    /// It was bounded and is done.
    IsComplete,
    /// There is nothing to stop.
    NothingToStop,
    /// A job of that name that is not ours runs.
    ForeignJob,
    /// A run of ours may live where nobody can be asked.
    EndNotProven,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunsAsDeployed => "it runs as deployed",
            Self::FlinkRestartsIt => "it is not healthy, Flink restarts it",
            Self::IsComplete => "it is bounded and complete",
            Self::NothingToStop => "nothing runs",
            Self::ForeignJob => "a job of that name that is not ours runs",
            Self::EndNotProven => "a run of it may still live under a JobManager that cannot be reached",
        })
    }
}

/// What is done about one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedAction {
    Leave(Why),
    /// Start it; nothing runs.
    Start(StartFrom),
    /// End the live run, then start.
    Replace(Stop, StartFrom),
    /// End the live run.
    Stop(Stop),
    /// Compile it and start nothing.
    Check,
    /// Take a savepoint of the live run, which goes on.
    Savepoint,
    /// Touch nothing and say so.
    Refuse(Why),
    /// Look again: the state passes.
    Wait,
}

/// The action for a change of kind `change` when the node observes `observed`.
pub fn action(change: ChangeKind, observed: Observed) -> PlannedAction {
    use PlannedAction::{Leave, Refuse, Replace, Start, Wait};
    match (change, observed) {
        (ChangeKind::New, Observed::Running | Observed::Unhealthy) => Replace(Stop::Cancel, StartFrom::Clean),
        (ChangeKind::New, Observed::Complete | Observed::StoppedOutside | Observed::Gone) => Start(StartFrom::Clean),

        (ChangeKind::Unchanged, Observed::Running) => Leave(Why::RunsAsDeployed),
        (ChangeKind::Unchanged, Observed::Unhealthy) => Leave(Why::FlinkRestartsIt),
        (ChangeKind::Unchanged | ChangeKind::Configuration, Observed::Complete) => Leave(Why::IsComplete),
        (ChangeKind::Unchanged | ChangeKind::Configuration, Observed::StoppedOutside | Observed::Gone) => {
            Start(StartFrom::Latest)
        }

        (ChangeKind::Configuration, Observed::Running) => Replace(Stop::Savepoint, StartFrom::Latest),
        (ChangeKind::Configuration, Observed::Unhealthy) => Replace(Stop::Cancel, StartFrom::Latest),

        (ChangeKind::Query, Observed::Running) => Replace(Stop::Savepoint, StartFrom::Clean),
        (ChangeKind::Query, Observed::Unhealthy) => Replace(Stop::Cancel, StartFrom::Clean),
        (ChangeKind::Query, Observed::Complete | Observed::StoppedOutside | Observed::Gone) => Start(StartFrom::Clean),

        (ChangeKind::Removed, Observed::Running) => PlannedAction::Stop(Stop::Savepoint),
        (ChangeKind::Removed, Observed::Unhealthy) => PlannedAction::Stop(Stop::Cancel),
        (ChangeKind::Removed, Observed::Complete | Observed::StoppedOutside | Observed::Gone | Observed::Foreign) => {
            Leave(Why::NothingToStop)
        }

        (
            ChangeKind::New | ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Query,
            Observed::Foreign,
        ) => Refuse(Why::ForeignJob),
        (
            ChangeKind::New
            | ChangeKind::Unchanged
            | ChangeKind::Configuration
            | ChangeKind::Query
            | ChangeKind::Removed,
            Observed::Unproven,
        ) => Refuse(Why::EndNotProven),
        (
            ChangeKind::New
            | ChangeKind::Unchanged
            | ChangeKind::Configuration
            | ChangeKind::Query
            | ChangeKind::Removed,
            Observed::Passing,
        ) => Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per cell of the table in docs/design.md (2).
    #[test]
    fn every_cell() {
        use PlannedAction::{Leave, Refuse, Replace, Start, Wait};
        let rows = [
            (
                ChangeKind::New,
                [
                    Replace(Stop::Cancel, StartFrom::Clean),
                    Replace(Stop::Cancel, StartFrom::Clean),
                    Wait,
                    Start(StartFrom::Clean),
                    Start(StartFrom::Clean),
                    Start(StartFrom::Clean),
                    Refuse(Why::ForeignJob),
                    Refuse(Why::EndNotProven),
                ],
            ),
            (
                ChangeKind::Unchanged,
                [
                    Leave(Why::RunsAsDeployed),
                    Leave(Why::FlinkRestartsIt),
                    Wait,
                    Leave(Why::IsComplete),
                    Start(StartFrom::Latest),
                    Start(StartFrom::Latest),
                    Refuse(Why::ForeignJob),
                    Refuse(Why::EndNotProven),
                ],
            ),
            (
                ChangeKind::Configuration,
                [
                    Replace(Stop::Savepoint, StartFrom::Latest),
                    Replace(Stop::Cancel, StartFrom::Latest),
                    Wait,
                    Leave(Why::IsComplete),
                    Start(StartFrom::Latest),
                    Start(StartFrom::Latest),
                    Refuse(Why::ForeignJob),
                    Refuse(Why::EndNotProven),
                ],
            ),
            (
                ChangeKind::Query,
                [
                    Replace(Stop::Savepoint, StartFrom::Clean),
                    Replace(Stop::Cancel, StartFrom::Clean),
                    Wait,
                    Start(StartFrom::Clean),
                    Start(StartFrom::Clean),
                    Start(StartFrom::Clean),
                    Refuse(Why::ForeignJob),
                    Refuse(Why::EndNotProven),
                ],
            ),
            (
                ChangeKind::Removed,
                [
                    PlannedAction::Stop(Stop::Savepoint),
                    PlannedAction::Stop(Stop::Cancel),
                    Wait,
                    Leave(Why::NothingToStop),
                    Leave(Why::NothingToStop),
                    Leave(Why::NothingToStop),
                    Leave(Why::NothingToStop),
                    Refuse(Why::EndNotProven),
                ],
            ),
        ];
        for (change, cells) in rows {
            for (observed, expected) in Observed::ALL.into_iter().zip(cells) {
                assert_eq!(action(change, observed), expected, "{change:?} x {observed:?}");
            }
        }
    }

    /// Guarantee 2: no clean start that the table does not order.
    #[test]
    fn only_a_new_or_changed_query_starts_clean() {
        for change in [ChangeKind::Unchanged, ChangeKind::Configuration, ChangeKind::Removed] {
            for observed in Observed::ALL {
                let clean = matches!(
                    action(change, observed),
                    PlannedAction::Start(StartFrom::Clean) | PlannedAction::Replace(_, StartFrom::Clean)
                );
                assert!(!clean, "{change:?} x {observed:?}");
            }
        }
    }
}
