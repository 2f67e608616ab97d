//! One runner at work on the operation of a batch: drives `lifecycle::execute::step` and carries out its effects.
//! Must not decide anything.

use desired::launch::{Launch, Rejection};
use jiff::Timestamp;
use lifecycle::documents::batch::FORMAT;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::outcome::Compiled;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::result::OperationResult;
use lifecycle::execute::{Effect, End, Input, RunRole, State, StopEnd, SubmitEnd, step};
use lifecycle::ids::{BatchId, Nonce};

use super::flink::Shape;
use super::kept::Kept;
use super::rules;
use super::scenario::Scenario;
use super::world::World;

/// The runner machine between two effects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Runner {
    pub(crate) batch: BatchId,
    pub(crate) plan: Kept<Plan>,
    /// Its claim as it last wrote it, once it has taken one.
    pub(crate) held: Option<Kept<Claim>>,
    state: Kept<State>,
    pub(crate) effect: Kept<Effect>,
}

impl Runner {
    /// Its name in claims.
    pub(crate) fn holder(&self) -> Option<Nonce> {
        self.held.as_ref().map(|claim| claim.holder)
    }
}

/// How an effect goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Twist {
    /// As it should.
    Plain,
    /// It is carried out, and the reply is lost.
    ReplyLost,
    /// A stop is only asked for, and is done later.
    OnlyAsked,
    /// The JobManager has forgotten the trigger of the stop.
    TriggerForgotten,
}

impl World {
    pub(crate) fn start_runner(&mut self, slot: usize, batch: BatchId) {
        let Some(plan) = self.sent.get(&batch).cloned() else { return };
        let (state, effect) = step(&plan, State::new(), Input::Begin);
        self.runners[slot] =
            Some(Runner { batch, plan, held: None, state: Kept::new(state), effect: Kept::new(effect) });
    }

    /// Whether a runner only waits for another's lease to end.
    pub(crate) fn waits_for_claim(&self, runner: &Runner) -> bool {
        let live = self.claims.get(&runner.plan.operation).is_some_and(|slot| !slot.claim.closed && !slot.lapsed);
        live && *runner.effect == Effect::TakeClaim
    }

    /// Carries out the next effect of a runner, and what follows from it without touching what others see.
    pub(crate) fn step_runner(&mut self, scenario: &Scenario, slot: usize, twist: Twist) {
        let Some(mut runner) = self.runners[slot].take() else { return };
        let plan = runner.plan.clone();
        let mut effect = (*runner.effect).clone();
        let mut state = (*runner.state).clone();
        let mut twist = twist;
        while let Some(input) = self.carry_out_for(scenario, &mut runner, &effect, twist) {
            twist = Twist::Plain;
            (state, effect) = step(&plan, state, input);
            match effect {
                Effect::Done(End::Finished | End::NotOurs | End::Unknown) => return,
                Effect::Prepare(_) | Effect::Reserve { .. } => {}
                Effect::TakeClaim
                | Effect::SaveClaim(_)
                | Effect::Look
                | Effect::LookAgain
                | Effect::Stop { .. }
                | Effect::Savepoint { .. }
                | Effect::Cancel(_)
                | Effect::FindState(_)
                | Effect::ListStates(_)
                | Effect::Submit { .. }
                | Effect::Watch(_)
                | Effect::WriteResult(_) => break,
            }
        }
        runner.state = Kept::new(state);
        runner.effect = Kept::new(effect);
        self.runners[slot] = Some(runner);
    }

    /// Nothing while it waits for another's lease to end.
    fn carry_out_for(
        &mut self,
        scenario: &Scenario,
        runner: &mut Runner,
        effect: &Effect,
        twist: Twist,
    ) -> Option<Input> {
        match effect {
            Effect::TakeClaim => self.take_claim(runner),
            effect => Some(self.act_for(scenario, runner, effect.clone(), twist)),
        }
    }

