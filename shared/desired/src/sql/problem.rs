//! Owns what is wrong in a text of SQL: which bytes, why, and the way out.
//! Must not know which file or field the text is from.

use std::ops::Range;

use super::lexer::{LexError, Token};

/// Something in a text of SQL that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlProblem {
    /// What kind of problem it is, in kebab case.
    pub code: &'static str,
    /// The bytes of the text that it is about.
    pub at: Range<usize>,
    pub message: String,
    pub help: String,
}

/// The code of a text that ends within a string, a name, a comment or a hint.
pub(crate) const NOT_CLOSED: &str = "not-closed";

impl SqlProblem {
    pub(super) fn new(
        code: &'static str,
        at: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { code, at, message: message.into(), help: help.into() }
    }

    /// A problem about one token.
    pub(super) fn at(
        code: &'static str,
        token: &Token<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::new(code, token.offset..token.end(), message, help)
    }
}

impl From<LexError> for SqlProblem {
    fn from(error: LexError) -> Self {
        let help = error.help();
        Self::new(NOT_CLOSED, error.offset..error.offset + 1, error.message, help)
    }
}

impl LexError {
    pub(super) fn help(&self) -> &'static str {
        if self.message.starts_with("this string") {
            "close it; a quote inside quotes is written twice"
        } else if self.message.starts_with("this name") {
            "close it with `; a back-tick inside a name is written twice"
        } else {
            "close it with */"
        }
    }
}
