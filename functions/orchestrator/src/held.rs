//! What waits for somebody's permission, and the one order that gives it, for people.
//! Must not know what follows from a permission; the core says what waits for which.

use desired::manifest::JobName;
use lifecycle::documents::record::Record;
use lifecycle::orders;
use lifecycle::permission::{AllowedFor, Permission, waits_for};
use lifecycle::reason::Reason;
use serde::{Deserialize, Serialize};

/// One thing of a job that is not done before it is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitsFor {
    /// What has to be allowed.
    pub permission: Permission,
    /// What is held back by that.
    pub held: AllowedFor,
}

/// Every permission that can be given.
const ALL: [Permission; 3] = [Permission::Adopt, Permission::CleanStart, Permission::Remove];

impl WaitsFor {
    /// Everything of a job that waits for a permission which nobody gave yet.
    pub fn all(record: &Record) -> Vec<Self> {
        let waits = |permission| Some(Self { permission, held: waits_for(permission, None, record)? });
        let open = |held: AllowedFor| match held {
            // It is being tried again: what it needs is told once it ended.
            AllowedFor::Operation(_) | AllowedFor::Run(_) => record.open.is_none(),
            AllowedFor::RemovalsHeld | AllowedFor::CleanStartsHeld | AllowedFor::OtherSource => true,
        };
        ALL.into_iter().filter_map(waits).filter(|it| !record.lets_go(it.held) && open(it.held)).collect()
    }

    /// The guard that holds the job; nothing where it is an operation that could not go on.
    pub fn guard(&self) -> Option<&'static str> {
        guard(self.held).map(|(_, guard)| guard)
    }

    /// The order that approves it, as it is typed.
    pub fn order(&self, job: &JobName) -> String {
        order(self.permission, job)
    }
}

/// The order that gives a permission, as it is typed.
pub fn order(permission: Permission, job: &JobName) -> String {
    format!("allow {job} {permission}")
}

/// The permission that lifts a guard, and the guard's name; nothing for what is no guard.
fn guard(held: AllowedFor) -> Option<(Permission, &'static str)> {
    match held {
        AllowedFor::RemovalsHeld => Some((Permission::Remove, "removal guard")),
        AllowedFor::CleanStartsHeld => Some((Permission::CleanStart, "clean-start guard")),
        AllowedFor::OtherSource => Some((Permission::Adopt, "guard between sources")),
        AllowedFor::Operation(_) | AllowedFor::Run(_) => None,
    }
}

/// The permission that lifts a guard.
pub fn lifted_by(held: AllowedFor) -> Option<Permission> {
    guard(held).map(|(permission, _)| permission)
}

/// Why a guard holds a job, in the words of the decision.
pub fn why(held: AllowedFor) -> Option<&'static str> {
    match held {
        AllowedFor::RemovalsHeld => Some("more removals at once than allowed"),
        AllowedFor::CleanStartsHeld => Some("more jobs than allowed would start clean because of config/"),
        AllowedFor::OtherSource => Some("it is deployed from another source"),
        AllowedFor::Operation(_) | AllowedFor::Run(_) => None,
    }
}

/// A text of the core about this job: the orders in it are written for any job, as `allow NAME remove`.
pub fn named(text: &str, job: &JobName) -> String {
    orders::named(text, job.as_str())
}

/// Why nothing is done about this job, or what was ordered, for people.
pub fn told(reason: &Reason, job: &JobName) -> String {
    named(&reason.to_string(), job)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order that a text of the core names is the one that the answer names.
    #[test]
    fn each_guard_is_lifted_by_the_order_that_its_reason_names() {
        let job = JobName::try_from("orders").unwrap();
        for reason in [Reason::RemovalsHeld, Reason::CleanStartsHeld, Reason::OtherSource] {
            let held = reason.held().unwrap();
            let told = told(&reason, &job);
            assert!(told.contains(&format!("`{}`", order(lifted_by(held).unwrap(), &job))), "{told}");
            assert!(told.starts_with(why(held).unwrap()), "{told}");
            assert!(!told.contains("NAME"), "{told}");
        }
        let given_up = Reason::GivenUp { error: "no state was found; `allow NAME clean-start` starts it".to_owned() };
        let told = told(&given_up, &job);
        assert!(told.contains("`retry orders`") && told.contains("`allow orders clean-start`"), "{told}");
    }
}
