//! One pass over one operation: drives its machine and carries out the effects while the lease is renewed.
//! Must not decide anything: which effect comes next is the machine's.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::batch::{FORMAT, OperationResult};
use lifecycle::claim::Claim;
use lifecycle::documents::write;
use lifecycle::execute::{
    Compiled, Effect, End, Health, Input, Outcome, Rejection, Role, State, StopEnd, SubmitEnd, step,
};
use lifecycle::ids::{JobId, run_id};
use lifecycle::plan::{Launch, Plan};
use lifecycle::secrets::SecretReference;
use tokio::time::Instant;

use super::seen::job_look;
use super::timing::{Timing, phase_name};
use super::turns::Turn;
use super::{Runner, Shared};
use crate::claims::{ClaimAnswer, Claims, Held};
use crate::end_run::{Waiting, cancel, stop};
use crate::health::watch;
use crate::ports::{Condition, OutsideError, Prepared, Put, Submitted};
use crate::search::{find_newest, list_states};

impl Runner {
    pub(super) async fn operation(&self, plan: Plan, shared: &Shared) -> Result<End, OutsideError> {
        let lock = self.locks.acquire(&plan.job).await?;
        let mut pass = Pass {
            runner: self,
            plan: &plan,
            shared,
            held: None,
            renewed: Instant::now(),
            turn: None,
            timing: Timing::default(),
        };
        let (mut state, mut effect) = step(&plan, State::new(), Input::Begin);
        let end = loop {
            let Effect::Done(end) = effect else {
                let input = if pass.gets_its_turn(&effect).await? {
                    pass.carry_out_in_time(effect).await?
                } else {
                    Input::NotOurs
                };
                (state, effect) = step(&plan, state, input);
                continue;
            };
            break end;
        };
        if end == End::Finished {
            lock.release();
        }
        Ok(end)
    }
}

/// One pass over one operation.
struct Pass<'a> {
    runner: &'a Runner,
    plan: &'a Plan,
    shared: &'a Shared,
    held: Option<Held>,
    renewed: Instant,
    /// The turn to stop or start that is held.
    turn: Option<Turn<'a>>,
    timing: Timing,
}

