//! How Flink SQL is read: tokens, meaning, statements and the tables a query names.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed check ends the test")]

use desired::sql::{
    StatementKind, TablePath, TokenKind, same_meaning, same_meaning_as_deployed_by_python, split, table_references,
    tokens,
};

fn texts(sql: &str) -> Vec<&str> {
    tokens(sql).unwrap().iter().map(|token| token.text).collect()
}

#[test]
fn tokens_are_cut_as_flink_cuts_them() {
    let cases: &[(&str, &[&str])] = &[
        ("SELECT a.b", &["SELECT", "a", ".", "b"]),
        ("a -- b 'c\nd", &["a", "d"]),
        ("a // b ; c\rd", &["a", "d"]),
        ("a/* /* */b", &["a", "b"]),
        ("a/**/b/****/c/***/d*/e", &["a", "b", "c", "e"]),
        ("/*+ OPTIONS('a'='b') */", &["/*+", "OPTIONS", "(", "'a'", "=", "'b'", ")", "*/"]),
        ("'it''s' 'a\\'", &["'it''s'", "'a\\'"]),
        ("'a -- b'", &["'a -- b'"]),
        ("N'a' x'0F' _utf8'é' U&'\\00e9' n 'a'", &["N'a'", "x'0F'", "_utf8'é'", "U&'\\00e9'", "n", "'a'"]),
        ("_utf8 _1'a' _é'a'", &["_utf8", "_1'a'", "_é", "'a'"]),
        ("`a``b`.`c`", &["`a``b`", ".", "`c`"]),
        ("1 1. 1.5 .5 1e3 1.5E-3 1e 1a", &["1", "1.", "1.5", ".5", "1e3", "1.5E-3", "1", "e", "1", "a"]),
        ("a<>b!=c<=d>=e||f=>g", &["a", "<>", "b", "!=", "c", "<=", "d", ">=", "e", "||", "f", "=>", "g"]),
        ("$a_1 größe \"x\"", &["$a_1", "größe", "\"", "x", "\""]),
        ("", &[]),
    ];
    for (sql, expected) in cases {
        assert_eq!(&texts(sql), expected, "{sql}");
    }
}

#[test]
fn tokens_know_their_kind_and_place() {
    let tokens = tokens("SELECT\n  `ä`, 'x' /*+ 7").unwrap_err();
    assert_eq!((tokens.line, tokens.column), (2, 12), "the hint is never closed");
    let tokens = desired::sql::tokens("é\n  `ä`, 'x' 7").unwrap();
    let found: Vec<_> = tokens.iter().map(|it| (it.kind, it.line, it.column, it.offset)).collect();
    assert_eq!(
        found,
        [
            (TokenKind::Word, 1, 1, 0),
            (TokenKind::QuotedIdentifier, 2, 3, 5),
            (TokenKind::Symbol, 2, 6, 9),
            (TokenKind::Literal, 2, 8, 11),
            (TokenKind::Number, 2, 12, 15),
        ]
    );
}

#[test]
fn what_is_never_closed_is_an_error_where_it_opens() {
    let cases = [
        ("a 'b", 1, 3, "this string is never closed with '"),
        ("a\n 'b'''", 0, 0, ""),
        ("a\n 'b''", 2, 2, "this string is never closed with '"),
        ("a `b\n`", 1, 3, "this name is not closed with ` on its line"),
        ("a /* b", 1, 3, "this comment is never closed with */"),
        ("a /*/", 1, 3, "this comment is never closed with */"),
        ("a /*+ b", 1, 3, "this hint is never closed with */"),
    ];
    for (sql, line, column, message) in cases {
        match tokens(sql) {
            Ok(_) => assert_eq!(line, 0, "{sql}"),
            Err(error) => {
                assert_eq!((error.line, error.column, error.message.as_str()), (line, column, message), "{sql}");
            }
        }
    }
}

#[test]
fn the_same_query_by_meaning() {
    let same = [
        ("SELECT a FROM t", "select\n\ta  from t -- all"),
        ("SELECT COUNT(*)", "SELECT count( /* n */ * )"),
        ("SELECT 1", "SELECT 1 ;"),
        ("a<=b", "a <= b"),
        ("it's", "it's"),
    ];
    for (a, b) in same {
        assert!(same_meaning(a, b), "{a} / {b}");
    }
    let different = [
        ("SELECT a FROM t", "SELECT A FROM t"),
        ("SELECT 'a  b'", "SELECT 'a b'"),
        ("SELECT '-- a'", "SELECT '-- b'"),
        ("SELECT /*+ A(t) */ 1", "SELECT /*+ B(t) */ 1"),
        ("SELECT /*+ A(t) */ 1", "SELECT 1"),
        ("SELECT `COUNT`", "SELECT `count`"),
        ("a b", "ab"),
        ("a < = b", "a <= b"),
        ("first", "FIRST"),
        ("it's", "it's "),
    ];
    for (a, b) in different {
        assert!(!same_meaning(a, b), "{a} / {b}");
    }
}

