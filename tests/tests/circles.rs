//! Which file of a package uses which: two that need each other are one, or want a third.
//! Reads the sources as text; must not build anything.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Circles that are meant, by one of their files, each with its reason.
const DEFENDED: [(&str, &str); 5] = [
    ("manifest::wire", "the list of fields names the rules of each, and a rule reads fields"),
    ("documents::record", "records, plans, claims and outcomes hold parts of one another"),
    ("orchestrate::decide", "orders and suspensions are decided by cases of their own, which end in one operation"),
    ("principal", "who may do what is asked in the words in which calls are recorded"),
    ("cli", "the command line names the arguments of each command, which lie beside what it does"),
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
            let text = fs::read_to_string(&file).unwrap();
            found.push((own.join("::"), text.split("#[cfg(test)]").next().unwrap().to_owned()));
        }
    }
}

/// The paths of all `use` lines, each written out.
fn used_paths(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for statement in text.split("\nuse ").skip(1).chain(text.split(" use ").skip(1)) {
        let tree: String = statement.split(';').next().unwrap().split_whitespace().collect();
        write_out("", &tree, &mut paths);
    }
    paths
}

/// `a::{b, c::{d, e}}` becomes `a::b`, `a::c::d`, `a::c::e`.
fn write_out(before: &str, tree: &str, paths: &mut Vec<String>) {
    let Some((head, inner)) = tree.split_once('{') else {
        paths.push(format!("{before}{tree}"));
        return;
    };
    let (mut depth, mut begun) = (0, 0);
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                write_out(&format!("{before}{head}"), &inner[begun..at], paths);
                begun = at + 1;
            }
            _ => {}
        }
    }
    write_out(&format!("{before}{head}"), &inner[begun..], paths);
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
    for (module, text) in found {
        let paths = used_paths(&text);
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

#[test]
fn files_use_each_other_in_one_direction() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut defended = BTreeSet::new();
    for folder in ["shared", "functions"] {
        for package in fs::read_dir(root.join(folder)).unwrap() {
            let uses = uses(&package.unwrap().path());
            for module in uses.keys() {
                let back = |to: &&str| *to != module && reached(to, &uses).contains(module.as_str());
                let circle: BTreeSet<&str> = reached(module, &uses).into_iter().filter(back).collect();
                match DEFENDED.iter().find(|(file, _)| *file == module || circle.contains(file)) {
                    Some((file, _)) if !circle.is_empty() => {
                        defended.insert(*file);
                    }
                    Some(_) | None => assert!(circle.is_empty(), "{module} and {circle:?} use each other"),
                }
            }
        }
    }
    assert_eq!(defended.len(), DEFENDED.len(), "a circle that is defended is gone: {defended:?}");
}

#[test]
fn a_circle_would_be_found() {
    let paths = used_paths("\nuse super::b::{self, c::{D, E}};\npub use crate::x::Y;");
    assert!(paths.contains(&"super::b::c::D".to_owned()) && paths.contains(&"super::b::c::E".to_owned()), "{paths:?}");
    let all = BTreeSet::from(["a".to_owned(), "b::c".to_owned(), "x".to_owned()]);
    assert_eq!(resolved("super::b::c::D", "a", &all), Some(&"b::c".to_owned()));
    assert_eq!(resolved("crate::x::Y", "b::c", &all), Some(&"x".to_owned()));
}
