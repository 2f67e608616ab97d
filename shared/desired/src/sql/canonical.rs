//! Owns what each token says: which words are keywords where they stand, which are names or functions, which say
//! nothing. Must not know which texts are compared.

use super::calls::{Call, call};
use super::current::{Current, Shortened};
use super::grammar::{has_options, without_options};
use super::groups::{Groups, Opener};
use super::head::{Form, Head};
use super::keywords::{is_keyword, is_unit};
use super::lexer::{Token, TokenKind};
use super::reserved::is_reserved;
use super::words::{Said, follows_dot, is_any, symbol};
use super::{synonyms, types};

/// What the tokens of one statement say, each with its token.
///
/// `COMMENT '…'` and `IF NOT EXISTS` of a definition say nothing, and neither does a `;` at the end. Words that say the
/// same are one word. With what is current, `catalog.database.table` says what `table` says.
pub(crate) fn canonical<'a>(tokens: &[Token<'a>], current: Option<Current<'_>>) -> Vec<(Said<'a>, Token<'a>)> {
    let head = Head::of(tokens);
    let tables = current.map(|current| Shortened::of(tokens, &head, current)).unwrap_or_default();
    canonical_of(tokens, &head, &tables, has_options(tokens))
}

/// What a target says where this is current.
pub(crate) fn canonical_target<'a>(tokens: &[Token<'a>], current: Current<'_>) -> Vec<(Said<'a>, Token<'a>)> {
    canonical_of(tokens, &Head::of(tokens), &Shortened::leading(tokens, current), false)
}

/// What a definition says besides its name and its options: two with the same of these define the same.
pub(crate) fn canonical_body<'a>(tokens: &[Token<'a>], current: Option<Current<'_>>) -> Vec<(Said<'a>, Token<'a>)> {
    let head = Head::of(tokens);
    let name = tokens.get(head.words..head.name_end).and_then(|name| Some(name.first()?.offset..name.last()?.end()));
    let outside = without_options(tokens);
    let tables = current.map(|current| Shortened::of(&outside, &head, current)).unwrap_or_default();
    let mut said = canonical_of(&outside, &head, &tables, has_options(tokens));
    said.retain(|(_, token)| !name.as_ref().is_some_and(|name| name.contains(&token.offset)));
    said
}

fn canonical_of<'a>(
    tokens: &[Token<'a>],
    head: &Head,
    tables: &Shortened,
    has_options: bool,
) -> Vec<(Said<'a>, Token<'a>)> {
    let tokens = without_end(tokens);
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
        if !in_comment && !head.if_not_exists.contains(&at) && !tables.drops(at) {
            let named = token.name().filter(|_| tables.ends(at));
            said.push((named.map_or_else(|| meaning(tokens, at, head, &groups), Said::Table), *token));
        }
        groups.pass(tokens, at, head.name_end);
    }
    types::unify(&synonyms::unify(&said, head.form, has_options))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sql::tokens;

    const COLUMNS: &[&str] = &[
        "a INTEGER NULL",
        "b CHARACTER VARYING (2147483647) NOT NULL",
        "c ROW(x DEC(10, 0) NULL, y ARRAY<TIMESTAMP(6) WITH LOCAL TIME ZONE> NULL)",
        "d AS ROW(a, CAST(b AS DOUBLE PRECISION))",
        "e TIME(0) WITHOUT TIME ZONE COMMENT 'NULL'",
    ];
    const ITEMS: &[&str] = &[
        "ALL a AS b",
        "CAST(a AS NUMERIC(007, 00)) c",
        "COUNT(ALL a) OVER (ORDER BY b ASC, c ASC)",
        "a - INTERVAL '5' DAYS",
        "CEILING(01)",
    ];
    const REST: &[&str] = &[
        "INNER JOIN u AS v ON TRUE",
        "LEFT OUTER JOIN v ON a = 007",
        "UNION DISTINCT SELECT ALL a AS x FROM t",
        "WHERE a > ALL (SELECT b AS c FROM u) ORDER BY a ASC FETCH NEXT 5 ROW ONLY",
    ];

    fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
        prop::collection::vec(prop::sample::select(of), 1..5)
    }

    proptest! {
        #[test]
        fn what_is_unified_stays_as_it_is(columns in some(COLUMNS), items in some(ITEMS), rest in some(REST)) {
            let table = format!("CREATE TABLE t ({}) LIKE u (INCLUDING ALL)", columns.join(", "));
            let query = format!("SELECT {} FROM t {}", items.join(", "), rest.join(" "));
            for sql in [table, query] {
                let tokens = tokens(&sql).unwrap_or_default();
                let once = canonical(&tokens, None);
                prop_assert!(once.len() < tokens.len());
                let twice = types::unify(&synonyms::unify(&once, Head::of(&tokens).form, has_options(&tokens)));
                prop_assert_eq!(once, twice, "{}", sql);
            }
        }
    }
}
