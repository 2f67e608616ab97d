//! What Flink refuses, told in people's own files: from the upload over the plan to the record and its words.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

mod node;

use desired::diagnostics::SourceFile;
use desired::inputs::{FileVerdict, InputFile, InputFiles, Inputs};
use desired::launch::Rejection;
use desired::manifest::Policy;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::{Record, Source};
use lifecycle::documents::{read, write};
use lifecycle::execute::{Effect, Input, State, step};
use lifecycle::orchestrate::{Ruling, Situation, decide};
use node::{Node, id, name, settle, situation};

fn input(name: &str, text: &str) -> InputFile {
    InputFile { file: SourceFile::new(name, text), etag: "e".to_owned() }
}

const TABLES: &str = "-- who buys what\nCREATE TABLE orders (\n  buyer STRING, price DECIMAL(10, 2)\n) WITH ('connector' = 'datagen');\n\
                      CREATE TABLE sink (buyer STRING)\n  WITH ('connector' = 'prnt');\n";
const REST: &str =
    "flinkProperties:\n  state.checkpoints.dir: s3://b/c/orders\n  state.savepoints.dir: s3://b/s/orders\n";

/// The inputs of one manifest with this text of its query.
fn inputs(sql: &str) -> Inputs {
    let manifest = format!("name: orders\ndescription: x\ntarget-table: sink\n{sql}\n{REST}");
    let files = InputFiles {
        queries: vec![input("queries/eu/orders.yaml", &manifest)],
        tables: vec![input("config/tables/orders.sql", TABLES)],
        ..InputFiles::default()
    };
    Inputs::read(&files, &Policy::default())
}

/// What the record says after Flink refused the job with this.
fn told(sql: &str, rejection: &Rejection) -> String {
    let inputs = inputs(sql);
    let findings: Vec<_> = inputs.manifests.iter().chain(&inputs.config).flat_map(FileVerdict::errors).collect();
    assert!(findings.is_empty(), "{findings:?}");
    let record = Record::fresh(name(), id(0), Source::Queries);
    let situation = Situation { written: inputs.written(&name()).cloned(), ..situation(1) };
    let Ruling::Operate(mut open) = decide(&record, &inputs.desired(&name()).0, &situation) else { panic!("{sql}") };
    // As it travels to the node.
    open.plan = read::<Plan>(&write(&open.plan)).unwrap();
    let (mut node, mut state, mut input) = (Node::default(), State::new(), Input::Begin);
    let result = loop {
        let (next, effect) = step(&open.plan, state, input);
        state = next;
        input = match effect {
            Effect::Prepare(_) => Input::Rejected(rejection.clone()),
            Effect::WriteResult(outcome) => break outcome,
            effect => node.carry_out(&open.plan, effect),
        };
    };
    let record = settle(record, &open, &result);
    record.history.last().unwrap().detail.clone()
}

fn rejection(kind: &str, message: &str, line: u32, column: u32) -> Rejection {
    let (line, column) = (Some(line), Some(column));
    Rejection { kind: kind.to_owned(), origin: None, message: message.to_owned(), line, column }
}

const NO_COLUMN: &str = "Column 'pirce' not found in any table";

