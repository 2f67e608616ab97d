//! Which edits of uploaded files change a job: pairs of table files and queries, judged as the orchestrator judges them.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use desired::diagnostics::SourceFile;
use desired::manifest::{Policy, load_merged};
use desired::tables::{Parameters, TableFile, parse};
use desired::target::Target;
use lifecycle::change::{Change, ChangeKind};

/// A job that this text defines: table files, then after `---` the query, or the code after `code:`.
fn target(text: &str) -> Target {
    let (tables, query) = text.split_once("---").unwrap();
    let (kind, body) = match query.trim().strip_prefix("code:") {
        Some(code) => ("code", code.trim()),
        None => ("sql", query.trim()),
    };
    let (body, table) = body.rsplit_once(" >> ").unwrap_or((body, "w"));
    let quote = |text: &str| serde_json::to_string(text).unwrap();
    let yaml = format!(
        "name: job\ndescription: ''\ntarget-table: {}\n{kind}: {}\nflinkProperties:\n  \
         state.checkpoints.dir: s3://b/job/c\n  state.savepoints.dir: s3://b/job/s\n{}",
        quote(table),
        quote(body),
        if body.contains("c.d.r") { "  table.builtin-catalog-name: c\n  table.builtin-database-name: d\n" } else { "" }
    );
    let manifest = load_merged(&SourceFile::new("job.yaml", yaml), &Policy { allow_code: true, ..Policy::default() })
        .unwrap()
        .manifest;
    let files = [TableFile { key: "t.sql".to_owned(), text: tables.to_owned() }];
    Target::of(manifest, &parse(&files, &Parameters::default()).unwrap(), "")
}

/// Judges each pair in both orders, also as read again from a record.
fn check(pairs: &[(&str, &str)], kind: ChangeKind) {
    for (a, b) in pairs {
        let (a_target, b_target) = (target(a), target(b));
        for (old, new) in [(&a_target, &b_target), (&b_target, &a_target)] {
            let change = Change::between(old, new);
            assert_eq!(change.kind, kind, "{a}\n{b}\n{:?}", change.differences);
            let stored: Target = serde_json::from_str(&serde_json::to_string(old).unwrap()).unwrap();
            assert_eq!(Change::between(&stored, new), change, "{a}\n{b}");
        }
    }
}

#[test]
fn spelling_is_no_change() {
    check(
        &[
            (
                "CREATE TABLE r (a INT, b STRING); CREATE TABLE w (a INT);--- SELECT a x FROM r JOIN w ON TRUE",
                "CREATE TABLE r (a INTEGER NULL, b VARCHAR); CREATE TABLE IF NOT EXISTS r (a INT, b STRING); \
                 CREATE TABLE w (a INT);--- SELECT a AS x FROM default_catalog.default_database.r INNER JOIN \
                 default_database.w ON TRUE >> default_catalog.default_database.w",
            ),
            (
                "CREATE TABLE r (a INT); CREATE VIEW v AS SELECT a FROM r;--- SELECT a FROM v ORDER BY a",
                "CREATE TABLE r (a INT); CREATE VIEW v AS SELECT a FROM default_database.r;--- SELECT a FROM v ORDER BY a ASC",
            ),
            (
                "CREATE TABLE r (a INT);--- SELECT a FROM r",
                "-- x\nCREATE TABLE r (a INT -- y\n);--- SELECT a /* z */ FROM r",
            ),
            (
                "CREATE TABLE r (a INT);--- SELECT a FROM r",
                "CREATE TABLE r (a INT COMMENT 'a;b') COMMENT 'c';--- SELECT a FROM r",
            ),
            (
                "CREATE TABLE r (a INT, b AS f(a)); CREATE FUNCTION f AS 'F';--- SELECT a FROM r",
                "create table if not exists `r` (`a` int, `b` as `F`(`a`)); create function if not exists `f` as 'F';--- select `a` from `r`",
            ),
            (
                "CREATE TABLE r (a INT);--- SELECT SUM(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM r",
                "CREATE TABLE r (a INT);--- SELECT SUM(a) OVER (ORDER BY b ROWS BETWEEN 1 preceding AND CURRENT ROW) FROM r",
            ),
            (
                "CREATE VIEW v AS SELECT a FROM r ORDER BY a DESC;--- SELECT * FROM v",
                "CREATE VIEW IF NOT EXISTS `v` COMMENT 'x' AS SELECT `a` FROM `r` ORDER BY `a` desc;--- SELECT * FROM v",
            ),
            (
                "CREATE TABLE r (a INT) WITH ('connector'='kafka','topic'='t');--- SELECT * FROM r",
                "CREATE TABLE r ( a  INT )\nWITH (\n  'topic' = 't', -- x\n  'connector'  =  'kafka'\n);--- SELECT * FROM r",
            ),
            (
                "CREATE TABLE größe (ä INT);--- SELECT ä FROM größe",
                "CREATE TABLE `größe` (`ä` INT);--- SELECT `ä` FROM `größe`",
            ),
            (
                "CREATE TABLE r (a INT);--- SELECT a FROM r >> k.w",
                "CREATE TABLE r (a INT);--- SELECT a FROM r >> `k`.`w`",
            ),
            (
                "CREATE CATALOG c WITH ('type'='x'); CREATE DATABASE c.d;--- SELECT * FROM c.d.t",
                "CREATE CATALOG IF NOT EXISTS `c` COMMENT 'x' WITH ('type'='x'); CREATE DATABASE IF NOT EXISTS c.`d` COMMENT 'y';--- SELECT * FROM c.d.t",
            ),
            (
                "CREATE TABLE r (a INT); USE d;--- SELECT a FROM r",
                "CREATE TABLE default_catalog.default_database.r (a INT); USE d;--- SELECT a FROM r",
            ),
        ],
        ChangeKind::Unchanged,
    );
}

