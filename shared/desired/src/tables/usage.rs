//! Owns which definitions a job uses: by name, through views, `LIKE`, functions, and what its names are looked up in.
//! Must not know what changed.

use std::collections::HashSet;

use super::TableDefinitions;
use super::concern::Concern;
use super::definition::{Definition, TableRole, Used};
use super::known::Known;
use super::scope::{FullName, NameScope};
use crate::manifest::{Body, JobManifest, effective_properties};
use crate::sql::{
    StatementKind, TablePath, Token, function_references, is_builtin_function, table_references, target_path, tokens,
};

impl TableDefinitions {
    /// What a job uses.
    pub fn for_job(&self, manifest: &JobManifest) -> Used {
        let start = NameScope::new(&effective_properties(manifest));
        match &manifest.body {
            Body::Sql(sql) => self.for_sql(sql, &manifest.target_table, start),
            Body::Code(code) => self.for_code(code, &manifest.target_table, start),
        }
    }

    /// What a query that writes this table uses, in a session that starts in this scope.
    pub fn for_sql(&self, query: &str, target_table: &str, start: NameScope) -> Used {
        let Ok(tokens) = tokens(query) else {
            return self.for_code(query, target_table, start);
        };
        let known = Known::new(self, start);
        let mut search = Search::new(self, &known);
        let scope = known.last_scope();
        let target = target_path(target_table);
        let references = table_references(query);
        let written_in_full = |path: &TablePath| path.parts().len() > 2;
        let functions = function_references(&tokens);
        let functions = functions.iter().filter(|function| function.certain).map(|function| &function.name);
        let functions = functions.filter(|name| !is_known_by_flink(name));
        let all_in_full = references.iter().chain(&target).chain(functions).all(written_in_full);
        search.tables(&references, &scope, Access::Read);
        search.functions(&tokens, &scope);
        search.finish(target.as_ref(), (!all_in_full).then_some(scope))
    }

    /// What a program that writes this table uses: each definition whose name is a word in it.
    pub fn for_code(&self, code: &str, target_table: &str, start: NameScope) -> Used {
        let known = Known::new(self, start);
        let mut search = Search::new(self, &known);
        let words: HashSet<&str> = code.split(separates).collect();
        let any_case: HashSet<String> = words.iter().map(|word| word.to_lowercase()).collect();
        for (at, concern) in known.concerns().enumerate() {
            let found = match concern {
                Concern::Function { name, .. } => any_case.contains(&name.last().to_lowercase()),
                Concern::Table(name) | Concern::Catalog(name) | Concern::Database(name) => {
                    occurs(name.last(), code, &words)
                }
                Concern::Module(name) => occurs(name, code, &words),
                Concern::Use | Concern::Nobody | Concern::All => false,
            };
            if found {
                search.mark(at, Access::Read);
            }
        }
        search.finish(target_path(target_table).as_ref(), Some(known.last_scope()))
    }
}

/// The table that is written, without a partition or a hint after it.
fn separates(character: char) -> bool {
    !(character.is_alphanumeric() || character == '_')
}

/// Whether a name stands in a program as a word of its own.
fn occurs(name: &str, code: &str, words: &HashSet<&str>) -> bool {
    if !name.contains(separates) {
        return words.contains(name);
    }
    code.match_indices(name).any(|(start, found)| {
        let before = code.get(..start).and_then(|text| text.chars().next_back());
        let after = code.get(start + found.len()..).and_then(|text| text.chars().next());
        before.is_none_or(separates) && after.is_none_or(separates)
    })
}

fn is_known_by_flink(path: &TablePath) -> bool {
    path.parts().len() == 1 && is_builtin_function(path.last())
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
    known: &'a Known<'a>,
    marks: Vec<Marks>,
    pending: Vec<(usize, Access)>,
    /// Whether a function is called that a module must have.
    calls_unknown: bool,
}

impl<'a> Search<'a> {
    fn new(definitions: &'a TableDefinitions, known: &'a Known<'a>) -> Self {
        let marks = vec![Marks::default(); definitions.statements.len()];
        Self { definitions, known, marks, pending: Vec::new(), calls_unknown: false }
    }

