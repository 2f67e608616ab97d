//! Which file of a package uses which: two that need each other are one, or want a third.
//! Reads the sources as text; must not build anything.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use tests::sources::{code, paths, root};

/// Circles that are meant: the package, all files of the circle, and the reason.
const DEFENDED: [(&str, &[&str], &str); 9] = [
    (
        "desired",
        &["tables::columns", "tables::fragment"],
        "a statement is compared column by column, and a column is a piece of a statement",
    ),
    ("flink-sql-runner", &["layout", "upload"], "which key a file gets is asked of the rules of single paths"),
    (
        "orchestrator",
        &["answers", "following", "preview", "preview::answer", "session_file"],
        "the answer to a plan of files is part of the answers, and is made of them",
    ),
    (
        "desired",
        &["manifest::operating_rules", "manifest::wire"],
        "the list of fields names the rules of each, and a rule reads fields",
    ),
    (
        "lifecycle",
        &[
            "act",
            "documents::claim",
            "documents::outcome",
            "documents::plan",
            "documents::record",
            "documents::record::entry",
            "documents::record::history",
            "documents::suspension",
            "forgetting",
            "noted",
            "permission",
        ],
        "records, plans, claims and outcomes hold parts of one another",
    ),
    (
        "lifecycle",
        &["orchestrate::decide", "orchestrate::ordered", "orchestrate::suspending"],
        "orders and suspensions are decided by cases of their own, which end in one operation",
    ),
    (
        "local",
        &["authority", "config", "principal", "recording"],
        "who may do what is asked in the words in which calls are recorded",
    ),
    ("local", &["s3::multipart", "s3::objects"], "uploads in parts are kept beside the objects that they become"),
    (
        "flink-sql-runner",
        &[
            "acts",
            "ask",
            "cli",
            "compile",
            "deadline",
            "deploy",
            "follow",
            "follow::outcome",
            "follow::removal",
            "follow::stage",
            "following",
            "gather",
            "history",
            "invocation",
            "logs",
            "markdown",
            "ordering",
            "orders",
            "out",
            "plan",
            "replace",
            "report",
            "rollback",
            "saved",
            "session::arguments",
            "status::arguments",
            "suspend",
            "validate",
            "whole",
        ],
        "the command line names the arguments of each command, which lie beside what it does",
    ),
];

/// The files of a package by the path of their module, with the modules that each uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

fn modules(folder: &Path, path: &[String], found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut own = path.to_vec();
        if file.is_dir() {
            own.push(stem);
            modules(&file, &own, found);
        } else if file.extension().is_some_and(|end| end == "rs") && !stem.contains("test") {
            if !["mod", "lib", "main"].contains(&stem.as_str()) {
                own.push(stem);
            }
            found.push((own.join("::"), code(&fs::read_to_string(&file).unwrap())));
        }
    }
}

/// The module that a path leads into, as seen from `module`.
fn resolved<'a>(path: &str, module: &str, all: &'a BTreeSet<String>) -> Option<&'a String> {
    let mut base: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    let mut rest = path;
    if let Some(path) = rest.strip_prefix("crate::") {
        (base, rest) = (Vec::new(), path);
    } else if rest.starts_with("super::") {
        while let Some(path) = rest.strip_prefix("super::") {
            base.pop();
            rest = path;
        }
    }
    let whole: Vec<&str> = base.into_iter().chain(rest.split("::")).collect();
    (1..=whole.len()).rev().find_map(|length| all.get(&whole[..length].join("::")))
}

/// A file may use what its parents declare: that is how Rust hides what is below them, and makes no circle.
fn uses(package: &Path) -> Uses {
    let mut found = Vec::new();
    modules(&package.join("src"), &[], &mut found);
    let all: BTreeSet<String> = found.iter().map(|(module, _)| module.clone()).collect();
    let mut uses = Uses::new();
    for (module, code) in found {
        let paths = paths(&code);
        let targets = paths.iter().filter_map(|path| resolved(path, &module, &all));
        let others = targets.filter(|to| !to.is_empty() && !format!("{module}::").starts_with(&format!("{to}::")));
        let others: BTreeSet<String> = others.cloned().collect();
        uses.entry(module).or_default().extend(others);
    }
    uses
}