#[test]
fn what_a_job_does_not_use_is_no_change_for_it() {
    let plain = "CREATE TABLE r (a INT);--- SELECT a FROM r";
    let with = |statement: &str| format!("CREATE TABLE r (a INT);{statement};--- SELECT a FROM r");
    let unused = [
        "CREATE CATALOG lake WITH ('type'='iceberg')",
        "CREATE CATALOG lake WITH ('type'='x'); USE CATALOG lake; CREATE TABLE t (a INT); USE CATALOG default_catalog",
        "CREATE DATABASE d",
        "CREATE DATABASE d; CREATE TABLE d.t (a INT)",
        "CREATE DATABASE d; CREATE TABLE d.r (a INT)",
        "CREATE CATALOG lake WITH ('type'='x'); CREATE TABLE lake.d.r (a INT)",
        "USE d; CREATE TABLE r (a INT); USE default_database",
        "SHOW TABLES",
        "DESCRIBE r",
        "CREATE FUNCTION a AS 'A'",
        "CREATE TABLE a (r INT); CREATE VIEW v AS SELECT * FROM r, a",
        "LOAD MODULE hive; CREATE VIEW v AS SELECT from_hive(1)",
        "USE CATALOG default_catalog; USE default_database",
        "CREATE TABLE u LIKE r",
    ];
    for statement in unused {
        check(&[(plain, &with(statement))], ChangeKind::Unchanged);
    }
    let queries = [
        "WITH x AS (SELECT a FROM r) SELECT a FROM x",
        "SELECT EXTRACT(DAY FROM x) FROM r",
        "SELECT a FROM r WHERE a IS DISTINCT FROM x",
        "SELECT a FROM r WHERE a IS NOT DISTINCT FROM x",
        "SELECT TRIM(LEADING 'a' FROM x), SUBSTRING(x FROM 2), OVERLAY(a PLACING 'b' FROM x FOR 2) FROM r",
        "SELECT r.x, `x` FROM r AS x",
        "SELECT a AS x FROM r -- FROM x",
        "SELECT 'FROM x' FROM r",
        "SELECT a FROM r >> k.x",
    ];
    for query in queries {
        let old = format!("CREATE TABLE r (a INT);--- {query}");
        let new = format!(
            "CREATE TABLE r (a INT); CREATE DATABASE l; CREATE TABLE x (b INT); CREATE TABLE `k.x` (a INT);--- {query}"
        );
        check(&[(&old, &new)], ChangeKind::Unchanged);
    }
    check(
        &[
            (
                "CREATE TABLE `a.b` (a INT); CREATE TABLE a.b (a INT);--- SELECT * FROM `a.b`",
                "CREATE TABLE `a.b` (a INT); CREATE TABLE a.b (a BIGINT);--- SELECT * FROM `a.b`",
            ),
            (
                "CREATE TABLE r (a INT); CREATE CATALOG lake WITH ('type'='x');--- SELECT * FROM default_catalog.default_database.r >> default_catalog.default_database.w",
                "CREATE TABLE r (a INT); CREATE CATALOG lake WITH ('type'='x'); USE CATALOG lake;--- SELECT * FROM default_catalog.default_database.r >> default_catalog.default_database.w",
            ),
            (
                "--- WITH x AS (SELECT 1), y (a) AS (SELECT 2) SELECT IF(a > 1, TUMBLE_START(t), MD5(b)) FROM y AS z (a) /*+ OPTIONS('scan.parallelism'='2') */",
                "LOAD MODULE hive;--- WITH x AS (SELECT 1), y (a) AS (SELECT 2) SELECT IF(a > 1, TUMBLE_START(t), MD5(b)) FROM y AS z (a) /*+ OPTIONS('scan.parallelism'='2') */",
            ),
            (
                "CREATE TABLE r (a INT); CREATE TABLE u (a INT);--- code: t.from_path('r')",
                "CREATE TABLE r (a INT); CREATE TABLE u (a BIGINT);--- code: t.from_path('r')",
            ),
        ],
        ChangeKind::Unchanged,
    );
}

