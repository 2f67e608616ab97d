//! What `sql` and `target-table` must be, told in the manifest's own lines, and the options that concern both.
//! Must not know what good SQL is: that is judged in `sql`.

use super::options::canonical_option;
use super::scalar::ScalarKind;
use super::sql_text::SqlText;
use super::wire::{Given, Property};
use crate::diagnostics::{Diagnostic, excerpt};
use crate::sql::{
    KnownTables, NOT_CLOSED, SqlProblem, has_dynamic_options, lookalike, query_problems, target_problems,
    unknown_tables, unknown_target,
};

/// Whether hints may change the options of tables.
pub(crate) const DYNAMIC_OPTIONS: &str = "table.dynamic-table-options.enabled";
/// How Flink reads SQL.
const DIALECT: &str = "table.sql-dialect";

/// What is wrong with a query.
pub(crate) fn query(given: &Given<'_, String>, known: &KnownTables) -> Vec<Diagnostic> {
    // A curly quote may leave everything behind it open: it is the cause of the rest.
    let mut problems: Vec<SqlProblem> = lookalike(&given.value).into_iter().collect();
    if problems.is_empty() {
        problems = query_problems(&given.value);
    }
    if problems.is_empty() {
        problems = unknown_tables(&given.value, known);
    }
    if problems.is_empty() && !has_line_comment(&given.value) {
        return Vec::new();
    }
    let text = SqlText::of(given);
    let mut findings: Vec<Diagnostic> =
        problems.into_iter().map(|problem| told(&text, problem, given, "sql")).collect();
    if let Some((comment, swallowed)) = text.swallowing_comment() {
        let message = format!(
            "this comment swallows what follows it, `{}`: YAML makes one line of the query",
            excerpt(&swallowed)
        );
        let help = "write `sql: |` and the query below it: line breaks stay there";
        let found = given.source.error("cut-off", text.range(&comment), message);
        findings.insert(0, found.with_field("sql").with_help(help));
    }
    findings
}

/// What is wrong with a target.
pub(crate) fn target(given: &Given<'_, String>, known: &KnownTables) -> Vec<Diagnostic> {
    let mut problems: Vec<SqlProblem> = lookalike(&given.value).into_iter().collect();
    if problems.is_empty() {
        problems = target_problems(&given.value);
    }
    if problems.is_empty() {
        problems.extend(unknown_target(&given.value, known));
    }
    if problems.is_empty() {
        return Vec::new();
    }
    let text = SqlText::of(given);
    problems.into_iter().map(|problem| told(&text, problem, given, "target-table")).collect()
}

/// A cheap look before the lines are counted.
fn has_line_comment(sql: &str) -> bool {
    sql.contains("--") || sql.contains("//")
}

fn told(text: &SqlText<'_>, problem: SqlProblem, given: &Given<'_, String>, field: &str) -> Diagnostic {
    let at = text.range(&problem.at);
    let SqlProblem { code, mut message, mut help, .. } = problem;
    if code == NOT_CLOSED && text.ends_before_a_yaml_comment() {
        message.push_str(", as YAML takes what follows ` #` for a comment");
        help = format!("write `{field}: |` and the text on the lines below it, or put it in quotes");
    }
    given.source.error(code, at, message).with_field(field).with_help(help)
}

/// What is wrong with an option that says how SQL is read, or what a hint may change.
pub(crate) fn property(property: &Property<'_>, is_upload: bool) -> Option<Diagnostic> {
    let (key, value) = &property.value;
    if value.kind == ScalarKind::Null {
        return None;
    }
    let error = |message: String, help: &str| {
        let found = property.source.error("refused-property", property.key_at, message);
        Some(found.with_field(format!("flinkProperties.{key}")).with_help(help))
    };
    match canonical_option(key) {
        DYNAMIC_OPTIONS if is_upload => {
            let message = format!("`{key}` cannot be set here: hints change options only where a job has such a hint");
            error(message, "remove it; a hint with options that are allowed works without it")
        }
        DIALECT if !value.text.trim().eq_ignore_ascii_case("default") => {
            error(format!("`{key}` cannot be set: SQL is judged as Flink's own dialect"), "remove it")
        }
        _ => None,
    }
}

/// Whether some file turns OPTIONS hints off.
pub(crate) fn hints_are_off<'p>(properties: impl IntoIterator<Item = &'p Property<'p>>) -> bool {
    let off = |property: &Property<'_>| {
        let (key, value) = &property.value;
        canonical_option(key) == DYNAMIC_OPTIONS && value.text.trim().eq_ignore_ascii_case("false")
    };
    properties.into_iter().any(off)
}

/// A hint where the template turns hints off.
pub(crate) fn refused_hint(given: &Given<'_, String>, field: &str) -> Option<Diagnostic> {
    has_dynamic_options(&given.value).then(|| {
        let message = format!("config/job-template.yaml turns OPTIONS hints off (`{DYNAMIC_OPTIONS}`)");
        given.source.error("refused-hint", given.at, message).with_field(field).with_help("remove the hint")
    })
}
