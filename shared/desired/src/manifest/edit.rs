//! Setting `state` in the text of a manifest: the least edit, everything else kept byte for byte.
//! Must not know what follows from a state, nor where the file is stored.

use super::operating::WantedState;
use super::source::{Range, SourceText};
use super::tree::{self, Entry, Node, Value};
use super::{JobName, fill_in_template};
use crate::diagnostics::{Diagnostic, SourceFile};

const FIELD: &str = "state";
/// The fields that `state` is written behind, the first one that is there.
const BEFORE: [&str; 2] = ["owner", "name"];

/// Why `state` is not set.
#[derive(Debug, thiserror::Error)]
pub enum NotEdited {
    /// The file has an error.
    #[error("{0}")]
    Broken(Box<Diagnostic>),
    /// Another edit than the one that is wanted would come of it.
    #[error("`state` cannot be set without touching more of the file")]
    ByHand,
}

/// The state that a file says itself; nothing if it says none, or cannot be read.
pub fn stated(file: &SourceFile) -> Option<WantedState> {
    let source = SourceText::open(file).ok()?;
    said(&entries_of(&source).ok()?)
}

/// The state that the job template gives a job of this name; nothing if it says none, or cannot be read.
pub fn stated_by_template(template: &SourceFile, name: &JobName) -> Option<WantedState> {
    let source = fill_in_template(template, name).ok()?;
    said(&entries_of(&source).ok()?)
}

/// The file with its `state` set: its value replaced where the field is there, else a line more behind the owner or the
/// name. Quotes, comments, order and line breaks stay as they are.
pub fn with_state(file: &SourceFile, state: WantedState) -> Result<String, NotEdited> {
    let source = SourceText::open(file).map_err(NotEdited::Broken)?;
    let entries = entries_of(&source).map_err(NotEdited::Broken)?;
    let text = source.text();
    let edited = match entries.iter().find(|entry| entry.key == FIELD) {
        Some(entry) => replaced(text, entry, state),
        None => inserted(text, &entries, state),
    };
    // Some files begin with a mark of their encoding.
    let mark = if file.bytes.starts_with("\u{feff}".as_bytes()) { "\u{feff}" } else { "" };
    let edited = format!("{mark}{}", edited.ok_or(NotEdited::ByHand)?);
    if is_that_edit(&entries, &SourceFile::new(file.name.as_str(), edited.as_str()), state) {
        Ok(edited)
    } else {
        Err(NotEdited::ByHand)
    }
}

/// The entries at the top of a file without errors of syntax.
fn entries_of(source: &SourceText<'_>) -> Result<Vec<Entry>, Box<Diagnostic>> {
    let mut findings = Vec::new();
    let root = tree::read(source, &mut findings)?;
    if let Some(error) = findings.into_iter().find(Diagnostic::is_error) {
        return Err(Box::new(error));
    }
    match root.map(|root| root.value) {
        Some(Value::Map(entries)) => Ok(entries),
        Some(Value::Scalar { .. } | Value::List(_)) | None => {
            let message = "this is no mapping of fields to values";
            Err(Box::new(source.error("wrong-type", Range::default(), message)))
        }
    }
}

fn said(entries: &[Entry]) -> Option<WantedState> {
    let text = match &entries.iter().find(|entry| entry.key == FIELD)?.value.value {
        Value::Scalar { text, .. } => text.trim(),
        Value::List(_) | Value::Map(_) => return None,
    };
    WantedState::ALL.into_iter().find(|state| state.as_str() == text)
}

/// The value that stands there replaced, in the quotes that it has.
fn replaced(text: &str, entry: &Entry, state: WantedState) -> Option<String> {
    let (start, end) = (byte(text, entry.value.at.start)?, byte(text, entry.value.at.end)?);
    let written = text.get(start..end)?;
    let quote = written.chars().next().filter(|c| matches!(c, '"' | '\'')).map(String::from).unwrap_or_default();
    // Blanks behind a plain value are not its own.
    let end = start + written.trim_end().len();
    Some(format!("{}{quote}{}{quote}{}", text.get(..start)?, state.as_str(), text.get(end..)?))
}

