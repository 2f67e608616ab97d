//! Owns when two texts of SQL mean the same: what their tokens say is equal, one by one.
//! Must not know statements, tables or manifests.

use super::canonical::{canonical, canonical_target};
use super::current::Current;
use super::lexer::{Token, scan, tokens};
use super::words::Said;

/// Whether two texts say the same, token by token.
///
/// White space, comments, a `;` at the end and quotes around names say nothing, and in a definition `COMMENT '…'` and
/// `IF NOT EXISTS` do not either. Keywords and functions may change their case, names may not; words and types that are
/// one to Flink are one here. Literals and hints count as written. Text that cannot be read equals only itself.
pub fn same_meaning(a: &str, b: &str) -> bool {
    match (tokens(a), tokens(b)) {
        (Ok(a), Ok(b)) => same_tokens(&a, &b),
        _ => a == b,
    }
}

/// The same of texts whose tables are looked up somewhere: `catalog.database.table` says what `table` says there.
pub fn same_meaning_in(a: (&str, Current<'_>), b: (&str, Current<'_>)) -> bool {
    match (tokens(a.0), tokens(b.0)) {
        (Ok(left), Ok(right)) => same_said(&canonical(&left, Some(a.1)), &canonical(&right, Some(b.1))),
        _ => a.0 == b.0,
    }
}

/// The same of two targets.
pub fn same_target_in(a: (&str, Current<'_>), b: (&str, Current<'_>)) -> bool {
    match (tokens(a.0), tokens(b.0)) {
        (Ok(left), Ok(right)) => same_said(&canonical_target(&left, a.1), &canonical_target(&right, b.1)),
        _ => a.0 == b.0,
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

fn same_tokens(a: &[Token<'_>], b: &[Token<'_>]) -> bool {
    same_said(&canonical(a, None), &canonical(b, None))
}

fn same_said(a: &[(Said<'_>, Token<'_>)], b: &[(Said<'_>, Token<'_>)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((a, _), (b, _))| a == b)
}

fn same_words(a: &[&str], b: &[&str]) -> bool {
    let words = |comments: &[&str]| {
        comments.iter().flat_map(|comment| comment.split_whitespace()).map(str::to_owned).collect::<Vec<_>>()
    };
    words(a) == words(b)
}
