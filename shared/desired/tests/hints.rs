//! Who may say what: hints by list, a target that is one table, and both judged again before anything is launched.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use desired::diagnostics::SourceFile;
use desired::launch::Launch;
use desired::manifest::{Meta, Policy, load};
use desired::sql::{has_dynamic_options, insert_target, query_problems, target_path, target_problems};
use desired::tables::{Parameters, TableDefinitions, TableFile, parse};
use desired::target::Target;

const REST: &str = "  state.checkpoints.dir: s3://b/c\n  state.savepoints.dir: s3://b/s\n";

/// What is refused, each with the text that it is about.
fn told(problems: Vec<desired::sql::SqlProblem>, text: &str) -> Vec<String> {
    problems.into_iter().map(|it| format!("{} {}", it.code, &text[it.at])).collect()
}

#[test]
fn hints_that_say_where_data_is_or_who_we_are_are_refused() {
    for (hint, about) in [
        ("/*+ OPTIONS('properties.bootstrap.servers'='127.0.0.1:19999') */", "'properties.bootstrap.servers'"),
        ("/*+ OPTIONS('connector'='print') */", "'connector'"),
        ("/*+ OPTIONS('path'='file:///etc') */", "'path'"),
        ("/*+ OPTIONS('url'='jdbc:x') */", "'url'"),
        ("/*+ OPTIONS('hostname'='x') */", "'hostname'"),
        ("/*+ OPTIONS('properties.group.id'='x') */", "'properties.group.id'"),
        ("/*+ OPTIONS('topic'='x') */", "'topic'"),
        ("/*+ options('topic'='x') */", "'topic'"),
        ("/*+ `OPTIONS`('topic'='x') */", "'topic'"),
        ("/*+ Options(topic='x') */", "topic"),
        ("/*+ OPTIONS(`topic`='x') */", "`topic`"),
        ("/*+OPTIONS('scan.startup.mode'='earliest-offset','topic'='x')*/", "'topic'"),
        ("/*+ BROADCAST(t), OPTIONS('topic'='x') */", "'topic'"),
        ("/*+ OPTIONS /* no */ ( -- hint\n 'topic' // really\n = 'x') */", "'topic'"),
        ("/***/ ' */ /*+ OPTIONS('topic'='x') */ '", "'topic'"),
        ("/**x*/ /*+ OPTIONS('topic'='x') */", "'topic'"),
        ("/*+ OPTIONS('scan.startup.'='x') */", "'scan.startup.'"),
        ("/*+ OPTIONS('SINK.PARALLELISM'='4') */", "'SINK.PARALLELISM'"),
        ("/*+ OPTIONS(' sink.parallelism'='4') */", "' sink.parallelism'"),
        ("/*+ OPTIONS('sink.partitioner'='org.Evil') */", "'sink.partitioner'"),
        ("/*+ OPTIONS('sink.partitioner'='Fixed') */", "'sink.partitioner'"),
        ("/*+ OPTIONS('.ignore-parse-errors'='true') */", "'.ignore-parse-errors'"),
        ("/*+ OPTIONS('streaming-source.'='x') */", "'streaming-source.'"),
        ("/*+ OPTIONS('overwrite-enabled'='true') */", "'overwrite-enabled'"),
        ("/*+ OPTIONS('branch'='x') */", "'branch'"),
        ("/*+ OPTIONS('to' 'pic'='x') */", "'to'"),
        ("/*+ OPTIONS(U&'\\0074opic'='x') */", "U&'\\0074opic'"),
        ("/*+ OPTIONS(N'topic'='x') */", "N'topic'"),
        ("/*+ OPTIONS(_utf8'topic'='x') */", "_utf8'topic'"),
        ("/*+ OPTIONS('sink.parallelism'=U&'4') */", "'sink.parallelism'"),
        ("/*+ OPTIONS('topic') */", "'topic'"),
        ("/*+ OPTIONS */", "OPTIONS"),
        ("/*+ OPTIONS() */", "OPTIONS"),
        ("/*+ OPTIONS(('sink.parallelism'='4')) */", "OPTIONS"),
        ("/*+ LOOKUP('table'='t') OPTIONS('topic'='x') */", "LOOKUP"),
        ("/*+ LOOKUP('table'='t'), `OPTIONS`('topic'='x') */", "'topic'"),
        ("/*+ ALIAS('t') */", "ALIAS"),
        ("/*+ no_such_hint */", "no_such_hint"),
        ("/*+ x.OPTIONS('topic'='x') */", "x"),
        ("/*+ 'OPTIONS'('topic'='x') */", "'OPTIONS'"),
    ] {
        let expected = [format!("refused-hint {about}")];
        for query in [
            format!("SELECT * FROM t {hint}"),
            format!("WITH v AS (SELECT * FROM t {hint}) SELECT * FROM v"),
            format!("SELECT {hint} a, (SELECT MAX(b) FROM u) FROM t"),
            format!("SELECT a FROM u UNION ALL (SELECT a FROM (SELECT a FROM t {hint} AS x));"),
        ] {
            let found = told(query_problems(&query), &query);
            if hint.contains("/***/") {
                // Not closed where the hint stands inside more: refused as well.
                assert!(!found.is_empty(), "{query}");
            } else {
                assert_eq!(found, expected, "{query}");
            }
        }
    }
    let two = "SELECT * FROM t /*+ OPTIONS('path'='x', 'url'='y') */, u /*+ OPTIONS('topic'='z') */";
    let expected = ["'path'", "'url'", "'topic'"].map(|key| format!("refused-hint {key}"));
    assert_eq!(told(query_problems(two), two), expected, "all are told at once");
}

