//! Everything outside the orchestrator, in memory. Must not know what is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use control::orchestrator::{NoFacts, Orchestrator, Settings, Uploads};
use control::ports::{
    BatchOrder, Child, Dispatcher, Etag, Files, Listed, Object, OutsideError, Precondition, Progress, Put, Store,
    UploadNote, World,
};
use desired::manifest::{JobName, Policy};
use jiff::Timestamp;
use lifecycle::documents::outcome::{Compiled, Outcome, RunStarted};
use lifecycle::documents::plan::Windows;
use lifecycle::documents::record::{Aim, Record, Source};
use lifecycle::documents::{Document, read, write};
use lifecycle::ids::{BatchId, Hex32, run_id};
use lifecycle::keys::Keys;
use lifecycle::orchestrate::settle_result;
use lifecycle::owed::Patience;

#[derive(Default)]
struct State {
    objects: BTreeMap<String, (Vec<u8>, u64)>,
    refused: BTreeMap<String, String>,
    silent: BTreeSet<String>,
    meanwhile: BTreeMap<String, Vec<u8>>,
    number: u64,
    seconds: i64,
    calls: u64,
    under_way: u64,
    alone: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<State>>);

pub(crate) fn keys() -> Keys {
    Keys::new("p")
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>) {
        let version = self.number();
        self.state().objects.insert(key.to_owned(), (bytes, version));
    }

    fn number(&self) -> u64 {
        let mut state = self.state();
        state.number += 1;
        state.number
    }

    pub(crate) fn upload(&self, name: &JobName, sql: &str) {
        let sql = sql.replace('\n', "\n  ");
        let text = format!(
            "name: {name}\ndescription: d\ntarget-table: sink\nsql: |\n  {sql}\nflinkProperties:\n  \
             state.checkpoints.dir: s3://b/checkpoints/{name}\n  state.savepoints.dir: s3://b/savepoints/{name}\n"
        );
        self.put(&format!("p/queries/{name}.yaml"), text.into_bytes());
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.state().objects.contains_key(key)
    }

    pub(crate) fn remove(&self, key: &str) {
        self.state().objects.remove(key);
    }

    /// Every object with its version.
    pub(crate) fn objects(&self) -> BTreeMap<String, u64> {
        self.state().objects.iter().map(|(key, (_, version))| (key.clone(), *version)).collect()
    }

    /// So much time goes by.
    pub(crate) fn pass(&self, seconds: i64) {
        self.state().seconds += seconds;
    }

    /// The store gives this object out to nobody.
    pub(crate) fn refuse(&self, key: &str, words: &str) {
        self.state().refused.insert(key.to_owned(), words.to_owned());
    }

    /// The store does not answer about this object.
    pub(crate) fn silence(&self, key: &str) {
        self.state().silent.insert(key.to_owned());
    }

    /// Somebody else writes this right after the object is read the next time.
    pub(crate) fn meanwhile(&self, key: &str, bytes: Vec<u8>) {
        self.state().meanwhile.insert(key.to_owned(), bytes);
    }

    /// How many calls since the last time had nothing beside them from beginning to end.
    pub(crate) fn alone(&self) -> u64 {
        std::mem::take(&mut self.state().alone)
    }

    pub(crate) fn has_record(&self, name: &JobName) -> bool {
        self.state().objects.contains_key(&keys().record(name))
    }

    pub(crate) fn record(&self, name: &JobName) -> Record {
        self.document(&keys().record(name))
    }

    pub(crate) fn document<T: Document>(&self, key: &str) -> T {
        read(&self.state().objects[key].0).unwrap()
    }

    /// Every open operation has deployed its target, or removed the job.
    pub(crate) fn settle(&self, names: &[JobName]) {
        for name in names {
            let plan = self.record(name).open.unwrap().plan;
            let (job_id, compiled) = (run_id(plan.operation), Compiled::default());
            let run = RunStarted { job_id, restored_from: None, epoch: None, compiled };
            let deployed = Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true };
            let removed = Outcome::Removed { savepoint: None };
            self.end(name, &if plan.next.is_some() { deployed } else { removed });
        }
    }

    /// The open operation of a job ended so.
    pub(crate) fn end(&self, name: &JobName, outcome: &Outcome) {
        let mut record = self.record(name);
        let open = record.open.take().unwrap();
        let settled = settle_result(record, &open, outcome, self.now(), Patience::default());
        self.put(&keys().record(name), write(&settled));
        // What the guard against many removals counts.
        match settled.deployed.filter(|deployed| deployed.aim == Aim::Run) {
            Some(_) => self.put(&format!("p/manifests/{name}.yaml"), Vec::new()),
            None => self.remove(&format!("p/manifests/{name}.yaml")),
        }
    }

    pub(crate) fn orchestrator(&self) -> Arc<Orchestrator> {
        let this = || Arc::new(self.clone());
        let settings = Settings {
            keys: keys(),
            policy: Policy::default(),
            timestamp_field: String::new(),
            patience: Patience::default(),
            windows: Windows::default(),
            margin: Duration::from_secs(1),
            removals: 5,
            source: Source::Queries,
            deployment: "test".to_owned(),
        };
        let policy = settings.policy.clone();
        let desired = Arc::new(Uploads { store: this(), keys: keys(), policy, timestamp_field: String::new() });
        Arc::new(Orchestrator {
            store: this(),
            desired,
            dispatcher: this(),
            files: this(),
            world: this(),
            alerts: None,
            facts: Arc::new(NoFacts),
            settings,
        })
    }

    async fn call(&self) {
        let (calls, first) = {
            let mut state = self.state();
            state.calls += 1;
            state.under_way += 1;
            (state.calls, state.under_way == 1)
        };
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let mut state = self.state();
        state.under_way -= 1;
        state.alone += u64::from(first && state.calls == calls);
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, key: &str) -> Result<Option<Object>, OutsideError> {
        self.call().await;
        let now = self.now();
        let mut state = self.state();
        if state.silent.contains(key) {
            return Err(OutsideError::unknown(format!("reading {key}"), "told to"));
        }
        if let Some(words) = state.refused.get(key) {
            return Err(OutsideError::refused(format!("reading {key}"), words));
        }
        let found = state.objects.get(key).cloned();
        if let Some(bytes) = state.meanwhile.remove(key) {
            state.number += 1;
            let version = state.number;
            state.objects.insert(key.to_owned(), (bytes, version));
        }
        Ok(found.map(|(bytes, version)| Object {
            bytes,
            etag: Etag(version.to_string()),
            modified: now,
            now,
            note: UploadNote::default(),
        }))
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, condition: Precondition) -> Result<Put, OutsideError> {
        self.call().await;
        let known = self.state().objects.get(key).map(|(_, version)| Etag(version.to_string()));
        if !condition.holds(known.as_ref()) {
            return Ok(Put::Conflict);
        }
        self.put(key, bytes);
        let version = self.state().number;
        Ok(Put::Written(Etag(version.to_string())))
    }

    async fn delete(&self, key: &str) -> Result<(), OutsideError> {
        self.call().await;
        self.state().objects.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, OutsideError> {
        self.call().await;
        let state = self.state();
        let under = state.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        let listed = under.map(|(key, (bytes, version))| Listed {
            key: key.clone(),
            etag: Etag(version.to_string()),
            size: bytes.len() as u64,
        });
        Ok(listed.collect())
    }
}

