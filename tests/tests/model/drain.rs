//! Guarantee 5 of docs/design.md (1): nothing more goes wrong, sweeps and deliveries go on, and the job comes to be
//! what is desired.
//! Must not know how: it plays the rest of a scenario out and judges the end.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};

use desired::digest::Digest;
use desired::inputs::Desired;
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::documents::record::{Aim, Record};
use lifecycle::execute::Effect;
use lifecycle::ids::JobId;
use lifecycle::owed::Cause;
use lifecycle::permission::{Permission, waits_for};

use super::flink::Shape;
use super::kept::{Kept, print};
use super::runner::Twist;
use super::scenario::Scenario;
use super::world::{Budget, World};

/// How many rounds of the schedule it may take.
const ROUNDS: usize = 24;

/// The world in which the first upload of a scenario is deployed and has made a checkpoint, and nothing else happened.
pub(crate) fn deployed(scenario: &Scenario) -> World {
    let mut world = World::new(scenario.budget);
    for _ in 0..2 {
        world.start_pass(scenario, 0, false, None);
        while world.passes[0].is_some() {
            world.step_pass(scenario, 0);
        }
        deliver_all(scenario, &mut world);
    }
    let live: Vec<_> = world.flink.live().collect();
    for run in live {
        world.flink.checkpoint(run);
    }
    world
}

/// Plays on without any fault; says what is wrong with the end.
pub(crate) fn converges(scenario: &Scenario, world: &World) -> Result<(), String> {
    let mut world = world.clone();
    world.uploads = world.uploads.max(scenario.script.len().saturating_sub(1));
    world.budget = Budget::default();
    world.lost = None;
    if world.flink.away {
        world.flink.session_comes();
    }
    world.flink.elsewhere.clear();
    world.flink.full = false;
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        let print = print(&(scenario.title, &world));
        if converged(|known| known.contains(&print)) {
            converged(|known| known.extend(seen));
            return Ok(());
        }
        seen.push(print);
        let before = (world.record.clone(), world.flink.clone(), world.on_the_way.clone());
        deliver_all(scenario, &mut world);
        every_pause_ends(&mut world);
        let lost = world.missing();
        world.start_pass(scenario, 0, true, lost);
        while world.passes[0].is_some() {
            world.step_pass(scenario, 0);
        }
        if let Some(broken) = world.broken {
            return Err(format!("on the way: {broken:?}"));
        }
        // What waits to be allowed is tried again and again, and each time that is counted.
        let rests = before == (world.record.clone(), world.flink.clone(), world.on_the_way.clone());
        if rests || waits_to_be_allowed(&world) || waits_for_health(&world) {
            judge(scenario, &world)?;
            converged(|known| known.extend(seen));
            return Ok(());
        }
    }
    Err("it never comes to rest".to_owned())
}

/// The states that are known to converge: most ways lead into another one's.
fn converged<T>(with: impl FnOnce(&mut HashSet<u64>) -> T) -> T {
    static KNOWN: LazyLock<Mutex<HashSet<u64>>> = LazyLock::new(Mutex::default);
    with(&mut KNOWN.lock().unwrap())
}

/// What is tried again by itself is due; false if nothing is.
pub(crate) fn every_pause_ends(world: &mut World) -> bool {
    let Some(record) = &world.record else { return false };
    let mut due = (**record).clone();
    let ordered = due.ordered.iter_mut().filter_map(|ordered| ordered.debt.as_mut());
    let apply = due.owed.apply.iter_mut().map(|apply| &mut apply.debt).filter(|debt| debt.next.is_some());
    for debt in apply.chain(ordered).chain(&mut due.owed.keep_running).chain(&mut due.owed.remove) {
        debt.next = debt.next.map(|_| Timestamp::UNIX_EPOCH);
    }
    let waited = due != **record;
    if waited {
        world.record = Some(Kept::new(due));
    }
    waited
}

/// Leases lapse, stops are done, every batch on its way is carried out.
fn deliver_all(scenario: &Scenario, world: &mut World) {
    let stopping: Vec<_> =
        world.flink.runs.iter().filter(|(_, run)| run.stopping.is_some()).map(|(id, _)| *id).collect();
    for id in stopping {
        world.flink.complete_stop(id);
    }
    for claim in world.claims.values_mut() {
        claim.lapsed = true;
    }
    for batch in std::mem::take(&mut world.on_the_way) {
        world.start_runner(0, batch);
        while let Some(runner) = &world.runners[0] {
            // Another delivery of the same operation is over by now, whatever it looked like.
            if world.waits_for_claim(runner) && *runner.effect == Effect::TakeClaim {
                world.runners[0] = None;
                break;
            }
            world.step_runner(scenario, 0, Twist::Plain);
        }
    }
}

