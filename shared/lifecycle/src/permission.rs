//! Permissions: what an operator allows once, what waits for it, and when it lapses.
//! Must not know how one is stored, nor what is done with it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::documents::record::Record;
use crate::ids::{JobId, OperationId};
use crate::owed::Cause;
use crate::reason::Reason;

/// How long a permission counts: nobody remembers on Friday what was allowed on Monday.
const COUNTS: SignedDuration = SignedDuration::from_hours(24);

/// What an operator allowed, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Take over a foreign run.
    Adopt,
    /// Start clean where no state is left.
    CleanStart,
    /// Remove although the guard holds.
    Remove,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adopt => "adopt",
            Self::CleanStart => "clean-start",
            Self::Remove => "remove",
        })
    }
}

/// What waits for a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedFor {
    /// What this operation could not do without it.
    Operation(OperationId),
    /// A live run that no record knows.
    Run(JobId),
    /// More jobs lack a file than may be removed at once.
    RemovalsHeld,
    /// More jobs would start clean because of `config/` than may at once.
    CleanStartsHeld,
    /// The job is deployed from another source.
    OtherSource,
}

/// A permission with who gave it and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Allow {
    pub permission: Permission,
    /// The run to adopt, if several carry the name.
    pub run: Option<JobId>,
    /// What it is for; nothing if it was given before this was noted.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub what: Option<AllowedFor>,
    /// Who.
    pub by: String,
    pub at: Timestamp,
}

impl Record {
    /// Whether `permission` was given and not used yet.
    pub fn allows(&self, permission: Permission) -> bool {
        self.allows.iter().any(|allow| allow.permission == permission)
    }

    /// Whether a guard that holds the job back is lifted for it.
    pub fn lets_go(&self, held: AllowedFor) -> bool {
        self.allows.iter().any(|allow| allow.what == Some(held))
    }

    /// The permission for what an operation could not do without it; one that lifts a guard grants nothing else.
    pub fn granted(&self, permission: Permission) -> Option<&Allow> {
        self.allows.iter().filter(|allow| allow.permission == permission).find(|allow| match allow.what {
            None | Some(AllowedFor::Operation(_) | AllowedFor::Run(_)) => true,
            Some(AllowedFor::RemovalsHeld | AllowedFor::CleanStartsHeld | AllowedFor::OtherSource) => false,
        })
    }

    /// Notes a permission and makes what waits for it due; false, and nothing is noted, where nothing does.
    pub fn allow(&mut self, permission: Permission, run: Option<JobId>, by: &str, now: Timestamp) -> bool {
        let Some(what) = waits_for(permission, run, self) else { return false };
        self.lapse_permissions(now);
        self.allows.retain(|allow| allow.permission != permission);
        self.allows.push(Allow { permission, run, what: Some(what), by: by.to_owned(), at: now });
        self.owed.retry(now);
        true
    }

    /// Forgets permissions that were given too long ago.
    pub fn lapse_permissions(&mut self, now: Timestamp) {
        self.allows.retain(|allow| now.duration_since(allow.at) < COUNTS);
    }
}

impl Reason {
    /// What holds a job back until it is allowed; nothing if no permission would change anything.
    pub fn held(&self) -> Option<AllowedFor> {
        match self {
            Self::RemovalsHeld => Some(AllowedFor::RemovalsHeld),
            Self::CleanStartsHeld => Some(AllowedFor::CleanStartsHeld),
            Self::OtherSource => Some(AllowedFor::OtherSource),
            Self::Unchanged
            | Self::Complete
            | Self::Suspended
            | Self::UploadRefused
            | Self::Absent
            | Self::Waits { .. }
            | Self::WaitsToRetry { .. }
            | Self::GivenUp { .. }
            | Self::Ordered { .. }
            | Self::Planned => None,
        }
    }
}

