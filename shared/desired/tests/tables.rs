//! Table definitions: templates, what a job uses, and what changed.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use desired::sql::same_meaning;
use desired::tables::{
    ChangedField, Definition, DefinitionChange, NameScope, Parameters, TableDefinitions, TableFile, TableRole, Used,
    compare, fill_group_id, parse, shared_transactions,
};

fn parameters(pairs: &[(&str, &str)]) -> Parameters {
    Parameters(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

fn file(key: &str, text: &str) -> TableFile {
    TableFile { key: key.to_owned(), text: text.to_owned() }
}

fn definitions(text: &str) -> TableDefinitions {
    parse(&[file("t.sql", text)], &Parameters::default()).unwrap()
}

#[test]
fn parameters_are_filled_in_as_python_does_and_the_group_id_last() {
    let known = parameters(&[("servers", "b:9092"), ("json", "{\"a\":1}"), ("not a name", "x")]);
    let cases = [
        ("SET 'a' = '{servers}'", "SET 'a' = 'b:9092'"),
        ("SET 'a' = '{group_id}-{{x}}'", "SET 'a' = 'rta-o-1-{x}'"),
        ("SET 'a' = '{json}'", "SET 'a' = '{\"a\":1}'"),
        ("SET 'a' = '{{group_id}}'", "SET 'a' = '{group_id}'"),
        ("SET 'a' = '{{{servers}}}'", "SET 'a' = '{b:9092}'"),
        ("SET 'a' = '{not a name}'", "SET 'a' = 'x'"),
        // Nobody can mean a parameter.
        ("SET 'a' = '#{Name.first}'", "SET 'a' = '#{Name.first}'"),
        ("SET 'a' = '#{date.past ''1'',''DAYS''}'", "SET 'a' = '#{date.past ''1'',''DAYS''}'"),
        ("SET 'a' = '#{regexify ''(a|b){1}''}'", "SET 'a' = '#{regexify ''(a|b){1}''}'"),
        ("SET 'a' = '#{{regexify ''(a|b){{1}}''}}'", "SET 'a' = '#{regexify ''(a|b){1}''}'"),
        ("SET 'a' = '{\"k\": {\"l\": 1} }'", "SET 'a' = '{\"k\": {\"l\": 1} }'"),
        ("SET 'a' = '[a-z]{2,3} \\d{4} {} {group_id}'", "SET 'a' = '[a-z]{2,3} \\d{4} {} rta-o-1'"),
    ];
    for (text, expected) in cases {
        let parsed = parse(&[file("t.sql", text)], &known).unwrap();
        assert_eq!(fill_group_id(&parsed.statements[0].sql, "rta-o-1"), expected, "{text}");
    }
    let own = parameters(&[("group_id", "mine")]);
    let parsed = parse(&[file("t.sql", "SET 'a' = '{group_id}'")], &own).unwrap();
    assert_eq!(parsed.statements[0].sql, "SET 'a' = '{group_id}'", "another for each version");
}

#[test]
fn every_error_of_every_file_has_its_place_and_a_way_out() {
    let files = [
        file("a.sql", "SET 'a'='{x}';\n\nSET 'b' =\n  '{group_id}{y}}';"),
        file("b.sql", "SET 'a' = '{quote}';\nSET 'a' = {two};"),
        file("c.sql", "SET 'a' = 'b"),
        file("d.sql", "SET 'a' = '{k:1}'; SET 'b' = '{\"k\": \"{b}\"}'; SET 'c' = '{1}}'"),
        file("e.sql", "CREATE TABLE t WITH ('a' = '{x, y', 'b' = 'z}')"),
    ];
    let known = parameters(&[("quote", "it's"), ("two", "1; 2")]);
    let errors = parse(&files, &known).unwrap_err();
    let found: Vec<_> = errors.iter().map(|error| format!("{error} ({})", error.help)).collect();
    let add = "add it to config/params.yaml; for literal braces write";
    let known = "is not a known parameter; known are {group_id}, {quote}, {two}";
    let value = "correct the value of the parameter in config/params.yaml";
    assert_eq!(
        found,
        [
            format!("a.sql:1:10: `{{x}}` {known} ({add} `{{{{x}}}}`)"),
            format!("a.sql:4:14: `{{y}}` {known} ({add} `{{{{y}}}}`)"),
            "a.sql:4:17: this `}` has no partner (write `}}` for a literal brace)".to_owned(),
            format!("b.sql:1:1: with its parameters filled in, this string is never closed with ' ({value})"),
            format!("b.sql:2:1: with its parameters filled in, this is more than one statement ({value})"),
            "c.sql:1:11: this string is never closed with ' (close it; a quote inside quotes is written twice)"
                .to_owned(),
            format!("d.sql:1:12: `{{k:1}}` {known} ({add} `{{{{k:1}}}}`)"),
            "d.sql:1:31: this `{` has no partner (write `{{` for a literal brace)".to_owned(),
            format!("d.sql:1:38: `{{b}}` {known} ({add} `{{{{b}}}}`)"),
            "d.sql:1:42: this `}` has no partner (write `}}` for a literal brace)".to_owned(),
            "d.sql:1:60: this `}` has no partner (write `}}` for a literal brace)".to_owned(),
            format!("e.sql:1:29: `{{x, y', 'b' = 'z}}` {known} ({add} `{{{{x, y', 'b' = 'z}}}}`)"),
        ]
    );
}

const TABLES: &str = "
SET 'a' = 'b';
CREATE FUNCTION clean AS 'C' LANGUAGE PYTHON;
CREATE FUNCTION db.Mask AS 'M';
CREATE TABLE base (a INT) WITH ('connector' = 'kafka');
CREATE TABLE orders (b INT, price AS db.mask(a)) WITH ('topic' = 'o') LIKE base;
CREATE TABLE k.sink (a INT) WITH ('connector' = 'print');
CREATE TABLE other.sink (a INT) WITH ('connector' = 'print');
CREATE VIEW cheap AS SELECT clean(a) FROM `orders` WHERE items < 3;
CREATE TABLE items (a INT);
ALTER TABLE items SET ('a' = 'b');
CREATE TABLE `my-table` (a INT);
USE k;
";

fn used(used: &Used) -> Vec<String> {
    let name = |it: &Definition| it.name.as_ref().map_or_else(|| it.sql.clone(), ToString::to_string);
    used.definitions.iter().map(|it| format!("{} {:?}", name(it), it.role)).collect()
}

/// What a job uses besides the `SET` that every job runs, and what is current at the end.
fn check_used(found: &Used, expected: &[&str], what: &str) {
    let mut all = vec!["SET 'a' = 'b' Session"];
    all.extend(expected);
    assert_eq!(used(found), all, "{what}");
}

#[test]
fn a_query_uses_what_it_names_through_views_and_like() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "SELECT * FROM cheap",
            "`k`.`sink`",
            &["clean Function", "db.Mask Function", "base Reads", "orders Reads", "k.sink Writes", "cheap View"],
        ),
        ("SELECT items FROM orders", "k.sink", &["db.Mask Function", "base Reads", "orders Reads", "k.sink Writes"]),
        (
            "SELECT CLEAN(a) FROM default_catalog.default_database.items, q.sink, x.default_database.base",
            "default_catalog.k.sink",
            &["clean Function", "k.sink Writes", "items Reads", "items Reads"],
        ),
        ("SELECT clean FROM base", "orders", &["db.Mask Function", "base Both", "orders Writes"]),
        ("SELECT * FROM `my-table`", "none", &["my-table Reads"]),
        ("SELECT `Clean`(a), MASK(b), DB.mask(c) FROM t", "t", &["clean Function"]),
        ("SELECT db.mask(b) FROM t AS clean (a)", "t", &["db.Mask Function"]),
        ("SELECT * FROM TABLE(clean(1)), LATERAL TABLE(db.`mask`(2))", "t", &["clean Function", "db.Mask Function"]),
        ("SELECT 1", "not a table", &[]),
    ];
    let all = definitions(TABLES.trim_end_matches("USE k;\n"));
    for (query, target, expected) in cases {
        check_used(&all.for_sql(query, target, NameScope::default()), expected, query);
    }
    let k = definitions(TABLES);
    check_used(
        &k.for_sql("SELECT a FROM sink", "sink", NameScope::default()),
        &["k.sink Both", "k Session"],
        "what is current at the end",
    );
}

