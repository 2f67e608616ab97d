//! Owns which columns and constraints of a table changed, each told whole and by its name.
//! Must not know what the change leads to.

use std::collections::{BTreeMap, BTreeSet};

use super::change::ChangedField;
use super::fragment::{Body, parts_of, shown, text_of};
use crate::sql::{Said, Token};

/// A column or a constraint.
type Element<'b, 'a> = &'b [(Said<'a>, Token<'a>)];

/// The columns and constraints of a table, and what its statement says around them.
struct Parts<'b, 'a> {
    elements: BTreeMap<String, Element<'b, 'a>>,
    /// Everything before and after the list.
    around: Body<'a>,
}

/// What changed between two tables.
pub(super) struct TableChange<'a> {
    /// Columns and constraints.
    pub(super) columns: Vec<ChangedField>,
    /// What both say beside them.
    pub(super) around: [Body<'a>; 2],
}

/// What changed, if both are tables with a list of columns, of which no two have one name.
pub(super) fn changed_columns<'a>(old: &Body<'a>, new: &Body<'a>) -> Option<TableChange<'a>> {
    let (old, new) = (parts(old)?, parts(new)?);
    let names: BTreeSet<&String> = old.elements.keys().chain(new.elements.keys()).collect();
    let mut columns = Vec::new();
    for name in names {
        let (before, after) = (old.elements.get(name), new.elements.get(name));
        let same = match (before, after) {
            (Some(before), Some(after)) => before.iter().map(|it| &it.0).eq(after.iter().map(|it| &it.0)),
            (_, _) => false,
        };
        if !same {
            let told = |element: &Element<'_, '_>| shown(&text_of(element));
            let whole = (before.map(told), after.map(told));
            let (before, after) = match (before, after) {
                // So long that they are cut before they differ.
                (Some(one), Some(other)) if whole.0 == whole.1 => parts_of(one, other).unwrap_or(whole),
                (_, _) => whole,
            };
            columns.push(ChangedField { field: name.clone(), before, after });
        }
    }
    Some(TableChange { columns, around: [old.around, new.around] })
}

fn parts<'b, 'a>(body: &'b Body<'a>) -> Option<Parts<'b, 'a>> {
    let open = body.iter().position(|(_, token)| token.text == "(")?;
    // Right after the table's name, which a body does not have: no list of options, and none of another table.
    let head = body.get(..open)?;
    let is_table = head.last()?.1.is_word("TABLE") && head.first()?.1.is_word("CREATE");
    let mut elements = BTreeMap::new();
    let (mut start, mut depth, mut close) = (open + 1, 0_usize, None);
    let mut types = 0_usize;
    for (at, (_, token)) in body.iter().enumerate().skip(open + 1) {
        let before = body.get(at - 1).map(|(_, token)| token);
        match token.text {
            "(" => depth += 1,
            "<" if before.is_some_and(|it| ["ROW", "MAP", "ARRAY", "MULTISET"].iter().any(|word| it.is_word(word))) => {
                types += 1;
            }
            ">" | ">>" => types = types.saturating_sub(token.text.len()),
            ")" if depth > 0 => depth -= 1,
            "," | ")" if depth == 0 && types == 0 => {
                let element = body.get(start..at).filter(|element| !element.is_empty())?;
                let (name, told) = named(element)?;
                if elements.insert(name, told).is_some() {
                    return None;
                }
                start = at + 1;
                if token.text == ")" {
                    close = Some(at);
                    break;
                }
            }
            _ => {}
        }
    }
    let around = head.iter().chain(body.get(close? + 1..)?).cloned().collect();
    is_table.then_some(Parts { elements, around })
}

/// What an element is called, and what is told of it.
fn named<'b, 'a>(element: Element<'b, 'a>) -> Option<(String, Element<'b, 'a>)> {
    let ((_, first), rest) = element.split_first()?;
    Some(match first {
        it if it.is_word("WATERMARK") => ("watermark".to_owned(), element),
        it if it.is_word("PRIMARY") => ("primary key".to_owned(), element),
        it if it.is_word("CONSTRAINT") || it.is_word("UNIQUE") => ("constraint".to_owned(), element),
        column => (format!("column {}", column.text.trim_matches('`')), rest),
    })
}