#[test]
fn what_a_job_uses_counts_through_views_like_catalogs_and_functions() {
    check(
        &[
            // Views of views.
            (
                "CREATE TABLE r (a INT); CREATE VIEW v AS SELECT * FROM r; CREATE VIEW u AS SELECT * FROM v;--- SELECT * FROM u",
                "CREATE TABLE r (a BIGINT); CREATE VIEW v AS SELECT * FROM r; CREATE VIEW u AS SELECT * FROM v;--- SELECT * FROM u",
            ),
            (
                "CREATE FUNCTION f AS 'A'; CREATE VIEW v AS SELECT F(a) FROM r; CREATE VIEW u AS SELECT * FROM v;--- SELECT * FROM u",
                "CREATE FUNCTION f AS 'B'; CREATE VIEW v AS SELECT F(a) FROM r; CREATE VIEW u AS SELECT * FROM v;--- SELECT * FROM u",
            ),
            // Chains of LIKE.
            (
                "CREATE TABLE b (a INT); CREATE TABLE c LIKE b; CREATE TABLE r (b INT) LIKE c;--- SELECT * FROM r",
                "CREATE TABLE b (a BIGINT); CREATE TABLE c LIKE b; CREATE TABLE r (b INT) LIKE c;--- SELECT * FROM r",
            ),
            // Functions: in the query, in computed columns, in MATCH_RECOGNIZE.
            ("CREATE FUNCTION f AS 'A';--- SELECT `F`(a) FROM r", "CREATE FUNCTION f AS 'B';--- SELECT `F`(a) FROM r"),
            (
                "CREATE FUNCTION f AS 'A'; CREATE TABLE r (a INT, b AS f(a));--- SELECT * FROM r",
                "CREATE FUNCTION f AS 'B'; CREATE TABLE r (a INT, b AS f(a));--- SELECT * FROM r",
            ),
            (
                "CREATE FUNCTION f AS 'A';--- SELECT * FROM r MATCH_RECOGNIZE (ORDER BY t MEASURES x.a AS b PATTERN (x) DEFINE x AS f(a))",
                "CREATE FUNCTION f AS 'B';--- SELECT * FROM r MATCH_RECOGNIZE (ORDER BY t MEASURES x.a AS b PATTERN (x) DEFINE x AS f(a))",
            ),
            (
                "CREATE TEMPORARY SYSTEM FUNCTION f AS 'A'; USE d;--- SELECT f(a) FROM r",
                "CREATE TEMPORARY SYSTEM FUNCTION f AS 'B'; USE d;--- SELECT f(a) FROM r",
            ),
            // Catalogs and databases.
            (
                "CREATE CATALOG lake WITH ('type'='a');--- SELECT * FROM lake.d.t",
                "CREATE CATALOG lake WITH ('type'='b');--- SELECT * FROM lake.d.t",
            ),
            (
                "CREATE CATALOG lake WITH ('type'='a');--- SELECT 1 FROM r >> lake.d.t",
                "CREATE CATALOG lake WITH ('type'='b');--- SELECT 1 FROM r >> lake.d.t",
            ),
            (
                "CREATE CATALOG lake WITH ('type'='a'); USE CATALOG lake;--- SELECT * FROM t",
                "CREATE CATALOG lake WITH ('type'='b'); USE CATALOG lake;--- SELECT * FROM t",
            ),
            (
                "CREATE CATALOG lake WITH ('type'='a'); CREATE VIEW v AS SELECT * FROM lake.d.t;--- SELECT * FROM v",
                "CREATE CATALOG lake WITH ('type'='b'); CREATE VIEW v AS SELECT * FROM lake.d.t;--- SELECT * FROM v",
            ),
            (
                "CREATE CATALOG lake WITH ('type'='a'); USE CATALOG lake; CREATE TABLE d.r (a INT); USE CATALOG default_catalog;--- SELECT * FROM lake.d.r",
                "CREATE CATALOG lake WITH ('type'='b'); USE CATALOG lake; CREATE TABLE d.r (a INT); USE CATALOG default_catalog;--- SELECT * FROM lake.d.r",
            ),
            (
                "CREATE CATALOG lake WITH ('type'='a');--- SELECT * FROM t",
                "CREATE CATALOG lake WITH ('type'='a'); USE CATALOG lake;--- SELECT * FROM t",
            ),
            (
                "CREATE DATABASE d WITH ('a'='b'); CREATE TABLE d.r (a INT);--- SELECT * FROM d.r",
                "CREATE DATABASE d WITH ('a'='c'); CREATE TABLE d.r (a INT);--- SELECT * FROM d.r",
            ),
            // Modules.
            ("LOAD MODULE hive;--- SELECT from_hive(a) FROM r", "--- SELECT from_hive(a) FROM r"),
            ("LOAD MODULE hive; USE MODULES hive, core;--- SELECT a FROM r", "--- SELECT a FROM r"),
            // Programs.
            (
                "CREATE TABLE r (a INT);--- code: t.from_path('r')",
                "CREATE TABLE r (a BIGINT);--- code: t.from_path('r')",
            ),
            (
                "CREATE FUNCTION Clean AS 'A';--- code: t.sql_query('SELECT clean(a) FROM x')",
                "CREATE FUNCTION Clean AS 'B';--- code: t.sql_query('SELECT clean(a) FROM x')",
            ),
            (
                "CREATE CATALOG lake WITH ('type'='a');--- code: t.use_catalog('lake')",
                "CREATE CATALOG lake WITH ('type'='b');--- code: t.use_catalog('lake')",
            ),
            // What WITH gives is read there.
            (
                "CREATE TABLE x (a INT);--- WITH x AS (SELECT * FROM x) SELECT * FROM x",
                "CREATE TABLE x (a BIGINT);--- WITH x AS (SELECT * FROM x) SELECT * FROM x",
            ),
            // The catalog of a new session under another name.
            ("CREATE TABLE r (a INT);--- SELECT a FROM c.d.r", "CREATE TABLE r (a BIGINT);--- SELECT a FROM c.d.r"),
        ],
        ChangeKind::Query,
    );
}

