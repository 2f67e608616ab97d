//! One file's text and the way from a position in it to what people see: line, column, source line.
//! Must not know YAML; a template's filled-in text still points into the file as it was written.

use std::borrow::Cow;

use crate::diagnostics::{Diagnostic, Severity, SourceFile, Span, shown_line};
use crate::place::{LineStart, before_column, line_starts, number};
use crate::sql::{lookalike_anywhere, lookalike_told};

/// The largest file that is read at all.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The same for what a deployment writes of such a file and its template: quotes, escapes and folding make it longer.
const MAX_DEPLOYED: usize = 16 * MAX_BYTES;

/// What stands before a text on its line is kept up to so many characters.
const MAX_HEAD: u32 = 80;

/// A range of characters in the text that is parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    /// The first character, from 0.
    pub(crate) start: usize,
    /// The character after the last.
    pub(crate) end: usize,
}

/// The file as text, refused with the cause if it is none.
pub(crate) fn text_of(file: &SourceFile) -> Result<&str, Box<Diagnostic>> {
    let refuse = |code, message: &str| Diagnostic::new(Severity::Error, code, &file.name, message);
    let bytes = file.bytes.as_slice();
    let save = "save the file as UTF-8; an editor has it under `Save as` or `Encoding`";
    if is_utf_16(bytes) {
        return Err(Box::new(refuse("not-utf-8", "the file is UTF-16 text, not UTF-8").with_help(save)));
    }
    let (text, broken) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(valid).unwrap_or_default(), Some(text_length(valid)))
        }
    };
    let nul = text.find('\0').map(|at| text_length(bytes.get(..at).unwrap_or_default()));
    let span = |at: usize| SourceText::of(&file.name, text).span(Range { start: at, end: at + 1 });
    match (nul, broken) {
        (Some(at), _) => {
            let help = "save the file as text; it may have been damaged on its way, or be no text at all";
            let found = SourceText::of(&file.name, text);
            let found =
                found.error("nul", Range { start: at, end: at + 1 }, "a NUL byte stands here: this is not text");
            Err(Box::new(found.with_help(help)))
        }
        (None, Some(at)) => {
            Err(Box::new(refuse("not-utf-8", "the file is not UTF-8 text").with_span(span(at), None).with_help(save)))
        }
        // Some editors write a mark before the text that says how it is encoded.
        (None, None) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
    }
}

fn text_length(valid: &[u8]) -> usize {
    std::str::from_utf8(valid).unwrap_or_default().chars().count()
}

/// Whether the bytes begin as those of UTF-16 do: with its mark, or with every second byte zero.
fn is_utf_16(bytes: &[u8]) -> bool {
    let marked = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let pairs = || bytes.chunks_exact(2).take(16);
    let zeroes = |index: usize| pairs().all(|pair| pair.get(index) == Some(&0) && pair.get(1 - index) != Some(&0));
    marked || bytes.len() >= 4 && (zeroes(0) || zeroes(1))
}

/// A file that is text.
pub(crate) struct SourceText<'a> {
    name: &'a str,
    original: &'a str,
    /// The text that is parsed: the original, or a template with its names filled in.
    text: Cow<'a, str>,
    /// Where the parsed text departs from the original: (character in text, character in original).
    shifts: Vec<(usize, usize)>,
    /// Where each line of the original begins.
    lines: Vec<LineStart>,
}

impl<'a> SourceText<'a> {
    /// The file as text, refused if it is too large or not UTF-8.
    pub(crate) fn open(file: &'a SourceFile) -> Result<Self, Box<Diagnostic>> {
        Self::open_within(file, MAX_BYTES)
    }

    /// A deployed manifest as text: what was accepted as an upload is read again, however it was written.
    pub(crate) fn open_deployed(file: &'a SourceFile) -> Result<Self, Box<Diagnostic>> {
        Self::open_within(file, MAX_DEPLOYED)
    }

    fn open_within(file: &'a SourceFile, most: usize) -> Result<Self, Box<Diagnostic>> {
        let refuse = |code, message: String| Diagnostic::new(Severity::Error, code, &file.name, message);
        if file.bytes.len() > most {
            let message = format!("the file has {} bytes, {most} is the most", file.bytes.len());
            return Err(Box::new(refuse("too-large", message).with_help("a manifest holds one query: split it")));
        }
        text_of(file).map(|text| Self::of(&file.name, text))
    }

    fn of(name: &'a str, text: &'a str) -> Self {
        Self { name, original: text, text: Cow::Borrowed(text), shifts: Vec::new(), lines: line_starts(text).collect() }
    }

