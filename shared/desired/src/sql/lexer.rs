//! Owns the tokens of Flink SQL, cut as Flink's own parser (Calcite, back-tick quoting) cuts them.
//! Must not know statements or which words are reserved.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::place::ends_line;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKind {
    /// A keyword, or a name without quotes.
    Word,
    /// A name in back-ticks.
    QuotedIdentifier,
    /// A string literal, its prefix included (`N'…'`, `X'…'`, `_utf8'…'`, `U&'…'`).
    Literal,
    Number,
    /// The start `/*+` or the end `*/` of a hint; what is in it are tokens of their own.
    Hint,
    /// An operator, a bracket, or any other character.
    Symbol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token<'a> {
    pub kind: TokenKind,
    /// Its text, quotes and prefix included.
    pub text: &'a str,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// Its first byte in the text.
    pub offset: usize,
}

impl Token<'_> {
    /// Whether it is this word, unquoted, in any case.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this operator or bracket.
    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    /// The byte after its last one.
    pub fn end(&self) -> usize {
        self.offset + self.text.len()
    }

    /// What a plain string literal says, its doubled quotes undone.
    pub fn literal_value(&self) -> Option<String> {
        let inner = self.text.strip_prefix('\'')?.strip_suffix('\'')?;
        (self.kind == TokenKind::Literal).then(|| inner.replace("''", "'"))
    }

    /// The name that it writes, its quotes undone.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_owned()),
            TokenKind::QuotedIdentifier => {
                let inner = self.text.strip_prefix('`')?.strip_suffix('`')?;
                Some(inner.replace("``", "`"))
            }
            _ => None,
        }
    }
}

/// Text that has no tokens, because something in it is never closed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct LexError {
    /// The line where the unclosed thing opens, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// Its first byte in the text.
    #[serde(default)]
    pub offset: usize,
    pub message: String,
}

/// The tokens of some SQL. White space and comments are dropped, hints are kept.
pub fn tokens(sql: &str) -> Result<Vec<Token<'_>>, LexError> {
    let (tokens, _) = scan(sql)?;
    Ok(tokens)
}

/// The tokens, and beside them the texts of the comments that end with their line.
pub(super) fn scan(sql: &str) -> Result<(Vec<Token<'_>>, Vec<&str>), LexError> {
    let mut cursor = Cursor { rest: sql, offset: 0, line: 1, column: 1 };
    let mut tokens = Vec::new();
    let mut line_comments = Vec::new();
    let mut open_hint = None;
    while !cursor.rest.is_empty() {
        let space = prefix_length(cursor.rest, is_space);
        if space > 0 {
            cursor.take(space);
        } else if cursor.rest.starts_with("--") || cursor.rest.starts_with("//") {
            let length = cursor.rest.find(['\n', '\r']).unwrap_or(cursor.rest.len());
            line_comments.push(cursor.take(length));
        } else if cursor.rest.starts_with("/*") && !cursor.rest.starts_with("/*+") {
            let opening = comment_opening(cursor.rest);
            let Some(inner) = cursor.rest.get(opening..).and_then(|rest| rest.find("*/")) else {
                return Err(cursor.error("this comment is never closed with */"));
            };
            cursor.take(opening + inner + 2);
        } else {
            let (kind, length) = cursor.measure()?;
            let start = cursor;
            let text = cursor.take(length);
            if kind == TokenKind::Hint {
                open_hint = (text == "/*+").then_some(start);
            }
            let Cursor { offset, line, column, .. } = start;
            tokens.push(Token { kind, text, line, column, offset });
        }
    }
    match open_hint {
        Some(start) => Err(start.error("this hint is never closed with */")),
        None => Ok((tokens, line_comments)),
    }
}

/// Where the comments are that end with their line. Text that cannot be read has none.
pub(crate) fn line_comments(sql: &str) -> Vec<Range<usize>> {
    let comments = scan(sql).map(|(_, comments)| comments).unwrap_or_default();
    let range = |comment: &str| {
        let start = comment.as_ptr().addr().saturating_sub(sql.as_ptr().addr());
        start..start + comment.len()
    };
    comments.into_iter().map(range).collect()
}