#[test]
fn a_program_uses_what_its_words_name() {
    let cases: &[(&str, &[&str])] = &[
        ("table_env.from_path('base')  # not orders2", &["base Reads", "k.sink Writes"]),
        ("t = 'SELECT Clean(a) FROM `my-table`'", &["clean Function", "k.sink Writes", "my-table Reads"]),
        ("t = 'my-table2, xmy-table, myétable, ñbase'", &["k.sink Writes"]),
        (
            "from_path(\"cheap\").insert_into(\"k.sink\")",
            &[
                "clean Function",
                "db.Mask Function",
                "base Reads",
                "orders Reads",
                "k.sink Both",
                "other.sink Reads",
                "cheap View",
            ],
        ),
    ];
    let all = definitions(TABLES);
    for (code, expected) in cases {
        let mut expected = expected.to_vec();
        expected.push("k Session");
        check_used(&all.for_code(code, "k.sink", NameScope::default()), &expected, code);
    }
}

#[test]
fn views_that_name_each_other_come_to_an_end() {
    let all = definitions("CREATE VIEW a AS SELECT * FROM b; CREATE VIEW b AS SELECT * FROM a;");
    assert_eq!(used(&all.for_sql("SELECT * FROM a", "t", NameScope::default())), ["a View", "b View"]);
}

