//! What is opened and not closed, and commas with nothing beside them.
//! Must not know where the text stands in people's files.

use super::{CLAUSES, CODE, Failure, Told};

fn told(it: &Failure<'_>, index: usize, what: &str, help: &str) -> Option<Told> {
    Told::new(CODE, it.place(index), what).help(help).some()
}

/// A CASE that is not whole.
pub(super) fn cases(it: &Failure<'_>, here: usize) -> Option<Told> {
    let mut open = Vec::new();
    for index in 0..here.min(it.tokens.len()) {
        if it.is(index, &["CASE"]) {
            open.push(index);
        } else if it.is(index, &["END"]) {
            open.pop();
        }
    }
    let case = open.pop()?;
    let when = (case..here).any(|index| it.is(index, &["WHEN"]));
    if it.is(here, &["THEN"]) && !when {
        return told(it, case, "this CASE has no WHEN", "write CASE WHEN condition THEN a ELSE b END");
    }
    if it.is(here, &[","]) && it.is(here + 1, &["WHEN", "ELSE", "END"]) {
        return told(it, here, "no comma stands between the parts of a CASE", "remove it");
    }
    if let Some(second) = (case..here).find(|index| it.is(*index, &["ELSE"]) && it.is(index + 1, &["IF"])) {
        return told(it, second, "a CASE goes on with WHEN, not with ELSE IF", "write WHEN condition THEN b");
    }
    let ends = here >= it.tokens.len() || it.is(here, &[",", ")", "FROM", "AS", "GROUP", "ORDER"]);
    let help = "write CASE WHEN condition THEN a ELSE b END";
    if ends { told(it, case, "this CASE has no END", help) } else { None }
}

/// A comma with nothing beside it.
pub(super) fn commas(it: &Failure<'_>, here: usize) -> Option<Told> {
    let before = here.checked_sub(1)?;
    let at_end = here >= it.tokens.len();
    if it.is(before, &[","]) && (at_end || it.is(here, CLAUSES) || it.is(here, &[")", ",", ";"])) {
        return told(it, before, "nothing stands behind this comma", "remove it, or write what is missing");
    }
    if it.is(here, &[","]) && it.is(before, &["SELECT", "(", "BY", "FROM", "AS"]) {
        return told(it, here, "nothing stands before this comma", "remove it, or write what is missing");
    }
    None
}

/// Brackets without partners, and operators without a right side.
pub(super) fn rule(it: &Failure<'_>, here: usize) -> Option<Told> {
    let mut open = Vec::new();
    for index in 0..here.min(it.tokens.len()) {
        if it.is(index, &["("]) {
            open.push(index);
        } else if it.is(index, &[")"]) {
            open.pop();
        }
    }
    if it.is(here, &[")"]) && open.is_empty() {
        return told(it, here, "this `)` closes nothing", "remove it");
    }
    let before = here.checked_sub(1)?;
    let operators = [
        "=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "/", "AND", "OR", "NOT", "LIKE", "WHERE", "ON", "BY", "HAVING",
        "BETWEEN", "DISTINCT",
    ];
    let at_end = here >= it.tokens.len();
    if it.is(before, &operators)
        && (at_end || it.is(here, CLAUSES) || it.is(here, &[")", ","]))
        && !it.is(here, &["SELECT"])
    {
        let what = format!("something is missing behind `{}`", it.token(before)?.text);
        return Told::new(CODE, it.place(before), what).help("write what it is about").some();
    }
    if here + 1 == it.tokens.len() && it.is(here, &operators) {
        let what = format!("something is missing behind `{}`", it.token(here)?.text);
        return Told::new(CODE, it.place(here), what).help("write what it is about").some();
    }
    let last = open.pop()?;
    let query = it.is(last + 1, &["SELECT", "WITH", "VALUES"]);
    let clause = ["FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "UNION", "WITH"];
    if at_end || !query && it.is(here, &clause) {
        return told(it, last, "this `(` is never closed", "close it with `)`");
    }
    if it.is(last, &["("]) && it.is(here, &[")"]) && before == last {
        let function = last.checked_sub(1).and_then(|index| it.token(index)).map_or("", |token| token.text);
        let what = format!("something is missing between the brackets of {function}");
        return Told::new(CODE, it.place(here), what).help("write what it is about").some();
    }
    let called = last.checked_sub(1).and_then(|index| it.token(index)).filter(|token| token.name().is_some());
    let name = called.filter(|_| it.is(here, &[")"]))?.text;
    told(it, here, &format!("{name} takes more than this"), &format!("write the other arguments of {name}"))
}
