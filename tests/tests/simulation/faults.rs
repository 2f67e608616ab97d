//! The gate through which every outside call of an orchestrator or a runner goes, and the faults that meet calls there.
//! Must not know what a call is about: it knows who calls, its name and its number.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use control::ports::OutsideError;
use lifecycle::ids::Nonce;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::sim::{Sim, State};

/// How long a caller waits for an answer.
pub(crate) const TIME_OUT: Duration = Duration::from_secs(10);
/// How long after its begin a call that timed out may still be carried out: less than the margin.
pub(crate) const LATE: Duration = Duration::from_secs(55);
/// How long a hung process hangs: longer than lease and margin.
pub(crate) const HANGS: Duration = Duration::from_mins(5);

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    /// The caller dies before it.
    DiedBefore,
    /// It is done, then the caller dies.
    DiedAfter,
    /// It is done, the reply never comes.
    ReplyLost,
    /// The caller gives up waiting, and then it is done.
    DoneLate,
    /// It is throttled, and so is every one like it for a while.
    Throttled,
    /// It fails with an error of the server and is not done.
    ServerError,
    /// What it asks for is not there (yet), or not any more.
    NotFound,
    /// Its condition is said not to hold.
    Precondition,
    /// Somebody else does the same just before.
    Rival,
    /// It is done, and its caller hangs beyond its lease before it goes on.
    Hangs,
    /// A newer wish comes and is worked off before it.
    Overtaken,
}

impl Fault {
    pub(crate) const ALL: [Self; 11] = [
        Self::DiedBefore,
        Self::DiedAfter,
        Self::ReplyLost,
        Self::DoneLate,
        Self::Throttled,
        Self::ServerError,
        Self::NotFound,
        Self::Precondition,
        Self::Rival,
        Self::Hangs,
        Self::Overtaken,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiedBefore => "died before",
            Self::DiedAfter => "died after",
            Self::ReplyLost => "reply lost",
            Self::DoneLate => "done but timed out",
            Self::Throttled => "throttled",
            Self::ServerError => "5xx",
            Self::NotFound => "404 or stale",
            Self::Precondition => "precondition failed",
            Self::Rival => "somebody else before",
            Self::Hangs => "hangs beyond the lease",
            Self::Overtaken => "overtaken by a newer wish",
        })
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    Orchestrator,
    Runner,
}

/// What a call may be answered with instead of the truth.
pub(crate) struct Odd<T> {
    pub(crate) not_found: Option<T>,
    pub(crate) precondition: Option<T>,
}

impl<T> Odd<T> {
    pub(crate) fn none() -> Self {
        Self { not_found: None, precondition: None }
    }
    pub(crate) fn not_found(answer: T) -> Self {
        Self { not_found: Some(answer), precondition: None }
    }
}

/// One call that went through the gate.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) number: usize,
    pub(crate) caller: Caller,
    pub(crate) name: String,
    pub(crate) may_be_absent: bool,
    pub(crate) may_conflict: bool,
}

/// One process: an invocation of the function, or a runner.
pub(crate) struct Actor {
    pub(crate) sim: Arc<Sim>,
    pub(crate) caller: Caller,
    pub(crate) nonce: Nonce,
    /// The same once more, by somebody else.
    pub(crate) again: crate::driver::Again,
    /// Its calls meet no faults: it is somebody's rival.
    pub(crate) charmed: bool,
    dead: AtomicBool,
    died: Notify,
    /// Until when it hangs.
    hangs: std::sync::Mutex<Option<Instant>>,
}

impl Actor {
    pub(crate) fn new(sim: &Arc<Sim>, caller: Caller, again: crate::driver::Again, charmed: bool) -> Arc<Self> {
        let nonce = sim.lock().fresh_id().into();
        let actor = Arc::new(Self {
            sim: Arc::clone(sim),
            caller,
            nonce,
            again,
            charmed,
            dead: AtomicBool::new(false),
            died: Notify::new(),
            hangs: std::sync::Mutex::new(None),
        });
        sim.lock().actors.push(Arc::downgrade(&actor));
        actor
    }

    pub(crate) fn id(&self) -> lifecycle::ids::Hex32 {
        self.nonce.to_string().parse().unwrap()
    }

    /// Runs what this process does until it ends or dies.
    pub(crate) async fn live<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        tokio::select! {
            biased;
            () = self.died.notified() => None,
            done = &mut work => Some(done),
        }
    }

    /// It ends at once, in the middle of whatever it does.
    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    async fn die(&self) -> ! {
        self.kill();
        std::future::pending().await
    }

    fn hangs_until(&self) -> Option<Instant> {
        self.hangs.lock().unwrap().filter(|until| *until > Instant::now())
    }

    /// One call. `act` is what it does out there, at the moment when it is done.
    pub(crate) async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        name: String,
        odd: Odd<T>,
        act: impl FnOnce(&mut State) -> Result<T, OutsideError> + Send + 'static,
    ) -> Result<T, OutsideError> {
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if let Some(until) = self.hangs_until() {
            sleep_until(until).await;
            // The process slept through this call: whatever it had sent is long over.
            return Err(unknown(&name, "the process hung"));
        }
        let (fault, took) = self.sim.lock().passes(self, &name, &odd);
        sleep(took).await;
        let Some(fault) = fault else { return act(&mut self.sim.lock()) };
        match fault {
            Fault::DiedBefore => self.die().await,
            Fault::DiedAfter => {
                let _ = act(&mut self.sim.lock());
                self.die().await
            }
            Fault::ReplyLost => {
                act(&mut self.sim.lock())?;
                sleep(TIME_OUT).await;
                Err(unknown(&name, "the reply was lost"))
            }
            Fault::DoneLate => {
                let sim = Arc::clone(&self.sim);
                tokio::spawn(async move {
                    sleep(LATE).await;
                    let _ = act(&mut sim.lock());
                });
                sleep(TIME_OUT).await;
                Err(unknown(&name, "no answer in time"))
            }
            Fault::Throttled | Fault::ServerError => Err(unknown(&name, "503")),
            Fault::NotFound => odd.not_found.map_or_else(|| act(&mut self.sim.lock()), Ok),
            Fault::Precondition => odd.precondition.map_or_else(|| act(&mut self.sim.lock()), Ok),
            Fault::Rival => {
                self.again.rival(self).await;
                act(&mut self.sim.lock())
            }
            Fault::Hangs => {
                let done = act(&mut self.sim.lock());
                let until = Instant::now() + HANGS;
                *self.hangs.lock().unwrap() = Some(until);
                sleep_until(until).await;
                done
            }
            Fault::Overtaken => {
                self.again.overtaken(&self.sim).await;
                act(&mut self.sim.lock())
            }
        }
    }
}

fn unknown(what: &str, why: &str) -> OutsideError {
    OutsideError::unknown(what, why.to_owned())
}
