//! What must hold in every scenario (guarantees by their numbers in docs/design.md), judged from Flink's and the
//! store's own state at the moment when it changes.
//! Must not know how a scenario came about, and reads no logs.

use std::collections::{BTreeMap, BTreeSet};

use desired::launch::Launch;
use desired::manifest::Body;
use desired::target::Target;
use lifecycle::act::Act;
use lifecycle::change::ChangeKind;
use lifecycle::documents::batch::Batch;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::plan::Plan;
use lifecycle::documents::read;
use lifecycle::documents::record::{Aim, Deployed, Record, Status};
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::{ActId, JobId, Nonce, OperationId, run_id};
use lifecycle::owed::Cause;

use crate::faults::Actor;
use crate::flink::Nature;
use crate::node::MARGIN;
use crate::orders::{Noted, judge_history};
use crate::sim::State;
use crate::store::Change;
use crate::wishes::{Wish, Wishes};

/// No document is larger.
const LARGEST: usize = 64 * 1024;

/// What was found wrong, and what has to be remembered to find it.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    pub(crate) broken: Vec<String>,
    pub(crate) wishes: Wishes,
    pub(crate) noted: Noted,
    /// Jobs that an operator allowed to start without their state.
    pub(crate) may_forget: BTreeSet<String>,
    /// The query id of each version of each job that was ever submitted.
    versions: BTreeMap<(String, u32), String>,
    /// Who wrote each record last, and the number of the write that it began from.
    writers: BTreeMap<String, (Option<Nonce>, u64)>,
}

/// A write or removal, as it happens.
pub(crate) fn judge_change(state: &mut State, change: &Change, writer: Option<&Actor>) {
    let Some(after) = &change.after else { return };
    let key = change.key.as_str();
    if after.bytes.len() > LARGEST {
        state.broken(&format!("{key} has {} bytes", after.bytes.len()));
    }
    if key.starts_with("p/claims/") {
        judge_claim(state, change, writer);
    } else if key.starts_with("p/records/") {
        judge_record(state, change, writer);
    }
}

/// Guarantee 1: a claim changes hands only after its lease and the margin, and a closed one never changes.
fn judge_claim(state: &mut State, change: &Change, writer: Option<&Actor>) {
    let parse = |stored: Option<&crate::store::Stored>| stored.and_then(|s| read::<Claim>(&s.bytes).ok());
    let (Some(writer), Some(after)) = (writer, parse(change.after.as_ref())) else { return };
    let Some(before) = parse(change.before.as_ref()) else { return };
    let operation = before.operation;
    if before.closed {
        state.broken(&format!("the closed claim of {operation} was written"));
    }
    if before.verdict.is_some() && before.verdict != after.verdict {
        state.broken(&format!("the verdict of {operation} was changed"));
    }
    if before.holder == writer.nonce {
        return;
    }
    let age = change.before.as_ref().map_or(0, |stored| change.at_ms - stored.written_ms);
    let margin = i64::try_from(MARGIN.as_millis()).unwrap();
    if age <= i64::try_from(before.lease_ms).unwrap() + margin {
        state.broken(&format!("the claim of {operation} was taken from its holder after {age} ms"));
    }
}

fn says(target: &Target) -> impl Fn(Option<&Wish>) -> bool {
    let sql = match &target.manifest.body {
        Body::Sql(sql) | Body::Code(sql) => sql.trim().to_owned(),
    };
    let (slots, suspended) = (target.slots(), target.manifest.operating.state.is_suspended());
    move |wish| wish.is_some_and(|wish| wish.sql == sql && wish.parallelism == slots && wish.suspended == suspended)
}

