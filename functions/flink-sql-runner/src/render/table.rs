//! Plain columns, wide enough for what is in them: easy to read, easy to grep.
//! Must not know what the cells mean.

use super::{indented, printable};

/// How far the further lines of a row stand to the right.
const BELOW: usize = 4;

/// Rows in columns two blanks apart; the last column runs on, and goes on below the row if it has several lines.
pub(crate) fn columns(rows: &[Vec<String>], indent: usize) -> String {
    lines(rows, indent).into_iter().map(|line| line + "\n").collect()
}

/// The same, a text for each row.
pub(crate) fn lines(rows: &[Vec<String>], indent: usize) -> Vec<String> {
    let cells = |row: &Vec<String>| {
        let last = row.len().saturating_sub(1);
        let cell = |(column, cell): (usize, &String)| {
            if column == last { indented(cell, indent + BELOW) } else { printable(cell) }
        };
        row.iter().enumerate().map(cell).collect::<Vec<String>>()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let width = |column: usize| {
        rows.iter()
            .filter(|r| column + 1 < r.len())
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0)
    };
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut line = " ".repeat(indent);
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                let gap = (width(column) + 2).saturating_sub(cell.chars().count());
                line.push_str(&" ".repeat(gap));
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: &[&str]| cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        let text =
            columns(&[row(&["NAME", "STATE", "NOTE"]), row(&["orders-eu", "RUNNING", "a\nb"]), row(&["x", "", ""])], 0);
        insta::assert_snapshot!(text, @r"
        NAME       STATE    NOTE
        orders-eu  RUNNING  a
            b
        x
        ");
    }
}
