//! Owns what can change in the definitions that a job uses, and how it is told to people.
//! Must not know how a change is found. Secret values never get in here.

use std::fmt;

use crate::printable::printable;
use crate::secrets::references;
use crate::sql::TablePath;

/// What a definition defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A table or a view.
    Table,
    Function,
    Catalog,
    Database,
}

/// Something that is defined.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Defined {
    pub what: What,
    /// Its name, without what is current in a new session.
    pub name: TablePath,
}

impl fmt::Display for Defined {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::Table => "table",
            What::Function => "function",
            What::Catalog => "catalog",
            What::Database => "database",
        };
        write!(formatter, "{what} {}", printable(&self.name.to_string()))
    }
}

/// A change in the definitions that a job uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DefinitionChange {
    /// The job uses a definition that it did not use.
    Added(Defined),
    /// The job uses a definition no more.
    Removed(Defined),
    /// Only `WITH (…)` changed, and what is read stays the same data.
    OptionsChanged {
        /// What has the options.
        defined: Defined,
        /// The options that changed.
        options: Vec<OptionChange>,
    },
    /// An option that may say which data it is, of something that the job reads; a restored source would not notice.
    SourceMoved {
        /// What has the option.
        defined: Defined,
        option: OptionChange,
    },
    /// Columns or constraints of a table changed.
    ColumnsChanged {
        /// The table.
        defined: Defined,
        /// Each of them, by what it is called.
        columns: Vec<ChangedField>,
    },
    /// Anything else about a definition changed.
    Rewritten {
        /// What it defines.
        defined: Defined,
        /// The part that changed, as it was.
        before: Option<String>,
        /// The part that changed, as it is.
        after: Option<String>,
    },
    /// The names of the query are looked up somewhere else.
    NameScope {
        /// The catalog and database before.
        before: Option<String>,
        /// The catalog and database after.
        after: Option<String>,
    },
    /// A statement that concerns every job changed.
    Session {
        /// The file and the line where it starts, or started if it is gone.
        origin: String,
        /// What it was, if it was there.
        before: Option<String>,
        /// What it is, if it is there.
        after: Option<String>,
    },
}

/// One field of a change, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChangedField {
    /// What it is of, and which.
    pub field: String,
    /// What it said, if it was there.
    pub before: Option<String>,
    /// What it says, if it is there.
    pub after: Option<String>,
}

/// An option before and after; what is secret is `*** (before)` and `*** (after)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptionChange {
    pub key: String,
    /// What it said, if it was there.
    pub before: Option<String>,
    /// What it says, if it is there.
    pub after: Option<String>,
}

impl OptionChange {
    /// A changed option. Values that are, or hold, a secret are replaced for good; references to secrets are shown.
    pub fn new(key: &str, before: Option<&str>, after: Option<&str>) -> Self {
        let values = [before, after];
        let secret = is_secret(key) || values.into_iter().flatten().any(holds_a_secret);
        let shown = |value: Option<&str>, when: &str| {
            // In a template the braces of references are doubled.
            let value = value.map(|value| value.replace("{{", "{").replace("}}", "}"))?;
            let reference = references(&value).first().is_some_and(|it| it.start == 0 && it.end == value.len());
            Some(if secret && !reference { format!("*** ({when})") } else { value })
        };
        Self { key: key.to_owned(), before: shown(before, "before"), after: shown(after, "after") }
    }
}

impl DefinitionChange {
    /// Whether the job starts clean because of it.
    pub fn is_query_change(&self) -> bool {
        match self {
            Self::OptionsChanged { .. } => false,
            Self::Added(_)
            | Self::Removed(_)
            | Self::SourceMoved { .. }
            | Self::ColumnsChanged { .. }
            | Self::Rewritten { .. }
            | Self::NameScope { .. }
            | Self::Session { .. } => true,
        }
    }

    /// What changed, field by field.
    pub fn fields(&self) -> Vec<ChangedField> {
        let field = |field: String, before: &Option<String>, after: &Option<String>| {
            let shown = |value: &Option<String>| value.as_deref().map(printable);
            ChangedField { field, before: shown(before), after: shown(after) }
        };
        match self {
            Self::Added(defined) => vec![field(defined.to_string(), &None, &Some("used".to_owned()))],
            Self::Removed(defined) => vec![field(defined.to_string(), &Some("used".to_owned()), &None)],
            Self::OptionsChanged { defined, options } => options
                .iter()
                .map(|it| field(format!("{defined}: option {}", printable(&it.key)), &it.before, &it.after))
                .collect(),
            Self::SourceMoved { defined, option } => {
                let name = format!("{defined}, which it reads: option {}", printable(&option.key));
                vec![field(name, &option.before, &option.after)]
            }
            Self::ColumnsChanged { defined, columns } => columns
                .iter()
                .map(|it| field(format!("{defined}: {}", printable(&it.field)), &it.before, &it.after))
                .collect(),
            Self::Rewritten { defined, before, after } => {
                vec![field(format!("{defined}: definition"), before, after)]
            }
            Self::NameScope { before, after } => vec![field("where names are looked up".to_owned(), before, after)],
            Self::Session { origin, before, after } => {
                vec![field(format!("{}: statement of every job", printable(origin)), before, after)]
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
pub(super) fn holds_a_secret(value: &str) -> bool {
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
