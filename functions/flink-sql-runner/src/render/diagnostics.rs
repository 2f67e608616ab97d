//! Findings about files, the way rustc shows them.
//! Must not know what kind of file it is.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use desired::diagnostics::{Diagnostic, Severity, Span};
use desired::printable::printable_line;

use super::{printable, printable_lines};

/// The findings, each once, a blank line between two.
pub(crate) fn all<'a>(findings: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let mut shown: Vec<&Diagnostic> = Vec::new();
    for finding in findings {
        // What is wrong with a template is found again under every manifest.
        if !shown.contains(&finding) {
            shown.push(finding);
        }
    }
    shown.into_iter().map(|finding| one(finding) + "\n").collect()
}

fn one(finding: &Diagnostic) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let (file, code) = (printable(&finding.file), printable(&finding.code));
    let message = printable_lines(&finding.message);
    let title = level.primary_title(message).id(code);
    let main = match (finding.span, &finding.source_line) {
        (Some(span), Some(line)) => {
            let line = printable_line(line);
            let range = bytes(&line, span);
            let start = usize::try_from(span.line).unwrap_or(1);
            title.element(
                Snippet::source(line).line_start(start).path(file).annotation(AnnotationKind::Primary.span(range)),
            )
        }
        (Some(span), None) => {
            let place = |n: u32| usize::try_from(n).unwrap_or(1);
            title.element(Origin::path(file).line(place(span.line)).char_column(place(span.column)))
        }
        (None, _) => title.element(Origin::path(file)),
    };
    let mut report = vec![main];
    if let Some(help) = &finding.help {
        report.push(Group::with_title(Level::HELP.secondary_title(printable_lines(help))));
    }
    Renderer::styled().render(&report) + "\n"
}

/// Columns count characters, snippets count bytes.
fn bytes(line: &str, span: Span) -> std::ops::Range<usize> {
    let at = |column: usize| line.char_indices().nth(column).map_or(line.len(), |(offset, _)| offset);
    let first = usize::try_from(span.column).unwrap_or(1).saturating_sub(1);
    let length = usize::try_from(span.length).unwrap_or(1).max(1);
    let start = at(first);
    start..at(first.saturating_add(length)).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(finding: &Diagnostic) -> String {
        anstream::adapter::strip_str(&all([finding, finding])).to_string()
    }

    #[test]
    fn the_line_a_caret_and_the_way_out() {
        let finding = Diagnostic::new(
            Severity::Error,
            "unknown-field",
            "queries/orders.yaml",
            "`target_table` is not a field of a job manifest",
        )
        .with_span(Span { line: 4, column: 1, length: 12 }, Some("target_table: \"`kafka`.`orders`\"".to_owned()))
        .with_help("write `target-table`");
        insta::assert_snapshot!(shown(&finding), @r#"
        error[unknown-field]: `target_table` is not a field of a job manifest
         --> queries/orders.yaml:4:1
          |
        4 | target_table: "`kafka`.`orders`"
          | ^^^^^^^^^^^^
          |
        help: write `target-table`
        "#);
    }

    #[test]
    fn columns_are_characters_and_control_characters_are_replaced() {
        let finding = Diagnostic::new(Severity::Warning, "odd", "a.yaml", "odd\x1b")
            .with_span(Span { line: 1, column: 4, length: 2 }, Some("äö\x1bxy: 1".to_owned()));
        insta::assert_snapshot!(shown(&finding), @r"
        warning[odd]: odd�
         --> a.yaml:1:4
          |
        1 | äö�xy: 1
          |    ^^
        ");
    }

    #[test]
    fn a_file_as_a_whole() {
        insta::assert_snapshot!(shown(&Diagnostic::new(Severity::Error, "not-utf-8", "a.yaml", "byte 3 is not UTF-8").with_help("save it as UTF-8")), @r"
        error[not-utf-8]: byte 3 is not UTF-8
        --> a.yaml
         |
        help: save it as UTF-8
        ");
    }
}
