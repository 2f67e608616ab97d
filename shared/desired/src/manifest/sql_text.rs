//! The way from a place in a text of SQL to its place in the YAML that it was written in, whatever the style.
//! Must not know more of a query than where its comments are.

use std::ops;

use super::source::{Range, SourceText};
use super::wire::Given;
use crate::sql::line_comments;
use crate::written::{Run, WrittenText};

/// How a text is written in YAML.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    /// `|` or `>`.
    Block,
    /// `*name`: the text is somewhere else.
    Alias,
}

/// A text of SQL and the file that it stands in.
pub(crate) struct SqlText<'s> {
    value: &'s str,
    at: Range,
    source: &'s SourceText<'s>,
    style: Style,
    /// Where each character of the text stands; empty where that cannot be told.
    places: Vec<usize>,
    /// Where each character of the text begins in it.
    starts: Vec<usize>,
}

impl<'s> SqlText<'s> {
    /// The text that a field gives.
    pub(crate) fn of(given: &'s Given<'s, String>) -> Self {
        let (value, at, source) = (given.value.as_str(), given.at, given.source);
        let style = match source.text().chars().nth(at.start) {
            Some('\'') => Style::Single,
            Some('"') => Style::Double,
            Some('|' | '>') => Style::Block,
            Some('*') => Style::Alias,
            Some(_) | None => Style::Plain,
        };
        let places = places(source.text(), at, style, value).unwrap_or_default();
        Self { value, at, source, style, places, starts: starts(value) }
    }

    /// Where some bytes of the text stand in the file; the whole field where that cannot be told.
    pub(crate) fn range(&self, bytes: &ops::Range<usize>) -> Range {
        let character = |byte: usize| self.starts.partition_point(|start| *start < byte);
        let (first, end) = (character(bytes.start), character(bytes.end));
        let last = end.saturating_sub(1).max(first);
        match (self.places.get(first), self.places.get(last).or(self.places.last())) {
            (Some(&start), Some(&last)) => Range { start, end: last + 1 },
            // The end of the text.
            (None, Some(&last)) => Range { start: last, end: last + 1 },
            (_, None) => self.at,
        }
    }

    /// Where each stretch of the text stands; the whole field where that cannot be told.
    pub(crate) fn written(&self) -> WrittenText {
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let run = |at: usize, character: usize| {
            let (line, column) = self.source.place(character);
            Run { at: number(at), line, column }
        };
        let (file, head) = (self.source.name().to_owned(), self.source.before(self.places.first().copied()));
        let mut written = WrittenText { file, head, runs: Vec::new() };
        if self.places.is_empty() {
            written.push(run(0, self.at.start));
            written.push(Run { at: 1, line: 0, column: 0 });
            return written;
        }
        let mut last = None;
        for (at, (character, &place)) in self.value.chars().zip(&self.places).enumerate() {
            // White space points at what follows it, and may stand elsewhere.
            if character.is_whitespace() && at > 0 || last == Some(place.wrapping_sub(at)) {
                continue;
            }
            last = Some(place.wrapping_sub(at));
            if !written.push(run(at, place)) {
                break;
            }
        }
        written
    }

    /// Whether ` #` ends the text on its line: for YAML what follows is a comment.
    pub(crate) fn ends_before_a_yaml_comment(&self) -> bool {
        let mut after = self.source.text().chars().skip(self.at.end).skip_while(|c| matches!(c, ' ' | '\t'));
        self.style == Style::Plain && after.next() == Some('#')
    }

    /// The first comment that goes on over a line break which YAML folds into a space, and what it swallows.
    pub(crate) fn swallowing_comment(&self) -> Option<(ops::Range<usize>, String)> {
        if self.places.is_empty() {
            return None;
        }
        let file = starts(self.source.text());
        let byte = |character: usize| file.get(character).copied().unwrap_or(self.source.text().len());
        let swallowed = |comment: &ops::Range<usize>| {
            let Range { start, end } = self.range(comment);
            Self::swallowed(self.source.text().get(byte(start)..byte(end))?)
        };
        line_comments(self.value).into_iter().find_map(|comment| Some((comment.clone(), swallowed(&comment)?)))
    }

    fn swallowed(written: &str) -> Option<String> {
        let lines = written.split(['\n', '\r']).skip(1).map(str::trim);
        let is_comment = |line: &str| line.is_empty() || line.starts_with("--") || line.starts_with("//");
        lines.filter(|line| !is_comment(line)).map(str::to_owned).next()
    }
}

/// The byte at which each character begins: problems and comments may be many, and each is looked up.
fn starts(text: &str) -> Vec<usize> {
    text.char_indices().map(|(byte, _)| byte).collect()
}

/// For each character of the text the one in the file that it comes from; `None` if they do not fit.
///
/// What is no white space stands in both in the same order: YAML moves, adds and drops white space alone.
fn places(file: &str, at: Range, style: Style, value: &str) -> Option<Vec<usize>> {
    let mut written = Written { characters: file.chars(), index: 0, end: at.end, style };
    written.skip_to(at.start);
    match style {
        Style::Alias => return None,
        Style::Block => while written.next_raw()? != '\n' {},
        Style::Single | Style::Double => written.skip_to(at.start + 1),
        Style::Plain => {}
    }
    let mut places = Vec::with_capacity(value.len());
    let mut spaces = 0;
    for character in value.chars() {
        if character.is_whitespace() {
            spaces += 1;
            continue;
        }
        let (index, found) = written.next()?;
        if found != character {
            return None;
        }
        // White space points at what follows it.
        places.extend(std::iter::repeat_n(index, spaces + 1));
        spaces = 0;
    }
    let last = places.last().copied()?;
    places.extend(std::iter::repeat_n(last, spaces));
    Some(places)
}

/// The characters of a scalar as they are written.
struct Written<'a> {
    characters: std::str::Chars<'a>,
    index: usize,
    end: usize,
    style: Style,
}

impl Written<'_> {
    fn skip_to(&mut self, index: usize) {
        while self.index < index && self.characters.next().is_some() {
            self.index += 1;
        }
    }

    fn next_raw(&mut self) -> Option<char> {
        let next = self.characters.next().filter(|_| self.index < self.end)?;
        self.index += 1;
        Some(next)
    }

    /// The next character that is no white space, and where it begins.
    fn next(&mut self) -> Option<(usize, char)> {
        loop {
            let index = self.index;
            let raw = self.next_raw()?;
            let character = match (self.style, raw) {
                (Style::Single, '\'') => self.next_raw()?,
                (Style::Double, '\\') => self.escaped()?,
                (Style::Plain | Style::Single | Style::Double | Style::Block | Style::Alias, raw) => raw,
            };
            if !character.is_whitespace() {
                return Some((index, character));
            }
        }
    }

    /// What an escape in double quotes means.
    fn escaped(&mut self) -> Option<char> {
        let digits = match self.next_raw()? {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0' => return Some('\0'),
            'a' => return Some('\u{7}'),
            'b' => return Some('\u{8}'),
            'e' => return Some('\u{1b}'),
            // White space, all of it.
            't' | 'n' | 'v' | 'f' | 'r' | 'N' | '_' | 'L' | 'P' => return Some(' '),
            other => return Some(other),
        };
        let mut code = 0;
        for _ in 0..digits {
            code = code * 16 + self.next_raw()?.to_digit(16)?;
        }
        char::from_u32(code)
    }
}
