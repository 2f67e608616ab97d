//! Names that nothing has: columns, tables, functions, catalogs. What was probably meant.
//! Must not know syntax or types.

use super::{At, Failure, Told, between, dialects, listed, quoted};
use crate::sql::{builtin_functions, is_builtin_function};
use crate::suggest::closest;

const WINDOWS: [&str; 4] = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];
const OF_WINDOWS: [&str; 3] = ["window_start", "window_end", "window_time"];

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    if let Some(name) = between(message, "No match found for function signature ", "(") {
        return Some(function(it, name));
    }
    if let Some(name) = message.strip_prefix("No match found for function signature ") {
        return Some(function(it, name));
    }
    if let Some(name) = between(message, "Object '", "' not found") {
        return Some(table(it, name));
    }
    if let Some(path) = between(message, "Cannot find table '", "' in any") {
        return Some(target(it, path));
    }
    if let Some(name) = between(message, "Source table '", "' of the LIKE clause") {
        return Some(table(it, &last_of(name)));
    }
    if let Some(name) = between(message, "A catalog with name [", "]") {
        let message = format!("no catalog is called `{name}`");
        let help = format!("define it before: CREATE CATALOG {} WITH (…)", quoted(name));
        return Told::new("unknown-catalog", At::AsFlinkSays, message).help(help).some();
    }
    if let Some(alias) = between(message, "Table '", "' not found") {
        return Some(alias_of(it, alias));
    }
    if let Some(name) = between(message, "Column '", "' is ambiguous") {
        return Some(ambiguous(it, name));
    }
    if let Some(name) = between(message, "Unknown target column '", "'") {
        return Told::new("unknown-column", At::Target, format!("the target has no column `{name}`")).some();
    }
    let column = between(message, "Column '", "' not found").or_else(|| between(message, "Unknown identifier '", "'"));
    column.map(|name| self::column(it, name))
}

/// The last part of a path in back-ticks.
fn last_of(path: &str) -> String {
    path.rsplit('.').next().unwrap_or(path).trim_matches('`').to_owned()
}

fn function(it: &Failure<'_>, name: &str) -> Told {
    let at = it.tokens.iter().position(|token| token.text.eq_ignore_ascii_case(name));
    let at = it.here().filter(|here| it.is(*here, &[name])).or(at).map_or(At::AsFlinkSays, |index| it.place(index));
    let told = |message: String| Told::new("unknown-function", at.clone(), message);
    if is_builtin_function(name) {
        let taken = between(it.message, "(", ")").filter(|taken| !taken.is_empty());
        let taken = taken.map_or("nothing".to_owned(), super::types::plain);
        let told = Told::new("wrong-arguments", at.clone(), format!("{name} does not take these arguments: {taken}"));
        return match dialects::function(name) {
            Some(ours) => told.help(format!("write {ours}")),
            None => told.help(format!("look up what {name} takes: how many arguments, of which types")),
        };
    }
    let unknown = told(format!("Flink has no function `{name}`"));
    if let Some(ours) = dialects::function(name) {
        return unknown.help(format!("write {ours}"));
    }
    let own = it.functions();
    let mut known: Vec<&str> = builtin_functions().collect();
    known.extend(own.iter().map(String::as_str));
    match closest(name, &known) {
        Some(meant) => unknown.help(format!("write {meant}")),
        None => unknown.help("define it in a table file with CREATE FUNCTION, or use one that Flink has"),
    }
}

fn table(it: &Failure<'_>, name: &str) -> Told {
    let at = it.tokens.iter().position(|token| token.name().as_deref() == Some(name));
    let at = it.here().or(at).map_or(At::AsFlinkSays, |index| it.place(index));
    if it.message.contains(&format!("Object '{name}' not found within")) || after_dot(it, name) {
        let told = Told::new("unknown-table", at, format!("nothing is called `{name}` here"));
        return told.help("write a table that a file under config/tables/ defines, or define the catalog there");
    }
    let told = Told::new("unknown-table", at, format!("no table or view is called `{name}`"));
    if named_by_with(it, name) {
        return told
            .help(format!("`{name}` is defined later: in WITH a query names only those before it; put it first"));
    }
    let tables = it.tables();
    let mut names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let aliases = it.aliases();
    names.extend(aliases.iter().map(|(alias, _)| alias.as_str()));
    match closest(name, &names) {
        Some(meant) if meant.eq_ignore_ascii_case(name) => {
            told.help(format!("write {}: the case of a name counts", quoted(meant)))
        }
        Some(meant) => told.help(format!("write {}, or define `{name}` in a file under config/tables/", quoted(meant))),
        None => told.help("define it in a file under config/tables/"),
    }
}

