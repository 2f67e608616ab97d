//! What ends a command early: each error says what, why and the way out, once.
//! Must not know how it is shown.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use aws::FunctionError;
use control::ports::OutsideError;
use control::session::{SessionError, StartError};
use desired::diagnostics::Diagnostic;
use desired::manifest::JobName;
use orchestrator::actions::ActionError;
use orchestrator::config::ConfigError;
use orchestrator::envelope::{Problem, ProblemKind};

use crate::exit::Exit;
use crate::render::{count, span};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// It was called in a way that has no meaning.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// The way out.
        help: String,
    },
    /// The settings are refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A local file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A local file cannot be written.
    #[error("{} cannot be written", path.display())]
    NotWritten {
        /// The file or folder.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The result did not reach stdout.
    #[error("the result could not be written to stdout")]
    NotShown(#[source] std::io::Error),
    /// Somebody pressed Ctrl-C before the function answered.
    #[error("ended by Ctrl-C before the function answered: whether it did what was asked is unknown")]
    Interrupted,
    /// The time that the command was to wait was up before the function answered.
    #[error("the function did not answer within {}: whether it did what was asked is unknown", span(*.0))]
    NotInTime(Duration),
    /// The outside gave no usable answer.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The function gave no answer.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// What the function did not do.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// What came back is no answer.
    #[error("the answer of `{function}` is not understood")]
    NoAnswer {
        function: String,
        #[source]
        source: serde_json::Error,
    },
    /// The file that says what a session is started with.
    #[error("{}", without_help(.0))]
    Settings(Box<Diagnostic>),
    /// A local file that would be refused, whatever it is for.
    #[error("{}", without_help(.0))]
    Refused(Box<Diagnostic>),
    /// Local files without which nothing can be said.
    #[error("{}", unread(.0))]
    Unread(Vec<Diagnostic>),
    /// Somebody else wrote the file that was to be replaced.
    #[error("{path} was {how} meanwhile: nothing was uploaded")]
    Overtaken { path: String, how: &'static str },
    /// The plans of operations cannot be read.
    #[error("the plan of the operation cannot be read")]
    Plans(#[source] OutsideError),
    /// What a saved plan rests on is not as it was.
    #[error("the saved plan is out of date:\n  {}", .0.join("\n  "))]
    MovedOn(Vec<String>),
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Something that cannot be.
    #[error("{0}")]
    Defect(String),
}

impl From<ActionError> for CliError {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Outside(error) => Self::Outside(error),
            ActionError::NothingWaits { message, help } => Self::usage(message, help),
        }
    }
}

impl CliError {
    /// A wrong call and the way out.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    /// Jobs that nobody knows were named.
    pub(crate) fn unknown_jobs(names: &[JobName]) -> Self {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("nothing is recorded or uploaded for a job named {}", names.join(", "));
        Self::usage(message, "`status` without a name lists the jobs")
    }

    /// What came back answers another question.
    pub(crate) fn other_answer() -> Self {
        Self::Defect("an answer to another question came back".to_owned())
    }

    /// The exit code it leads to.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::Config(_) | Self::File { .. } | Self::NotWritten { .. } => Exit::Usage,
            Self::NotShown(_) => Exit::Unreachable,
            Self::Interrupted => Exit::Interrupted,
            Self::NotInTime(_) => Exit::Unknown,
            Self::Outside(_) | Self::Plans(_) | Self::NoAnswer { .. } => Exit::Unreachable,
            Self::Function(error) => function_exit(error),
            Self::Problem(problem) => problem_exit(problem.kind),
            Self::Settings(_) | Self::Refused(_) | Self::Unread(_) => Exit::Invalid,
            Self::MovedOn(_) | Self::Overtaken { .. } => Exit::Held,
            Self::Session(error) => session_exit(error),
            Self::Defect(_) => Exit::Defect,
        }
    }

    /// The way out.
    pub(crate) fn help(&self) -> Option<&str> {
        match self {
            Self::Usage { help, .. } => Some(help),
            Self::Config(_) => Some("set them in the environment; `--help` lists the ones that have a flag"),
            Self::File { .. } => None,
            Self::NotWritten { source, .. } => not_written(source.kind()),
            Self::NotShown(_) => {
                Some("make room where it goes; what was ordered stands: `status` tells how jobs stand")
            }
            Self::Interrupted | Self::NotInTime(_) => {
                Some("`status` tells how jobs stand, `history NAME` what was decided and by whom")
            }
            Self::Outside(_) if self.causes().iter().any(|cause| cause.contains("region")) => Some("set AWS_REGION"),
            Self::Outside(OutsideError::Refused { .. }) => Some(REFUSED),
            Self::Outside(OutsideError::Unknown { .. }) => Some(UNKNOWN),
            Self::Function(error) => Some(function_help(error)),
            Self::Problem(problem) => problem.help.as_deref().or_else(|| problem_help(problem.kind)),
            Self::NoAnswer { .. } => Some("the function and this program are of different versions: upgrade the older"),
            Self::Settings(found) | Self::Refused(found) => found.help.as_deref(),
            Self::Unread(_) => Some("correct them, then run the same again"),
            Self::Overtaken { .. } => Some("run the same again: it reads the file anew"),
            Self::Plans(_) => Some(PLANS),
            Self::MovedOn(_) => Some("plan again, read the new plan, and apply that"),
            Self::Session(error) => session_help(error),
            Self::Defect(_) => Some("please report this with the command line"),
        }
    }

    /// The causes behind it, the nearest first.
    pub(crate) fn causes(&self) -> Vec<String> {
        if let Self::Problem(problem) = self {
            return problem.causes.clone();
        }
        let mut causes = Vec::new();
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes
    }
}

