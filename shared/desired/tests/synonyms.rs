//! Words, types and names that are one to Flink are no change; what differs to Flink stays a change.
//! What is one to Flink was asked: DESCRIBE and EXPLAIN of Flink 1.20.1 answer the same for each pair.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use desired::sql::{TokenKind, same_meaning, tokens};
use desired::tables::{
    NameScope, Parameters, TableDefinitions, TableFile, Used, compare, parse, same_query, same_target,
};
use proptest::prelude::*;

fn check(pairs: &[(&str, &str)], same: bool) {
    for (a, b) in pairs {
        assert_eq!(same_meaning(a, b), same, "{a}\n{b}");
        assert_eq!(same_meaning(b, a), same, "{b}\n{a}");
    }
}

#[test]
fn words_that_may_be_missing_say_nothing() {
    check(
        &[
            ("SELECT a AS x, SUM(b) AS s FROM t AS u (a, b)", "SELECT a x, SUM(b) s FROM t u (a, b)"),
            ("WITH q AS (SELECT 1 AS a) SELECT q.a AS `b` FROM q AS r", "WITH q AS (SELECT 1 a) SELECT q.a b FROM q r"),
            (
                "SELECT * FROM TABLE(f(a)) AS x (b), LATERAL TABLE(g(b)) AS y",
                "SELECT * FROM TABLE(f(a)) x (b), LATERAL TABLE(g(b)) y",
            ),
            ("SELECT a FROM t INNER JOIN u ON t.b = u.b", "SELECT a FROM t JOIN u ON t.b = u.b"),
            ("SELECT a FROM t LEFT OUTER JOIN u ON TRUE", "SELECT a FROM t left join u ON TRUE"),
            (
                "SELECT a FROM t RIGHT OUTER JOIN u ON TRUE FULL OUTER JOIN v ON TRUE",
                "SELECT a FROM t RIGHT JOIN u ON TRUE FULL JOIN v ON TRUE",
            ),
            ("SELECT a FROM t ORDER BY a ASC, b asc NULLS LAST", "SELECT a FROM t ORDER BY a, b NULLS LAST"),
            ("SELECT SUM(a) OVER (ORDER BY b ASC) FROM t", "SELECT SUM(a) OVER (ORDER BY b) FROM t"),
            ("SELECT ALL COUNT(ALL a) FROM t UNION DISTINCT SELECT 1", "SELECT COUNT(a) FROM t UNION SELECT 1"),
            (
                "SELECT a - INTERVAL '5' DAYS, INTERVAL '1 2' DAY TO HOURS FROM t",
                "SELECT a - INTERVAL '5' DAY, INTERVAL '1 2' DAY TO HOUR FROM t",
            ),
            ("SELECT a FROM t FETCH NEXT 5 ROW ONLY", "SELECT a FROM t FETCH FIRST 5 ROWS ONLY"),
            ("SELECT CEILING(a), 007, 00 FROM t", "SELECT CEIL(a), 7, 0 FROM t"),
            (
                "CREATE VIEW v AS SELECT a AS b FROM t INNER JOIN u ON TRUE",
                "CREATE VIEW v AS SELECT a b FROM t JOIN u ON TRUE",
            ),
        ],
        true,
    );
    check(
        &[
            ("SELECT a AS x FROM t", "SELECT a AS y FROM t"),
            ("SELECT a `AS` FROM t", "SELECT a FROM t"),
            ("SELECT a FROM t `inner` JOIN u ON TRUE", "SELECT a FROM t JOIN u ON TRUE"),
            ("SELECT a FROM t LEFT JOIN u ON TRUE", "SELECT a FROM t JOIN u ON TRUE"),
            ("SELECT a FROM t LEFT JOIN u ON TRUE", "SELECT a FROM t FULL JOIN u ON TRUE"),
            ("SELECT a FROM t ORDER BY asc", "SELECT a FROM t ORDER BY a"),
            ("SELECT a FROM t ORDER BY a, asc", "SELECT a FROM t ORDER BY a"),
            ("SELECT a FROM t ORDER BY a `ASC`", "SELECT a FROM t ORDER BY a"),
            ("SELECT a asc FROM t", "SELECT a FROM t"),
            ("SELECT a FROM t ORDER BY a DESC", "SELECT a FROM t ORDER BY a"),
            ("SELECT a IS JSON OBJECT FROM t", "SELECT a IS JSON AS object FROM t"),
            ("SELECT DISTINCT a FROM t", "SELECT a FROM t"),
            ("SELECT 1 UNION ALL SELECT 1", "SELECT 1 UNION SELECT 1"),
            ("SELECT COUNT(DISTINCT a) FROM t", "SELECT COUNT(a) FROM t"),
            ("SELECT a > ALL (SELECT 1) FROM t", "SELECT a > (SELECT 1) FROM t"),
            ("SELECT days FROM t", "SELECT `day` FROM t"),
            ("SELECT EXTRACT(DAYS FROM a) FROM t", "SELECT EXTRACT(DAY FROM a) FROM t"),
            // A decimal's digits are its type: 00.5 is DECIMAL(3, 1).
            ("SELECT 00.5", "SELECT 0.5"),
            ("SELECT 70", "SELECT 7"),
            ("SELECT '007'", "SELECT '7'"),
            ("CREATE FUNCTION f AS 'C'", "CREATE FUNCTION f 'C'"),
            ("CREATE TABLE t (a AS b)", "CREATE TABLE t (a b)"),
        ],
        false,
    );
}