    /// The same file with another text to parse, and the points where the two part.
    pub(crate) fn filled_in(self, text: String, shifts: Vec<(usize, usize)>) -> Self {
        Self { text: Cow::Owned(text), shifts, ..self }
    }

    /// What is parsed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The file's stem: `a` of `queries/x/a.yaml`; `None` if it does not end as a manifest does.
    pub(crate) fn stem(&self) -> Option<&str> {
        let file = self.name.rsplit('/').next()?;
        file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml"))
    }

    /// An error about a place in this file.
    pub(crate) fn error(&self, code: &str, at: Range, message: impl Into<String>) -> Diagnostic {
        self.finding(Severity::Error, code, at, message)
    }

    /// A warning about a place in this file.
    pub(crate) fn warning(&self, code: &str, at: Range, message: impl Into<String>) -> Diagnostic {
        self.finding(Severity::Warning, code, at, message)
    }

    fn finding(&self, severity: Severity, code: &str, at: Range, message: impl Into<String>) -> Diagnostic {
        let span = self.span(at);
        Diagnostic::new(severity, code, self.name, message).with_span(span, self.line(span.line))
    }

    /// The file's name.
    pub(crate) fn name(&self) -> &str {
        self.name
    }

    /// The line and the column of a character of the text.
    pub(crate) fn place(&self, character: usize) -> (u32, u32) {
        let span = self.span(Range { start: character, end: character + 1 });
        (span.line, span.column)
    }

    /// What stands on a character's line before it, unless that is long.
    pub(crate) fn before(&self, character: Option<usize>) -> String {
        let (line, column) = self.place(character.unwrap_or(0));
        if column > MAX_HEAD {
            return String::new();
        }
        self.line(line).map(|line| before_column(&line, column).to_owned()).unwrap_or_default()
    }

    /// The first character on the line of a place, or on the one before it, that only looks like another.
    pub(crate) fn lookalike(&self, at: Range) -> Option<Diagnostic> {
        let last = self.span(at).line;
        [last.saturating_sub(1), last].into_iter().find_map(|line| {
            let index = usize::try_from(line).ok()?.checked_sub(1)?;
            let &LineStart { character: first, byte: start } = self.lines.get(index)?;
            let end = self.lines.get(index + 1).map_or(self.original.len(), |next| next.byte);
            let text = self.original.get(start..end)?.split('#').next()?.trim_end_matches(['\n', '\r']);
            let (offset, character, meant) = lookalike_anywhere(text)?;
            let place = first + text.get(..offset)?.chars().count();
            let (message, help) = lookalike_told(character, &meant);
            // Found in the file itself: a template's names are not filled in there.
            let span = self.span_in_original(place, place + 1);
            let found = Diagnostic::new(Severity::Error, "lookalike", self.name, message);
            Some(found.with_span(span, self.line(span.line)).with_help(help))
        })
    }

    /// The line that a range begins on, from 1.
    pub(crate) fn line_of(&self, at: Range) -> u32 {
        self.span(at).line
    }

    /// The part of a range that is on its first line.
    fn span(&self, at: Range) -> Span {
        let start = self.in_original(at.start);
        self.span_in_original(start, self.in_original(at.end).max(start))
    }

    fn span_in_original(&self, start: usize, end: usize) -> Span {
        let index = self.lines.partition_point(|line| line.character <= start).saturating_sub(1);
        let line_start = self.lines.get(index).map_or(0, |line| line.character);
        // The line's break is not part of what is pointed at.
        let end = self.lines.get(index + 1).map_or(end, |next| end.min(next.character.saturating_sub(1)));
        Span {
            line: number(index + 1),
            column: number(start - line_start + 1),
            length: number(end.saturating_sub(start).max(1)),
        }
    }

    fn in_original(&self, at: usize) -> usize {
        let index = self.shifts.partition_point(|&(text, _)| text <= at);
        match index.checked_sub(1).and_then(|i| self.shifts.get(i)) {
            None => at,
            Some(&(text, original)) => {
                let moved = original + (at - text);
                // What was filled in points at the place it stands for.
                self.shifts.get(index).map_or(moved, |&(_, next)| moved.min(next))
            }
        }
    }

    fn line(&self, line: u32) -> Option<String> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = self.lines.get(index)?.byte;
        let end = self.lines.get(index + 1).map_or(self.original.len(), |next| next.byte);
        let text = self.original.get(start..end)?.trim_end_matches(['\n', '\r']);
        shown_line(text)
    }
}
