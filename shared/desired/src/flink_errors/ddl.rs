//! Definitions of tables and views that say what Flink does not take.
//! Must not know connectors or queries.

use super::{At, Failure, Told, between, quoted};
use crate::suggest::closest;

const CODE: &str = "bad-definition";

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    columns(it).or_else(|| constraints(it)).or_else(|| names(it))
}

fn told(at: At, what: impl Into<String>, help: impl Into<String>) -> Option<Told> {
    Told::new(CODE, at, what).help(help).some()
}

/// The first of these words that stands there.
fn at(it: &Failure<'_>, words: &[&str]) -> At {
    words.iter().find_map(|word| it.word(word)).map_or(At::AsFlinkSays, |index| it.place(index))
}

/// Columns that are not there, are there twice, or are of another type.
fn columns(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    for (start, end) in [
        ("Primary key column '", "' is not defined"),
        ("The rowtime attribute field '", "' is not defined"),
        ("Partition column '", "' not defined"),
    ] {
        if let Some(name) = between(message, start, end) {
            let tables = it.own_table();
            let columns: Vec<&str> =
                tables.iter().flat_map(|table| &table.columns).map(|(name, _)| name.as_str()).collect();
            let clause = if start.starts_with("Partition") { "PARTITIONED" } else { "WATERMARK" };
            let place = if it.at.is_some() { At::AsFlinkSays } else { at(it, &[clause]) };
            let told = Told::new("unknown-column", place, format!("the table has no column `{name}`"));
            return match closest(name, &columns) {
                Some(meant) => told.help(format!("write {}", quoted(meant))),
                None => told.help(format!("there are {}", super::listed(&columns))),
            }
            .some();
        }
    }
    if let Some(name) = between(message, "Column named '", "'").filter(|_| message.contains("already exists")) {
        let place = it.tokens.iter().rposition(|token| token.name().as_deref() == Some(name));
        let place = place.map_or(At::AsFlinkSays, |index| it.place(index));
        return told(
            place,
            format!("`{name}` is a column of this table already"),
            "give each column a name of its own",
        );
    }
    if message.starts_with("Invalid data type of time field for watermark") {
        let (_, of_type) = message.rsplit_once("time field type is ")?;
        let help = match of_type {
            "BIGINT" | "INT" => {
                "add a column that is a time: ts AS TO_TIMESTAMP_LTZ(ms, 3), and the WATERMARK for that"
            }
            "STRING" => "add a column that is a time: ts AS TO_TIMESTAMP(text), and the WATERMARK for that",
            _ => "make it TIMESTAMP(3) or TIMESTAMP_LTZ(3)",
        };
        return told(
            at(it, &["WATERMARK"]),
            format!("a WATERMARK needs a time of at most milliseconds, and this is {of_type}"),
            help,
        );
    }
    if message.starts_with("Decimal scale must be between") {
        return told(
            at(it, &["DECIMAL"]),
            "a DECIMAL has more digits behind the point than in all",
            "write DECIMAL(all digits, digits behind the point): DECIMAL(10, 2)",
        );
    }
    None
}

/// Keys and watermarks.
fn constraints(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    if message.starts_with("Flink doesn't support ENFORCED mode for PRIMARY KEY") {
        let help = "write PRIMARY KEY (id) NOT ENFORCED, on a line of its own";
        return told(at(it, &["PRIMARY"]), "Flink does not check primary keys, and wants that said", help);
    }
    if message.starts_with("Multiple WATERMARK statements") {
        let help = "keep the one whose time the queries use";
        return told(at(it, &["WATERMARK"]), "a table has one WATERMARK", help);
    }
    if message.starts_with("UNIQUE constraint is not supported") {
        let help = "remove it, or write PRIMARY KEY (id) NOT ENFORCED";
        return told(at(it, &["UNIQUE"]), "Flink has no UNIQUE", help);
    }
    None
}

/// What a table or view is called, and what it says of its connector.
fn names(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    if message.starts_with("VIEW definition and input fields not match") {
        let help = "name as many columns behind the view's name as its query gives, or none";
        return told(at(it, &["VIEW"]), "the view names another number of columns than its query gives", help);
    }
    if message.contains("already exists in Catalog") {
        let name = between(message, "Table (or view) ", " already exists")
            .and_then(|path| path.rsplit('.').next())
            .unwrap_or("it");
        return told(
            At::AsFlinkSays,
            format!("`{name}` is defined already"),
            "keep one of the definitions, or give them different names",
        );
    }
    if message.contains("declares metadata columns, but") {
        return told(
            At::AsFlinkSays,
            "a table of this job has METADATA columns, and its connector has no metadata",
            "remove METADATA from its columns, or use another connector",
        );
    }
    None
}
