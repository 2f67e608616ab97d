//! From a position in a text to its line and column, and back: the one owner of this rule.
//! Must not know what the text says, nor which file it comes from.

/// A line and a column, both from 1. Columns are counted in characters; a tab is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// Where a line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineStart {
    /// Counted in characters, from 0.
    pub(crate) character: usize,
    /// Counted in bytes, from 0.
    pub(crate) byte: usize,
}

/// Whether a line ends with this character: `\n`, `\r\n` and a lone `\r` are one line break each.
pub(crate) fn ends_line(character: char, next: Option<char>) -> bool {
    character == '\n' || character == '\r' && next != Some('\n')
}

/// Where each line begins; the first one always does.
pub(crate) fn line_starts(text: &str) -> impl Iterator<Item = LineStart> {
    let next = |byte: usize| text.get(byte..).and_then(|rest| rest.chars().next());
    let breaks = text.char_indices().enumerate().filter_map(move |(character, (byte, found))| {
        let after = byte + found.len_utf8();
        ends_line(found, next(after)).then_some(LineStart { character: character + 1, byte: after })
    });
    std::iter::once(LineStart { character: 0, byte: 0 }).chain(breaks)
}

/// The place of a byte: of the character that it is part of; past the end, the place behind the last character.
pub(crate) fn place_of(text: &str, byte: usize) -> Place {
    let (line, row) = up_to(text, byte);
    Place { line, column: number(row.chars().count() + 1) }
}

/// The same as Java counts columns: in UTF-16 units.
pub(crate) fn java_place_of(text: &str, byte: usize) -> Place {
    let (line, row) = up_to(text, byte);
    Place { line, column: number(row.encode_utf16().count() + 1) }
}

/// The byte of a place as Java counts it; the end of its line or text if that is shorter.
pub(crate) fn byte_of_java(text: &str, place: Place) -> Option<usize> {
    let above = usize::try_from(place.line.checked_sub(1)?).ok()?;
    let start = line_starts(text).nth(above)?.byte;
    let mut units = usize::try_from(place.column.checked_sub(1)?).ok()?;
    let row = text.get(start..)?;
    for (offset, character) in row.char_indices() {
        let next = row.get(offset + character.len_utf8()..).and_then(|rest| rest.chars().next());
        if units == 0 || ends_line(character, next) {
            return Some(start + offset);
        }
        units = units.saturating_sub(character.len_utf16());
    }
    Some(text.len())
}

/// The line that a byte is on, without its line break.
pub(crate) fn row_of(text: &str, byte: usize) -> &str {
    let rest = text.get(line_of(text, byte).1.byte..).unwrap_or_default();
    rest.split(['\n', '\r']).next().unwrap_or_default()
}

/// What stands on a line before a column.
pub(crate) fn before_column(row: &str, column: u32) -> &str {
    let before = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    row.char_indices().nth(before).map_or(row, |(end, _)| &row[..end])
}

/// A count as a line or a column.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The number of the line that a byte is on, and what stands on it before the byte's character.
fn up_to(text: &str, byte: usize) -> (u32, &str) {
    let end = text.floor_char_boundary(byte);
    let (line, start) = line_of(text, end);
    (number(line), text.get(start.byte..end).unwrap_or_default())
}

fn line_of(text: &str, byte: usize) -> (usize, LineStart) {
    let starts = (1..).zip(line_starts(text)).take_while(|(_, start)| start.byte <= byte);
    starts.last().unwrap_or((1, LineStart { character: 0, byte: 0 }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str, byte: usize) -> (u32, u32) {
        let Place { line, column } = place_of(text, byte);
        (line, column)
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        for (text, byte, expected, what) in [
            ("", 0, (1, 1), "nothing"),
            ("ab\ncd", 0, (1, 1), "the first byte"),
            ("ab\ncd", 2, (1, 3), "a line break ends its own line"),
            ("ab\ncd", 4, (2, 2), "the second line"),
            ("ab\r\ncd", 3, (1, 4), "inside of a line break of two characters"),
            ("ab\r\ncd", 4, (2, 1), "after it"),
            ("ab\rcd", 3, (2, 1), "after a lone carriage return"),
            ("a\n\n\nb", 4, (4, 1), "empty lines"),
            ("\t\tx", 2, (1, 3), "a tab is one column"),
            ("äöx", 4, (1, 3), "characters, not bytes"),
            ("äö", 1, (1, 1), "inside of a character"),
            ("😀x", 4, (1, 2), "one character, two units of UTF-16"),
            ("ab\nc", 4, (2, 2), "the end"),
            ("ab\nc", 99, (2, 2), "past the end"),
            ("ab\n", 99, (2, 1), "past a line break at the end"),
        ] {
            assert_eq!(at(text, byte), expected, "{what}");
        }
    }

    #[test]
    fn the_line_is_shown_without_its_line_break() {
        assert_eq!(row_of("ab\r\ncd\r\nef", 5), "cd");
        assert_eq!(row_of("ab\rcd", 4), "cd");
        assert_eq!((row_of("ab\n", 99), row_of("", 0)), ("", ""));
    }

    #[test]
    fn what_stands_before_a_column() {
        for (column, before) in [(0, ""), (1, ""), (2, "ä"), (3, "äb"), (9, "äb")] {
            assert_eq!(before_column("äb", column), before, "{column}");
        }
    }

    #[test]
    fn java_counts_units_of_utf_16() {
        assert_eq!(java_place_of("a😀x", 5), Place { line: 1, column: 4 });
        assert_eq!(byte_of_java("a😀x", Place { line: 1, column: 4 }), Some(5));
        assert_eq!(byte_of_java("ab\ncd", Place { line: 1, column: 9 }), Some(2), "the end of the line");
        assert_eq!(byte_of_java("ab\rcd", Place { line: 1, column: 9 }), Some(2), "of any line");
        assert_eq!(byte_of_java("ab\ncd", Place { line: 2, column: 9 }), Some(5), "the end of the text");
        for (line, column) in [(0, 1), (1, 0), (3, 1)] {
            assert_eq!(byte_of_java("ab\ncd", Place { line, column }), None, "{line}:{column}");
        }
    }

    proptest! {
        #[test]
        fn every_character_is_found_again(text in "[a\t\r\nä😀]{0,12}") {
            for (byte, _) in text.char_indices() {
                prop_assert_eq!(byte_of_java(&text, java_place_of(&text, byte)), Some(byte));
            }
        }
    }
}
