//! Definitions of tables and views that say what Flink does not take.
//! Must not know connectors or queries.

use super::{At, Failure, Told, between, quoted};
use crate::suggest::closest;

const CODE: &str = "bad-definition";

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    let at =
        |words: &[&str]| words.iter().find_map(|word| it.word(word)).map_or(At::AsFlinkSays, |index| it.place(index));
    let told = |at: At, what: String, help: String| Told::new(CODE, at, what).help(help).some();
    if message.starts_with("Flink doesn't support ENFORCED mode for PRIMARY KEY") {
        let help = "write PRIMARY KEY (id) NOT ENFORCED, on a line of its own".to_owned();
        return told(at(&["PRIMARY"]), "Flink does not check primary keys, and wants that said".to_owned(), help);
    }
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
            let place = if it.at.is_some() { At::AsFlinkSays } else { at(&[clause]) };
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
            "give each column a name of its own".to_owned(),
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
            at(&["WATERMARK"]),
            format!("a WATERMARK needs a time of at most milliseconds, and this is {of_type}"),
            help.to_owned(),
        );
    }
    if message.starts_with("Multiple WATERMARK statements") {
        return told(
            at(&["WATERMARK"]),
            "a table has one WATERMARK".to_owned(),
            "keep the one whose time the queries use".to_owned(),
        );
    }
    if message.starts_with("UNIQUE constraint is not supported") {
        return told(
            at(&["UNIQUE"]),
            "Flink has no UNIQUE".to_owned(),
            "remove it, or write PRIMARY KEY (id) NOT ENFORCED".to_owned(),
        );
    }
    if message.starts_with("VIEW definition and input fields not match") {
        let help = "name as many columns behind the view's name as its query gives, or none".to_owned();
        return told(at(&["VIEW"]), "the view names another number of columns than its query gives".to_owned(), help);
    }
    if message.contains("already exists in Catalog") {
        let name = between(message, "Table (or view) ", " already exists")
            .and_then(|path| path.rsplit('.').next())
            .unwrap_or("it");
        return told(
            At::AsFlinkSays,
            format!("`{name}` is defined already"),
            "keep one of the definitions, or give them different names".to_owned(),
        );
    }
    if message.contains("declares metadata columns, but") {
        return told(
            At::AsFlinkSays,
            "a table of this job has METADATA columns, and its connector has no metadata".to_owned(),
            "remove METADATA from its columns, or use another connector".to_owned(),
        );
    }
    if message.starts_with("Decimal scale must be between") {
        return told(
            at(&["DECIMAL"]),
            "a DECIMAL has more digits behind the point than in all".to_owned(),
            "write DECIMAL(all digits, digits behind the point): DECIMAL(10, 2)".to_owned(),
        );
    }
    None
}
