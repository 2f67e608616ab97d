//! The orchestrator's shell: drives the machine of every job concerned, then sends what was ordered as one batch.
//! Must not decide anything about a job; which jobs an event concerns is all it works out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lifecycle::batch::{Batch, BatchItem, Expected, FORMAT, ObservedDocument, OperationResult, Receipt};
use lifecycle::claim::Claim;
use lifecycle::documents::{DocumentError, read, write};
use lifecycle::ids::{BatchId, Digest, Hex32, OperationId};
use lifecycle::inputs::Inputs;
use lifecycle::keys::Keys;
use lifecycle::manifest::{JobName, Meta, Policy, parse_deployed, render_deployed};
use lifecycle::orchestrate::{Desired, Dispatched, Effect, Finding, Input, Lost, Patience, Situation, State, step};
use lifecycle::plan::{Plan, Windows};
use lifecycle::record::{Allow, Permission, Record, Source};
use lifecycle::target::Target;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::claims::{ClaimAnswer, Claims};
use crate::ports::{Child, Condition, Dispatcher, Etag, Files, Order, OutsideError, Progress, Put, Store, World};
use crate::uploads;

/// How many jobs are worked on at one time.
const JOBS: usize = 16;

/// What the orchestrator is set to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The keys of every document.
    pub keys: Keys,
    /// What manifests may bring.
    pub policy: Policy,
    /// The name of the time stamp column; empty for none.
    pub timestamp_field: String,
    /// How failed targets are tried again.
    pub patience: Patience,
    /// The time spans of plans.
    pub windows: Windows,
    /// How much longer than its lease a runner is left alone.
    pub margin: Duration,
    /// How many removals may be under way before the guard holds the rest.
    pub removals: usize,
    /// Where desired manifests come from.
    pub source: Source,
}

/// Which jobs are looked after, and how.
#[derive(Clone, Debug)]
pub enum Scope {
    /// These.
    Jobs(BTreeSet<JobName>),
    /// Every job, without a look at the cluster: configuration changed.
    All,
    /// Every job, and one look at the cluster.
    Redeploy,
    /// Open operations and due retries.
    Sweep,
    /// The jobs of a batch whose step or command is over.
    Ended(BTreeSet<JobName>),
    /// The jobs whose runs a look did not show alive.
    Observed(Box<ObservedDocument>),
}

/// What was found about each job, and the batch that was sent.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was found, by job.
    pub findings: BTreeMap<JobName, Finding>,
    /// The batch, if anything had to be sent.
    pub batch: Option<BatchId>,
    /// The step or command that carries it.
    pub dispatched_as: Option<String>,
    /// Jobs that could not be looked after, with the reason.
    pub troubles: BTreeMap<JobName, String>,
    /// The verdicts over the uploaded files.
    pub inputs: Option<Inputs>,
}

/// Where what is desired is read from.
#[async_trait::async_trait]
pub trait DesiredSource: Send + Sync {
    /// The names that some file is about.
    async fn names(&self) -> Result<BTreeSet<JobName>, OutsideError>;
    /// All files, judged.
    async fn load(&self) -> Result<Inputs, OutsideError>;
    /// Tells people what was refused.
    async fn tell(&self, inputs: &Inputs) -> Result<(), OutsideError>;
}

/// The uploaded files in the bucket.
pub struct Uploads {
    /// The bucket.
    pub store: Arc<dyn Store>,
    /// Its keys.
    pub keys: Keys,
    /// What manifests may bring.
    pub policy: Policy,
    /// The name of the time stamp column.
    pub timestamp_field: String,
}

#[async_trait::async_trait]
impl DesiredSource for Uploads {
    async fn names(&self) -> Result<BTreeSet<JobName>, OutsideError> {
        uploads::stems(self.store.as_ref(), &self.keys).await
    }
    async fn load(&self) -> Result<Inputs, OutsideError> {
        uploads::load(&self.store, &self.keys, &self.policy, &self.timestamp_field).await
    }
    async fn tell(&self, inputs: &Inputs) -> Result<(), OutsideError> {
        uploads::tell(self.store.as_ref(), &self.keys, inputs).await
    }
}

