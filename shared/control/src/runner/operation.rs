//! One pass over one operation: drives its machine and carries out the effects while the lease is renewed.
//! Must not decide anything: which effect comes next is the machine's.

mod savepoints;

use std::sync::Arc;
use std::time::Duration;

use desired::launch::{Launch, Rejection};
use desired::secrets::SecretReference;
use lifecycle::documents::batch::FORMAT;
use lifecycle::documents::outcome::{Compiled, Outcome};
use lifecycle::documents::plan::Plan;
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::write;
use lifecycle::execute::{Effect, End, Health, Input, RunRole, State, StopEnd, SubmitEnd, step};
use lifecycle::ids::{JobId, run_id};
use tokio::time::Instant;

use super::holding::Holding;
use super::observe::job_look;
use super::read_back::differences_of;
use super::timing::{Timing, phase_name};
use super::waves::{HeldTurns, JobInWave, Needs};
use super::{Runner, Shared};
use crate::claims::{ClaimAnswer, Claims};
use crate::health::watch;
use crate::ports::{OutsideError, Precondition, Prepared, Put, Submitted};
use crate::search::{find_newest, list_states};
use crate::stop_run::{Waiting, cancel};

/// How long a wait for a turn is at least that is told.
const WORTH_NOTING: Duration = Duration::from_millis(1);

impl Runner {
    pub(super) async fn operation(&self, plan: Plan, shared: &Shared) -> Result<End, OutsideError> {
        let mut pass = Pass {
            runner: self,
            plan: &plan,
            shared,
            broken: None,
            holding: Holding::new(self.claims(), self.times.lease, None),
            turns: HeldTurns::default(),
            timing: Timing::default(),
            gives_back: false,
        };
        let ended = pass.drive().await;
        shared.capacity.ended(plan.operation, pass.gives_back && matches!(ended, Ok(End::Finished)));
        ended
    }

    fn claims(&self) -> Claims<'_> {
        let Self { store, keys, world, times, .. } = self;
        Claims { store: store.as_ref(), keys, world: world.as_ref(), margin: times.margin }
    }
}

/// One pass over one operation.
struct Pass<'a> {
    runner: &'a Runner,
    plan: &'a Plan,
    shared: &'a Shared,
    /// Why nothing can be done on this node.
    broken: Option<String>,
    holding: Holding<'a>,
    turns: HeldTurns<'a>,
    timing: Timing,
    /// Whether it ended with the job removed or replaced.
    gives_back: bool,
}