/// What waits for `permission`, by the job's record.
pub fn waits_for(permission: Permission, run: Option<JobId>, record: &Record) -> Option<AllowedFor> {
    let held = record.decision.as_ref().and_then(|decision| decision.held);
    let is_held = |what: AllowedFor| held.filter(|held| *held == what);
    let owes = |wanted: fn(Cause) -> bool| {
        let debt = record.owed.debts().map(|(_, debt)| debt).find(|debt| wanted(debt.cause));
        debt.map(|debt| AllowedFor::Operation(debt.operation))
    };
    match permission {
        Permission::Remove => is_held(AllowedFor::RemovalsHeld),
        Permission::CleanStart => is_held(AllowedFor::CleanStartsHeld)
            .or_else(|| owes(|cause| matches!(cause, Cause::NoState | Cause::MayBeComplete))),
        Permission::Adopt => {
            let nothing_runs = record.deployed.is_none() || record.is_down();
            is_held(AllowedFor::OtherSource)
                .or_else(|| owes(|cause| matches!(cause, Cause::ForeignJob | Cause::EndNotProven)))
                .or_else(|| run.filter(|_| nothing_runs).map(AllowedFor::Run))
        }
    }
}

#[cfg(test)]
mod tests {
    use desired::manifest::JobName;

    use super::*;
    use crate::documents::record::{Decision, Source};
    use crate::ids::Hex32;
    use crate::owed::Debt;

    fn record() -> Record {
        let zero = Hex32::from_bytes([0; 16]);
        Record::fresh(JobName::try_from("orders").unwrap(), zero.into(), Source::Queries)
    }

    /// Everything that waits for something, with the permission that it waits for.
    #[test]
    fn nothing_is_allowed_that_nothing_waits_for() {
        let operation = OperationId::derived(&["o"]);
        let run = JobId::derived(&["r"]);
        let all = [Permission::Adopt, Permission::CleanStart, Permission::Remove];
        let waiting = |record: &Record| -> Vec<(Permission, AllowedFor)> {
            all.into_iter().filter_map(|p| Some((p, waits_for(p, None, record)?))).collect()
        };
        let decided = |reason: &Reason| {
            let (reason, held) = (reason.to_string(), reason.held());
            let (etags, change, by, at) = (Vec::new(), None, "test".to_owned(), Timestamp::UNIX_EPOCH);
            let decision = Decision { etags, config: None, change, reason, operation: None, held, by, at };
            Record { decision: Some(decision), ..record() }
        };
        assert_eq!(waiting(&record()), []);
        assert_eq!(waiting(&decided(&Reason::Unchanged)), []);
        for (reason, permission, what) in [
            (Reason::RemovalsHeld, Permission::Remove, AllowedFor::RemovalsHeld),
            (Reason::CleanStartsHeld, Permission::CleanStart, AllowedFor::CleanStartsHeld),
            (Reason::OtherSource, Permission::Adopt, AllowedFor::OtherSource),
        ] {
            assert_eq!(waiting(&decided(&reason)), [(permission, what)]);
        }
        for (cause, expected) in [
            (Cause::NoState, Some(Permission::CleanStart)),
            (Cause::MayBeComplete, Some(Permission::CleanStart)),
            (Cause::ForeignJob, Some(Permission::Adopt)),
            (Cause::EndNotProven, Some(Permission::Adopt)),
            (Cause::NoCluster, None),
            (Cause::DoesNotRun, None),
        ] {
            let mut record = record();
            record.owed.keep_running = Some(Debt::after(None, cause, "x", operation, Timestamp::UNIX_EPOCH));
            let expected: Vec<_> = expected.map(|p| (p, AllowedFor::Operation(operation))).into_iter().collect();
            assert_eq!(waiting(&record), expected, "{cause}");
        }
        let named = waits_for(Permission::Adopt, Some(run), &record());
        assert_eq!(named, Some(AllowedFor::Run(run)), "a run that no record knows");
    }

    #[test]
    fn a_permission_lapses_after_a_day() {
        let mut record = record();
        let given = Timestamp::from_second(1_000_000).unwrap();
        let allow = |permission| Allow { permission, run: None, what: None, by: "anna".to_owned(), at: given };
        record.allows.push(allow(Permission::Remove));
        record.lapse_permissions(given + SignedDuration::from_hours(23));
        assert!(record.allows(Permission::Remove));
        record.lapse_permissions(given + SignedDuration::from_hours(24));
        assert!(!record.allows(Permission::Remove));
    }
}