/// What the orchestrator works with.
pub struct Orchestrator {
    /// The bucket.
    pub store: Arc<dyn Store>,
    /// What is desired.
    pub desired: Arc<dyn DesiredSource>,
    /// The way to the node.
    pub dispatcher: Arc<dyn Dispatcher>,
    /// Where state lies, as far as it can be listed from here.
    pub files: Arc<dyn Files>,
    /// Time and fresh ids.
    pub world: Arc<dyn World>,
    /// What it is set to.
    pub settings: Settings,
}

/// One invocation: what its jobs share.
struct Round {
    by: String,
    batch: BatchId,
    sweep: bool,
    lost: BTreeMap<JobName, Lost>,
    removals_held: bool,
    inputs: Arc<Inputs>,
    ordered: Mutex<Vec<Plan>>,
    /// Only looking: nothing is written, nothing is sent.
    dry: bool,
}

/// A record with the version that the next write depends on.
type Versioned = (Option<Box<Record>>, Condition);

impl Orchestrator {
    /// Looks after the jobs in `scope` and sends what was ordered.
    pub async fn run(self: Arc<Self>, scope: Scope, by: &str) -> Result<Report, OutsideError> {
        self.round(scope, by, false).await
    }

    /// Works out what `run` would do; writes and sends nothing.
    pub async fn plan(self: Arc<Self>, scope: Scope, by: &str) -> Result<Report, OutsideError> {
        self.round(scope, by, true).await
    }

    async fn round(self: Arc<Self>, scope: Scope, by: &str, dry: bool) -> Result<Report, OutsideError> {
        let (names, sweep, look, lost) = self.concerned(scope).await?;
        // Records first, then what is desired: the other way round an old wish could undo a newer one.
        let records = self.records(&names).await?;
        let inputs = Arc::new(self.desired.load().await?);
        if !dry {
            self.desired.tell(&inputs).await?;
        }
        let removals_held = self.removals_held(&inputs).await?;
        let round = Arc::new(Round {
            by: by.to_owned(),
            batch: self.world.fresh_id(),
            sweep,
            lost,
            removals_held,
            inputs: Arc::clone(&inputs),
            ordered: Mutex::new(Vec::new()),
            dry,
        });
        let mut report = Arc::clone(&self).look_after(&round, records).await;
        report.inputs = Some((*inputs).clone());
        let plans = std::mem::take(&mut *round.ordered.lock().await);
        if !dry && (look || !plans.is_empty()) {
            let expected = if look { expected(&report) } else { Vec::new() };
            let dispatched = self.dispatch(round.batch, &plans, expected, look).await?;
            report.batch = Some(round.batch);
            report.dispatched_as = Some(dispatched);
        }
        Ok(report)
    }

    /// The jobs of a scope, whether to sweep, whether to look, and the runs that were not seen alive.
    async fn concerned(
        &self,
        scope: Scope,
    ) -> Result<(BTreeSet<JobName>, bool, bool, BTreeMap<JobName, Lost>), OutsideError> {
        Ok(match scope {
            Scope::Jobs(names) => (names, false, false, BTreeMap::new()),
            Scope::Ended(names) => (names, true, false, BTreeMap::new()),
            Scope::All => (self.all_names().await?, false, false, BTreeMap::new()),
            Scope::Redeploy => (self.all_names().await?, true, true, BTreeMap::new()),
            Scope::Sweep => (self.all_names().await?, true, false, BTreeMap::new()),
            Scope::Observed(document) => {
                let lost: BTreeMap<JobName, Lost> = document
                    .missing()
                    .map(|e| (e.job.clone(), Lost { job_id: e.job_id, revision: e.revision }))
                    .collect();
                (lost.keys().cloned().collect(), false, false, lost)
            }
        })
    }

    async fn all_names(&self) -> Result<BTreeSet<JobName>, OutsideError> {
        let keys = &self.settings.keys;
        let mut names = self.desired.names().await?;
        for listed in self.store.list(&keys.records()).await? {
            names.extend(keys.job_of_record(&listed.key).and_then(|name| JobName::try_from(name).ok()));
        }
        for listed in self.store.list(&keys.manifests()).await? {
            names.extend(keys.job_of_manifest(&listed.key).and_then(|name| JobName::try_from(name).ok()));
        }
        Ok(names)
    }

