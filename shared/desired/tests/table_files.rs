//! Table files hold statements that define, each once, each ended; what is refused is told once, with its place.

use std::collections::BTreeMap;

use desired::diagnostics::SourceFile;
use desired::inputs::{FileVerdict, InputFile, InputFiles, Inputs};
use desired::manifest::Policy;
use desired::tables::{Parameters, TableFile, read};

fn file(key: &str, text: &str) -> TableFile {
    TableFile { key: key.to_owned(), text: text.to_owned() }
}

fn errors(text: &str) -> Vec<String> {
    let parameters = Parameters(BTreeMap::from([("servers".to_owned(), "a-long-name:9092".to_owned())]));
    let errors = read(&[file("t.sql", text)], &parameters).err().unwrap_or_default();
    errors.iter().map(|error| format!("{error} ({})", error.help)).collect()
}

#[test]
fn what_defines_passes() {
    for text in [
        "",
        "-- nothing yet\n;",
        "CREATE TABLE t (a INT)",
        "CREATE TABLE t (a INT);\nCREATE TABLE u (a INT);",
        "create temporary table t (a INT) with ('connector'='datagen');",
        "CREATE TABLE IF NOT EXISTS t (a INT, PRIMARY KEY (a) NOT ENFORCED) COMMENT 'x' PARTITIONED BY (a) WITH ('a'='b');",
        "CREATE TABLE t (a INT) WITH ('topic'='{servers}') LIKE u (EXCLUDING OPTIONS);",
        "CREATE TABLE t (ts AS TO_TIMESTAMP_LTZ(x, 3), x BIGINT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND);",
        "CREATE TABLE t (`set` INT, `use` INT, `create` STRING METADATA FROM 'value.create' VIRTUAL);",
        "CREATE OR REPLACE TABLE t (a INT);",
        "CREATE VIEW v AS SELECT a FROM t UNION ALL (SELECT b FROM u);",
        "CREATE TEMPORARY VIEW IF NOT EXISTS v (a) COMMENT 'x' AS WITH x AS (SELECT 1 AS a) SELECT a FROM x;",
        "CREATE VIEW v AS SELECT * FROM t /*+ OPTIONS('topic'='x') */ load;",
        "CREATE FUNCTION f AS 'com.F' LANGUAGE JAVA USING JAR 's3://b/f.jar';",
        "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS f AS 'm.f' LANGUAGE PYTHON;",
        "CREATE CATALOG c WITH ('type'='hive');\nUSE CATALOG c;\nCREATE DATABASE IF NOT EXISTS d WITH ('a'='b');\nUSE d;",
        "LOAD MODULE hive WITH ('hive-version'='3.1.3');\nUSE MODULES hive, core;",
        // Other names by where they fall.
        "CREATE TABLE t (a INT); CREATE TABLE d.t (a INT); USE e; CREATE TABLE t (a INT); USE CATALOG c; CREATE TABLE t (a INT);",
        "CREATE TABLE t (a INT); CREATE TEMPORARY TABLE t (a INT);",
        "CREATE TABLE t (a INT); CREATE FUNCTION t AS 'F'; CREATE DATABASE t; CREATE CATALOG t WITH ('a'='b');",
        "CREATE TABLE t (a INT); CREATE TABLE T (a INT);",
        // Said again, it changes nothing.
        "CREATE DATABASE IF NOT EXISTS d; CREATE DATABASE IF NOT EXISTS d;",
        "CREATE TABLE t (a INT); create table if not exists t (a INT);",
    ] {
        assert_eq!(errors(text), [""; 0], "{text}");
    }
}

