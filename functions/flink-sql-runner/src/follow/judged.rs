//! Whether a decision or a refusal is about exactly what was uploaded. One that is not says nothing about that.
//! Must not know how the documents are read.

use std::collections::BTreeSet;

use lifecycle::documents::record::{Decision, OpenOperation, Record};
use lifecycle::documents::refused::RefusedDocument;
use lifecycle::ids::OperationId;
use lifecycle::owed::ApplyDebt;

use super::waiting;

/// What has to have been judged.
pub(super) struct Judged<'a> {
    /// The manifest's version.
    pub(super) etag: &'a str,
    /// The decision that stood before the upload.
    pub(super) before: Option<&'a Decision>,
    /// The configurations that are uploaded, of which one has to have been judged as well; nothing if any may have been.
    pub(super) configurations: Option<&'a BTreeSet<String>>,
}

impl Judged<'_> {
    /// Whether it is the reason why this upload is not applied.
    pub(super) fn is_refused_by(&self, refused: &RefusedDocument) -> bool {
        let config = |known: &BTreeSet<String>| refused.config.as_ref().is_some_and(|config| known.contains(config));
        refused.etag == self.etag && self.configurations.is_none_or(config)
    }

    /// Whether it decides about this upload.
    pub(super) fn is_decided_by(&self, decision: &Decision) -> bool {
        let config = |known: &BTreeSet<String>| match &decision.config {
            Some(config) => known.contains(config),
            // A function of an earlier version does not say: only a new decision can be about the upload.
            None => Some(decision) != self.before,
        };
        decision.etags.iter().any(|etag| etag == self.etag) && self.configurations.is_none_or(config)
    }
}

/// What a decision about the upload comes to for whoever waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// An operation is planned from it.
    Operation(OperationId),
    /// None is yet, and one will be: what was tried before says nothing of that.
    Waits(String),
    /// None is, and none will be by itself.
    Nothing,
}

pub(super) fn decided(record: &Record, decision: &Decision) -> Decided {
    let waits = || waiting::for_upload(record).map(Decided::Waits);
    match decision.operation {
        None if decision.held.is_none() => waits().unwrap_or(Decided::Nothing),
        None => Decided::Nothing,
        Some(operation) => {
            // What is deployed may be brought back, or an order carried out, while the upload waits.
            let open = record.open.as_ref().filter(|open| open.plan.operation == operation);
            let apply = record.owed.apply.as_ref().filter(|apply| apply.debt.next.is_some());
            let is_other = |(open, apply): (&OpenOperation, &ApplyDebt)| {
                open.target.as_ref().is_none_or(|target| !apply.is_about(target))
            };
            let other = open.zip(apply).is_some_and(is_other).then(waits).flatten();
            other.unwrap_or(Decided::Operation(operation))
        }
    }
}

