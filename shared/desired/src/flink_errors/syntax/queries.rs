//! The parts of a query: their order, what each needs, functions written otherwise.
//! Must not know where the text stands in people's files.

use super::{CODE, Failure, Told, dialects};
use crate::sql::TokenKind;

fn told(it: &Failure<'_>, index: usize, what: impl Into<String>, help: impl Into<String>) -> Option<Told> {
    Told::new(CODE, it.place(index), what).help(help).some()
}

/// Calls that the parser knows, written otherwise; and functions that only others have.
pub(super) fn functions(it: &Failure<'_>, here: usize) -> Option<Told> {
    let call = |index: usize| {
        let token = it.token(index)?;
        it.is(index + 1, &["("]).then(|| Some((token.text, dialects::function(token.text)?))).flatten()
    };
    let around = it.bracket_around(here).and_then(|open| open.checked_sub(1));
    for index in [Some(here), around].into_iter().flatten() {
        if let Some((name, ours)) = call(index) {
            return Told::new("unknown-function", it.place(index), format!("Flink has no function `{name}`"))
                .help(format!("write {ours}"))
                .some();
        }
    }
    let before = here.checked_sub(1)?;
    if it.is(here, &["DATE", "TIMESTAMP", "TIME"]) && it.is(here + 1, &["("]) {
        let word = it.token(here)?.text.to_uppercase();
        let what = format!("{word} is a type, and no function");
        return told(it, here, what, format!("write CAST(value AS {word}), or {word} '2026-01-31' for a fixed one"));
    }
    if around.is_some_and(|call| it.is(call, &["CAST", "TRY_CAST"]))
        && !it.is(here, &["AS", ")"])
        && it.token(here)?.kind == TokenKind::Word
    {
        let what = format!("AS is missing before {}", it.token(here)?.text);
        return told(it, here, what, "write CAST(value AS type)");
    }
    let windows = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];
    if it.is(here, &["TABLE"]) && it.is(before, &["("]) && it.is_before(here, 2, &windows) {
        let word = it.token(before.checked_sub(1)?)?.text;
        let what = format!("{word} stands in TABLE(…)");
        return told(
            it,
            before.checked_sub(1)?,
            what,
            format!("write FROM TABLE({word}(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE))"),
        );
    }
    if it.is(before, &["TOP"]) || it.is(here, &["TOP"]) {
        return told(it, before, "Flink has no TOP", "write LIMIT 10 at the end");
    }
    if it.is(here, &["ON"]) && it.is(before, &["DISTINCT"]) {
        let help = "number the rows: SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY key ORDER BY ts) AS n FROM t) WHERE n = 1";
        return told(it, before, "Flink has no DISTINCT ON", help);
    }
    if it.is(here, &["INTO"]) {
        return told(it, here, "a query does not say where its rows go", "remove INTO: `target-table` says it");
    }
    if it.is(before, &["QUALIFY"]) || it.is(here, &["QUALIFY"]) {
        let help = "filter outside: SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY key ORDER BY ts) AS n FROM t) WHERE n = 1";
        return told(it, if it.is(here, &["QUALIFY"]) { here } else { before }, "Flink has no QUALIFY", help);
    }
    if it.is(here, &["LATERAL"]) && it.is(here + 1, &["VIEW"]) {
        return told(it, here, "Flink has no LATERAL VIEW", "write CROSS JOIN UNNEST(array) AS t(element)");
    }
    None
}

