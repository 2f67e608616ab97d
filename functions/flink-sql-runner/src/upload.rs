//! Uploading local files: which file goes to which key, and writing what is not there already.
//! Must not know what follows for a job.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use control::ports::{Etag, Precondition, Put, Store};
use desired::inputs::stem;
use desired::manifest::JobName;
use lifecycle::keys::{Keys, ObjectKind};
use serde::Serialize;

use crate::error::CliError;
use crate::files::{self, is_config, is_manifest, is_sql};
use crate::folders::{CONFIG, PARAMS, QUERIES, SESSION, TABLES, TEMPLATE, under};
use crate::layout::Mapped;
use crate::place::{below_queries, parts, root_of, says_what_is_there};

/// A file that was uploaded, or was there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Uploaded {
    /// The file on this machine.
    pub(crate) file: String,
    pub(crate) key: String,
    /// Its version in the bucket.
    pub(crate) etag: String,
    /// Whether it was there already, the same.
    pub(crate) same: bool,
    /// The job that it is about.
    pub(crate) job: Option<JobName>,
}

/// Where the files that `path` means belong: a folder keeps its inner layout.
pub(crate) fn map(path: &Path) -> Result<Vec<(PathBuf, String)>, CliError> {
    let path = &std::path::absolute(path).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    if path.is_file() {
        return Ok(vec![(path.clone(), map_file(path))]);
    }
    if is_config(path) {
        return config(path);
    }
    let mut mapped = if is_config(&path.join(CONFIG)) { config(&path.join(CONFIG))? } else { Vec::new() };
    let (root, under) = manifests_of(path);
    for file in files::files(&root, &is_manifest)? {
        let inner = joined(file.strip_prefix(&root).unwrap_or(&file));
        mapped.push((file, format!("{under}{inner}")));
    }
    Ok(mapped)
}

/// The folder with the manifests that a folder means, and where it lies under the prefix: a folder inside `queries/` keeps
/// its place there.
fn manifests_of(path: &Path) -> (PathBuf, String) {
    let root = root_of(path);
    let under = match below_queries(&root) {
        Some(inner) => under(&under(QUERIES, &inner), ""),
        None => under(QUERIES, ""),
    };
    (root, under)
}

/// The folders under the prefix that `path` has whole: what is uploaded there and has no file in it is surplus. None where
/// it is a file, or has no layout that says so.
pub(crate) fn whole(path: &Path) -> Result<Vec<String>, CliError> {
    let path = &std::path::absolute(path).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    if path.is_file() {
        return Ok(Vec::new());
    }
    if is_config(path) {
        return Ok(vec![under(CONFIG, "")]);
    }
    let mut folders = Vec::new();
    if is_config(&path.join(CONFIG)) {
        folders.push(under(CONFIG, ""));
    }
    let (root, under) = manifests_of(path);
    if says_what_is_there(&root)? {
        folders.push(under);
    }
    Ok(folders)
}

/// What is read of a `config` folder.
fn config(folder: &Path) -> Result<Vec<(PathBuf, String)>, CliError> {
    let mut mapped = Vec::new();
    for name in [TEMPLATE, PARAMS, SESSION] {
        let file = folder.join(name);
        if file.is_file() {
            mapped.push((file, under(CONFIG, name)));
        }
    }
    let tables = folder.join(TABLES);
    if tables.is_dir() {
        for file in files::files(&tables, &is_sql)? {
            let inner = joined(file.strip_prefix(&tables).unwrap_or(&file));
            mapped.push((file, under(CONFIG, &under(TABLES, &inner))));
        }
    }
    Ok(mapped)
}

/// The key of one file: below the project's `queries` or `config` folder on its way, else right under `queries/`.
fn map_file(path: &Path) -> String {
    let configured = files::config_near(path).filter(|config| path.starts_with(config));
    if let Some(inner) = configured.as_deref().and_then(|config| path.strip_prefix(config).ok()) {
        return under(CONFIG, &joined(inner));
    }
    let inner = below_queries(path);
    let name = || path.file_name().map(|name| name.to_string_lossy().into_owned());
    under(QUERIES, &inner.or_else(name).unwrap_or_default())
}

fn joined(path: &Path) -> String {
    parts(path).join("/")
}

/// Where each file goes in the bucket, the configuration first; a manifest given alone replaces the one of the same name.
pub(crate) async fn placed(
    store: &dyn Store,
    keys: &Keys,
    mapped: &[Mapped],
) -> Result<Vec<(PathBuf, String)>, CliError> {
    let mut placed = Vec::new();
    for Mapped { file, under, alone } in mapped {
        let key = format!("{}{under}", keys.prefix());
        let known = if *alone { uploaded_as(store, keys, &key).await? } else { None };
        placed.push((file.clone(), known.unwrap_or(key)));
    }
    let config = keys.config();
    placed.sort_by_key(|(_, key)| (!key.starts_with(&config), key.clone()));
    Ok(placed)
}

/// Uploads files to their keys, in this order.
pub(crate) async fn upload(
    store: &dyn Store,
    keys: &Keys,
    placed: Vec<(PathBuf, String)>,
) -> Result<Vec<Uploaded>, CliError> {
    let mut uploaded = Vec::new();
    for (file, key) in placed {
        uploaded.push(put(store, keys, &file, key).await?);
    }
    Ok(uploaded)
}

/// The only key in the bucket whose stem is that of `key`.
async fn uploaded_as(store: &dyn Store, keys: &Keys, key: &str) -> Result<Option<String>, CliError> {
    let listed = store.list(&keys.queries()).await?;
    let same: BTreeSet<String> =
        listed.into_iter().map(|l| l.key).filter(|known| stem(known).is_some() && stem(known) == stem(key)).collect();
    Ok(if same.len() == 1 { same.into_iter().next() } else { None })
}

