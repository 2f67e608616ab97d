//! The session's settings among the files of a plan: no job is judged with them, and yet they would be uploaded.
//! Must not know how they are shown, nor how a session is started.

use control::orchestrator::Orchestrator;
use control::ports::OutsideError;
use desired::diagnostics::{Diagnostic, SourceFile};
use desired::session_settings::parse_settings;
use serde::{Deserialize, Serialize};

use crate::answers::{FileAnswer, PlanAnswer};
use crate::preview::Preview;

/// What would become of the uploaded settings of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionChange {
    /// None are uploaded.
    New,
    /// Others are.
    Changed,
}

/// The settings that a plan was asked about, beside those that are uploaded.
pub(crate) struct SessionFile {
    /// Its path under the prefix.
    path: String,
    key: String,
    errors: Vec<Diagnostic>,
    change: Option<SessionChange>,
    /// The version that is uploaded.
    uploaded: Option<String>,
}

impl SessionFile {
    pub(crate) async fn among(orchestrator: &Orchestrator, asked: &Preview) -> Result<Option<Self>, OutsideError> {
        let keys = &orchestrator.settings.keys;
        let key = keys.session_settings();
        let path = key.strip_prefix(keys.prefix()).unwrap_or(&key).to_owned();
        let Some(text) = asked.files.get(&path) else { return Ok(None) };
        let uploaded = orchestrator.store.get(&key).await?;
        let errors = parse_settings(&SourceFile::new(key.clone(), text.clone())).err();
        let change = match &uploaded {
            None => Some(SessionChange::New),
            Some(object) => (object.bytes != text.as_bytes()).then_some(SessionChange::Changed),
        };
        let errors = errors.into_iter().map(|error| *error).collect();
        Ok(Some(Self { path, key, errors, change, uploaded: uploaded.map(|object| object.etag.0) }))
    }

    /// Notes in the answer what would become of it, and that the plan rests on what is uploaded.
    pub(crate) fn note(self, answer: &mut PlanAnswer) {
        let preview = answer.preview.get_or_insert_default();
        preview.session = self.change;
        if let Some(basis) = &mut preview.basis {
            basis.uploads.insert(self.path, self.uploaded);
        }
        if !self.errors.is_empty() {
            let (file, errors) = (self.key, self.errors);
            answer.refused.push(FileAnswer { file, jobs: Vec::new(), is_config: true, errors });
        }
    }
}
