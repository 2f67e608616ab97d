//! Plain columns, wide enough for what is in them: easy to read, easy to grep.
//! Must not know what the cells mean.

use super::printable;

/// Rows in columns two blanks apart; the last column runs on.
pub(crate) fn columns(rows: &[Vec<String>], indent: usize) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let width = |column: usize| {
        rows.iter()
            .filter(|r| column + 1 < r.len())
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0)
    };
    let mut text = String::new();
    for row in &rows {
        let mut line = " ".repeat(indent);
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                let gap = (width(column) + 2).saturating_sub(cell.chars().count());
                line.push_str(&" ".repeat(gap));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
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
        orders-eu  RUNNING  a�b
        x
        ");
    }
}
