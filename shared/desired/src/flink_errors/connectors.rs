//! Connectors, formats, their options, jars and classes.
//! Must not know queries.

use super::{At, Failure, Told, between, listed};
use crate::suggest::closest;

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    factories(it).or_else(|| options(it)).or_else(|| classes(it)).or_else(|| kafka(it))
}

/// What is not there: connectors, formats, catalogs.
fn factories(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    if message.contains("do not contain an option key 'connector'") {
        let told = Told::new("no-connector", it.with_clause(), "the table says no connector");
        let keys = it.literals();
        let nearest = keys.iter().find(|(key, _)| closest(key, &["connector"]).is_some());
        return match nearest {
            Some((key, index)) => {
                Told { at: it.place(*index), ..told }.help(format!("write 'connector' instead of '{key}'"))
            }
            None => told.help("add 'connector' = 'kafka', or the one that is meant, to its WITH (…)"),
        }
        .some();
    }
    if message.contains("Catalog options do not contain an option key 'type'") {
        let told = Told::new("no-catalog-type", it.with_clause(), "the catalog says no type");
        return told.help("add 'type' = 'iceberg', or the one that is meant, to its WITH (…)").some();
    }
    let format = between(message, "Could not find any format factory for identifier '", "'");
    let factory = between(message, "Could not find any factory for identifier '", "'");
    let name = format.or(factory)?;
    let is_format = format.is_some() || message.contains("FormatFactory");
    let what = if is_format {
        "format"
    } else if message.contains("CatalogFactory") {
        "catalog type"
    } else {
        "connector"
    };
    let at = it.literal(name).map_or(At::AsFlinkSays, |index| it.place(index));
    let code = if is_format { "unknown-format" } else { "unknown-connector" };
    let told = Told::new(code, at, format!("Flink has no {what} `{name}` there"));
    let (_, available) = message.split_once("Available factory identifiers are:").unwrap_or_default();
    let available: Vec<&str> =
        available.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains(' ')).collect();
    let known = if is_format { FORMATS } else { CONNECTORS };
    let exact = known.iter().find(|(known, _)| *known == name);
    let all: Vec<&str> = available.iter().copied().chain(known.iter().map(|(known, _)| *known)).collect();
    let help = match (exact, closest(name, &all)) {
        (Some((_, jar)), _) => {
            format!("put the jar {jar} into Flink's lib/ on the cluster")
        }
        (None, Some(meant)) => format!("write '{meant}'"),
        (None, None) if !available.is_empty() => {
            format!("there are {}; put the jar of another into Flink's lib/ on the cluster", listed(&available))
        }
        (None, None) => "put its jar into Flink's lib/ on the cluster".to_owned(),
    };
    told.help(help).some()
}

#[rustfmt::skip]
const CONNECTORS: &[(&str, &str)] = &[
    ("kafka", "flink-sql-connector-kafka"), ("upsert-kafka", "flink-sql-connector-kafka"), ("jdbc", "flink-connector-jdbc and the database's driver"),
    ("kinesis", "flink-sql-connector-kinesis"), ("kinesis-legacy", "flink-sql-connector-kinesis"), ("firehose", "flink-sql-connector-aws-kinesis-firehose"),
    ("dynamodb", "flink-sql-connector-dynamodb"), ("pulsar", "flink-sql-connector-pulsar"), ("upsert-pulsar", "flink-sql-connector-pulsar"), ("mongodb", "flink-sql-connector-mongodb"),
    ("elasticsearch-7", "flink-sql-connector-elasticsearch7"), ("elasticsearch-6", "flink-sql-connector-elasticsearch6"), ("opensearch", "flink-sql-connector-opensearch"),
    ("hbase-2.2", "flink-sql-connector-hbase-2.2"), ("rabbitmq", "flink-sql-connector-rabbitmq"), ("hive", "flink-sql-connector-hive"),
    ("mysql-cdc", "flink-sql-connector-mysql-cdc"), ("postgres-cdc", "flink-sql-connector-postgres-cdc"), ("mongodb-cdc", "flink-sql-connector-mongodb-cdc"),
    ("oracle-cdc", "flink-sql-connector-oracle-cdc"), ("sqlserver-cdc", "flink-sql-connector-sqlserver-cdc"), ("db2-cdc", "flink-sql-connector-db2-cdc"), ("tidb-cdc", "flink-sql-connector-tidb-cdc"),
    ("iceberg", "iceberg-flink-runtime-1.20"), ("paimon", "paimon-flink-1.20"), ("hudi", "hudi-flink1.20-bundle"), ("delta", "delta-flink"),
    ("filesystem", "flink-connector-files"), ("datagen", "flink-connector-datagen"), ("faker", "flink-faker"), ("redis", "a connector for Redis"),
];