    /// Deployed names without a file; one by one deletions count together.
    async fn removals_held(&self, inputs: &Inputs) -> Result<bool, OutsideError> {
        let keys = &self.settings.keys;
        let desired: BTreeSet<JobName> = inputs.names().into_iter().collect();
        let listed = self.store.list(&keys.manifests()).await?;
        let deployed =
            listed.iter().filter_map(|l| keys.job_of_manifest(&l.key)).filter_map(|n| JobName::try_from(n).ok());
        Ok(deployed.filter(|name| !desired.contains(name)).count() > self.settings.removals)
    }

    async fn records(self: &Arc<Self>, names: &BTreeSet<JobName>) -> Result<Vec<(JobName, Versioned)>, OutsideError> {
        let mut reads = JoinSet::new();
        let mut rest = names.iter().cloned();
        let mut found = Vec::new();
        loop {
            while reads.len() < JOBS {
                let Some(name) = rest.next() else { break };
                let this = Arc::clone(self);
                reads.spawn(async move { this.record(&name).await.map(|record| (name, record)) });
            }
            match reads.join_next().await {
                None => return Ok(found),
                Some(Ok(read)) => found.push(read?),
                Some(Err(error)) => return Err(OutsideError::unknown("reading the records", error)),
            }
        }
    }

    async fn record(&self, name: &JobName) -> Result<Versioned, OutsideError> {
        let key = self.settings.keys.record(name);
        Ok(match self.store.get(&key).await? {
            None => (None, Condition::Absent),
            Some(object) => (Some(Box::new(parsed(&key, &object.bytes)?)), Condition::Unchanged(object.etag)),
        })
    }

    async fn look_after(self: Arc<Self>, round: &Arc<Round>, records: Vec<(JobName, Versioned)>) -> Report {
        let mut report = Report::default();
        let mut jobs = JoinSet::new();
        let mut rest = records.into_iter();
        loop {
            while jobs.len() < JOBS {
                let Some((name, record)) = rest.next() else { break };
                let (this, round) = (Arc::clone(&self), Arc::clone(round));
                jobs.spawn(async move {
                    let found = Job {
                        orchestrator: &this,
                        round: &round,
                        name: &name,
                        record: Some(record),
                        condition: Condition::Absent,
                        inputs: None,
                        situation: None,
                        version_floor: 0,
                    };
                    let found = found.drive().await;
                    (name, found)
                });
            }
            match jobs.join_next().await {
                None => return report,
                Some(Ok((name, Ok(finding)))) => {
                    tracing::info!(job = %name, reason = %finding.reason, "looked after");
                    report.findings.insert(name, finding);
                }
                // One job's trouble never stops another's.
                Some(Ok((name, Err(error)))) => {
                    let error = crate::runner::error_chain(&error);
                    tracing::error!(job = %name, error, "could not be looked after");
                    report.troubles.insert(name, error);
                }
                Some(Err(error)) => tracing::error!(%error, "a job's task broke"),
            }
        }
    }

    /// The batch, then the look for its id, then the one call that is never repeated, then the receipt.
    async fn dispatch(
        &self,
        id: BatchId,
        plans: &[Plan],
        expected: Vec<Expected>,
        look: bool,
    ) -> Result<String, OutsideError> {
        let keys = &self.settings.keys;
        let item = |plan: &Plan| BatchItem {
            job: plan.job.clone(),
            operation: plan.operation,
            plan: keys.plan(plan.operation),
            digest: Digest::of(&write(plan)),
        };
        let batch =
            Batch { format: FORMAT, id, at: self.world.now(), items: plans.iter().map(item).collect(), expected, look };
        let bytes = write(&batch);
        let order = Order { batch: id, key: keys.batch(id), digest: Digest::of(&bytes) };
        self.store.put(&order.key, bytes, Condition::Always).await?;
        let dispatched_as = match self.dispatcher.find(id).await? {
            Progress::NotFound => self.dispatcher.send(&order).await?,
            Progress::Pending(step) | Progress::Running(step) | Progress::Ended(step) => step,
        };
        let receipt = Receipt { format: FORMAT, batch: id, dispatched_as: dispatched_as.clone(), at: self.world.now() };
        self.store.put(&keys.receipt(id), write(&receipt), Condition::Always).await?;
        Ok(dispatched_as)
    }