impl Pass<'_> {
    fn claims(&self) -> Claims<'_> {
        let Runner { store, keys, world, times, .. } = self.runner;
        Claims { store: store.as_ref(), keys, world: world.as_ref(), margin: times.margin }
    }

    /// Waits for the turn that an effect needs; false if the claim was lost meanwhile.
    async fn gets_its_turn(&mut self, effect: &Effect) -> Result<bool, OutsideError> {
        // A run that is watched keeps its turn until all of it runs.
        if !matches!(effect, Effect::Watch(_)) {
            self.turn = None;
        }
        let shared = self.shared;
        let Some(turns) = shared.turns.of(effect) else { return Ok(true) };
        self.turn = turns.try_acquire().ok();
        if self.turn.is_none() {
            let began = Instant::now();
            self.turn = self.while_renewing(async { Ok(turns.acquire().await.ok()) }).await?.flatten();
            self.timing.note("turn", began.elapsed());
        }
        Ok(self.turn.is_some())
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
            Effect::SaveClaim(claim) => self.save_claim(claim).await,
            Effect::Look => self.look().await,
            Effect::LookAgain => {
                tokio::time::sleep(Duration::from_millis(self.plan.windows.passing_ms / 30)).await;
                self.look().await
            }
            Effect::Prepare(role) => self.prepare(role).await,
            Effect::Reserve { needed, freed } => {
                let reserved = self.shared.capacity.reserve(needed, freed).await;
                Ok(reserved.map_or_else(|free| Input::Short { free }, |()| Input::Reserved))
            }
            Effect::Stop { run, trigger, directory } => {
                let waiting =
                    Waiting { limit: Duration::from_millis(self.plan.windows.stop_ms), poll: self.runner.times.poll };
                let cluster = self.runner.cluster.as_ref();
                self.timing.ending(self.runner.world.now());
                self.renewing(async {
                    let end = stop(cluster, run, trigger, &directory, waiting).await?;
                    Ok(end.map_or(Input::Unknown, Input::Stopped))
                })
                .await
            }
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
            Effect::FindState(places) => Ok(Input::Found(find_newest(self.runner.files.as_ref(), &places).await?)),
            Effect::ListStates(places) => {
                let mut listed = list_states(self.runner.files.as_ref(), &places).await?;
                listed.sort_by_key(|state| std::cmp::Reverse(state.checkpoint_id));
                Ok(Input::Listed(listed))
            }
            Effect::Submit { role, job_id, restore } => self.submit(role, job_id, restore.as_deref()).await,
            Effect::Watch(id) => {
                let (mut healthy, mut turn) = (None, self.turn.take());
                let (windows, poll) = (self.plan.windows, self.runner.times.poll);
                let health = watch(self.runner.cluster.as_ref(), id, windows, poll, |since| {
                    healthy = Some(since);
                    turn = None;
                });
                let input = self.renewing(async { Ok(health.await?.map_or(Input::Unknown, Input::Watched)) }).await;
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
            Effect::Watch(_) | Effect::Stop { .. } => self.plan.previous.as_ref().map(|previous| &previous.launch),
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
        let limit = Instant::now() + times.lease + times.margin * 2 + Duration::from_secs(2);
        loop {
            self.renewed = Instant::now();
            match self.claims().take(self.plan.operation, self.runner.nonce, times.lease).await? {
                ClaimAnswer::Ours(held) => {
                    let claim = held.claim.clone();
                    self.held = Some(held);
                    return Ok(Input::Claimed(claim));
                }
                ClaimAnswer::Closed(_) => return Ok(Input::NotOurs),
                ClaimAnswer::Live if Instant::now() > limit => return Ok(Input::NotOurs),
                ClaimAnswer::Live => tokio::time::sleep(times.poll).await,
            }
        }
    }

    async fn save_claim(&mut self, claim: Claim) -> Result<Input, OutsideError> {
        let Some(held) = &self.held else { return Ok(Input::NotOurs) };
        let began = Instant::now();
        let written = self.claims().write(claim, Condition::Unchanged(held.etag.clone())).await?;
        let Some(held) = written else { return Ok(Input::NotOurs) };
        self.renewed = began;
        let claim = held.claim.clone();
        self.held = Some(held);
        Ok(Input::Saved(claim))
    }

    /// Renews the lease by a write that changes nothing else.
    async fn renew(&mut self) -> Result<bool, OutsideError> {
        let Some(held) = &self.held else { return Ok(false) };
        let claim = held.claim.clone();
        Ok(matches!(self.save_claim(claim).await?, Input::Saved(_)))
    }

    /// Carries out what may take long while the lease is renewed; a lost claim ends it.
    async fn renewing(
        &mut self,
        work: impl Future<Output = Result<Input, OutsideError>>,
    ) -> Result<Input, OutsideError> {
        Ok(self.while_renewing(work).await?.unwrap_or(Input::NotOurs))
    }

    /// What comes of the work; nothing if the claim was lost before.
    async fn while_renewing<T>(
        &mut self,
        work: impl Future<Output = Result<T, OutsideError>>,
    ) -> Result<Option<T>, OutsideError> {
        let pause = self.runner.times.lease / 3;
        if self.renewed.elapsed() > pause && !self.renew().await? {
            return Ok(None);
        }
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done.map(Some),
                () = tokio::time::sleep(pause) => {
                    if !self.renew().await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn look(&mut self) -> Result<Input, OutsideError> {
        let cluster = self.runner.cluster.as_ref();
        let look = match cluster.look().await {
            Ok(look) => look,
            Err(OutsideError::Refused { what, message }) => return Ok(Input::NoCluster(format!("{what}: {message}"))),
            Err(error @ OutsideError::Unknown { .. }) => return Err(error),
        };
        let claim = self.held.as_ref().map(|held| &held.claim);
        let seen = job_look(cluster, self.runner.files.as_ref(), self.plan, claim, &look).await?;
        self.timing.looked(self.plan, &seen);
        Ok(Input::Looked(seen))
    }

    async fn prepare(&mut self, role: Role) -> Result<Input, OutsideError> {
        let launch = match role {
            Role::Next => self.plan.next.as_ref(),
            Role::Previous => self.plan.previous.as_ref().map(|p| &p.launch),
        };
        let Some(launch) = launch else { return Ok(Input::Unknown) };
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

    async fn submit(&mut self, role: Role, id: JobId, restore: Option<&str>) -> Result<Input, OutsideError> {
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
            format: FORMAT,
            operation: self.plan.operation,
            job: self.plan.job.clone(),
            outcome,
            at: self.runner.world.now(),
            downtime_ms: self.timing.downtime_ms(),
            phases: std::mem::take(&mut self.timing.phases),
        };
        tracing::info!(outcome = ?result.outcome, downtime_ms = result.downtime_ms, "result");
        let key = self.runner.keys.result(&self.plan.job, self.plan.operation);
        match self.runner.store.put(&key, write(&result), Condition::Always).await? {
            Put::Written(_) | Put::Conflict => Ok(Input::Written),
        }
    }
}

/// The submitter's name for one of the two launches of an operation.
fn key_of(plan: &Plan, role: Role) -> JobId {
    match role {
        Role::Next => run_id(plan.operation),
        Role::Previous => lifecycle::ids::rollback_id(plan.operation),
    }
}