#[test]
fn hints_on_the_list_pass() {
    for hint in [
        "/*+ OPTIONS('scan.startup.mode'='group-offsets') */",
        "/*+ OPTIONS('scan.startup.specific-offsets'='partition:0,offset:42') */",
        "/*+ OPTIONS('scan.startup.timestamp-millis'='1', 'scan.parallelism'='2') */",
        "/*+ options(`sink.parallelism`='4') */",
        "/*+ OPTIONS('lookup.cache'='PARTIAL', 'lookup.partial-cache.expire-after-write'='1h') */",
        "/*+ OPTIONS('source.monitor-interval'='10 s') */",
        "/*+ OPTIONS('scan.fetch-size'='100') */",
        "/*+ OPTIONS('scan.watermark.idle-timeout'='1min') */",
        "/*+ OPTIONS('csv.ignore-parse-errors'='true', 'value.json.fail-on-missing-field'='false') */",
        "/*+ OPTIONS('sink.partitioner'='round-robin', 'sink.delivery-guarantee'='at-least-once') */",
        "/*+ OPTIONS('sink.bulk-flush.max-actions'='1', 'sink.buffer-flush.max-size'='1mb') */",
        "/*+ OPTIONS('streaming-source.enable'='true', 'streaming-source.consume-start-offset'='2024-01-01') */",
        "/*+ OPTIONS('streaming'='true', 'monitor-interval'='1s', 'start-tag'='a', 'end-tag'='b') */",
        "/*+ OPTIONS('upsert-enabled'='true', 'write-parallelism'='2', 'target-file-size-bytes'='1') */",
        "/*+ OPTIONS('incremental-between'='12,20', 'write-only'='true') */",
        "/*+ OPTIONS('scan.mode'='latest', 'lookup.dynamic-partition'='max_pt()') */",
        "/*+ OPTIONS('read.streaming.enabled'='true', 'read.streaming.skip_compaction'='true') */",
        "/*+ OPTIONS('properties.auto.offset.reset'='earliest') */",
        "/*+ BROADCAST(t), SHUFFLE_HASH(t, u), shuffle_merge(t), NEST_LOOP(t) */",
        "/*+ LOOKUP('table'='t', 'async'='true', 'output-mode'='allow_unordered') */",
        "/*+ STATE_TTL('t'='1d') */",
        "/*+ JSON_AGGREGATE_WRAPPED */",
        "/* + OPTIONS('topic'='x') */",
        "/**+ OPTIONS('topic'='x') */",
        "-- /*+ OPTIONS('topic'='x') */",
    ] {
        let query = format!("SELECT * FROM t {hint}");
        assert_eq!(query_problems(&query), [], "{query}");
    }
}

