//! Owns what can change in the definitions that a job uses, and how it is told to people.
//! Must not know how a change is found. Secret values never get in here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sql::TablePath;

/// A change in the definitions that a job uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum DefinitionChange {
    /// The job uses a definition that it did not use.
    Added {
        /// What it defines.
        name: TablePath,
    },
    /// The job uses a definition no more.
    Removed {
        /// What it defined.
        name: TablePath,
    },
    /// Only `WITH (…)` changed, and not where a source reads.
    OptionsChanged {
        /// The table or catalog.
        name: TablePath,
        /// The options that changed.
        options: Vec<OptionChange>,
    },
    /// A table that the job reads is somewhere else; a restored source would not notice.
    SourceMoved {
        /// The table.
        name: TablePath,
        /// The option, and what it said and says.
        #[serde(flatten)]
        option: OptionChange,
    },
    /// Anything else about a definition changed.
    SchemaChanged {
        /// What it defines.
        name: TablePath,
    },
    /// A statement that concerns every job changed.
    SessionChanged {
        /// The file and the line where it starts, or started if it is gone.
        origin: String,
    },
}

/// An option before and after; what is secret is `*** (before)` and `*** (after)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OptionChange {
    /// The option.
    pub key: String,
    /// What it said, if it was there.
    pub before: Option<String>,
    /// What it says, if it is there.
    pub after: Option<String>,
}

impl OptionChange {
    /// A changed option. Values that are, or hold, a secret are replaced for good.
    pub fn new(key: &str, before: Option<&str>, after: Option<&str>) -> Self {
        let values = [before, after];
        let secret = is_secret(key) || values.into_iter().flatten().any(holds_a_secret);
        let shown = |value: Option<&str>, when: &str| {
            value.map(|value| if secret { format!("*** ({when})") } else { value.to_owned() })
        };
        Self { key: key.to_owned(), before: shown(before, "before"), after: shown(after, "after") }
    }
}

impl fmt::Display for OptionChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.as_deref().map_or("none".to_owned(), printable);
        let (before, after) = (shown(&self.before), shown(&self.after));
        write!(formatter, "{}: {before} -> {after}", printable(&self.key))
    }
}

impl DefinitionChange {
    /// Whether the job starts clean because of it.
    pub fn is_query_change(&self) -> bool {
        !matches!(self, Self::OptionsChanged { .. })
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Added { name } => format!("{name}: its definition is new to the job"),
            Self::Removed { name } => format!("{name}: the job uses its definition no more"),
            Self::OptionsChanged { name, options } => {
                let options: Vec<_> = options.iter().map(ToString::to_string).collect();
                format!("{name}: WITH {}", options.join(", "))
            }
            Self::SourceMoved { name, option } => {
                format!("{name}: read from somewhere else, {option}")
            }
            Self::SchemaChanged { name } => format!("{name}: its definition changed"),
            Self::SessionChanged { origin } => {
                format!("{origin}: a statement that concerns every job changed")
            }
        }
    }
}

/// Whether an option of this name holds a secret.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// Whether a value has a secret in it, such as `https://user:password@host`.
fn holds_a_secret(value: &str) -> bool {
    let lower = value.to_lowercase();
    let named = ["password", "passwd", "secret", "token=", "access_key", "accesskey"];
    let mut addresses = lower.split("://").skip(1);
    named.iter().any(|word| lower.contains(word))
        || addresses.any(|rest| rest.split(['/', ' ', ',', ';']).next().is_some_and(|it| it.contains('@')))
}

const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "jaas",
    "private",
    "access-key",
    "access.key",
    "access_key",
    "accesskey",
    "api-key",
    "api.key",
    "api_key",
    "apikey",
    "keystore.key",
    "account.key",
    "auth.basic",
    "user-info",
    "user.info",
    "authorization",
    "cookie",
];

fn printable(text: &str) -> String {
    let shown = |character: char| {
        if character.is_control() { '\u{fffd}' } else { character }
    };
    text.chars().map(shown).collect()
}
