//! Owns whom a statement concerns: those that use what it defines, those after it, everybody or nobody.
//! Must not know which job it is.

use crate::sql::{StatementKind, TablePath, Token, tokens};

/// Whom a statement concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Concern<'a> {
    /// Those that use this table or view.
    Table(&'a TablePath),
    /// Those that use this function. One of the system is found wherever it is called by its name alone.
    Function { name: &'a TablePath, system: bool },
    /// Those that name something in this catalog.
    Catalog(&'a TablePath),
    /// Those that name something in this database.
    Database(&'a TablePath),
    /// Those that stand after it.
    Use,
    /// Those that call functions nobody else knows, or all if a `USE MODULES` names it.
    Module(String),
    /// Nobody: it defines nothing.
    Nobody,
    /// Everybody.
    All,
}

impl<'a> Concern<'a> {
    pub(super) fn of(kind: &'a StatementKind, sql: &str) -> Self {
        match kind {
            StatementKind::CreateTable { name, .. }
            | StatementKind::CreateView { name, .. }
            | StatementKind::AlterTable { name } => Self::Table(name),
            StatementKind::CreateFunction { name } | StatementKind::AlterFunction { name } => {
                let system = starts(sql, 4).iter().any(|token| token == "SYSTEM");
                Self::Function { name, system }
            }
            StatementKind::CreateCatalog { name, .. } => Self::Catalog(name),
            StatementKind::CreateDatabase { name, .. } => Self::Database(name),
            StatementKind::Use { .. } => Self::Use,
            StatementKind::Set { .. } => Self::All,
            StatementKind::Other => Self::of_other(sql),
        }
    }

    fn of_other(sql: &str) -> Self {
        let Ok(tokens) = tokens(sql) else { return Self::All };
        let word = |at: usize| tokens.get(at).map(|token| token.text.to_ascii_uppercase()).unwrap_or_default();
        match (word(0).as_str(), word(1).as_str()) {
            ("SHOW" | "DESCRIBE" | "DESC" | "EXPLAIN" | "HELP" | "CLEAR" | "QUIT" | "EXIT", _) => Self::Nobody,
            ("LOAD", "MODULE") => tokens.get(2).and_then(Token::name).map_or(Self::All, Self::Module),
            _ => Self::All,
        }
    }
}

/// The modules that a `USE MODULES` names.
pub(super) fn used_modules(sql: &str) -> Vec<String> {
    match starts(sql, 2).as_slice() {
        [first, second] if first == "USE" && second == "MODULES" => {
            let tokens = tokens(sql).unwrap_or_default();
            tokens.iter().skip(2).filter_map(Token::name).collect()
        }
        _ => Vec::new(),
    }
}

fn starts(sql: &str, count: usize) -> Vec<String> {
    let tokens = tokens(sql).unwrap_or_default();
    tokens.iter().take(count).map(|token| token.text.to_ascii_uppercase()).collect()
}
