//! Owns what may stand in a table file: statements that define, each once, each ended.
//! Must not know files but by name, or which job uses what.

use std::collections::BTreeMap;

use super::TextPosition;
use crate::diagnostics::{MAX_FINDINGS, excerpt};
use crate::sql::{
    Statement, StatementError, StatementKind, TablePath, Token, TokenKind, is_reserved, same_meaning,
    says_if_not_exists, shape_problem, tokens,
};

/// A statement, and where it stands.
pub(super) struct Placed<'a> {
    pub(super) at: TextPosition<'a>,
    /// Its text before parameters were filled in.
    pub(super) written: &'a str,
    pub(super) statement: Statement,
}

/// What is wrong with the statements of all files, in their order.
pub(super) fn judge(placed: &[Placed<'_>]) -> Vec<StatementError> {
    let mut defined = Defined::default();
    let mut errors: Vec<StatementError> = Vec::new();
    // How many the file has that is judged: its statements stand together.
    let mut count = ("", 0);
    for it in placed {
        if count.0 != it.at.file {
            count = (it.at.file, 0);
        }
        if count.1 > MAX_FINDINGS {
            continue;
        }
        let Ok(tokens) = tokens(&it.statement.sql) else { continue };
        let found = alone(it, &tokens).or_else(|| defined.add(it, &tokens));
        count.1 += usize::from(found.is_some());
        errors.extend(found);
    }
    errors
}

/// What is wrong with one statement, whatever the others are.
fn alone(it: &Placed<'_>, tokens: &[Token<'_>]) -> Option<StatementError> {
    let at = |index: usize, message: String, help: &str| Some(it.place_of(tokens, index).error(message, help));
    let first = tokens.first()?;
    if let Some((message, help)) = refused(first, tokens) {
        return at(0, message, help);
    }
    if let Some(problem) = shape_problem(tokens) {
        let index = tokens.iter().position(|token| token.offset == problem.at.start).unwrap_or_default();
        return at(index, problem.message, &problem.help);
    }
    if let Some(index) = next_statement(tokens, &it.statement.kind) {
        let word = tokens.get(index).map_or("", |token| token.text).to_uppercase();
        let help = "end the statement before it with `;`";
        return at(index, format!("a `;` is missing before this {word}"), help);
    }
    match &it.statement.kind {
        StatementKind::CreateTable { as_query: true, .. } => {
            let index = tokens.iter().position(|token| token.is_word("AS")).unwrap_or_default();
            let help = "define its columns, and write the query into a manifest with this `target-table`";
            at(index, "CREATE TABLE … AS would start a job that nobody looks after".to_owned(), help)
        }
        StatementKind::Other if first.is_word("CREATE") => nameless(it, tokens),
        StatementKind::Other
        | StatementKind::CreateTable { .. }
        | StatementKind::CreateView { .. }
        | StatementKind::CreateFunction { .. }
        | StatementKind::CreateCatalog { .. }
        | StatementKind::CreateDatabase { .. }
        | StatementKind::AlterTable { .. }
        | StatementKind::AlterFunction { .. }
        | StatementKind::Use { .. }
        | StatementKind::Set { .. } => None,
    }
}