fn judge(scenario: &Scenario, world: &World) -> Result<(), String> {
    let live: Vec<_> = world.flink.live().collect();
    let Some(record) = &world.record else {
        return if live.is_empty() { Ok(()) } else { Err("a run without a record".to_owned()) };
    };
    if record.open.is_some() {
        return Err("the operation never ends".to_owned());
    }
    if live.len() > 1 {
        return Err(format!("{} live runs", live.len()));
    }
    if let Some(run) = live.first().filter(|run| record.expected_run() != Some(**run)) {
        return Err(format!("run {run} is live and not in the record"));
    }
    if waits_to_be_allowed(world) {
        return Ok(());
    }
    if let Some(ordered) = record.ordered.as_ref().filter(|_| !waits_for_health(world)) {
        return Err(format!("{} is still to be done", ordered.act));
    }
    match scenario.desired(world.uploads) {
        Desired::Target(target) if target.manifest.operating.state.is_suspended() => suspended(record, &target, &live),
        Desired::Absent if waits_for(Permission::Remove, None, record).is_some() => {
            runs(record, world, "what nobody may remove yet")
        }
        Desired::Absent if live.is_empty() => Ok(()),
        Desired::Absent => Err("it still runs".to_owned()),
        Desired::Refused => runs(record, world, "the deployed manifest"),
        Desired::Target(target) if is_deployed(record, &target.digest()) => runs(record, world, "the desired manifest"),
        Desired::Target(target) if gave_up(record, &target.digest()) => runs(record, world, "what was deployed before"),
        Desired::Target(_) => Err("neither deployed nor given up with a reason".to_owned()),
    }
}

/// No savepoint can be taken of a run that restarts and restarts: the order is tried again and again.
fn waits_for_health(world: &World) -> bool {
    let Some(record) = world.record.as_deref().filter(|record| record.open.is_none()) else { return false };
    let sick = record.expected_run().and_then(|run| world.flink.runs.get(&run)).is_some_and(|r| r.shape == Shape::Sick);
    let debt = record.ordered.as_ref().and_then(|ordered| ordered.debt.as_ref());
    sick && debt.is_some_and(|debt| debt.cause == Cause::NoSavepoint)
}

/// Nothing runs, and an operator has to say whether it may start without what it counted.
fn waits_to_be_allowed(world: &World) -> bool {
    let waits = |record: &Record| record.open.is_none() && waits_for(Permission::CleanStart, None, record).is_some();
    world.flink.live().next().is_none() && world.record.as_deref().is_some_and(waits)
}

/// Nothing of it runs, and it goes on from what is deployed once it is resumed; or it was given up with a reason.
fn suspended(record: &Record, target: &Target, live: &[JobId]) -> Result<(), String> {
    let is_over = record.deployed.as_ref().is_some_and(|deployed| deployed.aim == Aim::Complete);
    if record.is_suspended_with(target) || is_over {
        return if live.is_empty() { Ok(()) } else { Err("it runs and is suspended".to_owned()) };
    }
    if gave_up(record, &target.digest()) { Ok(()) } else { Err("it is not suspended".to_owned()) }
}

fn is_deployed(record: &Record, target: &Digest) -> bool {
    record.deployed.as_ref().is_some_and(|d| d.target.digest() == *target && d.aim != Aim::Stopped)
}

/// The target failed, and the record says why.
fn gave_up(record: &Record, target: &Digest) -> bool {
    record.owed.apply.as_ref().is_some_and(|apply| apply.digest == *target && apply.debt.next.is_none())
}

/// The deployed manifest runs: that is never given up.
fn runs(record: &Record, world: &World, what: &str) -> Result<(), String> {
    let Some(deployed) = &record.deployed else { return Ok(()) };
    let live = deployed
        .run()
        .is_some_and(|run| world.flink.runs.get(&run).is_some_and(|r| matches!(r.shape, Shape::Healthy | Shape::Sick)));
    let is_complete = deployed.aim == Aim::Complete && world.flink.done.contains(&deployed.meta.query_version);
    if live || is_complete || deployed.aim == Aim::Stopped {
        return Ok(());
    }
    Err(format!("{what} does not run"))
}
