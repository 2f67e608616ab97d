//! Owns cutting SQL files into statements, and what each statement defines.
//! Must not know templates, or which statements a job uses.

use serde::{Deserialize, Serialize};

use super::grammar::read;
use super::lexer::{LexError, Token, tokens};
use super::statement_kind::StatementKind;

/// One statement of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Statement {
    /// The file and the line where it starts: `config/tables/orders.sql:3`.
    pub origin: String,
    /// Its text without the `;`, and without the comments before and after it.
    pub sql: String,
    pub kind: StatementKind,
}

impl StatementKind {
    /// What one statement does. Text that cannot be read is something else.
    pub fn of(sql: &str) -> Self {
        tokens(sql).map_or(Self::Other, |tokens| Self::of_tokens(&tokens))
    }

    pub(crate) fn of_tokens(tokens: &[Token<'_>]) -> Self {
        read(tokens).unwrap_or(Self::Other)
    }
}

/// A statement that cannot be used, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct StatementError {
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    pub message: String,
    pub help: String,
}

impl StatementError {
    pub(crate) fn from_lexer(file: &str, error: LexError) -> Self {
        let help = error.help().to_owned();
        let LexError { line, column, offset: _, message } = error;
        Self { file: file.to_owned(), line, column, message, help }
    }
}

/// Cuts a file into its statements, at each `;` outside strings, names and comments.
pub fn split(file_name: &str, text: &str) -> Result<Vec<Statement>, Vec<StatementError>> {
    let pieces = pieces(text).map_err(|error| vec![StatementError::from_lexer(file_name, error)])?;
    let statement = |piece: Piece<'_>| Statement {
        origin: format!("{file_name}:{}", piece.line),
        sql: piece.sql.to_owned(),
        kind: StatementKind::of(piece.sql),
    };
    Ok(pieces.into_iter().map(statement).collect())
}

/// The text of one statement and where it starts.
pub(crate) struct Piece<'a> {
    pub(crate) sql: &'a str,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

pub(crate) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, LexError> {
    let tokens = tokens(text)?;
    let statements = tokens.split(|token| token.is_symbol(";"));
    let piece = |tokens: &[Token<'_>]| {
        let (first, last) = (tokens.first()?, tokens.last()?);
        let sql = text.get(first.offset..last.end())?;
        Some(Piece { sql, line: first.line, column: first.column })
    };
    Ok(statements.filter_map(piece).collect())
}
