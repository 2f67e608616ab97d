//! References to secret values: what they look like, where they may stand, and a text with values in their places.
//! Must not know who reads a value; a filled text is never part of anything that is stored.

use std::collections::BTreeMap;
use std::fmt;

use crate::diagnostics::excerpt;
use crate::settings::is_setting;
use crate::sql::{Token, TokenKind, tokens};

/// The longest name that Parameter Store takes.
const MAX_PARAMETER: usize = 1011;
/// How many levels a parameter's name may have.
const MAX_LEVELS: usize = 15;
/// How long the name of a variable may be.
const MAX_VARIABLE: usize = 255;

/// The name of a secret value, as configuration files write it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretReference {
    /// `${ssm:/path}`: a parameter of Parameter Store.
    Parameter(String),
    /// `${env:NAME}`: a variable of the runner's environment.
    Variable(String),
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "${{ssm:{name}}}"),
            Self::Variable(name) => write!(f, "${{env:{name}}}"),
        }
    }
}

/// What a reference stands for. It cannot be serialized, and shows itself to nobody by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

impl SecretValue {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one who has to pass it on.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(***)")
    }
}

pub type SecretValues = BTreeMap<SecretReference, SecretValue>;

/// A place in a text that is meant as a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last one.
    pub end: usize,
    /// What it refers to.
    pub reference: Result<SecretReference, BadReference>,
}

/// A reference that is none, or stands where none can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    /// Without its end.
    #[error("the secret reference `{0}` is never closed with `}}`")]
    Unclosed(String),
    /// In capitals or with blanks.
    #[error("`{0}` is not how a secret is referred to")]
    Spelling(String),
    /// Not a parameter's name.
    #[error("`{0}` names no parameter of Parameter Store")]
    Parameter(String),
    /// Not a variable's name.
    #[error("`{0}` names no environment variable")]
    Variable(String),
    /// A variable that is a setting of the node.
    #[error("`{0}` cannot be a secret: it is a setting of the node, which Flink's client writes into its log")]
    Setting(String),
    /// In SQL, but not in a string.
    #[error("the secret reference `{0}` stands outside of a string literal")]
    OutsideLiteral(String),
}

impl BadReference {
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unclosed(_) | Self::Spelling(_) => {
                "write `${ssm:/path}` or `${env:NAME}`, in small letters and without blanks"
            }
            Self::Parameter(_) => {
                "write the whole path: `${ssm:/flink-sql-runner/name}`, of letters, digits, `.`, `_`, `-` between slashes"
            }
            Self::Variable(_) => "write `${env:NAME}`: letters, digits and `_`, the first no digit",
            Self::Setting(_) => "keep the secret in a variable of another name, or in Parameter Store",
            Self::OutsideLiteral(_) => "write it between plain single quotes: 'password' = '${ssm:/path}'",
        }
    }

    /// The text that it is about.
    pub fn text(&self) -> &str {
        match self {
            Self::Unclosed(text)
            | Self::Spelling(text)
            | Self::Parameter(text)
            | Self::Variable(text)
            | Self::Setting(text)
            | Self::OutsideLiteral(text) => text,
        }
    }
}

/// Every place of a text that is meant as a reference, in order.
pub fn references(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text.get(from..).and_then(|rest| rest.find("${")).map(|at| from + at) {
        match text.get(start..).and_then(leading) {
            Some((length, reference)) => {
                from = start + length;
                found.push(Found { start, end: from, reference });
            }
            None => from = start + 2,
        }
    }
    found
}

/// What is meant as a reference at the very beginning of a text, and its length in bytes.
pub(crate) fn leading(text: &str) -> Option<(usize, Result<SecretReference, BadReference>)> {
    let inner = text.strip_prefix("${")?;
    let colon = inner.find(|c: char| c != ' ' && !c.is_ascii_alphabetic())?;
    let source = inner.get(..colon).filter(|_| inner[colon..].starts_with(':'))?.trim_matches(' ');
    if !["ssm", "env"].iter().any(|known| source.eq_ignore_ascii_case(known)) {
        return None;
    }
    let stop = inner.find(['}', '{', '\n', '\r', '\'', '"', '`']).unwrap_or(inner.len());
    let closed = inner.get(stop..).is_some_and(|rest| rest.starts_with('}'));
    let length = 2 + stop + usize::from(closed);
    let shown = excerpt(text.get(..length).unwrap_or(text));
    if !closed {
        return Some((length, Err(BadReference::Unclosed(shown))));
    }
    let body = inner.get(..stop).unwrap_or_default();
    let reference = if let Some(name) = body.strip_prefix("ssm:") {
        if is_parameter(name) {
            Ok(SecretReference::Parameter(name.to_owned()))
        } else {
            Err(BadReference::Parameter(shown))
        }
    } else if let Some(name) = body.strip_prefix("env:") {
        if is_variable(name) && is_setting(name) {
            Err(BadReference::Setting(shown))
        } else if is_variable(name) {
            Ok(SecretReference::Variable(name.to_owned()))
        } else {
            Err(BadReference::Variable(shown))
        }
    } else {
        Err(BadReference::Spelling(shown))
    };
    Some((length, reference))
}