    /// Notes a permission in a job's record.
    pub async fn allow(
        &self,
        name: &JobName,
        permission: Permission,
        run: Option<Hex32>,
        by: &str,
    ) -> Result<(), OutsideError> {
        for _ in 0..8 {
            let (record, condition) = self.record(name).await?;
            let nonce = self.world.fresh_id();
            let mut record =
                record.map_or_else(|| Record::fresh(name.clone(), nonce, self.settings.source), |r| r.revised(nonce));
            record.allows.push(Allow { permission, run, by: by.to_owned(), at: self.world.now() });
            if permission != Permission::Remove {
                record.forget_troubles();
            }
            if self.put_record(&record, condition).await?.is_some() {
                return Ok(());
            }
        }
        Err(OutsideError::refused("writing the record", "others keep writing it; try again"))
    }

    /// Writes a record; nothing if somebody else did. One's own nonce means that only the reply was lost.
    async fn put_record(&self, record: &Record, condition: Condition) -> Result<Option<Etag>, OutsideError> {
        let key = self.settings.keys.record(&record.name);
        let lost = match self.store.put(&key, write(record), condition).await {
            Ok(Put::Written(etag)) => return Ok(Some(etag)),
            Ok(Put::Conflict) => None,
            Err(error @ OutsideError::Refused { .. }) => return Err(error),
            Err(error @ OutsideError::Unknown { .. }) => Some(error),
        };
        match self.store.get(&key).await? {
            Some(object) if parsed::<Record>(&key, &object.bytes)?.nonce == record.nonce => Ok(Some(object.etag)),
            Some(_) | None => lost.map_or(Ok(None), Err),
        }
    }
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

fn expected(report: &Report) -> Vec<Expected> {
    let run = |(name, finding): (&JobName, &Finding)| {
        finding.expected.map(|(job_id, revision)| Expected { job: name.clone(), job_id, revision })
    };
    report.findings.iter().filter_map(run).collect()
}

fn parsed<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, OutsideError> {
    read(bytes).map_err(|error: DocumentError| OutsideError::refused(key, crate::runner::error_chain(&error)))
}

/// One job in one invocation.
struct Job<'a> {
    orchestrator: &'a Orchestrator,
    round: &'a Round,
    name: &'a JobName,
    /// The record that was read with all others; used once.
    record: Option<Versioned>,
    condition: Condition,
    inputs: Option<Arc<Inputs>>,
    situation: Option<Situation>,
    /// The highest version with state directories, looked for where no record knows any.
    version_floor: u32,
}