/// Spans of time.
pub(super) fn intervals(it: &Failure<'_>, here: usize) -> Option<Told> {
    let unit = |text: &str| -> Option<String> {
        let text = text.to_uppercase();
        let one = text.strip_suffix('S').unwrap_or(&text).to_owned();
        ["YEAR", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"].contains(&one.as_str()).then_some(one)
    };
    let units = |it: &Failure<'_>, index: usize| it.token(index).and_then(|token| unit(token.text));
    // INTERVAL '5 MINUTES' lacks its unit, where Flink looks for it.
    let text =
        [here.checked_sub(1), Some(here)].into_iter().flatten().find(|index| it.is_before(*index, 1, &["INTERVAL"]));
    if let Some(index) = text {
        let value = it.token(index)?.text.trim_matches('\'').to_owned();
        let mut words = value.split_whitespace();
        if let (Some(number), Some(word)) = (words.next(), words.next().and_then(unit)) {
            return told(
                it,
                index,
                "the unit of an interval stands outside of the quotes",
                format!("write INTERVAL '{number}' {word}"),
            );
        }
        if let Some(word) = it.token(index + 1).map(|token| token.text.to_uppercase()).filter(|_| index + 1 == here) {
            let help =
                if word.starts_with("WEEK") { "write days: INTERVAL '14' DAY" } else { "write INTERVAL '5' MINUTE" };
            return told(it, here, format!("{word} is no unit of an interval"), help);
        }
        return told(it, index, "an interval has a number in quotes and a unit", "write INTERVAL '5' MINUTE");
    }
    let number =
        here.checked_sub(1).filter(|before| it.token(*before).is_some_and(|token| token.kind == TokenKind::Number))?;
    let word = units(it, here)?;
    let value = it.token(number)?.text;
    told(it, number, "a span of time begins with INTERVAL", format!("write INTERVAL '{value}' {word}"))
}

/// WITH name AS (query).
pub(super) fn with(it: &Failure<'_>, here: usize) -> Option<Told> {
    let bare = it.is(here, &["SELECT"]) && it.is_before(here, 1, &["AS"]) && it.word("WITH").is_some();
    if bare {
        told(it, here, "a query behind WITH … AS stands in brackets", "write WITH a AS (SELECT …) SELECT … FROM a")
    } else {
        None
    }
}

/// Parts of a query that stand in the wrong place, or without what belongs to them.
pub(super) fn clauses(it: &Failure<'_>, here: usize) -> Option<Told> {
    const ORDER: [&str; 6] = ["FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT"];
    let before = here.checked_sub(1)?;
    if it.is(before, &["GROUP", "ORDER", "PARTITION"]) && !it.is(here, &["BY"]) && here < it.tokens.len() {
        let word = it.token(before)?.text.to_uppercase();
        return told(it, before, format!("BY is missing behind {word}"), format!("write {word} BY"));
    }
    if it.is(here, &["ON"]) && it.word("JOIN").is_none() {
        return told(it, here, "ON belongs to a JOIN", "write JOIN instead of the comma between the tables");
    }
    if it.tokens.iter().any(|token| token.is_word("FETCH")) && here >= it.tokens.len() {
        return told(it, it.word("FETCH")?, "this FETCH is not whole", "write FETCH FIRST 10 ROWS ONLY, or LIMIT 10");
    }
    let place = ORDER.iter().position(|word| it.is(here, &[word]))?;
    let word = ORDER.get(place)?;
    let mut depth = 0_usize;
    let mut earlier = Vec::new();
    for index in (0..here).rev() {
        if it.is(index, &[")"]) {
            depth += 1;
        } else if it.is(index, &["("]) {
            let Some(less) = depth.checked_sub(1) else { break };
            depth = less;
        } else if depth == 0 {
            if it.is(index, &["SELECT"]) {
                break;
            }
            earlier.extend(ORDER.iter().position(|word| it.is(index, &[word])));
        }
    }
    if earlier.contains(&place) {
        let help = if *word == "WHERE" || *word == "HAVING" { "join the conditions with AND" } else { "write one" };
        return told(it, here, format!("a second {word} stands here"), help);
    }
    if let Some(later) = earlier.iter().filter(|index| **index > place).min() {
        let (word, later) = (with_by(word), with_by(ORDER.get(*later)?));
        return told(
            it,
            here,
            format!("{word} belongs before {later}"),
            "move it: SELECT … FROM … WHERE … GROUP BY … HAVING … ORDER BY … LIMIT",
        );
    }
    if place == 0 && it.is(before, &["SELECT"]) {
        return told(it, before, "nothing is selected", "name the columns: SELECT a, b FROM …");
    }
    (place > 0 && !earlier.contains(&0)).then_some(())?;
    if (here..it.tokens.len()).any(|index| it.is(index, &["FROM"])) {
        let help = "move it; for one aggregate alone write COUNT(*) FILTER (WHERE condition)";
        return told(it, here, format!("{} belongs behind FROM", with_by(word)), help);
    }
    told(it, here, format!("FROM is missing before {}", with_by(word)), "write SELECT … FROM table")
}

fn with_by(word: &str) -> String {
    if word == "GROUP" || word == "ORDER" { format!("{word} BY") } else { word.to_owned() }
}

/// Two names or values with nothing between them.
pub(super) fn two_in_a_row(it: &Failure<'_>, here: usize) -> Option<Told> {
    let before = here.checked_sub(1)?;
    let value = |index: usize| {
        it.token(index).is_some_and(|token| match token.kind {
            TokenKind::Word => !crate::sql::is_reserved(token.text) || it.kind == "table-definition",
            TokenKind::QuotedIdentifier | TokenKind::Literal | TokenKind::Number => true,
            TokenKind::Hint | TokenKind::Symbol => false,
        })
    };
    let ends = value(before) || it.is(before, &[")"]);
    (ends && value(here)).then_some(())?;
    let clauses = ["SELECT", "FROM", "WHERE", "ON", "HAVING", "BY"];
    let clause = (0..here).rev().find(|index| it.is(*index, &clauses));
    let condition = clause.is_some_and(|index| it.is(index, &["WHERE", "ON", "HAVING"]));
    let text = it.token(here)?.text;
    if condition {
        return told(
            it,
            here,
            format!("something is missing before `{text}`"),
            "write AND, OR or a comparison between the two",
        );
    }
    told(
        it,
        here,
        format!("something is missing before `{text}`"),
        "write a comma between two columns; put a name of several words in back-ticks",
    )
}
