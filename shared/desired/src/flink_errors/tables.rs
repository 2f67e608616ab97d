//! What the job's own definitions say: tables with their columns, views, functions. As far as the text tells.
//! Must not know errors.

use std::collections::BTreeSet;

use super::Failure;
use crate::sql::{StatementKind, Token, TokenKind, tokens};

/// A table or a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Its columns and their types; none of a view.
    pub(super) columns: Vec<(String, String)>,
    /// Which definition it is.
    pub(super) definition: usize,
}

impl Failure<'_> {
    /// The tables and views that the job defines.
    pub(super) fn tables(&self) -> Vec<Table> {
        let mut tables: Vec<Table> = Vec::new();
        for (definition, statement) in self.launch.statements.iter().enumerate() {
            let Ok(read) = tokens(&statement.sql) else { continue };
            match StatementKind::of(&statement.sql) {
                StatementKind::CreateTable { name, like, .. } => {
                    let like = like.and_then(|like| tables.iter().find(|table| table.name == like.last()));
                    let mut columns = like.map(|table| table.columns.clone()).unwrap_or_default();
                    columns.extend(columns_of(&read));
                    tables.push(Table { name: name.last().to_owned(), columns, definition });
                }
                StatementKind::CreateView { name, .. } => {
                    tables.push(Table { name: name.last().to_owned(), columns: Vec::new(), definition });
                }
                StatementKind::CreateFunction { .. }
                | StatementKind::AlterTable { .. }
                | StatementKind::AlterFunction { .. }
                | StatementKind::CreateCatalog { .. }
                | StatementKind::CreateDatabase { .. }
                | StatementKind::Use { .. }
                | StatementKind::Set { .. }
                | StatementKind::Other => {}
            }
        }
        tables
    }

    /// The tables that the text names; a definition of one names itself.
    pub(super) fn tables_here(&self) -> Vec<Table> {
        let names: BTreeSet<String> = self.tokens.iter().filter_map(Token::name).collect();
        self.tables().into_iter().filter(|table| names.contains(&table.name)).collect()
    }

    /// The table that the text defines.
    pub(super) fn own_table(&self) -> Vec<Table> {
        let own = |table: &Table| self.statement.is_some_and(|(index, _)| index == table.definition);
        self.tables().into_iter().filter(|table| own(table) && !table.columns.is_empty()).collect()
    }

    /// The functions that the job defines.
    pub(super) fn functions(&self) -> Vec<String> {
        let kinds = self.launch.statements.iter().map(|statement| StatementKind::of(&statement.sql));
        kinds
            .filter_map(|kind| match kind {
                StatementKind::CreateFunction { name } => Some(name.last().to_owned()),
                StatementKind::CreateTable { .. }
                | StatementKind::CreateView { .. }
                | StatementKind::AlterTable { .. }
                | StatementKind::AlterFunction { .. }
                | StatementKind::CreateCatalog { .. }
                | StatementKind::CreateDatabase { .. }
                | StatementKind::Use { .. }
                | StatementKind::Set { .. }
                | StatementKind::Other => None,
            })
            .collect()
    }

    /// The names that the text gives with AS, and where.
    pub(super) fn aliases(&self) -> Vec<(String, usize)> {
        let given = self.tokens.windows(2).enumerate().filter(|(_, two)| two.first().is_some_and(|t| t.is_word("AS")));
        given.filter_map(|(index, two)| Some((two.get(1)?.name()?, index + 1))).collect()
    }
}

/// The columns that a CREATE TABLE lists, with their types.
fn columns_of(tokens: &[Token<'_>]) -> Vec<(String, String)> {
    let Some(open) = tokens.iter().position(|token| token.is_symbol("(") || token.is_word("WITH")) else {
        return Vec::new();
    };
    let mut columns = Vec::new();
    let mut depth = 0_usize;
    let mut part: Vec<&Token<'_>> = Vec::new();
    for token in tokens.iter().skip(open) {
        match token.text {
            "(" | "<" => depth += 1,
            ")" | ">" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 || depth == 1 && token.is_symbol(",") {
            columns.extend(column(&part));
            part.clear();
        } else if !(depth == 1 && part.is_empty() && token.is_symbol("(")) {
            part.push(token);
        }
        if depth == 0 {
            break;
        }
    }
    columns
}

fn column(part: &[&Token<'_>]) -> Option<(String, String)> {
    const NO_COLUMN: [&str; 6] = ["WATERMARK", "PRIMARY", "CONSTRAINT", "UNIQUE", "PERIOD", "LIKE"];
    const AFTER_TYPE: [&str; 7] = ["NOT", "NULL", "METADATA", "COMMENT", "CONSTRAINT", "PRIMARY", "AS"];
    let (name, rest) = part.split_first()?;
    let named = name.kind == TokenKind::QuotedIdentifier || !NO_COLUMN.iter().any(|word| name.is_word(word));
    let name = name.name().filter(|_| named)?;
    let of_type = rest.iter().take_while(|token| !AFTER_TYPE.iter().any(|word| token.is_word(word)));
    let mut text = String::new();
    for token in of_type {
        let close = ["(", ")", ",", "<", ">"].contains(&token.text) || text.is_empty() || text.ends_with(['(', '<']);
        if !close {
            text.push(' ');
        }
        text.push_str(token.text);
    }
    Some((name, text))
}
