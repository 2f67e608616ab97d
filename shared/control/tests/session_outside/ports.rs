//! The outside behind the ports: each call is two events, its arrival and its answer.
//! Must not know who calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use control::ports::{
    Checkpoints, Cluster, Etag, JobLock, JobLocks, Listed, Object, OutsideError, Precondition, Put, StopStatus, Store,
    UploadNote, World,
};
use control::session::{
    Life, Orders, RunningSession, SessionCluster, SessionSeen, SessionSelector, Sessions, StartError,
};
use desired::effective::Effective;
use desired::manifest::JobName;
use desired::session_settings::SessionSettings;
use jiff::Timestamp;
use lifecycle::documents::read;
use lifecycle::documents::record::Record;
use lifecycle::flink::{Epoch, JobSeen, JobState, Look, Tasks};
use lifecycle::ids::{Hex32, JobId, TriggerId};

use super::{Job, Outside, keys, name};

#[async_trait]
impl Store for Outside {
    async fn get(&self, key: &str) -> Result<Option<Object>, OutsideError> {
        self.event().await?;
        let state = self.state();
        let now = state.now();
        let object = state.objects.get(key).map(|(bytes, etag, modified)| Object {
            bytes: bytes.clone(),
            etag: Etag(etag.to_string()),
            modified: *modified,
            now,
            note: UploadNote::default(),
        });
        Ok(object)
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, condition: Precondition) -> Result<Put, OutsideError> {
        self.event().await?;
        let put = {
            let mut state = self.state();
            let known = state.objects.get(key).map(|(_, etag, _)| Etag(etag.to_string()));
            if condition.holds(known.as_ref()) {
                Put::Written(Etag(state.put(key, bytes).to_string()))
            } else {
                Put::Conflict
            }
        };
        self.event().await?;
        Ok(put)
    }

    async fn delete(&self, _: &str) -> Result<(), OutsideError> {
        Err(OutsideError::refused("delete", "nothing is deleted here"))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, OutsideError> {
        self.event().await?;
        let state = self.state();
        let under = state.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(under
            .map(|(key, (bytes, etag, _))| Listed {
                key: key.clone(),
                etag: Etag(etag.to_string()),
                size: bytes.len() as u64,
            })
            .collect())
    }
}

impl World for Outside {
    fn now(&self) -> Timestamp {
        self.state().now()
    }
    fn fresh_id(&self) -> Hex32 {
        self.state().fresh()
    }
    fn query_id(&self) -> String {
        String::new()
    }
    fn local_time(&self, _: Timestamp) -> String {
        String::new()
    }
}

struct Held(Outside, JobName);

impl JobLock for Held {
    fn release(self: Box<Self>) {
        self.0.state().held.remove(&self.1);
    }
}

#[async_trait]
impl JobLocks for Outside {
    async fn acquire(&self, job: &JobName) -> Result<Box<dyn JobLock>, OutsideError> {
        assert!(self.state().held.insert(job.clone()), "{job} is locked twice");
        Ok(Box::new(Held(self.clone(), job.clone())))
    }
}

fn session(application: &str) -> RunningSession {
    RunningSession { application: application.to_owned(), attempt: 1, endpoint: "127.0.0.1:1".parse().unwrap() }
}

#[async_trait]
impl Sessions for Outside {
    async fn seen(&self, which: &SessionSelector) -> Result<SessionSeen, OutsideError> {
        self.event().await?;
        let state = self.state();
        let shown = state.sessions.iter().filter(|s| s.alive && !state.manager_is_new).filter(|s| match which {
            SessionSelector::Named(_) => true,
            SessionSelector::Application(id) => s.application == *id,
        });
        let shown: Vec<String> = shown.map(|session| session.application.clone()).collect();
        match shown.as_slice() {
            [] if state.manager_is_new => Err(OutsideError::unknown("ask the ResourceManager", "it is being started")),
            [] => Ok(SessionSeen::Absent { others: Vec::new() }),
            [one] => Ok(SessionSeen::Running(session(one))),
            _ => Ok(SessionSeen::Several(shown)),
        }
    }

