//! Owns what Flink's parser refuses wherever it stands: brackets without a partner or too deep in each other, and `!=`.
//! Must not know statements.

use super::lexer::Token;
use super::problem::SqlProblem;

/// How deep brackets may stand in each other. Flink's parser calls itself for each: at some hundreds its stack is full,
/// and what it says then helps nobody.
const DEEPEST: usize = 500;

/// The first such thing.
pub(crate) fn shape_problem(tokens: &[Token<'_>]) -> Option<SqlProblem> {
    bracket_problem(tokens).or_else(|| {
        let bang = tokens.iter().find(|token| token.is_symbol("!="))?;
        Some(SqlProblem::at("not-taken", bang, "Flink does not take `!=`", "write <>"))
    })
}

fn bracket_problem(tokens: &[Token<'_>]) -> Option<SqlProblem> {
    let refuse = |token: &Token<'_>, message: String, help: &str| Some(SqlProblem::at("bracket", token, message, help));
    let mut open: Vec<&Token<'_>> = Vec::new();
    for token in tokens {
        let Some((opening, closing)) = PAIRS.iter().find(|(a, b)| token.is_symbol(a) || token.is_symbol(b)) else {
            continue;
        };
        if token.is_symbol(opening) {
            if open.len() >= DEEPEST {
                let message = format!("more than {DEEPEST} brackets stand in each other here");
                return refuse(token, message, "give parts of it names, in WITH or in views");
            }
            open.push(token);
            continue;
        }
        match open.pop() {
            None => {
                let help = format!("write as many `{closing}` as `{opening}`");
                return refuse(token, format!("this `{closing}` closes nothing"), &help);
            }
            Some(last) if !last.is_symbol(opening) => {
                let (_, wanted) = PAIRS.iter().find(|(opening, _)| last.is_symbol(opening))?;
                let message = format!("this `{closing}` cannot close the `{}` before it", last.text);
                return refuse(token, message, &format!("write `{wanted}` first, or instead"));
            }
            Some(_) => {}
        }
    }
    let last = open.pop()?;
    let (opening, closing) = PAIRS.iter().find(|(opening, _)| last.is_symbol(opening))?;
    refuse(last, format!("this `{opening}` is never closed"), &format!("write as many `{closing}` as `{opening}`"))
}

const PAIRS: [(&str, &str); 2] = [("(", ")"), ("[", "]")];
