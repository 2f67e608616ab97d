//! No two public types of the product share a name: whoever reads one need not ask which is meant.
//! Reads the sources as text; must not build anything.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use tests::sources::{below, code, root};

/// Names that several public types have on purpose, and the reason.
const DEFENDED: [(&str, &str); 3] = [
    ("Effect", "each protocol machine has a state, inputs and effects"),
    ("Input", "each protocol machine has a state, inputs and effects"),
    ("State", "each protocol machine has a state, inputs and effects"),
];

/// The public types of a file, by its code without comments, literals and tests.
fn public_types(code: &str) -> BTreeSet<String> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let is_type = |word: &str| ["struct", "enum", "union", "trait", "type"].contains(&word);
    let found = words.windows(3).filter(|words| words[0] == "pub" && is_type(words[1]));
    found.map(|words| words[2].split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()).collect()
}

#[test]
fn no_two_public_types_share_a_name() {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in ["shared", "functions"] {
        for file in below(&root().join(folder)).unwrap() {
            let path = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            if !path.contains("/src/") || path.ends_with("tests.rs") || path.ends_with("test_kit.rs") {
                continue;
            }
            for name in public_types(&code(&fs::read_to_string(&file).unwrap())) {
                files.entry(name).or_default().push(path.clone());
            }
        }
    }
    assert!(files.len() > 300, "{}", files.len());
    let shared: BTreeMap<&str, &Vec<String>> =
        files.iter().filter(|(_, files)| files.len() > 1).map(|(name, files)| (name.as_str(), files)).collect();
    let defended: BTreeSet<&str> = DEFENDED.iter().map(|(name, _)| *name).collect();
    for (name, files) in &shared {
        assert!(defended.contains(name), "`{name}` is defined in {}: give each its own name", files.join(" and "));
    }
    for name in defended {
        assert!(shared.contains_key(name), "`{name}` is not shared any more: take it off the list");
    }
}

#[test]
fn every_kind_of_public_type_is_seen() {
    let code =
        "pub struct A<T>(T); pub enum B { C } pub(crate) struct D; pub trait E: F {} pub type G = A<u8>; struct H;";
    let expected = ["A", "B", "E", "G"].map(str::to_owned);
    assert_eq!(public_types(code), BTreeSet::from(expected));
}
