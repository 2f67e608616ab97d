//! Every parser of the pure core on nasty shapes of growing length, up to what an upload may have.
//! Must not know how time is measured.

use fuzz::growth::{Shape, is_linear, nests, repeats};
use fuzz::targets::{documents, edits, sql, uploads};

/// What an upload may have.
const LONGEST: usize = 1024 * 1024;

/// SQL that is hard to read; as queries, table files and fields of manifests.
const SQL: &[Shape] = &[
    repeats("an open string", "SELECT '", "a", ""),
    repeats("quotes", "SELECT ", "''", ""),
    repeats("open quotes", "SELECT ", "' ", "'"),
    repeats("names in quotes", "SELECT ", "`a``", ""),
    repeats("starts of comments", "SELECT ", "/*", ""),
    repeats("starts of hints", "SELECT ", "/*+ ", ""),
    repeats("hints", "SELECT * FROM a ", "/*+ OPTIONS('a'='b') */", ""),
    repeats("line comments", "SELECT ", "-- a\n", "1"),
    repeats("dashes", "SELECT ", "--", ""),
    repeats("statements", "", "SELECT 1;", ""),
    repeats("semicolons", "", ";", ""),
    repeats("sets", "", "SET 'a' = 'b';\n", ""),
    repeats("inserts", "", "INSERT INTO a ", ""),
    repeats("selects", "", "SELECT ", ""),
    repeats("columns", "SELECT ", "a{n}, ", "b FROM c"),
    repeats("a path", "SELECT * FROM ", "a.", "b"),
    repeats("tables", "SELECT * FROM ", "t{n}, ", "b"),
    repeats("joins", "SELECT * FROM a ", "JOIN t{n} ON a.b = t{n}.b ", ""),
    repeats("unions", "SELECT 1 ", "UNION ALL SELECT {n} FROM a ", ""),
    repeats("common tables", "WITH ", "a{n} AS (SELECT 1), ", "b AS (SELECT 1) SELECT * FROM b"),
    repeats("common tables that refer", "WITH ", "a{n} AS (SELECT * FROM a{n}), ", "b AS (SELECT 1) SELECT * FROM b"),
    repeats("functions", "SELECT ", "f{n}(a), ", "b FROM c"),
    repeats("froms", "SELECT EXTRACT(DOW ", "FROM a ", ""),
    repeats("minuses", "SELECT ", "- ", "1"),
    repeats("unicode", "SELECT '", "é𝄞", "'"),
    repeats("braces", "SELECT '", "{", "'"),
    repeats("braces and others", "SELECT '", "}{", "'"),
    repeats("unknown parameters", "SELECT '", "{a{n}}", "'"),
    repeats("references", "SELECT '", "${ssm:/a}", "'"),
    repeats("bad references", "SELECT '", "${ssm:a b}", "'"),
    repeats("references outside", "SELECT ", "${env:A} ", ""),
    repeats("open references", "SELECT '", "${ssm:", "'"),
    repeats("dollars", "SELECT '", "${", "'"),
    repeats("tables made", "", "CREATE TABLE t{n} (a INT) WITH ('connector'='print');\n", ""),
    repeats("one table made again", "", "CREATE TABLE t (a INT) WITH ('connector'='print');\n", ""),
    repeats("views of views", "", "CREATE VIEW v{n} AS SELECT * FROM orders, v{n};\n", ""),
    repeats("likes", "", "CREATE TABLE t{n} LIKE orders;\n", ""),
    repeats("catalogs", "", "CREATE CATALOG c{n} WITH ('a'='b'); USE CATALOG c{n};\n", ""),
    repeats("functions made", "", "CREATE FUNCTION f{n} AS 'a';\n", ""),
    repeats("options", "CREATE TABLE orders (a INT) WITH (", "'a{n}'='b', ", "'c'='d');"),
    repeats(
        "producers",
        "",
        "CREATE TABLE t{n} (a INT) WITH ('connector'='kafka', 'sink.transactional-id-prefix'='a', \
         'scan.startup.mode'='group-offsets', 'properties.group.id'='{group_id}');\n",
        "",
    ),
    nests("SELECT ", "(", ")", ""),
    nests("", "(SELECT * FROM ", ")", ""),
    nests("SELECT ", "CASE WHEN a THEN ", " END", ""),
    nests("SELECT * FROM ", "TABLE(", ")", ""),
    nests("SELECT * FROM a, ", "LATERAL (SELECT ", ")", ""),
    nests("WITH a AS ", "(WITH a AS ", ")", ""),
    nests("CREATE TABLE orders (a ", "ROW<b ", ">", ") WITH ('connector'='x');"),
    nests("CREATE TABLE orders (", "(", ")", ");"),
    nests("SELECT a[", "[", "]", "]"),
    nests("SELECT ", "f(", ")", ""),
];

#[test]
fn query() {
    is_linear("query", SQL, LONGEST, sql::query);
}

#[test]
fn target() {
    is_linear("target", SQL, LONGEST / 4, sql::target);
}

#[test]
fn statements() {
    is_linear("statements", SQL, LONGEST, sql::statements);
}

#[test]
fn tables() {
    is_linear("tables", SQL, LONGEST, uploads::tables);
}

#[test]
fn secrets() {
    is_linear("secrets", SQL, LONGEST, sql::secrets);
}

