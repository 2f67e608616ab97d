//! Drives one scenario: uploads, schedules, events that arrive late or twice, steps on the node, and then quiet.
//! Must not judge: the rules do.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use control::ports::{BatchOrder, Precondition};
use lifecycle::ids::Hex32;
use lifecycle::permission::Permission;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::control_plane::{CONCURRENCY, Fate, Stage};
use crate::faults::{Actor, Called, Caller, Fault};
use crate::flink::Submission;
use crate::invocation::{Ask, answer};
use crate::node::run_batch;
use crate::orders::Wanted;
use crate::rules::{given_up_for_nothing, judge_bystander, judge_end, undone};
use crate::sim::{Notice, Sim};
use crate::wishes::Wish;

const SWEEP: Duration = Duration::from_mins(1);
const REDEPLOY: Duration = Duration::from_hours(1);

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a process does, so that somebody else can do the same.
#[derive(Clone, Debug)]
pub(crate) enum Again {
    Invocation(Ask),
    Batch(BatchOrder),
}

/// A job that nobody wishes anything new of: it is left alone, whatever happens to others.
const BYSTANDER: &str = "z";

/// The job that a newer wish is about, in scenarios that are overtaken.
pub(crate) const FIRST: &str = "a";

impl Again {
    /// Somebody else does the same: to its end where nothing keeps it from that, else for a moment.
    pub(crate) async fn rival(&self, first: &Actor) {
        let work = self.once_more(&first.sim);
        let holds = {
            let state = first.sim.lock();
            let mut claims = state.bucket.all().filter(|(key, _)| key.starts_with("p/claims/"));
            claims.any(|(_, stored)| String::from_utf8_lossy(&stored.bytes).contains(&first.nonce.to_string()))
        };
        let limit = if holds { Duration::from_secs(5) } else { Duration::from_mins(10) };
        let _ = timeout(limit, tokio::spawn(work)).await;
    }

    fn once_more(&self, sim: &Arc<Sim>) -> Work {
        let (sim, again) = (Arc::clone(sim), self.clone());
        match self {
            Self::Invocation(ask) => invoke(sim, ask.clone(), true),
            Self::Batch(order) => {
                let order = order.clone();
                Box::pin(async move {
                    let actor = Actor::new(&sim, Caller::Runner, again, true);
                    let _ = run_batch(&actor, &order).await;
                })
            }
        }
    }

    /// A newer wish comes and is worked off.
    pub(crate) async fn overtaken(&self, sim: &Arc<Sim>) {
        let wish = sim.lock().judge.wishes.now(FIRST).cloned();
        let next = wish.map_or_else(|| Wish::new("overtaken", 1), |w| Wish { parallelism: w.parallelism % 3 + 1, ..w });
        want(sim, FIRST, Some(next));
        sleep(Duration::from_secs(100)).await;
    }
}

/// One invocation of the function.
pub(crate) fn invoke(sim: Arc<Sim>, ask: Ask, charmed: bool) -> Work {
    Box::pin(async move {
        let actor = Actor::new(&sim, Caller::Orchestrator, Again::Invocation(ask.clone()), charmed);
        let ended = actor.live(answer(&actor, ask.clone())).await;
        trace(&sim, || format!("{ask:?} {ended:?}"));
    })
}

/// Uploads a file, or deletes it.
pub(crate) fn want(sim: &Sim, name: &str, wish: Option<Wish>) {
    let mut state = sim.lock();
    let key = format!("p/queries/{name}.yaml");
    match &wish {
        Some(wish) => {
            state.put(&key, wish.yaml(name).into_bytes(), &Precondition::Always, None);
        }
        None => state.delete(&key, None),
    }
    let write = state.bucket.writes();
    state.judge.wishes.say(name, write, wish);
}