#[test]
fn what_does_not_define_is_told_the_way_out() {
    for (text, place, message, help) in [
        (
            "CREATE TABLE t (a INT);\n  SET 'a' = 'b';",
            "2:3",
            "SET has no effect",
            "`flinkProperties` in config/job-template.yaml",
        ),
        ("RESET;", "1:1", "RESET has no effect", "`flinkProperties`"),
        ("DROP TABLE IF EXISTS t;", "1:1", "DROP does not belong", "remove what it drops"),
        ("/* x */ insert into t SELECT 1;", "1:9", "INSERT is a job of its own", "as `target-table`"),
        ("SELECT 1;", "1:1", "SELECT is a job of its own", "under queries/"),
        ("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;", "1:1", "EXECUTE is a job of its own", "under queries/"),
        ("SHOW TABLES;", "1:1", "SHOW defines nothing", "remove it"),
        ("desc t;", "1:1", "DESC defines nothing", "remove it"),
        ("EXPLAIN SELECT 1;", "1:1", "EXPLAIN defines nothing", "remove it"),
        ("ALTER TABLE t ADD b INT;", "1:1", "ALTER does not belong", "change the CREATE statement"),
        ("ADD JAR 'x';", "1:1", "ADD JAR does not belong", "USING JAR"),
        ("UNLOAD MODULE core;", "1:1", "UNLOAD does not belong", "remove what it drops"),
        ("CREATE TABLE t AS SELECT 1 AS x;", "1:16", "CREATE TABLE … AS would start a job", "`target-table`"),
        (
            "CREATE TABLE t WITH ('a'='b')\n  AS SELECT 1 AS x;",
            "2:3",
            "CREATE TABLE … AS would start a job",
            "`target-table`",
        ),
        ("CREATE MATERIALIZED TABLE t AS SELECT 1;", "1:1", "CREATE MATERIALIZED does not belong", "define tables"),
        ("CREATE;", "1:1", "CREATE does not belong", "define tables"),
        ("CREATE TABLE order (a INT);", "1:14", "`order` is a reserved word", "put it in back-ticks: `order`"),
        ("CREATE TABLE IF NOT EXISTS (a INT);", "1:28", "a name is expected", "reference"),
        ("CREATE TABLE;", "1:8", "a name is missing", "after this word"),
        ("TRUNCATE TABLE t;", "1:1", "not `TRUNCATE`", "begin with CREATE"),
        ("nonsense;", "1:1", "not `nonsense`", "begin with CREATE"),
        // Not ended.
        (
            "CREATE TABLE t (a INT)\n  WITH ('a'='{servers}')\n\n  CREATE TABLE u (a INT);",
            "4:3",
            "a `;` is missing before this CREATE",
            "with `;`",
        ),
        (
            "CREATE VIEW v AS SELECT 1 CREATE VIEW w AS SELECT 2;",
            "1:27",
            "a `;` is missing before this CREATE",
            "with `;`",
        ),
        ("CREATE TABLE t (a INT) INSERT INTO t SELECT 1;", "1:24", "a `;` is missing before this INSERT", "with `;`"),
        ("CREATE TABLE t (a INT) SELECT 1;", "1:24", "a `;` is missing before this SELECT", "with `;`"),
        ("USE CATALOG c\nUSE d;", "2:1", "a `;` is missing before this USE", "with `;`"),
        ("CREATE FUNCTION f AS 'F' LOAD MODULE x;", "1:26", "a `;` is missing before this LOAD", "with `;`"),
        ("CREATE TABLE t (a INT;\nCREATE TABLE u (a INT);", "1:16", "this `(` is never closed", "as many"),
        ("CREATE TABLE t (a INT));", "1:23", "this `)` closes nothing", "as many"),
        ("CREATE TABLE t (a INT) WITH ('a'='b);", "1:34", "this string is never closed", "written twice"),
        ("CREATE TABLE `t (a INT);", "1:14", "this name is not closed", "back-tick"),
        ("CREATE TABLE t (a INT); /* open", "1:25", "this comment is never closed", "*/"),
        // Twice.
        (
            "CREATE TABLE t (a INT);\n CREATE TABLE `t` (a INT);",
            "2:2",
            "`t` is defined a second time, first in t.sql:1",
            "keep one",
        ),
        ("CREATE TABLE t (a INT);\nCREATE VIEW t AS SELECT 1;", "2:1", "`t` is defined a second time", "keep one"),
        (
            "CREATE TABLE t (a INT);\nCREATE TABLE IF NOT EXISTS t (b INT);",
            "2:1",
            "`t` is defined a second time",
            "keep one",
        ),
        ("CREATE FUNCTION f AS 'F';\nCREATE FUNCTION F AS 'G';", "2:1", "`F` is defined a second time", "keep one"),
        (
            "USE d;\nCREATE TABLE t (a INT);\nCREATE TABLE d.t (a INT);",
            "3:1",
            "`d.t` is defined a second time",
            "keep one",
        ),
        (
            "CREATE CATALOG c WITH ('a'='b'); CREATE CATALOG c WITH ('a'='c');",
            "1:34",
            "`c` is defined a second time",
            "keep one",
        ),
    ] {
        let found = errors(text);
        let [only] = found.as_slice() else { panic!("{text}: {found:?}") };
        assert!(only.starts_with(&format!("t.sql:{place}: ")), "{text}: {only}");
        assert!(only.contains(message) && only.contains(help), "{text}: {only}");
    }
}