#[test]
fn a_definition_of_another_shape_is_another_query() {
    let table = "CREATE TABLE r (a INT, t TIMESTAMP(3), b STRING METADATA FROM 'k', c AS a + 1, \
                 WATERMARK FOR t AS t - INTERVAL '5' SECOND, PRIMARY KEY (a) NOT ENFORCED) PARTITIONED BY (a);\
                 CREATE TABLE w (a INT);--- SELECT a FROM r";
    let edits = [
        ("INTERVAL '5'", "INTERVAL '6'"),
        ("PRIMARY KEY (a)", "PRIMARY KEY (a, b)"),
        (", PRIMARY KEY (a) NOT ENFORCED", ""),
        ("PARTITIONED BY (a)", "PARTITIONED BY (b)"),
        (" PARTITIONED BY (a)", ""),
        ("FROM 'k'", "FROM 'l'"),
        ("METADATA FROM 'k'", "METADATA FROM 'k' VIRTUAL"),
        ("a + 1", "a + 2"),
        ("(a INT, t", "(A INT, t"),
        ("TIMESTAMP(3)", "TIMESTAMP(6)"),
        ("w (a INT)", "w (a BIGINT)"),
        ("a INT, t TIMESTAMP(3)", "t TIMESTAMP(3), a INT"),
        ("SELECT a", "SELECT A"),
        ("FROM r", "FROM R"),
    ];
    for (from, to) in edits {
        let edited = table.replace(from, to);
        assert_ne!(edited, table, "{from}");
        check(&[(table, &edited)], ChangeKind::Query);
    }
}

/// Targets that an earlier version of ours stored hold every catalog, database and `USE`, and tables by their last name.
#[test]
fn what_was_deployed_earlier_is_judged_by_what_it_means_today() {
    let text = "SET 'a'='b'; SHOW TABLES; CREATE CATALOG lake WITH ('type'='x'); CREATE DATABASE d; USE d; CREATE TABLE r (a INT); \
                USE default_database; CREATE TABLE r (a INT); CREATE TABLE x (a INT);";
    let query = "WITH x AS (SELECT a FROM r) SELECT EXTRACT(DAY FROM a) FROM x";
    let now = target(&format!("{text}--- {query}"));
    let all = parse(&[TableFile { key: "t.sql".to_owned(), text: text.to_owned() }], &Parameters::default()).unwrap();
    let roles = ["session", "session", "session", "session", "session", "reads", "session", "reads", "reads"];
    let definitions: Vec<_> = (all.statements.iter().zip(roles))
        .map(|(it, role)| serde_json::json!({ "origin": it.origin, "sql": it.sql, "role": role }))
        .collect();
    let mut earlier = now.clone();
    earlier.definitions = serde_json::from_value(serde_json::Value::Array(definitions)).unwrap();
    assert_eq!((earlier.definitions.len(), now.definitions.len()), (9, 3));
    for (old, new) in [(&earlier, &now), (&now, &earlier)] {
        assert_eq!(Change::between(old, new), Change::plain(ChangeKind::Unchanged));
    }
}
