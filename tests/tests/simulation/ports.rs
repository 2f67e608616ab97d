//! The product's ports over the outside in memory; every call goes through the gate.
//! Must not decide anything: the store, the control plane and Flink say what comes of a call.

use std::sync::Arc;

use async_trait::async_trait;
use control::alerts::{Alert, Alerts};
use control::ports::{
    BatchOrder, Checkpoints, Child, Cluster, Dispatcher, Files, JobLock, JobLocks, Listed, Object, OutsideError,
    Precondition, Prepared, Progress, Put, SecretSource, StopStatus, Store, Submitted, Submitter, World,
};
use desired::effective::Effective;
use desired::launch::{Launch, Rejection};
use desired::manifest::JobName;
use desired::secrets::{SecretReference, SecretValue};
use jiff::Timestamp;
use lifecycle::act::Act;
use lifecycle::flink::{Epoch, JobSeen, Look};
use lifecycle::ids::{BatchId, Hex32, JobId, TriggerId};

use crate::faults::{Actor, Odd};
use crate::flink::{Answer, Nature, Submission};
use crate::sim::State;

/// The ports of one process.
#[derive(Clone)]
pub(crate) struct Port(pub(crate) Arc<Actor>);

/// `p/claims/1.json` as `claims/`, so that calls of one kind have one name.
fn class(key: &str) -> String {
    let rest = key.strip_prefix("p/").unwrap_or(key);
    rest.split_once('/').map_or_else(|| rest.to_owned(), |(folder, _)| format!("{folder}/"))
}

#[async_trait]
impl Store for Port {
    async fn get(&self, key: &str) -> Result<Option<Object>, OutsideError> {
        let (name, key) = (format!("store.get {}", class(key)), key.to_owned());
        // Plans and batches may have expired; whatever else is there is found.
        let expires = key.starts_with("p/plans/") || key.starts_with("p/batches/");
        let odd = if expires { Odd::not_found(None) } else { Odd::none() };
        self.0.call(name, odd, move |state| Ok(state.bucket.object(&key, state.now))).await
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, condition: Precondition) -> Result<Put, OutsideError> {
        let (name, key) = (format!("store.put {}", class(key)), key.to_owned());
        let odd = match condition {
            Precondition::Always => Odd::none(),
            Precondition::Absent | Precondition::Unchanged(_) => {
                Odd { not_found: Some(Put::Conflict), precondition: Some(Put::Conflict) }
            }
        };
        let writer = Arc::clone(&self.0);
        self.0.call(name, odd, move |state| Ok(state.put(&key, bytes, &condition, Some(&writer)))).await
    }

    async fn delete(&self, key: &str) -> Result<(), OutsideError> {
        let (name, key) = (format!("store.delete {}", class(key)), key.to_owned());
        let writer = Arc::clone(&self.0);
        self.0
            .call(name, Odd::none(), move |state| {
                state.delete(&key, Some(&writer));
                Ok(())
            })
            .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, OutsideError> {
        let (name, prefix) = (format!("store.list {}", class(prefix)), prefix.to_owned());
        self.0.call(name, Odd::none(), move |state| Ok(state.bucket.list(&prefix))).await
    }
}

#[async_trait]
impl Files for Port {
    async fn children(&self, directory: &str) -> Result<Vec<Child>, OutsideError> {
        let directory = directory.to_owned();
        let act = move |state: &mut State| Ok(state.flink.states.children(&directory));
        self.0.call("files.children".to_owned(), Odd::none(), act).await
    }

    async fn head(&self, file: &str, length: usize) -> Result<Option<Vec<u8>>, OutsideError> {
        let file = file.to_owned();
        let act = move |state: &mut State| Ok(state.flink.states.head(&file, length));
        self.0.call("files.head".to_owned(), Odd::none(), act).await
    }
}

#[async_trait]
impl Dispatcher for Port {
    async fn find(&self, batch: BatchId) -> Result<Progress, OutsideError> {
        // Whatever the answer is: it was asked for.
        self.0.sim.lock().looked_for(&self.0, batch);
        let act = move |state: &mut State| Ok(state.plane.find(batch, state.now));
        self.0.call("dispatcher.find".to_owned(), Odd::not_found(Progress::NotFound), act).await
    }