#[test]
fn a_target_is_one_table() {
    for (target, about) in [
        ("sink SELECT 1, NOW(), 'someone-else' --", "SELECT"),
        ("sink (a, b)", "("),
        ("sink -- x", "-- x"),
        ("sink /* x */", "/* x */"),
        ("/* x */ sink", "/* x */ "),
        ("sink // x", "// x"),
        ("INSERT INTO sink", "INSERT"),
        ("order", "order"),
        ("db.table", "table"),
        ("a.b.c.d", "d"),
        ("sink; DROP TABLE x", ";"),
        ("sink;", ";"),
        ("a, b", ","),
        ("sink AS x", "AS"),
        ("sink VALUES (1)", "VALUES"),
        ("'sink'", "'sink'"),
        ("my-table", "-"),
        ("1sink", "1"),
        ("a.", "."),
        (".a", "."),
        ("{group_id}", "{"),
        ("sink EXTEND (x INT)", "EXTEND"),
        ("sink PARTITION (k)", "PARTITION"),
        ("sink PARTITION ()", "PARTITION"),
        ("sink PARTITION (k='a', k='b')", "k"),
        ("sink PARTITION (k=f('a'))", "k"),
        ("sink PARTITION (__query_name='someone-else')", "__query_name"),
        ("sink PARTITION (k='a', `__query_version`=1)", "`__query_version`"),
        ("sink PARTITION (__QUERY_ID='x')", "__QUERY_ID"),
        ("sink PARTITION (`__create_timestamp`=TIMESTAMP '2020-01-01 00:00:00')", "`__create_timestamp`"),
        ("sink PARTITION (k=(SELECT 1))", "k"),
        ("sink PARTITION (`k`='a') PARTITION (j='b')", "PARTITION"),
        ("sink PARTITION (k='a'", "PARTITION"),
        ("sink PARTITION (k='a') SELECT 1", "SELECT"),
        ("sink /*+ OPTIONS('path'='results/') */", "'path'"),
        ("sink /*+ OPTIONS('connector'='filesystem') */ PARTITION (k='a')", "'connector'"),
        ("sink /*+ OPTIONS('sink.parallelism'='1') */ /*+ OPTIONS('path'='x') */", "/*+"),
        ("sink /*+ FOO */", "FOO"),
        ("sink U&\"x\"", "\""),
        ("`sink", "`"),
        ("--", ""),
    ] {
        let found: Vec<String> =
            target_problems(target).into_iter().map(|it| target.get(it.at).unwrap_or_default().to_owned()).collect();
        let expected = if about.is_empty() { "-" } else { about };
        assert_eq!(found, [expected], "{target}");
    }
    for target in [
        "sink",
        "db.sink",
        "`my-cat`.`my db`.`sink``s`",
        "c.d.`table`",
        " sink\n",
        "sink /*+ OPTIONS('sink.parallelism'='4') */",
        "sink PARTITION (k='a', `day`=DATE '2024-01-01', n=-1, b=TRUE)",
        "sink /*+ OPTIONS('sink.parallelism'='4') */ PARTITION (k='a')",
        "sink PARTITION (k='a') /*+ OPTIONS('sink.parallelism'='4') */",
    ] {
        assert_eq!(target_problems(target), [], "{target}");
    }
    let help = target_problems("order").remove(0).help;
    assert_eq!(help, "put it in back-ticks: `order`");
}

/// As Flink takes it: `INSERT INTO t /*+ OPTIONS(…) */ PARTITION (…) SELECT`, and not the other way round.
#[test]
fn the_hint_comes_before_the_partition() {
    for (target, insert) in [
        ("sink", "sink"),
        ("`a`. b", "`a`. b"),
        ("sink PARTITION (k='a')", "sink PARTITION (k='a')"),
        (
            "sink  PARTITION (k='a')  /*+ OPTIONS('sink.parallelism'='4') */",
            "sink /*+ OPTIONS('sink.parallelism'='4') */ PARTITION (k='a')",
        ),
        (
            "a.sink /*+ OPTIONS('sink.parallelism'='4') */ PARTITION (k='a')",
            "a.sink /*+ OPTIONS('sink.parallelism'='4') */ PARTITION (k='a')",
        ),
    ] {
        assert_eq!(insert_target(target), insert);
        assert_eq!(target_path(target).unwrap().last(), if target.contains("sink") { "sink" } else { "b" });
    }
}

