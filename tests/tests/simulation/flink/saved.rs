//! Checkpoints and savepoints as they lie on S3: complete once `_metadata` is there, with the checkpoint id in its header.
//! Must not know which job may restore which.

use std::collections::BTreeMap;

use control::ports::Child;

/// One directory of a checkpoint or savepoint.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    pub(crate) complete: bool,
    pub(crate) checkpoint_id: u64,
    /// The runs that go on from one another have one lineage; a clean start begins another.
    pub(crate) lineage: u64,
    pub(crate) name: String,
    pub(crate) version: u32,
}

/// Every state there is, by its directory.
#[derive(Debug, Default)]
pub(crate) struct States {
    pub(crate) all: BTreeMap<String, Saved>,
    /// The newest completed id of each lineage, and of each version of a job: stays when directories go.
    pub(crate) newest: BTreeMap<u64, u64>,
    pub(crate) versions: BTreeMap<(String, u32), u64>,
}

impl States {
    pub(crate) fn begin(&mut self, path: &str, saved: Saved) {
        self.all.insert(path.to_owned(), saved);
    }

    pub(crate) fn complete(&mut self, path: &str) {
        let Some(saved) = self.all.get_mut(path) else { return };
        saved.complete = true;
        let newest = self.newest.entry(saved.lineage).or_default();
        *newest = (*newest).max(saved.checkpoint_id);
        self.versions.insert((saved.name.clone(), saved.version), saved.lineage);
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.all.remove(path);
    }

    /// What lies directly under a directory, with the markers that other writers leave.
    pub(crate) fn children(&self, directory: &str) -> Vec<Child> {
        let prefix = format!("{directory}/");
        let under = self.all.keys().filter_map(|path| path.strip_prefix(&prefix)).filter(|rest| !rest.is_empty());
        let mut found: Vec<Child> = under
            .filter_map(|rest| rest.split('/').next())
            .flat_map(|name| [Child::Directory(name.to_owned()), Child::File(format!("{name}_$folder$"))])
            .collect();
        found.sort();
        found.dedup();
        found
    }

    pub(crate) fn head(&self, file: &str, length: usize) -> Option<Vec<u8>> {
        let saved = self.all.get(file.strip_suffix("/_metadata")?).filter(|saved| saved.complete)?;
        let mut header = vec![0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 4];
        header.extend(saved.checkpoint_id.to_be_bytes());
        header.extend([7; 64]);
        header.truncate(length);
        Some(header)
    }
}