    async fn send(&self, order: &BatchOrder) -> Result<String, OutsideError> {
        let (actor, order) = (Arc::clone(&self.0), order.clone());
        let act = move |state: &mut State| {
            state.judge_sending(&actor, &order);
            Ok(state.send(&order))
        };
        self.0.call("dispatcher.send".to_owned(), Odd::none(), act).await
    }
}

impl World for Port {
    fn now(&self) -> Timestamp {
        self.0.sim.lock().timestamp()
    }
    fn fresh_id(&self) -> Hex32 {
        self.0.sim.lock().fresh_id()
    }
    fn query_id(&self) -> String {
        self.0.sim.lock().fresh_id().to_string()
    }
    fn local_time(&self, now: Timestamp) -> String {
        now.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

#[async_trait]
impl Alerts for Port {
    async fn raise(&self, alert: &Alert) -> Result<(), OutsideError> {
        let line = format!("{}: {}", alert.kind, alert.subject());
        let act = move |state: &mut State| {
            state.alerts.push(line);
            Ok(())
        };
        self.0.call("alerts.raise".to_owned(), Odd::none(), act).await
    }
}

/// The session that a runner found, as that runner speaks to it.
#[derive(Clone)]
pub(crate) struct SessionPort {
    pub(crate) actor: Arc<Actor>,
    /// Nothing where there is no session.
    pub(crate) session: Option<(usize, u32)>,
}

impl SessionPort {
    /// A call to the JobManager that was found; nobody else answers for it.
    async fn ask<T: Send + 'static>(
        &self,
        name: &str,
        act: impl FnOnce(&mut State, usize) -> T + Send + 'static,
    ) -> Result<T, OutsideError> {
        let session = self.session;
        let what = name.to_owned();
        let act = move |state: &mut State| {
            let Some((session, attempt)) = session else {
                return Err(OutsideError::refused(what, "no session cluster is there"));
            };
            if !state.flink.answers(session, attempt) {
                return Err(OutsideError::unknown(what, "connection refused"));
            }
            Ok(act(state, session))
        };
        self.actor.call(name.to_owned(), Odd::none(), act).await
    }
}

#[async_trait]
impl Cluster for SessionPort {
    async fn look(&self) -> Result<Look, OutsideError> {
        self.ask("cluster.look", |state, session| state.flink.look(session, state.timestamp())).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobSeen>, OutsideError> {
        self.ask("cluster.job", move |state, session| state.flink.known(session, id).map(crate::flink::Job::seen)).await
    }

    async fn is_over(&self, epoch: &Epoch) -> Result<bool, OutsideError> {
        let epoch = epoch.clone();
        let act = move |state: &mut State| Ok(state.flink.is_over(&epoch));
        self.actor.call("cluster.is_over".to_owned(), Odd::none(), act).await
    }

    async fn stop(&self, id: JobId, trigger: TriggerId, directory: &str) -> Result<(), OutsideError> {
        let (actor, directory) = (Arc::clone(&self.actor), directory.to_owned());
        self.ask("cluster.stop", move |state, session| {
            crate::rules::judge_act(state, &actor, "stop", id);
            state.flink.stop(session, id, trigger, &directory);
        })
        .await
    }

    async fn savepoint(&self, id: JobId, trigger: TriggerId, directory: &str) -> Result<(), OutsideError> {
        let (actor, directory) = (Arc::clone(&self.actor), directory.to_owned());
        self.ask("cluster.savepoint", move |state, session| {
            crate::rules::judge_act(state, &actor, "savepoint", id);
            state.flink.savepoint(session, id, trigger, &directory);
        })
        .await
    }

    async fn stop_status(&self, id: JobId, trigger: TriggerId) -> Result<StopStatus, OutsideError> {
        self.ask("cluster.stop_status", move |state, session| state.flink.stop_status(session, id, trigger)).await
    }

    async fn cancel(&self, id: JobId) -> Result<(), OutsideError> {
        let actor = Arc::clone(&self.actor);
        self.ask("cluster.cancel", move |state, session| {
            crate::rules::judge_act(state, &actor, "cancel", id);
            crate::put_down::judge_cancel(state, &actor, id);
            state.flink.cancel(session, id);
        })
        .await
    }

    async fn checkpoints(&self, id: JobId) -> Result<Option<Checkpoints>, OutsideError> {
        self.ask("cluster.checkpoints", move |state, session| {
            let savepoint_in_progress =
                state.flink.stops.iter().any(|stop| stop.session == session && stop.run == id && stop.is_under_way());
            state.flink.known(session, id).map(|job| Checkpoints {
                savepoint_in_progress,
                saving: None,
                completed: job.completed,
                failed: 0,
                failure: None,
                savepoint: job.savepoint.clone(),
                newest: job.last_checkpoint.clone(),
                newest_ms: job.last_checkpoint.as_ref().and(job.triggered),
                triggered_ms: job.triggered,
                completed_ms: job.triggered,
                size: None,
                ends_in_savepoint: job.ends_in_savepoint,
                restored: job.restored.clone(),
            })
        })
        .await
    }

    async fn failure(&self, id: JobId) -> Result<Option<String>, OutsideError> {
        self.ask("cluster.failure", move |state, session| {
            state.flink.known(session, id).and_then(|job| job.last_failure.clone())
        })
        .await
    }

    async fn effective(&self, id: JobId) -> Result<Option<Effective>, OutsideError> {
        self.ask("cluster.effective", move |state, session| {
            state.flink.known(session, id).map(|_| Effective { parallelism: Some(1), ..Effective::default() })
        })
        .await
    }

    async fn restarts(&self, id: JobId) -> Result<Option<u64>, OutsideError> {
        self.ask("cluster.restarts", move |state, session| state.flink.known(session, id).map(|job| job.restarts)).await
    }
}

/// The warm client of one runner: what it prepared is what it can submit.
pub(crate) struct Client {
    pub(crate) session: SessionPort,
    pub(crate) prepared: std::sync::Mutex<std::collections::BTreeMap<JobId, Launch>>,
}

#[async_trait]
impl Submitter for Client {
    async fn prepare(&self, key: JobId, launch: &Launch) -> Result<Prepared, OutsideError> {
        self.prepared.lock().unwrap().insert(key, launch.clone());
        let (nature, slots) = (Nature::of(&launch.body), launch.slots);
        let compiled = move |_: &mut State, _| {
            if nature.compiles {
                return Prepared::Compiled { bounded: Some(nature.bounded.is_some()), slots: Some(slots) };
            }
            let message = "Object 'nowhere' not found".to_owned();
            let kind = "query".to_owned();
            Prepared::Rejected(Rejection { kind, origin: None, message, line: None, column: None })
        };
        self.session.ask("submitter.prepare", compiled).await
    }

