//! One job in one invocation: drives its machine and carries out the effects over the ports.
//! Must not decide anything: which effect comes next is the machine's.

use std::sync::Arc;
use std::time::Duration;

use desired::diagnostics::SourceFile;
use desired::inputs::{Desired, Inputs};
use desired::manifest::{JobManifest, JobName, Meta, parse_deployed, render_deployed};
use desired::target::Target;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::record::{OpenOperation, Record};
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::write;
use lifecycle::facts::{Fact, Settled};
use lifecycle::ids::{BatchId, OperationId};
use lifecycle::orchestrate::{Dispatched, Effect, Finding, Input, Situation, State, following, step};
use lifecycle::reason::Reason;

use super::records::Versioned;
use super::trouble::Trouble;
use super::{Orchestrator, Round};
use crate::claims::{ClaimAnswer, Claims};
use crate::documents::fetch;
use crate::ports::{Child, Files, OutsideError, Precondition, Progress};

/// How long after it was ordered a batch may be sent and still not be listed: another invocation is about to send it, or the
/// lists lag.
const UNLISTED: Duration = Duration::from_secs(30);
/// How long a step or command may run before its runner takes the first claim.
const UNCLAIMED: Duration = Duration::from_mins(15);

/// One job in one invocation.
pub(super) struct Job<'a> {
    orchestrator: &'a Orchestrator,
    round: &'a Round,
    name: &'a JobName,
    /// The record that was read with all others; used once.
    record: Option<Versioned>,
    /// The record as last read or written.
    known: Option<Box<Record>>,
    /// The result that was read last.
    result: Option<Box<OperationResult>>,
    condition: Precondition,
    inputs: Option<Arc<Inputs>>,
    situation: Option<Situation>,
    /// The highest version with state directories, looked for where the record gave none out.
    version_floor: u32,
}

impl<'a> Job<'a> {
    pub(super) fn new(orchestrator: &'a Orchestrator, round: &'a Round, name: &'a JobName, record: Versioned) -> Self {
        Self {
            orchestrator,
            round,
            name,
            record: Some(record),
            known: None,
            result: None,
            condition: Precondition::Absent,
            inputs: None,
            situation: None,
            version_floor: 0,
        }
    }

    pub(super) async fn drive(mut self) -> Result<Finding, Trouble> {
        let mut input = Input::Begin;
        let mut state = State::new();
        loop {
            let situation = self.situation();
            let (next, effect) = step(self.name, &situation, state, input);
            state = next;
            input = match effect {
                Effect::Done(finding) => return Ok(self.told(*finding)),
                effect => self.carry_out(effect).await?,
            };
        }
    }

    /// A plan orders nothing, and tells what comes after the operation under way as well.
    fn told(&self, mut finding: Finding) -> Finding {
        if self.round.dry && matches!(finding.reason, Reason::Ordered { .. }) {
            finding.reason = Reason::Planned;
        }
        let waits = matches!(finding.reason, Reason::Waits { .. });
        let (Some(record), Some(situation)) = (&self.known, &self.situation) else { return finding };
        if !self.round.dry || !waits {
            return finding;
        }
        let desired = self.inputs.as_ref().unwrap_or(&self.round.inputs).desired(self.name).0;
        Finding { following: following(record, &desired, situation), ..finding }
    }

