//! Starting a Flink session on YARN by Flink's own program.
//! Must not know who may start one, nor which one runs.

use std::path::PathBuf;
use std::time::Duration;

use control::session::StartError;
use desired::session_settings::SessionSettings;

use crate::process::{ProcessError, Program};

/// How a session is started on this node.
#[derive(Clone, Debug)]
pub struct SessionStarter {
    /// Flink's `yarn-session.sh`, or EMR's `flink-yarn-session`.
    pub program: PathBuf,
    /// Variables beside this process's own.
    pub environment: Vec<(String, String)>,
    /// Where everything that it prints is appended.
    pub log: Option<PathBuf>,
    /// How long it may take.
    pub limit: Duration,
}

impl SessionStarter {
    /// Submits a session under a tag by which it is known again; it may come even if this fails.
    pub async fn start(&self, settings: &SessionSettings, tag: &str) -> Result<(), StartError> {
        let mut arguments = vec!["-d".to_owned(), "-nm".to_owned(), settings.name.clone()];
        if let Some(queue) = &settings.queue {
            arguments.extend(["-qu".to_owned(), queue.clone()]);
        }
        arguments.push(format!("-Dyarn.tags={tag}"));
        arguments.extend(settings.effective()?.iter().map(|(name, value)| format!("-D{name}={value}")));
        let mut program = Program::new(&self.program).arguments(arguments);
        for (name, value) in &self.environment {
            program = program.variable(name, value);
        }
        if let Some(log) = &self.log {
            program = program.log(log);
        }
        let ended = program.run(self.limit).await.map_err(not_started)?;
        if ended.status.success() {
            return Ok(());
        }
        let message = desired::printable::cut(&crate::text::one_line(&ended.stderr), 1000);
        Err(StartError::Failed { program: self.program.display().to_string(), message })
    }
}

/// A program that did not begin started nothing; of one that gave no answer nobody knows.
fn not_started(error: ProcessError) -> StartError {
    match error {
        ProcessError::Start { .. } | ProcessError::Log { .. } => StartError::NotBegun(Box::new(error)),
        ProcessError::Wait { .. } | ProcessError::Late { .. } => StartError::NoAnswer(Box::new(error)),
    }
}
