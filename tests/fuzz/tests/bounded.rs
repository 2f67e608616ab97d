//! Every parser of the pure core on its seeds and on what becomes of them: seconds each, or as long as asked for.
//! Must not know how inputs are changed.

use fuzz::drive::fuzz;
use fuzz::seeds::{files, queries, texts};
use fuzz::targets::{documents, edits, sql, uploads};

const FIXTURES: &str = "shared/desired/tests/fixtures";

fn manifests() -> Vec<Vec<u8>> {
    let python = format!("{FIXTURES}/python");
    files(&["examples/queries", "examples/rejected", &format!("{FIXTURES}/hostile"), &format!("{python}/queries")])
}

#[test]
fn manifest() {
    fuzz("manifest", &manifests(), uploads::manifest);
}

#[test]
fn edited() {
    fuzz("edited", &manifests(), edits::edited);
}

#[test]
fn merged() {
    fuzz("merged", &manifests(), uploads::merged);
}

#[test]
fn deployed() {
    fuzz("deployed", &files(&[&format!("{FIXTURES}/python/deployed")]), uploads::deployed);
}

#[test]
fn template() {
    let seeds = files(&["examples/config/job-template.yaml", &format!("{FIXTURES}/python/job-template.yaml")]);
    fuzz("template", &seeds, uploads::template);
}

#[test]
fn parameters() {
    let mut seeds = files(&["examples/config/params.yaml"]);
    seeds.extend(texts(&["orders_per_second: ${ssm:/a/b}\nb: &a |\n  two\n  lines\nc: *a\n\"d\": '''; --'\n"]));
    fuzz("parameters", &seeds, uploads::parameters);
}

#[test]
fn tables() {
    fuzz("tables", &table_files(), uploads::tables);
}

fn table_files() -> Vec<Vec<u8>> {
    let mut seeds = files(&["examples/config/tables"]);
    seeds.extend(texts(&[
        "CREATE CATALOG lake WITH ('type'='generic_in_memory'); USE CATALOG lake; CREATE DATABASE IF NOT EXISTS d; \
         CREATE TABLE d.orders (a ROW<b INT, c MAP<STRING, ARRAY<INT>>>, d AS a.b, WATERMARK FOR t AS t - INTERVAL '5' \
         SECOND, PRIMARY KEY (a) NOT ENFORCED) PARTITIONED BY (a) WITH ('connector'='kafka', 'topic'='{{a}}', \
         'properties.group.id'='{group_id}', 'sink.transactional-id-prefix'='a', 'password'='${ssm:/a}') ;\n",
        "CREATE TABLE numbered_orders (LIKE_ INT) WITH ('connector'='x') LIKE orders (EXCLUDING OPTIONS);\n\
         CREATE TEMPORARY VIEW buyer_totals (a, b) AS SELECT a, f(b) FROM orders /*+ OPTIONS('a'='b') */;\n\
         CREATE TEMPORARY FUNCTION f AS 'a.f' LANGUAGE PYTHON; -- a comment\nLOAD MODULE hive WITH ('a'='b');\n",
    ]));
    seeds
}

#[test]
fn query() {
    fuzz("query", &queries(), sql::query);
}

#[test]
fn target() {
    let seeds = texts(&[
        "orders",
        "`lake`.`d`.`a``b`",
        "a.b.c /*+ OPTIONS('sink.parallelism'='2') */",
        "a PARTITION (b='c', d=1)",
        "a /* c */ -- d\n",
    ]);
    fuzz("target", &seeds, sql::target);
}

#[test]
fn statements() {
    let mut seeds = table_files();
    seeds.extend(queries());
    fuzz("statements", &seeds, sql::statements);
}

#[test]
fn secrets() {
    let seeds = texts(&[
        "CREATE TABLE a (b INT) WITH ('p'='user=\"a\" password=\"${ssm:/a/b}\"', 'q'='${env:A}', 'r'=U&'${ssm:/c}')",
        "SELECT '${ssm:/a', \"${env:1}\", `${ssm:/a}`, ${ SSM:/x} -- ${env:B}",
    ]);
    fuzz("secrets", &seeds, sql::secrets);
}

#[test]
fn document() {
    fuzz("document", &files(&["shared/lifecycle/tests/fixtures/documents"]), documents::document);
}

#[test]
fn metadata() {
    let header = [0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 4, 210, 0, 0];
    fuzz("metadata", &[header.to_vec(), header.get(..16).unwrap_or_default().to_vec()], documents::metadata);
}

#[test]
fn names() {
    let seeds = texts(&[
        "orders-per-buyer\n0197f0a1b2c37000800000000000b001\np/queries/a.yaml\np/results/a/b.json\np/records/a.json",
        "application_1_1/2\nhttp://a:1\n2026-01-01T00:00:00Z\ns3://b/p/checkpoints/a/3/00000000000000000000000000000007/chk-1",
        "savepoint-070707-0123456789ab\nchk-12\nconfig/tables/a.sql\nqueries/%2Fa.yml\n\
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ]);
    fuzz("names", &seeds, documents::names);
}
