//! The edges between packages that are allowed, and the names that pure code must not use.
//! Reads the manifests and sources as text; must not build anything.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names under `[dependencies]` of a package.
fn dependencies(package: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
    let section = text.split("\n[").find(|s| s.starts_with("dependencies]")).unwrap();
    let name = |line: &str| line.split_once('=').map(|(name, _)| name.trim().trim_matches('"').to_owned());
    section.lines().skip(1).filter(|l| !l.trim_start().starts_with('#')).filter_map(name).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every source of the product.
fn production_sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["shared", "functions"] {
        for package in fs::read_dir(root().join(folder)).unwrap() {
            let source = package.unwrap().path().join("src");
            if source.is_dir() {
                sources(&source, &mut files);
            }
        }
    }
    files
}

#[test]
fn packages_use_only_what_lies_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("shared/desired", &[][..]),
        ("shared/lifecycle", &["desired"]),
        ("shared/control", &["desired", "lifecycle"]),
        ("shared/process-group", &[]),
        ("shared/flink", &["desired", "lifecycle", "control", "process-group"]),
        ("shared/aws", &["desired", "lifecycle", "control"]),
        ("shared/local", &["process-group"]),
        // Its users are tests: a product package names it under `[dev-dependencies]` alone.
        ("tests/fuzz", &["desired", "lifecycle"]),
        ("functions/orchestrator", &["desired", "lifecycle", "control", "aws"]),
        ("functions/step-runner", &["desired", "lifecycle", "control", "flink", "aws"]),
        (
            "functions/flink-sql-runner",
            &["desired", "lifecycle", "control", "flink", "aws", "orchestrator", "step-runner"],
        ),
        ("functions/local-stack", &["desired", "lifecycle", "control", "flink", "local"]),
    ]);
    let ours: BTreeSet<&str> = allowed.keys().filter_map(|package| package.rsplit('/').next()).collect();
    for (package, edges) in allowed {
        let used: BTreeSet<String> = dependencies(package).into_iter().filter(|d| ours.contains(d.as_str())).collect();
        let edges: BTreeSet<String> = edges.iter().map(|e| (*e).to_owned()).collect();
        assert!(used.is_subset(&edges), "{package} uses {used:?}, allowed are {edges:?}");
    }
}

#[test]
fn the_pure_core_names_no_runtime_and_no_aws() {
    let pure = ["shared/desired", "shared/lifecycle"];
    for (package, forbidden) in
        pure.iter().flat_map(|p| ["tokio", "uuid", "reqwest", "tracing", "async-trait"].map(|f| (p, f)))
    {
        assert!(!dependencies(package).contains(forbidden), "{package} names {forbidden}");
    }
    for package in ["shared/desired", "shared/lifecycle", "shared/control", "shared/local"] {
        assert!(dependencies(package).iter().all(|d| !d.starts_with("aws-")), "{package} names AWS");
    }
    let mut files = Vec::new();
    for package in pure {
        sources(&root().join(package).join("src"), &mut files);
    }
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for forbidden in
            ["std::fs", "std::net", "std::env", "SystemTime::now", "Instant::now", "Timestamp::now", "std::process"]
        {
            assert!(!text.contains(forbidden), "{} uses {forbidden}", file.display());
        }
    }
}

#[test]
fn every_module_says_what_it_owns() {
    for file in production_sources() {
        let text = fs::read_to_string(&file).unwrap();
        let header = text.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(header >= 2, "{} has no header of two lines", file.display());
    }
}

/// Words of headers that a search can check, and what a file that must not know them does not name.
const TELLABLE: [(&str, &[&str]); 10] = [
    ("AWS", &["aws_sdk", "aws::", "aws_config"]),
    ("HTTP", &["reqwest", "hyper", "axum"]),
    ("processes", &["tokio::process", "process::Command", "crate::process"]),
    ("process", &["tokio::process", "process::Command", "crate::process"]),
    ("sockets", &["tokio::net", "std::os::unix::net", "UnixStream"]),
    ("YARN", &["yarn_rest"]),
    ("store", &["Store>", "dyn Store", "S3Store"]),
    ("randomness", &["uuid", "rand::"]),
    ("clients", &["aws_sdk"]),
    ("shells", &["control::"]),
];

/// What the header says that the file must not know, in words.
fn unknown_to(text: &str) -> Vec<String> {
    let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let header = header.concat();
    let rule =
        header.split("ust not know").nth(1).and_then(|rest| rest.split(['.', ':', ';']).next()).unwrap_or_default();
    rule.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect()
}

#[test]
fn what_a_header_forbids_is_not_named() {
    let mut checked = 0;
    for file in production_sources() {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for (word, names) in TELLABLE.iter().filter(|(word, _)| unknown_to(&text).iter().any(|known| known == word)) {
            checked += 1;
            for name in *names {
                assert!(!code.contains(name), "{} must not know {word}, and names {name}", file.display());
            }
        }
    }
    assert!(checked >= 20, "{checked}");
}

/// The files and functions that the tour for newcomers names, in the order of its stops.
fn tour() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let tour = text.split("\n## ").find(|section| section.starts_with("A tour")).unwrap();
    let code: Vec<&str> = tour.split('`').skip(1).step_by(2).collect();
    let is_file = |text: &str| Path::new(text).extension().is_some_and(|end| end == "rs" || end == "py");
    let pairs = code.windows(2).filter(|pair| is_file(pair[0]) && !is_file(pair[1]) && !pair[1].contains('/'));
    pairs.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

#[test]
fn the_tour_names_what_is_there() {
    let stops = tour();
    assert!(stops.len() >= 18, "{stops:?}");
    for (file, function) in stops {
        let text = fs::read_to_string(root().join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let is_there = ["fn ", "def "].iter().any(|word| text.contains(&format!("{word}{function}(")));
        assert!(is_there, "{file} has no function {function}");
    }
}

#[test]
fn no_file_is_too_long() {
    for file in production_sources() {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().lines().count();
        let name = file.file_name().unwrap().to_str().unwrap();
        let is_test = name.ends_with("tests.rs") || name == "test_kit.rs";
        assert!(is_test || lines <= 400, "{} has {lines} lines", file.display());
    }
}