#[async_trait]
impl Dispatcher for Memory {
    async fn find(&self, _: BatchId) -> Result<Progress, OutsideError> {
        Ok(Progress::NotFound)
    }

    async fn send(&self, order: &BatchOrder) -> Result<String, OutsideError> {
        Ok(order.batch.to_string())
    }
}

#[async_trait]
impl Files for Memory {
    async fn children(&self, directory: &str) -> Result<Vec<Child>, OutsideError> {
        let state = self.state();
        let below = state.objects.keys().filter_map(|key| key.strip_prefix(directory)?.strip_prefix('/'));
        let mut found: Vec<Child> = below
            .map(|rest| match rest.split_once('/') {
                Some((name, _)) => Child::Directory(name.to_owned()),
                None => Child::File(rest.to_owned()),
            })
            .collect();
        found.dedup();
        Ok(found)
    }

    async fn head(&self, file: &str, length: usize) -> Result<Option<Vec<u8>>, OutsideError> {
        let state = self.state();
        if let Some(words) = state.refused.get(file) {
            return Err(OutsideError::refused(format!("reading {file}"), words));
        }
        Ok(state.objects.get(file).map(|(bytes, _)| bytes.iter().take(length).copied().collect()))
    }
}

impl World for Memory {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.state().seconds).unwrap()
    }

    fn fresh_id(&self) -> Hex32 {
        Hex32::derived(&["fresh", &self.number().to_string()])
    }

    fn query_id(&self) -> String {
        String::new()
    }

    fn local_time(&self, _: Timestamp) -> String {
        "2026-01-01 00:00:00".to_owned()
    }
}