impl Job<'_> {
    async fn drive(mut self) -> Result<Finding, OutsideError> {
        let mut input = Input::Begin;
        let mut state = State::new();
        loop {
            let situation = self.situation();
            let (next, effect) = step(self.name, &situation, state, input);
            state = next;
            input = match effect {
                Effect::Done(finding) => return Ok(*finding),
                effect => self.carry_out(effect).await?,
            };
        }
    }

    /// The same operation id through the whole pass; a fresh nonce for every write.
    fn situation(&mut self) -> Situation {
        let Orchestrator { world, settings, .. } = self.orchestrator;
        let inputs = self.inputs.as_ref().unwrap_or(&self.round.inputs);
        let (_, etags) = inputs.desired(self.name);
        let now = world.now();
        let fresh = || Situation {
            now,
            operation: world.fresh_id(),
            nonce: world.fresh_id(),
            batch: self.round.batch,
            query_id: world.query_id(),
            created: world.local_time(now),
            by: self.round.by.clone(),
            etags: Vec::new(),
            source: settings.source,
            version_floor: 0,
            patience: settings.patience,
            windows: settings.windows,
            removals_held: self.round.removals_held,
            sweep: self.round.sweep,
            lost: self.round.lost.get(self.name).copied(),
        };
        let known = self.situation.take().unwrap_or_else(fresh);
        let situation = Situation { nonce: world.fresh_id(), etags, version_floor: self.version_floor, ..known };
        self.situation = Some(situation.clone());
        situation
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<Input, OutsideError> {
        let orchestrator = self.orchestrator;
        match effect {
            Effect::ReadRecord => {
                let (record, condition) = if let Some(read) = self.record.take() {
                    read
                } else {
                    // Read again after a conflict: what is desired has to be read again after it, too.
                    let read = orchestrator.record(self.name).await?;
                    self.inputs = Some(Arc::new(orchestrator.desired.load().await?));
                    read
                };
                self.condition = condition;
                Ok(Input::Record(record))
            }
            Effect::ReadDeployed => Ok(Input::Deployed(self.deployed().await?.map(Box::new))),
            Effect::ReadDesired => {
                let inputs = self.inputs.as_ref().unwrap_or(&self.round.inputs);
                let desired = inputs.desired(self.name).0;
                if let (Desired::Target(target), Condition::Absent) = (&desired, &self.condition) {
                    self.version_floor = highest_version(orchestrator.files.as_ref(), target).await?;
                }
                Ok(Input::Desired(desired))
            }
            Effect::ReadResult(operation) => {
                let key = orchestrator.settings.keys.result(self.name, operation);
                let object = orchestrator.store.get(&key).await?;
                let result = object.map(|o| parsed::<OperationResult>(&key, &o.bytes)).transpose()?;
                Ok(Input::Result(result.map(Box::new)))
            }
            Effect::AskDispatch(batch) => Ok(Input::Dispatched(match orchestrator.dispatcher.find(batch).await? {
                Progress::NotFound => Dispatched::Never,
                Progress::Pending(_) | Progress::Running(_) => Dispatched::UnderWay,
                Progress::Ended(_) => Dispatched::Over,
            })),
            Effect::CloseClaim(operation) => self.close_claim(operation).await,
            Effect::WritePlan(plan) => {
                if !self.round.dry {
                    let key = orchestrator.settings.keys.plan(plan.operation);
                    orchestrator.store.put(&key, write(plan.as_ref()), Condition::Always).await?;
                }
                Ok(Input::Written)
            }
            Effect::Project(projection) => self.project(projection).await,
            Effect::WriteRecord(record) => {
                if self.round.dry {
                    return Ok(Input::Written);
                }
                match orchestrator.put_record(&record, self.condition.clone()).await? {
                    Some(etag) => {
                        self.condition = Condition::Unchanged(etag);
                        Ok(Input::Written)
                    }
                    None => Ok(Input::Conflict),
                }
            }
            Effect::Dispatch(plan) => {
                self.round.ordered.lock().await.push(*plan);
                Ok(Input::Written)
            }
            Effect::Done(_) => Ok(Input::Conflict),
        }
    }

    async fn deployed(&self) -> Result<Option<(Target, Meta)>, OutsideError> {
        let Orchestrator { store, settings, .. } = self.orchestrator;
        let key = settings.keys.manifest(self.name);
        let Some(object) = store.get(&key).await? else { return Ok(None) };
        let file = lifecycle::diagnostics::SourceFile::new(key.clone(), object.bytes);
        let (manifest, meta) = parse_deployed(&file).map_err(|errors| {
            OutsideError::refused(key, errors.first().map_or_else(String::new, ToString::to_string))
        })?;
        let inputs = self.inputs.as_ref().unwrap_or(&self.round.inputs);
        let Some(tables) = &inputs.tables else {
            return Err(OutsideError::refused(
                "taking over a job of the Python tool",
                "the table definitions were refused",
            ));
        };
        Ok(Some((Target::of(manifest, tables, &settings.timestamp_field), meta)))
    }

    async fn close_claim(&self, operation: OperationId) -> Result<Input, OutsideError> {
        if self.round.dry {
            return Ok(Input::Held);
        }
        let Orchestrator { store, world, settings, .. } = self.orchestrator;
        let claims =
            Claims { store: store.as_ref(), keys: &settings.keys, world: world.as_ref(), margin: settings.margin };
        Ok(match claims.close(operation).await? {
            ClaimAnswer::Closed(claim) => Input::Closed(Some(claim).filter(|c: &Claim| c.lease_ms > 0).map(Box::new)),
            ClaimAnswer::Live | ClaimAnswer::Ours(_) => Input::Held,
        })
    }

    async fn project(
        &self,
        projection: Option<(Box<lifecycle::manifest::JobManifest>, Meta)>,
    ) -> Result<Input, OutsideError> {
        if self.round.dry {
            return Ok(Input::Written);
        }
        let Orchestrator { store, settings, .. } = self.orchestrator;
        let key = settings.keys.manifest(self.name);
        match projection {
            Some((manifest, meta)) => {
                let text = render_deployed(&manifest, &meta);
                store.put(&key, text.into_bytes(), Condition::Always).await?;
            }
            None => store.delete(&key).await?,
        }
        Ok(Input::Written)
    }
}
