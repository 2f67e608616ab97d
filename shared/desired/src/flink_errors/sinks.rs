//! What the query gives and what its target takes.
//! Must not know syntax.

use std::fmt::Write as _;

use super::{At, Failure, Told, between, types};
use crate::printable::count;
use crate::sql::{TokenKind, is_reserved};
use crate::suggest::closest;

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    if message.starts_with("Column types of query result and sink") {
        return schema(it);
    }
    if message.contains("doesn't support consuming") && message.contains("changes") {
        return Some(changes(it));
    }
    let key = message.contains("declare primary key for sink") || message.contains("require to define a PRIMARY KEY");
    if key || message.contains("primary key") && message.contains("when query contains update") {
        let name = it.target_name();
        let what = format!("`{name}` needs a primary key: the query changes rows that it gave before");
        let help = "add PRIMARY KEY (column) NOT ENFORCED to the table's definition";
        return it.at_definition(&name, Told::new("no-primary-key", At::Target, what).help(help)).some();
    }
    None
}

/// Its name and type.
type Column = (String, String);
type Columns = Vec<Column>;

/// Only what differs, and nothing of the columns that we add.
fn schema(it: &Failure<'_>) -> Option<Told> {
    let query = columns(it.between("Query schema: [", "]\n").or_else(|| it.between("Query schema: [", "]"))?);
    let (_, sink) = it.message.split_once("Sink schema:")?;
    let sink = columns(sink.trim().trim_start_matches('[').trim_end_matches(']'));
    let stamp = it.stamp();
    let ours = |(name, _): &(String, String)| name.starts_with("__query_") || Some(name.as_str()) == stamp.as_deref();
    let split = |all: Columns| -> (Columns, Columns) { all.into_iter().partition(|column| !ours(column)) };
    let ((given, added), (taken, has)) = (split(query), split(sink));
    let target = it.target_name();
    if given.len() != taken.len() {
        return other_number(it, &given, &taken);
    }
    added_columns(&target, &added, &has).or_else(|| {
        let all: Vec<_> = given.iter().zip(&taken).chain(added.iter().zip(&has)).collect();
        other_types(it, &all, names(&given), names(&taken))
    })
}

fn told(message: String, help: impl Into<String>) -> Option<Told> {
    Told::new("sink-schema", At::Target, message).help(help).some()
}

fn names(columns: &Columns) -> Vec<String> {
    columns.iter().map(|(name, _)| name.clone()).collect()
}

/// Whether the columns that we add are there, in their order.
fn added_columns(target: &str, added: &Columns, has: &Columns) -> Option<Told> {
    let lacks: Vec<String> = added.iter().filter(|(name, _)| !names(has).contains(name)).map(shown).collect();
    if !lacks.is_empty() {
        let message = format!("`{target}` lacks columns that are written into every row: {}", lacks.join(", "));
        return told(message, "add them to the end of the table's definition, in this order");
    }
    if names(added) != names(has) {
        let message = format!("`{target}` has the columns that are written into every row in another order");
        return told(message, format!("write them last, as {}", names(added).join(", ")));
    }
    None
}

/// The pairs of columns whose types differ, or that are in another order.
fn other_types(
    it: &Failure<'_>,
    pairs: &[(&Column, &Column)],
    mut from: Vec<String>,
    mut to: Vec<String>,
) -> Option<Told> {
    let position = it.between("Incompatible types for sink column '", "'").unwrap_or_default();
    let differ = |(query, sink): &&(&Column, &Column)| {
        sink.0 == position || root(&query.1) != root(&sink.1) && !related(&query.1, &sink.1)
    };
    let line = |(query, sink): &(&Column, &Column)| {
        format!("\n  `{}` is {}, and the query gives `{}`, {}", sink.0, plain(&sink.1), query.0, plain(&query.1))
    };
    let lines: Vec<String> = pairs.iter().filter(differ).map(line).collect();
    let message = format!("the columns of the query do not fit those of `{}`:{}", it.target_name(), lines.concat());
    let wanted = to.join(", ");
    from.sort();
    to.sort();
    if from == to {
        told(message, format!("their order counts, not their names: SELECT {wanted}"))
    } else {
        told(message, "CAST the columns in the query, or change the table's definition")
    }
}

/// The query gives another number of columns than the table takes.
fn other_number(it: &Failure<'_>, given: &Columns, taken: &Columns) -> Option<Told> {
    let (from, to) = (names(given), names(taken));
    let absent: Vec<String> = taken.iter().filter(|(name, _)| !from.contains(name)).map(shown).collect();
    let surplus: Vec<String> = given.iter().filter(|(name, _)| !to.contains(name)).map(shown).collect();
    let (columns, target) = (count(given.len(), "column"), it.target_name());
    let mut message = format!("the query gives {columns} and `{target}` takes {}", taken.len());
    if !absent.is_empty() {
        let _ = write!(message, "\n  only in the table: {}", absent.join(", "));
    }
    if !surplus.is_empty() {
        let _ = write!(message, "\n  only in the query: {}", surplus.join(", "));
    }
    if let Some((first, second, at)) = it.renamed_by_accident(&surplus).filter(|_| given.len() < taken.len()) {
        let help = format!("write a comma between them: `{first} {second}` is {first} under the name {second}");
        return Told::new("sink-schema", it.place(at), message).help(help).some();
    }
    let order = super::listed(&to);
    told(message, format!("select {order}, in this order; a column that the query lacks can be CAST(NULL AS type)"))
}

