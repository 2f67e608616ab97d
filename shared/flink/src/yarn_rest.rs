//! The `ResourceManager` by its REST API: which session runs, where its `JobManager` listens, what can still be granted.
//! Must not know jobs; it only reads, and never follows the links it is given.

mod answers;
#[cfg(test)]
mod fuzz_tests;

pub use answers::attempt_of_container;
use answers::{Application, Applications, Cluster, Nodes, One, Setting};
use control::ports::OutsideError;
use control::session::{Life, RunningSession, SessionSeen, SessionSelector};
use lifecycle::endpoint::Endpoint;

use crate::endpoint::base_url;
use crate::http::{Http, HttpReply, Timeouts};

const INFO: &str = "/ws/v1/cluster/info";

/// The `ResourceManager`, at one of several addresses.
#[derive(Clone, Debug)]
pub struct YarnRest {
    managers: Vec<Http>,
}

impl YarnRest {
    /// The `ResourceManager` at these addresses; connects to nothing yet.
    pub fn new(addresses: &[Endpoint], timeouts: Timeouts) -> Result<Self, OutsideError> {
        let managers = addresses.iter().map(|a| Http::new(&base_url(a), timeouts, None)).collect::<Result<_, _>>()?;
        Ok(Self { managers })
    }

    /// The session that `selector` names.
    pub async fn session(&self, selector: &SessionSelector) -> Result<SessionSeen, OutsideError> {
        let what = "ask the ResourceManager for the Flink session";
        let path =
            "/ws/v1/cluster/apps?states=NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING&applicationTypes=Apache%20Flink";
        let (manager, answer) = self.ask(path).await?;
        let all = answer.json::<Applications>(what)?.into_vec();
        let (wanted, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|application| match selector {
            SessionSelector::Named(name) => application.name == *name,
            SessionSelector::Application(id) => application.id == *id,
        });
        match wanted.as_slice() {
            [] if !info(manager).await?.is_active() => Err(OutsideError::unknown(what, "it is being started")),
            [] => Ok(SessionSeen::Absent { others: others.iter().map(Application::described).collect() }),
            [one] => Ok(one
                .running()
                .map_or_else(|| SessionSeen::Starting { application: one.id.clone() }, SessionSeen::Running)),
            several => Ok(SessionSeen::Several(several.iter().map(Application::described).collect())),
        }
    }

    /// What became of an application.
    ///
    /// A `ResourceManager` forgets ended applications after a while, never live ones; only one that was restarted
    /// without its state may have forgotten an application whose containers are still there.
    pub async fn life(&self, application: &str) -> Result<Life, OutsideError> {
        let what = format!("ask the ResourceManager for {application}");
        let (manager, answer) = self.ask(&format!("/ws/v1/cluster/apps/{application}")).await?;
        if !answer.is_not_found() {
            let One { app } = answer.json(&what)?;
            return Ok(if app.is_over() { Life::Over } else { Life::Live });
        }
        Ok(if info(manager).await?.knows_what_it_started(application) { Life::Over } else { Life::Forgotten })
    }

    /// How many more containers of `megabytes` the nodes can hold now.
    ///
    /// By memory only: Hadoop's default calculator grants by nothing else. What a queue's limits or reservations take
    /// away is not seen; Flink waits for those, and the start-up window bounds it.
    pub async fn grantable(&self, megabytes: u64) -> Result<u32, OutsideError> {
        let what = "ask the ResourceManager for free memory";
        let (_, answer) = self.ask("/ws/v1/cluster/nodes?states=RUNNING").await?;
        let room = answer.json::<Nodes>(what)?.room_for(megabytes);
        room.ok_or_else(|| OutsideError::unknown(what, "no node is in service: it is being started"))
    }

    /// Whether the `ResourceManager` keeps its state over a restart: without it, a restart ends every session.
    pub async fn recovers(&self) -> Result<bool, OutsideError> {
        let (_, answer) = self.ask(INFO).await?;
        Ok(answer.json::<Cluster>("ask the ResourceManager for its state store")?.recovers())
    }

    /// What became of the applications with this tag, for people; nothing if there is none.
    pub async fn told(&self, tag: &str) -> Result<Option<String>, OutsideError> {
        let what = format!("ask the ResourceManager for applications tagged {tag}");
        let (_, answer) = self.ask(&format!("/ws/v1/cluster/apps?applicationTags={tag}")).await?;
        let all: Vec<String> = answer.json::<Applications>(&what)?.into_vec().iter().map(Application::told).collect();
        Ok((!all.is_empty()).then(|| all.join(", ")))
    }

    /// One of Hadoop's own settings, as the `ResourceManager` has it; nothing if it is not set.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, OutsideError> {
        let (_, answer) = self.ask(&format!("/conf?name={name}")).await?;
        if answer.is_not_found() {
            return Ok(None);
        }
        Ok(answer.json::<Setting>(&format!("ask the ResourceManager for {name}"))?.property.value)
    }

    /// The first address that gives an answer of its own, and that answer: a standby refers to the active one, which is
    /// asked as well.
    async fn ask(&self, path: &str) -> Result<(&Http, HttpReply), OutsideError> {
        let mut last = OutsideError::refused("ask the ResourceManager", "no address of it is configured");
        for manager in &self.managers {
            match manager.get(path).await {
                Ok(answer) if answer.is_redirect() => {
                    last = OutsideError::unknown("ask the ResourceManager", "only a standby answered");
                }
                Ok(answer) => return Ok((manager, answer)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Who this `ResourceManager` is. It answers before it has read its state, and then knows no application.
async fn info(manager: &Http) -> Result<Cluster, OutsideError> {
    manager.get(INFO).await?.json("ask the ResourceManager who it is")
}