/// B7: the Python tool wrote newlines as spaces, and a comment swallowed the rest of the query.
#[test]
fn b7_a_query_deployed_on_one_line_is_the_query_that_was_written() {
    let same = [
        ("SELECT a\nFROM t\n", "SELECT a FROM t "),
        ("SELECT a -- why\nFROM t", "SELECT a -- why FROM t"),
        ("SELECT a // why\n  FROM t\n", "SELECT a // why   FROM t "),
        ("SELECT 'a\nb'", "SELECT 'a b'"),
        ("SELECT a -- it's\nFROM t", "SELECT a -- it's FROM t"),
    ];
    for (new, deployed) in same {
        assert!(same_meaning_as_deployed_by_python(new, deployed), "{new} / {deployed}");
    }
    let different = [
        ("SELECT a -- why\nFROM t WHERE b > 2", "SELECT a -- why FROM t WHERE b > 1"),
        ("SELECT a\nFROM t WHERE b > 2", "SELECT a FROM t WHERE b > 1"),
        ("SELECT a\nFROM t", "SELECT a -- why FROM t"),
    ];
    for (new, deployed) in different {
        assert!(!same_meaning_as_deployed_by_python(new, deployed), "{new} / {deployed}");
    }
}

#[test]
fn files_are_split_into_statements_with_their_places() {
    let text = "-- orders; all\n\nCREATE TABLE a (b INT COMMENT 'x;y')\n WITH ('k'='it''s');;\nSET 'x' = 'y'; /* ; */\nUSE `d;b`";
    let found: Vec<_> = split("t.sql", text).unwrap().into_iter().map(|it| (it.origin, it.sql)).collect();
    let expected = [
        ("t.sql:3", "CREATE TABLE a (b INT COMMENT 'x;y')\n WITH ('k'='it''s')"),
        ("t.sql:5", "SET 'x' = 'y'"),
        ("t.sql:6", "USE `d;b`"),
    ];
    assert_eq!(found, expected.map(|(origin, sql)| (origin.to_owned(), sql.to_owned())));
    let errors = split("t.sql", "SET 'a'='b';\n SET 'c").unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].to_string(), "t.sql:2:6: this string is never closed with '");
}

fn path(text: &str) -> TablePath {
    TablePath::parse(text).expect(text)
}

fn table(name: &str, options: &[(&str, &str)], like: Option<&str>, as_query: bool) -> StatementKind {
    StatementKind::CreateTable {
        name: path(name),
        temporary: false,
        options: options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        like: like.map(path),
        as_query,
    }
}

#[test]
fn statements_say_what_they_define() {
    let name = path;
    let set = |key: &str, value: &str| StatementKind::Set { key: key.to_owned(), value: value.to_owned() };
    let cases = [
        (
            "create table if not exists `k`.o (a INT) with ('topic' = 'it''s', -- b\n 'a'='b')",
            table("k.o", &[("topic", "it's"), ("a", "b")], None, false),
        ),
        ("CREATE TABLE t (a STRING) COMMENT 'WITH' PARTITIONED BY (a) WITH ()", table("t", &[], None, false)),
        (
            "CREATE TABLE t WITH ('a'='1') LIKE c.d.b (EXCLUDING OPTIONS)",
            table("t", &[("a", "1")], Some("c.d.b"), false),
        ),
        (
            "CREATE OR REPLACE TABLE t WITH ('a'='1') AS WITH x AS (SELECT 1) SELECT * FROM x",
            table("t", &[("a", "1")], None, true),
        ),
        ("CREATE TABLE t AS SELECT a LIKE b FROM c", table("t", &[], None, true)),
        ("CREATE TABLE t (a INT) WITH ('a'='1', 'a'='2')", table("t", &[], None, false)),
        (
            "CREATE TEMPORARY VIEW IF NOT EXISTS v (x) COMMENT 'c' AS SELECT * FROM a JOIN d.b ON x",
            StatementKind::CreateView { name: name("v"), reads: vec![name("a"), name("d.b")] },
        ),
        (
            "CREATE TEMPORARY SYSTEM FUNCTION f AS 'C' LANGUAGE PYTHON",
            StatementKind::CreateFunction { name: name("f") },
        ),
        (
            "CREATE CATALOG c WITH ('type'='hive')",
            StatementKind::CreateCatalog { name: name("c"), options: [("type".to_owned(), "hive".to_owned())].into() },
        ),
        ("CREATE DATABASE c.d", StatementKind::CreateDatabase { name: name("c.d"), options: [].into() }),
        ("USE CATALOG c", StatementKind::Use { name: name("c"), catalog: true }),
        ("USE c.d", StatementKind::Use { name: name("c.d"), catalog: false }),
        ("SET 'a.b' = 'c'", set("a.b", "c")),
        ("ALTER TABLE t SET ('a'='b')", StatementKind::AlterTable { name: name("t") }),
        ("DROP TEMPORARY VIEW IF EXISTS v", StatementKind::AlterTable { name: name("v") }),
        ("DROP FUNCTION f", StatementKind::AlterFunction { name: name("f") }),
        ("USE MODULES core, hive", StatementKind::Other),
        ("LOAD MODULE hive", StatementKind::Other),
        ("CREATE TABLE", StatementKind::Other),
        ("'", StatementKind::Other),
        ("", StatementKind::Other),
    ];
    for (sql, expected) in cases {
        assert_eq!(StatementKind::of(sql), expected, "{sql}");
    }
}

