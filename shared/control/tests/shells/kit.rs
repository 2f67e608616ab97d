//! Everything outside the orchestrator, in memory: bucket, desired manifests, dispatcher, clock, those who are told.
//! Must not know what is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use control::alerts::{Alert, Alerts};
use control::orchestrator::{DesiredSource, Facts, Orchestrator, Report, Scope, Settings};
use control::ports::{
    BatchOrder, Child, Dispatcher, Etag, Files, Listed, Object, OutsideError, Precondition, Progress, Put, Store,
    UploadNote, World,
};
use desired::inputs::{FileVerdict, Inputs};
use desired::manifest::{JobName, Meta, Policy, render_deployed};
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::documents::batch::Expected;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::outcome::{Outcome, RunStarted};
use lifecycle::documents::plan::{KnownRun, Windows};
use lifecycle::documents::record::{Aim, Deployed, Record, Source};
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::{read, write};
use lifecycle::facts::{Fact, Settled};
use lifecycle::ids::{BatchId, Hex32, Nonce, OperationId};
use lifecycle::owed::Patience;

pub(crate) use crate::names::{epoch, job, jobs, keys, run_of, target};

#[derive(Default)]
pub(crate) struct State {
    objects: BTreeMap<String, (Vec<u8>, u64)>,
    desired: BTreeMap<JobName, Target>,
    writes: u64,
    ids: u64,
    second: i64,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) facts: Vec<Fact>,
    /// How raising an alert ends.
    pub(crate) telling: Telling,
    /// How often somebody tried to raise one.
    pub(crate) raised: usize,
    /// How long a write of a claim takes.
    pub(crate) claims_take: Duration,
    /// Objects that the store refuses to give out, with its words.
    pub(crate) refused: BTreeMap<String, String>,
    /// Objects that the store does not answer about.
    pub(crate) silent: BTreeSet<String>,
    /// The keys that were read.
    pub(crate) read: Vec<String>,
    /// The lists of the control plane lag: they show no batch.
    pub(crate) unlisted: bool,
    /// The batches that were sent.
    pub(crate) sent: Vec<BatchId>,
    /// The batches that the control plane was asked for.
    pub(crate) asked: Vec<BatchId>,
    /// States may not be listed.
    pub(crate) refuses_to_list: bool,
    /// What happens right before states are listed for the first time.
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
    /// How many calls came, how many are under way, and how many had nothing beside them from beginning to end.
    pub(crate) calls: Calls,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) all: usize,
    under_way: usize,
    pub(crate) alone: usize,
}

/// How raising an alert ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Telling {
    #[default]
    Works,
    Fails,
    NeverEnds,
}

#[derive(Clone, Default)]
pub(crate) struct Outside(Arc<Mutex<State>>);

