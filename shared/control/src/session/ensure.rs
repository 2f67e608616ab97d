//! That one session is there: looks, takes the claim to start one, starts it, waits until its `JobManager` answers.
//! Must not know jobs.

use lifecycle::flink::Look;
use lifecycle::ids::Nonce;
use tokio::time::Instant;

use super::{RunningSession, SessionAdmin, SessionError, SessionSeen, StartError};
use crate::claims::lapsed;
use crate::errors::error_chain;
use crate::ports::OutsideError;

/// A session that is there.
#[derive(Clone, Debug)]
pub struct Ensured {
    pub session: RunningSession,
    /// What its `JobManager` shows.
    pub look: Look,
    /// Whether it was started here.
    pub started: bool,
}

/// What this process did about a session.
enum Attempt {
    None,
    /// One was submitted under this tag.
    Submitted(String),
    /// Whether one comes is unknown: nothing is started again.
    Unknown(StartError),
}

impl SessionAdmin {
    /// Waits until exactly one session is there; starts one if there is none and nobody else does.
    pub async fn ensure(&self) -> Result<Ensured, SessionError> {
        let holder = self.world.fresh_id().into();
        let mut tries = self.times.waiting().tries();
        let mut attempt = Attempt::None;
        loop {
            let last = match self.sessions.seen(&self.session).await {
                Ok(SessionSeen::Running(session)) => match self.sessions.cluster(&session)?.look().await {
                    Ok(look) => {
                        self.give_back(holder, &attempt).await;
                        return Ok(Ensured { session, look, started: !matches!(attempt, Attempt::None) });
                    }
                    // An attempt that just ended is shown for a moment yet, one that just began does not answer yet.
                    Err(error) => format!("{} runs, but {}", session.application, error_chain(&error)),
                },
                Ok(SessionSeen::Starting { application }) => format!("{application} is being started"),
                Ok(SessionSeen::Several(all)) => return Err(SessionError::Several(all)),
                Ok(SessionSeen::Absent { .. }) => match &attempt {
                    Attempt::None => match self.start_one(holder).await? {
                        Some(begun) => {
                            attempt = begun;
                            continue;
                        }
                        None => "another process is about to start it".to_owned(),
                    },
                    Attempt::Submitted(tag) => {
                        let told = self.sessions.told(tag).await?.unwrap_or_else(|| "YARN has forgotten it".to_owned());
                        self.give_back(holder, &attempt).await;
                        return Err(SessionError::EndedAtOnce(told));
                    }
                    // The program said itself that it failed, and nothing came of it.
                    Attempt::Unknown(StartError::Failed { program, message }) => {
                        let (program, message) = (program.clone(), message.clone());
                        return Err(SessionError::Start(StartError::Failed { program, message }));
                    }
                    Attempt::Unknown(error) => error_chain(error),
                },
                Err(error @ OutsideError::Refused { .. }) => return Err(error.into()),
                Err(error @ OutsideError::Unknown { .. }) => error_chain(&error),
            };
            if !tries.again().await {
                return Err(SessionError::NotThere { waited: self.times.wait, last });
            }
        }
    }

    /// Starts a session if nobody else is at it; nothing if somebody is, or one came meanwhile.
    async fn start_one(&self, holder: Nonce) -> Result<Option<Attempt>, SessionError> {
        let began = Instant::now();
        let Some(tag) = self.take(holder).await? else { return Ok(None) };
        // Whoever had the claim before may have started one since the last look.
        let seen = self.sessions.seen(&self.session).await;
        let absent = matches!(seen, Ok(SessionSeen::Absent { .. }));
        if !absent || began.elapsed() >= self.times.lease {
            self.give_back(holder, &Attempt::None).await;
            return Ok(None);
        }
        self.tell(&format!("starting `{}` as {tag}", self.settings.name));
        match self.started(holder, &tag, began).await? {
            Ok(()) => Ok(Some(Attempt::Submitted(tag))),
            Err(error @ (StartError::Settings(_) | StartError::NotBegun(_))) => {
                self.give_back(holder, &Attempt::None).await;
                Err(SessionError::Start(error))
            }
            // The claim stays: whoever comes next leaves what may still come the time to show up.
            Err(error @ (StartError::NoAnswer(_) | StartError::Failed { .. })) => Ok(Some(Attempt::Unknown(error))),
        }
    }

    /// Starts it while the claim is renewed; a claim that cannot be renewed ends the start within its lease.
    async fn started(
        &self,
        holder: Nonce,
        tag: &str,
        mut renewed: Instant,
    ) -> Result<Result<(), StartError>, SessionError> {
        let start = self.sessions.start(&self.settings, tag);
        tokio::pin!(start);
        loop {
            tokio::select! {
                done = &mut start => return Ok(done),
                () = tokio::time::sleep(self.times.lease / 3) => {
                    let began = Instant::now();
                    match self.documents.change(|document, _| document.is_held_by(holder)).await {
                        Ok(Some(_)) => renewed = began,
                        Ok(None) => return Err(SessionError::Overtaken),
                        Err(error) if renewed.elapsed() + self.times.lease / 3 >= self.times.lease => {
                            return Err(error.into());
                        }
                        Err(_) => {}
                    }
                }
            }
        }
    }

    /// The tag of the claim, if it is ours.
    async fn take(&self, holder: Nonce) -> Result<Option<String>, OutsideError> {
        let lease_ms = u64::try_from(self.times.lease.as_millis()).unwrap_or(u64::MAX);
        let (claim, margin) = (self.world.fresh_id().into(), self.times.margin);
        let taken = self.documents.change(|document, object| {
            let before = document.starting.as_ref().map_or(0, |starting| starting.lease_ms);
            document.take(holder, claim, lease_ms, object.is_none_or(|object| lapsed(before, margin, object)))
        });
        Ok(taken.await?.and_then(|document| document.starting).map(|starting| starting.tag))
    }

    /// Gives the claim back, if it is ours: the next one need not wait for its end. Nothing depends on it.
    async fn give_back(&self, holder: Nonce, attempt: &Attempt) {
        match attempt {
            Attempt::Unknown(_) => return,
            Attempt::None | Attempt::Submitted(_) => {}
        }
        if let Err(error) = self.documents.change(|document, _| document.give_back(holder)).await {
            tracing::warn!(error = error_chain(&error), "the claim to start a session lapses by itself");
        }
    }
}
