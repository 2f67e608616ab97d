//! Where a manifest's texts stand in the files that people wrote, as a plan carries it: what Flink finds in a text is told
//! in the file. Must not know YAML or SQL. Bounded: a text of very many lines is known up to a point.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostics::Span;

/// The most options whose places are noted.
pub(crate) const MAX_OPTIONS: usize = 200;
/// The most stretches of one text that are noted.
const MAX_RUNS: usize = 2_000;

/// Where the texts of a manifest stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WrittenTexts {
    /// The query or the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<WrittenText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<WrittenText>,
    /// Flink's options by their keys, in the spelling of the file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, WrittenOption>,
}

/// Where one option's value stands, in a manifest or its template.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WrittenOption {
    /// The file's key or path.
    pub file: String,
    pub span: Span,
    /// Its line, unless that is very long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_line: Option<String>,
}

/// Where one text stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WrittenText {
    /// The file's key or path.
    pub file: String,
    /// What stands before the text on its first line: `sql: `.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub head: String,
    /// Its stretches, in their order.
    pub runs: Vec<Run>,
}

/// A stretch of a text that stands on one line of the file as it is: up to where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "(u32, u32, u32)", into = "(u32, u32, u32)")]
pub struct Run {
    /// Its first character in the text, from 0.
    pub at: u32,
    /// Its line, from 1; 0 where it is not known.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
}

impl From<(u32, u32, u32)> for Run {
    fn from((at, line, column): (u32, u32, u32)) -> Self {
        Self { at, line, column }
    }
}

impl From<Run> for (u32, u32, u32) {
    fn from(run: Run) -> Self {
        (run.at, run.line, run.column)
    }
}

impl WrittenText {
    /// Notes where one more stretch begins; false once no more are noted.
    pub(crate) fn push(&mut self, run: Run) -> bool {
        if self.runs.len() < MAX_RUNS {
            self.runs.push(run);
            return true;
        }
        self.runs.push(Run { at: run.at, line: 0, column: 0 });
        false
    }

    /// The line and the column of a character of the text.
    pub fn place(&self, character: u32) -> Option<(u32, u32)> {
        let run = self.runs.get(self.run_of(character)?)?;
        (run.line > 0).then(|| (run.line, run.column.saturating_add(character.saturating_sub(run.at))))
    }

    /// How many of these characters stand side by side.
    pub(crate) fn length(&self, first: u32, length: u32) -> u32 {
        let next = self.run_of(first).and_then(|index| self.runs.get(index + 1));
        next.map_or(length, |next| length.min(next.at.saturating_sub(first))).max(1)
    }

    /// The line that a character stands on, put together from the text.
    pub(crate) fn line_of(&self, text: &str, character: u32) -> Option<String> {
        let index = self.run_of(character)?;
        let line = self.runs.get(index).map(|run| run.line).filter(|line| *line > 0)?;
        let first = self.runs.iter().position(|run| run.line == line)?;
        let mut shown = if first == 0 { self.head.clone() } else { String::new() };
        let mut length = shown.chars().count();
        let mut characters = text.chars().skip(usize::try_from(self.runs.get(first)?.at).ok()?);
        for (run, next) in self.runs.iter().skip(first).zip(self.runs.iter().skip(first + 1).map(Some).chain([None])) {
            if run.line != line {
                break;
            }
            let column = usize::try_from(run.column).ok()?;
            while length + 1 < column {
                shown.push(' ');
                length += 1;
            }
            let most = next.map_or(usize::MAX, |next| usize::try_from(next.at.saturating_sub(run.at)).unwrap_or(0));
            let part: String = characters.by_ref().take(most).collect();
            let part = part.split(['\n', '\r']).next().unwrap_or_default();
            length += part.chars().count();
            shown.push_str(part);
        }
        Some(shown.trim_end().to_owned())
    }

    fn run_of(&self, character: u32) -> Option<usize> {
        self.runs.partition_point(|run| run.at <= character).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_very_many_lines_is_known_up_to_a_point() {
        let mut text = WrittenText::default();
        let mut noted = 0;
        while text.push(Run { at: noted, line: noted + 1, column: 3 }) {
            noted += 1;
        }
        assert_eq!(text.place(noted - 1), Some((noted, 3)));
        assert_eq!(text.place(noted + 7), None);
        assert!(serde_json::to_string(&text).unwrap().len() < 64 * 1024);
    }
}
