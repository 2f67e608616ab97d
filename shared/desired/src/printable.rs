//! Texts from elsewhere made fit for people: nothing that steers a terminal, no endless length.
//! Must not know who said them or who reads them.

/// `text` with a space for every character that moves a cursor, colours a terminal or turns the writing direction.
pub fn readable(text: &str) -> String {
    text.chars().map(|c| if unprintable(c) { ' ' } else { c }).collect()
}

/// The same, but line breaks are kept.
pub fn readable_lines(text: &str) -> String {
    text.chars().map(|c| if c != '\n' && unprintable(c) { ' ' } else { c }).collect()
}

/// At most `limit` bytes of `text`, and a sign if that is not all.
pub fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    format!("{} …", &text[..text.floor_char_boundary(limit)])
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
        assert_eq!(cut("aäb", 2), "a …");
    }
}
