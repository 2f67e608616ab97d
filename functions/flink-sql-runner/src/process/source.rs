//! What is desired, from files on the primary node.
//! Must not know what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use control::orchestrator::DesiredSource;
use control::ports::{OutsideError, Store};
use desired::diagnostics::SourceFile;
use desired::digest::Digest;
use desired::inputs::{InputFile, InputFiles, Inputs, stem};
use desired::manifest::{JobName, Policy};

use crate::error::CliError;
use crate::files;

/// Where the manifests are.
#[derive(Clone, Debug)]
pub(crate) enum Manifests {
    /// All in a folder, over a template.
    Folder { path: PathBuf, template: PathBuf },
    /// One that is merged already.
    Merged(PathBuf),
}

/// A table definition file.
#[derive(Clone)]
pub(crate) enum TableSource {
    /// On this machine.
    Local(PathBuf),
    /// In a bucket.
    Remote {
        store: Arc<dyn Store>,
        /// Its URL, for messages.
        url: String,
        key: String,
    },
}

/// The files on the node.
pub(crate) struct LocalFiles {
    pub(crate) manifests: Manifests,
    /// The table definitions, in the order they run.
    pub(crate) tables: Vec<TableSource>,
    /// Values for the names in them.
    pub(crate) params: BTreeMap<String, String>,
    /// The name of the time stamp column.
    pub(crate) timestamp_field: String,
    /// What manifests may bring.
    pub(crate) policy: Policy,
}

fn local(error: CliError) -> OutsideError {
    OutsideError::unknown("reading the files", error)
}

impl LocalFiles {
    fn paths(&self) -> Result<Vec<PathBuf>, OutsideError> {
        match &self.manifests {
            Manifests::Folder { path, .. } => files::files(path, &files::is_manifest).map_err(local),
            Manifests::Merged(path) => Ok(vec![path.clone()]),
        }
    }

    /// A merged manifest may have any file name: its job is the one it names.
    fn merged(file: InputFile, policy: &Policy) -> InputFile {
        match desired::manifest::load_merged(&file.file, policy) {
            Ok(loaded) => {
                let name = format!("{}.yaml", loaded.manifest.name);
                let shown = match file.file.name.rsplit_once('/') {
                    Some((folder, _)) => format!("{folder}/{name}"),
                    None => name,
                };
                InputFile { file: SourceFile::new(shown, file.file.bytes), ..file }
            }
            // Refused under its own name.
            Err(_) => file,
        }
    }

    async fn tables(&self) -> Result<Vec<InputFile>, OutsideError> {
        let mut found = Vec::new();
        for table in &self.tables {
            found.push(match table {
                TableSource::Local(path) => files::read(path).map_err(local)?,
                TableSource::Remote { store, url, key } => {
                    let object = store
                        .get(key)
                        .await?
                        .ok_or_else(|| OutsideError::refused(url.as_str(), "there is no such object"))?;
                    let etag = Digest::of(&object.bytes).to_string();
                    InputFile { file: SourceFile::new(url.as_str(), object.bytes), etag }
                }
            });
        }
        Ok(found)
    }
}

#[async_trait]
impl DesiredSource for LocalFiles {
    async fn names(&self) -> Result<BTreeSet<JobName>, OutsideError> {
        // All are read: a merged manifest's name is inside.
        Ok(self.load().await?.names().into_iter().collect())
    }

    async fn load(&self) -> Result<Inputs, OutsideError> {
        let read = |path: &PathBuf| files::read(path).map_err(local);
        let queries = self.paths()?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let (merged, template) = match &self.manifests {
            Manifests::Folder { template, .. } => (false, Some(read(template)?)),
            Manifests::Merged(_) => (true, None),
        };
        let queries =
            if merged { queries.into_iter().map(|file| Self::merged(file, &self.policy)).collect() } else { queries };
        let files = InputFiles {
            queries,
            template,
            tables: self.tables().await?,
            params: None,
            extra_params: self.params.clone(),
            timestamp_field: self.timestamp_field.clone(),
            merged,
            ..InputFiles::default()
        };
        Ok(Inputs::read(&files, &self.policy))
    }

    async fn tell(&self, _: &Inputs) -> Result<(), OutsideError> {
        // Whoever runs this command is told at its end.
        Ok(())
    }
}

/// The job of a merged manifest, if it can be told.
pub(crate) fn job_of(inputs: &Inputs) -> Option<JobName> {
    let verdict = inputs.manifests.first()?;
    let target = verdict.target.as_ref().map(|target| target.manifest.name.clone());
    target
        .or_else(|| verdict.named.clone())
        .or_else(|| stem(&verdict.file).and_then(|stem| JobName::try_from(stem).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "name: orders\ndescription: d\ntarget-table: t\nsql: SELECT 1\nflinkProperties:\n  state.checkpoints.dir: s3://b/c/orders/\n  state.savepoints.dir: s3://b/s/orders/\n";

    fn source(manifests: Manifests) -> LocalFiles {
        let (params, policy) = (BTreeMap::new(), Policy { allow_code: true, ..Policy::default() });
        LocalFiles { manifests, tables: Vec::new(), params, timestamp_field: String::new(), policy }
    }

    fn names(source: &LocalFiles) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(source.names()).unwrap().into_iter().map(String::from).collect()
    }

    #[test]
    fn a_folder_is_read_in_depth() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("q/sub")).unwrap();
        let template = root.path().join("t.yaml");
        std::fs::write(&template, "flinkProperties: {}\n").unwrap();
        std::fs::write(root.path().join("q/sub/orders.yaml"), JOB).unwrap();
        std::fs::write(root.path().join("q/broken.yaml"), "nonsense: [").unwrap();
        assert_eq!(names(&source(Manifests::Folder { path: root.path().join("q"), template })), ["broken", "orders"]);
    }

    #[test]
    fn a_merged_manifest_is_its_job_whatever_the_file_is_called() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("final-config-17.yaml");
        std::fs::write(&file, JOB).unwrap();
        assert_eq!(names(&source(Manifests::Merged(file))), ["orders"]);
    }
}