#[test]
fn queries_name_tables_where_tables_may_stand() {
    let cases: &[(&str, &[&str])] = &[
        ("SELECT orders FROM t", &["t"]),
        ("SELECT t.orders, x FROM a.b AS t, `c`, d WHERE e IN (SELECT f FROM g), h", &["a.b", "c", "d", "g"]),
        ("SELECT * FROM a LEFT JOIN b ON a.x = f(b.y, z), c GROUP BY d, e", &["a", "b", "c"]),
        ("SELECT * FROM (a JOIN b USING (x, y))", &["a", "b"]),
        ("SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' DAY))", &["t"]),
        ("SELECT * FROM TUMBLE(DATA => TABLE t, SIZE => x)", &["t"]),
        ("SELECT * FROM a, LATERAL TABLE(f(x, y)) AS T(u, v), b", &["a", "b"]),
        ("SELECT * FROM a /*+ OPTIONS('x'='y', 'z'='u') */, b", &["a", "b"]),
        ("SELECT * FROM a JOIN d FOR SYSTEM_TIME AS OF a.p AS r ON r.x = a.x", &["a", "d"]),
        ("SELECT * FROM (SELECT x, y FROM a UNION ALL SELECT y, z FROM b) AS q", &["a", "b"]),
        ("INSERT INTO s (a, b) SELECT c, d FROM r", &["s", "r"]),
        ("SELECT * FROM a CROSS JOIN UNNEST(b.c) AS t (d, e)", &["a"]),
        ("SELECT ROW_NUMBER() OVER (PARTITION BY x, y ORDER BY z) FROM a", &["a"]),
        ("SELECT * FROM t MATCH_RECOGNIZE (MEASURES a AS b, c AS d PATTERN (A B))", &["t"]),
        // No tables: a FROM of a function or of a comparison, and the names that WITH gives.
        ("SELECT EXTRACT(DAY FROM ts), TRIM(BOTH 'x' FROM x), SUBSTRING(s FROM n FOR 2) FROM t", &["t"]),
        ("SELECT OVERLAY(a PLACING b FROM c FOR 2), (SELECT d FROM e) FROM t", &["e", "t"]),
        ("SELECT EXTRACT(DAY FROM (SELECT d FROM e)) FROM t", &["e", "t"]),
        ("SELECT a FROM t WHERE a IS NOT DISTINCT FROM b AND c IS DISTINCT FROM d", &["t"]),
        ("SELECT DISTINCT a FROM t", &["t"]),
        ("WITH x AS (SELECT * FROM t), y (a, b) AS (SELECT * FROM x, u) SELECT * FROM x JOIN y ON a", &["t", "u"]),
        ("WITH x AS (SELECT * FROM x) SELECT * FROM x, k.x, X", &["x", "k.x", "X"]),
        ("SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x), x", &["x"]),
        ("WITH x AS (WITH y AS (SELECT * FROM y) SELECT * FROM y) SELECT * FROM x, y", &["y", "y"]),
        ("WITH `x` AS (SELECT 1) SELECT * FROM (SELECT * FROM `x` UNION ALL SELECT * FROM x)", &[]),
        ("SELECT * FROM y UNION ALL (WITH y AS (SELECT 1) SELECT * FROM y)", &["y"]),
        ("SELECT * FROM a CROSS JOIN UNNEST(b) WITH ORDINALITY AS u (c, d), e", &["a", "e"]),
        ("SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b), c", &["a", "b"]),
        ("SELECT * FROM (VALUES (1, x), (y, z)) AS q, t", &["t"]),
        ("not closed 'FROM t", &[]),
    ];
    for (sql, expected) in cases {
        let found: Vec<_> = table_references(sql).iter().map(ToString::to_string).collect();
        assert_eq!(&found, expected, "{sql}");
    }
}

#[test]
fn names_match_by_what_both_say() {
    let cases = [
        ("t", "t", true),
        ("t", "a.b.t", true),
        ("b.t", "a.b.t", true),
        ("`b`.t", "c.t", false),
        ("t", "T", false),
        ("`a.t`", "t", false),
    ];
    for (a, b, expected) in cases {
        assert_eq!(path(a).matches(&path(b)), expected, "{a} {b}");
        assert_eq!(path(b).matches(&path(a)), expected, "{b} {a}");
    }
    for text in ["", "a.", "a b", "select", "'a'", "a..b"] {
        assert_eq!(TablePath::parse(text), None, "{text}");
    }
}
