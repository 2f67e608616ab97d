//! Where a secret value could be left behind: objects, files, and what running processes show of themselves.
//! Must not know what is secret.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;

/// Looks at the processes of this machine again and again, for values in their arguments and environments.
pub struct ProcessWatch {
    found: Arc<Mutex<BTreeSet<String>>>,
    looked_at: Arc<Mutex<BTreeSet<String>>>,
    task: JoinHandle<()>,
}

impl ProcessWatch {
    /// Begins to look for `values` in the processes that have one of `markers` in their arguments or environment.
    pub fn begin(markers: Vec<String>, values: &[&str]) -> Self {
        let (found, looked_at) = (Arc::default(), Arc::default());
        let task = {
            let (found, looked_at) = (Arc::clone(&found), Arc::clone(&looked_at));
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            tokio::spawn(async move {
                loop {
                    look(&markers, &values, &found, &looked_at);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            })
        };
        Self { found, looked_at, task }
    }

    /// Ends it: what was found, and the programs that were looked at.
    pub fn end(self) -> (Vec<String>, BTreeSet<String>) {
        self.task.abort();
        (self.found.lock().unwrap().iter().cloned().collect(), self.looked_at.lock().unwrap().clone())
    }
}

fn look(markers: &[String], values: &[String], found: &Mutex<BTreeSet<String>>, looked_at: &Mutex<BTreeSet<String>>) {
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let (arguments, environment) = arguments_and_environment(&entry.path());
        if !markers.iter().any(|marker| arguments.contains(marker) || environment.contains(marker)) {
            continue;
        }
        let program = arguments.split('\0').next().unwrap_or_default();
        let program = program.rsplit('/').next().unwrap_or_default().to_owned();
        for (place, shown) in [("arguments", arguments), ("environment", environment)] {
            for value in values.iter().filter(|value| shown.contains(value.as_str())) {
                found.lock().unwrap().insert(format!("{program} shows {value} in its {place}"));
            }
        }
        looked_at.lock().unwrap().insert(program);
    }
}

/// What a process shows of one program: it may become another one between two reads.
fn arguments_and_environment(process: &Path) -> (String, String) {
    let text =
        |name: &str| String::from_utf8_lossy(&std::fs::read(process.join(name)).unwrap_or_default()).into_owned();
    loop {
        let (arguments, environment) = (text("cmdline"), text("environ"));
        if text("cmdline") == arguments {
            return (arguments, environment);
        }
    }
}

/// The files under `folder` that hold one of the values.
pub fn files_with(folder: &Path, values: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && holds(&std::fs::read(&path).unwrap_or_default(), values) {
                found.push(path);
            }
        }
    }
    found
}

/// Whether one of the values is in there.
pub fn holds(bytes: &[u8], values: &[&str]) -> bool {
    values.iter().any(|value| bytes.windows(value.len()).any(|window| window == value.as_bytes()))
}