/// An operation applies what was wished after the record that it replaces was written: no old wish undoes a newer one.
fn judge_record(state: &mut State, change: &Change, writer: Option<&Actor>) {
    let parse = |stored: &crate::store::Stored| read::<Record>(&stored.bytes);
    let Some(after) = &change.after else { return };
    let Ok(record) = parse(after) else {
        return state.broken(&format!("{} cannot be read", change.key));
    };
    let before = change.before.as_ref().and_then(|stored| parse(stored).ok());
    let name = record.name.as_str();
    // Also what came to its end or was removed: what is wished next is judged against it.
    if let Some(deployed) = &record.deployed
        && let Body::Sql(sql) = &deployed.target.manifest.body
    {
        let version = deployed.meta.query_version;
        state.flink.deployed.insert(name.to_owned(), (version, sql.clone()));
    }
    for what in state.judge.noted.written(before.as_ref(), &record) {
        state.broken(&what);
    }
    if before.as_ref().is_some_and(|before| before.revision + 1 != record.revision) {
        state.broken(&format!("{} went from one revision to another than the next", change.key));
    }
    // Who writes twice in a row read what is wished before the first of these writes.
    let (nonce, number) = (writer.map(|writer| writer.nonce), change.before.as_ref().map_or(0, |stored| stored.etag));
    let known = state.judge.writers.get(&change.key).filter(|(last, _)| nonce.is_some() && *last == nonce);
    let since = known.map_or(number, |(_, since)| *since);
    state.judge.writers.insert(change.key.clone(), (nonce, since));
    let Some(open) = &record.open else { return };
    state.plane.note(open.plan.operation, open.batch, change.at_ms);
    let operation = |record: &Record| record.open.as_ref().map(|open| open.plan.operation);
    if before.as_ref().and_then(operation) == Some(open.plan.operation) {
        return;
    }
    let wishes = &state.judge.wishes;
    // What is deployed is what an order is about, whatever is wished.
    if open.plan.ordered.is_some() {
        let same = record.deployed.as_ref().map(|d| &d.target) == open.target.as_ref();
        if !same {
            state.broken(&format!("{name} is brought by an order to what is not deployed"));
        }
        return;
    }
    let was_wished = match (open.plan.change.kind, &open.target) {
        // What is deployed is brought back whatever is wished.
        (ChangeKind::Unchanged, _) => true,
        (ChangeKind::Removed, _) => {
            let owed = before.is_some_and(|before| before.owed.remove.is_some());
            owed || wishes.since(name, since, |wish| wish.is_none())
        }
        (ChangeKind::New | ChangeKind::Configuration | ChangeKind::Query, Some(target)) => {
            wishes.since(name, since, says(target))
        }
        (ChangeKind::New | ChangeKind::Configuration | ChangeKind::Query, None) => false,
    };
    if !was_wished {
        state.broken(&format!("{name} is brought to what was not wished any more: {:?}", open.plan.change.kind));
    }
}

/// Whoever stops, cancels or submits holds the open claim that says so.
pub(crate) fn judge_act(state: &mut State, actor: &Actor, what: &str, run: JobId) {
    let claims = state.bucket.all().filter(|(key, _)| key.starts_with("p/claims/"));
    let claims: Vec<Claim> = claims.filter_map(|(_, stored)| read(&stored.bytes).ok()).collect();
    let notes = |claim: &Claim| {
        let notes = &claim.notes;
        let starts = || notes.start.iter().chain(&notes.rollback).any(|note| note.job_id == run);
        match what {
            "stop" => notes.stop.as_ref().is_some_and(|note| note.run == run),
            "savepoint" => notes.savepoint.is_some_and(|note| note.run == run),
            "cancel" => notes.cancel == Some(run) || starts(),
            _ => starts(),
        }
    };
    let held = claims.iter().any(|claim| claim.holder == actor.nonce && !claim.closed && notes(claim));
    if !held {
        let of = claims.iter().find(|claim| notes(claim));
        let how = of.map_or("no claim notes it", |claim| if claim.closed { "it is closed" } else { "another has it" });
        state.broken(&format!("{what} of {run} without the claim for it: {how}"));
    }
}

/// A version is given to one query only.
pub(crate) fn judge_version(state: &mut State, launch: &Launch) {
    let key = (launch.name.to_string(), launch.version);
    let known = state.judge.versions.entry(key).or_insert_with(|| launch.query_id.clone()).clone();
    if known != launch.query_id {
        state.broken(&format!("version {} of {} was given out twice", launch.version, launch.name));
    }
}