#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a str,
    offset: usize,
    line: u32,
    column: u32,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        let nexts = taken.chars().skip(1).map(Some).chain([rest.chars().next()]);
        for (character, next) in taken.chars().zip(nexts) {
            if ends_line(character, next) {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.offset += length;
        self.rest = rest;
        taken
    }

    fn error(&self, message: &str) -> LexError {
        LexError { line: self.line, column: self.column, offset: self.offset, message: message.to_owned() }
    }

    /// The kind of the token that starts here, and its length in bytes.
    fn measure(&self) -> Result<(TokenKind, usize), LexError> {
        let rest = self.rest;
        if let Some(prefix) = literal_prefix(rest) {
            let Some(inner) = rest.get(prefix + 1..).and_then(|rest| closing(rest, b'\'')) else {
                return Err(self.error("this string is never closed with '"));
            };
            return Ok((TokenKind::Literal, prefix + 1 + inner));
        }
        if let Some(after) = rest.strip_prefix('`') {
            let length = closing(after, b'`').map(|inner| inner + 1);
            return match length.filter(|length| !rest[..*length].contains(['\n', '\r'])) {
                Some(length) => Ok((TokenKind::QuotedIdentifier, length)),
                None => Err(self.error("this name is not closed with ` on its line")),
            };
        }
        for hint in ["/*+", "*/"] {
            if rest.starts_with(hint) {
                return Ok((TokenKind::Hint, hint.len()));
            }
        }
        if let Some(length) = number_length(rest) {
            return Ok((TokenKind::Number, length));
        }
        let word = prefix_length(rest, is_word_part);
        if word > 0 {
            return Ok((TokenKind::Word, word));
        }
        let symbol = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
        let first = rest.chars().next().map_or(0, char::len_utf8);
        Ok((TokenKind::Symbol, symbol.map_or(first, |symbol| symbol.len())))
    }
}

/// The operators of more than one character.
const OPERATORS: &[&str] = &["<>", "!=", "<=", ">=", "||", "=>", "->", "::", ".."];

/// No character set has a longer name.
const MAX_CHARSET_NAME: usize = 64;

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

fn is_word_start(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '_' | '$')
}

fn is_word_part(character: char) -> bool {
    is_word_start(character) || character.is_numeric()
}

fn prefix_length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character)).unwrap_or(text.len())
}

/// How much of a comment opens it: `/*/` and `/***/` do not close what they open, as Flink's parser reads them.
fn comment_opening(text: &str) -> usize {
    let mut after = text.char_indices().skip(3);
    match after.next() {
        Some((_, next)) if text.starts_with("/**") && next != '/' => 3 + next.len_utf8(),
        Some(_) | None => 2,
    }
}

/// How long the prefix of the string literal is that starts here, if one does.
fn literal_prefix(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes {
        [b'\'', ..] => Some(0),
        [b'n' | b'N' | b'x' | b'X', b'\'', ..] => Some(1),
        [b'u' | b'U', b'&', b'\'', ..] => Some(2),
        [b'_', first, ..] if first.is_ascii_alphanumeric() => {
            let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b":.-_".contains(byte);
            // Bounded, or `_a-_a-_a-…` would take quadratic time.
            let name = bytes.iter().skip(1).take(MAX_CHARSET_NAME);
            let end = 1 + name.take_while(|byte| in_name(byte)).count();
            (bytes.get(end) == Some(&b'\'')).then_some(end)
        }
        _ => None,
    }
}

/// The length up to and with the closing quote; a doubled quote is part of what is quoted.
fn closing(text: &str, quote: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == quote)? + 1;
        if bytes.get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// The length of the number that starts here: `12`, `12.`, `1.5`, `.5`, each with an exponent.
fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(0);
    let mut length = whole;
    if bytes.get(whole) == Some(&b'.') {
        let fraction = digits(whole + 1);
        if whole + fraction == 0 {
            return None;
        }
        length = whole + 1 + fraction;
    }
    if length == 0 {
        return None;
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    Some(length)
}
