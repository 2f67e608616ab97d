//! Owns the table definitions: reading the files, which of them a job uses, and what changed.
//! Must not know manifests, or what a change leads to.

mod change;
mod columns;
pub mod compare;
mod concern;
mod definition;
mod fragment;
mod harmless;
mod known;
mod rules;
mod scope;
mod side;
mod source_options;
mod template;
mod usage;
mod warnings;

use std::collections::BTreeMap;

pub use compare::{ChangedField, DefinitionChange, compare, same_query, same_target};
pub use definition::{Definition, TableRole, Used};
use rules::Placed;
pub use scope::NameScope;
use serde::{Deserialize, Serialize};
pub(crate) use template::GROUP_ID;
pub use template::fill_group_id;
pub use warnings::{forgotten_offsets, shared_transactions};

use crate::diagnostics::MAX_FINDINGS;
use crate::manifest::MAX_BYTES;
use crate::place::{Place, place_of};
use crate::secrets::check_sql;
use crate::sql::statements::pieces;
use crate::sql::{Statement, StatementError, StatementKind, lookalike, tokens};

/// A file under `config/tables/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableFile {
    /// Its key, as messages show it.
    pub key: String,
    pub text: String,
}

/// The parameters of `config/params.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parameters(pub BTreeMap<String, String>);

/// Every statement of every file, in the order in which they run.
///
/// Parameters are filled in. What is left is still a template: `{group_id}`, and literal braces
/// doubled; [`fill_group_id`] gives the text that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableDefinitions {
    pub statements: Vec<Statement>,
}

impl TableDefinitions {
    /// The definitions that a target holds, to be judged again: it may be of an earlier version of ours, which took
    /// more for used, or kept other notes beside the text.
    pub fn of(definitions: &[Definition]) -> Self {
        Self { statements: definitions.iter().map(Statement::from).collect() }
    }
}

/// Reads the files, in the order of their keys, and reports every error of every file. What the statements do is not
/// judged: what was deployed is read as it is.
pub fn parse(files: &[TableFile], parameters: &Parameters) -> Result<TableDefinitions, Vec<StatementError>> {
    let (placed, errors) = read_all(files, parameters);
    whole(placed, errors)
}

/// The same, and judges what the statements do: what is uploaded may only define.
pub fn read(files: &[TableFile], parameters: &Parameters) -> Result<TableDefinitions, Vec<StatementError>> {
    let (placed, mut errors) = read_all(files, parameters);
    errors.extend(rules::judge(&placed));
    for file in files {
        let Some(problem) = lookalike(&file.text) else { continue };
        // It is the cause of whatever else is wrong with the file.
        errors.retain(|error| error.file != file.key);
        let start = TextPosition { file: &file.key, line: 1, column: 1 };
        let before = file.text.get(..problem.at.start).unwrap_or_default();
        errors.push(start.further(before).error(problem.message, &problem.help));
    }
    let order =
        |error: &StatementError| (files.iter().position(|file| file.key == error.file), error.line, error.column);
    errors.sort_by_key(order);
    whole(placed, errors)
}

fn whole(placed: Vec<Placed<'_>>, errors: Vec<StatementError>) -> Result<TableDefinitions, Vec<StatementError>> {
    if errors.is_empty() {
        Ok(TableDefinitions { statements: placed.into_iter().map(|it| it.statement).collect() })
    } else {
        Err(errors)
    }
}

fn read_all<'a>(files: &'a [TableFile], parameters: &Parameters) -> (Vec<Placed<'a>>, Vec<StatementError>) {
    let mut statements = Vec::new();
    let mut errors = Vec::new();
    for file in files {
        // A parameter's value may be long and stand in many places: the whole file is as long as any may be.
        let mut room = MAX_BYTES;
        let found = errors.len();
        match pieces(&file.text) {
            Err(error) => errors.push(StatementError::from_lexer(&file.key, error)),
            Ok(pieces) => {
                for piece in pieces {
                    let at = TextPosition { file: &file.key, line: piece.line, column: piece.column };
                    match read_one(&at, piece.sql, parameters, room) {
                        Ok(statement) => {
                            room = room.saturating_sub(statement.sql.len());
                            statements.push(Placed { at, written: piece.sql, statement });
                        }
                        Err(more) => errors.extend(more),
                    }
                    if errors.len() > found + MAX_FINDINGS {
                        break;
                    }
                }
            }
        }
    }
    (statements, errors)
}

/// Where a statement starts.
struct TextPosition<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

impl TextPosition<'_> {
    fn error(&self, message: String, help: &str) -> StatementError {
        let Self { file, line, column } = *self;
        StatementError { file: file.to_owned(), line, column, message, help: help.to_owned() }
    }

    /// The place this far into the statement's text.
    fn further(&self, text: &str) -> Self {
        let Self { file, line, column } = *self;
        match place_of(text, text.len()) {
            Place { line: 1, column: further } => Self { file, line, column: column.saturating_add(further - 1) },
            Place { line: further, column } => Self { file, line: line.saturating_add(further - 1), column },
        }
    }
}

fn read_one(
    at: &TextPosition<'_>,
    written: &str,
    parameters: &Parameters,
    room: usize,
) -> Result<Statement, Vec<StatementError>> {
    let sql = template::fill(written, &parameters.0, room).map_err(|problems| {
        let error = |problem: template::TemplateProblem| {
            let before = written.get(..problem.offset).unwrap_or_default();
            at.further(before).error(problem.message, &problem.help)
        };
        problems.into_iter().map(error).collect::<Vec<_>>()
    })?;
    let broken = |what: &str| {
        let message = format!("with its parameters filled in, {what}");
        let help = "correct the value of the parameter in config/params.yaml";
        vec![at.error(message, help)]
    };
    let tokens = tokens(&sql).map_err(|error| broken(&error.message))?;
    if tokens.iter().any(|token| token.is_symbol(";")) {
        return Err(broken("this is more than one statement"));
    }
    let errors = reference_errors(at, written, &sql);
    if !errors.is_empty() {
        return Err(errors);
    }
    let kind = StatementKind::of_tokens(&tokens);
    Ok(Statement { origin: format!("{}:{}", at.file, at.line), sql, kind })
}

/// What is wrong with the secret references of a statement, as it will run.
fn reference_errors(at: &TextPosition<'_>, written: &str, sql: &str) -> Vec<StatementError> {
    let error = |(_, bad): (usize, crate::secrets::BadReference)| match written.find(bad.text()) {
        Some(offset) => at.further(written.get(..offset).unwrap_or_default()).error(bad.to_string(), bad.help()),
        None => at.error(format!("with its parameters filled in, {bad}"), bad.help()),
    };
    // No job's name has a brace or a dollar sign in it.
    check_sql(&fill_group_id(sql, "group")).into_iter().take(MAX_FINDINGS).map(error).collect()
}
