//! Texts from elsewhere made fit for people: nothing in them steers a terminal.
//! Must not know who said them or who reads them.

/// `text` on one line, with a sign for every character that moves a cursor, colours a terminal or turns the writing
/// direction: whoever reads it sees that something was there.
pub fn printable(text: &str) -> String {
    without(text, &[], '\u{fffd}')
}

/// The same for a line of a file, whose tabs are kept.
pub fn printable_line(text: &str) -> String {
    without(text, &['\t'], '\u{fffd}')
}

/// The same for several lines.
pub fn printable_lines(text: &str) -> String {
    text.lines().map(printable_line).collect::<Vec<_>>().join("\n")
}

/// `text` on one line with spaces instead: for what others wrote in several lines.
pub fn readable(text: &str) -> String {
    without(text, &[], ' ')
}

/// The same, but line breaks are kept.
pub fn readable_lines(text: &str) -> String {
    without(text, &['\n'], ' ')
}

fn without(text: &str, kept: &[char], sign: char) -> String {
    text.chars().map(|c| if unprintable(c) && !kept.contains(&c) { sign } else { c }).collect()
}

/// The first `limit` characters of `text`, and a sign if that is not all. To cut what is cut changes nothing.
pub fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `1 job`, `2 jobs`.
pub fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        assert_eq!(readable("a\u{1b}[31mb\r\nc\u{202e}d"), "a [31mb  c d");
        assert_eq!(readable_lines("a\u{1b}\nb"), "a \nb");
        assert_eq!(printable("a\u{1b}\tb\u{202e}"), "a\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(printable_lines("a\u{1b}\tb\nc"), "a\u{fffd}\tb\nc");
    }

    #[test]
    fn what_is_left_out_leaves_a_sign() {
        for (text, limit, shown) in [("aäb", 3, "aäb"), ("aäb", 2, "aä…"), ("aä", 0, "…"), ("", 0, "")] {
            let once = cut(text, limit);
            assert_eq!(once, shown);
            assert_eq!(cut(&once, limit), once, "cut twice");
        }
    }
}