#[rustfmt::skip]
const FORMATS: &[(&str, &str)] = &[
    ("json", "flink-json"), ("debezium-json", "flink-json"), ("canal-json", "flink-json"), ("maxwell-json", "flink-json"), ("ogg-json", "flink-json"), ("csv", "flink-csv"),
    ("avro", "flink-sql-avro"), ("avro-confluent", "flink-sql-avro-confluent-registry"), ("debezium-avro-confluent", "flink-sql-avro-confluent-registry"), ("avro-glue", "flink-avro-glue-schema-registry"),
    ("parquet", "flink-sql-parquet"), ("orc", "flink-sql-orc"), ("protobuf", "flink-sql-protobuf"), ("raw", "flink-table-runtime"),
];

/// Options of a connector.
fn options(it: &Failure<'_>) -> Option<Told> {
    unknown_options(it).or_else(|| given_options(it)).or_else(|| direction(it)).or_else(|| metadata(it))
}

/// The lines of a list of Flink's.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn unknown_options(it: &Failure<'_>) -> Option<Told> {
    let (_, rest) = it.message.split_once("Unsupported options:")?;
    let (unknown, supported) = rest.split_once("Supported options:").unwrap_or((rest, ""));
    let (unknown, known) = (lines(unknown), lines(supported));
    let first = unknown.first()?;
    let connector = between(it.message, "Unsupported options found for '", "'").unwrap_or("this connector");
    let at = it.literal(first).map_or_else(|| it.with_clause(), |index| it.place(index));
    let shown: Vec<String> = unknown.iter().map(|name| format!("'{name}'")).collect();
    let told = Told::new("unknown-option", at, format!("`{connector}` does not know {}", listed(&shown)));
    let meant = |name: &&str| Some(format!("'{}' instead of '{name}'", closest(name, &known)?));
    let meant: Vec<String> = unknown.iter().filter_map(meant).collect();
    let help = if meant.is_empty() {
        format!("remove it; there are {}", listed(&known))
    } else {
        format!("write {}", listed(&meant))
    };
    told.help(help).some()
}

/// Options that are missing, or whose values cannot be read.
fn given_options(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    if let Some((_, missing)) = message.split_once("Missing required options are:") {
        return Some(missing_options(it, &lines(missing)));
    }
    for (start, end) in [
        ("Could not find required scan format '", "'"),
        ("Could not find required sink format '", "'"),
        ("Could not find required format '", "'"),
    ] {
        if let Some(name) = between(message, start, end) {
            let plain = if name == "value.format" { "format" } else { name };
            return Some(missing_options(it, &[plain]));
        }
    }
    if message.contains("Either 'topic' or 'topic-pattern' must be set") {
        return Some(missing_options(it, &["topic"]));
    }
    let (value, key) =
        between(message, "Could not parse value '", "' for key '").zip(between(message, "' for key '", "'"))?;
    Some(bad_value(it, key, value))
}

/// A connector that only reads or only writes.
fn direction(it: &Failure<'_>) -> Option<Told> {
    for (can, cannot) in [("sink", "source"), ("source", "sink")] {
        let Some(connector) = between(it.message, "Connector '", &format!("' can only be used as a {can}.")) else {
            continue;
        };
        let at = it.literal(connector).map_or(At::AsFlinkSays, |index| it.place(index));
        let what = if can == "sink" {
            "can only be written to, and the job reads it"
        } else {
            "can only be read, and the job writes into it"
        };
        let told = Told::new("wrong-connector", at, format!("a `{connector}` table {what}"));
        return told.help(format!("use another table, or a connector that can be a {cannot}")).some();
    }
    None
}

fn metadata(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    let key = between(message, "Invalid metadata key '", "'").filter(|_| message.starts_with("Invalid metadata"))?;
    let table = between(message, "of table '", "'").and_then(|path| path.rsplit('.').next())?;
    let (_, keys) =
        message.split_once("for reading:").or_else(|| message.split_once("for writing:")).unwrap_or_default();
    let keys = lines(keys);
    let told = Told::new("unknown-metadata", At::Target, format!("`{table}` has no metadata '{key}'"));
    let help =
        closest(key, &keys).map_or_else(|| format!("there are {}", listed(&keys)), |key| format!("write '{key}'"));
    it.at_definition(table, told.help(help)).some()
}

fn missing_options(it: &Failure<'_>, missing: &[&str]) -> Told {
    let shown: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
    let told = Told::new("missing-option", it.with_clause(), format!("the table's WITH (…) lacks {}", listed(&shown)));
    let keys = it.literals();
    let mistyped = missing.iter().find_map(|name| {
        let given = keys.iter().find(|(key, _)| key != name && closest(key, &[name]).is_some())?;
        Some((name, given))
    });
    match mistyped {
        Some((name, (given, index))) => {
            Told { at: it.place(*index), ..told }.help(format!("write '{name}' instead of '{given}'"))
        }
        None => told.help(format!("add {} = '…' to it", listed(&shown))),
    }
}

