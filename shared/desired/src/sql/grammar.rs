//! Owns the grammar of the statements that define something, as far as names and options go.
//! Must not know files, or which statements a job uses.

use std::collections::BTreeMap;
use std::ops::Range;

use super::lexer::{Token, TokenKind};
use super::path::TablePath;
use super::references::in_tokens;
use super::statement_kind::StatementKind;

/// What a statement does; nothing if it is not one of the known.
pub(super) fn read(tokens: &[Token<'_>]) -> Option<StatementKind> {
    let mut words = Words { tokens, at: 0 };
    if words.skip("SET") {
        return read_set(tokens);
    }
    if words.skip("USE") {
        let catalog = words.skip("CATALOG");
        let name = words.path()?;
        return (words.at == tokens.len()).then_some(StatementKind::Use { name, catalog });
    }
    let alter = words.skip("ALTER") || words.skip("DROP");
    if !alter && !words.skip("CREATE") && !words.peek("REPLACE") {
        return None;
    }
    if words.skip("OR") {
        words.skip("ALTER");
    }
    words.skip("REPLACE");
    let temporary = words.skip("TEMPORARY");
    words.skip("SYSTEM");
    let what = words.next_word()?.to_ascii_uppercase();
    if words.skip("IF") {
        words.skip("NOT");
        words.skip("EXISTS");
    }
    let name = words.path()?;
    Some(match (alter, what.as_str()) {
        (true, "TABLE" | "VIEW") => StatementKind::AlterTable { name },
        (true, "FUNCTION") => StatementKind::AlterFunction { name },
        (false, "TABLE") => read_table(name, temporary, tokens, words.at),
        (false, "VIEW") => {
            let query = tokens.iter().position(|token| token.is_word("AS"));
            let reads = in_tokens(tokens.get(query?..)?);
            StatementKind::CreateView { name, reads }
        }
        (false, "FUNCTION") => StatementKind::CreateFunction { name },
        (false, "CATALOG") => StatementKind::CreateCatalog { name, options: options(tokens).unwrap_or_default() },
        (false, "DATABASE") => StatementKind::CreateDatabase { name, options: options(tokens).unwrap_or_default() },
        _ => return None,
    })
}

fn read_set(tokens: &[Token<'_>]) -> Option<StatementKind> {
    let [_, key, equals, value] = tokens else {
        return None;
    };
    let (key, value) = (key.literal_value()?, value.literal_value()?);
    equals.is_symbol("=").then_some(StatementKind::Set { key, value })
}

fn read_table(name: TablePath, temporary: bool, tokens: &[Token<'_>], from: usize) -> StatementKind {
    let mut like = None;
    let mut as_query = false;
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_word("AS") {
            as_query = true;
            break;
        } else if depth == 0 && token.is_word("LIKE") {
            let base = tokens.get(at + 1..).and_then(TablePath::read);
            like = base.map(|(base, _)| base);
        }
    }
    let options = options(tokens).unwrap_or_default();
    StatementKind::CreateTable { name, temporary, options, like, as_query }
}

/// What the `WITH (…)` of a statement says; nothing if there is none, or one of another shape.
fn options(tokens: &[Token<'_>]) -> Option<BTreeMap<String, String>> {
    let range = options_range(tokens)?;
    let inner = tokens.get(range.start + 2..range.end - 1)?;
    let mut options = BTreeMap::new();
    if inner.is_empty() {
        return Some(options);
    }
    for pair in inner.split(|token| token.is_symbol(",")) {
        let [key, equals, value] = pair else {
            return None;
        };
        let (key, value) = (key.literal_value()?, value.literal_value()?);
        if !equals.is_symbol("=") || options.insert(key, value).is_some() {
            return None;
        }
    }
    Some(options)
}

/// Where `WITH (…)` stands among the tokens: outside brackets, before a query.
fn options_range(tokens: &[Token<'_>]) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    let mut start = None;
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
            if depth == 0
                && let Some(start) = start
            {
                return Some(start..at + 1);
            }
        } else if depth == 0 && token.is_word("AS") {
            return None;
        } else if depth == 0 && token.is_word("WITH") {
            let bracket = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
            start = bracket.then_some(at);
        }
    }
    None
}

/// Whether a `WITH (…)` stands among the tokens, readable or not.
pub(super) fn has_options(tokens: &[Token<'_>]) -> bool {
    options_range(tokens).is_some()
}

/// The tokens without a `WITH (…)` that could be read.
pub(crate) fn without_options<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let readable = options(tokens).and_then(|_| options_range(tokens));
    let outside = |at: &usize| !readable.as_ref().is_some_and(|range| range.contains(at));
    tokens.iter().enumerate().filter(|(at, _)| outside(at)).map(|(_, token)| *token).collect()
}

/// Reads words from the start of a statement.
struct Words<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
}

impl Words<'_> {
    fn peek(&self, word: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.is_word(word))
    }

    fn skip(&mut self, word: &str) -> bool {
        let there = self.peek(word);
        self.at += usize::from(there);
        there
    }

    fn next_word(&mut self) -> Option<&str> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        (token.kind == TokenKind::Word).then_some(token.text)
    }

    fn path(&mut self) -> Option<TablePath> {
        let (path, used) = TablePath::read(self.tokens.get(self.at..)?)?;
        self.at += used;
        Some(path)
    }
}
