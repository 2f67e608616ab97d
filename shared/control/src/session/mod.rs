//! The life of the session itself: one is there, how it stands, it is replaced with all jobs brought back.
//! Must not know HTTP, processes or the command line: all of them are behind ports.

mod checks;
mod documents;
mod ensure;
mod job_locks;
mod old_session;
mod ports;
mod restart;
mod status;
mod stopping;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use desired::manifest::JobName;
use desired::printable::readable;
use desired::session_settings::SessionSettings;
pub use documents::SessionDocuments;
pub use ensure::Ensured;
use lifecycle::documents::record::Record;
use lifecycle::flink::Look;
use lifecycle::keys::Keys;
use lifecycle::session::{LiveJob, Stranger};
pub use ports::{Life, Orders, RunningSession, SessionCluster, SessionSeen, SessionSelector, Sessions, StartError};
pub use restart::{RestartEnd, RestartOrder, RestartReport};
pub use status::{SessionState, SessionStatus};

use crate::errors::error_chain;
use crate::fan_out::FanOut;
use crate::poll::Waiting;
use crate::ports::{JobLocks, OutsideError, Store, World};

/// How many records are read at one time.
const READS: usize = 16;

/// Time spans of the session's administration.
#[derive(Clone, Copy, Debug)]
pub struct AdminTimes {
    /// How long the claim to start a session holds after a write.
    pub lease: Duration,
    /// How much longer others leave it alone.
    pub margin: Duration,
    /// How often things are looked at.
    pub poll: Duration,
    /// How long a session, or the return of the jobs, is waited for.
    pub wait: Duration,
    /// How long a stop with savepoint may take.
    pub stop: Duration,
    /// How long a cancel may take.
    pub cancel: Duration,
}

impl AdminTimes {
    /// How a session, or the return of the jobs, is waited for.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting { limit: self.wait, poll: self.poll }
    }
}

/// Everything that the session is administered with.
pub struct SessionAdmin {
    /// The bucket of the documents.
    pub store: Arc<dyn Store>,
    pub keys: Keys,
    /// The session's document.
    pub documents: SessionDocuments,
    /// Time and fresh ids.
    pub world: Arc<dyn World>,
    /// Where sessions live.
    pub sessions: Arc<dyn Sessions>,
    /// The locks of this node's jobs.
    pub locks: Arc<dyn JobLocks>,
    /// Who brings jobs back; nobody where that is up to the next deployment.
    pub orders: Option<Arc<dyn Orders>>,
    /// Which session.
    pub session: SessionSelector,
    /// What one is started with.
    pub settings: SessionSettings,
    /// Its time spans.
    pub times: AdminTimes,
    /// How many jobs are stopped at one time.
    pub wave: NonZeroU16,
    /// Who is told what goes on.
    pub tell: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Why something about the session was not done.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The store, YARN or the `JobManager`.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// It could not be started.
    #[error("no session was started")]
    Start(#[source] StartError),
    /// Which one is meant cannot be told.
    #[error("there are several sessions of this name: {}", .0.join(", "))]
    Several(Vec<String>),
    /// It was started and is over already.
    #[error("the session that was started ended at once: {0}")]
    EndedAtOnce(String),
    /// It is not there yet.
    #[error("the session is not there after {} s: {last}", waited.as_secs())]
    NotThere {
        /// How long it was waited for.
        waited: Duration,
        /// What was seen last.
        last: String,
    },
    /// Jobs that nobody would bring back.
    #[error("the session runs jobs that no record knows: {}", named(.0))]
    Strangers(Vec<Stranger>),
    /// Operations that are not at their end.
    #[error("operations are under way: {}", .0.join(", "))]
    Busy(Vec<String>),
    /// Others wrote the document again and again, or ended the restart meanwhile.
    #[error("the session's document is changed by others meanwhile")]
    Overtaken,
}

fn named(strangers: &[Stranger]) -> String {
    let all: Vec<String> = strangers.iter().map(|s| format!("{} ({})", readable(&s.name), s.job_id)).collect();
    all.join(", ")
}

impl SessionAdmin {
    fn tell(&self, text: &str) {
        (self.tell)(text);
    }

    /// Every record that can be read. Without its record a live job is a stranger, which nobody loses unknowingly.
    async fn records(&self) -> Result<Vec<Record>, OutsideError> {
        let is_record = |next: &crate::ports::Listed| {
            self.keys.job_of_record(&next.key).is_some_and(|name| JobName::try_from(name).is_ok())
        };
        let listed: Vec<_> = self.store.list(&self.keys.records()).await?.into_iter().filter(is_record).collect();
        let mut reads = FanOut::new(READS, listed, |next: crate::ports::Listed| {
            let store = Arc::clone(&self.store);
            async move { crate::documents::fetch::<Record>(store.as_ref(), &next.key).await }
        });
        let mut records = Vec::new();
        while let Some(read) = reads.next().await {
            let read = read.map_err(|error| OutsideError::unknown("reading the records", error))?;
            match read {
                Ok(found) => records.extend(found.map(|(record, _)| record)),
                Err(error @ OutsideError::Refused { .. }) => self.tell(&format!("left out: {}", error_chain(&error))),
                Err(error @ OutsideError::Unknown { .. }) => return Err(error),
            }
        }
        records.sort_by(|a: &Record, b: &Record| a.name.cmp(&b.name));
        Ok(records)
    }
}

/// The live jobs of a look: ours, and those that no record knows.
fn ours_and_strangers(look: &Look, records: &[Record]) -> (Vec<LiveJob>, Vec<Stranger>) {
    let (mut ours, mut strangers) = (Vec::new(), Vec::new());
    for job in look.jobs.iter().filter(|job| !job.state.is_terminal()) {
        match records.iter().find_map(|record| LiveJob::of(record, job.id)) {
            Some(live) => ours.push(live),
            None => strangers.push(Stranger { job_id: job.id, name: job.name.clone() }),
        }
    }
    (ours, strangers)
}
