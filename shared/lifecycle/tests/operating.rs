//! How a job is to be operated: what of it is only recorded.
//! Must not know the shells: the machines and a node in memory.

#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use desired::inputs::Desired;
use desired::target::Target;
use lifecycle::alert_conditions::of_record;
use lifecycle::change::{Change, ChangeKind};
use lifecycle::documents::record::Record;
use lifecycle::orchestrate::{Effect, Input, State, step};
use lifecycle::reason::Reason;
use node::{deployed, first, order, requeried, settle, situation, wanted};

/// The same target with another owner.
fn owned(target: Target, owner: &str) -> Target {
    let mut target = target;
    target.manifest.operating.owner = Some(owner.to_owned());
    target
}

#[test]
fn a_new_owner_is_recorded_and_restarts_nothing() {
    let (record, _) = deployed(&first());
    let wish = owned(first(), "team");
    let change = Change::between(&first(), &wish);
    let lines: Vec<String> = change.differences.iter().map(ToString::to_string).collect();
    assert_eq!((change.kind, lines), (ChangeKind::Unchanged, vec!["owner: (not set) -> team".to_owned()]));
    let back = Change::between(&wish, &first());
    assert_eq!(back.differences[0].to_string(), "owner: team -> (not set)");

    let (name, situation) = (record.name.clone(), situation(2));
    let (state, _) = step(&name, &situation, State::new(), Input::Begin);
    let (state, _) = step(&name, &situation, state, Input::Record(Some(Box::new(record))));
    let (state, effect) = step(&name, &situation, state, Input::Desired(wanted(&wish)));
    let Effect::WriteRecord(record) = effect else { panic!("{effect:?}") };
    assert_eq!((record.owner(), record.deployed.as_ref().unwrap().target == wish), (Some("team"), true));
    let (_, effect) = step(&name, &situation, state, Input::Written);
    let Effect::Done(finding) = effect else { panic!("{effect:?}") };
    assert_eq!((finding.reason, finding.plan), (Reason::Unchanged, None));
}

/// From the next operation on: a removal goes by what is deployed.
#[test]
fn a_job_has_its_own_stability_window() {
    let windowed = |target: Target| {
        let mut target = target;
        target.manifest.operating.stability_window = "2m".parse().ok();
        target
    };
    let (record, _) = deployed(&first());
    assert_eq!(Change::between(&first(), &windowed(first())).kind, ChangeKind::Unchanged);
    let window = |record: &Record, desired: &Desired| order(&mut record.clone(), desired, 2).plan.windows.stability_ms;
    assert_eq!(window(&record, &wanted(&requeried())), situation(2).windows.stability_ms);
    assert_eq!(window(&record, &wanted(&windowed(requeried()))), 120_000);
    let (record, _) = deployed(&windowed(first()));
    assert_eq!(window(&record, &Desired::Absent), 120_000);
}

#[test]
fn alerts_name_who_answers_for_the_job() {
    let (mut record, mut node) = deployed(&owned(first(), "before"));
    assert_eq!(record.owner(), Some("before"));
    node.uncompilable = Some(owned(requeried(), "after").digest());
    let open = order(&mut record, &wanted(&owned(requeried(), "after")), 2);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let owners: Vec<Option<String>> = of_record(&record).into_iter().map(|condition| condition.owner).collect();
    assert_eq!(owners, [Some("after".to_owned())], "of the file that was not applied");
}
