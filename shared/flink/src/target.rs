//! Where jobs are deployed: a `JobManager` at a known address, or a session on YARN that is looked for.
//! Must not know what is asked of it.

use std::time::Duration;

use control::poll::Waiting;
use control::ports::OutsideError;
use control::session::{SessionSeen, SessionSelector};
use lifecycle::endpoint::Endpoint;

use crate::flink_rest::FlinkRest;
use crate::http::Timeouts;
use crate::tls::JobManagerTls;
use crate::yarn_rest::YarnRest;

/// How often a session that is not there yet is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// The session cluster that jobs are deployed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentTarget {
    /// A `JobManager` at a known address, perhaps behind TLS: a standalone cluster.
    Remote(Endpoint, Option<JobManagerTls>),
    /// A session on YARN.
    Yarn(YarnTarget),
}

/// A session on YARN and how it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YarnTarget {
    /// The `ResourceManager`'s REST addresses.
    pub managers: Vec<Endpoint>,
    pub session: SessionSelector,
    /// How long a session that is being started, or a `ResourceManager` that does not answer, is waited for.
    pub wait: Duration,
    /// The limits of one question.
    pub timeouts: Timeouts,
    /// How its `JobManager` is spoken to, if it is behind TLS.
    pub tls: Option<JobManagerTls>,
}

impl DeploymentTarget {
    /// The `JobManager` at this moment; a YARN session's may be another one with every call.
    pub async fn resolve(&self) -> Result<FlinkRest, OutsideError> {
        match self {
            Self::Remote(endpoint, tls) => FlinkRest::at(endpoint.clone(), Timeouts::default(), tls.clone()),
            Self::Yarn(target) => target.resolve().await,
        }
    }
}

impl YarnTarget {
    async fn resolve(&self) -> Result<FlinkRest, OutsideError> {
        let yarn = YarnRest::new(&self.managers, self.timeouts)?;
        let mut tries = Waiting { limit: self.wait, poll: LOOK }.tries();
        loop {
            let missing = match yarn.session(&self.session).await {
                Ok(SessionSeen::Running(session)) => {
                    let rest = FlinkRest::of_session(session, yarn.clone(), Timeouts::default(), self.tls.clone())?;
                    // An attempt that just ended is shown for a moment yet, one that just began does not answer yet.
                    match rest.epoch().await {
                        Ok(_) => return Ok(rest),
                        Err(error) => error,
                    }
                }
                Ok(SessionSeen::Starting { application }) => OutsideError::unknown(
                    "find the Flink session",
                    format!("{application} has no JobManager yet: it is being started"),
                ),
                // A session that is restarted by hand is gone for a moment, and one that is not there is said at the end.
                Ok(SessionSeen::Absent { others }) => self.absent(&others),
                Ok(SessionSeen::Several(all)) => return Err(self.ambiguous(&all)),
                Err(error @ OutsideError::Refused { .. }) => return Err(error),
                Err(error @ OutsideError::Unknown { .. }) => error,
            };
            if !tries.again().await {
                return Err(missing);
            }
        }
    }

    fn absent(&self, others: &[String]) -> OutsideError {
        let others = match others {
            [] => "no Flink application is there".to_owned(),
            some => format!("there are: {}", some.join(", ")),
        };
        OutsideError::refused(
            format!("find {}", self.session),
            format!("it does not run; {others}; `flink-sql-runner session ensure` starts one"),
        )
    }

    fn ambiguous(&self, all: &[String]) -> OutsideError {
        let message = format!("there are several: {}; name one with --session-id, or end the others", all.join(", "));
        OutsideError::refused(format!("find {}", self.session), message)
    }
}
