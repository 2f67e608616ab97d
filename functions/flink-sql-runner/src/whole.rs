//! What the bucket would hold after an upload, judged before anything of it changes.
//! Must not know how files are uploaded, nor what follows for a job.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use control::orchestrator::{DesiredSource as _, Overlay, Settings, Uploads};
use control::ports::Store;
use control::uploads::FileRole;
use desired::diagnostics::Diagnostic;
use desired::inputs::{BROKEN_TABLES, FileVerdict, Inputs};
use serde_json::json;

use crate::error::CliError;
use crate::files;
use crate::gather::text;
use crate::out::{Out, failure};
use crate::render::diagnostics;

/// An upload that was not begun yet.
pub(crate) struct Intended<'a> {
    /// The files, each with its key.
    pub(crate) placed: &'a [(PathBuf, String)],
    /// The keys that are deleted.
    pub(crate) removed: &'a [String],
}

impl Intended<'_> {
    /// What would be refused with it and is not without it; nothing where the configuration stays as it is: then no file
    /// but its own can be, and whoever uploads manifests alone may not read `config/`.
    pub(crate) async fn refused(&self, store: &Arc<dyn Store>, of: &Settings) -> Result<Vec<Diagnostic>, CliError> {
        let config = of.keys.config();
        let mut changed = self.placed.iter().map(|(_, key)| key).chain(self.removed);
        if !changed.any(|key| key.starts_with(&config)) {
            return Ok(Vec::new());
        }
        let base = Uploads {
            store: Arc::clone(store),
            keys: of.keys.clone(),
            policy: of.policy.clone(),
            timestamp_field: of.timestamp_field.clone(),
        };
        let mut texts = BTreeMap::new();
        for (file, key) in self.placed.iter().filter(|(_, key)| FileRole::of(&of.keys, key).is_some()) {
            texts.insert(key.clone(), text(file)?);
        }
        let overlay = Overlay { base: base.clone(), files: texts, removed: self.removed.iter().cloned().collect() };
        let after = overlay.load().await?;
        let ours = |verdict: &&FileVerdict| self.placed.iter().any(|(_, key)| *key == verdict.file);
        if verdicts(&after).all(|verdict| verdict.errors().is_empty()) {
            return Ok(Vec::new());
        }
        // What was refused before is others' trouble.
        let before = base.load().await?;
        let known: BTreeSet<&String> =
            verdicts(&before).filter(|verdict| !verdict.errors().is_empty()).map(|verdict| &verdict.file).collect();
        let new = verdicts(&after).filter(|verdict| ours(verdict) || !known.contains(&verdict.file));
        let errors: Vec<Diagnostic> =
            new.flat_map(FileVerdict::errors).map(|error| self.where_people_edit(error)).collect();
        let (echoes, told): (Vec<_>, Vec<_>) = errors.into_iter().partition(|error| error.code == BROKEN_TABLES);
        Ok(if told.is_empty() { echoes } else { told })
    }

    /// The file on this machine, if it is one of those.
    fn where_people_edit(&self, error: Diagnostic) -> Diagnostic {
        match self.placed.iter().find(|(_, key)| *key == error.file) {
            Some((file, _)) => Diagnostic { file: files::shown(file), ..error },
            None => error,
        }
    }
}

fn verdicts(inputs: &Inputs) -> impl Iterator<Item = &FileVerdict> {
    inputs.config.iter().chain(&inputs.manifests)
}

/// Says why nothing was uploaded.
pub(crate) fn show(refused: &[Diagnostic], out: Out) {
    let document = json!({
        "format": "flink-sql-runner/deploy", "version": 1, "uploaded": [], "removed": [], "plan": null, "refused": refused,
    });
    out.result(&document, || diagnostics::all(refused));
    let why = "with what is uploaded already, files would be refused".to_owned();
    let help = "correct the files, or upload what they need with them, then run the same again";
    out.note(&failure("nothing was uploaded or deleted", &[why], Some(help)));
}