#[test]
fn what_is_not_known_brings_the_tables_it_names() {
    let all = definitions("CREATE TABLE a (x INT); CREATE TABLE b (x INT); INSERT INTO a VALUES (1);");
    let found = all.for_sql("SELECT 1", "t", NameScope::default());
    assert_eq!(found.definitions.iter().map(|it| it.role).collect::<Vec<_>>(), [TableRole::Reads, TableRole::Session]);
}

/// The definitions of a job that reads `r` and writes `w`.
fn job(text: &str) -> Used {
    definitions(text).for_sql("SELECT f(a) FROM r, v", "w", NameScope::default())
}

fn changes(old: &str, new: &str) -> Vec<DefinitionChange> {
    compare(&job(old), &job(new))
}

#[test]
fn nothing_changed_by_meaning() {
    let cases = [
        ("CREATE TABLE r (a INT)", "-- the orders\ncreate  table r (a int) -- all\n;"),
        ("CREATE TABLE r (a INT) WITH ('a'='1', 'b'='2')", "CREATE TABLE r (a INT) WITH ('b'='2', 'a'='1')"),
        ("CREATE TABLE r (a INT); CREATE TABLE w (b INT)", "CREATE TABLE w (b INT); CREATE TABLE r (a INT)"),
        ("CREATE TABLE r (a INT)", "CREATE TABLE r (a INT); CREATE TABLE unused (a INT)"),
        ("SET 'a'='b'; CREATE TABLE r (a INT)", "CREATE TABLE r (a INT); set 'a' = 'b'"),
        (
            "USE x; CREATE TABLE r (a INT); CREATE TABLE w (a INT)",
            "USE x; CREATE TABLE w (a INT); CREATE TABLE r (a INT)",
        ),
    ];
    for (old, new) in cases {
        assert_eq!(changes(old, new), [], "{old} / {new}");
    }
}

/// The fields of a change, as one line.
fn describe(change: &DefinitionChange) -> String {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let line = |it: ChangedField| format!("{}: {} -> {}", it.field, shown(it.before), shown(it.after));
    change.fields().into_iter().map(line).collect::<Vec<_>>().join("; ")
}

/// What is said about each change, and whether it counts as the query.
type Changes = &'static [(&'static str, bool)];

