//! Owns which definitions a job uses: by name, through views and `LIKE`.
//! Must not know what changed.

use std::collections::{HashMap, HashSet};

use super::TableDefinitions;
use super::definition::{Definition, Role, Used};
use crate::sql::{StatementKind, TablePath, Token, table_references, tokens};

impl TableDefinitions {
    /// What a query that writes this table uses.
    pub fn for_sql(&self, query: &str, target_table: &str) -> Used {
        let Ok(tokens) = tokens(query) else {
            return self.for_code(query, target_table);
        };
        let mut search = Search::new(self);
        search.tables(&table_references(query), Access::Read);
        search.functions(&tokens);
        search.finish(target_table)
    }

    /// What a program that writes this table uses: each definition whose name is a word in it.
    pub fn for_code(&self, code: &str, target_table: &str) -> Used {
        let mut search = Search::new(self);
        let separator = |character: char| !(character.is_alphanumeric() || character == '_');
        let words: HashSet<&str> = code.split(separator).collect();
        let any_case: HashSet<String> = words.iter().map(|word| word.to_lowercase()).collect();
        for (at, statement) in self.statements.iter().enumerate() {
            let Some(last) = statement.kind.name().map(TablePath::last) else {
                continue;
            };
            let found = if is_function(&statement.kind) {
                any_case.contains(&last.to_lowercase())
            } else if last.contains(separator) {
                code.contains(last)
            } else {
                words.contains(last)
            };
            if found {
                search.mark(at, Access::Read);
            }
        }
        search.finish(target_table)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

#[derive(Clone, Copy, Default)]
struct Marks {
    read: bool,
    written: bool,
}

/// A walk over the definitions; each is visited once for reading and once for writing.
struct Search<'a> {
    definitions: &'a TableDefinitions,
    /// The tables and views with this last name.
    tables: HashMap<&'a str, Vec<usize>>,
    /// The functions with this last name; Flink finds them in any case.
    functions: HashMap<String, Vec<usize>>,
    marks: Vec<Marks>,
    pending: Vec<(usize, Access)>,
}

impl<'a> Search<'a> {
    fn new(definitions: &'a TableDefinitions) -> Self {
        let mut tables = HashMap::<&str, Vec<usize>>::new();
        let mut functions = HashMap::<String, Vec<usize>>::new();
        for (at, statement) in definitions.statements.iter().enumerate() {
            let Some(name) = statement.kind.name() else {
                continue;
            };
            if is_table(&statement.kind) {
                tables.entry(name.last()).or_default().push(at);
            } else if is_function(&statement.kind) {
                functions.entry(name.last().to_lowercase()).or_default().push(at);
            }
        }
        let marks = vec![Marks::default(); definitions.statements.len()];
        Self { definitions, tables, functions, marks, pending: Vec::new() }
    }

    fn tables(&mut self, references: &[TablePath], access: Access) {
        for reference in references {
            let candidates = self.tables.get(reference.last()).cloned().unwrap_or_default();
            for at in candidates {
                let name = self.definitions.statements.get(at).and_then(|it| it.kind.name());
                if name.is_some_and(|name| name.matches(reference)) {
                    self.mark(at, access);
                }
            }
        }
    }

    fn functions(&mut self, tokens: &[Token<'_>]) {
        if self.functions.is_empty() {
            return;
        }
        for name in tokens.iter().filter_map(Token::name) {
            for at in self.functions.get(&name.to_lowercase()).cloned().unwrap_or_default() {
                self.mark(at, Access::Read);
            }
        }
    }

    fn mark(&mut self, at: usize, access: Access) {
        let Some(marks) = self.marks.get_mut(at) else {
            return;
        };
        let mark = match access {
            Access::Read => &mut marks.read,
            Access::Write => &mut marks.written,
        };
        if !std::mem::replace(mark, true) {
            self.pending.push((at, access));
        }
    }

    /// Follows what the marked definitions use themselves, and collects them in their order.
    fn finish(mut self, target_table: &str) -> Used {
        self.tables(&TablePath::parse(target_table.trim()).into_iter().collect::<Vec<_>>(), Access::Write);
        let definitions = self.definitions;
        for statement in &definitions.statements {
            // What is not known runs for every job, so what it names has to be there.
            if matches!(statement.kind, StatementKind::Other) {
                self.tables(&table_references(&statement.sql), Access::Read);
            }
        }
        while let Some((at, access)) = self.pending.pop() {
            if let Some(statement) = definitions.statements.get(at) {
                self.follow(&statement.kind, &statement.sql, access);
            }
        }
        let used = definitions.statements.iter().zip(&self.marks).filter_map(|(it, marks)| {
            let role = role(&it.kind, *marks)?;
            Some(Definition::new(it.origin.clone(), it.sql.clone(), role))
        });
        Used { definitions: used.collect() }
    }

    fn follow(&mut self, kind: &StatementKind, sql: &str, access: Access) {
        if let StatementKind::CreateTable { like: Some(base), .. } = kind {
            self.tables(std::slice::from_ref(base), access);
        }
        let queries = matches!(
            kind,
            StatementKind::CreateView { .. }
                | StatementKind::AlterTable { .. }
                | StatementKind::CreateTable { as_query: true, .. }
        );
        if queries {
            // The statement names the table that it defines too: it is no table that it reads.
            let own = kind.name();
            let mut references = table_references(sql);
            references.retain(|reference| Some(reference) != own);
            self.tables(&references, Access::Read);
        }
        if let Ok(tokens) = tokens(sql) {
            self.functions(&tokens);
        }
    }
}

fn is_table(kind: &StatementKind) -> bool {
    matches!(
        kind,
        StatementKind::CreateTable { .. } | StatementKind::CreateView { .. } | StatementKind::AlterTable { .. }
    )
}

fn is_function(kind: &StatementKind) -> bool {
    matches!(kind, StatementKind::CreateFunction { .. } | StatementKind::AlterFunction { .. })
}

/// What the job does with a statement; nothing if it does not use it.
fn role(kind: &StatementKind, marks: Marks) -> Option<Role> {
    if !is_table(kind) && !is_function(kind) {
        return Some(Role::Session);
    }
    let role = match (marks.read, marks.written) {
        (false, false) => return None,
        (true, false) => Role::Reads,
        (false, true) => Role::Writes,
        (true, true) => Role::Both,
    };
    Some(match kind {
        _ if is_function(kind) => Role::Function,
        StatementKind::CreateView { .. } => Role::View,
        _ => role,
    })
}