fn record_of(state: &State, name: &str) -> Option<Record> {
    state.bucket.get(&format!("p/records/{name}.json")).and_then(|stored| read(&stored.bytes).ok())
}

/// Guarantee 5: what is not yet as it is wished.
pub(crate) fn undone(state: &State) -> Vec<String> {
    let mut found = Vec::new();
    for name in state.judge.wishes.names() {
        let wish = state.judge.wishes.now(name);
        let live: Vec<_> = state.flink.live(name).collect();
        let Some(record) = record_of(state, name) else {
            if wish.is_some() || !live.is_empty() {
                found.push(format!("{name} has no record"));
            }
            continue;
        };
        if let Some(open) = &record.open {
            found.push(format!("{name}: operation {} is open", open.plan.operation.short()));
            continue;
        }
        if let Some(ordered) = &record.ordered {
            found.push(format!("{name}: {} is still to be done", ordered.act));
        }
        let foreign = live.iter().any(|job| job.foreign && record.deployed.is_none());
        if foreign && wish.is_some() {
            if record.owed.apply.is_none() {
                found.push(format!("{name}: a foreign job runs and nobody is told"));
            }
            continue;
        }
        let nature = wish.map(Wish::nature);
        let good = wish.is_some_and(Wish::is_good);
        // A debt about what is not wished any more is only remembered.
        let mut standing = record.owed.clone();
        standing.apply = standing.apply.filter(|apply| apply.target.as_ref().is_none_or(|target| says(target)(wish)));
        let owed: Vec<String> = standing.debts().map(|(what, debt)| format!("{what}: {}", debt.cause)).collect();
        match (wish, nature) {
            (Some(wish), _) if good && wish.suspended => {
                // What came to its end does not become another thing by a file that says it is not to run.
                let over = record.status() == Some(Status::Complete);
                if !live.is_empty() || !(record.status() == Some(Status::Suspended) || over) {
                    found.push(format!("{name} is not suspended"));
                }
                found.extend(without_state(state, &record));
            }
            (Some(wish), Some(nature)) if good && nature.bounded.is_some() => {
                let complete =
                    record.deployed.as_ref().is_some_and(|d| d.aim == Aim::Complete && says(&d.target)(Some(wish)));
                // Nobody saw its end while the JobManager knew it: people are told, and nothing is started, but what is
                // deployed where an order is about that.
                let may_be = |cause| matches!(cause, Cause::MayBeComplete | Cause::NoState);
                let deployed = record.deployed.as_ref().and_then(Deployed::run);
                let is_untouched = live.iter().all(|job| deployed == Some(job.id));
                if standing.debts().any(|(_, debt)| may_be(debt.cause)) && is_untouched {
                    continue;
                }
                if !complete || !live.is_empty() {
                    found.push(format!("{name} is not complete"));
                }
            }
            (Some(wish), Some(_)) if good => {
                // A run of somebody else that was adopted goes on as it is until the first change.
                let as_wished = |job: &crate::flink::Job| {
                    job.foreign || (job.body.trim() == wish.sql && job.parallelism == wish.parallelism)
                };
                let runs = live.iter().any(|job| job.all_run() && as_wished(job));
                let told = record.deployed.as_ref().is_some_and(|d| {
                    d.aim == Aim::Run && says(&d.target)(Some(wish)) && live.iter().any(|job| d.run() == Some(job.id))
                });
                if !runs || live.len() != 1 || !told {
                    let seen: Vec<String> = live.iter().map(|job| format!("{:?}", job.phase)).collect();
                    found.push(format!("{name} does not run as wished: {seen:?}, told {told}"));
                }
            }
            (Some(_), Some(_)) => {
                // It cannot run: what was deployed before does, and people are told.
                let before = record.deployed.as_ref().filter(|d| d.aim == Aim::Run);
                let runs = live.iter().any(|job| job.all_run() && before.is_some_and(|d| d.run() == Some(job.id)));
                let may_be = record.owed.keep_running.as_ref().is_some_and(|debt| debt.cause == Cause::MayBeComplete);
                if may_be && live.is_empty() {
                    continue;
                }
                if before.is_some() != runs || live.len() > 1 {
                    found.push(format!("{name} does not run as before"));
                }
                if record.owed.apply.is_none() {
                    found.push(format!("{name}: nobody is told that it was not applied"));
                }
                if record.owed.keep_running.is_some() || record.owed.remove.is_some() {
                    found.push(format!("{name} owes {owed:?}"));
                }
                continue;
            }
            (None, _) | (Some(_), None) => {
                let stopped = record.deployed.as_ref().is_none_or(|d| d.aim == Aim::Stopped);
                if !live.is_empty() || !stopped {
                    found.push(format!("{name} is not removed"));
                }
                if record.owed.keep_running.is_some() || record.owed.remove.is_some() {
                    found.push(format!("{name} owes {owed:?}"));
                }
                continue;
            }
        }
        if !owed.is_empty() {
            found.push(format!("{name} owes {owed:?}"));
        }
    }
    found
}