    /// The same operation id through the whole pass; a fresh nonce for every write.
    fn situation(&mut self) -> Situation {
        let Orchestrator { world, settings, .. } = self.orchestrator;
        let inputs = self.inputs.as_ref().unwrap_or(&self.round.inputs);
        let (_, etags) = inputs.desired(self.name);
        let written = inputs.written(self.name).cloned();
        let note = inputs.note(self.name).cloned();
        let config = Some(inputs.configuration());
        let now = world.now();
        let fresh = || Situation {
            now,
            operation: world.fresh_id().into(),
            nonce: world.fresh_id().into(),
            batch: self.round.batch,
            query_id: world.query_id(),
            created: world.local_time(now),
            by: self.round.by.clone(),
            etags: Vec::new(),
            config: None,
            source: settings.source,
            version_floor: 0,
            written: None,
            note: None,
            patience: settings.patience,
            windows: settings.windows,
            removals_held: self.round.removals_held,
            clean_starts_held: self.round.clean_starts_held,
            sweep: self.round.sweep,
            lost: self.round.lost.get(self.name).copied(),
            urgent: self.round.urgent,
            seen: self.round.seen.clone(),
            learned: self.round.learned.get(self.name).copied(),
            ordered: self.round.ordered.clone(),
        };
        let known = self.situation.take().unwrap_or_else(fresh);
        let (nonce, version_floor) = (world.fresh_id().into(), self.version_floor);
        let situation = Situation { nonce, etags, config, written, note, version_floor, ..known };
        self.situation = Some(situation.clone());
        situation
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<Input, Trouble> {
        let orchestrator = self.orchestrator;
        match effect {
            Effect::ReadRecord => {
                let (record, condition) = if let Some(read) = self.record.take() {
                    read
                } else {
                    // Read again after a conflict: what is desired has to be read again after it, too.
                    let read = orchestrator.record(self.name).await.map_err(Trouble::Reading)?;
                    self.inputs = Some(Arc::new(orchestrator.desired.load().await?));
                    read
                };
                self.condition = condition;
                self.known.clone_from(&record);
                if let Some(open) = record.as_ref().and_then(|record| record.open.as_ref()) {
                    about(open.plan.operation, open.batch);
                }
                Ok(Input::Record(record))
            }
            Effect::ReadDeployed => {
                let deployed = self.deployed().await.map_err(Trouble::Reading)?;
                Ok(Input::Deployed(deployed.map(Box::new)))
            }
            Effect::ReadDesired => {
                let inputs = self.inputs.as_ref().unwrap_or(&self.round.inputs);
                if let Some((file, why)) = inputs.not_now(self.name) {
                    return Err(Trouble::Reading(OutsideError::unknown(format!("reading {file}"), why)));
                }
                let desired = inputs.desired(self.name).0;
                let none_given_out = self.known.as_ref().is_none_or(|record| record.highest_version == 0);
                if let (Desired::Target(target), true) = (&desired, none_given_out) {
                    self.version_floor = highest_version(orchestrator.files.as_ref(), target).await?;
                }
                Ok(Input::Desired(desired))
            }
            Effect::ReadResult(operation) => {
                let key = orchestrator.settings.keys.result(self.name, operation);
                let found = fetch::<OperationResult>(orchestrator.store.as_ref(), &key).await;
                let found = found.map_err(Trouble::Reading)?;
                self.result = found.map(|(result, _)| Box::new(result));
                Ok(Input::Result(self.result.clone()))
            }
            Effect::AskDispatch(batch) => {
                let found = self.round.asked.find(orchestrator.dispatcher.as_ref(), batch).await?;
                Ok(Input::Dispatched(match found {
                    Progress::NotFound if self.age() < UNLISTED => Dispatched::Waiting,
                    Progress::NotFound => Dispatched::Never,
                    Progress::Pending(_) => Dispatched::Waiting,
                    Progress::Running(_) => Dispatched::Running,
                    Progress::Ended(_) => Dispatched::Over,
                }))
            }
            Effect::CloseClaim(operation) => self.close_claim(operation, Duration::ZERO).await,
            Effect::CloseLapsedClaim(operation) => self.close_claim(operation, UNCLAIMED).await,
            Effect::WritePlan(plan) => {
                about(plan.operation, self.round.batch);
                if !self.round.dry {
                    let key = orchestrator.settings.keys.plan(plan.operation);
                    orchestrator.store.put(&key, write(plan.as_ref()), Precondition::Always).await?;
                }
                Ok(Input::Written)
            }
            Effect::Project(projection) => Ok(self.project(projection).await?),
            Effect::WriteRecord(record) => {
                if self.round.dry {
                    return Ok(Input::Written);
                }
                match orchestrator.put_record(&record, self.known.as_deref(), self.condition.clone()).await? {
                    Some(etag) => {
                        self.condition = Precondition::Unchanged(etag);
                        self.written(record);
                        Ok(Input::Written)
                    }
                    None => Ok(Input::Conflict),
                }
            }
            Effect::Dispatch(plan) => {
                self.round.plans.lock().await.push(*plan);
                Ok(Input::Written)
            }
            Effect::Done(_) => Ok(Input::Conflict),
        }
    }

    /// Whoever wins the write that settles an operation tells of it, and nobody else.
    fn written(&mut self, record: Box<Record>) {
        if let Some(settled) = Settled::between(self.known.as_deref(), &record, self.result.as_deref()) {
            tracing::info!(change = %settled.change, outcome = %settled.outcome, "settled");
            self.orchestrator.facts.note(&Fact::Settled(settled));
        }
        self.known = Some(record);
    }

    async fn deployed(&self) -> Result<Option<(Target, Meta)>, OutsideError> {
        let Orchestrator { store, settings, .. } = self.orchestrator;
        let key = settings.keys.manifest(self.name);
        let Some(object) = store.get(&key).await? else { return Ok(None) };
        let file = SourceFile::new(key.clone(), object.bytes);
        let (manifest, meta) = parse_deployed(&file).map_err(|errors| {
            let why = errors.first().map_or_else(String::new, ToString::to_string);
            let help = "put back an earlier version of this object, or delete it if the job is new";
            OutsideError::refused(format!("reading {key}"), format!("{why} ({help})"))
        })?;
        let inputs = self.inputs.as_ref().unwrap_or(&self.round.inputs);
        let Some(tables) = &inputs.tables else {
            return Err(OutsideError::refused(
                "taking over a job of the Python tool",
                format!("the table definitions were refused: {}", inputs.way_out_of_config()),
            ));
        };
        Ok(Some((Target::of(manifest, tables, &settings.timestamp_field), meta)))
    }

    /// Closes a claim that nobody may act on any more; where there is none, only this long after it was sent.
    async fn close_claim(&self, operation: OperationId, unclaimed: Duration) -> Result<Input, Trouble> {
        if self.round.dry {
            return Ok(Input::Held);
        }
        let Orchestrator { store, world, settings, .. } = self.orchestrator;
        let claims =
            Claims { store: store.as_ref(), keys: &settings.keys, world: world.as_ref(), margin: settings.margin };
        if self.age() < unclaimed && claims.get(operation).await.map_err(Trouble::Reading)?.is_none() {
            return Ok(Input::Held);
        }
        Ok(match claims.close(operation).await.map_err(Trouble::Reading)? {
            ClaimAnswer::Closed(claim) => Input::Closed(Some(claim).filter(|c: &Claim| c.lease_ms > 0).map(Box::new)),
            ClaimAnswer::Live | ClaimAnswer::Ours(_) => Input::Held,
        })
    }

    /// How long ago the open operation was sent, or was about to be.
    fn age(&self) -> Duration {
        let sent = self.known.as_ref().and_then(|record| record.open.as_ref()).map(OpenOperation::last_sent);
        let now = self.orchestrator.world.now();
        sent.and_then(|at| Duration::try_from(now.duration_since(at)).ok()).unwrap_or_default()
    }

    async fn project(&self, projection: Option<(Box<JobManifest>, Meta)>) -> Result<Input, OutsideError> {
        if self.round.dry {
            return Ok(Input::Written);
        }
        let Orchestrator { store, settings, .. } = self.orchestrator;
        let key = settings.keys.manifest(self.name);
        match projection {
            Some((manifest, meta)) => {
                let text = render_deployed(&manifest, &meta);
                store.put(&key, text.into_bytes(), Precondition::Always).await?;
            }
            None => store.delete(&key).await?,
        }
        Ok(Input::Written)
    }
}

/// From here on every line of the log names this operation.
fn about(operation: OperationId, batch: BatchId) {
    let span = tracing::Span::current();
    span.record("operation", tracing::field::display(operation)).record("batch", tracing::field::display(batch));
}

/// The highest version that left state directories: a lost record must not give its version out again.
async fn highest_version(files: &dyn Files, target: &Target) -> Result<u32, OutsideError> {
    let mut highest = 0;
    for directory in [target.checkpoint_directory(), target.savepoint_directory()] {
        let children = match files.children(directory.trim_end_matches('/')).await {
            Ok(children) => children,
            // A node's own disk, or no right to list: nothing can be known from here.
            Err(OutsideError::Refused { .. }) => continue,
            Err(error @ OutsideError::Unknown { .. }) => return Err(error),
        };
        for child in children {
            if let Child::Directory(name) = child {
                highest = highest.max(name.parse().unwrap_or(0));
            }
        }
    }
    Ok(highest)
}