fn bad_value(it: &Failure<'_>, key: &str, value: &str) -> Told {
    let expected = between(it.message, "Expected one of: [[", "]]");
    let at = it.literals().iter().position(|(literal, _)| literal == key);
    let at = at.and_then(|_| it.literal(value)).or_else(|| it.literal(key));
    let told = Told::new(
        "bad-option-value",
        at.map_or(At::AsFlinkSays, |index| it.place(index)),
        format!("`{key}` cannot be '{value}'"),
    );
    let help = match expected {
        Some(expected) => {
            let values: Vec<&str> = expected.split(", ").collect();
            match closest(value, &values) {
                Some(meant) => format!("write '{meant}'"),
                None => format!("it is one of {}", listed(&values)),
            }
        }
        None if it.message.contains("boolean") => "it is true or false".to_owned(),
        None if it.message.contains("For input string") => "it is a number".to_owned(),
        None if it.message.contains("text does not start with a number") => {
            "it is a time such as `30 s`, or a size such as `64 mb`".to_owned()
        }
        None => "look up what it takes".to_owned(),
    };
    told.help(help)
}

/// Functions whose classes or files are not there.
fn classes(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    let function = between(message, "user-defined function '", "'").or_else(|| between(message, "of function '", "'"));
    let name = function.and_then(|path| path.rsplit('.').next());
    let told = |text: String, help: String| {
        let told = Told::new("no-class", At::AsFlinkSays, text).help(help);
        let named = name.and_then(|name| it.tokens.iter().position(|token| token.name().as_deref() == Some(name)));
        Some(match named {
            Some(index) if it.at.is_none() => Told { at: it.place(index), ..told },
            Some(_) | None => told,
        })
    };
    if message.starts_with("Cannot instantiate user-defined function") {
        let (_, class) = message.rsplit_once(": ")?;
        let name = name.unwrap_or_default();
        if class.contains("does not extend") {
            return told(
                format!("the class of `{name}` is no function of Flink: {class}"),
                "name a class that extends ScalarFunction, TableFunction or AggregateFunction".to_owned(),
            );
        }
        let help = "put its jar into Flink's lib/ on the cluster, or name it: CREATE FUNCTION … USING JAR '…'";
        return told(format!("the class of `{name}` is not there: {class}"), help.to_owned());
    }
    if message.contains("jar resource [") && message.contains("not found") {
        let jar = between(message, "jar resource [", "]")?;
        return told(
            format!("there is no jar {jar}"),
            "correct its path after USING JAR, or upload it there".to_owned(),
        );
    }
    if let Some(jar) = between(message, "names a file that does not exist: ", "\n")
        .or_else(|| message.split_once("names a file that does not exist: ").map(|(_, jar)| jar))
    {
        let text = format!("`pipeline.jars` names {jar}, and there is no such file on the cluster's primary node");
        return told(text, "put the jar there, or correct the path; several are separated by `;`".to_owned());
    }
    if let Some(jar) = message.strip_prefix("no protocol: ") {
        return told(
            format!("`pipeline.jars` names {jar} without saying what it is"),
            format!("write file:///path/{jar}"),
        );
    }
    if message.contains("ClassNotFoundException") || message.contains("NoClassDefFoundError") {
        return told(message.to_owned(), "put the jar that has this class into Flink's lib/ on the cluster".to_owned());
    }
    if message.starts_with("Instantiating python function") {
        let function = between(message, "Instantiating python function '", "'")?;
        let last =
            message.lines().map(str::trim).rfind(|line| line.contains("Error: ")).unwrap_or("it raised an error");
        let help = "make its module known with `python.files`, and its packages with `python.requirements`";
        return told(format!("the Python function {function} cannot be loaded: {last}"), help.to_owned());
    }
    if message.contains("No suitable driver") {
        return told(message.to_owned(), "put the database's JDBC driver into Flink's lib/ on the cluster".to_owned());
    }
    None
}

/// What Kafka's connector asks for only when the job is translated.
fn kafka(it: &Failure<'_>) -> Option<Told> {
    it.message.starts_with("Property group.id is required").then_some(())?;
    let told = Told::new("missing-option", At::Target, "a Kafka table that starts where its group is needs a group");
    let told = told
        .help("add 'properties.group.id' = '{group_id}', or another start: 'scan.startup.mode' = 'earliest-offset'");
    let groupless = it
        .launch
        .statements
        .iter()
        .zip(it.launch.statements.iter().enumerate())
        .find(|(statement, _)| statement.sql.contains("'kafka'") && !statement.sql.contains("properties.group.id"));
    let definition = groupless.map(|(_, (index, _))| index);
    Some(match definition {
        Some(index) => Told { at: At::Definition(index, 0..6), ..told },
        None => told,
    })
}

impl Failure<'_> {
    /// The WITH of a definition, else its name.
    fn with_clause(&self) -> At {
        self.word("WITH")
            .or_else(|| (!self.tokens.is_empty()).then_some(self.tokens.len().min(3) - 1))
            .map_or(At::AsFlinkSays, |index| self.place(index))
    }

    /// The texts in quotes, and where.
    fn literals(&self) -> Vec<(String, usize)> {
        let each = self.tokens.iter().enumerate();
        each.filter_map(|(index, token)| Some((token.literal_value()?, index))).collect()
    }
}