/// A suspended job has the newest state of what is deployed: it goes on from that.
fn without_state(state: &State, record: &Record) -> Option<String> {
    let deployed = record.deployed.as_ref().filter(|deployed| deployed.aim != Aim::Complete)?;
    let of_version = (record.name.to_string(), deployed.meta.query_version);
    let lineage = state.flink.states.versions.get(&of_version)?;
    let newest = state.flink.states.newest.get(lineage)?;
    // Flink keeps no state of what came to its end, whether somebody saw that or not.
    if state.flink.jobs.iter().any(|job| job.lineage == *lineage && job.came_to_its_end) {
        return None;
    }
    let mut left = state.flink.states.all.values().filter(|saved| saved.complete && saved.lineage == *lineage);
    let has_it = left.any(|saved| saved.checkpoint_id == *newest);
    (!has_it).then(|| format!("{} is suspended, and its newest state is gone", record.name))
}

/// The runs that an operation started, or took over from one before it.
fn runs_of(state: &State, operation: OperationId) -> impl Iterator<Item = &crate::flink::Job> {
    let left = plan_of(state, operation).map(|plan| plan.orphans).unwrap_or_default();
    let is_one = move |id: JobId| id == run_id(operation) || left.iter().any(|orphan| orphan.job_id == id);
    state.flink.jobs.iter().filter(move |job| is_one(job.id))
}

/// The jobs whose target was given up because something disturbed it: people ask for another try once that is over.
pub(crate) fn given_up_for_nothing(state: &State) -> Vec<String> {
    let disturbed = |name: &&String| {
        let good = state.judge.wishes.now(name).is_some_and(Wish::is_good);
        let record = record_of(state, name).filter(|record| record.open.is_none());
        let debt = record.and_then(|record| record.owed.apply).map(|apply| apply.debt);
        let operation = debt.filter(|debt| !debt.cause.is_environment()).map(|debt| debt.operation);
        good && operation.is_some_and(|operation| runs_of(state, operation).any(|job| job.disturbed))
    };
    state.judge.wishes.names().filter(disturbed).cloned().collect()
}

/// The plan of an operation, if it is still there.
pub(crate) fn plan_of(state: &State, operation: OperationId) -> Option<Plan> {
    let stored = state.bucket.get(&format!("p/plans/{operation}.json"))?;
    read(&stored.bytes).ok()
}

/// The plans that are left.
fn plans(state: &State) -> impl Iterator<Item = Plan> {
    let plans = state.bucket.all().filter(|(key, _)| key.starts_with("p/plans/"));
    plans.filter_map(|(_, stored)| read::<Plan>(&stored.bytes).ok())
}

/// What a person ordered of the operation that starts this run, by its plan. One that suspends its job starts none.
pub(crate) fn ordered_of(state: &mut State, run: JobId) -> Option<Act> {
    let plan = plans(state).find(|plan| plan.operation.starts(run))?;
    if plan.suspends {
        state.broken(&format!("{} was started by what suspends it", plan.job));
    }
    plan.ordered.map(|ordered| ordered.act).filter(|_| run_id(plan.operation) == run)
}

