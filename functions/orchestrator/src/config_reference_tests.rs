//! The function's settings and their defaults are those of `docs/reference.md`: a table that people set it by.
//! Must not know what a setting is for.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::Config;

/// What the table of the function's settings says: the names, and the default of those that have one.
fn table() -> Vec<(String, Option<String>)> {
    let text = include_str!("../../../docs/reference.md");
    let section = text.split("\n## ").find(|section| section.starts_with("Settings of the Lambda")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cell = |row: &str, n: usize| row.split('|').nth(n).unwrap().trim().trim_matches('`').to_owned();
    rows.map(|row| (cell(row, 1), Some(cell(row, 2)).filter(|default| !default.is_empty()))).collect()
}

/// The configuration under these settings, in full; and the names that were asked for.
fn read(settings: &[(&str, &str)]) -> (String, BTreeSet<String>) {
    let asked = RefCell::new(BTreeSet::new());
    let get = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        settings.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    let config = format!("{:?}", Config::read(&get).unwrap());
    (config, asked.into_inner())
}

const NEEDED: [(&str, &str); 2] = [("BUCKET", "b"), ("CLUSTER", "j-1")];
/// Only the command line asks for it.
const OF_THE_COMMAND_LINE: &str = "FUNCTION";

/// Another value than the default, of the same kind.
fn another(default: &str) -> String {
    match default {
        "false" => "true".to_owned(),
        "emr" => "ssm".to_owned(),
        number if number.parse::<u64>().is_ok() => format!("{number}1"),
        text => format!("x{text}"),
    }
}

#[test]
fn the_function_reads_the_settings_that_the_reference_names() {
    let mut named: BTreeSet<String> = table().into_iter().map(|(name, _)| name).collect();
    assert!(named.remove(OF_THE_COMMAND_LINE));
    assert_eq!(read(&NEEDED).1, named);
}

#[test]
fn a_setting_that_is_not_given_is_as_the_reference_says() {
    let (mut checked, ssm) = (0, [&NEEDED[..], &[("DISPATCH", "ssm")]].concat());
    for (name, default) in table().into_iter().filter(|(name, _)| name != OF_THE_COMMAND_LINE) {
        let Some(default) = default else { continue };
        let with = |base: &[(&str, &str)], value: &str| read(&[base, &[(&name, value)]].concat()).0;
        assert_eq!(with(&NEEDED, &default), read(&NEEDED).0, "{name} is not {default}");
        if name != "DISPATCH" {
            assert_eq!(with(&ssm, &default), read(&ssm).0, "{name} is not {default}");
        }
        assert_ne!(with(&ssm, &another(&default)), with(&NEEDED, &default), "{name} changes nothing");
        checked += 1;
    }
    assert!(checked >= 17, "{checked} settings with a default");
}
