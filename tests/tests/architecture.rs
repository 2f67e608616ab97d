//! The edges between packages that are allowed, and the names that pure code must not use.
//! Reads the manifests and sources as text; must not build anything.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tests::sources::{below, code, dependencies, paths, root};

/// What a package is built of.
fn built_of(package: &str) -> BTreeSet<String> {
    dependencies(&fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap())
}

/// The packages of the workspace, by their folders.
fn packages() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = text.split("\nmembers = [").nth(1).unwrap().split(']').next().unwrap();
    members.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The packages of the product.
fn product() -> impl Iterator<Item = String> {
    packages().into_iter().filter(|package| ["shared/", "functions/"].iter().any(|folder| package.starts_with(folder)))
}

/// Every source of the product.
fn production_sources() -> Vec<PathBuf> {
    product().flat_map(|package| below(&root().join(package).join("src")).unwrap()).collect()
}

/// Whether a source belongs to tests.
fn is_test(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    name.ends_with("tests.rs") || name == "test_kit.rs"
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
        // What only tests and measures use may use what it likes of the product, and no product package uses it.
        ("tests", &[]),
        ("tests/e2e", &["control", "aws", "local", "local-stack"]),
        ("benches", &[]),
    ]);
    assert_eq!(allowed.keys().map(|package| (*package).to_owned()).collect::<BTreeSet<_>>(), packages());
    let ours: BTreeSet<&str> = allowed.keys().filter_map(|package| package.rsplit('/').next()).collect();
    for (package, edges) in allowed {
        let used: BTreeSet<String> = built_of(package).into_iter().filter(|d| ours.contains(d.as_str())).collect();
        let edges: BTreeSet<String> = edges.iter().map(|e| (*e).to_owned()).collect();
        assert!(used.is_subset(&edges), "{package} uses {used:?}, allowed are {edges:?}");
    }
}

#[test]
fn every_package_is_a_member_and_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for package in packages() {
        assert!(map.contains(&format!("\n| `{package}` | ")), "{package} is not on the map");
    }
    for folder in ["shared", "functions"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name();
            let package = format!("{folder}/{}", name.to_str().unwrap());
            let is_package = root().join(&package).join("Cargo.toml").exists();
            assert!(!is_package || packages().contains(&package), "{package} is no member of the workspace");
        }
    }
}

/// What a pure crate is not built of, and what its code does not name: paths, or the beginnings of paths.
const IMPURE_PACKAGES: [&str; 5] = ["tokio", "uuid", "reqwest", "tracing", "async-trait"];
const IMPURE_PATHS: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "std::os",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
];

/// Whether a path leads into a module, or to one of its names, or takes all of it.
fn leads_into(path: &str, module: &str) -> bool {
    let (path, module) = (format!("::{path}::"), format!("::{module}::"));
    path.contains(&module) || path.strip_suffix("*::").is_some_and(|glob| glob.len() > 2 && module.starts_with(glob))
}

#[test]
fn the_pure_core_names_no_runtime_and_no_clock() {
    for package in ["shared/desired", "shared/lifecycle"] {
        let built_of = built_of(package);
        assert!(IMPURE_PACKAGES.iter().all(|impure| !built_of.contains(*impure)), "{package} is built of {built_of:?}");
        for file in below(&root().join(package).join("src")).unwrap() {
            let named = paths(&code(&fs::read_to_string(&file).unwrap()));
            for (path, impure) in named.iter().flat_map(|path| IMPURE_PATHS.map(|impure| (path, impure))) {
                assert!(!leads_into(path, impure), "{} names {path}", file.display());
            }
        }
    }
}

#[test]
fn a_clock_or_a_file_in_the_pure_core_would_be_found() {
    for (path, module, expected) in [
        ("std::fs", "std::fs", true),
        ("std::fs::self", "std::fs", true),
        ("std::fs::read", "std::fs", true),
        ("std::*", "std::fs", true),
        ("jiff::Timestamp::now", "Timestamp::now", true),
        ("std::fsx", "std::fs", false),
        ("std::fmt", "std::fs", false),
        ("super::*", "std::fs", false),
    ] {
        assert_eq!(leads_into(path, module), expected, "{path} and {module}");
    }
}

#[test]
fn one_package_knows_aws() {
    for package in product().filter(|package| package != "shared/aws") {
        let aws: Vec<String> = built_of(&package).into_iter().filter(|name| name.starts_with("aws-")).collect();
        assert!(aws.is_empty(), "{package} is built of {aws:?}");
    }
}

#[test]
fn every_module_says_what_it_owns_and_what_it_must_not_know() {
    for file in production_sources() {
        let text = fs::read_to_string(&file).unwrap();
        let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        assert!(header.len() >= 2, "{} has no header of two lines", file.display());
        let forbids = header.concat().contains("ust not ");
        assert!(forbids || is_test(&file), "{} does not say what it must not know", file.display());
    }
}

/// Words of headers that a search can check, and what a file that must not know them does not name.
const TELLABLE: [(&str, &[&str]); 12] = [
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
    ("YAML", &["serde_yaml", "super::tree", "manifest::tree"]),
    ("manifests", &["JobManifest", "manifest::rules", "manifest::wire"]),
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
        let code = code(&text);
        for (word, names) in TELLABLE.iter().filter(|(word, _)| unknown_to(&text).iter().any(|known| known == word)) {
            checked += 1;
            for name in *names {
                assert!(!code.contains(name), "{} must not know {word}, and names {name}", file.display());
            }
        }
    }
    assert!(checked >= 28, "{checked}");
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
        assert!(is_test(&file) || lines <= 400, "{} has {lines} lines", file.display());
    }
}

/// Texts that are cut without `desired::printable::cut`: the file, and the reason.
const CUT_ELSEWHERE: [(&str, &str); 1] =
    [("shared/local/src/control/commands.rs", "plays a service that leaves no sign, and does not know the product")];

#[test]
fn what_is_left_out_of_a_text_leaves_a_sign() {
    let mut found = BTreeSet::new();
    for file in production_sources().into_iter().filter(|file| !is_test(file)) {
        let code: String = code(&fs::read_to_string(&file).unwrap()).split_whitespace().collect();
        if code.contains("chars().take(") {
            found.insert(file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
        }
    }
    let expected: BTreeSet<String> = CUT_ELSEWHERE.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(found, expected, "a text is cut by `desired::printable::cut`");
}