    fn tables(&mut self, references: &[TablePath], scope: &NameScope, access: Access) {
        for reference in references {
            for at in self.known.tables(reference, scope) {
                self.mark(at, access);
            }
            self.place(&scope.place(reference));
        }
    }

    fn functions(&mut self, tokens: &[Token<'_>], scope: &NameScope) {
        for reference in function_references(tokens) {
            let found = self.known.functions(&reference.name, scope);
            self.calls_unknown |= found.is_empty() && reference.certain && !is_known_by_flink(&reference.name);
            for at in found {
                self.mark(at, Access::Read);
            }
            if reference.name.parts().len() > 1 {
                self.place(&scope.place(&reference.name));
            }
        }
    }

    /// What has to be there so that a name can be looked up.
    fn place(&mut self, place: &FullName) {
        for at in self.known.around(place) {
            self.mark(at, Access::Read);
        }
    }

    fn scope(&mut self, scope: &NameScope) {
        for at in scope.uses() {
            self.mark(at, Access::Read);
        }
        self.place(&scope.place(&TablePath::new(["-"])));
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
    fn finish(mut self, target: Option<&TablePath>, scope: Option<NameScope>) -> Used {
        self.tables(target.map(std::slice::from_ref).unwrap_or_default(), &self.known.last_scope(), Access::Write);
        if let Some(scope) = &scope {
            self.scope(scope);
        }
        for at in self.known.for_all() {
            self.mark(at, Access::Read);
        }
        self.follow_all();
        if self.calls_unknown {
            for at in self.known.modules() {
                self.mark(at, Access::Read);
            }
            self.follow_all();
        }
        let concerns = self.definitions.statements.iter().zip(self.known.concerns()).zip(&self.marks);
        let used = concerns.filter_map(|((statement, concern), marks)| {
            let role = role(&statement.kind, concern, *marks)?;
            Some(Definition::new(statement.origin.clone(), statement.sql.clone(), role))
        });
        Used { definitions: used.collect(), scope }
    }

    fn follow_all(&mut self) {
        let definitions = self.definitions;
        while let Some((at, access)) = self.pending.pop() {
            if let Some(statement) = definitions.statements.get(at) {
                self.follow(at, &statement.kind, &statement.sql, access);
            }
        }
    }

    fn follow(&mut self, at: usize, kind: &StatementKind, sql: &str, access: Access) {
        let scope = self.known.scope(at);
        if let StatementKind::CreateTable { like: Some(base), .. } = kind {
            self.tables(std::slice::from_ref(base), &scope, access);
        }
        let queries = matches!(
            kind,
            StatementKind::CreateView { .. }
                | StatementKind::AlterTable { .. }
                | StatementKind::Other
                | StatementKind::CreateTable { as_query: true, .. }
        );
        if queries {
            // The statement names the table that it defines too: it is no table that it reads.
            let own = kind.name();
            let mut references = table_references(sql);
            references.retain(|reference| Some(reference) != own);
            self.tables(&references, &scope, Access::Read);
        }
        if let Ok(tokens) = tokens(sql) {
            self.functions(&tokens, &scope);
        }
        if self.known.stands_somewhere(at) {
            self.scope(&scope);
            if let Some(place) = self.known.own_place(at) {
                self.place(&place);
            }
        }
    }
}

/// What the job does with a statement; nothing if it does not use it.
fn role(kind: &StatementKind, concern: &Concern<'_>, marks: Marks) -> Option<TableRole> {
    let role = match (marks.read, marks.written) {
        (false, false) => return None,
        (true, false) => TableRole::Reads,
        (false, true) => TableRole::Writes,
        (true, true) => TableRole::Both,
    };
    Some(match concern {
        Concern::Table(_) if matches!(kind, StatementKind::CreateView { .. }) => TableRole::View,
        Concern::Table(_) => role,
        Concern::Function { .. } => TableRole::Function,
        Concern::Catalog(_)
        | Concern::Database(_)
        | Concern::Use
        | Concern::Module(_)
        | Concern::Nobody
        | Concern::All => TableRole::Session,
    })
}