/// Each line: the type, and the ways to write it.
const TYPES: &[&[&str]] = &[
    &["INT", "INTEGER", "integer", "INT NULL"],
    &["DECIMAL", "DEC", "NUMERIC", "DECIMAL(10)", "NUMERIC(10, 0)", "DECIMAL(10,00)"],
    &["DECIMAL(5)", "NUMERIC(5)", "DEC(5, 0)"],
    &["DECIMAL(5, 2)", "DEC(5, 2)"],
    &["STRING", "VARCHAR", "VARCHAR(2147483647)", "CHAR VARYING", "CHARACTER VARYING (2147483647)", "STRING NULL"],
    &["VARCHAR(3)", "CHAR VARYING(3)", "CHARACTER VARYING(3)"],
    &["VARCHAR(1)"],
    &["CHAR", "CHARACTER", "CHAR(1)"],
    &["CHAR(3)", "CHARACTER(3)"],
    &["BYTES", "VARBINARY", "VARBINARY(2147483647)", "BINARY VARYING"],
    &["VARBINARY(3)", "BINARY VARYING(3)"],
    &["BINARY", "BINARY(1)"],
    &["DOUBLE", "DOUBLE PRECISION"],
    &["FLOAT"],
    &["TIMESTAMP", "TIMESTAMP(6)", "TIMESTAMP WITHOUT TIME ZONE"],
    &["TIMESTAMP(3)", "TIMESTAMP(3) WITHOUT TIME ZONE"],
    &["TIMESTAMP_LTZ", "TIMESTAMP_LTZ(6)", "TIMESTAMP WITH LOCAL TIME ZONE"],
    &["TIMESTAMP_LTZ(3)", "TIMESTAMP(3) WITH LOCAL TIME ZONE", "timestamp(3) with local time zone"],
    &["TIME", "TIME(0)", "TIME WITHOUT TIME ZONE"],
    &["ROW<x INT, y ROW<z STRING>>", "ROW(x INTEGER, y ROW(z VARCHAR NULL) NULL)", "ROW<`x` INT, y ROW(z STRING)>"],
    &["ROW<x INT NOT NULL>", "ROW(x INT NOT NULL)"],
    &["ROW<x INT>"],
    &["ARRAY<ROW<x INT>>", "ARRAY<ROW(x INTEGER)> NULL"],
    &["MAP<STRING, BYTES>", "MAP<VARCHAR, VARBINARY>"],
];

