//! Owns what each token says: which words are keywords where they stand, which are names or functions, which say
//! nothing. Must not know which texts are compared.

use super::grammar::without_options;
use super::groups::{Groups, Opener};
use super::keywords::{is_keyword, is_unit};
use super::lexer::{Token, TokenKind};
use super::path::TablePath;
use super::reserved::is_reserved;

/// What a token says. Two texts with the same of these mean the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Said<'a> {
    /// A keyword, in capitals.
    Keyword(String),
    /// A name, its quotes undone; Flink tells small letters from capitals in it.
    Name(String),
    /// The name of a function that is called, in small letters: Flink finds it in any case.
    Function(String),
    /// Anything else, as written.
    Text(TokenKind, &'a str),
}

/// What the tokens of one statement say, each with its token.
///
/// `COMMENT '…'` and `IF NOT EXISTS` of a definition say nothing, and neither does a `;` at the end.
pub(crate) fn canonical<'a>(tokens: &[Token<'a>]) -> Vec<(Said<'a>, Token<'a>)> {
    let tokens = without_end(tokens);
    let head = Head::of(tokens);
    let mut groups = Groups::new(head.form);
    let mut said = Vec::with_capacity(tokens.len());
    let mut in_comment = false;
    for (at, token) in tokens.iter().enumerate() {
        in_comment = match token.kind {
            // A literal may go on in the next.
            TokenKind::Literal => in_comment,
            TokenKind::Word => head.defines() && comments(tokens, at),
            TokenKind::QuotedIdentifier | TokenKind::Number | TokenKind::Hint | TokenKind::Symbol => false,
        };
        if !in_comment && !head.if_not_exists.contains(&at) {
            said.push((meaning(tokens, at, &head, &groups), *token));
        }
        groups.pass(tokens, at, head.name_end);
    }
    said
}

/// What a definition says besides its name and its options: two with the same of these define the same.
pub(crate) fn canonical_body<'a>(tokens: &[Token<'a>]) -> Vec<(Said<'a>, Token<'a>)> {
    let head = Head::of(tokens);
    let name = tokens.get(head.words..head.name_end).and_then(|name| Some(name.first()?.offset..name.last()?.end()));
    let mut said = canonical(&without_options(tokens));
    said.retain(|(_, token)| !name.as_ref().is_some_and(|name| name.contains(&token.offset)));
    said
}

/// Whether this is the `COMMENT` before a literal.
fn comments(tokens: &[Token<'_>], at: usize) -> bool {
    let literal = |token: &Token<'_>| token.kind == TokenKind::Literal;
    tokens.get(at).is_some_and(|token| token.is_word("COMMENT")) && tokens.get(at + 1).is_some_and(literal)
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

/// The shape of a statement, as far as it says where keywords stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `CREATE TABLE`: columns, then clauses.
    Table,
    /// `CREATE FUNCTION`: keywords only.
    Function,
    /// Another definition.
    Definition,
    /// A query, or any other statement.
    Query,
}

/// The words that a statement starts with, up to the name that it is about.
pub(super) struct Head {
    pub(super) form: Form,
    /// Where the words end and the name starts.
    pub(super) words: usize,
    /// Where the name ends.
    pub(super) name_end: usize,
    /// The tokens of `IF NOT EXISTS`.
    if_not_exists: std::ops::Range<usize>,
}

impl Head {
    pub(super) fn of(tokens: &[Token<'_>]) -> Self {
        let is = |at: usize, words: &[&str]| is_any(tokens.get(at), words);
        let mut at = usize::from(is(0, STARTS));
        let mut if_not_exists = 0..0;
        if !is(0, &["CREATE"]) {
            // `USE CATALOG c`, but `USE catalog`.
            at += usize::from(is(0, &["USE"]) && is(1, &["CATALOG"]) && tokens.len() > 2);
            return Self { form: Form::Query, words: at, name_end: at, if_not_exists };
        }
        while is(at, &["OR", "ALTER", "REPLACE", "TEMPORARY", "SYSTEM"]) {
            at += 1;
        }
        let form = match tokens.get(at).map(|token| token.text.to_ascii_uppercase()).as_deref() {
            Some("TABLE") => Form::Table,
            Some("FUNCTION") => Form::Function,
            Some(_) | None => Form::Definition,
        };
        at += 1;
        if is(at, &["IF"]) && is(at + 1, &["NOT"]) && is(at + 2, &["EXISTS"]) {
            if_not_exists = at..at + 3;
            at += 3;
        }
        let name = tokens.get(at..).and_then(TablePath::read);
        let name_end = at + name.map_or(0, |(_, used)| used);
        Self { form, words: at, name_end, if_not_exists }
    }

    fn defines(&self) -> bool {
        self.form != Form::Query
    }
}

/// The words that start a statement and could be names elsewhere, or be followed by such words.
const STARTS: &[&str] = &["CREATE", "ALTER", "DROP", "USE", "LOAD", "UNLOAD", "SHOW", "DESC", "DESCRIBE", "ANALYZE"];

fn meaning<'a>(tokens: &[Token<'a>], at: usize, head: &Head, groups: &Groups) -> Said<'a> {
    let Some(token) = tokens.get(at) else { return Said::Text(TokenKind::Symbol, "") };
    let named = || token.name().map_or(Said::Text(token.kind, token.text), Said::Name);
    match token.kind {
        TokenKind::Word => {
            let upper = token.text.to_ascii_uppercase();
            let in_name = (head.words..head.name_end).contains(&at) || follows_dot(tokens, at);
            if at < head.words || !in_name && is_reserved(token.text) {
                Said::Keyword(upper)
            } else if call(tokens, at, head.form) == Call::Yes {
                Said::Function(token.text.to_lowercase())
            } else if !in_name && is_keyword(&upper) && stands_as_keyword(tokens, at, &upper, head, groups) {
                Said::Keyword(upper)
            } else {
                named()
            }
        }
        TokenKind::QuotedIdentifier => match token.name() {
            Some(name) if call(tokens, at, head.form) == Call::Yes && !is_reserved(&name) => {
                Said::Function(name.to_lowercase())
            }
            Some(_) | None => named(),
        },
        TokenKind::Number => Said::Text(TokenKind::Number, token.text),
        TokenKind::Literal | TokenKind::Hint | TokenKind::Symbol => Said::Text(token.kind, token.text),
    }
}

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

