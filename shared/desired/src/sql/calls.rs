//! Owns which names are those of functions that are called.
//! Must not know which functions exist.

use super::head::Form;
use super::lexer::{Token, TokenKind};
use super::reserved::is_reserved;
use super::words::{follows_dot, is_any, symbol};

/// Whether a name with a bracket after it is that of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// It is called.
    Yes,
    /// It is called, or names something that has columns: `DEFINE a AS f(b)`, `FROM t AS f (b)`.
    Maybe,
    /// It is not.
    No,
}

/// Whether the name that ends here is that of a function.
pub(super) fn call(tokens: &[Token<'_>], at: usize, form: Form) -> Call {
    if !symbol(tokens.get(at + 1), "(") || tokens.get(at).is_some_and(|token| token.name().is_none()) {
        return Call::No;
    }
    let mut first = at;
    while follows_dot(tokens, first) && first >= 2 {
        first -= 2;
    }
    let Some(before) = first.checked_sub(1).and_then(|before| tokens.get(before)) else { return Call::Yes };
    let called = match before.kind {
        TokenKind::QuotedIdentifier | TokenKind::Number | TokenKind::Literal => false,
        TokenKind::Word if before.is_word("AS") && form != Form::Table => return Call::Maybe,
        TokenKind::Word if is_reserved(before.text) => {
            !(is_any(Some(before), DEFINES_NAME) || form == Form::Table && before.is_word("LIKE"))
        }
        TokenKind::Word => is_any(Some(before), STARTS_VALUE),
        TokenKind::Hint => before.text == "/*+",
        TokenKind::Symbol if before.is_symbol(",") => !gives_name(tokens, at + 2),
        TokenKind::Symbol => !before.is_symbol(")") && !before.is_symbol("]"),
    };
    if called { Call::Yes } else { Call::No }
}

/// Whether the columns here are those of a further name of `WITH`: `a, b) AS (`.
fn gives_name(tokens: &[Token<'_>], from: usize) -> bool {
    let column = |token: &&Token<'_>| token.name().is_some() || token.is_symbol(",");
    let end = from + tokens.iter().skip(from).take_while(column).count();
    symbol(tokens.get(end), ")") && is_any(tokens.get(end + 1), &["AS"]) && symbol(tokens.get(end + 2), "(")
}

/// The reserved words after which a name is defined or written to, or a keyword stands.
const DEFINES_NAME: &[&str] = &["INTO", "TABLE", "EXISTS", "WITH", "PRIMARY", "FUNCTION", "END", "GROUPING"];

/// The words that are not reserved, and before a value are keywords.
const STARTS_VALUE: &[&str] = &["FINAL", "KEY", "PASSING", "PLACING", "ZONE"];
