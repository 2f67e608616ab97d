//! What Flink's classes do not say of its options: where they have an effect, and which values no job can run with.
//! The list beside it is kept by hand. Must not know manifests.

use std::collections::HashMap;

use super::parents;
use super::values::{OptionType, magnitude};

const RULES: &str = include_str!("rules.tsv");

/// Where an option has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionScope {
    /// On the one job that it is given for.
    Job,
    /// Only in the cluster's own configuration: why.
    Cluster(&'static str),
}

/// What an option names beside the job's own things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Classes, which is code.
    Classes,
    /// Files that Flink reads or writes with its own rights.
    Files,
}

/// The rules by name; `a.*` is kept as `a`, apart from those for `a` alone.
#[derive(Default)]
pub(super) struct Rules {
    exact: HashMap<&'static str, OptionScope>,
    under: HashMap<&'static str, OptionScope>,
    free: Vec<&'static str>,
    /// Names, or beginnings that end with a point.
    naming: Vec<(&'static str, Names)>,
    bounds: HashMap<&'static str, Bounds>,
}

/// The values that an option may have, beyond its type.
#[derive(Clone, Default)]
pub(super) struct Bounds {
    least: Option<&'static str>,
    most: Option<&'static str>,
    unset: Option<&'static str>,
    one_of: Vec<&'static str>,
}

impl Rules {
    pub(super) fn read() -> Self {
        let mut rules = Self::default();
        for line in RULES.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let mut column = || columns.next().unwrap_or_default();
            let (verb, name, detail) = (column(), column(), column());
            match verb {
                "least" => {
                    let bounds = rules.bounds.entry(name).or_default();
                    bounds.least = Some(detail);
                    bounds.unset = Some(column()).filter(|unset| !unset.is_empty());
                }
                "most" => rules.bounds.entry(name).or_default().most = Some(detail),
                "one of" => rules.bounds.entry(name).or_default().one_of = detail.split('|').collect(),
                "free" => rules.free.push(name.trim_end_matches('*')),
                "class" => rules.naming.push((name.trim_end_matches('*'), Names::Classes)),
                "path" => rules.naming.push((name.trim_end_matches('*'), Names::Files)),
                _ => {
                    let scope = if verb == "job" { OptionScope::Job } else { OptionScope::Cluster(detail) };
                    match name.strip_suffix(".*") {
                        Some(parent) => rules.under.insert(parent, scope),
                        None => rules.exact.insert(name, scope),
                    };
                }
            }
        }
        rules
    }

    pub(super) fn scope(&self, name: &str) -> Option<OptionScope> {
        let under = || parents(name).find_map(|parent| self.under.get(parent));
        self.exact.get(name).or_else(under).copied()
    }

    pub(super) fn is_free(&self, name: &str) -> bool {
        self.free.iter().any(|beginning| name.starts_with(beginning))
    }

    pub(super) fn names(&self, name: &str) -> Option<Names> {
        let fits = |known: &str| name == known || known.ends_with('.') && name.starts_with(known);
        self.naming.iter().find(|(known, _)| fits(known)).map(|(_, names)| *names)
    }

    pub(super) fn bounds(&self, name: &str) -> Bounds {
        self.bounds.get(name).cloned().unwrap_or_default()
    }
}

impl Bounds {
    /// Whether a value that Flink can read lies within.
    pub(super) fn hold(&self, takes: &OptionType, text: &str) -> bool {
        if self.unset.is_some_and(|unset| unset == text.trim()) {
            return true;
        }
        let value = magnitude(takes, text);
        let (least, most) = self.range(takes);
        let above = least.is_none_or(|least| value.is_none_or(|value| value >= least));
        let below = most.is_none_or(|most| value.is_none_or(|value| value <= most));
        above && below && (self.one_of.is_empty() || self.is_one(text))
    }

    pub(super) fn range(&self, takes: &OptionType) -> (Option<f64>, Option<f64>) {
        let bound = |bound: Option<&str>| bound.and_then(|bound| magnitude(takes, bound));
        (bound(self.least), bound(self.most))
    }

    /// The values that have names, and whether there are no others.
    pub(super) fn named_values(&self) -> (Vec<&'static str>, bool) {
        let named: Vec<_> = self.one_of.iter().copied().filter(|known| *known != "class").collect();
        (named, !self.one_of.contains(&"class"))
    }

    fn is_one(&self, text: &str) -> bool {
        self.is_class(text) || self.one_of.iter().any(|known| *known != "class" && known.eq_ignore_ascii_case(text))
    }

    /// Whether the value is the name of a class where Flink's own names would do.
    pub(super) fn is_class(&self, text: &str) -> bool {
        text.contains('.') && self.one_of.contains(&"class")
    }

    /// What may be written, as the end of "write …".
    pub(super) fn describe(&self, takes: &OptionType) -> String {
        if !self.one_of.is_empty() {
            let shown = self.one_of.iter().map(|known| match *known {
                "class" => "a class's full name".to_owned(),
                known => format!("`{known}`"),
            });
            return format!("one of {}", shown.collect::<Vec<_>>().join(", "));
        }
        let what = takes.describe();
        match (self.least, self.most) {
            (Some(least), Some(most)) => format!("{what}, from {least} to {most}"),
            (Some(least), None) => format!("{what}, {least} or more"),
            (None, Some(most)) => format!("{what}, {most} or less"),
            (None, None) => what,
        }
    }
}