fn target_of(sql: &str, target_table: &str, tables: &TableDefinitions) -> Target {
    let quoted = |text: &str| text.replace('\'', "''");
    let text = format!(
        "name: a\ndescription: it's \"this\"\ntarget-table: '{}'\nsql: '{}'\nflinkProperties:\n{REST}",
        quoted(target_table),
        quoted(sql)
    );
    let loaded = load(None, &SourceFile::new("a.yaml", text), &Policy::default()).unwrap();
    Target::of(loaded.manifest, tables, "__create_timestamp")
}

fn launch(sql: &str, target_table: &str, tables: &str) -> Launch {
    let file = TableFile { key: "t.sql".to_owned(), text: tables.to_owned() };
    let tables = parse(&[file], &Parameters::default()).unwrap();
    let meta = Meta {
        query_version: 3,
        query_id: "6f1e".to_owned(),
        query_create_timestamp: "2024-01-01 00:00:00".to_owned(),
    };
    Launch::of(&target_of(sql, target_table, &tables), &meta)
}

#[test]
fn options_of_tables_can_change_only_where_a_job_has_such_a_hint() {
    const OFF: Option<&str> = Some("false");
    const TABLES: &str = "CREATE TABLE t (a INT);\nCREATE TABLE s (a INT);\nCREATE VIEW v AS SELECT * FROM t /*+ OPTIONS('topic'='x') */;";
    let hint = "/*+ options('sink.parallelism'='4') */";
    for (sql, target, expected) in [
        ("SELECT * FROM t".to_owned(), "s".to_owned(), OFF),
        ("SELECT /*+ BROADCAST(t) */ * FROM t".to_owned(), "s".to_owned(), OFF),
        ("SELECT 'OPTIONS', options FROM t -- /*+ OPTIONS".to_owned(), "s".to_owned(), OFF),
        (format!("SELECT * FROM t {hint}"), "s".to_owned(), None),
        ("SELECT * FROM t".to_owned(), format!("s {hint}"), None),
        ("SELECT * FROM v".to_owned(), "s".to_owned(), None),
    ] {
        let launch = launch(&sql, &target, TABLES);
        let option = launch.properties.get("table.dynamic-table-options.enabled");
        assert_eq!(option.map(String::as_str), expected, "{sql} {target}");
        assert_eq!(launch.refusal(None), None, "{sql} {target}");
        assert!(launch.statements.iter().any(|it| it.sql.contains("TABLE s")), "the sink is defined: {target}");
    }
    assert!(has_dynamic_options("SELECT 'open"), "what cannot be read may hold one");
}

#[test]
fn a_manifest_turns_no_hints_on_and_the_template_may_turn_them_off() {
    let manifest = |sql: &str, property: &str| {
        let text =
            format!("name: a\ndescription: d\ntarget-table: t\nsql: {sql}\nflinkProperties:\n  {property}\n{REST}");
        SourceFile::new("a.yaml", text)
    };
    let refused = |file: &SourceFile, template: Option<&SourceFile>| -> Vec<String> {
        let findings = load(template, file, &Policy::default()).err().unwrap_or_default();
        findings.iter().map(|it| format!("{} {}", it.code, it.field.as_deref().unwrap_or_default())).collect()
    };
    for property in ["table.dynamic-table-options.enabled: true", "table.dynamic-table-options.enabled: 'FALSE'"] {
        let expected = ["refused-property flinkProperties.table.dynamic-table-options.enabled"];
        assert_eq!(refused(&manifest("SELECT 1", property), None), expected);
    }
    let expected = ["refused-property flinkProperties.table.sql-dialect"];
    assert_eq!(refused(&manifest("SELECT 1", "table.sql-dialect: hive"), None), expected);
    assert_eq!(refused(&manifest("SELECT 1", "table.sql-dialect: default"), None), [""; 0]);
    let template = |value: &str| {
        SourceFile::new("t.yaml", format!("flinkProperties:\n  table.dynamic-table-options.enabled: {value}\n"))
    };
    let hinted = manifest("SELECT * FROM t /*+ OPTIONS('scan.parallelism'='1') */", "a: b");
    assert_eq!(refused(&hinted, Some(&template("false"))), ["refused-hint sql"]);
    assert_eq!(refused(&hinted, Some(&template("true"))), [""; 0]);
    assert_eq!(refused(&manifest("SELECT 1", "a: b"), Some(&template("false"))), [""; 0]);
}

/// What somebody who can write plans might do.
type Damage = fn(&mut Launch);

