//! The jobs that an uploaded configuration may concern: all that are uploaded.
//! Must not know how they are followed.

use control::ports::Store;
use control::uploads::FileRole;
use desired::inputs::stem;
use desired::manifest::JobName;
use lifecycle::keys::{Keys, ObjectKind};

use crate::error::CliError;
use crate::upload::Uploaded;

/// A job with its uploaded manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Concerned {
    pub(crate) job: JobName,
    pub(crate) key: String,
    pub(crate) etag: String,
}

/// Whether a key, or a path under the prefix, is of the configuration that jobs are judged with.
fn is_config(keys: &Keys, key: &str) -> bool {
    let key = format!("{}{}", keys.prefix(), key.strip_prefix(keys.prefix()).unwrap_or(key));
    FileRole::of(keys, &key).is_some() && keys.kind_of(&key) == ObjectKind::Config
}

/// Whether the configuration was uploaded as well: then a decision counts only if it judged that.
pub(crate) fn configured(keys: &Keys, uploaded: &[Uploaded], removed: &[String]) -> bool {
    let given = uploaded.iter().map(|it| &it.key);
    given.chain(removed).any(|key| is_config(keys, key))
}

/// The jobs that another configuration may concern, beside those whose manifests were given: whoever gave manifests and
/// the configuration as it is waits for these alone.
pub(crate) async fn by_config(
    store: &dyn Store,
    keys: &Keys,
    uploaded: &[Uploaded],
    removed: &[String],
) -> Result<Vec<Concerned>, CliError> {
    let manifests = uploaded.iter().any(|it| it.job.is_some());
    let changed = uploaded.iter().any(|it| !it.same && is_config(keys, &it.key));
    let fewer = removed.iter().any(|key| is_config(keys, key));
    if !configured(keys, uploaded, removed) || (manifests && !changed && !fewer) {
        return Ok(Vec::new());
    }
    let listed = store.list(&keys.queries()).await?;
    let of = |key: &str| JobName::try_from(stem(key)?).ok();
    Ok(listed
        .into_iter()
        .filter_map(|it| Some(Concerned { job: of(&it.key)?, key: it.key, etag: it.etag.0 }))
        .collect())
}