/// Whether a part of a longer path is meant: then what the definitions call is no help.
fn after_dot(it: &Failure<'_>, name: &str) -> bool {
    let at = it.tokens.iter().position(|token| token.name().as_deref() == Some(name));
    at.is_some_and(|at| it.is(at + 1, &["."]) || it.is_before(at, 1, &["."]))
}

/// Whether WITH gives this name.
fn named_by_with(it: &Failure<'_>, name: &str) -> bool {
    it.word("WITH").is_some()
        && it.tokens.windows(3).any(|three| {
            let [given, word, open] = three else { return false };
            given.name().as_deref() == Some(name) && word.is_word("AS") && open.is_symbol("(")
        })
}

fn target(it: &Failure<'_>, path: &str) -> Told {
    let name = last_of(path);
    let tables = it.tables();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let told = Told::new("unknown-table", At::Target, format!("no table is called `{name}`"));
    match closest(&name, &names) {
        Some(meant) => told.help(format!("write {}, or define `{name}` in a file under config/tables/", quoted(meant))),
        None => told.help("define it in a file under config/tables/"),
    }
}

fn alias_of(it: &Failure<'_>, alias: &str) -> Told {
    let told = Told::new("unknown-table", At::AsFlinkSays, format!("no table of this query is called `{alias}`"));
    // A table that has a second name is known by that alone.
    let renamed = it.tokens.iter().enumerate().find_map(|(index, token)| {
        let next = it.token(index + 1)?;
        let given = if next.is_word("AS") { it.token(index + 2)? } else { next };
        let is_it = token.name().as_deref() == Some(alias) && it.is_before(index, 1, &["FROM", "JOIN", ","]);
        (is_it && !crate::sql::is_reserved(given.text)).then(|| given.name()).flatten()
    });
    if let Some(given) = renamed {
        return told.help(format!("write {0}: the query calls this table `{given}`", quoted(&given)));
    }
    let mut names: Vec<String> = it.tables_here().into_iter().map(|table| table.name).collect();
    names.extend(it.aliases().into_iter().map(|(name, _)| name));
    let shown: Vec<&str> = names.iter().map(String::as_str).collect();
    match closest(alias, &shown) {
        Some(meant) => told.help(format!("write {}", quoted(meant))),
        None => told.help("write the name that FROM or JOIN gives the table"),
    }
}

fn ambiguous(it: &Failure<'_>, name: &str) -> Told {
    let has = |table: &super::tables::Table| table.columns.iter().any(|(column, _)| column == name);
    let tables: Vec<String> = it.tables_here().into_iter().filter(has).map(|table| table.name).collect();
    let told =
        Told::new("ambiguous-column", At::AsFlinkSays, format!("`{name}` is a column of more than one table here"));
    match tables.first() {
        Some(_) => told.help(format!(
            "say of which one: write the table's name or alias before it, `t.{name}`; {} have it",
            listed(&tables)
        )),
        None => told.help(format!("say of which one: write the table's name or alias before it, `t.{name}`")),
    }
}

