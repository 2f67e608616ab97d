//! Which grants were used: each action and each resource of each statement that allows, on its own.
//! Must not know who calls.

use std::collections::{BTreeMap, BTreeSet};

use tests::deployment::{Deployment, project};
use tests::iam::{Call, Effect, Named, action_matches, arn_matches};

/// The grants that calls used.
#[derive(Default)]
pub(crate) struct Used(BTreeSet<String>);

fn named(policy: &str, statement: &str, what: &str) -> String {
    format!("{policy} {statement} {what}")
}

/// Every action and every resource that some policy grants; a resource of all is no grant of its own.
pub(crate) fn grants(deployment: &Deployment) -> BTreeSet<String> {
    let mut grants = BTreeSet::new();
    for name in deployment.names() {
        for statement in deployment.policies[name].statements.iter().filter(|s| s.effect == Effect::Allow) {
            let listed = statement.actions().iter().chain(statement.resources().iter().filter(|r| *r != "*"));
            grants.extend(listed.map(|what| named(name, &statement.sid, what)));
        }
    }
    grants
}

impl Used {
    /// The call was allowed by these statements.
    pub(crate) fn note(&mut self, deployment: &Deployment, by: &[Named], call: &Call) {
        for (name, sid) in by {
            let Some(policy) = deployment.policies.get(name) else { continue };
            for statement in policy.statements.iter().filter(|statement| statement.sid == *sid) {
                let actions = statement.actions().iter().filter(|pattern| action_matches(pattern, &call.action));
                let resources = statement.resources().iter().filter(|pattern| arn_matches(pattern, &call.resource));
                self.0.extend(actions.chain(resources).map(|what| named(name, sid, what)));
            }
        }
    }

    /// Those that this deployment grants.
    pub(crate) fn of(&self, deployment: &Deployment) -> BTreeSet<String> {
        grants(deployment).intersection(&self.0).cloned().collect()
    }
}

/// The grants that no test uses, with the reason why they are there: `policy statement what: reason`.
pub(crate) fn excused() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(project().join("infra/unused-actions.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = |line: &str| {
        let (grant, reason) = line.split_once(": ").unwrap_or_else(|| panic!("no reason in `{line}`"));
        assert_eq!(grant.split(' ').count(), 3, "`{line}` does not name policy, statement and action or resource");
        (grant.to_owned(), reason.to_owned())
    };
    lines.map(line).collect()
}
