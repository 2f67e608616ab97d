//! What a token can say, and the questions that all readers of tokens ask.
//! Must not know what is read.

use super::lexer::{Token, TokenKind};

/// What a token says. Two texts with the same of these mean the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Said<'a> {
    /// A keyword, in capitals.
    Keyword(String),
    /// A name, its quotes undone; Flink tells small letters from capitals in it.
    Name(String),
    /// The name of a table that is read, without what is current where it is looked up; a name that `WITH` gives is none.
    Table(String),
    /// The name of a function that is called, in small letters: Flink finds it in any case.
    Function(String),
    /// Anything else, as written.
    Text(TokenKind, &'a str),
}

pub(super) fn follows_dot(tokens: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| symbol(tokens.get(before), "."))
}

pub(super) fn symbol(token: Option<&Token<'_>>, text: &str) -> bool {
    token.is_some_and(|token| token.is_symbol(text))
}

pub(super) fn is_any(token: Option<&Token<'_>>, words: &[&str]) -> bool {
    token.is_some_and(|token| words.iter().any(|word| token.is_word(word)))
}
