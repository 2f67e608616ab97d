//! From a place in a text that Flink read to the file that a person wrote.
//! Must not know what is wrong there.

use std::ops::Range;

use super::{At, Failure, Told};
use crate::diagnostics::{Diagnostic, Severity, Span, shown_line};
use crate::launch::LaunchStatement;
use crate::place::{Place, number, place_of, row_of};
use crate::printable::cut;
use crate::sql::Token;
use crate::written::WrittenText;

/// The most of a message and of a help that is kept.
const MAX_TOLD: usize = 2_000;

/// Flink's words without the place that they end with: it is told beside them.
pub(super) fn without_place(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(at) if message.get(at + 1..).is_some_and(is_place) => {
            message.get(..at).unwrap_or(message).trim_end_matches(',')
        }
        Some(_) | None => message,
    }
}

fn is_place(text: &str) -> bool {
    let rest = text.trim_start_matches("at line ").trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.trim_start_matches(", column ").trim_start_matches(|c: char| c.is_ascii_digit());
    rest.trim_end_matches('.').is_empty()
}

impl Failure<'_> {
    /// What is told, with its file, line, column and the line there.
    pub(super) fn placed(&self, told: Told) -> Diagnostic {
        let Told { code, at, message, help } = told;
        let finding = |file: &str| Diagnostic::new(Severity::Error, code, file, cut(&message, MAX_TOLD));
        let mut found = match at {
            At::Text(bytes) => self.in_text(&bytes, finding),
            At::Definition(index, bytes) => match self.launch.statements.get(index) {
                Some(statement) => in_statement(statement, &bytes, finding),
                None => finding(&self.somewhere()),
            },
            At::Target => match self.launch.written.as_ref().and_then(|written| written.target.as_ref()) {
                Some(target) => in_file(target, self.target(), &(0..self.target().len()), finding),
                None => finding(&self.somewhere()),
            },
            At::Option(key) => self.at_option(key, finding(&self.somewhere())),
            At::AsFlinkSays => match self.at {
                Some(byte) => self.in_text(&(byte..self.end_of_token(byte)), finding),
                None if self.statement.is_some() => self.in_text(&(0..self.end_of_token(0)), finding),
                None if self.kind == "query" || self.kind == "code" => {
                    self.in_text(&(0..0), |file| finding(file)).whole()
                }
                None if self.kind == "configuration" => match self.option_in(&[self.message, &message]) {
                    Some(key) => self.at_option(&key, finding(&self.somewhere())),
                    None => finding(&self.somewhere()),
                },
                None if self.kind == "insert" => return self.placed(Told { code, at: At::Target, message, help }),
                None => finding(&self.somewhere()),
            },
        };
        found.help = help.map(|help| cut(&help, MAX_TOLD));
        found
    }

    fn in_text(&self, bytes: &Range<usize>, finding: impl Fn(&str) -> Diagnostic) -> Diagnostic {
        if let Some((_, statement)) = self.statement {
            return in_statement(statement, bytes, finding);
        }
        match self.launch.written.as_ref().and_then(|written| written.body.as_ref()) {
            Some(body) => in_file(body, self.text, bytes, finding),
            None => on_its_own(self.text, bytes, 1, finding(&self.somewhere())),
        }
    }

    /// The manifest, where nobody noted what its texts stand in.
    fn somewhere(&self) -> String {
        let written = self.launch.written.as_ref();
        let file = written.and_then(|written| written.body.as_ref().or(written.target.as_ref()));
        file.map_or_else(|| format!("{}.yaml", self.launch.name), |text| text.file.clone())
    }

    /// The target as the INSERT has it.
    fn target(&self) -> &str {
        let rest = self.launch.insert.strip_prefix("INSERT INTO ").unwrap_or_default();
        rest.split_once(" SELECT ").map_or(rest, |(target, _)| target)
    }

    fn end_of_token(&self, byte: usize) -> usize {
        let token = self.tokens.iter().find(|token| token.offset <= byte && byte < token.end());
        token.map_or(byte + 1, Token::end)
    }
}

impl Diagnostic {
    /// Says it of the file alone.
    fn whole(mut self) -> Self {
        (self.span, self.source_line) = (None, None);
        self
    }
}

/// In a file whose places are known.
fn in_file(text: &WrittenText, value: &str, bytes: &Range<usize>, finding: impl Fn(&str) -> Diagnostic) -> Diagnostic {
    let characters = |bytes: Range<usize>| number(value.get(bytes).unwrap_or_default().chars().count());
    let found = finding(&text.file);
    let (first, length) =
        (characters(0..bytes.start.min(value.len())), characters(bytes.start..bytes.end.min(value.len())));
    // Behind the end of the text there is nothing to point at.
    let first = first.min(number(value.trim_end().chars().count()).saturating_sub(1));
    let Some((line, column)) = text.place(first) else { return found };
    let source = text.line_of(value, first).and_then(|line| shown_line(&line));
    found.with_span(Span { line, column, length: text.length(first, length.max(1)) }, source)
}

/// In a table file: a statement stands there as it is, but for its parameters.
fn in_statement(statement: &LaunchStatement, bytes: &Range<usize>, finding: impl Fn(&str) -> Diagnostic) -> Diagnostic {
    let (file, line) = statement.origin.rsplit_once(':').unwrap_or((&statement.origin, "1"));
    on_its_own(&statement.sql, bytes, line.parse().unwrap_or(1), finding(file))
}

fn on_its_own(text: &str, bytes: &Range<usize>, first_line: u32, found: Diagnostic) -> Diagnostic {
    let text_end = text.trim_end().len();
    let start = if bytes.start >= text_end { text_end.saturating_sub(1) } else { bytes.start };
    let Place { line, column } = place_of(text, start);
    let row = row_of(text, start);
    let rest = row.chars().skip(usize::try_from(column).unwrap_or(usize::MAX) - 1).count();
    let length = text.get(start..bytes.end.clamp(start, text.len())).unwrap_or_default().chars().count();
    let span = Span { line: first_line.saturating_add(line - 1), column, length: number(length.min(rest).max(1)) };
    found.with_span(span, shown_line(row))
}
