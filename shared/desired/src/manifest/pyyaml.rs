//! YAML as `PyYAML`'s `yaml.dump` writes it: block mappings, sorted by the caller, lines folded at 80.
//! Must not know manifests: it is given scalars and two levels of mappings.
//!
//! The state (`column`, `whitespace`, `indention`) and the order of tests are `PyYAML`'s own: where a
//! line is broken depends on all three, and a deployed manifest must come out byte for byte.

use super::scalar::{ScalarKind, kind_of_plain};

const BEST_WIDTH: usize = 80;
const INDENT: usize = 2;
/// `PyYAML` counts a key's tag, `!!str`, into the 128 characters that a simple key may have.
const MAX_SIMPLE_KEY: usize = 128 - "!!str".len();

/// A value to write.
pub(crate) enum Scalar {
    /// Text, quoted if it would be read as something else.
    Text(String),
    /// A number, boolean or null: written as it is.
    Plain(String),
}

impl Scalar {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
}

/// Writes one document, a mapping.
pub(crate) struct Writer {
    out: String,
    column: usize,
    /// The mapping's indentation.
    indent: usize,
    /// Whether the last character written was a space, or may do as one.
    whitespace: bool,
    /// Whether nothing but indentation and indicators stands on the line.
    indention: bool,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { out: String::new(), column: 0, indent: 0, whitespace: true, indention: true }
    }

    /// `key: value`
    pub(crate) fn entry(&mut self, key: &str, value: &Scalar) {
        self.key(key);
        let (text, style) = match value {
            Scalar::Text(text) => (text, style_of(text, false)),
            Scalar::Plain(text) => (text, Style::Plain),
        };
        self.scalar(text, style, true);
    }

    /// `key:` and the entries under it, `{}` if there are none.
    pub(crate) fn map(&mut self, key: &str, entries: &[(&str, Scalar)]) {
        self.key(key);
        if entries.is_empty() {
            self.indicator("{}", true, false);
            return;
        }
        self.indent += INDENT;
        for (key, value) in entries {
            self.entry(key, value);
        }
        self.indent -= INDENT;
    }

    pub(crate) fn finish(mut self) -> String {
        self.new_line(0);
        self.out
    }

    fn key(&mut self, key: &str) {
        self.new_line(self.indent);
        let simple = !key.is_empty() && !key.contains('\n') && key.chars().count() < MAX_SIMPLE_KEY;
        if simple && !has_break(key) {
            self.scalar(key, style_of(key, true), false);
            self.indicator(":", false, false);
        } else {
            self.indicator("?", true, true);
            self.scalar(key, style_of(key, false), true);
            self.new_line(self.indent);
            self.indicator(":", true, true);
        }
    }

    /// A scalar, whose own lines are indented one step more than its mapping's.
    fn scalar(&mut self, text: &str, style: Style, split: bool) {
        let characters: Vec<char> = text.chars().collect();
        let indent = self.indent + INDENT;
        match style {
            Style::Plain => self.plain(&characters, indent, split),
            Style::Single => self.single_quoted(&characters, indent, split),
            Style::Double => self.double_quoted(&characters, indent, split),
        }
    }

    fn write(&mut self, text: &[char]) {
        self.out.extend(text);
        self.column += text.len();
    }

    fn indicator(&mut self, text: &str, needs_whitespace: bool, indention: bool) {
        if needs_whitespace && !self.whitespace {
            self.write(&[' ']);
        }
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention = self.indention && indention;
    }

    /// On to `indent` on a fresh line, unless the line is fresh already.
    fn new_line(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        if self.column < indent {
            self.whitespace = true;
            self.out.extend(std::iter::repeat_n(' ', indent - self.column));
            self.column = indent;
        }
    }

    fn line_break(&mut self) {
        self.whitespace = true;
        self.indention = true;
        self.column = 0;
        self.out.push('\n');
    }

    fn plain(&mut self, text: &[char], indent: usize, split: bool) {
        if text.is_empty() {
            return;
        }
        if !self.whitespace {
            self.write(&[' ']);
        }
        self.whitespace = false;
        self.indention = false;
        for (start, end, spaces) in runs(text) {
            if spaces && end - start == 1 && self.column > BEST_WIDTH && split {
                self.new_line(indent);
                self.whitespace = false;
                self.indention = false;
            } else {
                self.write(&text[start..end]);
            }
        }
    }

    fn single_quoted(&mut self, text: &[char], indent: usize, split: bool) {
        self.indicator("'", true, false);
        for (start, end, spaces) in runs(text) {
            let run = &text[start..end];
            if spaces {
                let inside = start != 0 && end != text.len();
                if run.len() == 1 && self.column > BEST_WIDTH && split && inside {
                    self.new_line(indent);
                } else {
                    self.write(run);
                }
            } else if run.first() == Some(&'\n') {
                // One break would be read as a space.
                self.line_break();
                for _ in run {
                    self.line_break();
                }
                self.new_line(indent);
            } else {
                for &character in run {
                    self.write(if character == '\'' { &['\'', '\''] } else { std::slice::from_ref(&character) });
                }
            }
        }
        self.indicator("'", false, false);
    }

    fn double_quoted(&mut self, text: &[char], indent: usize, split: bool) {
        self.indicator("\"", true, false);
        let mut start = 0;
        for end in 0..=text.len() {
            let character = text.get(end).copied();
            let literal = character.is_some_and(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'));
            if !literal {
                if start < end {
                    self.write(&text[start..end]);
                    start = end;
                }
                if let Some(character) = character {
                    let escape: Vec<char> = escape(character).chars().collect();
                    self.write(&escape);
                    start = end + 1;
                }
            }
            let inside = 0 < end && end + 1 < text.len();
            let pending = end.saturating_sub(start);
            // Python counts what is pending below zero right after an escape.
            let width = self.column + pending - usize::from(start > end);
            if inside && (character == Some(' ') || start >= end) && width > BEST_WIDTH && split {
                if start < end {
                    self.write(&text[start..end]);
                    start = end;
                }
                self.write(&['\\']);
                self.new_line(indent);
                self.whitespace = false;
                self.indention = false;
                if text.get(start) == Some(&' ') {
                    self.write(&['\\']);
                }
            }
        }
        self.indicator("\"", false, false);
    }
}

