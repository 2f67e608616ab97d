//! Signs of other languages, and texts in quotes where something else is expected.
//! Must not know where the text stands in people's files.

use super::{CODE, Failure, Told, quoted};
use crate::sql::TokenKind;

fn told(it: &Failure<'_>, index: usize, what: impl Into<String>, help: impl Into<String>) -> Option<Told> {
    Told::new(CODE, it.place(index), what).help(help).some()
}

/// A sign that SQL does not have.
pub(super) fn rule(it: &Failure<'_>, here: usize) -> Option<Told> {
    // Flink's place is that of the first of the tokens that it could not go on with.
    let next = it.message.starts_with("Encountered \"= ")
        || it.token(here + 1).is_some_and(|token| token.text.starts_with('$'));
    sign(it, here).or_else(|| sign(it, here + 1).filter(|_| next))
}

fn sign(it: &Failure<'_>, index: usize) -> Option<Told> {
    let sign = |token: &&crate::sql::Token<'_>| token.kind == TokenKind::Symbol || token.text.starts_with('$');
    let token = it.token(index).filter(sign)?;
    let rest = it.text.get(token.offset..)?;
    let tight: String = rest.chars().filter(|c| !c.is_whitespace()).take(3).collect();
    let starts = |sign: &str| tight.starts_with(sign);
    let before = index.checked_sub(1).and_then(|before| it.token(before));
    let before_text = before.is_some_and(|token| token.kind == TokenKind::Literal);
    if starts("\"") {
        return double_quotes(it, index, rest);
    }
    if starts("==") {
        return told(it, index, "SQL compares with one `=`", "write =");
    }
    if starts("=>") {
        return told(it, index, "`=>` is no comparison", "write >=");
    }
    if starts("=<") {
        return told(it, index, "`=<` is no comparison", "write <=");
    }
    if starts("::") {
        let name = before.map_or("a", |token| token.text);
        let of = it
            .token(index + 1)
            .filter(|t| !t.is_symbol(":"))
            .or(it.token(index + 2))
            .map_or("type", |token| token.text);
        return told(it, index, "Flink casts with CAST, not with `::`", format!("write CAST({name} AS {of})"));
    }
    if starts(":") && before_text {
        return told(it, index, "an option and its value are joined by `=`", "write =");
    }
    if starts(":") && it.kind == "table-definition" {
        return told(it, index, "a name and its type stand side by side", "remove the colon: ROW<name type>");
    }
    if starts("->") {
        let name = before.map_or("text", |token| token.text);
        let what = "Flink reads JSON with a function";
        return told(it, index, what, format!("write JSON_VALUE({name}, '$.field')"));
    }
    if starts("&") {
        return told(it, index, "SQL has no `&&`", "write AND");
    }
    if starts("|") && !starts("||") {
        return told(it, index, "SQL has no `|`", "write OR");
    }
    if starts("~") {
        let name = before.map_or("text", |token| token.text);
        return told(it, index, "SQL has no `~`", format!("write REGEXP({name}, 'pattern')"));
    }
    if starts("#") {
        return told(it, index, "a comment begins with `--`, not with `#`", "write --");
    }
    if starts("{") || starts("$") || starts("@") || starts("%s") || starts(":") || starts("?") {
        let what = format!("nothing is filled in for `{}` here", tight.trim_end_matches(|c: char| c.is_alphanumeric()));
        return told(it, index, what, "write the value; parameters of config/params.yaml are for table files alone");
    }
    if starts("%") {
        return told(it, index, "a pattern stands in quotes", "write LIKE 'a%'");
    }
    if starts("[") && (it.kind == "table-definition") {
        let of = before.map_or("STRING", |token| token.text);
        return told(it, index, "a type is no array by `[]`", format!("write ARRAY<{of}>"));
    }
    if starts("[") {
        let name = it.token(index + 1).map_or("name", |token| token.text);
        return told(it, index, "names stand in back-ticks, not in brackets", format!("write {}", quoted(name)));
    }
    if starts("-") && before.is_some_and(|token| token.end() == it.tokens.get(index).map_or(0, |dash| dash.offset)) {
        let after = it.token(index + 1).map_or("", |token| token.text);
        let whole = format!("{}-{after}", before.map_or("", |token| token.text));
        return told(it, index, "`-` is no part of a name", format!("put the name in back-ticks: `{whole}`"));
    }
    None
}

/// Double quotes quote nothing in Flink: a text or a name is meant.
fn double_quotes(it: &Failure<'_>, index: usize, rest: &str) -> Option<Told> {
    let inner: String = rest.chars().skip(1).take_while(|c| *c != '"').collect();
    let what = "double quotes quote nothing in Flink SQL";
    let is_text = it.kind == "table-definition" && !it.is_before(index, 1, &["TABLE", "VIEW"])
        || it.is_before(index, 1, &["=", "<>", "<", ">", "LIKE", "THEN", "ELSE", "INTERVAL", "BETWEEN", "AND"])
        || it.is_before(index, 2, &["IN"]);
    let as_text = format!("'{}'", inner.replace('\'', "''"));
    if is_text {
        return told(it, index, what, format!("write {as_text}"));
    }
    told(it, index, what, format!("write {} for a name, {as_text} for a text", quoted(&inner)))
}

/// A text in quotes where something else is expected, or what follows one.
pub(super) fn texts(it: &Failure<'_>, here: usize) -> Option<Told> {
    let is_text = |index: usize| it.token(index).is_some_and(|token| token.kind == TokenKind::Literal);
    let escaped =
        here.checked_sub(1).and_then(|before| it.token(before)).is_some_and(|token| token.text.ends_with("\\'"));
    if escaped {
        return told(it, here - 1, "a backslash does not keep a quote", "write a quote in a text twice: 'it''s'");
    }
    let index = if is_text(here) { here } else { here + 1 };
    if !is_text(index) || index != here && !it.is(here, &["IN", "IS", "="]) {
        return None;
    }
    let value = it.token(index)?.literal_value().unwrap_or_default();
    let before = |words: &[&str]| it.is_before(index, 1, words);
    if before(&["FROM", "JOIN", "TABLE", "VIEW", "INTO"]) {
        return told(it, index, "a table's name stands in no quotes", format!("write {}", quoted(&value)));
    }
    if before(&["IN"]) {
        return told(it, index, "the values of IN stand in brackets", format!("write IN ('{value}')"));
    }
    if before(&["IS"]) {
        return told(it, index - 1, "IS is for NULL alone", format!("write = '{value}'"));
    }
    if before(&["WITH"]) {
        return told(it, index, "the options stand in brackets", "write WITH ('connector' = '…')");
    }
    let call = it.is_before(index, 2, &["TIMESTAMPDIFF", "TIMESTAMPADD", "EXTRACT"]) && before(&["("]);
    if call {
        return told(it, index, "a unit of time stands in no quotes", format!("write {}", value.to_uppercase()));
    }
    if it.tokens.iter().take(3).any(|token| token.is_word("FUNCTION")) {
        return told(it, index, "AS is missing before the class", format!("write AS '{value}'"));
    }
    None
}