/// One field more: a line of its own, or one entry more of a mapping in braces.
fn inserted(text: &str, entries: &[Entry], state: WantedState) -> Option<String> {
    let before = BEFORE.iter().find_map(|field| entries.iter().find(|entry| entry.key == *field))?;
    let start = byte(text, before.value.at.start)?;
    let end = start + text.get(start..byte(text, before.value.at.end)?)?.trim_end().len();
    let key = byte(text, before.key_at.start)?;
    let line = text.get(..key)?.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let indent = text.get(line..key)?;
    let (at, more) = if indent.chars().all(|c| c == ' ') {
        let rest = text.get(end..)?;
        let at = end + rest.find(['\n', '\r']).unwrap_or(rest.len());
        (at, format!("{}{indent}{FIELD}: {}", line_break(text), state.as_str()))
    } else {
        (end, format!(", {FIELD}: {}", state.as_str()))
    };
    Some(format!("{}{more}{}", text.get(..at)?, text.get(at..)?))
}

/// The line break of this file.
fn line_break(text: &str) -> &'static str {
    match text.find(['\n', '\r']).and_then(|at| text.get(at..)) {
        Some(rest) if rest.starts_with("\r\n") => "\r\n",
        Some(rest) if rest.starts_with('\r') => "\r",
        Some(_) | None => "\n",
    }
}

/// The byte that a character begins at.
fn byte(text: &str, character: usize) -> Option<usize> {
    let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.nth(character)
}

/// Whether the edited file says this state, and all else as before.
fn is_that_edit(before: &[Entry], edited: &SourceFile, state: WantedState) -> bool {
    let Ok(source) = SourceText::open(edited) else { return false };
    let Ok(after) = entries_of(&source) else { return false };
    let others = |entries: &[Entry]| entries.iter().filter(|it| it.key != FIELD).cloned().collect::<Vec<_>>();
    said(&after) == Some(state) && same_entries(&others(before), &others(&after))
}

fn same_entries(one: &[Entry], other: &[Entry]) -> bool {
    let same = |(one, other): (&Entry, &Entry)| one.key == other.key && same_value(&one.value, &other.value);
    one.len() == other.len() && one.iter().zip(other).all(same)
}

