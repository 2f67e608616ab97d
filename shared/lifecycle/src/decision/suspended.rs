//! The decision table of jobs whose file says `state: suspended`: what changed is checked, what lives is ended.
//! Must not know identities, paths or time: one arm per cell, so that a reader checks it against docs/design.md (2).

use super::{Observed, PlannedAction, Stop, Why};
use crate::change::ChangeKind;

/// The action for a change of kind `change` when the node observes `observed` and nothing is to run afterwards. A plan
/// that has something to check has it checked before anything is ended.
pub fn action_when_suspended(change: ChangeKind, observed: Observed) -> PlannedAction {
    use PlannedAction::{Check, Leave, Refuse, Wait};
    match (change, observed) {
        // Nothing is deployed: what lives was left by an operation that was abandoned.
        (ChangeKind::New, Observed::Running | Observed::Unhealthy) => PlannedAction::Stop(Stop::Cancel),
        (ChangeKind::New, Observed::Complete | Observed::StoppedOutside | Observed::Gone) => Check,

        (ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Query, Observed::Running) => {
            PlannedAction::Stop(Stop::Savepoint)
        }
        (ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Query, Observed::Unhealthy) => {
            PlannedAction::Stop(Stop::Cancel)
        }
        (ChangeKind::Unchanged | ChangeKind::Configuration, Observed::Complete) => Leave(Why::IsComplete),
        (ChangeKind::Unchanged, Observed::StoppedOutside | Observed::Gone) => Leave(Why::NothingToStop),
        (ChangeKind::Configuration, Observed::StoppedOutside | Observed::Gone)
        | (ChangeKind::Query, Observed::Complete | Observed::StoppedOutside | Observed::Gone) => Check,

        // A job without a file is removed, whatever its file said before.
        (ChangeKind::Removed, observed) => super::action(ChangeKind::Removed, observed),

        (
            ChangeKind::New | ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Query,
            Observed::Foreign,
        ) => Refuse(Why::ForeignJob),
        (
            ChangeKind::New | ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Query,
            Observed::Unproven,
        ) => Refuse(Why::EndNotProven),
        (
            ChangeKind::New | ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Query,
            Observed::Passing,
        ) => Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::action;

    /// One row per cell of the table of suspended jobs in docs/design.md (2).
    #[test]
    fn every_cell() {
        use PlannedAction::{Check, Leave, Refuse, Wait};
        let (foreign, unproven) = (Refuse(Why::ForeignJob), Refuse(Why::EndNotProven));
        let (savepoint, cancel) = (PlannedAction::Stop(Stop::Savepoint), PlannedAction::Stop(Stop::Cancel));
        let (nothing, complete) = (Leave(Why::NothingToStop), Leave(Why::IsComplete));
        let rows = [
            (ChangeKind::New, [cancel, cancel, Wait, Check, Check, Check, foreign, unproven]),
            (ChangeKind::Unchanged, [savepoint, cancel, Wait, complete, nothing, nothing, foreign, unproven]),
            (ChangeKind::Configuration, [savepoint, cancel, Wait, complete, Check, Check, foreign, unproven]),
            (ChangeKind::Query, [savepoint, cancel, Wait, Check, Check, Check, foreign, unproven]),
        ];
        for (change, cells) in rows {
            for (observed, expected) in Observed::ALL.into_iter().zip(cells) {
                assert_eq!(action_when_suspended(change, observed), expected, "{change:?} x {observed:?}");
            }
        }
        for observed in Observed::ALL {
            let removed = ChangeKind::Removed;
            assert_eq!(action_when_suspended(removed, observed), action(removed, observed), "{observed:?}");
        }
    }

    #[test]
    fn nothing_is_ever_started() {
        let kinds = [ChangeKind::New, ChangeKind::Unchanged, ChangeKind::Configuration, ChangeKind::Query];
        for change in kinds {
            for observed in Observed::ALL {
                let starts = matches!(
                    action_when_suspended(change, observed),
                    PlannedAction::Start(_) | PlannedAction::Replace(..)
                );
                assert!(!starts, "{change:?} x {observed:?}");
            }
        }
    }
}
