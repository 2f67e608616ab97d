//! Which jobs a deletion of files removes, and how far the removal of one is before its operation ends.
//! Must not know how files are deleted, nor how documents are read.

use std::collections::BTreeSet;

use desired::inputs::stem;
use desired::manifest::JobName;
use lifecycle::change::ChangeKind;
use lifecycle::documents::record::Record;
use lifecycle::ids::OperationId;
use lifecycle::keys::Keys;

use super::outcome::Ended;
use super::waiting;

/// How far the removal of a job is.
pub(super) enum Removal {
    Goes(String),
    /// This operation removes it.
    Operation(OperationId),
    Ended(Ended),
}

/// The jobs whose manifests are among these deleted keys, or paths under the prefix, and that no other file names.
pub(crate) fn removed(deleted: &[String], keys: &Keys, named: &BTreeSet<JobName>) -> BTreeSet<JobName> {
    let queries = keys.queries();
    let queries = queries.strip_prefix(keys.prefix()).unwrap_or(&queries);
    let paths = deleted.iter().map(|key| key.strip_prefix(keys.prefix()).unwrap_or(key));
    let manifests = paths.filter(|path| path.starts_with(queries));
    manifests.filter_map(|path| JobName::try_from(stem(path)?).ok()).filter(|name| !named.contains(name)).collect()
}

/// What a record says of the removal.
pub(super) fn seen(record: Option<&Record>) -> Removal {
    let Some(record) = record else {
        return Removal::Ended(Ended::nothing("nothing of it was deployed"));
    };
    if let Some(open) = &record.open {
        return match open.plan.change.kind {
            ChangeKind::Removed => Removal::Operation(open.plan.operation),
            ChangeKind::New | ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Query => {
                Removal::Goes(waiting::for_end_of(open))
            }
        };
    }
    // A decision about no file; one from before the deletion says the same.
    match record.decision.as_ref().filter(|decision| decision.etags.is_empty()) {
        Some(decision) => match (decision.operation, waiting::for_removal(record)) {
            (Some(operation), _) => Removal::Operation(operation),
            (None, Some(what)) if decision.held.is_none() => Removal::Goes(what),
            (None, Some(_) | None) => Removal::Ended(Ended::by_record(record, decision)),
        },
        None => Removal::Goes("deleted, waiting for the Lambda".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::documents::record::{Decision, OpenOperation};
    use lifecycle::orchestrate::Ruling;
    use lifecycle::owed::{Cause, Debt, Patience};
    use lifecycle::permission::AllowedFor;
    use lifecycle::reason::Reason;

    use super::*;
    use crate::exit::Exit;
    use crate::test_kit::{at, decided, manifest, name, running};

    fn decision(etags: &[&str], reason: &Reason, held: Option<AllowedFor>, operation: Option<OperationId>) -> Decision {
        Decision {
            etags: etags.iter().map(|&etag| etag.to_owned()).collect(),
            config: None,
            change: None,
            reason: reason.to_string(),
            operation,
            held,
            by: "upload".to_owned(),
            at: at("2026-11-23T12:00:00Z"),
        }
    }

    fn open(record: &Record, yaml: Option<&str>) -> OpenOperation {
        match decided(record, yaml, "next") {
            Ruling::Operate(open) => *open,
            Ruling::Nothing { reason, .. } => panic!("{reason}"),
        }
    }

    #[test]
    fn only_manifests_that_no_other_file_names_are_removals() {
        let keys = Keys::new("p");
        let deleted = ["p/config/tables/t.sql", "p/queries/team/a.yaml", "queries/b.yml", "p/queries/moved.yaml"];
        let deleted = deleted.map(str::to_owned);
        let found = removed(&deleted, &keys, &BTreeSet::from([name("moved")]));
        assert_eq!(found, BTreeSet::from([name("a"), name("b")]));
    }

    #[test]
    fn a_removal_is_followed_from_the_deletion_to_its_operation() {
        let yaml = manifest("orders", "SELECT 1", 1);
        let mut record = running(&yaml, "orders");
        let goes = |record: &Record| match seen(Some(record)) {
            Removal::Goes(what) => what,
            Removal::Operation(operation) => operation.short(),
            Removal::Ended(ended) => format!("{} {}", ended.outcome, ended.exit.code()),
        };
        record.decision = Some(decision(&["e"], &Reason::Unchanged, None, None));
        assert_eq!(goes(&record), "deleted, waiting for the Lambda", "it is about the file");
        let other = open(&record, Some(&manifest("orders", "SELECT 1", 2)));
        record.open = Some(other.clone());
        let operation = other.plan.operation.short();
        let waits = format!("waits for the end of operation {operation}, ordered at 2026-11-23 12:00:00Z");
        assert_eq!(goes(&record), waits);
        record.open = None;
        let removes = open(&record, None);
        let operation = removes.plan.operation;
        record.open = Some(removes);
        assert_eq!(goes(&record), operation.short());
        // It was over before anybody looked.
        record.open = None;
        record.decision = Some(decision(&[], &Reason::Ordered { operation }, None, Some(operation)));
        assert_eq!(goes(&record), operation.short());
    }

    /// Without a session nothing can be stopped, and it is tried again: no end, unless nobody tries any more.
    #[test]
    fn a_removal_that_is_tried_again_by_itself_is_not_over() {
        let mut record = running(&manifest("orders", "SELECT 1", 1), "orders");
        let (error, now) = ("no session".to_owned(), at("2026-11-23T12:00:00Z"));
        let debt = Debt::after(None, Cause::NoCluster, &error, OperationId::derived(&["o"]), now);
        record.owed.remove = Some(debt.clone().again(now, Patience::default()));
        record.decision = Some(decision(&[], &Reason::WaitsToRetry { at: now, error: error.clone() }, None, None));
        let Removal::Goes(told) = seen(Some(&record)) else { panic!("it is over") };
        assert!(
            told.starts_with("not removed since 2026-11-23 12:00:00Z") && told.contains("`retry orders`"),
            "{told}"
        );
        record.owed.remove = Some(debt);
        record.decision = Some(decision(&[], &Reason::GivenUp { error }, None, None));
        let Removal::Ended(given_up) = seen(Some(&record)) else { panic!("nothing comes by itself") };
        assert_eq!(given_up.exit, Exit::Failed);
    }

    #[test]
    fn a_removal_that_is_held_or_has_nothing_to_stop_ends() {
        let mut record = running(&manifest("orders", "SELECT 1", 1), "orders");
        let held = decision(&[], &Reason::RemovalsHeld, Some(AllowedFor::RemovalsHeld), None);
        record.decision = Some(held);
        let Removal::Ended(held) = seen(Some(&record)) else { panic!() };
        assert_eq!(held.exit, Exit::Held);
        let told = held.failure(&name("orders"));
        assert!(told.contains("since 2026-11-23 12:00:00Z: more removals at once than allowed"), "{told}");
        assert!(told.contains("`flink-sql-runner allow orders remove` approves it once"), "{told}");
        let Removal::Ended(nothing) = seen(None) else { panic!() };
        assert_eq!(nothing.exit, Exit::Done);
    }
}