fn same_value(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar { text: a, kind: x }, Value::Scalar { text: b, kind: y }) => a == b && x == y,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b)),
        (Value::Map(a), Value::Map(b)) => same_entries(a, b),
        (Value::Scalar { .. } | Value::List(_) | Value::Map(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile::new("queries/a.yaml", text)
    }

    fn set(text: &str, state: WantedState) -> Option<String> {
        with_state(&file(text), state).ok()
    }

    #[test]
    fn a_value_is_replaced_and_all_else_kept_byte_for_byte() {
        for (before, after) in [
            ("name: a\nstate: running # why\nsql: x\n", "name: a\nstate: suspended # why\nsql: x\n"),
            ("state:   'running'   \r\nname: a\r\n", "state:   'suspended'   \r\nname: a\r\n"),
            ("name: a\n\"state\": \"running\"", "name: a\n\"state\": \"suspended\""),
            ("{name: a, state: running, sql: x}", "{name: a, state: suspended, sql: x}"),
            ("{name: a, state: running}\n", "{name: a, state: suspended}\n"),
            ("# ä\n---\nname: ö\nstate:\trunning\t# ü\n...\n", "# ä\n---\nname: ö\nstate:\tsuspended\t# ü\n...\n"),
            ("\u{feff}state: running\nname: a\n", "\u{feff}state: suspended\nname: a\n"),
            ("name: a\nstate: !!str running\n", "name: a\nstate: !!str suspended\n"),
            ("name: a\nstate: &s running\n", "name: a\nstate: &s suspended\n"),
            ("name: &n running\nstate: *n\n", "name: &n running\nstate: suspended\n"),
            ("name: a\nstate:\n  running\nsql: x\n", "name: a\nstate:\n  suspended\nsql: x\n"),
            ("name: a\nstate: sleeping\n", "name: a\nstate: suspended\n"),
            (
                "flinkProperties:\n  state: running\nstate: running",
                "flinkProperties:\n  state: running\nstate: suspended",
            ),
        ] {
            assert_eq!(set(before, WantedState::Suspended).as_deref(), Some(after), "{before:?}");
        }
        let suspended = "name: a\nstate: suspended\n";
        assert_eq!(set(suspended, WantedState::Running).as_deref(), Some("name: a\nstate: running\n"));
    }

    #[test]
    fn a_field_that_is_not_there_becomes_a_line_behind_owner_or_name() {
        for (before, after) in [
            ("name: a # mine\nsql: x\n", "name: a # mine\nstate: suspended\nsql: x\n"),
            ("name: a\nsql: x\nowner: 'b'\n", "name: a\nsql: x\nowner: 'b'\nstate: suspended\n"),
            ("name: a\r\n\r\n# next\r\nsql: x\r\n", "name: a\r\nstate: suspended\r\n\r\n# next\r\nsql: x\r\n"),
            ("name: a\rsql: x\r", "name: a\rstate: suspended\rsql: x\r"),
            ("sql: x\nname: a", "sql: x\nname: a\nstate: suspended"),
            ("  name: a\n  sql: x\n", "  name: a\n  state: suspended\n  sql: x\n"),
            ("---\n# top\nname: \"a\"\nsql: x\n", "---\n# top\nname: \"a\"\nstate: suspended\nsql: x\n"),
            ("\u{feff}name: a\nsql: x\n", "\u{feff}name: a\nstate: suspended\nsql: x\n"),
            ("{name: a, sql: x}", "{name: a, state: suspended, sql: x}"),
            ("{sql: x, name: a}\n", "{sql: x, name: a, state: suspended}\n"),
            ("name: |-\n  a\nsql: x\n", "name: |-\n  a\nstate: suspended\nsql: x\n"),
            ("name: a\nflinkProperties:\n  state: x\n", "name: a\nstate: suspended\nflinkProperties:\n  state: x\n"),
        ] {
            assert_eq!(set(before, WantedState::Suspended).as_deref(), Some(after), "{before:?}");
        }
    }

    #[test]
    fn what_cannot_be_set_alone_is_left_to_people() {
        for text in [
            // Whoever repeats the value would get another one too.
            "state: &s running\nname: *s\n",
            // What is merged in stands elsewhere.
            "<<: {state: running, owner: b}\nname: a\nflinkProperties: {x: 1}\n",
            // There is nothing to write it behind.
            "sql: x\n",
            "? name\n: a\n",
            "name: a\nstate:\nsql: x\n",
            "name: a\nstate: [running]\nsql: |\n  x\nstat: &x 1\n",
        ] {
            let edited = with_state(&file(text), WantedState::Suspended);
            let right = edited.as_ref().is_ok_and(|it| stated(&file(it)) == Some(WantedState::Suspended));
            assert!(matches!(edited, Err(NotEdited::ByHand)) || right, "{text:?}: {edited:?}");
        }
        assert!(matches!(
            with_state(&file("state: &s running\nname: *s\n"), WantedState::Suspended),
            Err(NotEdited::ByHand)
        ));
        assert!(matches!(with_state(&file("sql: x\n"), WantedState::Suspended), Err(NotEdited::ByHand)));
        for broken in
            ["name: a\nstate: running\nstate: running\n", "name: [", "- a\n", "", "a: 1\n---\nb: 2\n", "n: \0"]
        {
            let edited = with_state(&file(broken), WantedState::Suspended);
            assert!(matches!(edited, Err(NotEdited::Broken(_))), "{broken:?}: {edited:?}");
        }
    }

    #[test]
    fn a_state_is_read_where_it_is_said() {
        assert_eq!(stated(&file("name: a\nstate: ' suspended '\n")), Some(WantedState::Suspended));
        assert_eq!(stated(&file("name: a\nstate: running\n")), Some(WantedState::Running));
        for none in ["name: a\n", "state: [suspended]\n", "state: off\n", "name: ["] {
            assert_eq!(stated(&file(none)), None, "{none:?}");
        }
        let name = JobName::try_from("a").unwrap();
        let template = file("description: \"{job_name}\"\nstate: suspended\n");
        assert_eq!(stated_by_template(&template, &name), Some(WantedState::Suspended));
        assert_eq!(stated_by_template(&file("description: {x}\nstate: suspended\n"), &name), None);
    }
}
