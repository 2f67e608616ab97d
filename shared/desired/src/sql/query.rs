//! Owns whether a text is exactly one query, and nothing that a query does not need.
//! Must not know manifests, or which tables exist.

use super::hints::{hint_problems, quote_problem};
use super::lexer::{Token, tokens};
use super::problem::SqlProblem;
use super::shape::shape_problem;

/// The code of what is no query, or more than one.
const NOT_ONE_QUERY: &str = "not-one-query";

/// What keeps a text from being one query that Flink can run as a job of ours. Flink takes a `;` at its end.
pub fn query_problems(sql: &str) -> Vec<SqlProblem> {
    match tokens(sql) {
        Ok(tokens) => of_tokens(&tokens),
        Err(error) => vec![error.into()],
    }
}

fn of_tokens(tokens: &[Token<'_>]) -> Vec<SqlProblem> {
    if let Some(problem) = quote_problem(tokens) {
        // What follows may be cut in other places than Flink would cut it.
        return vec![problem];
    }
    let mut statements = tokens.split(|token| token.is_symbol(";")).filter(|statement| !statement.is_empty());
    let Some(first) = statements.next() else {
        let at = tokens.first().map_or(0..1, |token| token.offset..token.end());
        let help = "write one: `SELECT … FROM …`; a comment alone is none";
        return vec![SqlProblem::new(NOT_ONE_QUERY, at, "there is no query here", help)];
    };
    let mut problems: Vec<SqlProblem> = no_query(first).into_iter().collect();
    if let Some(semicolon) = tokens.first().filter(|token| token.is_symbol(";")) {
        problems.push(SqlProblem::at(NOT_ONE_QUERY, semicolon, "a `;` stands before the query", "remove it"));
    }
    if !is_statement_set(first)
        && let Some(second) = statements.next()
    {
        problems.extend(second_statement(second, problems.is_empty()));
    }
    problems.extend(hint_problems(tokens));
    if problems.is_empty() {
        problems.extend(shape_problem(tokens));
    }
    problems
}

/// What a second statement is told. After a first one that is no query, it may be the query that is meant.
fn second_statement(second: &[Token<'_>], after_a_query: bool) -> Option<SqlProblem> {
    if let Some(problem) = no_query(second) {
        return Some(problem);
    }
    let start = second.first().filter(|_| after_a_query)?;
    let help = "write a manifest for each query; for one result of both, join them with UNION ALL";
    Some(SqlProblem::at(NOT_ONE_QUERY, start, "a second statement begins here: a job runs one query", help))
}

/// What a statement is told that is no query.
fn no_query(statement: &[Token<'_>]) -> Option<SqlProblem> {
    let open = statement.iter().take_while(|token| token.is_symbol("(")).count();
    let start = statement.get(open).or(statement.last())?;
    let is = |word: &str| start.is_word(word);
    if ["SELECT", "WITH", "VALUES", "TABLE"].into_iter().any(is) {
        return None;
    }
    let next_is = |word: &str| statement.get(open + 1).is_some_and(|token| token.is_word(word));
    let refuse = |message: &str, help: &str| Some(SqlProblem::at(NOT_ONE_QUERY, start, message, help));
    if is_statement_set(statement) {
        refuse("a statement set is several jobs in one", "write one manifest for each target")
    } else if is("INSERT") || is("UPSERT") {
        refuse("`sql` is the query alone, without INSERT", "drop it up to the query: `target-table` does that")
    } else if is("SET") || is("RESET") {
        refuse("options are not set in `sql`", "put it under `flinkProperties`, as `option: value`")
    } else if is("CREATE") {
        let creates_from_query = statement.iter().any(|token| token.is_word("SELECT"));
        if creates_from_query && next_is("TABLE") {
            let help = "define the table in a file under config/tables/, name it as `target-table`, keep the query";
            refuse("`sql` creates a table from a query", help)
        } else {
            refuse("`sql` defines something", "put definitions into a file under config/tables/, and keep the query")
        }
    } else if ["USE", "LOAD", "ADD"].into_iter().any(is) {
        refuse("this is no query", "put it into a file under config/tables/, and keep the query")
    } else if ["DROP", "ALTER", "DELETE", "UPDATE", "TRUNCATE", "MERGE", "CALL", "ANALYZE", "REPLACE"]
        .into_iter()
        .any(is)
    {
        let message = format!("a job does not {}: it runs one query", start.text.to_uppercase());
        refuse(&message, "remove it; tables are defined in config/tables/, their data is changed elsewhere")
    } else if ["EXPLAIN", "DESCRIBE", "DESC", "SHOW", "COMPILE"].into_iter().any(is) {
        refuse("this tells of something and makes no rows", "keep the query alone, beginning with SELECT")
    } else {
        let message = format!("a query does not begin with `{}`", crate::diagnostics::excerpt(start.text));
        refuse(&message, "begin with SELECT, WITH, VALUES or a bracket before one of them")
    }
}

fn is_statement_set(statement: &[Token<'_>]) -> bool {
    let [first, second, ..] = statement else { return false };
    let starts = first.is_word("EXECUTE") || first.is_word("BEGIN") || first.is_word("COMPILE");
    first.is_word("STATEMENT") && second.is_word("SET") || starts && second.is_word("STATEMENT")
}