/// YAML that is hard to read.
const YAML: &[Shape] = &[
    repeats("an open quote", "name: \"", "a ", ""),
    repeats("an open single quote", "name: '", "a''", ""),
    repeats("a long line", "description: ", "a", "\n"),
    repeats("many lines", "description: |\n", "  a\n", ""),
    repeats("folded lines", "description: >-\n", "  a\n", ""),
    repeats("blank lines", "description: >-\n  a\n", "\n", "  b"),
    repeats("quoted lines", "description: \"", "a\n  ", "\""),
    repeats("escapes", "description: \"", "\\x41", "\""),
    repeats("keys", "", "a{n}: b\n", ""),
    repeats("options", "flinkProperties:\n", "  a{n}: b\n", ""),
    repeats("one key again", "", "name: b\n", ""),
    repeats("option again", "flinkProperties:\n", "  a: b\n", ""),
    repeats("comments", "name: orders-per-buyer ", "# a\n", ""),
    repeats("anchors", "", "a{n}: &a{n} b\n", ""),
    repeats("aliases", "a: &a b\nb: [", "*a, ", "]"),
    repeats("merges", "a: &a {b: c}\nd:\n", "  <<: *a\n", ""),
    repeats("documents", "", "---\na: b\n", ""),
    repeats("directives", "", "%YAML 1.1\n", ""),
    repeats("tags", "a: ", "!!str ", "b"),
    repeats("dashes", "", "- ", ""),
    repeats("questions", "", "? ", ""),
    repeats("colons", "", ": ", ""),
    repeats("commas", "[", ",", "]"),
    repeats("tabs", "name: a\n", "\t", ""),
    repeats("carriage returns", "name: a\r", "\r", ""),
    repeats("unclosed", "", "[", ""),
    repeats("unclosed mappings", "", "{", ""),
    repeats("unclosed values", "", "{a: ", ""),
    repeats("digits", "flinkProperties:\n  a: ", "1", "\n"),
    repeats("sixties", "flinkProperties:\n  a: 1", ":59", "\n"),
    repeats("zeros", "flinkProperties:\n  a: 0x", "f", "\n"),
    repeats("placeholders", "description: ", "{job_name}", "\n"),
    repeats("braces", "description: a", "{", "\n"),
    repeats("loose braces", "description: a", "}", "\n"),
    repeats("nothing", "", "\0", ""),
    repeats("references", "flinkProperties:\n  a: ", "${ssm:/a}", "\n"),
    repeats("bad references", "a: \"", "${ssm:a b}", "\"\n"),
    repeats("bad references in lines", "", "a{n}: ${ssm:a b}\n", ""),
    nests("a: ", "[", "]", ""),
    nests("a: ", "{a: ", "}", ""),
    nests("a: ", "[{a: ", "}]", ""),
];

const JOB: &str = "name: orders-per-buyer\ndescription: a\ntarget-table: buyer_totals\n";

#[test]
fn manifest() {
    is_linear("manifest", YAML, LONGEST, uploads::manifest);
}

#[test]
fn edited() {
    is_linear("edited", YAML, LONGEST, edits::edited);
}

#[test]
fn deployed() {
    is_linear("deployed", YAML, LONGEST, uploads::deployed);
}

#[test]
fn template() {
    is_linear("template", YAML, LONGEST, uploads::template);
}

#[test]
fn parameters() {
    is_linear("parameters", YAML, LONGEST, uploads::parameters);
}

#[test]
fn files_together() {
    let plain = [repeats("files of the same length", "", "a", "")];
    is_linear("many", &plain, LONGEST, uploads::many);
    is_linear("filled", &plain, LONGEST, uploads::filled);
}

/// The same SQL as a manifest's fields, in each style that YAML has.
#[test]
fn sql_in_manifests() {
    let styles: [fn(&str) -> String; 3] = [
        |sql| format!("sql: |\n  {}\n", sql.replace('\n', "\n  ")),
        |sql| format!("sql: '{}'\n", sql.replace('\'', "''").replace('\n', "\n\n  ")),
        |sql| format!("sql: >-\n  {}\n", sql.replace('\n', "\n\n  ")),
    ];
    for style in styles {
        is_linear("sql in a manifest", SQL, LONGEST / 2, |sql| {
            uploads::manifest(format!("{JOB}{}", style(&String::from_utf8_lossy(sql))).as_bytes());
        });
    }
}

#[test]
fn document() {
    let shapes = [
        repeats("arrays", "{\"format\":1,\"jobs\":", "[", ""),
        nests("{\"format\":1,\"later\":", "[", "]", "}"),
        nests("{\"format\":1,\"later\":", "{\"a\":", "}", "}"),
        repeats("keys", "{\"format\":1", ",\"a{n}\":1", "}"),
        repeats("one key again", "{\"format\":1", ",\"revision\":1", "}"),
        repeats("digits", "{\"format\":1,\"revision\":", "9", "}"),
        repeats("escapes", "{\"format\":1,\"name\":\"", "\\u0041", "\"}"),
        repeats("space", "{\"format\":1", " ", "}"),
    ];
    is_linear("document", &shapes, 4 * LONGEST, documents::document);
}

#[test]
fn names() {
    let shapes = [
        repeats("letters", "", "a", ""),
        repeats("slashes", "", "/", ""),
        repeats("dashes", "savepoint-", "-", ""),
        repeats("digits", "chk-", "1", ""),
        repeats("lines", "", "a\n", ""),
    ];
    is_linear("names", &shapes, LONGEST, documents::names);
}
