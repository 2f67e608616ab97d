//! A query that is too deep, or too long, for the stack of Flink's parser and planner.
//! Must not know what the query says.

use super::{At, Failure, Told};

/// How Flink's own words begin where Java's stack was full, but for the sentence around them.
const PARSER: &str = "SqlParseException.getMessage()\" is null";
/// What the planner was at; the reason behind it is cut off where the text is long.
const PLANNER: &str = "while converting ";
/// Shorter texts did not fill a stack.
const LONG: usize = 500;

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    let planner = it.message.starts_with(PLANNER) && it.message.len() >= LONG;
    if !it.message.contains("StackOverflowError") && !it.message.contains(PARSER) && !planner {
        return None;
    }
    let message = "this is too deep or too long for Flink: its stack is full before all of it is read";
    let help = "write long chains of OR as IN (…), give parts of the query names in WITH or in views, and spread hundreds \
                of UNIONs over several of them";
    Told::new("too-deep", At::AsFlinkSays, message).help(help).some()
}