#[test]
fn the_node_judges_again() {
    let good = || {
        launch(
            "SELECT * FROM t",
            "s PARTITION (k='a') /*+ OPTIONS('sink.parallelism'='4') */",
            "CREATE TABLE t (a INT);",
        )
    };
    assert_eq!(good().refusal(Some("s3://b/p/")), None);
    let stampless = Launch { insert: good().insert.replace("NOW() AS __create_timestamp, ", ""), ..good() };
    assert_eq!(stampless.refusal(None), None);
    let cases: &[(Damage, &str)] = &[
        (
            |it| it.body = "SELECT 1;\n INSERT INTO x SELECT 1".to_owned(),
            "query line 2, column 2: `sql` is the query alone",
        ),
        (|it| it.body.push_str(" /*+ OPTIONS('topic'='x') */"), "query line 1, column 29: the option `topic`"),
        (|it| it.insert = it.insert.replace("sink.parallelism", "path"), "insert: "),
        (|it| it.insert = it.insert.replace("SELECT *", "SELECT 1 AS x"), "insert: "),
        (|it| it.insert = it.insert.replace("INTO s", "INTO s (a)"), "insert: "),
        (|it| it.insert = it.insert.replace("(k='a')", "(__query_name='b')"), "insert: "),
        (|it| it.insert = it.insert.replace("__create_timestamp", "k"), "insert: "),
        (|it| it.insert = it.insert.replace("INTO s", "INTO s SELECT 'x' AS __query_name --"), "insert: "),
        (|it| it.insert = it.insert.replace("NOW()", "NOW(), 1"), "insert: "),
        (|it| it.insert = it.insert.replace("CAST('a' AS STRING)", "CAST('b' AS STRING)"), "insert: "),
        (|it| it.insert = it.insert.replace("CAST(3 AS INT)", "CAST(4 AS INT)"), "insert: "),
        (|it| it.insert.push_str(", t"), "insert: "),
        (|it| it.insert.push_str("; DROP TABLE t"), "insert: "),
        (|it| it.insert = "DELETE FROM t".to_owned(), "insert: "),
        (|it| it.insert.clear(), "insert: "),
        (
            |it| drop(it.properties.insert("execution.checkpointing.dir".into(), "s3://b/p/claims/3".into())),
            "configuration: ",
        ),
        (
            |it| drop(it.properties.insert("execution.checkpointing.savepoint-dir".into(), "s3://x/..".into())),
            "configuration: ",
        ),
    ];
    for (number, (damage, expected)) in cases.iter().enumerate() {
        let mut launch = good();
        damage(&mut launch);
        let told = launch.refusal(Some("s3://b/p/")).map(|it| it.to_string()).unwrap_or_default();
        assert!(told.starts_with(expected), "{number}: {told}");
    }
}

#[test]
fn what_the_node_refuses_is_placed_in_characters_behind_any_writing() {
    let good = launch("SELECT * FROM t", "s", "CREATE TABLE t (a INT);");
    for (before, column) in [("SELECT '\u{1f600}', ", 13), ("SELECT 'ä', ", 13), ("SELECT 1 AS a,\r\n\t", 2)] {
        let launch = Launch { body: format!("{before}b FROM t; SELECT 2"), ..good.clone() };
        let refused = launch.refusal(None).unwrap();
        let found = desired::explain(&launch, &refused);
        let span = found.span.unwrap();
        assert_eq!((span.column, span.length), (column + 10, 6), "{found}");
        assert_eq!(span.line, if before.contains('\n') { 2 } else { 1 }, "{found}");
    }
}

#[test]
fn a_target_takes_options_alone() {
    for hint in [
        "STATE_TTL('t' = '1d')",
        "LOOKUP('table' = 't')",
        "BROADCAST(t)",
        "OPTIONS('sink.parallelism'='4'), STATE_TTL('t'='1d')",
    ] {
        let text = format!("t /*+ {hint} */");
        let problems = target_problems(&text);
        let help = &problems.first().unwrap().help;
        assert_eq!(help, "remove it; allowed here is OPTIONS, and others in the query", "{text}");
        assert_eq!(query_problems(&format!("SELECT a FROM {text}")), [], "{text}");
    }
    assert_eq!(target_problems("t /*+ OPTIONS('sink.parallelism'='4') */"), []);
}