async fn put(store: &dyn Store, keys: &Keys, file: &Path, key: String) -> Result<Uploaded, CliError> {
    let bytes = files::bytes(file)?;
    let job = job_of(keys, &key);
    let file = files::shown(file);
    if let Some(known) = store.get(&key).await?.filter(|known| known.bytes == bytes) {
        return Ok(Uploaded { file, key, etag: known.etag.0, same: true, job });
    }
    match store.put(&key, bytes, Precondition::Always).await? {
        Put::Written(etag) => Ok(Uploaded { file, key, etag: etag.0, same: false, job }),
        Put::Conflict => Err(CliError::Outside(control::ports::OutsideError::refused(
            format!("uploading {key}"),
            "another write was under way; run the same again",
        ))),
    }
}

/// Uploads a text to a path if what lies there is still the version that is expected, or nothing is; nothing otherwise.
pub(crate) async fn put_planned(
    store: &dyn Store,
    keys: &Keys,
    path: &str,
    text: &str,
    expected: Option<&str>,
) -> Result<Option<Uploaded>, CliError> {
    let key = format!("{}{path}", keys.prefix());
    let there = store.get(&key).await?;
    let uploaded = |etag: String, same| {
        Some(Uploaded { file: path.to_owned(), key: key.clone(), etag, same, job: job_of(keys, &key) })
    };
    if let Some(known) = there.filter(|known| known.bytes == text.as_bytes()) {
        return Ok(uploaded(known.etag.0, true));
    }
    let condition = expected.map_or(Precondition::Absent, |etag| Precondition::Unchanged(Etag(etag.to_owned())));
    match store.put(&key, text.as_bytes().to_vec(), condition).await? {
        Put::Written(etag) => Ok(uploaded(etag.0, false)),
        Put::Conflict => Ok(None),
    }
}

/// The job that a key is about.
fn job_of(keys: &Keys, key: &str) -> Option<JobName> {
    match keys.kind_of(key) {
        ObjectKind::Query { stem } => JobName::try_from(stem).ok(),
        ObjectKind::Config | ObjectKind::Result { .. } | ObjectKind::Observed | ObjectKind::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_kit::folder;

    fn keys_of(root: &tempfile::TempDir, path: &str) -> Vec<String> {
        map(&root.path().join(path)).unwrap().into_iter().map(|(_, key)| key).collect()
    }

    #[test]
    fn every_file_gets_its_key() {
        let whole = folder(&[
            "queries/a.yaml",
            "queries/team/b.yml",
            "queries/notes.txt",
            "queries/.hidden.yaml",
            "rejected/c.yaml",
            "config/job-template.yaml",
            "config/params.yaml",
            "config/session.yaml",
            "config/readme.md",
            "config/tables/in.sql",
        ]);
        let config = ["config/job-template.yaml", "config/params.yaml", "config/session.yaml", "config/tables/in.sql"];
        let queries = ["queries/a.yaml", "queries/team/b.yml"];
        assert_eq!(keys_of(&whole, ""), [config.as_slice(), queries.as_slice()].concat());
        assert_eq!(keys_of(&whole, "queries"), queries);
        assert_eq!(keys_of(&whole, "queries/team"), ["queries/team/b.yml"]);
        assert_eq!(keys_of(&whole, "queries/team/b.yml"), ["queries/team/b.yml"]);
        assert_eq!(keys_of(&whole, "config"), config);
        assert_eq!(keys_of(&whole, "config/tables/in.sql"), ["config/tables/in.sql"]);
        assert_eq!(keys_of(&whole, "config/params.yaml"), ["config/params.yaml"]);
        assert_eq!(keys_of(&whole, "rejected/c.yaml"), ["queries/c.yaml"]);
        assert_eq!(keys_of(&whole, "rejected"), ["queries/c.yaml"]);
    }

    #[test]
    fn only_a_folder_with_the_layout_is_whole() {
        let whole_one = folder(&["queries/team/a.yaml", "config/tables/in.sql", "plain/b.yaml"]);
        let of = |path: &str| whole(&whole_one.path().join(path)).unwrap();
        assert_eq!(of(""), ["config/", "queries/"]);
        assert_eq!(of("queries"), ["queries/"]);
        assert_eq!(of("queries/team"), ["queries/team/"]);
        assert_eq!(of("config"), ["config/"]);
        assert!(of("queries/team/a.yaml").is_empty() && of("plain").is_empty(), "nothing says that it is all there is");
    }

    /// Any one of the files that are read there makes it one.
    #[test]
    fn a_config_folder_needs_no_tables() {
        for file in ["params.yaml", "session.yaml", "job-template.yaml", "tables/t.sql"] {
            let one = folder(&["queries/a.yaml", &format!("config/{file}")]);
            let key = format!("config/{file}");
            assert_eq!(keys_of(&one, ""), [key.as_str(), "queries/a.yaml"]);
            assert_eq!(keys_of(&one, &key), [key.as_str()]);
            assert_eq!(whole(&one.path().join("")).unwrap(), ["config/", "queries/"]);
        }
    }

    #[test]
    fn a_folder_without_layout_is_all_manifests() {
        let plain = folder(&["x/a.yaml", "x/sub/b.yaml", "x/config/tables/t.sql"]);
        assert_eq!(keys_of(&plain, "x"), ["config/tables/t.sql", "queries/a.yaml", "queries/sub/b.yaml"]);
    }
}