impl Pass<'_> {
    async fn drive(&mut self) -> Result<End, OutsideError> {
        let lock = match self.runner.locks.acquire(&self.plan.job).await {
            Ok(lock) => Some(lock),
            Err(OutsideError::Refused { what, message }) => {
                self.broken = Some(format!("{what}: {message}"));
                None
            }
            Err(error @ OutsideError::Unknown { .. }) => return Err(error),
        };
        let (mut state, mut effect) = step(self.plan, State::new(), Input::Begin);
        let end = loop {
            let Effect::Done(end) = effect else {
                let input = if self.gets_its_turns(&effect).await? {
                    self.carry_out_in_time(effect).await?
                } else {
                    Input::NotOurs
                };
                (state, effect) = step(self.plan, state, input);
                continue;
            };
            break end;
        };
        if let (End::Finished, Some(lock)) = (end, lock) {
            lock.release();
        }
        Ok(end)
    }

    /// Waits for the turns that an effect needs; false if the claim was lost meanwhile.
    async fn gets_its_turns(&mut self, effect: &Effect) -> Result<bool, OutsideError> {
        self.turns.pass_on();
        let job =
            JobInWave { comes_back: self.plan.next.is_some() && !self.plan.suspends, is_down: self.timing.is_down() };
        let needs = Needs::of(effect, job);
        if self.turns.are_enough(needs) {
            return Ok(true);
        }
        let (shared, began) = (self.shared, Instant::now());
        let mut turns = std::mem::take(&mut self.turns);
        let taking = self.holding.while_renewing(async {
            shared.turns.take(&mut turns, needs).await;
            Ok(())
        });
        let taken = taking.await?;
        self.turns = turns;
        let waited = began.elapsed();
        if waited >= WORTH_NOTING {
            self.timing.note("turn", waited);
        }
        Ok(taken.is_some())
    }

    async fn carry_out_in_time(&mut self, effect: Effect) -> Result<Input, OutsideError> {
        let began = Instant::now();
        let name = phase_name(&effect);
        tracing::debug!(phase = name, "begins");
        let about = self.spoken_of(&effect);
        let input = self.carry_out(effect).await?;
        self.timing.note(name, began.elapsed());
        Ok(self.without_secrets(input, &about))
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<Input, OutsideError> {
        match effect {
            Effect::TakeClaim => self.take_claim().await,
            Effect::SaveClaim(claim) => Ok(self.holding.save(claim).await?.map_or(Input::NotOurs, Input::Saved)),
            Effect::Look => self.look().await,
            Effect::LookAgain => {
                tokio::time::sleep(Duration::from_millis(self.plan.windows.passing_ms / 30)).await;
                self.look().await
            }
            Effect::Prepare(role) => self.prepare(role).await,
            Effect::Reserve { needed, freed } => {
                let (shared, operation) = (self.shared, self.plan.operation);
                let limit = Duration::from_millis(self.plan.windows.stop_ms);
                self.renewing(async {
                    let reserved = shared.capacity.reserve(operation, needed, freed, limit).await;
                    Ok(reserved.map_or_else(|free| Input::Short { free }, |()| Input::Reserved))
                })
                .await
            }
            Effect::Stop { run, trigger, directory } => self.stop(run, trigger, &directory).await,
            Effect::Savepoint { run, trigger, directory } => self.save(run, trigger, &directory).await,
            Effect::Cancel(run) => {
                let waiting = Waiting { limit: self.runner.times.cancel, poll: self.runner.times.poll };
                let cluster = self.runner.cluster.as_ref();
                self.timing.ending(self.runner.world.now());
                self.renewing(async {
                    let over = cancel(cluster, run, waiting).await?;
                    Ok(if over { Input::Cancelled } else { Input::Unknown })
                })
                .await
            }
            Effect::FindState(places) => {
                let files = self.runner.files.as_ref();
                self.renewing(async { Ok(Input::Found(find_newest(files, &places).await?)) }).await
            }
            Effect::ListStates(places) => {
                let files = self.runner.files.as_ref();
                self.renewing(async {
                    let mut listed = list_states(files, &places).await?;
                    listed.sort_by_key(|state| std::cmp::Reverse(state.checkpoint_id));
                    Ok(Input::Listed(listed))
                })
                .await
            }
            Effect::Submit { role, job_id, restore } => self.submit(role, job_id, restore.as_deref()).await,
            Effect::Watch(id) => {
                // Its turn is another's once all of it runs.
                let (mut healthy, mut turns) = (None, Some(std::mem::take(&mut self.turns)));
                let (windows, poll) = (self.plan.windows, self.runner.times.poll);
                let health = watch(self.runner.cluster.as_ref(), id, windows, poll, |since| {
                    healthy = Some(since);
                    turns = None;
                });
                let input = self.renewing(async { Ok(health.await?.map_or(Input::Unknown, Input::Watched)) }).await;
                self.turns = turns.unwrap_or_default();
                self.timing.watched(healthy, self.runner.world.now());
                input
            }
            Effect::WriteResult(outcome) => self.write_result(outcome).await,
            Effect::Done(_) => Ok(Input::Unknown),
        }
    }

    /// The secrets that Flink's answer to an effect may hold although this process never passed them on: the run may
    /// be one of a runner before.
    fn spoken_of(&self, effect: &Effect) -> Vec<SecretReference> {
        let next = matches!(effect, Effect::Watch(id) if *id == run_id(self.plan.operation));
        let launch = match effect {
            Effect::Watch(_) if next => self.plan.next.as_ref(),
            Effect::Watch(_) | Effect::Stop { .. } | Effect::Savepoint { .. } => {
                self.plan.previous.as_ref().map(|previous| &previous.launch)
            }
            Effect::TakeClaim
            | Effect::SaveClaim(_)
            | Effect::Look
            | Effect::LookAgain
            | Effect::Prepare(_)
            | Effect::Reserve { .. }
            | Effect::Cancel(_)
            | Effect::FindState(_)
            | Effect::ListStates(_)
            | Effect::Submit { .. }
            | Effect::WriteResult(_)
            | Effect::Done(_) => None,
        };
        launch.map(Launch::secrets).unwrap_or_default().into_iter().map(|(_, reference)| reference).collect()
    }

    /// What others said in their own words, before it gets into claims, results and logs.
    fn without_secrets(&self, input: Input, about: &[SecretReference]) -> Input {
        let told = |text: String| self.runner.secrets.told(&text, about);
        match input {
            Input::Watched(Health::Unstable(reason)) => Input::Watched(Health::Unstable(told(reason))),
            Input::Watched(Health::Ended(reason)) => Input::Watched(Health::Ended(told(reason))),
            Input::Watched(Health::NoSlots { reason, alive }) => {
                Input::Watched(Health::NoSlots { reason: told(reason), alive })
            }
            Input::Stopped(StopEnd::Failed(message)) => Input::Stopped(StopEnd::Failed(told(message))),
            Input::Submitted(SubmitEnd::Rejected(reason)) => Input::Submitted(SubmitEnd::Rejected(told(reason))),
            Input::Rejected(rejection) => {
                let message = told(rejection.message);
                Input::Rejected(Rejection { message, ..rejection })
            }
            Input::NoCluster(message) => Input::NoCluster(told(message)),
            Input::NoSecret(message) => Input::NoSecret(told(message)),
            Input::NodeBroken(message) => Input::NodeBroken(told(message)),
            Input::Watched(Health::Stable { .. } | Health::Complete)
            | Input::Stopped(StopEnd::Savepoint(_) | StopEnd::Gone | StopEnd::NotRunning)
            | Input::Submitted(SubmitEnd::Known)
            | Input::Begin
            | Input::Claimed(_)
            | Input::NotOurs
            | Input::Saved(_)
            | Input::Looked(_)
            | Input::Compiled(_)
            | Input::Reserved
            | Input::Short { .. }
            | Input::Cancelled
            | Input::Found(_)
            | Input::Listed(_)
            | Input::Written
            | Input::Unknown => input,
        }
    }

    async fn take_claim(&mut self) -> Result<Input, OutsideError> {
        let times = self.runner.times;
        let limit = times.lease + times.margin * 2 + Duration::from_secs(2);
        let mut tries = Waiting { limit, poll: times.poll }.tries();
        loop {
            match self.holding.take(self.plan.operation, self.runner.nonce).await? {
                ClaimAnswer::Ours(held) => return Ok(Input::Claimed(held.claim)),
                ClaimAnswer::Closed(_) => return Ok(Input::NotOurs),
                ClaimAnswer::Live => {
                    if !tries.again().await {
                        return Ok(Input::NotOurs);
                    }
                }
            }
        }
    }

    /// Carries out what may take long while the lease is renewed; a lost claim ends it.
    async fn renewing(
        &mut self,
        work: impl Future<Output = Result<Input, OutsideError>>,
    ) -> Result<Input, OutsideError> {
        Ok(self.holding.while_renewing(work).await?.unwrap_or(Input::NotOurs))
    }

    async fn look(&mut self) -> Result<Input, OutsideError> {
        if let Some(broken) = self.broken.clone() {
            return Ok(Input::NodeBroken(broken));
        }
        let (cluster, files, plan) = (self.runner.cluster.as_ref(), self.runner.files.as_ref(), self.plan);
        let claim = self.holding.claim().cloned();
        let looking = self.renewing(async {
            let look = match cluster.look().await {
                Ok(look) => look,
                Err(OutsideError::Refused { what, message }) => {
                    return Ok(Input::NoCluster(format!("{what}: {message}")));
                }
                Err(error @ OutsideError::Unknown { .. }) => return Err(error),
            };
            Ok(Input::Looked(job_look(cluster, files, plan, claim.as_ref(), &look).await?))
        });
        let looked = looking.await?;
        if let Input::Looked(seen) = &looked {
            self.timing.looked(plan, seen);
        }
        Ok(looked)
    }

    async fn prepare(&mut self, role: RunRole) -> Result<Input, OutsideError> {
        let launch = match role {
            RunRole::Next => self.plan.next.as_ref(),
            RunRole::Previous => self.plan.previous.as_ref().map(|p| &p.launch),
        };
        let Some(launch) = launch else { return Ok(Input::Unknown) };
        if let Some(rejection) = launch.refusal(self.runner.deployment.as_deref()) {
            return Ok(Input::Rejected(rejection));
        }
        let (submitter, key) = (Arc::clone(&self.runner.submitter), key_of(self.plan, role));
        self.renewing(async {
            Ok(match submitter.prepare(key, launch).await? {
                Prepared::Compiled { bounded, slots } => Input::Compiled(Compiled { bounded, slots }),
                Prepared::NodeBroken(message) => Input::NodeBroken(message),
                Prepared::Rejected(rejection) => Input::Rejected(rejection),
                Prepared::NoSecret(message) => Input::NoSecret(message),
            })
        })
        .await
    }

    async fn submit(&mut self, role: RunRole, id: JobId, restore: Option<&str>) -> Result<Input, OutsideError> {
        let (submitter, cluster) = (Arc::clone(&self.runner.submitter), Arc::clone(&self.runner.cluster));
        let key = key_of(self.plan, role);
        self.renewing(async {
            match submitter.submit(key, id, restore).await {
                Ok(Submitted::Accepted | Submitted::Duplicate) => Ok(Input::Submitted(SubmitEnd::Known)),
                Ok(Submitted::Rejected(reason)) | Err(OutsideError::Refused { message: reason, .. }) => {
                    Ok(Input::Submitted(SubmitEnd::Rejected(reason)))
                }
                // Unknown: only the JobManager can tell.
                Err(error @ OutsideError::Unknown { .. }) => match cluster.job(id).await? {
                    Some(_) => Ok(Input::Submitted(SubmitEnd::Known)),
                    None => Err(error),
                },
            }
        })
        .await
    }

    async fn write_result(&mut self, outcome: Outcome) -> Result<Input, OutsideError> {
        let result = OperationResult {
            differences: differences_of(self.runner.cluster.as_ref(), self.plan, &outcome).await,
            format: FORMAT,
            operation: self.plan.operation,
            job: self.plan.job.clone(),
            outcome,
            at: self.runner.world.now(),
            downtime_ms: self.timing.downtime_ms(),
            phases: std::mem::take(&mut self.timing.phases),
            no_savepoint: self
                .holding
                .claim()
                .and_then(|claim| claim.notes.went_on_without_savepoint().map(str::to_owned)),
        };
        let ended = matches!(result.outcome, Outcome::Removed { .. } | Outcome::Suspended { .. });
        self.gives_back = ended || matches!(result.outcome, Outcome::Deployed { .. });
        if let Some(why) = &result.no_savepoint {
            tracing::warn!(why, "no savepoint could be taken: the newest checkpoint takes its place");
        }
        tracing::info!(outcome = ?result.outcome, downtime_ms = result.downtime_ms, "result");
        let key = self.runner.keys.result(&self.plan.job, self.plan.operation);
        match self.runner.store.put(&key, write(&result), Precondition::Always).await? {
            Put::Written(_) | Put::Conflict => Ok(Input::Written),
        }
    }
}

/// The submitter's name for one of the two launches of an operation.
fn key_of(plan: &Plan, role: RunRole) -> JobId {
    match role {
        RunRole::Next => run_id(plan.operation),
        RunRole::Previous => lifecycle::ids::rollback_id(plan.operation),
    }
}
