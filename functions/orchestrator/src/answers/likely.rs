//! What the node most probably sees of a job, by how its record says that it stands.
//! Must not know what is done then: that is in the plan, for whatever the node sees.

use lifecycle::change::ChangeKind;
use lifecycle::decision::Observed;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::Status;

/// What the node most probably sees of a job that stands so.
pub(super) fn likely_seen(plan: &Plan, status: Option<Status>) -> Observed {
    let lives = plan.previous.as_ref().is_some_and(|previous| !previous.runs.is_empty());
    let stands = match status {
        Some(Status::Running | Status::Unknown) | None => Observed::Running,
        Some(Status::NotRunning | Status::Stopped | Status::Suspended) => Observed::Gone,
        Some(Status::Complete) => Observed::Complete,
    };
    match plan.change.kind {
        // It is ordered of a job that is to run.
        _ if plan.ordered.is_some() => Observed::Running,
        ChangeKind::Unchanged if plan.suspends && lives => stands,
        ChangeKind::New | ChangeKind::Unchanged => Observed::Gone,
        ChangeKind::Configuration | ChangeKind::Query | ChangeKind::Removed => stands,
    }
}
