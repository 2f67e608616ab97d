//! Owns when two texts of SQL mean the same: equal token by token.
//! Must not know statements, tables or manifests.

use super::lexer::{Token, TokenKind, scan, tokens};
use super::reserved::is_reserved;

/// Whether two texts are equal by their tokens.
///
/// White space, comments and a `;` at the end say nothing. Names, literals and hints count as
/// written; reserved words may change their case. Text that cannot be read equals only itself.
pub fn same_meaning(a: &str, b: &str) -> bool {
    match (tokens(a), tokens(b)) {
        (Ok(a), Ok(b)) => same_tokens(&a, &b),
        _ => a == b,
    }
}

/// Whether a query means what the Python tool deployed.
///
/// That tool wrote each newline as a space, so that a comment up to the end of its line swallowed
/// what followed. Its text equals the query that was written, and the query with the same done
/// to it. In the second case the comments must be equal too: they hold the rest of the query, and
/// what was changed there would be missed.
pub fn same_meaning_as_deployed_by_python(new: &str, deployed_one_line: &str) -> bool {
    if same_meaning(new, deployed_one_line) {
        return true;
    }
    let new = new.replace('\n', " ");
    match (scan(&new), scan(deployed_one_line)) {
        (Ok((new, new_comments)), Ok((deployed, deployed_comments))) => {
            same_tokens(&new, &deployed) && same_words(&new_comments, &deployed_comments)
        }
        _ => new == deployed_one_line,
    }
}

pub(crate) fn same_tokens(a: &[Token<'_>], b: &[Token<'_>]) -> bool {
    let (a, b) = (without_end(a), without_end(b));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_token(a, b))
}

fn same_token(a: &Token<'_>, b: &Token<'_>) -> bool {
    if a.kind != b.kind {
        return false;
    }
    a.text == b.text || a.kind == TokenKind::Word && a.text.eq_ignore_ascii_case(b.text) && is_reserved(a.text)
}

/// Flink reads a statement with and without the `;` after it.
fn without_end<'a, 'b>(mut tokens: &'a [Token<'b>]) -> &'a [Token<'b>] {
    while let [rest @ .., last] = tokens
        && last.is_symbol(";")
    {
        tokens = rest;
    }
    tokens
}

fn same_words(a: &[&str], b: &[&str]) -> bool {
    let words = |comments: &[&str]| {
        comments.iter().flat_map(|comment| comment.split_whitespace()).map(str::to_owned).collect::<Vec<_>>()
    };
    words(a) == words(b)
}