impl Outside {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Jobs that run as they are desired, under the first attempt.
    pub(crate) fn with(names: &[JobName]) -> Self {
        let outside = Self::default();
        for name in names {
            let (target, operation) = (target(name, 1), run_of(name));
            let meta = Meta {
                query_version: 1,
                query_id: String::new(),
                query_create_timestamp: "2026-01-01 00:00:00".into(),
            };
            let run = RunStarted {
                job_id: operation.into(),
                restored_from: None,
                epoch: Some(epoch(1)),
                compiled: lifecycle::documents::outcome::Compiled::default(),
            };
            let mut record = Record::fresh(name.clone(), operation.into(), Source::Queries);
            record.highest_version = meta.query_version;
            record.deployed = Some(Deployed {
                target: target.clone(),
                meta: meta.clone(),
                aim: Aim::Run,
                runs: vec![KnownRun::of(&target, 1, operation.into(), run)],
                restore_point: None,
                checkpointed: true,
                since: Timestamp::UNIX_EPOCH,
            });
            outside.put(&keys().record(name), write(&record));
            outside.put(&keys().manifest(name), render_deployed(&target.manifest, &meta).into_bytes());
            outside.want(name, 1);
        }
        outside
    }

    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>) {
        let mut state = self.state();
        state.writes += 1;
        let version = state.writes;
        state.objects.insert(key.to_owned(), (bytes, version));
    }

    pub(crate) fn delete_object(&self, key: &str) {
        self.state().objects.remove(key);
    }

    /// This happens right before states are listed for the first time.
    pub(crate) fn before_states_are_listed(&self, meanwhile: impl FnOnce() + Send + 'static) {
        self.state().meanwhile = Some(Box::new(meanwhile));
    }

    pub(crate) fn want(&self, name: &JobName, parallelism: u32) {
        self.state().desired.insert(name.clone(), target(name, parallelism));
    }

    /// A job runs with this target, and is to.
    pub(crate) fn runs_as(&self, target: Target) {
        let name = target.manifest.name.clone();
        let mut record = self.record(&name);
        record.deployed.as_mut().unwrap().target = target.clone();
        self.put(&keys().record(&name), write(&record));
        self.want_target(target);
    }

    pub(crate) fn want_target(&self, target: Target) {
        self.state().desired.insert(target.manifest.name.clone(), target);
    }

    /// Another time stamp column: what is desired of the job computes something else, its manifest does not.
    pub(crate) fn want_restamped(&self, name: &JobName) {
        let target = Target { timestamp_field: "other".to_owned(), ..target(name, 1) };
        self.state().desired.insert(name.clone(), target);
    }

    pub(crate) fn unwant(&self, name: &JobName) {
        self.state().desired.remove(name);
    }

    /// Another runner takes an operation's claim over.
    pub(crate) fn takes_over(&self, operation: OperationId) {
        let key = keys().claim(operation);
        let claim: Claim = read(&self.state().objects[&key].0).unwrap();
        let holder = Nonce::derived(&["another"]);
        self.put(&key, write(&Claim { revision: claim.revision + 1, nonce: holder, holder, ..claim }));
    }

    async fn takes_time(&self) {
        let begun = {
            let calls = &mut self.state().calls;
            calls.all += 1;
            calls.under_way += 1;
            *calls
        };
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let calls = &mut self.state().calls;
        calls.under_way -= 1;
        calls.alone += usize::from(begun.under_way == 1 && calls.all == begun.all);
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.state().second += seconds;
    }

    /// Every object with its version.
    pub(crate) fn versions(&self) -> BTreeMap<String, u64> {
        self.state().objects.iter().map(|(key, (_, version))| (key.clone(), *version)).collect()
    }

    /// The object at a key, as JSON.
    pub(crate) fn json(&self, key: &str) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.state().objects.get(key)?.0).ok()
    }

    pub(crate) fn record(&self, name: &JobName) -> Record {
        read(&self.state().objects[&keys().record(name)].0).unwrap()
    }

    /// What the node wrote about an operation, once it did.
    pub(crate) fn result(&self, name: &JobName, operation: OperationId) -> Option<OperationResult> {
        let key = keys().result(name, operation);
        self.state().objects.get(&key).map(|(bytes, _)| read(bytes).unwrap())
    }

    pub(crate) fn expected(&self, name: &JobName) -> Expected {
        let record = self.record(name);
        Expected {
            job: name.clone(),
            job_id: record.expected_run().unwrap(),
            revision: record.revision,
            owed: record.owed.debts().next().is_some(),
            checkpointed: true,
        }
    }

    /// The node's result of the operation that is open.
    pub(crate) fn ends(&self, name: &JobName, outcome: Outcome) {
        let operation = self.record(name).open.expect("an operation is open").plan.operation;
        let (at, phases) = (self.now(), Vec::new());
        let result = OperationResult {
            format: 1,
            operation,
            job: name.clone(),
            outcome,
            at,
            phases,
            downtime_ms: Some(700),
            differences: Vec::new(),
            no_savepoint: None,
        };
        self.put(&keys().result(name, operation), write(&result));
    }

    /// One invocation, with its own orchestrator.
    pub(crate) async fn run(&self, scope: Scope) -> Report {
        self.orchestrator().run(scope, "test").await.unwrap()
    }

    pub(crate) fn orchestrator(&self) -> Arc<Orchestrator> {
        let this = || Arc::new(self.clone());
        let settings = Settings {
            keys: keys(),
            policy: Policy::default(),
            timestamp_field: String::new(),
            patience: Patience { pause_ms: 1000, longest_ms: 900_000 },
            windows: Windows::default(),
            margin: Duration::from_secs(1),
            removals: 5,
            source: Source::Queries,
            deployment: "test".to_owned(),
        };
        Arc::new(Orchestrator {
            store: this(),
            desired: this(),
            dispatcher: this(),
            files: this(),
            world: this(),
            alerts: Some(this()),
            facts: this(),
            settings,
        })
    }

    /// The kinds of the alerts so far, with how many conditions each has.
    pub(crate) fn told(&self) -> Vec<(&'static str, usize)> {
        self.state().alerts.iter().map(|alert| (alert.kind.as_str(), alert.conditions.len())).collect()
    }

    pub(crate) fn settled(&self) -> Vec<Settled> {
        let state = self.state();
        let settled = state.facts.iter().filter_map(|fact| match fact {
            Fact::Settled(settled) => Some(settled.clone()),
            Fact::Swept(_) | Fact::Looked(_) | Fact::Alert { .. } | Fact::AlertsUnknown => None,
        });
        settled.collect()
    }
}

