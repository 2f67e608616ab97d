//! The template's policies against every AWS call that the end-to-end tests made: all are allowed, and nothing is allowed
//! that none of them needs. Must run after the end-to-end tests, whose recordings it reads.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

mod never;
mod recordings;
mod unused;

use std::collections::{BTreeMap, BTreeSet};

use recordings::Recording;
use tests::deployment::{self, Deployment, Variant};
use tests::iam::{Call, Decision};

/// What a test asks for to see it refused.
const MEANT_TO_BE_REFUSED: [(&str, &str, &str); 1] =
    [("node", "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/elsewhere/x")];

/// What the calls of one principal come to.
#[derive(Default)]
struct Findings {
    refused: BTreeSet<String>,
    used: unused::Used,
}

/// Evaluates every recorded call under the deployment that it was made in.
fn evaluate() -> Findings {
    let mut findings = Findings::default();
    let mut deployments: BTreeMap<Variant, Deployment> = BTreeMap::new();
    for recording in recordings::all() {
        let whole = recording.variant();
        for call in &recording.calls {
            let variant = Recording::variant_of(&whole, call);
            let deployment = deployments.entry(variant.clone()).or_insert_with(|| Deployment::render(&variant));
            let who = call.request.principal.as_str();
            // The test itself, looking at what people have no business with.
            if who == "owner" {
                continue;
            }
            let Some(principal) = deployment.principal(who) else {
                findings.refused.insert(format!("{}: {who} called {}", recording.test, call.request.operation));
                continue;
            };
            for need in &call.request.needs {
                let context = need.context.iter().map(|(key, value)| (key.clone(), vec![value.clone()])).collect();
                let asked = Call { action: need.action.clone(), resource: need.resource.clone(), context };
                let meant = MEANT_TO_BE_REFUSED.contains(&(who, &asked.action, &asked.resource));
                match deployment.decide(&principal, asked.clone()) {
                    Decision::Allowed(by) if meant => {
                        findings.refused.insert(format!("{who}: {} is allowed by {by:?}", asked.resource));
                    }
                    Decision::Denied(_) | Decision::NotAllowed if meant => {}
                    Decision::Allowed(by) => {
                        if variant.counts_as_use() {
                            findings.used.note(deployment, &by, &asked);
                        }
                    }
                    decision @ (Decision::Denied(_) | Decision::NotAllowed) => {
                        let told = match decision {
                            Decision::Denied(by) => format!("denied by {by:?}"),
                            Decision::Allowed(_) | Decision::NotAllowed => "not allowed".to_owned(),
                        };
                        let shown =
                            recordings::general(&format!("{} {} {:?}", asked.action, asked.resource, asked.context));
                        findings
                            .refused
                            .insert(format!("{who}, {variant}: {shown}: {told} (for {})", call.request.operation));
                    }
                }
            }
        }
    }
    findings
}

fn listed<'a>(what: &str, lines: impl IntoIterator<Item = &'a String>) -> String {
    let lines: Vec<&String> = lines.into_iter().collect();
    if lines.is_empty() {
        return String::new();
    }
    lines.into_iter().fold(format!("\n{what}:"), |text, line| format!("{text}\n  {line}"))
}

#[test]
fn every_recorded_call_is_allowed() {
    for recording in recordings::all() {
        println!("{}", recording.table());
    }
    let findings = evaluate();
    assert!(findings.refused.is_empty(), "{}", listed("calls that the template does not allow", &findings.refused));
}

#[test]
fn every_allowed_action_is_used() {
    let findings = evaluate();
    let mut unused = BTreeSet::new();
    let (mut every, mut used) = (BTreeSet::new(), BTreeSet::new());
    for dispatch in deployment::DISPATCHES {
        let deployment = Deployment::render(&Variant::of(dispatch));
        every.extend(unused::grants(&deployment));
        used.extend(findings.used.of(&deployment));
    }
    let excused = unused::excused();
    for grant in every.difference(&used).filter(|grant| !excused.contains_key(*grant)) {
        unused.insert(grant.clone());
    }
    let stale: BTreeSet<String> =
        excused.keys().filter(|grant| used.contains(*grant) || !every.contains(*grant)).cloned().collect();
    assert!(
        unused.is_empty() && stale.is_empty(),
        "{}{}\nrecorded: {:?}",
        listed("granted, not used by any test, and not in infra/unused-actions.txt", &unused),
        listed("in infra/unused-actions.txt, but used or not granted at all", &stale),
        recordings::all().into_iter().map(|recording| recording.test).collect::<Vec<_>>(),
    );
}
