//! Which texts of SQL mean the same: pairs that say the same in other words, and pairs that do not.

use desired::sql::same_meaning;

/// Each pair is judged in both orders.
fn check(pairs: &[(&str, &str)], same: bool) {
    for (a, b) in pairs {
        assert_eq!(same_meaning(a, b), same, "{a}\n{b}");
        assert_eq!(same_meaning(b, a), same, "{b}\n{a}");
    }
}

#[test]
fn keywords_say_the_same_in_any_case() {
    let queries = [
        "SELECT SUM(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING) FROM t",
        "SELECT SUM(a) OVER w FROM t WINDOW w AS (ORDER BY c RANGE BETWEEN INTERVAL '5' MINUTES PRECEDING AND CURRENT ROW)",
        "SELECT a FROM t ORDER BY a DESC NULLS LAST, b ASC NULLS FIRST LIMIT 5",
        "SELECT a FROM t ORDER BY a FETCH FIRST 5 ROWS ONLY",
        "SELECT LAST_VALUE(a) IGNORE NULLS OVER (ORDER BY b) FROM t",
        "SELECT EXTRACT(DOW FROM a), FLOOR(a TO WEEK), TIMESTAMPDIFF(DAYS, a, b), a - INTERVAL -'5' SECONDS FROM t",
        "SELECT CAST(a AS TIMESTAMP(3) WITH LOCAL TIME ZONE), a AT TIME ZONE 'UTC' FROM t",
        "SELECT CAST(a AS MAP<STRING, MAP<STRING, INT>>), MAP['a', 1] FROM t",
        "SELECT JSON_OBJECT(KEY 'a' VALUE b ABSENT ON NULL), JSON_VALUE(a, '$.b' RETURNING INT NULL ON EMPTY ERROR ON ERROR) FROM t",
        "SELECT JSON_QUERY(a, '$' WITH CONDITIONAL ARRAY WRAPPER), a IS JSON OBJECT FROM t",
        "SELECT a FROM t GROUP BY GROUPING SETS ((a), ())",
        "SELECT OVERLAY(a PLACING b FROM 1 FOR 2), SUBSTRING(a FROM 2), TRIM(BOTH 'x' FROM a) FROM t",
        "SELECT a FROM t CROSS JOIN UNNEST(b) WITH ORDINALITY AS u (c, d)",
        "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY a MEASURES FINAL LAST(b) AS c ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (x) DEFINE x AS TRUE)",
        "SELECT IF(a > 1, TRY_CAST(b AS INT), PROCTIME()) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(c), INTERVAL '1' DAY))",
        "CREATE TEMPORARY TABLE IF NOT EXISTS t (a STRING METADATA FROM 'x' VIRTUAL, b MAP<STRING, ROW<c INT>>, \
         PRIMARY KEY (a) NOT ENFORCED, WATERMARK FOR a AS a - INTERVAL '1' SECONDS) PARTITIONED BY (a) WITH ('x' = 'y') \
         LIKE u (EXCLUDING OPTIONS INCLUDING CONSTRAINTS OVERWRITING GENERATED)",
        "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS f AS 'C' LANGUAGE PYTHON USING JAR 'x.jar'",
        "CREATE CATALOG c WITH ('type' = 'hive')",
        "CREATE DATABASE IF NOT EXISTS d",
        "USE CATALOG c",
        "LOAD MODULE m",
    ];
    for query in queries {
        // Names of one letter and what is in quotes stay; every other word is a keyword or a function.
        let mut quoted = false;
        let lower: Vec<String> = query
            .split('\'')
            .map(|part| {
                quoted = !quoted;
                if quoted { part.to_lowercase() } else { part.to_owned() }
            })
            .collect();
        check(&[(query, &lower.join("'"))], true);
    }
}

