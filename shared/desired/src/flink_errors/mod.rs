//! What Flink says of a job that does not compile, told in people's own files: where, what is wrong, the way out.
//! Must not know how Flink is asked; whatever it does not know of Flink's words is told in those words.

mod aggregates;
mod clauses;
mod connectors;
mod ddl;
mod depth;
mod dialects;
mod names;
mod options;
mod place;
mod sinks;
mod streaming;
mod syntax;
mod tables;
mod types;

use std::ops::Range;

use crate::diagnostics::Diagnostic;
use crate::launch::{Launch, LaunchKind, LaunchStatement, Rejection};
use crate::place::{Place, byte_of_java};
use crate::sql::{Token, is_reserved, tokens};

/// What a rejection means, in people's own files.
pub fn explain(launch: &Launch, rejection: &Rejection) -> Diagnostic {
    let failure = Failure::of(launch, rejection);
    let told = RULES.iter().find_map(|rule| rule(&failure));
    failure.placed(told.unwrap_or_else(|| failure.plain()))
}

/// A rule: what it knows about a failure, if it knows it.
type Rule = fn(&Failure<'_>) -> Option<Told>;

/// The first that knows a failure tells it.
const RULES: &[Rule] = &[
    depth::rule,
    connectors::rule,
    options::rule,
    sinks::rule,
    streaming::rule,
    ddl::rule,
    names::rule,
    aggregates::rule,
    types::rule,
    clauses::rule,
    syntax::rule,
];

/// What is told, and where in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    code: &'static str,
    at: At,
    message: String,
    help: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    /// These bytes of the text that is judged.
    Text(Range<usize>),
    /// In another definition.
    Definition(usize, Range<usize>),
    /// In `target-table`.
    Target,
    /// An option of the job.
    Option(&'static str),
    /// Where Flink says, else nowhere in particular.
    AsFlinkSays,
}

impl Told {
    fn new(code: &'static str, at: At, message: impl Into<String>) -> Self {
        Self { code, at, message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[expect(clippy::unnecessary_wraps, reason = "ends the chain of a rule that may know nothing")]
    fn some(self) -> Option<Self> {
        Some(self)
    }
}

/// A rejection and what it is about.
struct Failure<'a> {
    launch: &'a Launch,
    kind: &'a str,
    /// Flink's words, without the place in them.
    message: &'a str,
    /// The definition that it is about, if it is about one.
    statement: Option<(usize, &'a LaunchStatement)>,
    /// The text that it is about.
    text: &'a str,
    tokens: Vec<Token<'a>>,
    /// Where in the text, in bytes.
    at: Option<usize>,
}

impl<'a> Failure<'a> {
    fn of(launch: &'a Launch, rejection: &'a Rejection) -> Self {
        let origin = rejection.origin.as_deref();
        let mut statements = launch.statements.iter().enumerate();
        let statement = statements.find(|(_, statement)| Some(statement.origin.as_str()) == origin);
        let text = statement.map_or(launch.body.as_str(), |(_, statement)| statement.sql.as_str());
        let is_sql = statement.is_some() || launch.kind == LaunchKind::Sql;
        let tokens = if is_sql { tokens(text).unwrap_or_default() } else { Vec::new() };
        // A place in the INSERT is one in a text that nobody wrote.
        let place = rejection.line.zip(rejection.column).filter(|_| rejection.kind != "insert");
        let at = place.and_then(|(line, column)| byte_of_java(text, Place { line, column }));
        let message = place::without_place(&rejection.message);
        Self { launch, kind: &rejection.kind, message, statement, text, tokens, at }
    }

    /// What is told where no rule knows it.
    fn plain(&self) -> Told {
        Told::new("flink", At::AsFlinkSays, self.message)
    }

    /// The token at a byte, or the first one after it.
    fn token_at(&self, byte: usize) -> Option<usize> {
        let index = self.tokens.partition_point(|token| token.end() <= byte);
        (index < self.tokens.len()).then_some(index)
    }

    /// The token where Flink says that it is.
    fn here(&self) -> Option<usize> {
        self.token_at(self.at?)
    }

    fn token(&self, index: usize) -> Option<&Token<'a>> {
        self.tokens.get(index)
    }

    fn is(&self, index: usize, words: &[&str]) -> bool {
        self.token(index).is_some_and(|token| words.iter().any(|word| token.is_word(word) || token.is_symbol(word)))
    }

    fn is_before(&self, index: usize, steps: usize, words: &[&str]) -> bool {
        index.checked_sub(steps).is_some_and(|index| self.is(index, words))
    }

    /// Where a token stands.
    fn place(&self, index: usize) -> At {
        self.token(index).map_or(At::AsFlinkSays, |token| At::Text(token.offset..token.end()))
    }

    /// Where a word stands first.
    fn word(&self, word: &str) -> Option<usize> {
        self.tokens.iter().position(|token| token.is_word(word))
    }

    /// Where a text in quotes stands first.
    fn literal(&self, value: &str) -> Option<usize> {
        self.tokens.iter().position(|token| token.literal_value().as_deref() == Some(value))
    }

    /// The bracket that is open at a token, and the word before it.
    fn bracket_around(&self, index: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in (0..index).rev() {
            if self.is(at, &[")"]) {
                depth += 1;
            } else if self.is(at, &["("]) {
                match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return Some(at),
                }
            }
        }
        None
    }

    /// What stands between two texts in Flink's words.
    fn between(&self, start: &str, end: &str) -> Option<&'a str> {
        between(self.message, start, end)
    }
}

/// What stands between the first of two texts and the next of the other.
fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

/// A name as SQL takes it.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !is_reserved(name);
    if plain && !name.is_empty() { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

/// Some names in a sentence: not more than a dozen.
fn listed<S: AsRef<str>>(names: &[S]) -> String {
    const MOST: usize = 12;
    let shown: Vec<&str> = names.iter().take(MOST).map(AsRef::as_ref).collect();
    let more = if names.len() > MOST { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests;
