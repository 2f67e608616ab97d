//! The valid inputs that fuzzing begins with: what the repository shows people, and what tests hold.
//! Must not know what becomes of them.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file under these folders (or these files themselves), by paths from the repository's root.
pub fn files(paths: &[&str]) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for path in paths {
        collect(&root.join(path), &mut found);
    }
    found.iter().map(|path| fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect()
}

/// Texts as they are.
pub fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The queries that Flink's parser takes.
pub fn queries() -> Vec<Vec<u8>> {
    let text = files(&["shared/desired/tests/fixtures/valid-queries.sql"]).concat();
    String::from_utf8_lossy(&text).split("\n====\n").map(|query| query.trim().as_bytes().to_vec()).collect()
}

fn collect(path: &PathBuf, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.clone());
        return;
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    // The order decides what a seed repeats.
    paths.sort();
    for path in paths {
        collect(&path, found);
    }
}
