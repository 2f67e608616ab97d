//! What was called by whom, and the IAM permissions that AWS would have asked for; kept in memory, and in a file.
//! Must not know policies, nor what any call does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::principal::Principal;
use crate::tasks::{Tasks, lock};

/// How often the file is brought up to date: a killed stack loses no more than this.
const FLUSH: Duration = Duration::from_secs(2);

/// One permission that a call needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Need {
    /// The IAM action, `service:Action`.
    pub action: String,
    /// The resource's ARN, or `*` where the action knows no resource.
    pub resource: String,
    /// The condition keys that AWS fills for this call, besides the global ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
}

/// One call, without what differs from time to time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// Who called: a principal's name, or `unknown` for a signature that belongs to none.
    pub principal: String,
    /// The operation in the service's API, `service:Operation`.
    pub operation: String,
    /// Every permission that it needs.
    pub needs: Vec<Need>,
}

/// A call and how often it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    #[serde(flatten)]
    pub request: Request,
    /// How many times it was made.
    pub count: u64,
}

/// The calls of one stack.
#[derive(Default)]
pub(crate) struct Recording {
    file: Option<PathBuf>,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    counts: BTreeMap<Request, u64>,
    /// Whether the file lacks something.
    changed: bool,
}

impl Need {
    pub(crate) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), context: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.insert(key.into(), value.into());
        self
    }
}

impl Recording {
    /// Keeps calls only if there is a file for them: a stack of many days must not grow for ever.
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { file, calls: Mutex::default() }
    }

    pub(crate) fn note(&self, principal: Option<Principal>, operation: String, needs: Vec<Need>) {
        if self.file.is_none() {
            return;
        }
        let principal = principal.map_or("unknown", Principal::name).to_owned();
        let mut calls = lock(&self.calls);
        *calls.counts.entry(Request { principal, operation, needs }).or_default() += 1;
        calls.changed = true;
    }

    pub(crate) fn calls(&self) -> Vec<Recorded> {
        let calls = lock(&self.calls);
        calls.counts.iter().map(|(request, count)| Recorded { request: request.clone(), count: *count }).collect()
    }

    /// Brings the file up to date; it is whole at any time.
    pub(crate) fn flush(&self) {
        let Some(file) = &self.file else { return };
        if !std::mem::take(&mut lock(&self.calls).changed) {
            return;
        }
        let line = |call: &Recorded| serde_json::to_value(call).unwrap_or(Value::Null).to_string() + "\n";
        let text: String = self.calls().iter().map(line).collect();
        let draft = file.with_extension("new");
        let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written = folder.and_then(|()| std::fs::write(&draft, text)).and_then(|()| std::fs::rename(&draft, file));
        if let Err(error) = written {
            tracing::error!(%error, file = %file.display(), "the recording could not be written");
            lock(&self.calls).changed = true;
        }
    }

    /// Keeps the file up to date while the stack lives.
    pub(crate) fn start(self: &std::sync::Arc<Self>, tasks: &Tasks) {
        let recording = self.clone();
        if recording.file.is_some() {
            tasks.spawn(async move {
                loop {
                    tokio::time::sleep(FLUSH).await;
                    recording.flush();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_one_line_however_often_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("calls/test.jsonl");
        let recording = Recording::new(Some(file.clone()));
        let need = || vec![Need::new("s3:GetObject", "arn:aws:s3:::b/k").with("s3:prefix", "p")];
        recording.note(Some(Principal::Node), "s3:HeadObject".into(), need());
        recording.flush();
        recording.note(Some(Principal::Node), "s3:HeadObject".into(), need());
        recording.note(None, "s3:HeadObject".into(), need());
        recording.flush();
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<Recorded> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, recording.calls());
        let counts: Vec<(&str, u64)> = lines.iter().map(|l| (l.request.principal.as_str(), l.count)).collect();
        assert_eq!(counts, [("node", 2), ("unknown", 1)]);
    }

    #[test]
    fn nothing_is_kept_without_a_file() {
        let recording = Recording::new(None);
        recording.note(Some(Principal::Node), "s3:HeadObject".into(), Vec::new());
        assert!(recording.calls().is_empty());
    }
}