fn shown((name, of_type): &(String, String)) -> String {
    format!("{name} {}", plain(of_type))
}

fn plain(of_type: &str) -> String {
    types::written(of_type)
}

/// `VARCHAR` of `VARCHAR(10) NOT NULL`.
fn root(of_type: &str) -> String {
    plain(of_type).chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// Types that Flink turns into each other by itself.
fn related(a: &str, b: &str) -> bool {
    let families: [&[&str]; 3] = [
        &["TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE"],
        &["STRING", "CHAR", "VARCHAR"],
        &["TIMESTAMP", "TIMESTAMP_LTZ", "DATE"],
    ];
    families.iter().any(|family| [a, b].iter().all(|one| family.contains(&root(one).as_str())))
}

/// `[a: STRING, b: ROW<c INT, d INT>]` without its brackets.
fn columns(text: &str) -> Columns {
    let mut columns = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    let ends = text.char_indices().chain([(text.len(), ',')]);
    for (at, character) in ends {
        match character {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 || at == text.len() => {
                let part = text.get(start..at).unwrap_or_default().trim();
                columns
                    .extend(part.split_once(": ").map(|(name, of)| (name.trim_matches('`').to_owned(), of.to_owned())));
                start = at + 1;
            }
            _ => {}
        }
    }
    columns
}

/// A query that changes rows, into a table that takes new ones only.
fn changes(it: &Failure<'_>) -> Told {
    let name = it.between("Table sink '", "'").and_then(|path| path.rsplit('.').next()).unwrap_or_default();
    let node = it.between("produced by node ", "(").unwrap_or_default();
    let (what, word) = match node {
        "GroupAggregate" if it.word("GROUP").is_none() => ("DISTINCT, or an aggregate without a window,", "DISTINCT"),
        "GroupAggregate" | "GlobalGroupAggregate" => ("GROUP BY without a window", "GROUP"),
        "Join" => ("a join without a limit in time", "JOIN"),
        "Rank" => ("a ranking", "ROW_NUMBER"),
        "Deduplicate" => ("keeping the last row of each key", "ROW_NUMBER"),
        "Limit" | "SortLimit" => ("LIMIT", "LIMIT"),
        "OverAggregate" => ("OVER", "OVER"),
        _ => ("a part of the query", ""),
    };
    let at = it.word(word).map_or(At::Target, |index| it.place(index));
    let message = format!("`{name}` takes new rows only, and {what} changes rows that were given before");
    let instead = match node {
        "GroupAggregate" | "GlobalGroupAggregate" => {
            "group by window_start and window_end of a window, FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE))"
        }
        "Join" => "limit the join in time, a.ts BETWEEN b.ts - INTERVAL '1' HOUR AND b.ts; an outer one too",
        "Rank" => "rank in windows",
        "Deduplicate" => "keep the first row: ORDER BY ts ASC",
        _ => "leave it out",
    };
    let help =
        format!("{instead}; or write into a table that takes changes, such as upsert-kafka or jdbc with a PRIMARY KEY");
    Told::new("changes-into-append-only", at, message).help(help)
}

impl Failure<'_> {
    /// The column that holds the time stamp, as the INSERT has it.
    fn stamp(&self) -> Option<String> {
        let rest = self.launch.insert.split_once(" SELECT *, NOW() AS ")?.1;
        rest.split_once(',').map(|(name, _)| name.trim_matches('`').to_owned())
    }

    /// Two names without a comma: the second became the name of the first.
    fn renamed_by_accident(&self, surplus: &[String]) -> Option<(&str, &str, usize)> {
        let end = self.word("FROM").unwrap_or(self.tokens.len());
        let pair = self.tokens.get(..end)?.windows(2).position(|pair| {
            let [first, second] = pair else { return false };
            let names = [first, second].iter().all(|token| token.kind == TokenKind::Word && !is_reserved(token.text));
            names && surplus.iter().any(|column| column.split(' ').next() == Some(second.text))
        })?;
        Some((self.token(pair)?.text, self.token(pair + 1)?.text, pair + 1))
    }

    /// The last part of the target's name.
    pub(super) fn target_name(&self) -> String {
        let sink = between(self.message, "sink for '", "'").and_then(|path| path.rsplit('.').next());
        let written = self.launch.insert.strip_prefix("INSERT INTO ").unwrap_or_default();
        let path = crate::sql::target_path(written.split(" SELECT ").next().unwrap_or_default());
        sink.map(str::to_owned).or_else(|| path.map(|path| path.last().to_owned())).unwrap_or_default()
    }

    /// The same at the definition of a table, where it is known.
    pub(super) fn at_definition(&self, table: &str, told: Told) -> Told {
        let tables = self.tables();
        let names: Vec<&str> = tables.iter().map(|it| it.name.as_str()).collect();
        let exact = names.iter().position(|name| *name == table);
        let found = exact.or_else(|| names.iter().position(|name| Some(*name) == closest(table, &names)));
        let Some(definition) = found.and_then(|index| tables.get(index)).map(|table| table.definition) else {
            return told;
        };
        let sql = self.launch.statements.get(definition).map_or("", |statement| statement.sql.as_str());
        let tokens = crate::sql::tokens(sql).unwrap_or_default();
        let name = tokens.iter().find(|token| token.name().as_deref() == Some(table)).or(tokens.first());
        Told { at: At::Definition(definition, name.map_or(0..1, |token| token.offset..token.end())), ..told }
    }
}