/// Why a statement of this kind does not belong here, and the way out.
fn refused(first: &Token<'_>, tokens: &[Token<'_>]) -> Option<(String, &'static str)> {
    let second = |word: &str| tokens.get(1).is_some_and(|token| token.is_word(word));
    let word = excerpt(first.text).to_uppercase();
    let is = |words: &[&str]| words.iter().any(|word| first.is_word(word));
    let refuse = |message: String, help| Some((message, help));
    if is(&["USE"]) || is(&["LOAD"]) && second("MODULE") {
        None
    } else if is(&["CREATE"]) {
        let what = defines(tokens).map(|(_, what)| what.text.to_uppercase()).unwrap_or_default();
        if ["TABLE", "VIEW", "FUNCTION", "CATALOG", "DATABASE"].contains(&what.as_str()) {
            None
        } else {
            refuse(
                format!("CREATE {} does not belong into a table file", excerpt(&what)).replace("  ", " "),
                "define tables, views, functions, catalogs and databases here",
            )
        }
    } else if is(&["SET", "RESET"]) {
        refuse(
            format!("{word} has no effect in a table file"),
            "write the option under `flinkProperties` in config/job-template.yaml, for all jobs, or in a manifest",
        )
    } else if is(&["INSERT", "UPSERT", "SELECT", "WITH", "VALUES", "EXECUTE", "BEGIN", "STATEMENT", "COMPILE"]) {
        refuse(
            format!("{word} is a job of its own, and table files only define"),
            "write the query into a manifest under queries/, and where it goes as `target-table`",
        )
    } else if is(&["DROP", "UNLOAD"]) {
        refuse(
            format!("{word} does not belong into a table file"),
            "remove what it drops instead: each job defines anew what it uses",
        )
    } else if is(&["ALTER"]) {
        refuse(
            format!("{word} does not belong into a table file"),
            "change the CREATE statement instead: each job defines anew what it uses",
        )
    } else if is(&["SHOW", "DESCRIBE", "DESC", "EXPLAIN", "HELP"]) {
        refuse(format!("{word} defines nothing"), "remove it")
    } else if is(&["ADD", "REMOVE"]) && second("JAR") {
        refuse(
            format!("{word} JAR does not belong into a table file"),
            "put the jar into Flink's lib/, or name it with USING JAR",
        )
    } else {
        refuse(
            format!("a statement that defines something is expected, not `{}`", excerpt(first.text)),
            "begin with CREATE, USE or LOAD MODULE",
        )
    }
}

/// The word that says what CREATE defines, and where it stands.
fn defines<'a, 'b>(tokens: &'a [Token<'b>]) -> Option<(usize, &'a Token<'b>)> {
    let before = ["CREATE", "OR", "REPLACE", "ALTER", "TEMPORARY", "SYSTEM"];
    let is_before = |token: &Token<'_>| before.iter().any(|word| token.is_word(word));
    tokens.iter().enumerate().find(|(_, token)| !is_before(token))
}

/// A CREATE whose name cannot be read.
fn nameless(it: &Placed<'_>, tokens: &[Token<'_>]) -> Option<StatementError> {
    let (what, _) = defines(tokens)?;
    let rest = tokens.get(what + 1..).unwrap_or_default();
    let clause = rest.iter().take_while(|token| ["IF", "NOT", "EXISTS"].iter().any(|word| token.is_word(word))).count();
    let at = what + 1 + clause;
    let Some(name) = tokens.get(at) else {
        return Some(it.place_of(tokens, what).error("a name is missing here".to_owned(), "write it after this word"));
    };
    if name.kind == TokenKind::Word && is_reserved(name.text) {
        let message = format!("`{}` is a reserved word of SQL, and no name", name.text);
        return Some(it.place_of(tokens, at).error(message, &format!("put it in back-ticks: `{}`", name.text)));
    }
    // A view without its query, for one.
    let help = "look it up in Flink's SQL reference";
    name.name().is_none().then(|| it.place_of(tokens, at).error("a name is expected here".to_owned(), help))
}

/// Where another statement begins in what should be one.
fn next_statement(tokens: &[Token<'_>], kind: &StatementKind) -> Option<usize> {
    let reads = matches!(kind, StatementKind::CreateView { .. } | StatementKind::CreateTable { as_query: true, .. });
    let mut depth = 0_usize;
    let mut before: Option<&Token<'_>> = None;
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && !before.is_none_or(|token| token.is_word("OR") || token.is_symbol(".")) {
            let starts = STARTS.iter().any(|word| token.is_word(word));
            let module = token.is_word("LOAD") && tokens.get(at + 1).is_some_and(|next| next.is_word("MODULE"));
            if starts || module || token.is_word("SELECT") && !reads {
                return Some(at);
            }
        }
        before = Some(token);
    }
    None
}

/// Reserved words that begin a statement and stand in the middle of none that defines.
const STARTS: &[&str] =
    &["CREATE", "DROP", "ALTER", "INSERT", "DELETE", "UPDATE", "USE", "SET", "SHOW", "DESCRIBE", "EXPLAIN", "EXECUTE"];

/// What the statements so far define.
#[derive(Default)]
struct Defined<'a> {
    /// The catalog and database that names without one fall into.
    current: (Option<String>, Option<String>),
    names: BTreeMap<(NameKind, Vec<Option<String>>), Definition<'a>>,
}