#[async_trait]
impl Store for Outside {
    async fn get(&self, key: &str) -> Result<Option<Object>, OutsideError> {
        self.takes_time().await;
        self.state().read.push(key.to_owned());
        if self.state().silent.contains(key) {
            return Err(OutsideError::unknown(format!("reading s3://b/{key}"), "told to"));
        }
        if let Some(message) = self.state().refused.get(key) {
            return Err(OutsideError::refused(format!("reading s3://b/{key}"), message));
        }
        let found = self.state().objects.get(key).cloned();
        let now = self.now();
        Ok(found.map(|(bytes, version)| Object {
            bytes,
            etag: Etag(version.to_string()),
            modified: now,
            now,
            note: UploadNote::default(),
        }))
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, condition: Precondition) -> Result<Put, OutsideError> {
        self.takes_time().await;
        if key.contains("/claims/") {
            let takes = self.state().claims_take;
            tokio::time::sleep(takes).await;
        }
        if key.len() > 1024 {
            return Err(OutsideError::refused(format!("writing s3://b/{key}"), "KeyTooLongError"));
        }
        let mut state = self.state();
        let known = state.objects.get(key).map(|(_, version)| Etag(version.to_string()));
        if !condition.holds(known.as_ref()) {
            return Ok(Put::Conflict);
        }
        state.writes += 1;
        let version = state.writes;
        state.objects.insert(key.to_owned(), (bytes, version));
        Ok(Put::Written(Etag(version.to_string())))
    }

    async fn delete(&self, key: &str) -> Result<(), OutsideError> {
        self.takes_time().await;
        self.state().objects.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, OutsideError> {
        self.takes_time().await;
        let state = self.state();
        let under = state.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(under
            .map(|(key, (bytes, version))| Listed {
                key: key.clone(),
                etag: Etag(version.to_string()),
                size: bytes.len() as u64,
            })
            .collect())
    }
}

#[async_trait]
impl DesiredSource for Outside {
    async fn names(&self) -> Result<BTreeSet<JobName>, OutsideError> {
        Ok(self.state().desired.keys().cloned().collect())
    }

    async fn load(&self) -> Result<Inputs, OutsideError> {
        let verdict = |(name, target): (&JobName, &Target)| FileVerdict {
            file: format!("p/queries/{name}.yaml"),
            etag: target.digest().to_string(),
            stem: Some(name.clone()),
            named: None,
            target: Some(Box::new(target.clone())),
            written: None,
            added: Vec::new(),
            findings: Vec::new(),
        };
        let manifests = self.state().desired.iter().map(verdict).collect();
        Ok(Inputs { manifests, ..Inputs::default() })
    }

    async fn tell(&self, _: &Inputs) -> Result<(), OutsideError> {
        Ok(())
    }
}

/// Every batch that was sent waits for ever.
#[async_trait]
impl Dispatcher for Outside {
    async fn find(&self, batch: BatchId) -> Result<Progress, OutsideError> {
        self.takes_time().await;
        self.state().asked.push(batch);
        let state = self.state();
        let sent = !state.unlisted && state.objects.contains_key(&keys().receipt(batch));
        Ok(if sent { Progress::Running(batch.to_string()) } else { Progress::NotFound })
    }

    async fn send(&self, order: &BatchOrder) -> Result<String, OutsideError> {
        self.state().sent.push(order.batch);
        Ok(order.batch.to_string())
    }
}

#[async_trait]
impl Files for Outside {
    async fn children(&self, directory: &str) -> Result<Vec<Child>, OutsideError> {
        let meanwhile = self.state().meanwhile.take();
        if let Some(happens) = meanwhile {
            happens();
        }
        let state = self.state();
        if state.refuses_to_list {
            return Err(OutsideError::refused(format!("listing {directory}"), "AccessDenied"));
        }
        let below = state.objects.keys().filter_map(|key| key.strip_prefix(directory)?.strip_prefix('/'));
        let entry = |rest: &str| match rest.split_once('/') {
            Some((name, _)) => Child::Directory(name.to_owned()),
            None => Child::File(rest.to_owned()),
        };
        let mut found: Vec<Child> = below.map(entry).collect();
        found.dedup();
        Ok(found)
    }

    async fn head(&self, _: &str, _: usize) -> Result<Option<Vec<u8>>, OutsideError> {
        Ok(None)
    }
}

impl World for Outside {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.state().second).unwrap()
    }

    fn fresh_id(&self) -> Hex32 {
        let mut state = self.state();
        state.ids += 1;
        Hex32::derived(&["fresh", &state.ids.to_string()])
    }

    fn query_id(&self) -> String {
        String::new()
    }

    fn local_time(&self, _: Timestamp) -> String {
        "2026-01-01 00:00:00".to_owned()
    }
}

#[async_trait]
impl Alerts for Outside {
    async fn raise(&self, alert: &Alert) -> Result<(), OutsideError> {
        let telling = {
            let mut state = self.state();
            state.raised += 1;
            state.telling
        };
        match telling {
            Telling::Works => {
                self.state().alerts.push(alert.clone());
                Ok(())
            }
            Telling::Fails => Err(OutsideError::refused("publishing", "told to")),
            Telling::NeverEnds => std::future::pending().await,
        }
    }
}

impl Facts for Outside {
    fn note(&self, fact: &Fact) {
        self.state().facts.push(fact.clone());
    }
}
