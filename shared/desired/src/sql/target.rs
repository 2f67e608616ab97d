//! Owns what a target may be: a table's name, with a listed hint and a static partition where they are wanted.
//! Must not know manifests, or which tables exist.

use std::collections::BTreeSet;
use std::ops::Range;

use super::hints::{quote_problem, target_hint_problems};
use super::lexer::{Token, TokenKind, tokens};
use super::path::TablePath;
use super::problem::SqlProblem;
use super::reserved::is_reserved;

/// The default name of the column that says when a row was made.
pub const TIMESTAMP_FIELD: &str = "__create_timestamp";
/// The code of what is no target.
const BAD_TARGET: &str = "bad-target";

/// The most parts of a name: catalog, database and table.
const MOST_PARTS: usize = 3;

/// What the columns begin with that say who wrote a row.
const OUR_COLUMNS: &str = "__query_";

/// What keeps a text from being a target.
pub fn target_problems(text: &str) -> Vec<SqlProblem> {
    match tokens(text) {
        Ok(tokens) => match Target::read(text, 0..text.len(), &tokens) {
            Ok(_) => target_hint_problems(&tokens),
            Err(problem) => vec![problem],
        },
        Err(error) => vec![error.into()],
    }
}

/// The table that a target names; nothing if it names none.
pub fn target_path(text: &str) -> Option<TablePath> {
    TablePath::read(&tokens(text).ok()?).map(|(path, _)| path)
}

/// The target as INSERT takes it: the hint before the partition. What is no target stays as it is.
pub fn insert_target(text: &str) -> String {
    let parts = tokens(text).ok().and_then(|tokens| {
        let Target { hint, partition, used: _ } = Target::read(text, 0..text.len(), &tokens).ok()?;
        let (hint, partition) = (hint?, partition?);
        let between = |part: &[Token<'_>]| text.get(part.first()?.offset..part.last()?.end());
        let path = text.get(..hint.first()?.offset.min(partition.first()?.offset))?.trim_end();
        Some(format!("{path} {} {}", between(hint)?, between(partition)?))
    });
    parts.unwrap_or_else(|| text.to_owned())
}

/// How many tokens the target takes that these tokens begin with, if they begin with one that may be written.
pub(crate) fn leading_target(text: &str, tokens: &[Token<'_>]) -> Option<usize> {
    let end = tokens.iter().position(|token| token.is_word("SELECT"))?;
    let target = tokens.get(..end)?;
    let bytes = target.first()?.offset..tokens.get(end)?.offset;
    let used = Target::read(text, bytes, target).ok()?.used;
    target_hint_problems(target).is_empty().then_some(used)
}

/// A target in its parts.
struct Target<'a, 'b> {
    hint: Option<&'a [Token<'b>]>,
    partition: Option<&'a [Token<'b>]>,
    used: usize,
}

impl<'a, 'b> Target<'a, 'b> {
    fn read(text: &str, bytes: Range<usize>, tokens: &'a [Token<'b>]) -> Result<Self, SqlProblem> {
        if let Some(quote) = quote_problem(tokens) {
            return Err(quote);
        }
        let path = path_length(tokens)?;
        let mut target = Self { hint: None, partition: None, used: path };
        while let Some([next, ..]) = tokens.get(target.used..) {
            let rest = tokens.get(target.used..).unwrap_or_default();
            if next.kind == TokenKind::Hint && next.text == "/*+" && target.hint.is_none() {
                let end = rest.iter().position(|token| token.kind == TokenKind::Hint && token.text == "*/");
                target.hint = rest.get(..end.map_or(rest.len(), |end| end + 1));
                target.used += target.hint.map_or(rest.len(), <[_]>::len);
            } else if next.is_word("PARTITION") && target.partition.is_none() {
                let length = partition_length(rest)?;
                target.partition = rest.get(..length);
                target.used += length;
            } else {
                return Err(left_over(next));
            }
        }
        comments(text, bytes, tokens).map_or(Ok(target), Err)
    }
}

fn refuse(token: &Token<'_>, message: impl Into<String>, help: impl Into<String>) -> SqlProblem {
    SqlProblem::at(BAD_TARGET, token, message, help)
}

