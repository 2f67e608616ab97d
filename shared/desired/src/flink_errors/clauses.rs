//! What Flink's parser tells in a sentence of its own, not as a token that it did not expect.
//! Must not know tokens that were not expected.

use super::{At, Failure, Told, between};

const CODE: &str = "syntax";

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    operators(it).or_else(|| no_query(it)).or_else(|| literals(it)).or_else(|| relations(it))
}

fn told(at: At, what: &str, help: &str) -> Option<Told> {
    Told::new(CODE, at, what).help(help).some()
}

/// The place of a token that was looked for.
fn at(it: &Failure<'_>, index: Option<usize>) -> At {
    index.map_or(At::AsFlinkSays, |index| it.place(index))
}

/// Operators and clauses that are written otherwise.
fn operators(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    let at = |index| at(it, index);
    if message.starts_with("Bang equal") {
        let bang = it.tokens.iter().position(|token| token.text.starts_with('!'));
        return told(at(bang), "`!=` is not taken", "write <>");
    }
    if message.starts_with("'LIMIT start, count'") {
        return told(at(it.word("LIMIT")), "LIMIT takes one number", "write LIMIT 10, or LIMIT 10 OFFSET 5");
    }
    if message.starts_with("BETWEEN operator has no terminating AND") {
        return told(at(it.word("BETWEEN")), "this BETWEEN has no AND", "write a BETWEEN 1 AND 5");
    }
    if message.starts_with("APPLY operator") {
        return told(
            at(it.word("APPLY")),
            "Flink has no APPLY",
            "write CROSS JOIN LATERAL TABLE(function(column)), or CROSS JOIN UNNEST(array)",
        );
    }
    if message.contains("RexDynamicParam") {
        let mark = it.tokens.iter().position(|token| token.is_symbol("?"));
        return told(at(mark), "`?` stands for a value that nobody gives", "write the value");
    }
    None
}

/// What stands where a query is expected.
fn no_query(it: &Failure<'_>) -> Option<Told> {
    if !it.message.starts_with("Non-query expression encountered") {
        return None;
    }
    let stars = it.tokens.windows(2).position(
        |pair| matches!(pair, [star, word] if star.is_symbol("*") && (word.is_word("EXCEPT") || word.is_word("EXCLUDE"))),
    );
    if let Some(star) = stars {
        return told(it.place(star + 1), "`*` takes no exceptions", "name the columns that are wanted");
    }
    let set = it.tokens.iter().enumerate().position(|(index, token)| {
        let is_set = ["ALL", "UNION", "EXCEPT", "INTERSECT"].iter().any(|word| token.is_word(word));
        is_set && !it.is(index + 1, &["ALL", "SELECT", "(", "DISTINCT", "VALUES"])
    });
    if let Some(set) = set {
        return told(it.place(set), "a query is expected behind this", "write UNION ALL SELECT … FROM …");
    }
    let slip = it.token(0).is_some_and(|token| crate::suggest::closest(token.text, &["SELECT"]).is_some());
    let help = if slip { "write SELECT" } else { "begin with SELECT, or WITH … SELECT" };
    told(at(it, (!it.tokens.is_empty()).then_some(0)), "this is no query", help)
}

/// Texts, numbers and times.
fn literals(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    let at = |index| at(it, index);
    if message.starts_with("Expecting alias, found character literal") {
        let index = it
            .tokens
            .windows(2)
            .position(|pair| matches!(pair, [a, b] if a.is_word("AS") && b.literal_value().is_some()));
        let name = index.and_then(|index| it.token(index + 1)?.literal_value()).unwrap_or_default();
        let what = "a name stands in back-ticks, not in quotes";
        return told(at(index.map(|index| index + 1)), what, &format!("write {}", super::quoted(&name)));
    }
    if let Some(unit) = between(message, "'", "' is not a valid datetime format") {
        let unit_at = it.tokens.iter().position(|token| token.text.eq_ignore_ascii_case(unit));
        let help = "write YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE or SECOND";
        return told(at(unit_at), &format!("{unit} is no unit of time"), help);
    }
    if let Some((what, value)) = message.strip_prefix("Illegal ").and_then(|rest| rest.split_once(" literal '")) {
        let value = value.split('\'').next().unwrap_or_default();
        let help = match what {
            "DATE" => "write DATE '2026-01-31'",
            "TIME" => "write TIME '12:30:00'",
            _ => "write TIMESTAMP '2026-01-31 12:30:00'",
        };
        return told(at(it.literal(value)), &format!("'{value}' is no {}", what.to_lowercase()), help);
    }
    if message.starts_with("Numeric literal '") {
        return told(
            At::AsFlinkSays,
            "this number has too many digits",
            "write one of at most 38 digits, or a text in quotes",
        );
    }
    None
}

/// Joins, windows and sub-queries.
fn relations(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    if message.contains("join requires a condition") {
        return told(
            At::AsFlinkSays,
            "this join has no condition",
            "write JOIN t ON a.id = t.id; CROSS JOIN is one without",
        );
    }
    if let Some(name) = between(message, "Window '", "' not found") {
        let what = format!("no window is called `{name}`");
        return told(
            At::AsFlinkSays,
            &what,
            &format!("write OVER (…), or behind FROM: WINDOW {name} AS (PARTITION BY …)"),
        );
    }
    if message.contains("must have compatible types") {
        return told(
            At::AsFlinkSays,
            "both sides of IN must have the same columns and types",
            "select one column in the brackets, and CAST it",
        );
    }
    None
}
