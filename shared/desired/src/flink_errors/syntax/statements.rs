//! Definitions of tables as other databases write them.
//! Must not know where the text stands in people's files.

use super::{CODE, Failure, Told, dialects};
use crate::sql::TokenKind;

fn told(it: &Failure<'_>, index: usize, what: impl Into<String>, help: impl Into<String>) -> Option<Told> {
    Told::new(CODE, it.place(index), what).help(help).some()
}

pub(super) fn rule(it: &Failure<'_>, here: usize) -> Option<Told> {
    let definition = it.kind == "table-definition";
    definition.then_some(())?;
    in_columns(it, here).or_else(|| in_options(it, here))
}

/// What follows a column elsewhere.
const ABSENT: [&str; 9] =
    ["DEFAULT", "AUTO_INCREMENT", "IDENTITY", "UNIQUE", "REFERENCES", "CHECK", "GENERATED", "COLLATE", "ON"];

fn in_columns(it: &Failure<'_>, here: usize) -> Option<Told> {
    let token = it.token(here)?;
    let before = here.checked_sub(1)?;
    if ABSENT.iter().any(|word| token.is_word(word)) && !it.is(before, &["(", ","]) {
        return told(it, here, format!("a column has no {} in Flink", token.text.to_uppercase()), "remove it");
    }
    if token.is_word("MAX") && it.is(before, &["("]) {
        return told(it, before.checked_sub(1)?, "a length is a number", "write STRING");
    }
    let of_type = |index: usize| it.token(index).and_then(|token| Some((token.text, dialects::type_of(token.text)?)));
    if let Some((name, ours)) = of_type(here).or_else(|| of_type(before)).filter(|_| !it.is(before, &["(", ","])) {
        let index = if of_type(here).is_some() { here } else { before };
        return told(it, index, format!("Flink has no type `{name}`"), format!("write {ours}"));
    }
    if token.is_word("ARRAY") || token.is_word("MAP") || token.is_word("MULTISET") {
        let word = token.text.to_uppercase();
        return told(
            it,
            here,
            format!("{word} takes its types in `<` and `>`"),
            format!("write {word}<STRING>").replace("MAP<STRING>", "MAP<STRING, STRING>"),
        );
    }
    if token.is_symbol(">") && (0..here).rev().take(3).any(|index| it.is(index, &["MAP"])) {
        return told(it, here, "a MAP has two types", "write MAP<STRING, STRING>");
    }
    if token.is_word("PARTITION") {
        return told(it, here, "a table is PARTITIONED", "write PARTITIONED BY (column)");
    }
    if it.is(before, &["WATERMARK"]) && !token.is_word("FOR") {
        return told(
            it,
            before,
            "FOR is missing behind WATERMARK",
            format!("write WATERMARK FOR {0} AS {0} - INTERVAL '5' SECOND", token.text),
        );
    }
    if token.is_word("ENGINE") || token.is_word("STORED") || token.is_word("LOCATION") || token.is_word("TBLPROPERTIES")
    {
        let what = format!("a table of Flink has no {}", token.text.to_uppercase());
        return told(it, here, what, "say where its rows are in WITH ('connector' = '…')");
    }
    None
}

/// In WITH (…).
fn in_options(it: &Failure<'_>, here: usize) -> Option<Told> {
    let open = it.bracket_around(here).filter(|open| it.is_before(*open, 1, &["WITH"]))?;
    let is_text = |index: usize| it.token(index).is_some_and(|token| token.kind == TokenKind::Literal);
    let token = it.token(here)?;
    let before = here.checked_sub(1)?;
    if token.is_symbol("=")
        && is_text(before)
        && before.checked_sub(1).is_some_and(|first| is_text(first) && first > open)
    {
        return told(
            it,
            before,
            format!("a comma is missing before {}", it.token(before)?.text),
            "write `,` between two options",
        );
    }
    if token.kind == TokenKind::Literal && is_text(before) {
        return told(it, here, format!("a comma is missing before {}", token.text), "write `,` between two options");
    }
    if token.kind != TokenKind::Literal && it.is(before, &["(", ","]) && token.name().is_some() {
        let end = (here..it.tokens.len()).find(|index| it.is(*index, &["=", ",", ")"]))?;
        let last = it.token(end.checked_sub(1)?)?;
        let name = it.text.get(token.offset..last.end())?.replace('`', "");
        return told(it, here, "the name of an option stands in quotes", format!("write '{name}'"));
    }
    if it.is(before, &["="]) && token.kind != TokenKind::Literal {
        return told(it, here, "the value of an option stands in quotes", format!("write '{}'", token.text));
    }
    None
}