#[test]
fn types_are_one_however_they_are_written() {
    // `NULL` behind a type stands in definitions alone.
    let table = |written: &str| format!("CREATE TABLE t (k BIGINT, a {written}, b {written} COMMENT 'x')");
    let query = |written: &str| format!("SELECT CAST(a AS {}) FROM t", written.trim_end_matches(" NULL"));
    let mut asked = 0;
    for (line, of_one) in TYPES.iter().enumerate() {
        for written in *of_one {
            check(&[(&table(of_one[0]), &table(written)), (&query(of_one[0]), &query(written))], true);
            for other in TYPES.iter().skip(line + 1) {
                check(&[(&table(other[0]), &table(written)), (&query(other[0]), &query(written))], false);
                asked += 1;
            }
        }
    }
    assert!(asked > 200, "{asked}");
    check(
        &[
            ("CREATE TABLE t (a INT NOT NULL)", "CREATE TABLE t (a INT)"),
            ("CREATE TABLE t (a INT NOT NULL)", "CREATE TABLE t (a INT NULL)"),
            ("CREATE TABLE t (`integer` INT)", "CREATE TABLE t (`int` INT)"),
            ("CREATE TABLE t (a INT, b AS ROW(a, 1))", "CREATE TABLE t (a INT, b AS ROW(a, 2))"),
            ("SELECT CASE WHEN a THEN NULL END FROM t", "SELECT CASE WHEN a THEN 1 END FROM t"),
            ("SELECT JSON_VALUE(a, '$' RETURNING INT NULL ON EMPTY)", "SELECT JSON_VALUE(a, '$' RETURNING INT)"),
            ("SELECT CAST(a AS INT) IS NULL FROM t", "SELECT CAST(a AS INT) IS NOT NULL FROM t"),
            ("SELECT 'INTEGER' FROM t", "SELECT 'INT' FROM t"),
            ("SELECT `DEC` FROM t", "SELECT `DECIMAL` FROM t"),
        ],
        false,
    );
    check(
        &[
            (
                "SELECT JSON_VALUE(a, '$' RETURNING INTEGER NULL ON EMPTY)",
                "SELECT JSON_VALUE(a, '$' RETURNING INT NULL ON EMPTY)",
            ),
            ("CREATE TABLE t (a INT NULL PRIMARY KEY NOT ENFORCED)", "CREATE TABLE t (a INT PRIMARY KEY NOT ENFORCED)"),
        ],
        true,
    );
}

#[test]
fn what_like_takes_over_by_itself_need_not_be_written() {
    let own = "CREATE TABLE t WITH ('a' = 'b') LIKE u";
    check(
        &[
            ("CREATE TABLE t LIKE u", "CREATE TABLE t LIKE u (INCLUDING ALL)"),
            ("CREATE TABLE t LIKE u", "CREATE TABLE t LIKE u (including all overwriting options)"),
            (own, &format!("{own} (INCLUDING ALL OVERWRITING OPTIONS)")),
        ],
        true,
    );
    check(
        &[
            // Flink refuses an option that both have.
            (own, &format!("{own} (INCLUDING ALL)")),
            ("CREATE TABLE t LIKE u", "CREATE TABLE t LIKE u (EXCLUDING ALL)"),
            ("CREATE TABLE t LIKE u", "CREATE TABLE t LIKE u (INCLUDING ALL EXCLUDING OPTIONS)"),
            ("CREATE TABLE t LIKE u", "CREATE TABLE t LIKE u (INCLUDING ALL OVERWRITING GENERATED)"),
        ],
        false,
    );
    let file = |like: &str| format!("CREATE TABLE u (a INT) WITH ('c' = 'd'); {own} {like}");
    let (plain, asked, refused) = (file(""), file("(INCLUDING ALL OVERWRITING OPTIONS)"), file("(INCLUDING ALL)"));
    let query = "SELECT a FROM t";
    assert_eq!(compare(&used(&plain, query), &used(&asked, query)), vec![]);
    assert_ne!(compare(&used(&plain, query), &used(&refused, query)), vec![]);
}

