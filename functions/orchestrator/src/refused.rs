//! The uploads that stand refused, as the listings and `refused/` tell.
//! Must not know how a file is judged, nor how a refusal is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use control::documents::fetch;
use control::fan_out::FanOut;
use control::orchestrator::Orchestrator;
use control::ports::{Listed, OutsideError};
use desired::diagnostics::Diagnostic;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::documents::refused::RefusedDocument;
use lifecycle::keys::{Keys, ObjectKind};

use crate::answers::RefusedUpload;

/// How many documents are read at one time.
const READS: usize = 16;

/// What is uploaded, and what of it stands refused.
#[derive(Debug, Default)]
pub(crate) struct Uploaded {
    /// The jobs that some manifest's stem names.
    pub(crate) names: BTreeSet<JobName>,
    /// Why files were refused, in the order of their keys.
    pub(crate) refused: Vec<Refusal>,
}

/// Why one file stands refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// What is shown of it.
    pub(crate) upload: RefusedUpload,
    /// Whether it is of the configuration: then no manifest is judged.
    pub(crate) is_config: bool,
    /// Everything that is wrong with it, where that can be read.
    pub(crate) errors: Vec<Diagnostic>,
}

impl Uploaded {
    /// The refusals that keep a job's upload from being applied: of its own files, else of the configuration.
    pub(crate) fn about(&self, name: &JobName) -> Vec<&Refusal> {
        let own: Vec<&Refusal> = self.refused.iter().filter(|it| it.upload.job.as_ref() == Some(name)).collect();
        if own.is_empty() && self.names.contains(name) {
            return self.refused.iter().filter(|it| it.is_config).collect();
        }
        own
    }
}

/// Lists what is uploaded, and reads why some of it was refused. What was uploaded again since is not refused yet.
pub(crate) async fn uploaded(orchestrator: &Arc<Orchestrator>) -> Result<Uploaded, OutsideError> {
    let (store, keys) = (&orchestrator.store, &orchestrator.settings.keys);
    let told = store.list(&format!("{}refused/", keys.prefix())).await?;
    let told: BTreeSet<String> = told.into_iter().map(|l| l.key).collect();
    let queries = store.list(&keys.queries()).await?;
    // Nothing of it is asked for where nothing was refused.
    let config = if told.is_empty() { Vec::new() } else { store.list(&keys.config()).await? };
    let names = queries.iter().filter_map(|listed| job_of(keys, &listed.key)).collect();
    let wanted: Vec<Listed> =
        queries.into_iter().chain(config).filter(|listed| told.contains(&keys.refused(&listed.key))).collect();
    let mut reads = FanOut::new(READS, wanted, |listed: Listed| {
        let orchestrator = Arc::clone(orchestrator);
        async move { refusal(&orchestrator, listed).await }
    });
    let mut found = BTreeMap::new();
    while let Some(read) = reads.next().await {
        let read = read.map_err(|error| OutsideError::unknown("reading why uploads were refused", error))?;
        found.extend(read.map(|refusal| (refusal.upload.file.clone(), refusal)));
    }
    Ok(Uploaded { names, refused: found.into_values().collect() })
}

fn job_of(keys: &Keys, key: &str) -> Option<JobName> {
    match keys.kind_of(key) {
        ObjectKind::Query { stem } => JobName::try_from(stem).ok(),
        ObjectKind::Config | ObjectKind::Result { .. } | ObjectKind::Observed | ObjectKind::Other => None,
    }
}

/// Why a file stands refused; nothing if what was refused is another version of it.
async fn refusal(orchestrator: &Orchestrator, listed: Listed) -> Option<Refusal> {
    let keys = &orchestrator.settings.keys;
    let errors_at = keys.refused(&listed.key);
    let (errors, since): (Vec<Diagnostic>, Option<Timestamp>) =
        match fetch::<RefusedDocument>(orchestrator.store.as_ref(), &errors_at).await {
            Ok(Some((document, object))) if document.etag == listed.etag.0 => (document.errors, Some(object.modified)),
            Ok(Some(_) | None) => return None,
            // It was refused; why is what cannot be read.
            Err(_) => (Vec::new(), None),
        };
    let job = job_of(keys, &listed.key);
    let is_config = listed.key.starts_with(&keys.config());
    let first = errors.first().map(|error| error.message.clone());
    Some(Refusal { upload: RefusedUpload { file: listed.key, errors_at, job, since, first }, is_config, errors })
}
