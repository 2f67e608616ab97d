//! `sql` is exactly one query: what is refused, where in the user's own YAML, with which way out; and what must pass.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

use desired::diagnostics::{Diagnostic, SourceFile};
use desired::manifest::{Policy, load, load_among, load_merged};
use desired::sql::{KnownTables, query_problems, split, unknown_tables};

const REST: &str = "flinkProperties:\n  state.checkpoints.dir: s3://b/c\n  state.savepoints.dir: s3://b/s\n";

fn file(sql: &str) -> SourceFile {
    SourceFile::new("queries/a.yaml", format!("name: a\ndescription: d\ntarget-table: t\n{sql}\n{REST}"))
}

/// What is found about a manifest with these lines for `sql`, which begin on line 4.
fn found(sql: &str) -> Vec<Diagnostic> {
    load(None, &file(sql), &Policy::default()).err().unwrap_or_default()
}

/// `code@line:column+length`, what is wrong, and a part of the way out.
type Refused = (&'static str, &'static str, &'static str, &'static str);

fn each_is_told(cases: &[Refused]) {
    for (sql, place, message, help) in cases {
        let all = found(sql);
        let [only] = all.as_slice() else { panic!("{sql}: {all:?}") };
        let span = only.span.unwrap();
        assert_eq!(format!("{}@{}:{}+{}", only.code, span.line, span.column, span.length), *place, "{sql}: {only}");
        assert_eq!(only.field.as_deref(), Some("sql"), "{sql}");
        assert!(only.message.contains(message), "{sql}: {only}");
        assert!(only.help.as_deref().unwrap_or_default().contains(help), "{sql}: {only}");
    }
}

#[test]
fn what_is_no_query_is_told_the_way_out() {
    each_is_told(&[
        ("sql: INSERT INTO t SELECT 1", "not-one-query@4:6+6", "without INSERT", "`target-table` does that"),
        ("sql: |\n  -- why\n  insert into t\n  SELECT 1", "not-one-query@6:3+6", "without INSERT", "drop it"),
        (
            "sql: EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END;",
            "not-one-query@4:6+7",
            "statement set",
            "one manifest for each target",
        ),
        (
            "sql: BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END;",
            "not-one-query@4:6+5",
            "statement set",
            "one manifest for each target",
        ),
        (
            "sql: \"SET 'table.local-time-zone' = 'UTC'; SELECT 1\"",
            "not-one-query@4:7+3",
            "options are not set",
            "under `flinkProperties`",
        ),
        ("sql: SELECT 1; SET 'a' = 'b'", "not-one-query@4:16+3", "options are not set", "under `flinkProperties`"),
        ("sql: CREATE TABLE x AS SELECT 1", "not-one-query@4:6+6", "creates a table from a query", "config/tables/"),
        ("sql: CREATE TEMPORARY VIEW v AS SELECT 1", "not-one-query@4:6+6", "defines something", "config/tables/"),
        ("sql: DROP TABLE t", "not-one-query@4:6+4", "a job does not DROP", "remove it"),
        ("sql: delete from t", "not-one-query@4:6+6", "a job does not DELETE", "remove it"),
        ("sql: SHOW TABLES", "not-one-query@4:6+4", "makes no rows", "beginning with SELECT"),
        ("sql: EXPLAIN SELECT 1", "not-one-query@4:6+7", "makes no rows", "beginning with SELECT"),
        ("sql: USE x", "not-one-query@4:6+3", "no query", "config/tables/"),
        ("sql: SELCT 1", "not-one-query@4:6+5", "does not begin with `SELCT`", "begin with SELECT"),
        ("sql: (a + 1)", "not-one-query@4:7+1", "does not begin with `a`", "begin with SELECT"),
        ("sql: '-- nothing'", "not-one-query@4:7+1", "there is no query", "write one"),
        ("sql: ';'", "not-one-query@4:7+1", "there is no query", "write one"),
        ("sql: ; SELECT 1", "not-one-query@4:6+1", "before the query", "remove it"),
        ("sql: SELECT 1; SELECT 2;", "not-one-query@4:16+6", "a second statement", "a manifest for each query"),
        ("sql: SELECT \"a\" FROM t", "double-quote@4:13+1", "does not quote", "back-ticks"),
        (
            "sql: |\n  SELECT U&\"'\" FROM t /*+ OPTIONS('connector'='x') */ WHERE U&\"'\" = 1",
            "double-quote@5:12+1",
            "does not quote",
            "back-ticks",
        ),
    ]);
}