#[test]
fn names_keep_their_case() {
    check(
        &[
            ("SELECT first FROM t", "SELECT FIRST FROM t"),
            ("SELECT a preceding FROM t", "SELECT a PRECEDING FROM t"),
            ("SELECT a desc FROM t", "SELECT a DESC FROM t"),
            ("SELECT a FROM t ORDER BY desc", "SELECT a FROM t ORDER BY DESC"),
            ("SELECT key, data FROM t", "SELECT KEY, data FROM t"),
            ("SELECT a.days FROM t a", "SELECT a.DAYS FROM t a"),
            ("SELECT JSON_OBJECT(key VALUE data)", "SELECT JSON_OBJECT(key VALUE DATA)"),
            ("SELECT JSON_ARRAY(error)", "SELECT JSON_ARRAY(ERROR)"),
            ("SELECT a FROM t JOIN error ON b", "SELECT a FROM t JOIN ERROR ON b"),
            ("SELECT week FROM t", "SELECT WEEK FROM t"),
            ("CREATE TABLE t (data INT)", "CREATE TABLE t (DATA INT)"),
            ("CREATE TABLE t (a INT, metadata INT)", "CREATE TABLE t (a INT, METADATA INT)"),
            ("CREATE TABLE t (a ROW<name INT, key INT>)", "CREATE TABLE t (a ROW<name INT, KEY INT>)"),
            ("CREATE TABLE t (a ROW<name INT>)", "CREATE TABLE t (a ROW<NAME INT>)"),
            ("CREATE TABLE t (a INT, b AS data + 1)", "CREATE TABLE t (a INT, b AS DATA + 1)"),
            (
                "CREATE TABLE t (a INT, PRIMARY KEY (key) NOT ENFORCED)",
                "CREATE TABLE t (a INT, PRIMARY KEY (KEY) NOT ENFORCED)",
            ),
            ("CREATE TABLE t (a INT, WATERMARK FOR data AS a)", "CREATE TABLE t (a INT, WATERMARK FOR DATA AS a)"),
            ("CREATE TABLE data (a INT)", "CREATE TABLE DATA (a INT)"),
            ("CREATE TABLE t LIKE base", "CREATE TABLE t LIKE Base"),
            ("CREATE TABLE t LIKE data", "CREATE TABLE t LIKE DATA"),
            ("SELECT `COUNT`", "SELECT `count`"),
            ("SELECT größe FROM t", "SELECT GRÖSSE FROM t"),
            ("SELECT a FROM t AS data (b)", "SELECT a FROM t AS DATA (b)"),
            ("USE catalog", "USE CATALOG"),
            ("SELECT JSON_ARRAY(error, key NULL ON NULL)", "SELECT JSON_ARRAY(error, KEY NULL ON NULL)"),
            (
                "WITH x AS (SELECT 1), y (a) AS (SELECT 2) SELECT * FROM y",
                "WITH x AS (SELECT 1), Y (a) AS (SELECT 2) SELECT * FROM y",
            ),
        ],
        false,
    );
}

#[test]
fn quotes_around_names_say_nothing() {
    check(
        &[
            ("SELECT a FROM t", "SELECT `a` FROM `t`"),
            ("SELECT a.b FROM k.t AS a", "SELECT `a`.`b` FROM `k`.`t` AS `a`"),
            ("SELECT clean(a), db.clean(a) FROM t", "SELECT `Clean`(a), `db`.`CLEAN`(a) FROM t"),
            (
                "CREATE TABLE t (a INT, b AS a + 1) PARTITIONED BY (a)",
                "CREATE TABLE `t` (`a` INT, `b` AS `a` + 1) PARTITIONED BY (`a`)",
            ),
            ("SELECT größe FROM t", "SELECT `größe` FROM t"),
            ("`k`.`t`", "k.t"),
            ("SELECT first FROM t", "SELECT `first` FROM t"),
        ],
        true,
    );
    check(
        &[
            ("SELECT `select` FROM t", "SELECT select FROM t"),
            ("SELECT `a.b` FROM t", "SELECT `a`.`b` FROM t"),
            ("SELECT `a``b` FROM t", "SELECT `ab` FROM t"),
            ("SELECT `current_date` FROM t", "SELECT current_date FROM t"),
            ("SELECT `A` FROM t", "SELECT a FROM t"),
            ("SELECT 'a' FROM t", "SELECT `a` FROM t"),
            ("SELECT a FROM t ORDER BY a DESC", "SELECT a FROM t ORDER BY a `DESC`"),
        ],
        false,
    );
}

#[test]
fn comments_and_if_not_exists_of_definitions_say_nothing() {
    check(
        &[
            ("CREATE TABLE t (a INT)", "CREATE TABLE IF NOT EXISTS t (a INT COMMENT 'an ''a''') COMMENT 'all' "),
            ("CREATE TABLE t (a INT COMMENT 'x')", "CREATE TABLE t (a INT comment U&'y'\n 'z')"),
            ("CREATE TABLE t (a AS b COMMENT 'x', c INT)", "CREATE TABLE t (a AS b, c INT)"),
            ("CREATE VIEW v (a COMMENT 'x') COMMENT 'y' AS SELECT 1", "CREATE VIEW IF NOT EXISTS v (a) AS SELECT 1"),
            ("CREATE DATABASE d COMMENT 'x'", "CREATE DATABASE IF NOT EXISTS d"),
            ("CREATE CATALOG c COMMENT 'x' WITH ('a'='b')", "CREATE CATALOG IF NOT EXISTS c WITH ('a'='b')"),
            ("CREATE FUNCTION f AS 'C'", "create function if not exists f as 'C'"),
            ("CREATE TABLE t (a INT) -- x", "/* y */ CREATE TABLE t (a INT)"),
        ],
        true,
    );
    check(
        &[
            ("SELECT 'COMMENT', 'a'", "SELECT 'COMMENT', 'b'"),
            ("SELECT `COMMENT` 'a'", "SELECT `COMMENT`"),
            ("SELECT IF(NOT EXISTS(SELECT 1), 1, 2)", "SELECT IF(EXISTS(SELECT 1), 1, 2)"),
            ("DROP TABLE IF EXISTS t", "DROP TABLE t"),
            ("CREATE TABLE t (a INT)", "CREATE TEMPORARY TABLE t (a INT)"),
            ("CREATE TABLE t (a INT) WITH ('comment'='a')", "CREATE TABLE t (a INT) WITH ('comment'='b')"),
        ],
        false,
    );
}
