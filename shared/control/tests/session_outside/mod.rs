//! Everything outside the session's administration, in memory: bucket, YARN, Flink, locks; it can go dead anywhere.
//! Must not know what is done with it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use control::ports::OutsideError;
use control::session::{AdminTimes, SessionAdmin, SessionDocuments, SessionSelector};
use desired::manifest::{Body, CHECKPOINT_DIR, JobManifest, JobName, Meta, PropertyValue, SAVEPOINT_DIR, ScalarKind};
use desired::session_settings::SessionSettings;
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::documents::plan::KnownRun;
use lifecycle::documents::record::{Aim, Deployed, Record, Source};
use lifecycle::documents::{read, write};
use lifecycle::flink::{Epoch, JobState};
use lifecycle::ids::{Hex32, JobId, TriggerId};
use lifecycle::keys::Keys;
use lifecycle::session::SessionDocument;

/// A job in a session.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) name: String,
    pub(crate) state: JobState,
    /// Whether all its tasks run: else it can take no savepoint.
    pub(crate) healthy: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) application: String,
    pub(crate) alive: bool,
    pub(crate) jobs: Vec<Job>,
}

#[derive(Default)]
pub(crate) struct State {
    objects: BTreeMap<String, (Vec<u8>, u64, Timestamp)>,
    pub(crate) sessions: Vec<Session>,
    /// Every stop that was carried out, and the savepoint it left or why it failed.
    pub(crate) stops: BTreeMap<(JobId, TriggerId), Result<String, String>>,
    pub(crate) starts: usize,
    pub(crate) held: BTreeSet<JobName>,
    /// Jobs whose stops fail.
    pub(crate) stubborn: BTreeSet<JobId>,
    /// Jobs whose savepoints cannot be written, for which Flink restarts them.
    pub(crate) breaking: BTreeSet<JobId>,
    /// How often such a job is looked at before it is back.
    pub(crate) until_back: BTreeMap<JobId, u32>,
    /// The ResourceManager is being started: it has not read its state.
    pub(crate) manager_is_new: bool,
    ids: u8,
    writes: u64,
    /// How far the clock was put forward.
    later: Duration,
    /// How many more events the process lives.
    left: Option<u32>,
}

/// All of it.
#[derive(Clone, Default)]
pub(crate) struct Outside(pub(crate) Arc<Mutex<State>>);

pub(crate) fn keys() -> Keys {
    Keys::new("p")
}

pub(crate) fn name(text: &str) -> JobName {
    JobName::try_from(text).unwrap()
}

fn target(job: &JobName) -> Target {
    let property = |text: &str| PropertyValue { text: text.to_owned(), kind: ScalarKind::String };
    let properties = BTreeMap::from([
        (CHECKPOINT_DIR.to_owned(), property("s3://b/checkpoints")),
        (SAVEPOINT_DIR.to_owned(), property("s3://b/savepoints")),
    ]);
    let manifest = JobManifest {
        name: job.clone(),
        description: String::new(),
        target_table: "sink".to_owned(),
        body: Body::Sql("SELECT 1".to_owned()),
        properties,
        operating: desired::manifest::Operating::default(),
    };
    Target { manifest, definitions: Vec::new(), timestamp_field: String::new() }
}

