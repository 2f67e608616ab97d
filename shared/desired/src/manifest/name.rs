//! A job's name: it becomes part of S3 keys, Flink's job list and argument vectors, so it is checked once, here.
//! Must not know the files that carry it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::suggest::closest;

/// The longest name.
const MAX_LENGTH: usize = 100;

/// A job's name: `[A-Za-z0-9][A-Za-z0-9._-]{0,99}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobName(String);

/// Why a text is not a job's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJobName {
    /// Nothing in it.
    #[error("the name is empty")]
    Empty,
    /// More than 100 characters.
    #[error("the name has {0} characters, 100 is the most")]
    TooLong(usize),
    /// Does not begin with a letter or digit.
    #[error("the name begins with {0:?}, not with a letter or a digit")]
    BadStart(char),
    /// Holds a character that is not safe in keys and arguments.
    #[error("the name holds {0:?}")]
    BadCharacter(char),
}

impl JobName {
    /// What a name may be, for messages.
    pub const RULE: &str = "use letters, digits, `.`, `_` and `-`, beginning with a letter or a digit, 100 at most";
    /// The same as a regular expression.
    pub const PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$";

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one of the known names that this one was probably meant to be.
    pub fn closest<'a>(&self, known: impl IntoIterator<Item = &'a Self>) -> Option<&'a Self> {
        let known: Vec<&Self> = known.into_iter().collect();
        let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
        let found = closest(self.as_str(), &names)?;
        known.into_iter().find(|name| name.as_str() == found)
    }
}

impl TryFrom<&str> for JobName {
    type Error = BadJobName;

    fn try_from(text: &str) -> Result<Self, BadJobName> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for JobName {
    type Error = BadJobName;

    fn try_from(text: String) -> Result<Self, BadJobName> {
        let first = text.chars().next().ok_or(BadJobName::Empty)?;
        if !first.is_ascii_alphanumeric() {
            return Err(BadJobName::BadStart(first));
        }
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let Some(bad) = text.chars().find(|&c| !safe(c)) {
            return Err(BadJobName::BadCharacter(bad));
        }
        if text.len() > MAX_LENGTH {
            return Err(BadJobName::TooLong(text.len()));
        }
        Ok(Self(text))
    }
}

impl From<JobName> for String {
    fn from(name: JobName) -> Self {
        name.0
    }
}

impl std::str::FromStr for JobName {
    type Err = BadJobName;

    fn from_str(text: &str) -> Result<Self, BadJobName> {
        Self::try_from(text)
    }
}

impl AsRef<str> for JobName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_names_only() {
        for good in ["a", "0", "orders-eu", "A.b_c-9", &"x".repeat(100)] {
            assert!(JobName::try_from(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "_a", "a/b", "a b", "a\n", "ä", "a$", "..", &"x".repeat(101)] {
            assert!(JobName::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_misspelt_name_is_near_the_one_that_was_meant() {
        let known = ["orders", "clicks"].map(|name| JobName::try_from(name).unwrap());
        let near = |text: &str| JobName::try_from(text).unwrap().closest(&known).map(JobName::as_str);
        assert_eq!([near("ordres"), near("payments")], [Some("orders"), None]);
    }

    #[test]
    fn json_is_checked_too() {
        let name: JobName = serde_json::from_str("\"orders\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"orders\"");
        assert!(serde_json::from_str::<JobName>("\"../x\"").is_err());
    }
}
