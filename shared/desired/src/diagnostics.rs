//! What is wrong with a file a person wrote: where it is, what it is, and the way out, as data.
//! Must not know terminals or colours, nor what kind of file it speaks about.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::place::before_column;
use crate::printable::{cut, printable, printable_line};

/// A file as it was read, before anything is known about its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceFile {
    /// The key or path that people are shown.
    pub name: String,
    /// The content as stored.
    pub bytes: Vec<u8>,
}

impl SourceFile {
    /// A file of this name and content.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

/// Whether the file is refused, or only warned about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is accepted.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A stretch of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The length in characters, at least 1.
    pub length: u32,
}

/// One finding about one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How serious it is.
    pub severity: Severity,
    /// What kind of finding it is, in kebab case: `unknown-field`.
    pub code: String,
    /// The file's name as given.
    pub file: String,
    /// Where in the file, if anywhere in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// The field's path: `flinkProperties.parallelism.default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The line that the span is on, as the file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_line: Option<String>,
}

impl Diagnostic {
    /// A finding about a file as a whole; the other parts are added with the `with` methods.
    pub fn new(severity: Severity, code: &str, file: &str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.to_owned(),
            file: file.to_owned(),
            span: None,
            field: None,
            message: message.into(),
            help: None,
            source_line: None,
        }
    }

    /// Says which field it is about.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says the way out.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says where it is, and what the line there reads.
    #[must_use]
    pub fn with_span(mut self, span: Span, source_line: Option<String>) -> Self {
        self.span = Some(span);
        self.source_line = source_line;
        self
    }

    /// In lines: what is wrong, where, the line with a caret under it, the way out.
    pub fn in_lines(&self) -> String {
        let lines = |text: &str| text.lines().map(printable).collect::<Vec<_>>().join("\n");
        let mut text = format!("{}\n  --> {}", lines(&self.message), printable(&self.file));
        if let Some(Span { line, column, length }) = self.span {
            let _ = write!(text, ":{line}:{column}");
            if let Some(source) = &self.source_line {
                let (number, blank) = (line.to_string(), " ".repeat(line.to_string().len()));
                let wide = |count: u32| usize::try_from(count).unwrap_or(1);
                // A tab stays one, so that the caret stands under its character.
                let before = before_column(source, column).chars();
                let before: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                let (shown, carets) = (printable_line(source), "^".repeat(wide(length).clamp(1, 80)));
                let _ = write!(text, "\n  {number} | {shown}\n  {blank} | {before}{carets}");
            }
        }
        if let Some(help) = &self.help {
            let _ = write!(text, "\n  help: {}", lines(help));
        }
        text
    }

    /// Whether the file is refused because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// One line: `queries/a.yaml:4:1: error[unknown-field]: what is wrong; the way out`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.file))?;
        if let Some(span) = self.span {
            write!(f, ":{}:{}", span.line, span.column)?;
        }
        write!(f, ": {}[{}]: {}", self.severity, self.code, printable(&self.message))?;
        if let Some(help) = &self.help {
            write!(f, "; {}", printable(help))?;
        }
        Ok(())
    }
}

/// The most findings that one file is reported with: whoever corrects these sees the next ones.
pub(crate) const MAX_FINDINGS: usize = 100;
/// A line longer than this is pointed at but not repeated.
const MAX_SHOWN_LINE: usize = 400;

/// A line of a file beside its finding, if it is one that a person can look at.
pub(crate) fn shown_line(line: &str) -> Option<String> {
    (line.len() <= MAX_SHOWN_LINE).then(|| line.to_owned())
}

/// The most of a file's text that a message repeats.
const MAX_EXCERPT: usize = 60;

/// The beginning of a text, for messages.
pub(crate) fn excerpt(text: &str) -> String {
    cut(text, MAX_EXCERPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_with_place_and_way_out() {
        let diagnostic = Diagnostic::new(Severity::Error, "unknown-field", "queries/a.yaml", "`x` is\nno field")
            .with_span(Span { line: 4, column: 1, length: 1 }, Some("x: 1".into()))
            .with_field("x")
            .with_help("write `y`");
        assert_eq!(
            diagnostic.to_string(),
            "queries/a.yaml:4:1: error[unknown-field]: `x` is\u{fffd}no field; write `y`"
        );
        let whole = Diagnostic::new(Severity::Warning, "empty", "a.yaml", "nothing in it");
        assert_eq!(whole.to_string(), "a.yaml: warning[empty]: nothing in it");
    }
}
