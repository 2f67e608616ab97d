//! The fields that differ: one line each, texts of several lines as a difference by lines.
//! Must not know what the change leads to.

use std::fmt::Write as _;

use lifecycle::change::{ChangeKind, Difference};
use similar::{ChangeTag, TextDiff};

use super::{Colour, indented, paint, printable};

/// The most lines of one text that are shown.
const MAX_LINES: usize = 40;

/// The kind of a change as people read it: what is unchanged and acted upon all the same is a restart.
pub(crate) fn kind(kind: ChangeKind) -> String {
    match kind {
        ChangeKind::Unchanged => "restart".to_owned(),
        ChangeKind::New | ChangeKind::Configuration | ChangeKind::Query | ChangeKind::Removed => kind.to_string(),
    }
}

/// The differences, one block per field, indented under their job.
pub(crate) fn differences(found: &[Difference]) -> String {
    found.iter().map(one).collect()
}

fn one(difference: &Difference) -> String {
    let field = printable(&difference.field);
    match (&difference.before, &difference.after) {
        (None, Some(after)) if field == "table definitions" => format!("      {field}: {}\n", indented(after, 8)),
        (Some(before), Some(after)) if is_text(before) || is_text(after) => {
            format!("      {field}:\n{}", by_lines(before, after))
        }
        (before, after) => {
            let shown = |value: &Option<String>| {
                value.as_deref().map_or_else(|| "(not set)".to_owned(), |it| printable(it.trim_end()))
            };
            format!("      {field}: {} -> {}\n", shown(before), shown(after))
        }
    }
}

/// Worth a difference by lines.
fn is_text(value: &str) -> bool {
    value.trim_end().contains('\n') || value.chars().count() > 60
}

fn by_lines(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before.trim_end(), after.trim_end());
    let changed: Vec<String> = diff
        .iter_all_changes()
        .filter_map(|change| {
            let line = printable(change.value().trim_end_matches(['\n', '\r']));
            match change.tag() {
                ChangeTag::Equal => None,
                ChangeTag::Delete => Some(paint(Colour::Red, &format!("      -   {line}"))),
                ChangeTag::Insert => Some(paint(Colour::Green, &format!("      +   {line}"))),
            }
        })
        .collect();
    let mut text = String::new();
    for line in changed.iter().take(MAX_LINES) {
        let _ = writeln!(text, "{line}");
    }
    if changed.len() > MAX_LINES {
        let _ = writeln!(text, "      … {} lines more", changed.len() - MAX_LINES);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(field: &str, before: Option<&str>, after: Option<&str>) -> Difference {
        Difference { field: field.to_owned(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    #[test]
    fn values_in_a_line_and_texts_by_lines() {
        let text = differences(&[
            difference("flinkProperties.parallelism.default", Some("2"), Some("4")),
            difference("flinkProperties.x", None, Some("a\x1b[2J")),
            difference("table definitions", None, Some("`orders`: 'topic' changed")),
            difference("sql", Some("SELECT *\nFROM a\nWHERE x > 0\n"), Some("SELECT *\nFROM a\nWHERE x > 10")),
        ]);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @r"
              flinkProperties.parallelism.default: 2 -> 4
              flinkProperties.x: (not set) -> a�[2J
              table definitions: `orders`: 'topic' changed
              sql:
              -   WHERE x > 0
              +   WHERE x > 10
        ");
    }
}