/// What was ordered, by the plans that are left.
fn acts(state: &State) -> BTreeMap<ActId, Act> {
    plans(state).filter_map(|plan| plan.ordered).map(|ordered| (ordered.id, ordered.act)).collect()
}

/// Guarantees 6, 7, 9 and 10 over everything that was left behind.
pub(crate) fn judge_end(state: &mut State) {
    let all: Vec<(String, Vec<u8>)> = state.bucket.all().map(|(k, s)| (k.clone(), s.bytes.clone())).collect();
    let mut found = Vec::new();
    let acts = acts(state);
    for (key, bytes) in &all {
        let folder = key.split('/').nth(1).unwrap_or_default();
        let readable = match folder {
            "plans" => read::<Plan>(bytes).is_ok(),
            "claims" => read::<Claim>(bytes).is_ok(),
            "records" => read::<Record>(bytes).is_ok(),
            "results" => read::<OperationResult>(bytes).is_ok(),
            "cluster" => read::<ObservedDocument>(bytes).is_ok(),
            "batches" => key.ends_with("receipt.json") || read::<Batch>(bytes).is_ok(),
            _ => true,
        };
        if !readable {
            found.push(format!("{key} cannot be read"));
        }
        if folder == "results"
            && let Ok(result) = read::<OperationResult>(bytes)
        {
            found.extend(without_cause(state, &result));
        }
        if folder == "records"
            && let Ok(record) = read::<Record>(bytes)
        {
            found.extend(judge_history(&record, &acts));
            for entry in &record.history {
                // Nothing was sent to remove a suspended job.
                if entry.batch.is_some() && plan_of(state, entry.operation).is_none() {
                    found.push(format!("no plan tells of operation {} of {}", entry.operation, record.name));
                }
            }
        }
    }
    for what in found {
        state.broken(&what);
    }
    let flink = std::mem::take(&mut state.flink.broken);
    state.judge.broken.extend(flink);
}

/// Guarantee 6: nothing is called a failure that did not fail.
fn without_cause(state: &State, result: &OperationResult) -> Option<String> {
    let plan = plan_of(state, result.operation)?;
    let next = plan.next.as_ref()?;
    let nature = Nature::of(&next.body);
    let failed = match &result.outcome {
        // The state that was ordered was deleted meanwhile.
        Outcome::RolledBack { cause: Cause::NoState, .. } if plan.given_state().is_some() => false,
        // Of a bounded one that nobody saw since it was submitted this is not known, and said so.
        Outcome::Failed { cause: Cause::MayBeComplete, .. } => nature.bounded.is_none(),
        Outcome::RolledBack { .. } | Outcome::Failed { .. } => true,
        Outcome::Refused { refusal: Refusal::DoesNotCompile { .. }, .. } => {
            return nature.compiles.then(|| "a query that compiles was refused".to_owned());
        }
        Outcome::Deployed { unhealthy, .. } => unhealthy.is_some(),
        Outcome::Completed { .. }
        | Outcome::Left { .. }
        | Outcome::Removed { .. }
        | Outcome::Suspended { .. }
        | Outcome::Refused { .. } => false,
    };
    if !failed || !nature.is_good() {
        return None;
    }
    let had_cause =
        runs_of(state, result.operation).any(|job| job.disturbed || job.restarts > 0 || job.last_failure.is_some());
    (!had_cause).then(|| format!("{} ended as {:?} although nothing failed", result.job, result.outcome))
}

/// Guarantee 4: a job that nobody wished anything of goes on as the same run, unless Flink itself lost it.
pub(crate) fn judge_bystander(state: &mut State, run: Option<JobId>) {
    let Some(run) = run else { return };
    let Some(job) = state.flink.jobs.iter().find(|job| job.id == run) else { return };
    if !job.disturbed && (job.is_over() || job.restarts > 0) {
        let what = format!("{} was touched although nobody wished anything of it", job.name);
        state.broken(&what);
    }
}
