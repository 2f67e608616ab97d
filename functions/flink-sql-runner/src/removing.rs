//! What a removal comes to for each of the jobs, by their records as they were before their files were deleted.
//! Must not know how files are deleted; nothing is decided here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use control::documents::fetch;
use control::ports::Store;
use desired::manifest::JobName;
use lifecycle::documents::record::{Aim, Record, Source};
use lifecycle::keys::Keys;

/// What becomes of a job whose file is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Removing {
    /// It is to run: it is stopped, unless a guard holds that.
    Stops,
    /// The same for more jobs than the guard lets go at once.
    Held,
    /// An operation of it is under way.
    UnderWay,
    /// It was stopped before.
    Stopped,
    /// It was bounded and came to its end.
    Complete,
    /// Nothing of it was ever deployed.
    NotDeployed,
    /// It is deployed from files that are not uploaded ones.
    Elsewhere,
    /// Its record cannot be read from here.
    NotKnown,
}

impl Removing {
    /// By the record of a job.
    fn of(record: &Record) -> Self {
        if record.open.is_some() {
            return Self::UnderWay;
        }
        match record.deployed.as_ref().map(|deployed| deployed.aim) {
            None => Self::NotDeployed,
            Some(_) if record.source != Source::Queries => Self::Elsewhere,
            Some(Aim::Stopped) => Self::Stopped,
            Some(Aim::Complete) => Self::Complete,
            Some(Aim::Run) => Self::Stops,
        }
    }

    fn told(self, name: &JobName) -> String {
        let held = |name| format!("the removal guard holds that: then it runs on until `allow {name} remove`");
        match self {
            Self::Stops => format!("it is stopped with a savepoint, unless {}", held(name)),
            Self::NotKnown => format!("if it runs, it is stopped with a savepoint, unless {}", held(name)),
            Self::Held => format!("it runs on: the removal guard holds so many at once until `allow {name} remove`"),
            Self::UnderWay => {
                "an operation of it is under way; what is deployed then is stopped with a savepoint".to_owned()
            }
            Self::Stopped => "it is stopped already; its state is kept".to_owned(),
            Self::Complete => "it came to its end already; nothing is to be stopped".to_owned(),
            Self::NotDeployed => "nothing of it was ever deployed; nothing is to be stopped".to_owned(),
            Self::Elsewhere => "it is deployed from another source; it runs on".to_owned(),
        }
    }

    /// Whether there is a state that the job goes on from if its file comes back.
    fn keeps_state(self) -> bool {
        match self {
            Self::Stops | Self::Held | Self::UnderWay | Self::Stopped | Self::NotKnown => true,
            Self::Complete | Self::NotDeployed | Self::Elsewhere => false,
        }
    }
}

/// What becomes of each of these jobs. `limit` is how many the guard lets go at once. Whoever may upload need not be able
/// to read records.
pub(crate) async fn removing<'a>(
    store: &dyn Store,
    keys: &Keys,
    names: impl Iterator<Item = &'a JobName>,
    limit: usize,
) -> BTreeMap<JobName, Removing> {
    let mut found = BTreeMap::new();
    for name in names {
        let removing = match fetch::<Record>(store, &keys.record(name)).await {
            Ok(Some((record, _))) => Removing::of(&record),
            // One that the Python tool deployed is taken over by that.
            Ok(None) => match store.get(&keys.manifest(name)).await {
                Ok(None) => Removing::NotDeployed,
                Ok(Some(_)) => Removing::Stops,
                Err(_) => Removing::NotKnown,
            },
            Err(_) => Removing::NotKnown,
        };
        found.insert(name.clone(), removing);
    }
    held(found, limit)
}

fn held(mut found: BTreeMap<JobName, Removing>, limit: usize) -> BTreeMap<JobName, Removing> {
    let stops = |removing: &&mut Removing| **removing == Removing::Stops;
    if found.values_mut().filter(stops).count() > limit {
        found.values_mut().filter(stops).for_each(|removing| *removing = Removing::Held);
    }
    found
}

/// The same for people: a line for each job, and what brings it back.
pub(crate) fn told(found: &BTreeMap<JobName, Removing>) -> String {
    let mut text = String::new();
    for (name, removing) in found {
        let _ = writeln!(text, "{name}: {}", removing.told(name));
    }
    let kept = found.values().filter(|removing| removing.keeps_state()).count();
    match kept {
        0 => {}
        1 => text.push_str("Put the file back and the job goes on from its newest state.\n"),
        _ => text.push_str("Put a file back and its job goes on from its newest state.\n"),
    }
    text
}

#[cfg(test)]
mod tests {
    use lifecycle::orchestrate::Ruling;

    use super::*;
    use crate::test_kit::{decided, manifest, name, running};

    fn of(record: &Record) -> Removing {
        Removing::of(record)
    }

    #[test]
    fn only_of_what_is_to_run_it_is_said_that_it_is_stopped() {
        let mut record = running(&manifest("orders", "SELECT 1", 1), "orders");
        assert_eq!(of(&record), Removing::Stops);
        for (aim, removing) in [(Aim::Stopped, Removing::Stopped), (Aim::Complete, Removing::Complete)] {
            record.deployed.as_mut().unwrap().aim = aim;
            assert_eq!(of(&record), removing);
        }
        record.deployed = None;
        assert_eq!(of(&record), Removing::NotDeployed);
        let record = running(&manifest("orders", "SELECT 1", 1), "orders");
        let Ruling::Operate(open) = decided(&record, None, "removal") else { panic!() };
        assert_eq!(of(&Record { open: Some(*open), ..record.clone() }), Removing::UnderWay);
        assert_eq!(of(&Record { source: Source::Process, ..record }), Removing::Elsewhere);
    }

    #[test]
    fn more_than_the_guard_lets_go_are_held() {
        let jobs = |limit| {
            let found = [("a", Removing::Stops), ("b", Removing::Stops), ("c", Removing::NotDeployed)];
            held(found.into_iter().map(|(job, removing)| (name(job), removing)).collect(), limit)
        };
        assert_eq!(jobs(2)[&name("a")], Removing::Stops, "what was never deployed does not count");
        insta::assert_snapshot!(told(&jobs(1)), @r"
        a: it runs on: the removal guard holds so many at once until `allow a remove`
        b: it runs on: the removal guard holds so many at once until `allow b remove`
        c: nothing of it was ever deployed; nothing is to be stopped
        Put a file back and its job goes on from its newest state.
        ");
        assert!(!told(&BTreeMap::from([(name("c"), Removing::NotDeployed)])).contains("savepoint"));
    }
}
