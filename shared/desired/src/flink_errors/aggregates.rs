//! Aggregates and groups that do not go together.
//! Must not know types.

use super::{At, Failure, Told, between, quoted};
use crate::sql::TokenKind;

const CODE: &str = "aggregate";

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    if let Some(expression) = between(message, "Expression '", "' is not being grouped") {
        return Some(not_grouped(it, expression));
    }
    let told = |what: &str, help: &str| Told::new(CODE, At::AsFlinkSays, what).help(help).some();
    if let Some(clause) = between(message, "Aggregate expression is illegal in ", " clause") {
        let help = match clause {
            "WHERE" => "write the condition behind GROUP BY: HAVING COUNT(*) > 3",
            _ => "aggregate in a query of its own: SELECT … FROM (SELECT …, COUNT(*) AS n FROM … GROUP BY …)",
        };
        return told(&format!("an aggregate cannot stand in {clause}: rows are not grouped yet there"), help);
    }
    if message.starts_with("Aggregate expressions cannot be nested") {
        let help = "aggregate in two steps: SELECT SUM(n) FROM (SELECT …, COUNT(*) AS n FROM … GROUP BY …)";
        return told("an aggregate cannot stand in an aggregate", help);
    }
    None
}

fn not_grouped(it: &Failure<'_>, expression: &str) -> Told {
    let name = expression.rsplit('.').next().unwrap_or(expression).trim_matches('`');
    let told = Told::new(CODE, At::AsFlinkSays, format!("`{expression}` stands beside aggregates and is not grouped"));
    let group =
        it.tokens.windows(2).position(|two| matches!(two, [group, by] if group.is_word("GROUP") && by.is_word("BY")));
    match group {
        Some(at) if it.token(at + 2).is_some_and(|token| token.kind == TokenKind::Number) => {
            told.help(format!("name the columns, not their numbers: GROUP BY {}", quoted(name)))
        }
        Some(_) => told.help(format!("add it to GROUP BY, or aggregate it: MAX({})", quoted(name))),
        None => told.help(format!("add GROUP BY {0}, or aggregate it: MAX({0})", quoted(name))),
    }
}