fn used(tables: &str, query: &str) -> Used {
    let files = [TableFile { key: "f".to_owned(), text: tables.to_owned() }];
    let definitions: TableDefinitions = parse(&files, &Parameters::default()).unwrap();
    definitions.for_sql(query, "sink", NameScope::default())
}

/// Whether a query in the scope of these statements says the same as another in that of those.
fn same_among(old: (&str, &str), new: (&str, &str)) -> bool {
    let (before, after) = (used(old.0, old.1), used(new.0, new.1));
    same_query((old.1, &before), (new.1, &after)) && compare(&before, &after).is_empty()
}

#[test]
fn what_is_current_need_not_be_said() {
    let tables = "CREATE TABLE t (a INT); CREATE TABLE u (a INT); CREATE TABLE sink (a INT)";
    let full = "SELECT t.a FROM default_catalog.default_database.t JOIN default_database.u ON TRUE";
    let plain = "SELECT t.a FROM t JOIN u ON TRUE";
    assert!(same_among((tables, plain), (tables, full)));
    assert!(same_among((tables, full), (tables, plain)));
    let in_full = "SELECT a FROM `default_catalog`.default_database.t";
    assert!(same_among((tables, in_full), (tables, "SELECT a FROM t")));
    assert!(!same_among((tables, in_full), (tables, "SELECT a FROM u")));
    // The same where something else is current.
    let elsewhere = "CREATE CATALOG c WITH ('type' = 'x'); USE CATALOG c; USE d; CREATE TABLE t (a INT)";
    assert!(same_among((elsewhere, "SELECT a FROM c.d.t"), (elsewhere, "SELECT a FROM t")));
    assert!(same_among((elsewhere, "SELECT a FROM d.t"), (elsewhere, "SELECT a FROM t")));
    assert!(!same_among((elsewhere, in_full), (elsewhere, "SELECT a FROM t")));
    assert!(!same_among((tables, "SELECT a FROM t"), (elsewhere, "SELECT a FROM t")));
    // A name that WITH gives, and a column, are no table.
    let given = |table: &str| format!("WITH t AS (SELECT 1 AS a) SELECT a FROM {table}");
    assert!(!same_among((tables, &given("t")), (tables, &given("default_database.t"))));
    assert!(same_among((tables, &given("default_catalog.default_database.t")), (tables, &given("default_database.t"))));
    let column = |name: &str| format!("SELECT {name} FROM x AS default_database");
    assert!(!same_among((tables, &column("default_database.t")), (tables, &column("t"))));
}

#[test]
fn views_and_targets_need_not_say_what_is_current() {
    let view = |table: &str| {
        format!("CREATE TABLE t (a INT); CREATE VIEW v AS SELECT a FROM {table}; CREATE TABLE w LIKE {table}")
    };
    let query = "SELECT * FROM v, w";
    assert!(same_among((&view("t"), query), (&view("default_catalog.default_database.t"), query)));
    assert!(!same_among((&view("t"), query), (&view("k.t"), query)));
    let used = used("CREATE TABLE sink (a INT)", "SELECT 1");
    let same = |old: &str, new: &str| same_target((old, &used), (new, &used));
    assert!(same("sink", "`default_catalog`.`default_database`.`sink`"));
    assert!(same("default_database.sink PARTITION (a = 1)", "sink PARTITION (a = 01)"));
    assert!(!same("sink", "other") && !same("sink", "k.sink"));
}

#[test]
fn what_flink_skips_is_no_change() {
    let (query, once) = ("SELECT a FROM t", "CREATE TABLE t (a INT)");
    let twice = format!("{once}; CREATE TABLE IF NOT EXISTS t (a INTEGER)");
    assert!(same_among((once, query), (&twice, query)) && same_among((&twice, query), (once, query)));
    let hidden = format!("{once}; CREATE TEMPORARY TABLE IF NOT EXISTS t (a STRING)");
    assert!(!same_among((once, query), (&hidden, query)));
}