fn is_parameter(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let whole = |level: &str| !level.is_empty() && level.bytes().all(allowed);
    let Some(path) = name.strip_prefix('/') else { return false };
    name.len() <= MAX_PARAMETER && path.split('/').count() <= MAX_LEVELS && path.split('/').all(whole)
}

fn is_variable(name: &str) -> bool {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.len() <= MAX_VARIABLE
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(in_name)
}

/// What is wrong with the references in a SQL statement, and where: a value has to be the inside of a plain string
/// literal, or it could be read as SQL. Comments are not looked at.
pub fn check_sql(sql: &str) -> Vec<(usize, BadReference)> {
    let Ok(tokens) = tokens(sql) else { return Vec::new() };
    let wrong = |found: Found| {
        let last_before = tokens.partition_point(|token| token.offset <= found.start).checked_sub(1)?;
        let token = tokens.get(last_before).filter(|token| found.start < token.end())?;
        let error = match found.reference {
            Err(error) => error,
            Ok(_) if is_plain_literal(token) => return None,
            Ok(reference) => BadReference::OutsideLiteral(reference.to_string()),
        };
        Some((found.start, error))
    };
    references(sql).into_iter().filter_map(wrong).collect()
}

/// The references in the string literals of a SQL statement.
pub fn references_in_sql(sql: &str) -> Vec<SecretReference> {
    let Ok(tokens) = tokens(sql) else { return Vec::new() };
    tokens.iter().filter(|token| is_plain_literal(token)).flat_map(|token| good(token.text)).collect()
}

/// The references in a text that is no SQL.
pub fn references_in_text(text: &str) -> Vec<SecretReference> {
    good(text).collect()
}

fn good(text: &str) -> impl Iterator<Item = SecretReference> {
    references(text).into_iter().filter_map(|found| found.reference.ok())
}

/// A literal without a prefix: in `U&'…'` and `X'…'` other characters than the quote have a meaning.
fn is_plain_literal(token: &Token<'_>) -> bool {
    token.kind == TokenKind::Literal && token.text.starts_with('\'')
}

/// A text with the values in their places; the reference whose value is missing, if one is.
///
/// One pass: what looks like a reference in a value stays what it is.
pub fn fill_text(text: &str, values: &SecretValues) -> Result<String, SecretReference> {
    fill(text, values, str::to_owned)
}

/// A SQL statement with the values in its string literals, where each is still exactly one literal.
pub fn fill_sql(sql: &str, values: &SecretValues) -> Result<String, SecretReference> {
    // What cannot be read holds no literal; Flink will say so.
    let Ok(tokens) = tokens(sql) else { return Ok(sql.to_owned()) };
    let mut filled = String::with_capacity(sql.len());
    let mut copied = 0;
    for token in tokens.iter().filter(|token| is_plain_literal(token)) {
        filled.push_str(sql.get(copied..token.offset).unwrap_or_default());
        filled.push_str(&fill(token.text, values, |value| value.replace('\'', "''"))?);
        copied = token.end();
    }
    filled.push_str(sql.get(copied..).unwrap_or_default());
    Ok(filled)
}

fn fill(text: &str, values: &SecretValues, quoted: impl Fn(&str) -> String) -> Result<String, SecretReference> {
    let mut filled = String::with_capacity(text.len());
    let mut copied = 0;
    for Found { start, end, reference } in references(text) {
        let Ok(reference) = reference else { continue };
        let Some(value) = values.get(&reference) else { return Err(reference) };
        filled.push_str(text.get(copied..start).unwrap_or_default());
        filled.push_str(&quoted(value.reveal()));
        copied = end;
    }
    filled.push_str(text.get(copied..).unwrap_or_default());
    Ok(filled)
}
