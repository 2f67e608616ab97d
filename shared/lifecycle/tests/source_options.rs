//! Which options of a table say which data it is, by whether the job reads or writes it.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use desired::manifest::{Body, JobManifest, JobName};
use desired::tables::{Parameters, TableFile, forgotten_offsets, parse};
use desired::target::Target;
use lifecycle::change::{Change, ChangeKind};

fn target(tables: &str, query: &str) -> Target {
    let manifest = JobManifest {
        name: JobName::try_from("job").unwrap(),
        description: String::new(),
        target_table: "w".to_owned(),
        body: Body::Sql(query.to_owned()),
        properties: std::collections::BTreeMap::new(),
        operating: desired::manifest::Operating::default(),
    };
    let files = [TableFile { key: "t.sql".to_owned(), text: tables.to_owned() }];
    Target::of(manifest, &parse(&files, &Parameters::default()).unwrap(), "")
}

fn table(name: &str, options: &str) -> String {
    format!("CREATE TABLE {name} (a INT) WITH ({options});")
}

fn change(old: &str, new: &str, query: &str) -> Change {
    Change::between(&target(old, query), &target(new, query))
}

/// Connectors, an option, and what a changed value of it is for a job that reads the table.
const OPTIONS: &[(&[&str], &[&str], ChangeKind)] = &[
    (
        &["kafka", "upsert-kafka"],
        &[
            "topic",
            "topic-pattern",
            "properties.bootstrap.servers",
            "properties.isolation.level",
            "format",
            "value.format",
            "key.format",
            "key.fields",
            "value.fields-include",
            "scan.bounded.mode",
            "properties.interceptor.classes",
            "json.timestamp-format.standard",
            "avro-confluent.url",
            "no-such-option",
        ],
        ChangeKind::Query,
    ),
    (
        &["kafka", "upsert-kafka"],
        &[
            "scan.startup.mode",
            "scan.startup.timestamp-millis",
            "scan.startup.specific-offsets",
            "properties.auto.offset.reset",
            "properties.group.id",
            "properties.client.id",
            "properties.fetch.min.bytes",
            "properties.max.poll.records",
            "properties.max.poll.interval.ms",
            "properties.sasl.jaas.config",
            "properties.security.protocol",
            "properties.ssl.truststore.location",
            "scan.parallelism",
            "scan.topic-partition-discovery.interval",
            "scan.watermark.idle-timeout",
            "json.ignore-parse-errors",
            "value.json.fail-on-missing-field",
            "sink.delivery-guarantee",
            "sink.parallelism",
        ],
        ChangeKind::Configuration,
    ),
    (&["kinesis"], &["stream", "stream.arn", "aws.region", "aws.endpoint", "format"], ChangeKind::Query),
    (
        &["kinesis"],
        &[
            "scan.stream.initpos",
            "source.init.position",
            "scan.shard.getrecords.maxrecordcount",
            "scan.stream.efo.consumername",
            "source.shard.discovery.interval",
            "aws.credentials.provider",
            "aws.credentials.basic.secretkey",
        ],
        ChangeKind::Configuration,
    ),
    (&["filesystem"], &["path", "format", "source.path.regex-pattern", "partition.default-name"], ChangeKind::Query),
    (
        &["filesystem"],
        &["source.monitor-interval", "sink.rolling-policy.file-size", "auto-compaction"],
        ChangeKind::Configuration,
    ),
    (&["jdbc"], &["url", "table-name", "driver", "scan.partition.lower-bound"], ChangeKind::Query),
    (
        &["jdbc"],
        &["username", "password", "scan.fetch-size", "lookup.cache", "sink.max-retries"],
        ChangeKind::Configuration,
    ),
    (
        &[
            "mysql-cdc",
            "postgres-cdc",
            "sqlserver-cdc",
            "oracle-cdc",
            "mongodb-cdc",
            "db2-cdc",
            "tidb-cdc",
            "vitess-cdc",
        ],
        &[
            "table-name",
            "database-name",
            "schema-name",
            "hostname",
            "hosts",
            "port",
            "collection",
            "slot.name",
            "server-time-zone",
            "debezium.snapshot.mode",
            "keyspace",
            "pd-addresses",
        ],
        ChangeKind::Query,
    ),
    (
        &[
            "mysql-cdc",
            "postgres-cdc",
            "sqlserver-cdc",
            "oracle-cdc",
            "mongodb-cdc",
            "db2-cdc",
            "tidb-cdc",
            "vitess-cdc",
        ],
        &[
            "scan.startup.mode",
            "username",
            "password",
            "connect.timeout",
            "heartbeat.interval",
            "scan.watermark.idle-timeout",
        ],
        ChangeKind::Configuration,
    ),
    (
        &["pulsar"],
        &["topics", "service-url", "admin-url", "value.format", "source.subscription-type"],
        ChangeKind::Query,
    ),
    (
        &["pulsar"],
        &["source.start.message-id", "source.subscription-name", "pulsar.client.authParams"],
        ChangeKind::Configuration,
    ),
    (&["datagen"], &["number-of-rows", "fields.a.kind", "fields.a.start"], ChangeKind::Query),
    (&["datagen"], &["rows-per-second"], ChangeKind::Configuration),
    (&["iceberg"], &["catalog-name", "warehouse", "uri", "catalog-table", "streaming"], ChangeKind::Query),
    (&["iceberg"], &["monitor-interval", "starting-strategy", "start-snapshot-id"], ChangeKind::Configuration),
    (&["paimon"], &["path", "incremental-between", "file.format"], ChangeKind::Query),
    (&["paimon"], &["scan.mode", "consumer-id", "continuous.discovery-interval"], ChangeKind::Configuration),
    (&["hudi"], &["path", "table.type", "read.streaming.enabled", "read.end-commit"], ChangeKind::Query),
    (&["hudi"], &["read.start-commit", "read.tasks", "read.streaming.check-interval"], ChangeKind::Configuration),
    (&["no-such-connector"], &["scan.startup.mode", "password", "x", "scan.watermark.idle-timeout"], ChangeKind::Query),
];