/// The same of a job to which something was owed, whatever it is.
pub(super) fn next_try(record: &Record) -> Decided {
    let under_way = record.open.as_ref().map(|open| open.plan.operation);
    // It was tried before anybody looked, and what follows is not decided yet.
    let tried = || record.decision.as_ref().and_then(|decision| decision.operation);
    match under_way.or_else(tried) {
        Some(operation) => Decided::Operation(operation),
        None => waiting::for_order(record).map_or(Decided::Nothing, Decided::Waits),
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::documents::outcome::{Outcome, Refusal};
    use lifecycle::orchestrate::Ruling;
    use lifecycle::owed::{Cause, Debt, Patience};
    use lifecycle::permission::AllowedFor;

    use super::*;
    use crate::test_kit::{self, at, manifest, running, settled};

    fn decision(etag: &str, config: Option<&str>) -> Decision {
        Decision {
            etags: vec![etag.to_owned()],
            config: config.map(str::to_owned),
            change: None,
            reason: "unchanged".to_owned(),
            operation: None,
            held: None,
            by: "upload".to_owned(),
            at: at("2026-11-23T12:00:00Z"),
        }
    }

    /// However long nobody looks, what stood before says nothing of another configuration.
    #[test]
    fn only_what_judged_these_very_files_counts() {
        let uploaded = BTreeSet::from(["new".to_owned()]);
        let standing = decision("e", Some("old"));
        let judged = Judged { etag: "e", before: Some(&standing), configurations: Some(&uploaded) };
        assert!(!judged.is_decided_by(&standing), "it stood before");
        assert!(judged.is_decided_by(&decision("e", Some("new"))));
        assert!(!judged.is_decided_by(&decision("other", Some("new"))));
        // Where no configuration was uploaded, the manifest tells.
        let alone = Judged { configurations: None, ..judged };
        assert!(alone.is_decided_by(&standing) && !alone.is_decided_by(&decision("other", Some("old"))));
    }

    #[test]
    fn a_function_that_does_not_say_which_configuration_it_judged_has_to_decide_anew() {
        let uploaded = BTreeSet::from(["new".to_owned()]);
        let standing = decision("e", None);
        let judged = Judged { etag: "e", before: Some(&standing), configurations: Some(&uploaded) };
        assert!(!judged.is_decided_by(&standing));
        assert!(judged.is_decided_by(&Decision { reason: "another".to_owned(), ..standing.clone() }));
    }

    /// The mended configuration is not what was refused.
    #[test]
    fn a_refusal_counts_only_with_the_configuration_that_it_judged() {
        let uploaded = BTreeSet::from(["mended".to_owned()]);
        let refused = |config: &str| RefusedDocument {
            format: 1,
            etag: "e".to_owned(),
            config: Some(config.to_owned()),
            errors: Vec::new(),
        };
        let judged = Judged { etag: "e", before: None, configurations: Some(&uploaded) };
        assert!(!judged.is_refused_by(&refused("broken")) && judged.is_refused_by(&refused("mended")));
        assert!(Judged { configurations: None, ..judged }.is_refused_by(&refused("broken")));
    }

    /// What was tried before says nothing of what is uploaded now, nor does the restart of what is deployed.
    #[test]
    fn what_waits_for_its_next_try_is_not_over() {
        let (deployed, wanted) = (manifest("orders", "SELECT 1", 1), manifest("orders", "SELECT 2", 1));
        let record = running(&deployed, "orders");
        let standing = decision("e", None);
        assert_eq!(decided(&record, &standing), Decided::Nothing);
        let refused = Outcome::refused(Refusal::NoCluster { message: "no session".to_owned() });
        let mut record = settled(record, &wanted, "op", &refused);
        let told = "not applied since 2026-11-23 12:05:24Z, after 1 attempt: tried again by itself at \
                    2026-11-23 12:06:24Z at the latest, at once by `retry orders`; the try before: no session";
        let waits = |decided: &Decided| *decided == Decided::Waits(told.to_owned());
        assert!(waits(&decided(&record, &standing)));
        let held = Decision { held: Some(AllowedFor::RemovalsHeld), ..standing.clone() };
        assert_eq!(decided(&record, &held), Decided::Nothing);

        record.owed.retry(at("2026-11-23T12:00:00Z"));
        let Ruling::Operate(open) = test_kit::decided(&record, Some(&wanted), "again") else { panic!("none is due") };
        let operation = open.plan.operation;
        let ordered = Decision { operation: Some(operation), ..standing.clone() };
        record.open = Some(*open.clone());
        assert_eq!(decided(&record, &ordered), Decided::Operation(operation));
        let target = record.deployed.as_ref().map(|deployed| deployed.target.clone());
        record.open = Some(OpenOperation { target, ..*open });
        let Decided::Waits(again) = decided(&record, &ordered) else { panic!("it is another operation's") };
        assert!(again.starts_with("not applied since 2026-11-23 12:05:24Z: tried again by itself at "), "{again}");
        // Nothing happens by itself any more.
        (record.open, record.owed.apply.as_mut().unwrap().debt.next) = (None, None);
        assert_eq!(decided(&record, &standing), Decided::Nothing);
    }

    /// The same file again, while its job is being brought back: not over, and not failed for good.
    #[test]
    fn an_unchanged_file_waits_for_the_try_to_bring_its_job_back() {
        let yaml = manifest("orders", "SELECT 1", 1);
        let mut record = running(&yaml, "orders");
        let (operation, now) = (OperationId::derived(&["lost"]), at("2026-11-23T12:00:00Z"));
        let debt = Debt::after(None, Cause::NoCluster, "no session", operation, now);
        record.owed.keep_running = Some(debt.clone().again(now, Patience::default()));
        let Decided::Waits(told) = decided(&record, &decision("e", None)) else { panic!("it is over") };
        assert!(told.starts_with("not running since 2026-11-23 12:00:00Z, after 1 attempt: tried again"), "{told}");
        record.owed.keep_running = Some(debt.clone());
        assert_eq!(decided(&record, &decision("e", None)), Decided::Nothing, "given up");

        // Whoever ordered something waits for the same, until a try is under way.
        record.decision = Some(decision("e", None));
        assert_eq!(next_try(&record), Decided::Nothing);
        record.owed.keep_running = Some(debt.at_once(now));
        assert_eq!(next_try(&record), Decided::Waits(waiting::for_upload(&record).unwrap()));
        let Ruling::Operate(open) = test_kit::decided(&record, Some(&yaml), "again") else { panic!("none is due") };
        let operation = open.plan.operation;
        record.open = Some(*open);
        assert_eq!(next_try(&record), Decided::Operation(operation));
    }
}