/// What happens in a scenario beside faults of calls.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Want(&'static str, Wish),
    Unwant(&'static str),
    /// Its file says that it is not to run; the rest of it stays.
    Suspend(&'static str),
    /// Its file says that it is to run again.
    Resume(&'static str),
    Redeploy,
    JobManagerDies,
    SessionEnds,
    SessionStarts,
    /// The present session cannot be asked any more, and goes on.
    Cut,
    /// What was cut is ended.
    CutEnds,
    Slots(u32),
    /// Every runner dies.
    RunnersDie,
    /// State directories of version 1 lie there, of a job that no record knows.
    OldStates(&'static str),
    /// Somebody cancels the job's run by hand.
    CancelByHand(&'static str),
    /// Somebody stops the job's run by hand, with a savepoint.
    StopByHand(&'static str),
    Fate(Fate),
    Allow(&'static str, Permission),
    Retry(&'static str),
    /// What people order, and after how many seconds they ask for the same once more; 0 if not.
    Order(&'static str, Wanted, u64),
    /// A job of the Python tool, deployed and running.
    PythonJob(&'static str, Wish),
    /// A job of that name that nobody knows.
    ForeignJob(&'static str, Wish),
}

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) ha: bool,
    /// What is done before, one after another, each until it is quiet.
    pub(crate) setup: Vec<Vec<Deed>>,
    /// Each so many seconds after the one before.
    pub(crate) deeds: Vec<(u64, Deed)>,
    /// Then whatever is still broken outside is mended.
    pub(crate) mending: Vec<(u64, Deed)>,
    /// By the number of the call after the setup.
    pub(crate) faults: BTreeMap<usize, Fault>,
    /// So many in ten thousand calls meet a fault, until the last deed is done.
    pub(crate) by_chance: u64,
    /// Numbers for chance are drawn although nothing is left to it: whoever made the scenario smaller wants the same ones.
    pub(crate) draws: bool,
    /// Events arrive twice now and then.
    pub(crate) duplicates: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Played {
    pub(crate) broken: Vec<String>,
    pub(crate) calls: Vec<Called>,
    pub(crate) met: Vec<(usize, Caller, String, Fault)>,
    pub(crate) steps: usize,
}

pub(crate) fn trace(sim: &Sim, line: impl FnOnce() -> String) {
    if std::env::var_os("SIMULATION_TRACE").is_some() {
        let second = sim.lock().second();
        println!("{second:>6} s  {}", line());
    }
}

/// Plays a scenario to its end.
pub(crate) fn play(scenario: &Scenario) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(perform(scenario))
}

async fn perform(scenario: &Scenario) -> Played {
    let (notices, receiver) = unbounded_channel();
    let sim = Sim::new(scenario.seed, notices);
    sim.lock().flink.start_session(scenario.ha, 12);
    tokio::spawn(deliver(Arc::clone(&sim), receiver, scenario.duplicates));
    tokio::spawn(schedule(Arc::clone(&sim), SWEEP, Ask::Sweep));
    tokio::spawn(schedule(Arc::clone(&sim), REDEPLOY, Ask::Redeploy));
    let mut broken = Vec::new();
    for phase in &scenario.setup {
        for deed in phase {
            act(&sim, deed);
        }
        broken.extend(until_quiet(&sim).await.into_iter().map(|what| format!("in the setup: {what}")));
    }
    let bystander = sim.lock().flink.live(BYSTANDER).map(|job| job.id).next();
    let base = {
        let mut state = sim.lock();
        let base = state.gate.calls.len();
        state.gate.planned = scenario.faults.iter().map(|(number, fault)| (base + number, *fault)).collect();
        state.gate.chance = scenario.by_chance;
        state.gate.draws = scenario.draws;
        base
    };
    let steps_before = sim.lock().plane.with_operations();
    for (pause, deed) in scenario.deeds.iter().chain(&scenario.mending) {
        sleep(Duration::from_secs(*pause)).await;
        trace(&sim, || format!("{deed:?}"));
        act(&sim, deed);
    }
    if scenario.draws {
        sleep(Duration::from_mins(3)).await;
        let mut state = sim.lock();
        state.gate.chance = 0;
        state.gate.draws = false;
        // What no step met yet is mended as well.
        state.plane.fates.clear();
    }
    broken.extend(until_quiet(&sim).await);
    let steps = sim.lock().plane.with_operations() - steps_before;
    broken.extend(resumed(&sim).await);
    let mut state = sim.lock();
    judge_end(&mut state);
    judge_bystander(&mut state, bystander);
    broken.extend(state.judge.broken.clone());
    let calls = state.gate.calls[base..].iter().map(|call| Called { number: call.number - base, ..call.clone() });
    let met = state.gate.met.iter().map(|(n, who, name, fault)| (n - base, *who, name.clone(), *fault)).collect();
    Played { broken, calls: calls.collect(), met, steps }
}

/// What was suspended goes on once its file says so: from its newest state, as every submission is judged.
async fn resumed(sim: &Arc<Sim>) -> Vec<String> {
    let suspended = sim.lock().judge.wishes.suspended();
    if suspended.is_empty() {
        return Vec::new();
    }
    for name in suspended {
        trace(sim, || format!("{name} is resumed in the end"));
        let wish = sim.lock().judge.wishes.now(&name).cloned();
        want(sim, &name, wish.map(Wish::resumed));
    }
    until_quiet(sim).await.into_iter().map(|what| format!("resumed in the end: {what}")).collect()
}

/// Lets time pass until everything is as it is wished and stays so; what is not within two schedules.
async fn until_quiet(sim: &Arc<Sim>) -> Vec<String> {
    let began = Instant::now();
    let limit = began + 2 * REDEPLOY + Duration::from_mins(10);
    let mut calm = 0;
    let mut looked = false;
    let mut people = began + Duration::from_mins(15);
    while Instant::now() < limit {
        sleep(Duration::from_secs(10)).await;
        let done = {
            let state = sim.lock();
            state.gate.planned.keys().all(|n| *n < state.gate.calls.len()) | (began.elapsed() > REDEPLOY)
                && state.plane.is_idle()
                && undone(&state).is_empty()
        };
        if Instant::now() > people {
            people += Duration::from_mins(15);
            for name in given_up_for_nothing(&sim.lock()) {
                tokio::spawn(invoke(Arc::clone(sim), Ask::Retry(name), true));
            }
        }
        calm = if done { calm + 1 } else { 0 };
        if calm >= 7 && !looked {
            // One look at everything: what seems quiet stays so.
            looked = true;
            calm = 0;
            invoke(Arc::clone(sim), Ask::Redeploy, true).await;
        } else if calm >= 3 && looked {
            return Vec::new();
        }
    }
    let left = undone(&sim.lock());
    let left = if left.is_empty() { vec!["it never was quiet".to_owned()] } else { left };
    left.into_iter().map(|what| format!("after two schedules of quiet: {what}")).collect()
}

async fn schedule(sim: Arc<Sim>, every: Duration, ask: Ask) {
    let mut next = Instant::now() + every;
    loop {
        sleep_until(next).await;
        next += every;
        tokio::spawn(invoke(Arc::clone(&sim), ask.clone(), false));
    }
}

/// Brings every notice to whom it concerns, late and now and then twice.
async fn deliver(sim: Arc<Sim>, mut notices: UnboundedReceiver<Notice>, duplicates: bool) {
    while let Some(notice) = notices.recv().await {
        let (late, twice) = {
            let mut state = sim.lock();
            let late = 300 + state.rng.below(if duplicates { 4_000 } else { 700 });
            (Duration::from_millis(late), duplicates && state.rng.percent(15))
        };
        let ask = match notice {
            Notice::Object(key) => Ask::Object(key),
            Notice::StepEnded(batch) => Ask::Ended(batch),
            Notice::StepSent(at, order, fate) => {
                tokio::spawn(step(Arc::clone(&sim), at, order, fate));
                continue;
            }
        };
        for times in 0..=u32::from(twice) {
            let (sim, ask) = (Arc::clone(&sim), ask.clone());
            tokio::spawn(async move {
                sleep(late + Duration::from_secs(20) * times).await;
                invoke(sim, ask, false).await;
            });
        }
    }
}

/// The life of one step.
async fn step(sim: Arc<Sim>, at: usize, order: BatchOrder, fate: Fate) {
    let wait = match fate {
        Fate::Good | Fate::Cancelled | Fate::Hung(_) => 2,
        Fate::Pending(seconds) | Fate::Unseen(seconds) => seconds,
    };
    sleep(Duration::from_secs(wait)).await;
    while sim.lock().plane.running() >= CONCURRENCY {
        sleep(Duration::from_secs(1)).await;
    }
    if fate != Fate::Cancelled {
        sim.lock().plane.steps[at].stage = Stage::Running;
        if let Fate::Hung(seconds) = fate {
            sleep(Duration::from_secs(seconds)).await;
        } else {
            let actor = Actor::new(&sim, Caller::Runner, Again::Batch(order.clone()), false);
            let report = actor.live(run_batch(&actor, &order)).await;
            trace(&sim, || format!("step {at} ended: {report:?}"));
        }
    }
    let mut state = sim.lock();
    state.plane.steps[at].stage = Stage::Ended;
    state.tell(Notice::StepEnded(order.batch));
}

fn act(sim: &Arc<Sim>, deed: &Deed) {
    let asks = |ask: Ask| drop(tokio::spawn(invoke(Arc::clone(sim), ask, false)));
    match deed {
        Deed::Want(name, wish) => want(sim, name, Some(wish.clone())),
        Deed::Unwant(name) => want(sim, name, None),
        Deed::Suspend(name) => {
            let wish = sim.lock().judge.wishes.now(name).cloned().unwrap_or_else(|| Wish::new("one", 1));
            want(sim, name, Some(wish.suspended()));
        }
        Deed::Resume(name) => {
            let wish = sim.lock().judge.wishes.now(name).cloned();
            if let Some(wish) = wish {
                want(sim, name, Some(wish.resumed()));
            }
        }
        Deed::Redeploy => asks(Ask::Redeploy),
        Deed::JobManagerDies => sim.lock().flink.job_manager_dies(),
        Deed::SessionEnds => {
            let mut state = sim.lock();
            if let Some(at) = state.flink.standing() {
                state.flink.session_ends(at);
            }
        }
        Deed::SessionStarts => {
            let mut state = sim.lock();
            let ha = state.flink.sessions.last().is_some_and(|session| session.ha);
            state.flink.start_session(ha, 12);
        }
        Deed::Cut => {
            let mut state = sim.lock();
            if let Some(at) = state.flink.standing() {
                state.flink.sessions[at].state = crate::flink::SessionState::Cut;
            }
        }
        Deed::CutEnds => {
            let mut state = sim.lock();
            let cut = |s: &crate::flink::Session| s.state == crate::flink::SessionState::Cut;
            while let Some(at) = state.flink.sessions.iter().position(cut) {
                state.flink.session_ends(at);
            }
        }
        Deed::Slots(slots) => sim.lock().flink.slots(*slots),
        Deed::RunnersDie => {
            let actors = sim.lock().actors.clone();
            let runners = actors.iter().filter_map(std::sync::Weak::upgrade).filter(|a| a.caller == Caller::Runner);
            runners.for_each(|runner| runner.kill());
        }
        Deed::OldStates(name) => sim.lock().flink.old_states(name),
        Deed::CancelByHand(name) => {
            let mut state = sim.lock();
            let found = state.flink.live(name).map(|job| (job.session, job.id)).next();
            if let Some((session, id)) = found {
                state.flink.cancel(session, id);
                state.flink.disturbed(id);
            }
        }
        Deed::StopByHand(name) => {
            let mut state = sim.lock();
            let trigger = state.fresh_id().into();
            let found = state.flink.live(name).map(|job| (job.session, job.id, job.version)).next();
            if let Some((session, id, version)) = found.filter(|(_, id, _)| !state.flink.is_stopping(*id)) {
                state.flink.stop(session, id, trigger, &format!("s3://b/savepoints/{name}/{version}"));
                state.flink.disturbed(id);
            }
        }
        Deed::Fate(fate) => sim.lock().plane.fates.push_back(*fate),
        Deed::Allow(name, permission) => {
            if *permission == Permission::CleanStart {
                sim.lock().judge.may_forget.insert((*name).to_owned());
            }
            asks(Ask::Allow((*name).to_owned(), *permission));
        }
        Deed::Retry(name) => asks(Ask::Retry((*name).to_owned())),
        Deed::Order(name, wanted, late) => {
            let late = *late;
            let (act, id) = {
                let mut state = sim.lock();
                (wanted.act(&state, name), state.fresh_id().into())
            };
            // Whoever gets no answer asks again, now or much later.
            let ask = Ask::Order((*name).to_owned(), act, id);
            for _ in 0..2 {
                asks(ask.clone());
            }
            if late > 0 {
                let sim = Arc::clone(sim);
                tokio::spawn(async move {
                    sleep(Duration::from_secs(late)).await;
                    invoke(sim, ask, false).await;
                });
            }
        }
        Deed::PythonJob(name, wish) => {
            python_job(sim, name, wish);
            want(sim, name, Some(wish.clone()));
        }
        Deed::ForeignJob(name, wish) => {
            let mut state = sim.lock();
            let Some(session) = state.flink.present() else { return };
            let mut what = theirs(&mut state.fresh_id(), name, wish);
            what.foreign = true;
            state.flink.submit(session, &what);
        }
    }
}

fn theirs(id: &mut Hex32, name: &str, wish: &Wish) -> Submission {
    Submission {
        id: (*id).into(),
        name: name.to_owned(),
        version: 1,
        body: wish.sql.clone(),
        parallelism: wish.parallelism,
        checkpoints: format!("s3://b/checkpoints/{name}/1"),
        restore: None,
        foreign: false,
        may_forget: true,
        older: false,
    }
}

/// What the Python tool leaves: a deployed manifest and a run, no record.
fn python_job(sim: &Sim, name: &str, wish: &Wish) {
    let mut state = sim.lock();
    let manifest = format!(
        "{}meta:\n  query-version: 1\n  query-id: 11111111-2222-3333-4444-555555555555\n  \
         query-create-timestamp: 2026-01-01 00:00:00\n",
        wish.yaml(name)
    );
    state.put(&format!("p/manifests/{name}.yaml"), manifest.into_bytes(), &Precondition::Always, None);
    let Some(session) = state.flink.present() else { return };
    let what = theirs(&mut state.fresh_id(), name, wish);
    state.flink.submit(session, &what);
}