#[test]
fn what_is_not_known_to_be_harmless_starts_over_and_says_why() {
    for (connectors, options, kind) in OPTIONS {
        for (connector, option) in connectors.iter().flat_map(|it| options.iter().map(move |option| (it, option))) {
            let with = |name: &str, value: &str| {
                table(
                    name,
                    &format!(
                        "'connector'='{connector}'{}",
                        if value.is_empty() { String::new() } else { format!(", '{option}'='{value}'") }
                    ),
                )
            };
            for (before, after) in [("1", "2"), ("2", "1"), ("", "1"), ("1", "")] {
                let read = change(&with("r", before), &with("r", after), "SELECT * FROM r");
                assert_eq!(read.kind, *kind, "{connector} {option}");
                let [difference] = read.differences.as_slice() else { unreachable!("{:?}", read.differences) };
                let reads = if *kind == ChangeKind::Query { ", which it reads" } else { "" };
                assert_eq!(difference.field, format!("table r{reads}: option {option}"));
                let through_view = "CREATE VIEW v AS SELECT * FROM r;";
                let viewed =
                    change(&(with("r", before) + through_view), &(with("r", after) + through_view), "SELECT * FROM v");
                assert_eq!(viewed, read);
                let written = change(&with("w", before), &with("w", after), "SELECT 1");
                assert_eq!(written.kind, ChangeKind::Configuration, "{connector} {option}");
                let both = change(&with("w", before), &with("w", after), "SELECT * FROM w");
                assert_eq!(both.kind, *kind, "{connector} {option}");
            }
        }
    }
}

#[test]
fn topics_may_grow() {
    let kafka = |topic: &str| table("r", &format!("'connector'='kafka', 'topic'='{topic}'"));
    let cases = [
        ("a", "a;b", ChangeKind::Configuration),
        ("a;b", "b ; a;c", ChangeKind::Configuration),
        ("a;b", "b;a", ChangeKind::Configuration),
        ("a;b", "a", ChangeKind::Query),
        ("a", "b", ChangeKind::Query),
        ("a", "a.b", ChangeKind::Query),
    ];
    for (before, after, kind) in cases {
        assert_eq!(change(&kafka(before), &kafka(after), "SELECT * FROM r").kind, kind, "{before} {after}");
    }
    let pulsar = |topics: &str| table("r", &format!("'connector'='pulsar', 'topics'='{topics}'"));
    assert_eq!(change(&pulsar("a"), &pulsar("a;b"), "SELECT * FROM r").kind, ChangeKind::Query);
    let other = |topic: &str| table("r", &format!("'connector'='other', 'topic'='{topic}'"));
    assert_eq!(change(&other("a"), &other("a;b"), "SELECT * FROM r").kind, ChangeKind::Query);
}