fn column(it: &Failure<'_>, name: &str) -> Told {
    let in_definition = it.kind == "table-definition";
    let told = |message: String| Told::new("unknown-column", At::AsFlinkSays, message);
    let here = it.here();
    if let Some(of_type) = dialects::type_of(name).filter(|_| is_type(it, here, in_definition)) {
        let message = format!("Flink has no type `{name}`");
        return Told::new("unknown-type", At::AsFlinkSays, message).help(format!("write {of_type}"));
    }
    if let Some(message) = misspelt_type(it, here, name).filter(|_| in_definition) {
        return message;
    }
    if let Some(hint) = here.and_then(|here| in_window(it, here, name)) {
        return hint;
    }
    let unknown = told(format!("no column is called `{name}`"));
    if !in_definition && it.word("FROM").is_none() {
        let message = "the query has no FROM: it reads no table".to_owned();
        return Told::new("no-from", At::AsFlinkSays, message).help("write `SELECT … FROM table`");
    }
    if OF_WINDOWS.contains(&name.to_ascii_lowercase().as_str()) {
        let message = format!("`{name}` is a column of windows, and this reads no window");
        let help = "read one: FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '5' MINUTE))";
        return told(message).help(help);
    }
    if let Some(alias) = given_by_select(it, name, here) {
        return alias;
    }
    let tables = if in_definition && it.statement.is_some() { it.own_table() } else { it.tables_here() };
    let tables = if tables.is_empty() { it.tables() } else { tables };
    let columns: Vec<&str> = tables.iter().flat_map(|table| &table.columns).map(|(name, _)| name.as_str()).collect();
    if let Some(meant) = closest(name, &columns) {
        let case = if meant.eq_ignore_ascii_case(name) { ": the case of a name counts" } else { "" };
        return unknown.help(format!("write {}{case}", quoted(meant)));
    }
    if let Some(ours) = dialects::function(name).filter(|_| !in_definition) {
        return Told::new("unknown-function", At::AsFlinkSays, format!("Flink has no `{name}`"))
            .help(format!("write {ours}"));
    }
    let compared = here.is_some_and(|here| it.is_before(here, 1, &["=", "<>", "LIKE", "(", ","]));
    let after_in = here.is_some_and(|here| !it.is_before(here, 1, &["(", ","]) || it.is_before(here, 2, &["IN"]));
    if compared && after_in && it.word("WHERE").or(it.word("CASE")).or(it.word("ON")).is_some() {
        return unknown.help(format!("a text stands in single quotes: '{name}'"));
    }
    match columns.as_slice() {
        [] => unknown,
        columns => unknown.help(format!("there are {}", listed(columns))),
    }
}

/// A type of a column with a slip in it.
fn misspelt_type(it: &Failure<'_>, here: Option<usize>, name: &str) -> Option<Told> {
    const TYPES: [&str; 21] = [
        "STRING",
        "CHAR",
        "VARCHAR",
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INT",
        "INTEGER",
        "BIGINT",
        "DECIMAL",
        "NUMERIC",
        "FLOAT",
        "DOUBLE",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMP_LTZ",
        "BYTES",
        "ARRAY",
        "MAP",
        "ROW",
    ];
    let here = here?;
    (it.token(here.checked_sub(1)?)?.name().is_some() && it.is_before(here, 2, &["(", ","])).then_some(())?;
    let told = Told::new("unknown-type", At::AsFlinkSays, format!("Flink has no type `{name}`"));
    match closest(name, &TYPES) {
        Some(meant) => told.help(format!("write {meant}")),
        None => told.help(format!("there are {}", listed(&TYPES))),
    }
    .some()
}

/// Whether a type stands there: behind CAST(… AS, or behind a column's name.
fn is_type(it: &Failure<'_>, here: Option<usize>, in_definition: bool) -> bool {
    in_definition || here.is_some_and(|here| it.is_before(here, 1, &["AS"]))
}

/// An argument of a window's function that is not written as it takes it.
fn in_window(it: &Failure<'_>, here: usize, name: &str) -> Option<Told> {
    let open = it.bracket_around(here)?;
    let is_window = open.checked_sub(1).is_some_and(|before| it.is(before, &WINDOWS));
    if is_window && it.is_before(here, 1, &["("]) {
        let message = format!("TABLE is missing before `{name}`");
        return Told::new("window", it.place(here), message).help(format!("write TABLE {}", quoted(name))).some();
    }
    let help = format!("write DESCRIPTOR({})", quoted(name));
    is_window.then(|| Told::new("window", it.place(here), "the time of a window stands in DESCRIPTOR").help(help))
}

/// A name that SELECT gives, used where SELECT was not judged yet.
fn given_by_select(it: &Failure<'_>, name: &str, here: Option<usize>) -> Option<Told> {
    let (_, given) = it.aliases().into_iter().find(|(alias, _)| alias == name)?;
    let clause = ["WHERE", "GROUP", "ON", "HAVING", "SELECT"];
    let last = (0..here?).rev().find(|index| it.is(*index, &clause))?;
    let clause = it.token(last)?.text.to_uppercase();
    (given != here?).then_some(())?;
    let (clause, help) = match clause.as_str() {
        "SELECT" => ("SELECT", format!("repeat the expression that `{name}` stands for")),
        "GROUP" => {
            ("GROUP BY", format!("repeat the expression that `{name}` stands for; an aggregate cannot stand there"))
        }
        other => (
            other,
            format!(
                "repeat the expression that `{name}` stands for, or judge it outside: SELECT * FROM (SELECT …) WHERE {name} …"
            ),
        ),
    };
    let message = format!("`{name}` is a name that SELECT gives, and {clause} does not know it yet");
    Told::new("unknown-column", At::AsFlinkSays, message).help(help).some()
}