impl Outside {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// One event: a call that arrives, or its answer on the way back. Others get their turn.
    async fn event(&self) -> Result<(), OutsideError> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        match &mut state.left {
            None => Ok(()),
            Some(0) => Err(OutsideError::unknown("reach the outside", "this process is dead")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    /// The process lives for so many more events; without a number for good.
    pub(crate) fn lives(&self, left: Option<u32>) {
        self.state().left = left;
    }

    /// Whether it died.
    pub(crate) fn died(&self) -> bool {
        self.state().left == Some(0)
    }

    pub(crate) fn forward(&self, by: Duration) {
        self.state().later += by;
    }

    /// A session that runs, with these jobs of ours as their records say.
    pub(crate) fn with(jobs: &[&str]) -> Self {
        let outside = Self::default();
        outside.begin_session();
        for job in jobs {
            let mut record = Record::fresh(name(job), Hex32::derived(&[job]).into(), Source::Queries);
            record.highest_version = 3;
            let target = target(&record.name);
            record.deployed = Some(Deployed {
                target,
                meta: Meta { query_version: 3, query_id: String::new(), query_create_timestamp: String::new() },
                aim: Aim::Run,
                runs: Vec::new(),
                restore_point: None,
                checkpointed: true,
                since: Timestamp::UNIX_EPOCH,
            });
            outside.run_again(record);
        }
        outside
    }

    pub(crate) fn begin_session(&self) {
        let mut state = self.state();
        let application = format!("application_1_000{}", state.sessions.len() + 1);
        state.sessions.push(Session { application, alive: true, jobs: Vec::new() });
    }

    pub(crate) fn end_session(&self, application: &str) {
        self.state().sessions.iter_mut().filter(|s| s.application == application).for_each(|s| s.alive = false);
    }

    /// A new run of a job in the session that is alive, as its record says from now on.
    pub(crate) fn run_again(&self, mut record: Record) {
        let mut state = self.state();
        let job_id = state.fresh();
        let session = state.sessions.iter_mut().find(|session| session.alive).unwrap();
        let epoch = Epoch::Yarn { application: session.application.clone(), attempt: 1 };
        let (name, state_of) = (record.name.to_string(), JobState::Running);
        session.jobs.push(Job { id: job_id.into(), name, state: state_of, healthy: true });
        let deployed = record.deployed.as_mut().unwrap();
        deployed.runs.push(KnownRun {
            job_id: job_id.into(),
            operation: job_id.into(),
            version: 3,
            target: deployed.target.digest(),
            restored_from: None,
            compiled: lifecycle::documents::outcome::Compiled::default(),
            checkpoints: "s3://b/checkpoints".to_owned(),
            savepoints: "s3://b/savepoints".to_owned(),
            planned: None,
            meta: None,
            epoch: Some(epoch),
        });
        let key = keys().record(&record.name);
        state.put(&key, write(&record));
    }

    pub(crate) fn record(&self, job: &str) -> Record {
        read(&self.state().objects[&keys().record(&name(job))].0).unwrap()
    }

    /// Puts something else in the place of a document.
    pub(crate) fn spoil(&self, key: &str, text: &str) {
        self.state().put(key, text.as_bytes().to_vec());
    }

    pub(crate) fn save(&self, record: &Record) {
        self.state().put(&keys().record(&record.name), write(record));
    }

    pub(crate) fn document(&self) -> SessionDocument {
        read(&self.state().objects[&keys().session()].0).unwrap()
    }

    pub(crate) fn admin(&self) -> Arc<SessionAdmin> {
        let times = AdminTimes {
            lease: Duration::from_secs(10),
            margin: Duration::from_secs(10),
            poll: Duration::from_millis(1),
            wait: Duration::from_millis(20),
            stop: Duration::from_secs(5),
            cancel: Duration::from_secs(5),
        };
        Arc::new(SessionAdmin {
            store: Arc::new(self.clone()),
            keys: keys(),
            documents: SessionDocuments::new(Arc::new(self.clone()), Arc::new(self.clone()), keys().session()),
            world: Arc::new(self.clone()),
            sessions: Arc::new(self.clone()),
            locks: Arc::new(self.clone()),
            orders: Some(Arc::new(self.clone())),
            session: SessionSelector::Named("Flink session cluster".to_owned()),
            settings: SessionSettings::default(),
            times,
            wave: NonZeroU16::new(2).unwrap(),
            tell: Arc::new(|_| {}),
        })
    }
}

impl State {
    fn fresh(&mut self) -> Hex32 {
        self.ids += 1;
        Hex32::derived(&["fresh", &self.ids.to_string(), &self.writes.to_string()])
    }

    fn put(&mut self, key: &str, bytes: Vec<u8>) -> u64 {
        self.writes += 1;
        let now = self.now();
        self.objects.insert(key.to_owned(), (bytes, self.writes, now));
        self.writes
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.later
    }
}
