//! An action as it travels: with a proof of who asks, and an answer that says what went wrong where something did.
//! Must not know how a proof is made or checked, nor how an action is carried out.

use control::callers::{Callers, Proof};
use control::errors::error_chain;
use control::orchestrator::Orchestrator;
use control::ports::OutsideError;
use desired::digest::Digest;
use desired::printable::cut;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::actions::{Action, ActionError, Answer};

/// Beside an action: who asks.
const PROOF: &str = "proof";
/// How many characters of a text of a problem, or of a name that somebody gives himself, travel.
const LONGEST: usize = 2_000;
const LONGEST_NAME: usize = 100;

/// What an action is named by in a proof: one deployment, and everything that is asked of it.
pub fn digest(deployment: Option<&str>, action: &Value) -> Digest {
    // The members of an object are in the order of their names, whoever wrote them.
    let text = format!("{}\n{action}", deployment.unwrap_or_default());
    Digest::of(text.as_bytes())
}

/// An action with the proof of who asks, as it is sent.
pub fn signed(action: Value, proof: &Proof) -> Value {
    let mut event = action;
    if let (Some(members), Ok(proof)) = (event.as_object_mut(), serde_json::to_value(proof)) {
        members.insert(PROOF.to_owned(), proof);
    }
    event
}

/// Who asks.
#[derive(Debug)]
pub(crate) enum Asker {
    /// Nobody says so: a schedule, or whoever may invoke the function.
    Unproven,
    /// Somebody who may prove it for what the digest names.
    Proving { proof: Result<Proof, serde_json::Error>, about: Digest },
}

/// Takes the proof off an event that is an action.
pub(crate) fn opened(mut event: Value, deployment: Option<&str>) -> (Value, Asker) {
    let proof = event.get("action").is_some().then(|| event.as_object_mut()?.remove(PROOF)).flatten();
    match proof {
        None => (event, Asker::Unproven),
        Some(proof) => {
            let about = digest(deployment, &event);
            (event, Asker::Proving { proof: serde_json::from_value(proof), about })
        }
    }
}

impl Asker {
    /// Whether the caller reads the answer, so that what goes wrong is told him and nobody tries again.
    pub(crate) fn reads(&self) -> bool {
        matches!(self, Self::Proving { .. })
    }

    /// Writes into the action who asks: the identity that is proven, or a name that nobody proved.
    pub(crate) async fn named(
        self,
        action: &mut Action,
        callers: &dyn Callers,
        orchestrator: &Orchestrator,
    ) -> Result<(), Problem> {
        match self {
            Self::Unproven => {
                if let Some(Some(by)) = action.by_mut() {
                    *by = format!("{} (not verified)", cut(by, LONGEST_NAME));
                }
                Ok(())
            }
            Self::Proving { proof, about } => {
                let proof =
                    proof.map_err(|error| Problem::not_proven(&format!("the proof cannot be read: {error}")))?;
                let caller = match callers.identify(&proof, &about, orchestrator.world.now()).await {
                    Ok(caller) => caller,
                    Err(OutsideError::Refused { message, .. }) => return Err(Problem::not_proven(&message)),
                    Err(error @ OutsideError::Unknown { .. }) => return Err(Problem::of_outside(&error)),
                };
                if let Some(by) = action.by_mut() {
                    *by = Some(caller);
                }
                Ok(())
            }
        }
    }
}

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// It is no action.
    NotUnderstood,
    /// Who asks is not proven: nothing was done.
    NotProven,
    /// Nothing of the job waits for what was ordered.
    NothingWaits,
    /// The outside said no.
    Refused,
    /// The outside gave no usable answer.
    Unknown,
    /// One of a newer version.
    #[serde(other)]
    Other,
}

/// Why an action was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    pub kind: ProblemKind,
    pub message: String,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What led to it, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

impl Problem {
    fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self { kind, message: cut(&message, LONGEST), help: None, causes: Vec::new() }
    }

    /// It is no action.
    pub(crate) fn not_understood(message: impl Into<String>) -> Self {
        let help = "the samples events/action-*.json show every action";
        Self { help: Some(help.to_owned()), ..Self::new(ProblemKind::NotUnderstood, message) }
    }

    fn not_proven(why: &str) -> Self {
        let help = "nothing was done: check the credentials, the clock, the region, and that --bucket and --prefix \
            (BUCKET, PREFIX) are those of the function";
        let message = format!("who asks is not proven: {why}");
        Self { help: Some(help.to_owned()), ..Self::new(ProblemKind::NotProven, message) }
    }

    /// The outside gave no usable answer.
    pub(crate) fn of_outside(error: &OutsideError) -> Self {
        match error {
            OutsideError::Refused { .. } => Self::new(ProblemKind::Refused, error.to_string()),
            OutsideError::Unknown { source, .. } => {
                let cause = cut(&error_chain(source.as_ref()), LONGEST);
                Self { causes: vec![cause], ..Self::new(ProblemKind::Unknown, error.to_string()) }
            }
        }
    }

    /// An action was not done.
    pub(crate) fn of(error: &ActionError) -> Self {
        match error {
            ActionError::Outside(error) => Self::of_outside(error),
            ActionError::NothingWaits { message, help } => {
                Self { help: Some(cut(help, LONGEST)), ..Self::new(ProblemKind::NothingWaits, message.as_str()) }
            }
        }
    }
}

/// An answer that says what went wrong. It is no failure of the function.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ErrorAnswer {
    format: String,
    version: u32,
    error: Problem,
}

impl ErrorAnswer {
    pub(crate) fn of(error: Problem) -> Self {
        Self { format: "flink-sql-runner/error".to_owned(), version: 1, error }
    }
}

/// The answer to an action as it came back.
pub fn read(bytes: &[u8]) -> Result<Result<Answer, Problem>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Format {
        format: String,
    }
    let Format { format } = serde_json::from_slice(bytes)?;
    Ok(match format.as_str() {
        "flink-sql-runner/error" => Err(serde_json::from_slice::<ErrorAnswer>(bytes)?.error),
        "flink-sql-runner/status" => Ok(Answer::Status(serde_json::from_slice(bytes)?)),
        "flink-sql-runner/history" => Ok(Answer::History(serde_json::from_slice(bytes)?)),
        "flink-sql-runner/states" => Ok(Answer::States(serde_json::from_slice(bytes)?)),
        "flink-sql-runner/look" => Ok(Answer::Look(serde_json::from_slice(bytes)?)),
        "flink-sql-runner/plan" => Ok(Answer::Plan(serde_json::from_slice(bytes)?)),
        other => return Err(serde::de::Error::custom(format!("an answer of the kind `{other}`"))),
    })
}
