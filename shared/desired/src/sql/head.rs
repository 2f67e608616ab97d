//! Owns the words that a statement starts with, up to the name that it is about.
//! Must not know what the words after it mean.

use super::lexer::Token;
use super::path::TablePath;
use super::words::is_any;

/// The shape of a statement, as far as it says where keywords stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `CREATE TABLE`: columns, then clauses.
    Table,
    /// `CREATE FUNCTION`: keywords only.
    Function,
    /// Another definition.
    Definition,
    /// A query, or any other statement.
    Query,
}

/// The words that a statement starts with, up to the name that it is about.
pub(super) struct Head {
    pub(super) form: Form,
    /// Where the words end and the name starts.
    pub(super) words: usize,
    pub(super) name_end: usize,
    /// The tokens of `IF NOT EXISTS`.
    pub(super) if_not_exists: std::ops::Range<usize>,
}

impl Head {
    pub(super) fn of(tokens: &[Token<'_>]) -> Self {
        let is = |at: usize, words: &[&str]| is_any(tokens.get(at), words);
        let mut at = usize::from(is(0, STARTS));
        let mut if_not_exists = 0..0;
        if !is(0, &["CREATE"]) {
            // `USE CATALOG c`, but `USE catalog`.
            at += usize::from(is(0, &["USE"]) && is(1, &["CATALOG"]) && tokens.len() > 2);
            return Self { form: Form::Query, words: at, name_end: at, if_not_exists };
        }
        while is(at, &["OR", "ALTER", "REPLACE", "TEMPORARY", "SYSTEM"]) {
            at += 1;
        }
        let form = match tokens.get(at).map(|token| token.text.to_ascii_uppercase()).as_deref() {
            Some("TABLE") => Form::Table,
            Some("FUNCTION") => Form::Function,
            Some(_) | None => Form::Definition,
        };
        at += 1;
        if is(at, &["IF"]) && is(at + 1, &["NOT"]) && is(at + 2, &["EXISTS"]) {
            if_not_exists = at..at + 3;
            at += 3;
        }
        let name = tokens.get(at..).and_then(TablePath::read);
        let name_end = at + name.map_or(0, |(_, used)| used);
        Self { form, words: at, name_end, if_not_exists }
    }

    pub(super) fn defines(&self) -> bool {
        self.form != Form::Query
    }
}

/// The words that start a statement and could be names elsewhere, or be followed by such words.
const STARTS: &[&str] = &["CREATE", "ALTER", "DROP", "USE", "LOAD", "UNLOAD", "SHOW", "DESC", "DESCRIBE", "ANALYZE"];

/// Whether Flink skips this definition where there is one of its name.
pub(crate) fn says_if_not_exists(tokens: &[Token<'_>]) -> bool {
    !Head::of(tokens).if_not_exists.is_empty()
}