    fn act_for(&mut self, scenario: &Scenario, runner: &mut Runner, effect: Effect, twist: Twist) -> Input {
        let plan = runner.plan.clone();
        match effect {
            Effect::SaveClaim(claim) => self.save_claim(runner, claim),
            Effect::Look | Effect::LookAgain => {
                let looked = self.flink.look(&plan, runner.held.as_deref());
                looked.map_or_else(|| Input::NoCluster("there is no session".to_owned()), Input::Looked)
            }
            Effect::Prepare(role) => match launch_of(&plan, role) {
                Some(launch) if scenario.does_not_compile(launch) => Input::Rejected(rejection()),
                Some(_) => Input::Compiled(Compiled { bounded: Some(scenario.bounded), slots: None }),
                None => Input::Unknown,
            },
            Effect::Reserve { needed, freed } if self.flink.full && needed > freed => Input::Short { free: 0 },
            Effect::Reserve { .. } => Input::Reserved,
            Effect::ListStates(_) => Input::Listed(Vec::new()),
            Effect::FindState(places) => Input::Found(self.flink.find(&places)),
            Effect::WriteResult(outcome) => {
                let (operation, job, at) = (plan.operation, plan.job.clone(), Timestamp::UNIX_EPOCH);
                self.note(rules::telling(self.results.get(&operation).map(|r| &r.outcome), &outcome));
                let result = OperationResult {
                    format: FORMAT,
                    operation,
                    job,
                    outcome,
                    at,
                    phases: Vec::new(),
                    downtime_ms: None,
                    differences: Vec::new(),
                    no_savepoint: None,
                };
                self.results.insert(operation, Kept::new(result));
                Input::Written
            }
            // What touches the cluster is done under a lease.
            Effect::Stop { .. }
            | Effect::Savepoint { .. }
            | Effect::Cancel(_)
            | Effect::Submit { .. }
            | Effect::Watch(_)
                if !self.may_act(runner) =>
            {
                Input::NotOurs
            }
            Effect::Stop { .. }
            | Effect::Savepoint { .. }
            | Effect::Cancel(_)
            | Effect::Submit { .. }
            | Effect::Watch(_)
                if self.flink.away =>
            {
                Input::Unknown
            }
            Effect::Savepoint { run, trigger, directory } => {
                self.note(rules::stopping(&self.flink, run, trigger));
                let saved = self.flink.save(run, trigger, &directory);
                if twist == Twist::ReplyLost { Input::Unknown } else { Input::Stopped(saved) }
            }
            Effect::Stop { run, trigger, directory } => {
                self.note(rules::stopping(&self.flink, run, trigger));
                match twist {
                    Twist::OnlyAsked => {
                        self.flink.ask_stop(run, trigger, &directory);
                        Input::Unknown
                    }
                    Twist::Plain => Input::Stopped(self.flink.stop(run, trigger, &directory, false)),
                    Twist::TriggerForgotten => Input::Stopped(self.flink.stop(run, trigger, &directory, true)),
                    Twist::ReplyLost => {
                        let _: StopEnd = self.flink.stop(run, trigger, &directory, false);
                        Input::Unknown
                    }
                }
            }
            Effect::Cancel(run) => {
                self.flink.end(run, Shape::Canceled);
                Input::Cancelled
            }
            Effect::Submit { role, job_id, restore } => {
                let Some(launch) = launch_of(&plan, role) else { return Input::Unknown };
                self.note(rules::starting(&self.flink, &plan, launch, job_id, restore.as_deref()));
                if let Some(path) = plan.given_state().filter(|path| restore.as_deref() == Some(*path)) {
                    self.flink.ordered.entry(launch.version).or_insert_with(|| path.to_owned());
                }
                self.flink.submit(job_id, launch, restore.as_deref(), scenario.is_doomed(launch));
                if twist == Twist::ReplyLost { Input::Unknown } else { Input::Submitted(SubmitEnd::Known) }
            }
            Effect::Watch(id) => self.flink.watch(id).map_or(Input::Unknown, Input::Watched),
            Effect::TakeClaim | Effect::Done(_) => Input::Unknown,
        }
    }
}

fn launch_of(plan: &Plan, role: RunRole) -> Option<&Launch> {
    match role {
        RunRole::Next => plan.next.as_ref(),
        RunRole::Previous => plan.previous.as_ref().map(|previous| &previous.launch),
    }
}

fn rejection() -> Rejection {
    Rejection { kind: "query".to_owned(), origin: None, message: "no such column".to_owned(), line: None, column: None }
}