    async fn submit(&self, key: JobId, id: JobId, restore: Option<&str>) -> Result<Submitted, OutsideError> {
        let launch = self.prepared.lock().unwrap()[&key].clone();
        let restore = restore.map(str::to_owned);
        let actor = Arc::clone(&self.session.actor);
        self.session
            .ask("submitter.submit", move |state, session| {
                crate::rules::judge_act(state, &actor, "submit", id);
                crate::rules::judge_version(state, &launch);
                let act = crate::rules::ordered_of(state, id);
                let allowed = state.judge.may_forget.contains(launch.name.as_str());
                let may_forget = allowed || act == Some(Act::RestartClean);
                let older = act.is_some_and(|act| act.given().is_some() && act.given() == restore.as_deref());
                let submission = Submission { older, ..Submission::of(id, &launch, restore.as_deref(), may_forget) };
                match state.flink.submit(session, &submission) {
                    Answer::Accepted => Submitted::Accepted,
                    Answer::Duplicate => Submitted::Duplicate,
                    Answer::Rejected(why) => Submitted::Rejected(why),
                }
            })
            .await
    }
}

/// The locks of the node: a hung runner keeps its jobs locked, a dead one does not.
#[async_trait]
impl JobLocks for Port {
    async fn acquire(&self, _: &JobName) -> Result<Box<dyn JobLock>, OutsideError> {
        Ok(Box::new(Nobody))
    }
}

struct Nobody;

impl JobLock for Nobody {
    fn release(self: Box<Self>) {}
}

#[async_trait]
impl SecretSource for Port {
    async fn read(&self, reference: &SecretReference) -> Result<SecretValue, OutsideError> {
        Err(OutsideError::refused("reading a secret", format!("{reference:?} is not there")))
    }
}