/// Statements in which every word that may be written otherwise is written in the first of its ways.
const PLAIN: &[&str] = &[
    "SELECT a x, CAST(b AS INT) y, CAST(c AS ROW<d DECIMAL, e TIMESTAMP_LTZ(3)>) FROM t u JOIN v ON TRUE LEFT JOIN w z ON a = 7 ORDER BY a, b NULLS LAST",
    "WITH q (f) AS (SELECT SUM(a) OVER (ORDER BY b) FROM t) SELECT f FROM q FULL JOIN k.r s ON TRUE UNION SELECT 5",
    "CREATE VIEW v (a) AS SELECT a b FROM t RIGHT JOIN w ON CAST(a AS STRING) = 'INTEGER AS NULL'",
    "CREATE TABLE t (a INT, b STRING NOT NULL, c ROW<d BYTES, e DOUBLE>, f TIMESTAMP(3), g AS ROW(a, b), h CHAR) LIKE u",
];

/// The same in other words: which ones, the choices say.
fn respelled(sql: &str, choices: &[u8]) -> String {
    let all = tokens(sql).unwrap();
    let table = sql.starts_with("CREATE TABLE");
    let mut words: Vec<String> = Vec::new();
    for ((at, token), choice) in all.iter().enumerate().zip(choices.iter().cycle()) {
        let before = at.checked_sub(1).and_then(|at| all.get(at)).map_or("", |token| token.text);
        let next = all.get(at + 1).map_or("", |token| token.text);
        let sides = ["LEFT", "RIGHT", "FULL"].contains(&before);
        let name = token.text.chars().all(char::is_lowercase) && token.kind == TokenKind::Word;
        let alias = name && !table && (before == ")" || before.chars().all(char::is_lowercase) && !before.is_empty());
        let other: &[&str] = match token.text {
            "JOIN" if sides => &["OUTER JOIN"],
            "JOIN" => &["INNER JOIN"],
            "INT" => &["INTEGER"],
            "DECIMAL" => &["DEC", "NUMERIC(10)", "DECIMAL(10, 0)"],
            "STRING" => &["VARCHAR", "VARCHAR(2147483647)", "CHARACTER VARYING"],
            "BYTES" => &["VARBINARY", "BINARY VARYING(2147483647)"],
            "DOUBLE" => &["DOUBLE PRECISION"],
            "CHAR" => &["CHARACTER", "CHAR(1)"],
            "7" => &["007"],
            "UNION" => &["UNION DISTINCT"],
            "SELECT" => &["SELECT ALL"],
            _ => &[],
        };
        let text = match usize::from(*choice) % 4 {
            0 => token.text,
            way => other.get((way - 1) % other.len().max(1)).copied().unwrap_or(token.text),
        };
        if alias && choice % 2 == 1 {
            words.push("AS".to_owned());
        }
        words.push(text.to_owned());
        if table && token.text == "INT" && choice % 2 == 1 && next != "NOT" {
            words.push("NULL".to_owned());
        }
        if !table && (token.text == "b" && before == "," && next == "NULLS" || token.text == "b" && before == "BY") {
            words.push("ASC".to_owned());
        }
    }
    words.join(" ")
}

proptest! {
    #[test]
    fn other_words_for_the_same_say_nothing(
        which in 0..PLAIN.len(),
        choices in prop::collection::vec(any::<u8>(), 1..90),
        others in prop::collection::vec(any::<u8>(), 1..90),
    ) {
        let (one, two) = (respelled(PLAIN[which], &choices), respelled(PLAIN[which], &others));
        prop_assert!(same_meaning(PLAIN[which], &one), "{}", one);
        prop_assert!(same_meaning(&one, &two), "{}\n{}", one, two);
    }
}
