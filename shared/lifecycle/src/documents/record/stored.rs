//! Records as they lie in the bucket, of every format that was ever written.
//! Must not know what follows from one.

use desired::digest::Digest;
use desired::manifest::{JobName, Meta};
use desired::target::Target;
use jiff::Timestamp;
use serde::Deserialize;

use super::{Aim, Allow, Decision, Deployed, Entry, FORMAT, OpenOperation, Record, Source};
use crate::act::{OrderedAct, SupersededAct};
use crate::asked_by::AskedBy;
use crate::documents::Rest;
use crate::documents::plan::{KnownRun, LeftStop};
use crate::documents::suspension::Suspension;
use crate::forgetting::Forgotten;
use crate::ids::{Nonce, OperationId};
use crate::noted::NotedOrder;
use crate::owed::{ApplyDebt, Cause, Debt, Owed};

/// Every field of any format.
#[derive(Deserialize)]
pub(super) struct Stored {
    #[serde(rename = "format")]
    _format: u32,
    revision: u64,
    nonce: Nonce,
    name: JobName,
    source: Source,
    highest_version: u32,
    deployed: Option<StoredDeployed>,
    #[serde(default)]
    suspended: Option<Suspension>,
    open: Option<OpenOperation>,
    #[serde(default)]
    owed: Owed,
    asked_by: Option<AskedBy>,
    orphans: Vec<KnownRun>,
    #[serde(default)]
    stops: Vec<LeftStop>,
    decision: Option<Decision>,
    allows: Vec<Allow>,
    ordered: Option<OrderedAct>,
    #[serde(default)]
    superseded: Vec<SupersededAct>,
    #[serde(default)]
    noted: Vec<NotedOrder>,
    forgotten: Option<Forgotten>,
    history: Vec<Entry>,
    // Format 1.
    trouble: Option<Trouble>,
    other_trouble: Option<Trouble>,
    #[serde(default)]
    unsettled: bool,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
struct StoredDeployed {
    target: Target,
    meta: Meta,
    aim: Option<Aim>,
    status: Option<Status>,
    runs: Vec<KnownRun>,
    restore_point: Option<String>,
    checkpointed: bool,
    since: Timestamp,
}

/// Whether it ran, in format 1.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Running,
    NotRunning,
    Stopped,
    Complete,
}

/// A target that had failed, in format 1.
#[derive(Deserialize)]
struct Trouble {
    target: Digest,
    attempts: u32,
    next: Option<Timestamp>,
    error: String,
}

impl StoredDeployed {
    fn aim(&self) -> Aim {
        match (self.aim, self.status) {
            (Some(aim), _) => aim,
            (None, Some(Status::Running | Status::NotRunning) | None) => Aim::Run,
            (None, Some(Status::Stopped)) => Aim::Stopped,
            (None, Some(Status::Complete)) => Aim::Complete,
        }
    }
}

impl From<Stored> for Record {
    fn from(stored: Stored) -> Self {
        let owed = owed(&stored);
        let deployed = stored.deployed.map(|deployed| Deployed {
            aim: deployed.aim(),
            target: deployed.target,
            meta: deployed.meta,
            runs: deployed.runs,
            restore_point: deployed.restore_point,
            checkpointed: deployed.checkpointed,
            since: deployed.since,
        });
        let record = Self {
            format: FORMAT,
            revision: stored.revision,
            nonce: stored.nonce,
            name: stored.name,
            source: stored.source,
            highest_version: stored.highest_version,
            deployed,
            suspended: stored.suspended,
            open: stored.open,
            owed,
            asked_by: stored.asked_by,
            orphans: stored.orphans,
            stops: stored.stops,
            decision: stored.decision,
            allows: stored.allows,
            ordered: stored.ordered,
            superseded: stored.superseded,
            noted: stored.noted,
            forgotten: None,
            history: stored.history,
            rest: stored.rest,
        };
        // An older program that deployed the name again knew nothing of it.
        let forgotten = stored.forgotten.filter(|_| record.is_forgotten_whole());
        Self { forgotten, ..record }
    }
}

/// What format 1 said in other words.
fn owed(stored: &Stored) -> Owed {
    let mut owed = stored.owed.clone();
    let last = stored.history.last().map_or_else(|| OperationId::derived(&[stored.name.as_str()]), |e| e.operation);
    let at_once = |error: &str| {
        Debt::after(None, Cause::NoResult, error, last, Timestamp::UNIX_EPOCH).at_once(Timestamp::UNIX_EPOCH)
    };
    let deployed = stored.deployed.as_ref();
    let down = deployed.is_some_and(|deployed| deployed.status == Some(Status::NotRunning));
    let troubles = || stored.trouble.iter().chain(&stored.other_trouble);
    match deployed.map(StoredDeployed::aim) {
        Some(Aim::Run | Aim::Complete) if stored.unsettled || down => {
            let known = deployed.map(|deployed| deployed.target.digest());
            let why = troubles().find(|trouble| Some(&trouble.target) == known.as_ref());
            owed.keep_running = Some(at_once(why.map_or("it did not run", |trouble| &trouble.error)));
        }
        Some(Aim::Stopped) | None if stored.unsettled => {
            owed.remove = Some(at_once("an operation ended without a result"));
        }
        Some(Aim::Run | Aim::Complete | Aim::Stopped) | None => {}
    }
    let of_another = |trouble: &&Trouble| deployed.is_none_or(|deployed| deployed.target.digest() != trouble.target);
    if let (None, Some(trouble)) = (&owed.apply, troubles().find(of_another)) {
        let debt = Debt::after(None, Cause::DoesNotRun, &trouble.error, last, Timestamp::UNIX_EPOCH);
        let debt = Debt { attempts: trouble.attempts, next: trouble.next, ..debt };
        owed.apply = Some(ApplyDebt { digest: trouble.target.clone(), target: None, debt });
    }
    owed
}
