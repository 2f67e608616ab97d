//! Whether a decision or a refusal is about exactly what was uploaded. One that is not says nothing about that.
//! Must not know how the documents are read.

use std::collections::BTreeSet;

use jiff::Timestamp;
use lifecycle::documents::record::{Decision, OpenOperation, Record};
use lifecycle::documents::refused::RefusedDocument;
use lifecycle::ids::OperationId;
use lifecycle::owed::ApplyDebt;

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
    let waits = record.owed.apply.as_ref().and_then(|apply| Some((apply, apply.debt.next?)));
    let again = |apply: &ApplyDebt, at: Timestamp| {
        let at = at.strftime("%H:%M:%SZ");
        Decided::Waits(format!("is tried at {at} at the latest; the try before: {}", apply.debt.error))
    };
    match (decision.operation, waits) {
        (None, Some((apply, at))) if decision.held.is_none() => again(apply, at),
        (None, _) => Decided::Nothing,
        (Some(operation), Some((apply, at))) => {
            // What is deployed may be brought back, or an order carried out, while the upload waits.
            let open = record.open.as_ref().filter(|open| open.plan.operation == operation);
            let other = |open: &OpenOperation| open.target.as_ref().is_none_or(|target| !apply.is_about(target));
            if open.is_some_and(other) { again(apply, at) } else { Decided::Operation(operation) }
        }
        (Some(operation), None) => Decided::Operation(operation),
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::documents::outcome::{Outcome, Refusal};
    use lifecycle::orchestrate::Ruling;
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
        let waits = |decided: &Decided| matches!(decided, Decided::Waits(what) if what.contains("no session"));
        assert!(waits(&decided(&record, &standing)));
        let held = Decision { held: Some(AllowedFor::RemovalsHeld), ..standing.clone() };
        assert_eq!(decided(&record, &held), Decided::Nothing);

        record.owed.retry(at("2026-11-23T12:00:00Z"));
        let Ruling::Operate(open) = test_kit::decided(&record, Some(&wanted), "again") else { panic!("none is due") };
        let operation = open.plan.operation;
        let ordered = Decision { operation: Some(operation), ..standing };
        record.open = Some(*open.clone());
        assert_eq!(decided(&record, &ordered), Decided::Operation(operation));
        let target = record.deployed.as_ref().map(|deployed| deployed.target.clone());
        record.open = Some(OpenOperation { target, ..*open });
        assert!(waits(&decided(&record, &ordered)));
    }
}
