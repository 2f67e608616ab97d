//! Owns which words and sizes name the same type to Flink 1.20, as DESCRIBE answers for each.
//! Must not know where types stand: their words are reserved.

use super::lexer::{Token, TokenKind};
use super::synonyms::{is, is_symbol};
use super::words::Said;

type Placed<'a> = (Said<'a>, Token<'a>);

/// The same with one way to write each type: `INTEGER` is `INT`, `VARCHAR(2147483647)` is `STRING`, `INT NULL` is `INT`.
pub(super) fn unify<'a>(said: &[Placed<'a>]) -> Vec<Placed<'a>> {
    let mut unified: Vec<Placed<'a>> = Vec::with_capacity(said.len());
    // Of each open bracket: what it encloses.
    let mut open = Vec::new();
    let mut ends_type = false;
    let mut at = 0;
    while let Some((one, token)) = said.get(at) {
        if let Some(found) = Type::read(said, at) {
            at += found.length;
            unified.extend(found.written);
            ends_type = true;
            continue;
        }
        if is_symbol(said, at, "(") {
            let row = at.checked_sub(1).is_some_and(|before| is(said, before, &["ROW"])) && has_fields(said, at + 1);
            open.push(if row { Bracket::Row } else { Bracket::Other });
            unified.push((if row { Said::Text(TokenKind::Symbol, "<") } else { one.clone() }, *token));
            ends_type = false;
        } else if is_symbol(said, at, ")") {
            ends_type = open.pop() == Some(Bracket::Row);
            unified.push((if ends_type { Said::Text(TokenKind::Symbol, ">") } else { one.clone() }, *token));
        } else if !(ends_type && is(said, at, &["NULL"]) && !is(said, at + 1, &["ON"])) {
            // `ARRAY` and `MULTISET` may stand behind the type of what they hold.
            ends_type = is_symbol(said, at, ">") || is(said, at, &["ARRAY", "MULTISET"]);
            unified.push((one.clone(), *token));
        }
        at += 1;
    }
    unified
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// The fields of a row.
    Row,
    Other,
}

/// A type that stands somewhere.
struct Type<'a> {
    written: Vec<Placed<'a>>,
    /// How many tokens it takes.
    length: usize,
}

impl<'a> Type<'a> {
    fn read(said: &[Placed<'a>], at: usize) -> Option<Self> {
        let (Said::Keyword(word), token) = said.get(at)? else { return None };
        if !SIMPLE.contains(&word.as_str()) {
            return None;
        }
        let mut name = match word.as_str() {
            "INTEGER" => "INT",
            "DEC" | "NUMERIC" => "DECIMAL",
            "CHARACTER" => "CHAR",
            other => other,
        };
        let mut end = at + 1;
        if name == "DOUBLE" && is(said, end, &["PRECISION"]) {
            end += 1;
        } else if matches!(name, "CHAR" | "BINARY") && is(said, end, &["VARYING"]) {
            name = if name == "CHAR" { "VARCHAR" } else { "VARBINARY" };
            end += 1;
        }
        let sizes = sizes(said, end);
        end += sizes.len();
        let zone = |words: &[&str]| words.iter().enumerate().all(|(more, word)| is(said, end + more, &[*word]));
        if name == "TIMESTAMP" && zone(&["WITH", "LOCAL", "TIME", "ZONE"]) {
            name = "TIMESTAMP_LTZ";
            end += 4;
        } else if matches!(name, "TIME" | "TIMESTAMP") && zone(&["WITHOUT", "TIME", "ZONE"]) {
            end += 3;
        }
        let (name, kept) = shortest(name, sizes);
        let mut written = vec![(Said::Keyword(name.to_owned()), *token)];
        written.extend(sizes.get(..kept).unwrap_or_default().iter().cloned());
        // The bracket closes behind fewer sizes too.
        written.extend(sizes.last().filter(|_| kept > 0 && kept < sizes.len()).cloned());
        Some(Self { written, length: end - at })
    }
}

/// The types without others in them.
const SIMPLE: &[&str] = &[
    "BIGINT",
    "BINARY",
    "BOOLEAN",
    "BYTES",
    "CHAR",
    "CHARACTER",
    "DATE",
    "DEC",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "INT",
    "INTEGER",
    "NUMERIC",
    "SMALLINT",
    "STRING",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "TINYINT",
    "VARBINARY",
    "VARCHAR",
];

/// The types that hold others.
const HOLDS: &[&str] = &["ARRAY", "MAP", "MULTISET", "ROW", "RAW", "INTERVAL"];

/// The `(1)` or `(1, 2)` that stands here, brackets included.
fn sizes<'s, 'a>(said: &'s [Placed<'a>], at: usize) -> &'s [Placed<'a>] {
    let number = |at: usize| matches!(said.get(at), Some((Said::Text(TokenKind::Number, _), _)));
    let length = if !is_symbol(said, at, "(") || !number(at + 1) {
        0
    } else if is_symbol(said, at + 2, ")") {
        3
    } else if is_symbol(said, at + 2, ",") && number(at + 3) && is_symbol(said, at + 4, ")") {
        5
    } else {
        0
    };
    said.get(at..at + length).unwrap_or_default()
}

/// The name of a type and how many tokens of its sizes count, the closing bracket apart: the default says nothing.
fn shortest<'n>(name: &'n str, sizes: &[Placed<'_>]) -> (&'n str, usize) {
    const LONGEST: &str = "2147483647";
    let size = |at: usize| match sizes.get(at) {
        Some((Said::Text(_, text), _)) => Some(*text),
        Some((Said::Keyword(_) | Said::Name(_) | Said::Table(_) | Said::Function(_), _)) | None => None,
    };
    match (name, size(1), size(3)) {
        ("VARCHAR", None | Some(LONGEST), None) => ("STRING", 0),
        ("VARBINARY", None | Some(LONGEST), None) => ("BYTES", 0),
        ("CHAR" | "BINARY", Some("1"), None)
        | ("TIMESTAMP" | "TIMESTAMP_LTZ", Some("6"), None)
        | ("TIME", Some("0"), None)
        | ("DECIMAL", Some("10"), None | Some("0")) => (name, 0),
        ("DECIMAL", Some(_), Some("0")) => (name, 2),
        _ => (name, sizes.len()),
    }
}

/// Whether the bracket here holds the fields of a row: a name and a type, where an expression has no type behind a name.
fn has_fields(said: &[Placed<'_>], at: usize) -> bool {
    matches!(said.get(at), Some((Said::Name(_), _))) && (is(said, at + 1, SIMPLE) || is(said, at + 1, HOLDS))
}