#[test]
fn what_is_never_closed_is_shown_where_it_opens_in_every_style() {
    each_is_told(&[
        ("sql: |\n  SELECT a\n  FROM t WHERE b = 'x", "not-closed@6:20+1", "this string is never closed", "close it"),
        (
            "sql: >-\n    SELECT a\n\n    FROM t WHERE b = 'x",
            "not-closed@7:22+1",
            "this string is never closed",
            "close it",
        ),
        ("sql: |2-\n   SELECT `a\n  FROM t", "not-closed@5:11+1", "this name is not closed", "back-tick inside a name"),
        ("sql: \"SELECT \\\"\\u00e9\\\\ 1,\\n /* x\"", "not-closed@4:30+1", "this comment is never closed", "*/"),
        ("sql: 'SELECT ''a'' ,\n   ''b'", "not-closed@5:4+1", "this string is never closed", "close it"),
        ("sql: SELECT é,\n  b /*+ OPTIONS('a'='b')", "not-closed@5:5+1", "this hint is never closed", "*/"),
        // YAML took the rest of the line for a comment.
        (
            "sql: SELECT a FROM t WHERE b = 'x #1'",
            "not-closed@4:32+1",
            "as YAML takes what follows ` #`",
            "write `sql: |`",
        ),
        (
            "sql: SELECT a /* the # of rows */ FROM t",
            "not-closed@4:15+1",
            "as YAML takes what follows ` #`",
            "write `sql: |`",
        ),
        ("sql: SELECT `the #` FROM t", "not-closed@4:13+1", "as YAML takes what follows ` #`", "write `sql: |`"),
        // YAML made one line of the query.
        (
            "sql: >-\n  SELECT a -- it's the key\n  FROM t",
            "cut-off@5:12+15",
            "swallows what follows it, `FROM t`",
            "write `sql: |`",
        ),
        (
            "sql: >\n  SELECT a // all\n  -- of them\n  FROM t",
            "cut-off@5:12+6",
            "swallows what follows it, `FROM t`",
            "write `sql: |`",
        ),
        ("sql: SELECT a -- all\n  FROM t", "cut-off@4:15+6", "swallows what follows it, `FROM t`", "write `sql: |`"),
        (
            "sql: \"SELECT a -- all\n  FROM t\"",
            "cut-off@4:16+6",
            "swallows what follows it, `FROM t`",
            "write `sql: |`",
        ),
    ]);
}

/// The text of an alias stands elsewhere: the alias is shown.
#[test]
fn a_place_that_cannot_be_told_is_the_whole_field() {
    let text = format!("name: a\ndescription: &d SHOW TABLES\ntarget-table: t\nsql: *d\n{REST}");
    let findings = load(None, &SourceFile::new("a.yaml", text), &Policy::default()).unwrap_err();
    let span = findings[0].span.unwrap();
    assert_eq!((findings.len(), span.line, span.column), (1, 4, 6), "{findings:?}");
}

#[test]
fn what_means_one_query_passes_in_every_style() {
    for sql in [
        "sql: SELECT 1;",
        "sql: |\n  SELECT 1;;\n",
        "sql: >-\n  SELECT a\n  FROM t\n  -- the end\n  // of it",
        "sql: >-\n  SELECT a\n\n\n  FROM t -- the last word",
        "sql: |\n  SELECT a -- it's the key\n  FROM t",
        "sql: \"SELECT a -- all\\nFROM t\"",
        "sql: SELECT a FROM t # a comment of YAML's",
        "sql: |\n  SELECT '# no comment', 'a -- b' FROM t",
    ] {
        assert_eq!(found(sql), [], "{sql}");
    }
    // The Python tool wrote one line: there a comment always ended the query.
    let merged = file("sql: SELECT a FROM t -- all FROM t");
    assert!(load_merged(&merged, &Policy::default()).is_ok());
}

fn valid_queries() -> Vec<&'static str> {
    let all = include_str!("fixtures/valid-queries.sql");
    let (_, all) = all.split_once('\n').unwrap();
    all.split("\n====\n").collect()
}

#[test]
fn queries_that_flink_takes_are_accepted() {
    let queries = valid_queries();
    assert!(queries.len() >= 60, "{}", queries.len());
    for query in queries {
        assert_eq!(query_problems(query), [], "{query}");
        let indented = query.replace('\n', "\n  ");
        assert_eq!(found(&format!("sql: |\n  {indented}")), [], "{query}");
    }
}

fn known(tables: &str) -> KnownTables {
    let create = |name: &str| format!("CREATE TABLE {name} (x INT);");
    KnownTables::of(&split("t.sql", &tables.split(' ').map(create).collect::<String>()).unwrap())
}