    async fn life(&self, application: &str) -> Result<Life, OutsideError> {
        self.event().await?;
        let state = self.state();
        let known = state.sessions.iter().find(|session| session.application == application);
        Ok(match known {
            _ if state.manager_is_new => Life::Forgotten,
            Some(session) if session.alive => Life::Live,
            Some(_) | None => Life::Over,
        })
    }

    fn cluster(&self, session: &RunningSession) -> Result<Arc<dyn SessionCluster>, OutsideError> {
        Ok(Arc::new(JobManager { outside: self.clone(), application: session.application.clone() }))
    }

    async fn start(&self, _: &SessionSettings, _: &str) -> Result<(), StartError> {
        let failed = |_| StartError::Failed { program: "yarn-session.sh".to_owned(), message: "dead".to_owned() };
        self.event().await.map_err(failed)?;
        // It takes a while until YARN shows anything.
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.state().starts += 1;
        self.begin_session();
        self.event().await.map_err(failed)
    }

    async fn told(&self, _: &str) -> Result<Option<String>, OutsideError> {
        Ok(None)
    }
    async fn recovers(&self) -> Result<bool, OutsideError> {
        Ok(true)
    }
    async fn setting(&self, _: &str) -> Result<Option<String>, OutsideError> {
        Ok(None)
    }
}

#[async_trait]
impl Orders for Outside {
    /// What the schedule, the Lambda and the node do together, each job for itself.
    async fn redeploy(&self) -> Result<(), OutsideError> {
        assert!(self.state().held.is_empty(), "a batch would wait for these locks");
        let records = self.state().objects.clone();
        for (_, (bytes, ..)) in
            records.range(keys().records()..).take_while(|(key, _)| key.starts_with(&keys().records()))
        {
            self.event().await?;
            let Ok(record) = read::<Record>(bytes) else { continue };
            let runs = {
                let state = self.state();
                let alive = state.sessions.iter().find(|session| session.alive);
                alive.is_some_and(|s| s.jobs.iter().any(|j| j.name == record.name.as_str() && !j.state.is_terminal()))
            };
            if !runs {
                self.run_again(record);
            }
        }
        self.event().await
    }

    async fn go_on(&self, _: &BTreeSet<JobName>) -> Result<(), OutsideError> {
        self.event().await
    }
}

/// The `JobManager` of one session.
struct JobManager {
    outside: Outside,
    application: String,
}

impl JobManager {
    /// What it does with its jobs, if it is still there.
    async fn with<T>(&self, act: impl FnOnce(&mut Vec<Job>) -> T + Send) -> Result<T, OutsideError> {
        self.outside.event().await?;
        let mut state = self.outside.state();
        let session =
            state.sessions.iter_mut().find(|session| session.alive && session.application == self.application);
        let gone = || OutsideError::unknown("ask the JobManager", "nobody listens");
        session.map(|session| act(&mut session.jobs)).ok_or_else(gone)
    }