/// What `PyYAML` takes for a line break.
fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn has_break(text: &str) -> bool {
    text.chars().any(is_break)
}

/// Runs of spaces, of breaks and of anything else: (start, end, whether of spaces).
fn runs(text: &[char]) -> impl Iterator<Item = (usize, usize, bool)> {
    let class = |c: char| if c == ' ' { 0 } else { 1 + u8::from(c == '\n') };
    let mut start = 0;
    text.chunk_by(move |&a, &b| class(a) == class(b)).map(move |run| {
        let from = start;
        start += run.len();
        (from, start, run.first() == Some(&' '))
    })
}

fn escape(character: char) -> String {
    let short = match character {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(character);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

/// The plainest style that reads back as this text.
fn style_of(text: &str, is_key: bool) -> Style {
    if text.is_empty() {
        return Style::Single;
    }
    let reads_as_text = kind_of_plain(text) == ScalarKind::String && !matches!(text, "=" | "<<");
    let analysis = analyze(text);
    if reads_as_text && analysis.plain {
        Style::Plain
    } else if analysis.single_quoted && !(is_key && has_break(text)) {
        Style::Single
    } else {
        Style::Double
    }
}

/// Which styles can hold a text.
struct Analysis {
    plain: bool,
    single_quoted: bool,
}

fn analyze(text: &str) -> Analysis {
    let characters: Vec<char> = text.chars().collect();
    let blank_at =
        |index: usize| characters.get(index).is_none_or(|&c| matches!(c, '\0' | ' ' | '\t' | '\r') || is_break(c));
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let mut breaks = false;
    let mut special = false;
    let mut break_space = false;
    let mut space_break = false;
    let mut previous = None;
    for (index, &character) in characters.iter().enumerate() {
        let followed_by_blank = blank_at(index + 1);
        indicators |= match character {
            '#' => index == 0 || blank_at(index - 1),
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => index == 0,
            '?' | '-' => index == 0 && followed_by_blank,
            ':' => followed_by_blank,
            _ => false,
        };
        breaks |= is_break(character);
        special |= character != '\n' && !matches!(character, ' '..='~');
        break_space |= character == ' ' && previous.is_some_and(is_break);
        space_break |= is_break(character) && previous == Some(' ');
        previous = Some(character);
    }
    let outer = |c: Option<&char>| c.is_some_and(|&c| c == ' ' || is_break(c));
    let padded = outer(characters.first()) || outer(characters.last());
    let single_quoted = !(break_space || space_break || special);
    Analysis { plain: single_quoted && !padded && !breaks && !indicators, single_quoted }
}