const REFUSED: &str = "check the bucket's name, the permissions and the region";
const PLANS: &str = "operators may, by OperatorPolicy (s3:GetObject under plans/); whoever uploads takes the manifest of then \
    from where it is kept, with `deploy PATH`";
const UNKNOWN: &str = "check the network, the credentials and AWS_ENDPOINT_URL; then run the same again";

/// What is there is no file: it is left as it is.
fn not_written(kind: ErrorKind) -> Option<&'static str> {
    matches!(kind, ErrorKind::AlreadyExists | ErrorKind::IsADirectory)
        .then_some("name a file, new or to be written over")
}

fn function_exit(error: &FunctionError) -> Exit {
    match error {
        FunctionError::NotThere(_) | FunctionError::TooLarge(_) => Exit::Usage,
        FunctionError::Denied { .. }
        | FunctionError::Throttled { .. }
        | FunctionError::Failed { .. }
        | FunctionError::Outside(_) => Exit::Unreachable,
    }
}

fn function_help(error: &FunctionError) -> &'static str {
    match error {
        FunctionError::NotThere(_) => "name it with --function NAME (FUNCTION), and check the region",
        FunctionError::Denied { .. } => {
            "operators may, by OperatorPolicy; who uploads follows with `deploy PATH --wait` and `history NAME`"
        }
        FunctionError::Throttled { .. } => "nothing was done: run the same again in a minute",
        FunctionError::TooLarge(_) => "name fewer jobs at a time",
        FunctionError::Failed { .. } => "the function's log tells more; run the same again: it looks first",
        FunctionError::Outside(OutsideError::Refused { .. }) => {
            "check the function's name, the permissions and the region"
        }
        FunctionError::Outside(OutsideError::Unknown { .. }) => UNKNOWN,
    }
}

fn problem_exit(kind: ProblemKind) -> Exit {
    match kind {
        ProblemKind::NotUnderstood | ProblemKind::NothingWaits => Exit::Usage,
        ProblemKind::NotProven | ProblemKind::Refused | ProblemKind::Unknown | ProblemKind::Other => Exit::Unreachable,
    }
}

fn problem_help(kind: ProblemKind) -> Option<&'static str> {
    match kind {
        ProblemKind::Refused => Some("the function's role and the bucket's policy have to allow it"),
        ProblemKind::Unknown => Some("run the same again: it looks first"),
        ProblemKind::NotUnderstood | ProblemKind::NothingWaits | ProblemKind::NotProven | ProblemKind::Other => None,
    }
}

/// The way out is said beside it.
fn without_help(found: &Diagnostic) -> String {
    Diagnostic { help: None, ..found.clone() }.to_string()
}

/// All of them: whoever mends one wants to know of the others.
fn unread(found: &[Diagnostic]) -> String {
    let lines: Vec<String> = found.iter().map(|found| format!("{}: {}", found.file, found.message)).collect();
    format!(
        "{} cannot be read, and without that nothing can be planned:\n  {}",
        count(found.len(), "file"),
        lines.join("\n  ")
    )
}

fn session_exit(error: &SessionError) -> Exit {
    match error {
        SessionError::Outside(OutsideError::Refused { .. })
        | SessionError::Several(_)
        | SessionError::EndedAtOnce(_)
        | SessionError::Start(StartError::NotBegun(_) | StartError::NoAnswer(_) | StartError::Failed { .. }) => {
            Exit::Unreachable
        }
        SessionError::Start(StartError::Settings(_)) => Exit::Invalid,
        SessionError::Strangers(_) => Exit::Held,
        SessionError::Outside(OutsideError::Unknown { .. })
        | SessionError::NotThere { .. }
        | SessionError::Busy(_)
        | SessionError::Overtaken => Exit::Unknown,
    }
}

fn session_help(error: &SessionError) -> Option<&'static str> {
    Some(match error {
        SessionError::Outside(OutsideError::Refused { .. }) => return None,
        SessionError::Outside(OutsideError::Unknown { .. })
        | SessionError::NotThere { .. }
        | SessionError::Overtaken => "run the same again: it looks first, and goes on",
        SessionError::Start(_) => "yarn-session.log in the state directory has all it printed; run the same again",
        SessionError::EndedAtOnce(_) => "correct config/session.yaml, or what YARN has to give; run the same again",
        SessionError::Several(_) => "end the others: yarn application -kill ID",
        SessionError::Strangers(_) => "end them first, or let them go with --with-strangers: nobody brings them back",
        SessionError::Busy(_) => "wait for them, or have them reconciled with `sweep`; then run the same again",
    })
}