/// `LIKE` takes options over: they are those of the connector of the table that has one.
#[test]
fn the_connector_is_found_through_like() {
    let derived = |option: &str| {
        table("base", "'connector'='kafka', 'topic'='a', 'properties.bootstrap.servers'='k'")
            + "CREATE TABLE mid LIKE base;"
            + &format!("CREATE TABLE r WITH ({option}) LIKE mid;")
    };
    let base = |option: &str| {
        table("base", option) + "CREATE TABLE mid LIKE base; CREATE TABLE r WITH ('connector'='kafka') LIKE mid;"
    };
    let cases = [
        (derived("'scan.parallelism'='1'"), derived("'scan.parallelism'='2'"), ChangeKind::Configuration),
        (derived("'topic'='b'"), derived("'topic'='c'"), ChangeKind::Query),
        (base("'scan.parallelism'='1'"), base("'scan.parallelism'='2'"), ChangeKind::Configuration),
        (base("'format'='json'"), base("'format'='csv'"), ChangeKind::Query),
    ];
    for (old, new, kind) in cases {
        assert_eq!(change(&old, &new, "SELECT * FROM r").kind, kind, "{old}\n{new}");
        assert_eq!(change(&old, &new, "SELECT * FROM other").kind, ChangeKind::Unchanged);
        assert_eq!(change(&old, &new, "SELECT * FROM default_catalog.default_database.r").kind, kind);
        let written = |text: &str| text.replace(" r ", " w ");
        assert_eq!(change(&written(&old), &written(&new), "SELECT 1").kind, ChangeKind::Configuration, "{old}\n{new}");
    }
}

#[test]
fn references_to_secrets_are_shown_and_values_are_not() {
    let old = table("r", "'connector'='jdbc', 'password'='${ssm:/old}', 'url'='${env:URL_PASSWORD}'");
    let new = table("r", "'connector'='jdbc', 'password'='hunter2', 'url'='jdbc:x://u:hunter2@h'");
    let change = change(&old, &new, "SELECT * FROM r");
    let lines: Vec<_> = change.differences.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "table r, which it reads: option url: ${env:URL_PASSWORD} -> *** (after)",
            "table r: option password: ${ssm:/old} -> *** (after)",
        ]
    );
}

#[test]
fn a_group_that_never_committed_is_warned_of() {
    let warned = |options: &str| {
        let files = [TableFile { key: "t.sql".to_owned(), text: format!("-- x\n{}", table("r", options)) }];
        forgotten_offsets(&parse(&files, &Parameters::default()).unwrap())
    };
    let group = "'connector'='kafka', 'properties.group.id'='x-{group_id}'";
    for options in [group.to_owned(), format!("{group}, 'scan.startup.mode'='Group-Offsets'")] {
        let found = warned(&options);
        assert_eq!(found.len(), 1, "{options}");
        assert_eq!((found[0].file.as_str(), found[0].line), ("t.sql", 2));
        assert!(found[0].message.contains("never committed"), "{}", found[0].message);
    }
    let good = [
        format!("{group}, 'properties.auto.offset.reset'='earliest'"),
        format!("{group}, 'scan.startup.mode'='earliest-offset'"),
        "'connector'='kafka', 'properties.group.id'='x'".to_owned(),
        "'connector'='kafka'".to_owned(),
        "'connector'='upsert-kafka', 'properties.group.id'='{group_id}'".to_owned(),
    ];
    for options in good {
        assert_eq!(warned(&options), [], "{options}");
    }
    let none = warned(&format!("{group}, 'properties.auto.offset.reset'='none'"));
    assert_eq!(none.len(), 1);
}