/// The first statement that defines a name.
struct Definition<'a> {
    first: &'a Placed<'a>,
    /// The shortest text that says the same: comparing with it costs no more than reading what is compared.
    shortest: &'a str,
}

/// What shares its names: tables and views do, temporary ones hide others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NameKind {
    Table { temporary: bool },
    Function { temporary: bool, system: bool },
    Catalog,
    Database,
}

impl<'a> Defined<'a> {
    /// Notes what a statement defines; an error if it was defined before.
    fn add(&mut self, it: &'a Placed<'a>, tokens: &[Token<'_>]) -> Option<StatementError> {
        let says = |word: &str| tokens.iter().take(4).any(|token| token.is_word(word));
        let temporary = says("TEMPORARY");
        let (kind, name) = match &it.statement.kind {
            StatementKind::CreateTable { name, .. } | StatementKind::CreateView { name, .. } => {
                (NameKind::Table { temporary }, name)
            }
            StatementKind::CreateFunction { name } => (NameKind::Function { temporary, system: says("SYSTEM") }, name),
            StatementKind::CreateCatalog { name, .. } => (NameKind::Catalog, name),
            StatementKind::CreateDatabase { name, .. } => (NameKind::Database, name),
            StatementKind::Use { name, catalog } => {
                self.follow(name, *catalog);
                return None;
            }
            StatementKind::AlterTable { .. }
            | StatementKind::AlterFunction { .. }
            | StatementKind::Set { .. }
            | StatementKind::Other => return None,
        };
        let text = it.statement.sql.as_str();
        let key = (kind, self.resolved(kind, name));
        let known = self.names.entry(key).or_insert(Definition { first: it, shortest: text });
        if std::ptr::eq(known.first, it) {
            return None;
        }
        if repeats(it, tokens, known.shortest) {
            known.shortest = if text.len() < known.shortest.len() { text } else { known.shortest };
            return None;
        }
        let first = &known.first.statement.origin;
        let name = name.to_string();
        let name = excerpt(&name);
        let message = if says_if_not_exists(tokens) {
            format!(
                "`{name}` is defined a second time, and differently: Flink takes the first, in {first}, and skips this one"
            )
        } else {
            format!("`{name}` is defined a second time, first in {first}, and Flink refuses that")
        };
        Some(it.at.error(message, "keep one of the two, or give them different names"))
    }

    fn follow(&mut self, name: &TablePath, catalog: bool) {
        match (catalog, name.parts()) {
            (true, [.., name]) => self.current = (Some(name.clone()), None),
            (false, [catalog, database]) => self.current = (Some(catalog.clone()), Some(database.clone())),
            (false, [.., database]) => self.current.1 = Some(database.clone()),
            (_, []) => {}
        }
    }

    /// The whole name.
    fn resolved(&self, kind: NameKind, name: &TablePath) -> Vec<Option<String>> {
        let (catalog, database) = self.current.clone();
        let outer = match kind {
            NameKind::Table { .. } | NameKind::Function { system: false, .. } => vec![catalog, database],
            NameKind::Database => vec![catalog],
            NameKind::Catalog | NameKind::Function { system: true, .. } => Vec::new(),
        };
        let is_function = matches!(kind, NameKind::Function { .. });
        let part = |part: &String| Some(if is_function { part.to_lowercase() } else { part.clone() });
        let given = name.parts();
        let missing = outer.len().saturating_sub(given.len().saturating_sub(1));
        outer.into_iter().take(missing).chain(given.iter().map(part)).collect()
    }
}

/// Whether a statement only says again, with IF NOT EXISTS, what an earlier one says.
fn repeats(it: &Placed<'_>, tokens: &[Token<'_>], first: &str) -> bool {
    says_if_not_exists(tokens) && same_meaning(&it.statement.sql, first)
}

impl<'a> Placed<'a> {
    /// Where a token of the statement stands in the file.
    fn place_of(&self, filled: &[Token<'_>], index: usize) -> TextPosition<'a> {
        let written = tokens(self.written).unwrap_or_default();
        // Parameters stand in strings as a rule: then each token is where it was.
        let offset = if written.len() == filled.len() { written.get(index).map(|token| token.offset) } else { None };
        self.at.further(self.written.get(..offset.unwrap_or(0)).unwrap_or_default())
    }
}