    async fn find(&self, id: JobId) -> Result<Option<Job>, OutsideError> {
        self.with(|jobs| jobs.iter().find(|job| job.id == id).cloned()).await
    }
}

/// How often a job that its savepoint put down is looked at before it is back.
const LOOKS_UNTIL_BACK: u32 = 6;

impl Outside {
    /// One more look at a job that its savepoint put down.
    fn comes_back(&self, id: JobId) {
        let mut state = self.state();
        let Some(left) = state.until_back.get_mut(&id) else { return };
        *left -= 1;
        if *left == 0 {
            state.until_back.remove(&id);
            let jobs = state.sessions.iter_mut().flat_map(|session| &mut session.jobs);
            jobs.filter(|job| job.id == id).for_each(|job| job.healthy = true);
        }
    }
}

fn shown(job: &Job) -> JobSeen {
    let running = u32::from(job.healthy && !job.state.is_terminal());
    let tasks = Tasks { total: 1, running, finished: 0, waiting: 0 };
    JobSeen {
        id: job.id,
        name: job.name.clone(),
        state: job.state,
        tasks,
        started_ms: 0,
        modified_ms: 0,
        checkpoints: None,
        restarts: None,
    }
}

#[async_trait]
impl Cluster for JobManager {
    async fn look(&self) -> Result<Look, OutsideError> {
        let jobs = self.with(|jobs| jobs.iter().map(shown).collect()).await?;
        let epoch = Epoch::Yarn { application: self.application.clone(), attempt: 1 };
        Ok(Look { epoch, at: Timestamp::UNIX_EPOCH, jobs, slots: None })
    }
    async fn job(&self, id: JobId) -> Result<Option<JobSeen>, OutsideError> {
        self.outside.comes_back(id);
        Ok(self.find(id).await?.as_ref().map(shown))
    }
    async fn is_over(&self, _: &Epoch) -> Result<bool, OutsideError> {
        Ok(false)
    }
    async fn savepoint(&self, _: JobId, _: TriggerId, _: &str) -> Result<(), OutsideError> {
        unreachable!("a restart stops every job")
    }
    /// The same trigger again changes nothing.
    async fn stop(&self, id: JobId, trigger: TriggerId, directory: &str) -> Result<(), OutsideError> {
        let job = self.find(id).await?.unwrap();
        let (mut ends, mut breaks) = (false, false);
        {
            let mut state = self.outside.state();
            if !state.stops.contains_key(&(id, trigger)) {
                assert!(state.held.contains(&name(&job.name)), "{} is stopped without its lock", job.name);
                let end = if !job.healthy {
                    Err("Not all required tasks are currently running.".to_owned())
                } else if state.stubborn.contains(&id) {
                    Err("the bucket says no".to_owned())
                } else if state.breaking.contains(&id) {
                    breaks = true;
                    state.until_back.insert(id, LOOKS_UNTIL_BACK);
                    Err(format!("Could not finalize {directory}/savepoint-1/_metadata"))
                } else {
                    ends = true;
                    Ok(format!("{directory}/savepoint-{}-000000000000", &id.to_string()[..6]))
                };
                state.stops.insert((id, trigger), end);
            }
        }
        if ends || breaks {
            let mut state = self.outside.state();
            let session = state.sessions.iter_mut().find(|s| s.application == self.application).unwrap();
            for job in session.jobs.iter_mut().filter(|job| job.id == id) {
                job.state = if ends { JobState::Finished } else { job.state };
                job.healthy = !breaks;
            }
        }
        self.outside.event().await
    }
    async fn stop_status(&self, id: JobId, trigger: TriggerId) -> Result<StopStatus, OutsideError> {
        self.find(id).await?;
        let failed = |message: &String| StopStatus::Failed { class: "X".to_owned(), message: message.clone() };
        let end = self.outside.state().stops.get(&(id, trigger)).cloned();
        Ok(match &end {
            Some(Ok(path)) => StopStatus::Completed(path.clone()),
            Some(Err(message)) => failed(message),
            None => StopStatus::Forgotten,
        })
    }
    async fn cancel(&self, id: JobId) -> Result<(), OutsideError> {
        let end =
            |jobs: &mut Vec<Job>| jobs.iter_mut().filter(|j| j.id == id).for_each(|j| j.state = JobState::Canceled);
        self.with(end).await?;
        self.outside.event().await
    }
    async fn checkpoints(&self, id: JobId) -> Result<Option<Checkpoints>, OutsideError> {
        self.find(id).await?;
        let stops = self.outside.state().stops.clone();
        let savepoint = stops.into_iter().find_map(|((run, _), end)| end.ok().filter(|_| run == id));
        Ok(Some(Checkpoints { ends_in_savepoint: savepoint.is_some(), savepoint, ..Checkpoints::default() }))
    }
    async fn failure(&self, _: JobId) -> Result<Option<String>, OutsideError> {
        Ok(None)
    }
    async fn effective(&self, _: JobId) -> Result<Option<Effective>, OutsideError> {
        Ok(None)
    }
    async fn restarts(&self, _: JobId) -> Result<Option<u64>, OutsideError> {
        Ok(None)
    }
}

#[async_trait]
impl SessionCluster for JobManager {
    async fn options(&self) -> Result<BTreeMap<String, String>, OutsideError> {
        Ok(BTreeMap::new())
    }
    async fn shut_down(&self) -> Result<(), OutsideError> {
        let live = self.with(|jobs| jobs.iter().filter(|job| !job.state.is_terminal()).cloned().collect::<Vec<_>>());
        assert!(live.await?.iter().all(|job| job.name == "stranger"), "a job would end without its savepoint");
        self.outside.end_session(&self.application);
        self.outside.event().await
    }
}
