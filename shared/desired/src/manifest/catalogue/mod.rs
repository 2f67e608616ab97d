//! The options that Flink itself declares: what they are called, what they take, and where they have an effect.
//! The lists beside it come from Flink's classes (scripts/flink-options.sh). Must not know manifests.

mod nearest;
mod rules;
mod time_zone;
mod values;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(crate) use nearest::{Meant, meant};
use rules::Rules;
pub(crate) use rules::{Names, OptionScope};
pub(crate) use values::{OptionType, Scalar};
pub use values::{flink_duration, flink_duration_text, megabytes, memory_bytes};

/// The release that the catalogue is of.
pub(crate) const RELEASE: &str = "Flink 1.20";

const OPTIONS: &str = include_str!("flink-1.20.tsv");

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::read(OPTIONS));

/// One of Flink's options.
pub(crate) struct FlinkOption {
    /// Its name as of this release.
    pub(crate) name: &'static str,
    pub(crate) takes: OptionType,
    /// What it is when nobody sets it, as one would write it.
    pub(crate) default: &'static str,
    /// What it is for, in a sentence.
    pub(crate) description: &'static str,
}

/// The one option that takes a time zone.
const TIME_ZONE: &str = "table.local-time-zone";

impl FlinkOption {
    /// What the value should have been, if Flink cannot take this one.
    pub(crate) fn wrong(&self, text: &str) -> Option<String> {
        if self.name == TIME_ZONE {
            return (!time_zone::may_be(text)).then(|| time_zone::ALLOWED.to_owned());
        }
        let bounds = CATALOGUE.rules.bounds(self.name);
        (!self.takes.reads(text) || !bounds.hold(&self.takes, text)).then(|| bounds.describe(&self.takes))
    }

    /// The values that Flink has names for, and whether these are all that it takes.
    pub(crate) fn named_values(&self) -> (Vec<&'static str>, bool) {
        match &self.takes {
            OptionType::One(Scalar::Enum(values)) => (values.clone(), true),
            OptionType::One(_) | OptionType::List(_) | OptionType::Map => {
                CATALOGUE.rules.bounds(self.name).named_values()
            }
        }
    }

    /// The smallest and the largest number that it takes.
    pub(crate) fn range(&self) -> (Option<f64>, Option<f64>) {
        CATALOGUE.rules.bounds(self.name).range(&self.takes)
    }
}

struct Catalogue {
    options: Vec<FlinkOption>,
    by_name: HashMap<&'static str, usize>,
    /// Old spelling to new, where there is one new one only.
    renamed: HashMap<&'static str, &'static str>,
    /// Every old spelling with each option that it sets.
    old: Vec<(&'static str, &'static str)>,
    /// Beginnings under which Flink leaves the names to others: `metrics.reporter.`, and maps written key by key.
    patterns: Vec<&'static str>,
    rules: Rules,
}

impl Catalogue {
    fn read(list: &'static str) -> Self {
        let mut options = Vec::new();
        let mut patterns = Vec::new();
        let mut old: Vec<(&str, &str)> = Vec::new();
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let mut column = || columns.next().unwrap_or_default();
            let (name, takes, default) = (column(), column(), column());
            let (deprecated, _fallback, description) = (column(), column(), column());
            let Some(takes) = OptionType::read(takes) else { continue };
            if let Some(at) = name.find('<') {
                patterns.push(&name[..at]);
                continue;
            }
            old.extend(deprecated.split(' ').filter(|old| !old.is_empty()).map(|old| (old, name)));
            options.push(FlinkOption { name, takes, default, description });
        }
        let by_name = options.iter().enumerate().map(|(index, option)| (option.name, index)).collect();
        let mut renamed: HashMap<&str, &str> = old.iter().copied().collect();
        // Where one old name became two options, neither is the other.
        for (name, new) in &old {
            if renamed.get(name).is_some_and(|other| other != new) {
                renamed.remove(name);
            }
        }
        Self { options, by_name, renamed, old, patterns, rules: Rules::read() }
    }
}

/// All options, in the order of their names.
pub(crate) fn options() -> &'static [FlinkOption] {
    &CATALOGUE.options
}

/// The option of this name, new spelling only.
pub(crate) fn option(name: &str) -> Option<&'static FlinkOption> {
    CATALOGUE.by_name.get(name).and_then(|&index| CATALOGUE.options.get(index))
}

/// The new spelling of an old one.
pub(crate) fn renamed(name: &str) -> Option<&'static str> {
    CATALOGUE.renamed.get(name).copied()
}

/// Every option that Flink sets under this name: more than one where an old name became several.
pub(crate) fn set_by(name: &str) -> impl Iterator<Item = &str> {
    let new = CATALOGUE.old.iter().filter(move |(old, _)| *old == name).map(|(_, new)| *new);
    std::iter::once(name).chain(new)
}

/// What an option of this value names beside the job's own things.
pub(crate) fn names(name: &str, text: &str) -> Option<Names> {
    let class = || CATALOGUE.rules.bounds(name).is_class(text).then_some(Names::Classes);
    CATALOGUE.rules.names(name).or_else(class)
}

/// Whether two texts are one value of this option to Flink.
pub(crate) fn same_value(name: &str, one: &str, other: &str) -> bool {
    one == other || option(name).is_some_and(|option| option.takes.same(one, other))
}

/// Every spelling that Flink knows.
pub(crate) fn spellings() -> impl Iterator<Item = &'static str> {
    CATALOGUE.options.iter().map(|option| option.name).chain(CATALOGUE.renamed.keys().copied())
}

/// Where an option of this name has an effect; `None` if it is none of Flink's names, nor like them.
pub(crate) fn scope(name: &str) -> Option<OptionScope> {
    CATALOGUE.rules.scope(name)
}

/// Whether the name stands where Flink leaves the names to others.
pub(crate) fn is_free(name: &str) -> bool {
    CATALOGUE.rules.is_free(name)
        || CATALOGUE.patterns.iter().any(|pattern| name.starts_with(pattern))
        || parents(name).any(|parent| option(parent).is_some_and(|option| option.takes == OptionType::Map))
}

/// `a.b` and `a` of `a.b.c`.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.rmatch_indices('.').map(|(at, _)| &name[..at])
}

#[cfg(test)]
mod tests;