/// How many tokens the name takes that stands first.
fn path_length(tokens: &[Token<'_>]) -> Result<usize, SqlProblem> {
    let mut used = 0;
    loop {
        let Some(part) = tokens.get(used) else {
            let at = tokens.last().map_or(0..1, |token| token.offset..token.end());
            let help = "write `table`, `database.table` or `catalog.database.table`";
            return Err(SqlProblem::new(BAD_TARGET, at, "the name of a table is missing", help));
        };
        if part.name().is_none() {
            return Err(refuse(part, "the name of a table is expected here", "write `table` or `database.table`"));
        }
        if used == 0 && part.is_word("INSERT") {
            return Err(refuse(part, "`target-table` is the table alone", "drop `INSERT INTO`: it is written for you"));
        }
        if part.kind == TokenKind::Word && is_reserved(part.text) {
            let message = format!("`{}` is a reserved word of SQL", part.text);
            return Err(refuse(part, message, format!("put it in back-ticks: `{}`", part.text)));
        }
        if used / 2 >= MOST_PARTS {
            let help = "write at most `catalog.database.table`; put a name with dots in it in back-ticks";
            return Err(refuse(part, "this name has more than three parts", help));
        }
        used += 1;
        match tokens.get(used) {
            Some(dot) if dot.is_symbol(".") => used += 1,
            Some(_) | None => return Ok(used),
        }
    }
}

/// How many tokens `PARTITION (k = 'v', …)` takes.
fn partition_length(tokens: &[Token<'_>]) -> Result<usize, SqlProblem> {
    let help = "write PARTITION (`column` = 'value', …), each column once";
    let word = tokens.first().map_or(0..1, |token| token.offset..token.end());
    let broken = || SqlProblem::new(BAD_TARGET, word.clone(), "this partition cannot be read", help);
    let close = tokens.iter().position(|token| token.is_symbol(")")).ok_or_else(broken)?;
    let [_, open, inner @ ..] = tokens.get(..close).unwrap_or_default() else { return Err(broken()) };
    if !open.is_symbol("(") {
        return Err(broken());
    }
    let mut columns = BTreeSet::new();
    for pair in inner.split(|token| token.is_symbol(",")) {
        let [column, equals, value @ ..] = pair else { return Err(broken()) };
        let plain = column.kind != TokenKind::Word || !is_reserved(column.text);
        let name = column.name().filter(|_| plain && equals.is_symbol("=") && is_constant(value));
        if name.as_deref().is_some_and(is_ours) {
            let message = "a partition cannot give a column that says who wrote a row";
            return Err(refuse(column, message, "remove it: the column is written for you"));
        }
        if !name.is_some_and(|name| columns.insert(name)) {
            return Err(refuse(column, "this is no static partition", help));
        }
    }
    Ok(close + 1)
}

/// Whether a column is one that is written into every row beside the query's own.
fn is_ours(column: &str) -> bool {
    let start = column.get(..OUR_COLUMNS.len()).unwrap_or_default();
    start.eq_ignore_ascii_case(OUR_COLUMNS) || column.eq_ignore_ascii_case(TIMESTAMP_FIELD)
}

fn is_constant(value: &[Token<'_>]) -> bool {
    let typed = |token: &Token<'_>| ["DATE", "TIME", "TIMESTAMP"].iter().any(|word| token.is_word(word));
    match value {
        [one] => {
            one.literal_value().is_some()
                || one.kind == TokenKind::Number
                || one.is_word("TRUE")
                || one.is_word("FALSE")
        }
        [sign, number] if sign.is_symbol("-") => number.kind == TokenKind::Number,
        [word, text] => typed(word) && text.literal_value().is_some(),
        _ => false,
    }
}

fn left_over(token: &Token<'_>) -> SqlProblem {
    if token.is_symbol(";") {
        return refuse(token, "`target-table` ends without a `;`", "remove it");
    }
    if token.is_symbol("(") {
        let help = "remove it: the columns of the query are written in their order";
        return refuse(token, "`target-table` takes no list of columns", help);
    }
    if token.is_word("SELECT") || token.is_word("VALUES") || token.is_word("WITH") {
        return refuse(token, "`target-table` is the table alone", "remove it: the query is written in `sql`");
    }
    let help = "write the name of one table; only OPTIONS hints and PARTITION (…) may follow it";
    refuse(token, format!("`{}` cannot stand in a target", crate::diagnostics::excerpt(token.text)), help)
}

/// A comment in a target: it could swallow what follows the target.
fn comments(text: &str, bytes: Range<usize>, tokens: &[Token<'_>]) -> Option<SqlProblem> {
    let mut end = bytes.start;
    let ends = tokens.iter().map(|token| (token.offset, token.end())).chain([(bytes.end, bytes.end)]);
    for (start, next) in ends {
        let between = text.get(end..start).unwrap_or_default();
        if let Some(at) = between.find(|character: char| !character.is_whitespace()) {
            let message = "a comment cannot stand in a target";
            let help = "remove it, or make it a YAML comment: ` # …`";
            return Some(SqlProblem::new(BAD_TARGET, end + at..start, message, help));
        }
        end = next;
    }
    None
}
