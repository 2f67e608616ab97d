//! The JobManager that a batch is carried out against, once it answers; how often it is asked, and what is said if it
//! does not. Must not know what is asked of it later.

use std::time::Duration;

use control::errors::error_chain;
use control::ports::OutsideError;
use flink::flink_rest::FlinkRest;
use flink::target::DeploymentTarget;

/// How often a JobManager at a known address is asked, and the pause in between: about as long as one takes to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    pub count: u32,
    pub pause: Duration,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { count: 5, pause: Duration::from_secs(3) }
    }
}

/// No cluster to carry anything out against.
#[derive(Debug)]
pub struct NotReached {
    /// What was looked for.
    pub what: String,
    /// What was found.
    pub message: String,
    /// That nobody answered, where that is all that is known.
    pub unanswered: Option<OutsideError>,
}

/// The JobManager, if it answers.
pub async fn reach(target: &DeploymentTarget, attempts: Attempts) -> Result<FlinkRest, NotReached> {
    let mut tried = 1;
    loop {
        match try_once(target).await {
            Ok(cluster) => return Ok(cluster),
            Err(OutsideError::Refused { what, message }) => {
                return Err(NotReached { what, message, unanswered: None });
            }
            Err(error) if tried >= attempts_at(target, attempts) => return Err(unanswered(target, error)),
            Err(error) => tracing::warn!(tried, error = error_chain(&error), "the JobManager does not answer"),
        }
        tried += 1;
        tokio::time::sleep(attempts.pause).await;
    }
}

async fn try_once(target: &DeploymentTarget) -> Result<FlinkRest, OutsideError> {
    let cluster = target.resolve().await?;
    cluster.epoch().await?;
    Ok(cluster)
}

/// A session on YARN was waited for already.
fn attempts_at(target: &DeploymentTarget, attempts: Attempts) -> u32 {
    match target {
        DeploymentTarget::Remote(..) => attempts.count,
        DeploymentTarget::Yarn(_) => 1,
    }
}

fn unanswered(target: &DeploymentTarget, error: OutsideError) -> NotReached {
    let what = match target {
        DeploymentTarget::Remote(endpoint, _) => format!("reach the JobManager at {endpoint}"),
        DeploymentTarget::Yarn(_) => "reach the Flink session".to_owned(),
    };
    let message = format!("it does not answer: {}; nothing was done", error_chain(&error));
    NotReached { what, message, unanswered: Some(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_does_not_answer_is_asked_so_many_times_and_named() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let target = DeploymentTarget::Remote(closed.to_string().parse().unwrap(), None);
        let pause = Duration::from_millis(50);
        let began = std::time::Instant::now();
        let NotReached { what, message, unanswered } = reach(&target, Attempts { count: 3, pause }).await.unwrap_err();
        assert!(began.elapsed() >= pause * 2, "{:?}", began.elapsed());
        assert_eq!(what, format!("reach the JobManager at {closed}"));
        assert!(message.contains("Connection refused") && message.ends_with("nothing was done"), "{message}");
        assert!(unanswered.is_some());
    }
}
