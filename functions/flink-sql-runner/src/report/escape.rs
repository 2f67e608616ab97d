//! Texts from outside as texts of a page: nothing in them is markup.
//! Must not know what a text is about.

use crate::render::printable;

/// A text from outside, as the text of an element.
pub(super) fn escaped(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, character) in printable(text).chars().enumerate() {
        if at == most {
            shown.push('…');
            break;
        }
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            other => shown.push(other),
        }
    }
    shown
}