#[test]
fn every_error_of_every_file_is_told_in_their_order() {
    let files = [
        file("a.sql", "SET 'a'='b'; CREATE TABLE t (a INT); DROP TABLE t;"),
        file("b.sql", "CREATE TABLE u (a STRING) WITH ('x' = '{nope}'); CREATE TABLE t (a INT);"),
    ];
    let found: Vec<_> = read(&files, &Parameters::default()).unwrap_err().iter().map(ToString::to_string).collect();
    let starts = [
        "a.sql:1:1: SET",
        "a.sql:1:38: DROP",
        "b.sql:1:40: `{nope}`",
        "b.sql:1:50: `t` is defined a second time, first in a.sql:1",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn a_bad_table_file_is_told_once_and_not_once_for_each_job() {
    let input = |name: &str, text: &str| InputFile {
        file: SourceFile::new(name.to_owned(), text.as_bytes().to_vec()),
        etag: name.to_owned(),
    };
    let manifest = |name: &str| {
        let text = format!(
            "name: {name}\ndescription: d\ntarget-table: t\nsql: SELECT 1\nflinkProperties:\n  state.checkpoints.dir: \
             s3://b/c/{name}\n  state.savepoints.dir: s3://b/s/{name}\n"
        );
        input(&format!("queries/{name}.yaml"), &text)
    };
    let files = InputFiles {
        queries: vec![manifest("a"), manifest("b"), input("queries/c.yaml", "name: c\n")],
        tables: vec![input("config/tables/t.sql", "CREATE TABLE t (a INT);\nDROP TABLE x;")],
        ..InputFiles::default()
    };
    let inputs = Inputs::read(&files, &Policy::default());
    assert!(inputs.manifests.iter().all(|verdict| verdict.target.is_none()));
    let told: Vec<usize> = inputs.manifests.iter().map(|verdict| verdict.told().len()).collect();
    assert_eq!((told[0], told[1]), (0, 0));
    assert!(told[2] > 0, "what is wrong with a manifest itself is told all the same");
    let of_tables: Vec<String> = inputs.config.iter().flat_map(FileVerdict::told).map(|it| it.to_string()).collect();
    assert_eq!(of_tables.len(), 1, "{of_tables:?}");
    assert!(of_tables[0].starts_with("config/tables/t.sql:2:1: error[bad-table-definition]: DROP"), "{of_tables:?}");
}

#[test]
fn many_definitions_take_linear_time() {
    let started = std::time::Instant::now();
    let create = |n: u32| format!("CREATE TABLE t{n} (a INT) WITH ('a'='b');\n");
    let text: String = (0..5_000).map(create).collect();
    assert_eq!(errors(&text), [""; 0]);
    assert_eq!(errors(&text.replace(';', "")).len(), 1);
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn what_flinks_parser_never_takes_is_refused() {
    for (text, told) in [
        (
            "CREATE TABLE t (a AS b[1)\n);",
            "t.sql:1:25: this `)` cannot close the `[` before it (write `]` first, or instead)",
        ),
        ("CREATE TABLE t (a INT,\n b AS a != 1);", "t.sql:2:9: Flink does not take `!=` (write <>)"),
        ("CREATE VIEW v AS SELECT a FROM t WHERE a != 1;", "t.sql:1:42: Flink does not take `!=` (write <>)"),
    ] {
        assert_eq!(errors(text), [told], "{text}");
    }
    let deep = format!("CREATE VIEW v AS SELECT {}a{} FROM t;", "(".repeat(501), ")".repeat(501));
    assert_eq!(errors(&deep).len(), 1);
    assert!(errors(&deep)[0].contains("more than 500 brackets"));
}

#[test]
fn what_is_defined_again_is_taken_only_where_flink_skips_it_for_the_same() {
    let again = "t.sql:1:25: `t` is defined a second time, first in t.sql:1, and Flink refuses that";
    assert!(errors("CREATE TABLE t (a INT);\nCREATE TABLE IF NOT EXISTS t (a INTEGER);").is_empty());
    assert!(errors("CREATE TABLE IF NOT EXISTS t (a INT); CREATE TABLE IF NOT EXISTS t (a INT);").is_empty());
    for (text, told) in [
        ("CREATE TABLE t (a INT); CREATE TABLE t (a INT);", format!("{again} (keep one of the two, or give them different names)")),
        (
            "CREATE TABLE t (a INT); CREATE TABLE IF NOT EXISTS t (b INT);",
            "t.sql:1:25: `t` is defined a second time, and differently: Flink takes the first, in t.sql:1, and skips this \
             one (keep one of the two, or give them different names)"
                .to_owned(),
        ),
    ] {
        assert_eq!(errors(text), [told], "{text}");
    }
}