fn stands_as_keyword(tokens: &[Token<'_>], at: usize, word: &str, head: &Head, groups: &Groups) -> bool {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let before_that = at.checked_sub(2).and_then(|at| tokens.get(at));
    let after = tokens.get(at + 1);
    let follows = |words: &[&str]| is_any(before, words);
    let precedes = |words: &[&str]| is_any(after, words);
    match groups.opener() {
        Opener::Columns | Opener::Clauses => {
            // The first word of a column, and the column of a watermark, are names.
            return !groups.starts_item() && !follows(&["FOR", "CONSTRAINT", "LIKE"]);
        }
        Opener::Json => {
            let value_ends = before.is_some_and(|token| !token.is_symbol("(") && !token.is_symbol(","));
            let value_starts =
                after.is_some_and(|token| token.kind != TokenKind::Symbol && !is_any(Some(token), ENDS_VALUE));
            match word {
                "KEY" => return !value_ends && value_starts,
                "RETURNING" | "FORMAT" | "ENCODING" | "PASSING" | "WRAPPER" | "CONDITIONAL" | "UNCONDITIONAL" => {
                    return value_ends;
                }
                "ABSENT" => return precedes(&["ON"]),
                "ERROR" => return follows(&["ON"]) || precedes(&["ON"]),
                _ => {}
            }
        }
        Opener::Unit if symbol(before, "(") => return is_unit(word),
        Opener::Unit | Opener::Overlay | Opener::Other => {}
    }
    if is_unit(word) && (follows(&["TO"]) || is_interval(tokens, at)) {
        return true;
    }
    let state = groups.state();
    match word {
        "ASC" | "DESC" => state.order_by && !follows(&["BY"]) && !symbol(before, ","),
        "NULLS" => state.order_by && precedes(&["FIRST", "LAST"]) || follows(&["IGNORE", "RESPECT"]),
        "IGNORE" | "RESPECT" => precedes(&["NULLS"]),
        "FIRST" | "LAST" => {
            state.order_by && follows(&["NULLS"])
                || follows(&["FETCH", "PAST"])
                || follows(&["TO"]) && is_any(before_that, &["SKIP"])
        }
        "PRECEDING" | "FOLLOWING" | "UNBOUNDED" | "EXCLUDE" | "TIES" | "OTHERS" => state.frame,
        "FINAL" => precedes(&["FIRST", "LAST"]),
        "IF" => precedes(&["NOT", "EXISTS"]),
        "PAST" => follows(&["SKIP"]),
        "AFTER" => precedes(&["MATCH"]),
        "ZONE" => follows(&["TIME"]),
        "SETS" => follows(&["GROUPING"]),
        "ORDINALITY" => follows(&["WITH"]),
        "BERNOULLI" => follows(&["TABLESAMPLE"]),
        "REPEATABLE" => symbol(before, ")"),
        "APPLY" => follows(&["CROSS", "OUTER"]),
        "PLACING" => groups.opener() == Opener::Overlay && !symbol(before, "("),
        "JSON" => follows(&["IS", "NOT", "FORMAT"]),
        "OBJECT" | "SCALAR" => follows(&["JSON"]) && is_any(before_that, &["IS", "NOT"]),
        // A column of this name in brackets has to be quoted: Flink reads a constructor here.
        "MAP" => symbol(after, "[") || symbol(after, "<") && (follows(&["AS"]) || ends_type_bracket(before)),
        _ => head.form == Form::Function,
    }
}

/// The words that follow a value in a JSON function.
const ENDS_VALUE: &[&str] = &["VALUE", "NULL", "ABSENT", "FORMAT", "RETURNING"];

fn ends_type_bracket(token: Option<&Token<'_>>) -> bool {
    symbol(token, "<") || symbol(token, ",")
}

/// Whether an `INTERVAL '…'` stands before this, with or without a sign.
fn is_interval(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(literal) = at.checked_sub(1).filter(|at| tokens.get(*at).is_some_and(|it| it.kind == TokenKind::Literal))
    else {
        return false;
    };
    let before = |back: usize| literal.checked_sub(back).and_then(|at| tokens.get(at));
    is_any(before(1), &["INTERVAL"])
        || (symbol(before(1), "-") || symbol(before(1), "+")) && is_any(before(2), &["INTERVAL"])
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