#[test]
fn each_change_and_whether_the_job_starts_clean() {
    let cases: &[(&str, &str, Changes)] = &[
        // Only options.
        (
            "CREATE TABLE w (a INT) WITH ('topic'='a', 'x'='1')",
            "CREATE TABLE w (a INT) WITH ('topic'='b', 'y'='2')",
            &[("table w: option topic: a -> b; table w: option x: 1 -> none; table w: option y: none -> 2", false)],
        ),
        ("CREATE TABLE w (a INT)", "CREATE TABLE w (a INT) WITH ('x'='1')", &[("table w: option x: none -> 1", false)]),
        (
            "CREATE TABLE w (a INT) WITH ('connector'='a')",
            "CREATE TABLE w (a INT) WITH ('connector'='b')",
            &[("table w: option connector: a -> b", false)],
        ),
        // Which data it is.
        (
            "CREATE TABLE r (a INT) WITH ('path'='a', 'x'='1')",
            "CREATE TABLE r (a INT) WITH ('path'='b', 'x'='2')",
            &[
                ("table r, which it reads: option path: a -> b", true),
                ("table r, which it reads: option x: 1 -> 2", true),
            ],
        ),
        (
            "CREATE TABLE r (a INT) WITH ('connector'='kafka', 'topic'='a', 'properties.group.id'='1')",
            "CREATE TABLE r (a INT) WITH ('connector'='kafka', 'topic'='b', 'properties.group.id'='{group_id}')",
            &[
                ("table r, which it reads: option topic: a -> b", true),
                ("table r: option properties.group.id: 1 -> {group_id}", false),
            ],
        ),
        // Anything else.
        (
            "CREATE TABLE r (a INT, b INT) WITH ('x'='1')",
            "CREATE TABLE r (a INT, b BIGINT) WITH ('x'='2')",
            &[("table r: column b: INT -> BIGINT", true), ("table r, which it reads: option x: 1 -> 2", true)],
        ),
        (
            "CREATE TABLE r (a DECIMAL(20,2), b INT, gone ROW<x INT, y ARRAY<INT>>, WATERMARK FOR t AS t - INTERVAL '1' SECOND)",
            "CREATE TABLE r (a DECIMAL(20,4), b INTEGER, c AS b < 3, WATERMARK FOR t AS t) COMMENT 'x' PARTITIONED BY (b)",
            &[
                (
                    "table r: column a: DECIMAL(20,2) -> DECIMAL(20,4); table r: column c: none -> AS b < 3; \
                     table r: column gone: ROW<x INT, y ARRAY<INT>> -> none; \
                     table r: watermark: WATERMARK FOR t AS t - INTERVAL '1' SECOND -> WATERMARK FOR t AS t",
                    true,
                ),
                ("table r: definition: CREATE TABLE -> CREATE TABLE PARTITIONED BY (b)", true),
            ],
        ),
        (
            "CREATE TABLE r (a INT, b INT)",
            "CREATE TABLE r (b INT, a INT)",
            &[("table r: definition: a INT, b INT -> b INT, a INT", true)],
        ),
        (
            "CREATE TABLE r (a INT)",
            "CREATE TEMPORARY TABLE r (a INT)",
            &[("table r: definition: CREATE TABLE -> CREATE TEMPORARY TABLE", true)],
        ),
        (
            "CREATE VIEW v AS SELECT 1 FROM r WHERE a > 2",
            "CREATE VIEW v AS SELECT 1 FROM r WHERE a > 3",
            &[("table v: definition: AS SELECT 1 FROM r WHERE a > 2 -> AS SELECT 1 FROM r WHERE a > 3", true)],
        ),
        (
            "CREATE FUNCTION f AS 'A'",
            "CREATE FUNCTION f AS 'B'",
            &[("function f: definition: CREATE FUNCTION AS 'A' -> CREATE FUNCTION AS 'B'", true)],
        ),
        (
            "CREATE TABLE r (a INT)",
            "CREATE TABLE r (a INT); ALTER TABLE r ADD b INT",
            &[("table r: definition: 1 statements -> 2 statements", true)],
        ),
        ("CREATE TABLE r (a INT)", "", &[("table r: used -> none", true)]),
        ("", "CREATE TABLE r (a INT)", &[("table r: none -> used", true)]),
        ("CREATE TABLE r (a INT)", "CREATE TABLE d.r (a INT)", &[("table r: used -> none", true)]),
        (
            "CREATE TABLE r (a INT)",
            "USE d; CREATE TABLE r (a INT)",
            &[
                ("where names are looked up: default_catalog.default_database -> default_catalog.d", true),
                ("table d.r: none -> used", true),
                ("table r: used -> none", true),
            ],
        ),
        // What concerns every job.
        (
            "SET 'a'='1'; SET 'c'='d'",
            "SET 'a'='2'; SET 'c'='d'",
            &[("t.sql:1: statement of every job: SET 'a'='1' -> SET 'a'='2'", true)],
        ),
        ("SET 'c'='d'", "SET 'c'='d';\nSET 'a'='2'", &[("t.sql:2: statement of every job: none -> SET 'a'='2'", true)]),
        ("SET 'c'='d';\nSET 'a'='2'", "SET 'c'='d'", &[("t.sql:2: statement of every job: SET 'a'='2' -> none", true)]),
        (
            "SET 'a'='1';\nSET 'a'='2'",
            "SET 'a'='2';\nSET 'a'='1'",
            &[
                ("t.sql:1: statement of every job: SET 'a'='1' -> SET 'a'='2'", true),
                ("t.sql:2: statement of every job: SET 'a'='2' -> SET 'a'='1'", true),
            ],
        ),
        ("SET 'a'='1'; SET 'a'='1'", "SET 'a'='1'", &[("t.sql:1: statement of every job: SET 'a'='1' -> none", true)]),
    ];
    for (old, new, expected) in cases {
        let found: Vec<_> = changes(old, new).iter().map(|it| (describe(it), it.is_query_change())).collect();
        let expected: Vec<_> = expected.iter().map(|(text, query)| ((*text).to_owned(), *query)).collect();
        assert_eq!(found, expected, "{old} / {new}");
    }
}

