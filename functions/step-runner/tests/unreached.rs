//! A batch whose JobManager does not answer: its operations are taken all the same, and each says why nothing was done.
//! Must not know the orchestrator.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use control::clock_and_ids::SystemWorld;
use control::ports::{Etag, Listed, Object, OutsideError, Precondition, Put, SecretSource, Store, UploadNote, World};
use control::runner::{BatchReport, RunnerTimes, WAVE};
use control::secrets::{SecretReader, Secrets};
use desired::digest::Digest;
use desired::secrets::{SecretReference, SecretValue};
use flink::target::DeploymentTarget;
use lifecycle::documents::batch::{Batch, BatchItem, FORMAT};
use lifecycle::documents::outcome::Refusal;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::{read, write};
use lifecycle::ids::BatchId;
use lifecycle::keys::Keys;
use step_runner::reached::Attempts;
use step_runner::run::{BatchRef, Node, NodeSettings, RunError};

const PLAN: &[u8] = include_bytes!("../../../shared/lifecycle/tests/fixtures/documents/format-2/plan.json");

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, (Vec<u8>, u64)>>);

impl Memory {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, (Vec<u8>, u64)>> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, key: &str) -> Result<Option<Object>, OutsideError> {
        let now = SystemWorld.now();
        Ok(self.objects().get(key).cloned().map(|(bytes, version)| Object {
            bytes,
            etag: Etag(version.to_string()),
            modified: now,
            now,
            note: UploadNote::default(),
        }))
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, condition: Precondition) -> Result<Put, OutsideError> {
        let mut objects = self.objects();
        let version = objects.get(key).map(|(_, version)| *version);
        if !condition.holds(version.map(|version| Etag(version.to_string())).as_ref()) {
            return Ok(Put::Conflict);
        }
        let version = version.unwrap_or_default() + 1;
        objects.insert(key.to_owned(), (bytes, version));
        Ok(Put::Written(Etag(version.to_string())))
    }

    async fn delete(&self, key: &str) -> Result<(), OutsideError> {
        self.objects().remove(key);
        Ok(())
    }

    async fn list(&self, _: &str) -> Result<Vec<Listed>, OutsideError> {
        Ok(Vec::new())
    }
}

struct NoSecrets;

#[async_trait]
impl SecretSource for NoSecrets {
    async fn read(&self, _: &SecretReference) -> Result<SecretValue, OutsideError> {
        Err(OutsideError::refused("read a secret", "there is none"))
    }
}

/// Carries out one operation where nobody answers at the JobManager's address; the words of its result.
async fn carried_out(look: bool) -> (Result<BatchReport, RunError>, String) {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (keys, store, plan) = (Keys::new("p"), Arc::new(Memory::default()), read::<Plan>(PLAN).unwrap());
    let item = BatchItem {
        job: plan.job.clone(),
        operation: plan.operation,
        plan: keys.plan(plan.operation),
        digest: Digest::of(PLAN),
    };
    let id = BatchId::derived(&["batch"]);
    let batch = Batch { format: FORMAT, id, at: plan.at, items: vec![item], expected: Vec::new(), look };
    let (key, bytes) = (keys.batch(id), write(&batch));
    let digest = Digest::of(&bytes);
    store.put(&key, bytes, Precondition::Always).await.unwrap();
    store.put(&keys.plan(plan.operation), PLAN.to_vec(), Precondition::Always).await.unwrap();
    let settings = NodeSettings {
        flink: "flink".into(),
        python: "python3".into(),
        target: DeploymentTarget::Remote(closed.to_string().parse().unwrap(), None),
        deployment: None,
        state_directory: folder.path().to_owned(),
        passthrough: Vec::new(),
        times: RunnerTimes::default(),
        wave: WAVE,
        lock_wait: Duration::from_secs(1),
        attempts: Attempts { count: 2, pause: Duration::from_millis(10) },
    };
    let node = Node {
        store: Arc::<Memory>::clone(&store),
        s3_files: None,
        keys: keys.clone(),
        settings: &settings,
        world: Arc::new(SystemWorld),
        secrets: SecretReader::new(Arc::new(NoSecrets), Secrets::default()),
    };
    let report = node.run_batch(&BatchRef { id, key, digest }).await;
    let result = store.get(&keys.result(&plan.job, plan.operation)).await.unwrap().unwrap();
    let result = read::<OperationResult>(&result.bytes).unwrap();
    let told = match result.outcome.refusal() {
        Some(Refusal::NoCluster { message }) => message.clone(),
        other => format!("{other:?}"),
    };
    assert!(told.contains(&format!("reach the JobManager at {closed}: it does not answer")), "{told}");
    (report, told)
}

#[tokio::test]
async fn the_cause_is_told_in_every_operations_result() {
    let (report, told) = carried_out(false).await;
    assert_eq!(report.unwrap().finished, 1);
    assert!(told.contains("Connection refused"), "{told}");
}

#[tokio::test]
async fn a_look_that_cannot_be_had_fails_the_step_once_the_operations_are_over() {
    assert!(matches!(carried_out(true).await.0, Err(RunError::Outside(OutsideError::Unknown { .. }))));
}