/// All that is used from here, directly or not.
fn reached<'a>(from: &'a str, uses: &'a Uses) -> BTreeSet<&'a str> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        next.extend(uses.get(module).into_iter().flatten().map(String::as_str).filter(|to| reached.insert(*to)));
    }
    reached
}

/// The circles of a package: the files of each need one another, directly or not.
fn circles(uses: &Uses) -> BTreeSet<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|from| (from.as_str(), reached(from, uses))).collect();
    let circle = |module: &str| -> BTreeSet<&str> {
        reached[module]
            .iter()
            .filter(|to| reached.get(*to).is_some_and(|back| back.contains(module)))
            .copied()
            .collect()
    };
    reached.keys().map(|module| circle(module)).filter(|circle| circle.len() > 1).collect()
}

#[test]
fn files_use_each_other_in_one_direction() {
    let mut found = BTreeSet::new();
    for folder in ["shared", "functions"] {
        for package in fs::read_dir(root().join(folder)).unwrap() {
            let package = package.unwrap().path();
            let uses = uses(&package);
            let name = package.file_name().unwrap().to_str().unwrap().to_owned();
            let named = |circle: BTreeSet<&str>| (name.clone(), circle.into_iter().map(str::to_owned).collect());
            found.extend(circles(&uses).into_iter().map(named));
        }
    }
    let owned = |files: &[&str]| -> BTreeSet<String> { files.iter().map(|file| (*file).to_owned()).collect() };
    let defended: BTreeSet<(String, BTreeSet<String>)> =
        DEFENDED.iter().map(|(package, files, _)| ((*package).to_owned(), owned(files))).collect();
    let new: Vec<_> = found.difference(&defended).collect();
    assert!(new.is_empty(), "files that need one another, and nobody defends it: {new:#?}");
    let gone: Vec<_> = defended.difference(&found).collect();
    assert!(gone.is_empty(), "circles that are not there any more: {gone:#?}");
}

/// What each file of a small package uses, by its code.
fn uses_of(files: &[(&str, &str)]) -> Uses {
    let all: BTreeSet<String> = files.iter().map(|(module, _)| (*module).to_owned()).collect();
    let targets = |(module, text): &(&str, &str)| {
        let paths = paths(&code(text));
        let targets = paths.iter().filter_map(|path| resolved(path, module, &all)).filter(|to| to != module);
        ((*module).to_owned(), targets.cloned().collect())
    };
    files.iter().map(targets).collect()
}

#[test]
fn a_circle_would_be_found() {
    for back in
        ["use crate::a::B;", "use super::{a::{self, B}};", "fn f() { crate::a::b() }", "fn f(a: super::a::B) {}"]
    {
        let uses = uses_of(&[("a", "use super::x::Y;"), ("b::c", ""), ("x", back)]);
        assert_eq!(circles(&uses), BTreeSet::from([BTreeSet::from(["a", "x"])]), "{back}");
    }
    for other in ["// crate::a::b()", "fn f() { \"crate::a::b\"; }", "#[cfg(test)]\nmod tests { use crate::a::B; }", ""]
    {
        assert_eq!(circles(&uses_of(&[("a", "use super::x::Y;"), ("x", other)])), BTreeSet::new(), "{other}");
    }
    // A file that joins a circle makes it another one.
    let uses = uses_of(&[("a", "use super::x::Y;"), ("b", "use super::a::A;"), ("x", "use super::{a, b};")]);
    assert_eq!(circles(&uses), BTreeSet::from([BTreeSet::from(["a", "b", "x"])]));
}