#[test]
fn secrets_are_in_no_change() {
    let cases = [
        ("password", "p-secret-1"),
        ("properties.sasl.jaas.config", "x hidden;"),
        ("ssl.keystore.key", "hidden"),
        ("url", "jdbc:postgresql://user:hidden@host/db"),
        ("url", "jdbc:mysql://host/db?password=hidden"),
        ("s3.access-key", "hidden"),
        ("http.headers.Authorization", "hidden"),
    ];
    for (key, value) in cases {
        let old = format!("CREATE TABLE r (a INT) WITH ('{key}'='{value}')");
        for new in ["CREATE TABLE r (a INT)".to_owned(), old.replace(value, "hidden too, password=")] {
            let found = changes(&old, &new);
            let told = format!("{found:?} {}", describe(&found[0]));
            assert!(!told.contains("hidden") && told.contains("***"), "{told}");
        }
    }
    let plain = changes(
        "CREATE TABLE r (a INT) WITH ('key.format'='a')",
        "CREATE TABLE r (a INT) WITH ('key.format'='\u{1b}b')",
    );
    assert_eq!(describe(&plain[0]), "table r, which it reads: option key.format: a -> \u{fffd}b");
}

#[test]
fn a_stored_definition_is_read_from_its_text_again() {
    let used = definitions(TABLES).for_sql("SELECT * FROM cheap", "k.sink", NameScope::default());
    let stored = serde_json::to_string(&used.definitions).unwrap();
    assert!(!stored.contains("options"), "{stored}");
    assert_eq!(serde_json::from_str::<Vec<Definition>>(&stored).unwrap(), used.definitions);
}

#[test]
fn a_long_chain_of_views_takes_linear_time_and_no_recursion() {
    let view = |number: usize| format!("CREATE VIEW v{} AS SELECT * FROM v{number};\n", number + 1);
    let text: String = (0..19_999).map(view).collect();
    let started = std::time::Instant::now();
    assert_eq!(definitions(&text).for_sql("SELECT * FROM v19999", "t", NameScope::default()).definitions.len(), 19_999);
    assert!(started.elapsed().as_secs() < 10);
}

/// Twice the text takes about twice the time, whatever is in it.
#[test]
fn long_texts_take_linear_time() {
    let repeated = |piece: &str| format!("SELECT {} 1 FROM t", piece.repeat(15_000));
    let pieces = [
        "(",
        ")",
        "a.",
        "f(",
        "a AS (",
        "WITH x AS (",
        "WITH x AS (SELECT 1),",
        "'a' || ",
        "ORDER BY a DESC,",
        "`a`(",
        "<",
        "/*+ ",
    ];
    let started = std::time::Instant::now();
    for piece in pieces {
        let (query, other) = (repeated(piece), repeated(piece) + ", 2");
        assert!(!same_meaning(&query, &other));
        let table = |text: &str| format!("CREATE VIEW v AS {text}; CREATE TABLE t ({text})");
        let used = |text: &str| {
            let files = [file("t.sql", &table(text))];
            parse(&files, &Parameters::default())
                .map(|all| all.for_sql("SELECT * FROM v, t", "w", NameScope::default()))
        };
        if let (Ok(old), Ok(new)) = (used(&query), used(&other)) {
            assert!(compare(&old, &new).len() <= 2);
        }
    }
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

/// One prefix for all jobs lets each end the transactions of the others.
#[test]
fn a_shared_transactional_id_is_warned_of() {
    let table = |prefix: &str| {
        format!(
            "-- a sink\nCREATE TABLE t (n INT) WITH ('connector'='kafka', 'sink.transactional-id-prefix'='{prefix}')"
        )
    };
    for good in ["{group_id}", "rta-{group_id}-t"] {
        assert_eq!(shared_transactions(&definitions(&table(good))), []);
    }
    let warned = shared_transactions(&definitions(&table("orders")));
    assert_eq!(warned.len(), 1);
    assert_eq!((warned[0].file.as_str(), warned[0].line), ("t.sql", 2));
    assert!(warned[0].message.contains("'orders' is the same for every job"), "{}", warned[0].message);
    assert_eq!(shared_transactions(&definitions("CREATE TABLE t (n INT) WITH ('connector'='kafka')")), []);
}
