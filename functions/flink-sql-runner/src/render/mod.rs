//! Text for people: colours, times, columns, differences, diagnostics.
//! Must not know where text goes; colours are taken out on the way where nobody sees them.

pub(crate) mod change;
pub(crate) mod diagnostics;
pub(crate) mod measured;
pub(crate) mod table;

use std::time::Duration;

pub(crate) use desired::printable::{count, printable, printable_lines};
pub(crate) use desired::time_span::shown as span;

/// A colour that helps a reader; the symbol beside it carries the meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Something comes.
    Green,
    /// Something is lost or wrong.
    Red,
    /// Something changes.
    Yellow,
    /// A way out.
    Cyan,
}

/// The text in a colour.
pub(crate) fn paint(colour: Colour, text: &str) -> String {
    let code = match colour {
        Colour::Red => 31,
        Colour::Green => 32,
        Colour::Yellow => 33,
        Colour::Cyan => 36,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// A text from outside, each line after the first this far to the right.
pub(crate) fn indented(text: &str, blanks: usize) -> String {
    printable_lines(text).replace('\n', &format!("\n{}", " ".repeat(blanks)))
}

/// A number of bytes, as exact as a person wants it.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if number < 1000 {
        return format!("{number} B");
    }
    let (mut tenths, mut unit) = (number / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if tenths < 100 { format!("{}.{} {unit}", tenths / 10, tenths % 10) } else { format!("{} {unit}", tenths / 10) }
}

/// How long ago `then` was.
pub(crate) fn ago(now: jiff::Timestamp, then: jiff::Timestamp) -> String {
    span(Duration::try_from(now.duration_since(then)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let shown = [0, 999, 1000, 9_949, 12_345, 999_999, 1_000_000, 48_300_000_000, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "9.9 kB", "12 kB", "999 kB", "1.0 MB", "48 GB", "18446744 TB"]);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\r\nc\u{7}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}");
    }
}