/// Every table that the queries name is known: whatever else stands where a table may stand is none.
#[test]
fn nothing_but_a_table_is_taken_for_an_unknown_one() {
    let names = "orders t u w bid clicks ticker events rates customers o l kafka_table dim a b c d x y lt rt straße `from` `group`";
    let known = known(names);
    for query in valid_queries() {
        assert_eq!(unknown_tables(query, &known), [], "{query}");
    }
}

#[test]
fn a_table_that_nothing_defines_is_told_with_the_nearest_name() {
    let known = known("orders customers sink");
    for (query, expected) in [
        ("SELECT * FROM ordrs", "ordrs: write `orders`, or define it"),
        ("SELECT * FROM Orders", "Orders: write `orders`: the case"),
        ("SELECT * FROM orders, lines WHERE EXTRACT(DAY FROM x) = 1", "lines: define it in a file"),
        ("SELECT * FROM orders o JOIN (SELECT 1 FROM `custmers`) c ON TRUE", "`custmers`: write `customers`"),
        ("SELECT * FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(t), INTERVAL '1' DAY))", "bids: define it"),
        ("WITH a AS (SELECT * FROM missing) SELECT * FROM a", "missing: define it"),
        ("SELECT * FROM orders WHERE x IN (SELECT y FROM missing /* m */)", "missing: define it"),
    ] {
        let problems = unknown_tables(query, &known);
        let [problem] = problems.as_slice() else { panic!("{query}: {problems:?}") };
        let told = format!("{}: {}", &query[problem.at.clone()], problem.help);
        assert!(told.starts_with(expected), "{query}: {told}");
    }
    for open in ["CREATE CATALOG c WITH ('type'='x');", "USE d;", "USE CATALOG c;", "CREATE DATABASE d;"] {
        let statements = split("t.sql", &format!("CREATE TABLE a (x INT); {open}")).unwrap();
        assert_eq!(unknown_tables("SELECT * FROM missing", &KnownTables::of(&statements)), [], "{open}");
    }
    let none = KnownTables::of(&[]);
    assert_eq!(unknown_tables("SELECT * FROM missing", &none), []);
    let file = file("sql: >-\n  SELECT *\n  FROM ordrs");
    let findings = load_among(&known, None, &file, &Policy::default()).unwrap_err();
    let told: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "queries/a.yaml:3:15: error[unknown-table]: no table or view is called `t`; define it in a file under config/tables/",
            "queries/a.yaml:6:8: error[unknown-table]: no table or view is called `ordrs`; write `orders`, or define it in a file under config/tables/",
        ]
    );
}

#[test]
fn hostile_texts_take_linear_time() {
    let started = std::time::Instant::now();
    let known = known("a");
    for piece in [
        "(",
        ")",
        "/*+",
        "*/",
        "(SELECT ",
        "FROM a,",
        "WITH x AS (",
        "'",
        "--",
        "/* */",
        "TABLE ",
        "/*+ OPTIONS('a'='b'),",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        query_problems(&text);
        unknown_tables(&text, &known);
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn what_flinks_parser_never_takes_is_refused() {
    each_is_told(&[
        ("sql: SELECT a FROM t)", "bracket@4:21+1", "closes nothing", "as many `)` as `(`"),
        ("sql: |\n  SELECT f(a\n  FROM t", "bracket@5:11+1", "never closed", "as many `)` as `(`"),
        ("sql: SELECT a[1) FROM t", "bracket@4:16+1", "cannot close the `[`", "write `]`"),
        ("sql: SELECT f(a] FROM t", "bracket@4:16+1", "cannot close the `(`", "write `)`"),
        ("sql: SELECT a] FROM t", "bracket@4:14+1", "closes nothing", "as many `]` as `[`"),
        ("sql: SELECT a[1 FROM t", "bracket@4:14+1", "never closed", "as many `]` as `[`"),
        ("sql: SELECT a FROM t WHERE a != 1", "not-taken@4:30+2", "does not take `!=`", "write <>"),
    ]);
    let deep = |levels: usize| format!("SELECT {}a{} FROM t", "(".repeat(levels), ")".repeat(levels));
    assert_eq!(query_problems(&deep(500)), []);
    let problems = query_problems(&deep(501));
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((problem.code, problem.at.start), ("bracket", 7 + 500));
    assert!(problem.message.contains("more than 500") && problem.help.contains("WITH"), "{problem:?}");
    for query in ["SELECT '(', `[` FROM t -- ]", "SELECT '!=' FROM t /* != */", "SELECT a[f(1)], ARRAY[(1)] FROM t"] {
        assert_eq!(query_problems(query), [], "{query}");
    }
}
