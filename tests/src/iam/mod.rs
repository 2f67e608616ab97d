//! IAM's decision about one call: explicit deny, then allow, then nothing; by identity and resource policies of one account.
//! Must not know where policies or calls come from. What it does not understand is an error, never a "no".

mod condition;
mod glob;
mod statement;

use std::collections::BTreeMap;

pub use glob::arn_matches;
use serde_json::Value;
pub use statement::{Effect, Statement, action_matches};

/// Why a policy cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{policy}, {statement}: {problem}")]
pub struct PolicyError {
    /// The policy's name.
    pub policy: String,
    /// The statement's `Sid` or number.
    pub statement: String,
    /// What is not understood.
    pub problem: String,
}

/// A policy document.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The name by which findings call it.
    pub name: String,
    pub statements: Vec<Statement>,
}

/// One permission that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `service:Action`.
    pub action: String,
    /// The ARN, or `*` for an action without a resource.
    pub resource: String,
    /// The condition keys of the call; keys are compared without regard to case.
    pub context: BTreeMap<String, Vec<String>>,
}

/// A statement by its policy's name and its own.
pub type Named = (String, String);

/// What IAM says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allowed by all these statements.
    Allowed(Vec<Named>),
    /// Denied by these statements, whatever allows it.
    Denied(Vec<Named>),
    /// Nothing allows it.
    NotAllowed,
}

impl Policy {
    /// Reads a document and refuses what is not understood.
    pub fn read(name: impl Into<String>, document: &Value) -> Result<Self, PolicyError> {
        let name = name.into();
        let wrong = |statement: &str, problem: String| PolicyError {
            policy: name.clone(),
            statement: statement.to_owned(),
            problem,
        };
        if document["Version"] != "2012-10-17" {
            return Err(wrong("document", format!("version {}", document["Version"])));
        }
        let list = match &document["Statement"] {
            Value::Array(list) => list.clone(),
            one @ Value::Object(_) => vec![one.clone()],
            other => return Err(wrong("document", format!("statements {other}"))),
        };
        let read = |(at, value): (usize, &Value)| {
            let sid = value["Sid"].as_str().map_or_else(|| format!("statement {}", at + 1), str::to_owned);
            Statement::read(sid.clone(), value).map_err(|problem| wrong(&sid, problem))
        };
        let statements = list.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { name, statements })
    }
}

impl Call {
    /// A call without a context.
    pub fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), context: BTreeMap::new() }
    }

    /// The call with one more condition key.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.context.insert(key.to_owned(), vec![value.to_owned()]);
        self
    }

    /// A condition key's values.
    fn values(&self, key: &str) -> Option<&[String]> {
        self.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, values)| values.as_slice())
    }
}

/// Decides about a call of a principal with these identity policies, on a resource with these resource policies.
/// Resource policies are asked about the principal whose ARN is the call's `aws:PrincipalArn`.
pub fn decide(identity: &[&Policy], resource: &[&Policy], call: &Call) -> Decision {
    let (mut allows, mut denies) = (Vec::new(), Vec::new());
    for (policy, on_resource) in identity.iter().map(|p| (p, false)).chain(resource.iter().map(|p| (p, true))) {
        for statement in &policy.statements {
            if statement.applies(call, on_resource) {
                let named = (policy.name.clone(), statement.sid.clone());
                match statement.effect {
                    Effect::Allow => allows.push(named),
                    Effect::Deny => denies.push(named),
                }
            }
        }
    }
    match (denies.is_empty(), allows.is_empty()) {
        (false, _) => Decision::Denied(denies),
        (true, false) => Decision::Allowed(allows),
        (true, true) => Decision::NotAllowed,
    }
}