/// The same query in every style of YAML, and where `pirce` stands in Flink's text of it.
#[test]
fn a_place_in_the_query_is_told_in_the_manifest() {
    let all: Vec<String> = [
        ("sql: |\n  -- the total\n  SELECT buyer,\n    pirce FROM orders", 3, 3),
        ("sql: >-\n  SELECT buyer,\n  pirce\n  FROM orders", 1, 15),
        ("sql: SELECT buyer, pirce FROM orders", 1, 15),
        ("sql: SELECT buyer,\n  pirce FROM\n  orders", 1, 15),
        ("sql: 'SELECT ''x'',\n\n  pirce FROM orders'", 2, 1),
        ("sql: \"SELECT \\\"a\\\",\\n  pirce\\tFROM orders\"", 2, 3),
        ("sql: \"SELECT buyer, \\\n  pirce FROM orders\"", 1, 15),
    ]
    .iter()
    .map(|(sql, line, column)| {
        told(&sql.replace("\\\"a\\\"", "'\u{1f600}'"), &rejection("query", NO_COLUMN, *line, *column))
    })
    .collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn a_place_in_a_definition_is_told_in_the_table_file() {
    let sql = "sql: SELECT buyer FROM orders";
    let origin = |line: u32| Some(format!("config/tables/orders.sql:{line}"));
    let unknown = Rejection {
        origin: origin(5),
        line: None,
        column: None,
        ..rejection(
            "table-definition",
            "Could not find any factory for identifier 'prnt' that implements 'x' in the classpath.\n\nAvailable factory identifiers are:\n\nblackhole\nprint",
            1,
            1,
        )
    };
    let broken = Rejection { origin: origin(2), ..rejection("table-definition", "Unknown identifier 'STRNG'", 2, 9) };
    insta::assert_snapshot!([told(sql, &unknown), told(sql, &broken)].join("\n\n"));
}

#[test]
fn what_the_sink_does_not_take_is_told_of_the_target() {
    let message = "Column types of query result and sink for 'default_catalog.default_database.sink' do not match.\nCause: Incompatible types for sink column 'buyer' at position 0.\n\nQuery schema: [price: DECIMAL(10, 2), __query_name: STRING NOT NULL]\nSink schema:  [buyer: STRING, __query_name: STRING]";
    let told = told(
        "sql: SELECT price FROM orders",
        &Rejection { line: None, column: None, ..rejection("insert", message, 1, 1) },
    );
    insta::assert_snapshot!(told);
}

/// What an upload is refused with: the cause, not the words of a parser that it confuses.
#[test]
fn a_file_that_is_not_what_it_looks_like_is_told_the_cause() {
    let manifest = |sql: &str| format!("name: orders\ndescription: x\ntarget-table: sink\nsql: |\n  {sql}\n{REST}");
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let good = "SELECT buyer FROM orders";
    let queries: Vec<Vec<u8>> = vec![
        manifest("SELECT buyer\u{a0}FROM orders").into_bytes(),
        manifest("SELECT buyer FROM \u{43e}rders WHERE buyer = 'x'").into_bytes(),
        manifest("SELECT buyer FROM orders WHERE buyer = \u{2018}it's\u{2019}").into_bytes(),
        manifest("SELECT buyer FROM `\u{43e}rders` -- \u{201c}x\u{201d}").into_bytes(),
        manifest(good).replace("sql:", "s\u{200b}ql:").into_bytes(),
        manifest(good).replace("state.checkpoints", "state.\u{441}heckpoints").into_bytes(),
        manifest(good).replace("  state.savepoints", "\u{a0}\u{a0}state.savepoints").into_bytes(),
        manifest(good).replace("description: x", "description: \u{201c}x: y\u{201d}").into_bytes(),
        manifest(good).replace("name: orders", "name: \u{201c}orders\u{201d}").into_bytes(),
        manifest(good).replace("target-table: sink", "target-table: s\u{456}nk").into_bytes(),
        manifest(good).replace("buyer", "bu\0yer").into_bytes(),
        utf_16(&manifest(good)),
        [vec![0xff, 0xfe], utf_16(&manifest(good))].concat(),
    ];
    let told: Vec<String> = queries
        .into_iter()
        .map(|bytes| {
            let file = InputFile { file: SourceFile::new("queries/orders.yaml", bytes), etag: "e".to_owned() };
            let tables = vec![input("config/tables/orders.sql", TABLES)];
            let files = InputFiles { queries: vec![file], tables, ..InputFiles::default() };
            all_errors(&files)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn damaged_parameters_and_table_files_are_told_the_cause() {
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let params: Vec<Vec<u8>> = vec![
        b"servers: kafka:9092\n topic: x\n".to_vec(),
        b"servers\n".to_vec(),
        b"- a\n- b\n".to_vec(),
        b"servers: [a, b]\n".to_vec(),
        b"servers: {a: b}\nserv: x\nserv: y\n".to_vec(),
        b"servers: 'a\n".to_vec(),
        b"servers:\n".to_vec(),
        "servers:\u{a0}a\n b: c\n".as_bytes().to_vec(),
        b"ser\0vers: a\n".to_vec(),
        utf_16("servers: a\n"),
    ];
    let mut told: Vec<String> = params
        .into_iter()
        .map(|bytes| {
            let file = InputFile { file: SourceFile::new("config/params.yaml", bytes), etag: "e".to_owned() };
            all_errors(&InputFiles { params: Some(file), ..InputFiles::default() })
        })
        .collect();
    let tables = [
        "CREATE TABLE a (x INT) WITH (\u{2018}connector\u{2019} = 'print');",
        "CREATE TABLE a\u{a0}(x INT);",
        "CREATE T\0ABLE a (x INT);",
    ];
    told.extend(tables.map(|text| {
        all_errors(&InputFiles { tables: vec![input("config/tables/a.sql", text)], ..InputFiles::default() })
    }));
    insta::assert_snapshot!(told.join("\n"));
}

fn all_errors(files: &InputFiles) -> String {
    let inputs = Inputs::read(files, &Policy::default());
    let errors = inputs.manifests.iter().chain(&inputs.config).flat_map(FileVerdict::errors);
    let lines: Vec<String> = errors.map(|error| error.to_string()).collect();
    if lines.is_empty() { "nothing is wrong".to_owned() } else { lines.join("\n") }
}
