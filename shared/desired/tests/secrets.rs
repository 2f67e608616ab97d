//! Secret references: what they look like, where they are refused, and that a value never becomes SQL.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::BTreeMap;

use desired::diagnostics::SourceFile;
use desired::inputs::{Desired, InputFile, InputFiles, Inputs};
use desired::launch::Launch;
use desired::manifest::{JobName, Meta, Policy};
use desired::secrets::{
    BadReference, SecretReference, SecretValue, SecretValues, check_sql, fill_sql, fill_text, references,
    references_in_sql,
};
use desired::sql::{TokenKind, tokens};
use proptest::prelude::*;

fn parameter(name: &str) -> SecretReference {
    SecretReference::Parameter(name.to_owned())
}

fn values(pairs: &[(&str, &str)]) -> SecretValues {
    pairs.iter().map(|(name, value)| (parameter(name), SecretValue::new(*value))).collect()
}

#[test]
fn what_a_reference_looks_like() {
    for (text, expected) in [
        ("a${ssm:/x}b", Ok(parameter("/x"))),
        ("${ssm:/flink-sql-runner/Kafka_1/pass.word}", Ok(parameter("/flink-sql-runner/Kafka_1/pass.word"))),
        ("${env:KAFKA_PASSWORD}", Ok(SecretReference::Variable("KAFKA_PASSWORD".into()))),
        ("${env:_a1}", Ok(SecretReference::Variable("_a1".into()))),
        ("${ssm:}", Err(BadReference::Parameter("${ssm:}".into()))),
        ("${ssm:relative}", Err(BadReference::Parameter("${ssm:relative}".into()))),
        ("${ssm:/}", Err(BadReference::Parameter("${ssm:/}".into()))),
        ("${ssm:/a//b}", Err(BadReference::Parameter("${ssm:/a//b}".into()))),
        ("${ssm:/a/}", Err(BadReference::Parameter("${ssm:/a/}".into()))),
        ("${ssm:/a b}", Err(BadReference::Parameter("${ssm:/a b}".into()))),
        ("${ssm:/a:3}", Err(BadReference::Parameter("${ssm:/a:3}".into()))),
        ("${ssm:/ä}", Err(BadReference::Parameter("${ssm:/ä}".into()))),
        ("${env:}", Err(BadReference::Variable("${env:}".into()))),
        ("${env:1A}", Err(BadReference::Variable("${env:1A}".into()))),
        ("${env:A-B}", Err(BadReference::Variable("${env:A-B}".into()))),
        ("${env:PATH}", Err(BadReference::Setting("${env:PATH}".into()))),
        ("${env:AWS_SECRET_ACCESS_KEY}", Err(BadReference::Setting("${env:AWS_SECRET_ACCESS_KEY}".into()))),
        ("${env:PATHS}", Ok(SecretReference::Variable("PATHS".into()))),
        ("${SSM:/x}", Err(BadReference::Spelling("${SSM:/x}".into()))),
        ("${ ssm:/x}", Err(BadReference::Spelling("${ ssm:/x}".into()))),
        ("${env :X}", Err(BadReference::Spelling("${env :X}".into()))),
        ("${ssm:/x", Err(BadReference::Unclosed("${ssm:/x".into()))),
        ("${ssm:/x'", Err(BadReference::Unclosed("${ssm:/x".into()))),
        ("${ssm:/${env:X}", Err(BadReference::Unclosed("${ssm:/$".into()))),
    ] {
        let found = references(text);
        assert_eq!(found[0].reference, expected, "{text}");
        assert!(text[found[0].start..found[0].end].starts_with("${"), "{text}");
    }
    for text in
        ["", "$", "${", "${}", "${x}", "$ssm:/x", "{ssm:/x}", "${ssm}", "${{ssm:/x}}", "${ssmx:/x}", "${http://x}"]
    {
        assert!(references(text).is_empty(), "{text}");
    }
    let long = format!("${{ssm:/{}}}", "a".repeat(1011));
    assert!(references(&long)[0].reference.is_err());
    let deep = format!("${{ssm:{}}}", "/a".repeat(16));
    assert!(references(&deep)[0].reference.is_err());
    assert_eq!(references("${ssm:/a}${env:B}${x}${ssm:/c}").len(), 3);
}

#[test]
fn in_sql_only_plain_literals_take_a_value() {
    let wrong = |sql: &str| check_sql(sql).into_iter().map(|(at, bad)| format!("{at}: {bad}")).collect::<Vec<_>>();
    for sql in [
        "CREATE TABLE t (a INT) WITH ('password' = '${ssm:/x}', 'b' = 'u:${env:U}@${ssm:/h}')",
        "CREATE TABLE t (a INT COMMENT 'it''s ${ssm:/x}')",
        "SELECT 1 -- ${ssm:/x} and '${ssm:/x}'\n /* ${env:X} ${ssm:} */",
        "SELECT 1 FROM t /*+ OPTIONS('password' = '${ssm:/x}') */",
    ] {
        assert!(wrong(sql).is_empty(), "{sql}: {:?}", wrong(sql));
    }
    for (sql, at) in [
        ("SELECT ${ssm:/x}", 7),
        ("SELECT `${ssm:/x}`", 8),
        ("SELECT U&'${ssm:/x}'", 10),
        ("SELECT X'${ssm:/x}'", 9),
        ("SELECT _utf8'${ssm:/x}'", 13),
        ("SELECT 'a' || ${env:X} || 'b'", 14),
    ] {
        let found = check_sql(sql);
        assert!(matches!(&found[..], [(offset, BadReference::OutsideLiteral(_))] if *offset == at), "{sql}: {found:?}");
    }
    assert_eq!(wrong("SELECT '${ssm:x}'"), ["8: `${ssm:x}` names no parameter of Parameter Store"]);
    let comment = "SELECT '${ssm:/x}' -- '${ssm:/y}'";
    assert_eq!(references_in_sql(comment), [parameter("/x")]);
    let filled = fill_sql(comment, &values(&[("/x", "v\n'")])).unwrap();
    assert_eq!(filled, "SELECT 'v\n''' -- '${ssm:/y}'");
    assert_eq!(fill_sql(comment, &SecretValues::new()), Err(parameter("/x")));
}

#[test]
fn a_value_is_filled_in_once_and_as_it_is() {
    let known = values(&[("/x", "${ssm:/y}'\"{a}"), ("/y", "no")]);
    assert_eq!(fill_text("<${ssm:/x}>${other}", &known).unwrap(), "<${ssm:/y}'\"{a}>${other}");
    assert_eq!(fill_sql("SET 'a' = '${ssm:/x}'", &known).unwrap(), "SET 'a' = '${ssm:/y}''\"{a}'");
    assert_eq!(fill_text("${ssm:/z}", &known), Err(parameter("/z")));
    assert_eq!(format!("{:?}", SecretValue::new("hunter2")), "SecretValue(***)");
}

const TEMPLATE: &str =
    "flinkProperties:\n  state.checkpoints.dir: s3://b/c/{job_name}\n  state.savepoints.dir: s3://b/s/{job_name}\n";
const MANIFEST: &str = "name: a\ndescription: d\ntarget-table: res\nsql: SELECT 1\nflinkProperties: {}\n";

fn input(name: &str, text: &str) -> InputFile {
    InputFile { file: SourceFile::new(name, text), etag: "e".into() }
}

fn read(template: &str, tables: &str, params: &str, manifest: &str) -> Inputs {
    let files = InputFiles {
        queries: vec![input("queries/a.yaml", manifest)],
        template: Some(input("config/job-template.yaml", &format!("{TEMPLATE}{template}"))),
        tables: vec![input("config/tables/t.sql", tables)],
        params: Some(input("config/params.yaml", params)),
        ..InputFiles::default()
    };
    Inputs::read(&files, &Policy::default())
}

fn errors(inputs: &Inputs) -> Vec<String> {
    let verdicts = inputs.config.iter().chain(&inputs.manifests);
    verdicts.flat_map(desired::inputs::FileVerdict::errors).map(|error| error.to_string()).collect()
}

fn launch(inputs: &Inputs) -> Launch {
    let (desired, _) = inputs.desired(&JobName::try_from("a").unwrap());
    let Desired::Target(target) = desired else { unreachable!("{:?}", errors(inputs)) };
    let meta = Meta { query_version: 1, query_id: "q".into(), query_create_timestamp: "t".into() };
    Launch::of(&target, &meta)
}

/// From all three files of the configuration to the node, in both spellings of a brace.
#[test]
fn references_reach_the_node_as_they_are() {
    let tables = |password: &str| {
        format!(
            "CREATE TABLE res (a INT) WITH ('connector' = 'print', 'group' = '{{group_id}}', 'password' = '{password}', \
             'user' = '{{user}}', 'json' = '{{{{x}}}}')"
        )
    };
    let params = "user: ${env:KAFKA_USER}\n";
    let read = |template: &str, password: &str| read(template, &tables(password), params, MANIFEST);
    let inputs = read("  a: ${ssm:/f/a}\n  b: x-${env:B}-${{ssm:/f/b}}\n", "${ssm:/f/p}");
    assert_eq!(errors(&inputs), [] as [&str; 0]);
    let launch_of_one = launch(&inputs);
    assert_eq!(
        launch_of_one.statements[0].sql,
        "CREATE TABLE res (a INT) WITH ('connector' = 'print', 'group' = 'rta-a-1', 'password' = '${ssm:/f/p}', \
         'user' = '${env:KAFKA_USER}', 'json' = '{x}')"
    );
    assert_eq!(launch_of_one.properties["b"], "x-${env:B}-${ssm:/f/b}");
    let secrets: Vec<String> = launch_of_one.secrets().iter().map(|(place, it)| format!("{place} {it}")).collect();
    assert_eq!(
        secrets,
        [
            "config/tables/t.sql:1 ${ssm:/f/p}",
            "config/tables/t.sql:1 ${env:KAFKA_USER}",
            "flinkProperties.a ${ssm:/f/a}",
            "flinkProperties.b ${env:B}",
            "flinkProperties.b ${ssm:/f/b}",
        ]
    );
    // The same target whichever way the braces are written: the record would see a change otherwise.
    let other = launch(&read("  a: ${{ssm:/f/a}}\n  b: x-${{env:B}}-${ssm:/f/b}\n", "${{ssm:/f/p}}"));
    assert_eq!(other.target, launch_of_one.target);
}

#[test]
fn what_is_wrong_has_its_place_and_a_way_out() {
    let good = "CREATE TABLE res (a INT) WITH ('connector' = 'print')";
    let found = |template: &str, tables: &str, params: &str, manifest: &str| {
        errors(&read(template, tables, params, manifest)).join("\n")
    };
    let tables = "-- ${ssm:} is fine here\nCREATE TABLE res (a INT) WITH (\n  'a' = '${ssm:x}',\n  'b' = ${ssm:/b},\n  'c' = '{c}',\n  'd' = '${ssm:/{group_id}}');\nSET 'x' = '${env:A-B}';";
    insta::assert_snapshot!(found("", "CREATE TABLE res (a INT) WITH (\n  'a' = '${ssm:x}',\n  'b' = '${env:A-B}')", "", MANIFEST), @r#"
        config/tables/t.sql:2:10: error[bad-table-definition]: `${ssm:x}` names no parameter of Parameter Store; write the whole path: `${ssm:/flink-sql-runner/name}`, of letters, digits, `.`, `_`, `-` between slashes
        config/tables/t.sql:3:10: error[bad-table-definition]: `${env:A-B}` names no environment variable; write `${env:NAME}`: letters, digits and `_`, the first no digit
        queries/a.yaml: error[broken-table-definitions]: the table definitions under config/ were refused; correct config/tables/t.sql:2:10 first: `${ssm:x}` names no parameter of Parameter Store
        "#);
    insta::assert_snapshot!(found("", "CREATE TABLE res (a INT) WITH (\n  'a' = ${ssm:/a}, 'b' = `${{ssm:/b}}`)", "", MANIFEST), @r#"
        config/tables/t.sql:1:1: error[bad-table-definition]: with its parameters filled in, the secret reference `${ssm:/b}` stands outside of a string literal; write it between plain single quotes: 'password' = '${ssm:/path}'
        config/tables/t.sql:2:9: error[bad-table-definition]: the secret reference `${ssm:/a}` stands outside of a string literal; write it between plain single quotes: 'password' = '${ssm:/path}'
        queries/a.yaml: error[broken-table-definitions]: the table definitions under config/ were refused; correct config/tables/t.sql:1:1 first: with its parameters filled in, the secret reference `${ssm:/b}` stands outside of a string literal
        "#);
    insta::assert_snapshot!(found("", tables, "c: '${ssm:}'\n", MANIFEST), @r#"
        config/params.yaml:1:5: error[bad-secret-reference]: `${ssm:}` names no parameter of Parameter Store; write the whole path: `${ssm:/flink-sql-runner/name}`, of letters, digits, `.`, `_`, `-` between slashes
        config/tables/t.sql:3:10: error[bad-table-definition]: `${ssm:x}` names no parameter of Parameter Store; write the whole path: `${ssm:/flink-sql-runner/name}`, of letters, digits, `.`, `_`, `-` between slashes
        config/tables/t.sql:6:10: error[bad-table-definition]: the secret reference `${ssm:/` is never closed with `}`; write `${ssm:/path}` or `${env:NAME}`, in small letters and without blanks
        config/tables/t.sql:6:27: error[bad-table-definition]: this `}` has no partner; write `}}` for a literal brace
        config/tables/t.sql:7:12: error[bad-table-definition]: `${env:A-B}` names no environment variable; write `${env:NAME}`: letters, digits and `_`, the first no digit
        queries/a.yaml: error[broken-table-definitions]: the table definitions under config/ were refused; correct config/params.yaml:1:5 first: `${ssm:}` names no parameter of Parameter Store
        "#);
    insta::assert_snapshot!(found("", "SET 'a' = {x}", "x: ${ssm:/x}\ny: \"\\x24{ssm:}\"\n", MANIFEST), @r#"
        config/params.yaml: error[bad-secret-reference]: `${ssm:}` names no parameter of Parameter Store; write the whole path: `${ssm:/flink-sql-runner/name}`, of letters, digits, `.`, `_`, `-` between slashes
        config/tables/t.sql:1:1: error[bad-table-definition]: with its parameters filled in, the secret reference `${ssm:/x}` stands outside of a string literal; write it between plain single quotes: 'password' = '${ssm:/path}'
        queries/a.yaml: error[broken-table-definitions]: the table definitions under config/ were refused; correct config/params.yaml first: `${ssm:}` names no parameter of Parameter Store
        "#);
    let template =
        "  a: ${ssm:relative}\n  ${env:X}: y\n  state.backend: ${ENV:X}\n  parallelism.default: ${env:SLOTS}\n";
    insta::assert_snapshot!(found(template, good, "", MANIFEST), @r#"
        config/job-template.yaml:4:6: error[bad-secret-reference]: `${ssm:relative}` names no parameter of Parameter Store; write the whole path: `${ssm:/flink-sql-runner/name}`, of letters, digits, `.`, `_`, `-` between slashes
        config/job-template.yaml:5:3: error[secret-reference]: `${env:X}` cannot stand here: it would not be resolved; refer to secrets in values of `flinkProperties` and in table definitions
        config/job-template.yaml:6:18: error[bad-secret-reference]: `${ENV:X}` is not how a secret is referred to; write `${ssm:/path}` or `${env:NAME}`, in small letters and without blanks
        config/job-template.yaml:7:24: error[secret-reference]: `${env:SLOTS}` cannot stand here: it would not be resolved; refer to secrets in values of `flinkProperties` and in table definitions
        "#);
    insta::assert_snapshot!(found("description: ${env:X}\n", good, "", "name: a\ntarget-table: res\nsql: SELECT 1\n"), @r#"
        config/job-template.yaml:4:14: error[secret-reference]: `${env:X}` cannot stand here: it would not be resolved; refer to secrets in values of `flinkProperties` and in table definitions
        "#);
    let manifest = "name: a\ndescription: ${ ssm:/x}\ntarget-table: ${env:X}\nsql: SELECT '\\${SSM:/x}'\nflinkProperties:\n  a: \"\\u0024{ssm:/x}\"\n  ${env:X}: y\n";
    insta::assert_snapshot!(found("", good, "", manifest), @r#"
        queries/a.yaml:2:14: error[secret-reference]: a manifest cannot refer to secrets; refer to it from config/ only
        queries/a.yaml:3:15: error[secret-reference]: a manifest cannot refer to secrets; refer to it from config/ only
        queries/a.yaml:4:6: error[secret-reference]: a manifest cannot refer to secrets; refer to it from config/ only
        queries/a.yaml:6:6: error[secret-reference]: a manifest cannot refer to secrets; refer to it from config/ only
        queries/a.yaml:7:3: error[secret-reference]: a manifest cannot refer to secrets; refer to it from config/ only
        "#);
}

/// A literal of SQL with a reference in it, and what stands around it.
#[test]
fn settings_of_the_node_are_no_secrets() {
    let all = |name: &str| {
        let reference = format!("${{env:{name}}}");
        let template = format!("  s3.secret-key: '{reference}'\n");
        let table = format!("CREATE TABLE t (a INT) WITH ('password' = '{reference}');");
        errors(&read(&template, &table, &format!("p: '{reference}'\n"), MANIFEST))
    };
    for name in ["AWS_SECRET_ACCESS_KEY", "PATH", "HADOOP_CONF_DIR", "KRB5CCNAME"] {
        let found = all(name);
        let told: Vec<_> = found.iter().filter(|error| error.contains("cannot be a secret")).collect();
        let places = ["params.yaml:1:5", "t.sql:1:", "job-template.yaml:4:"];
        let at = |place: &&str| told.iter().any(|error| error.contains(place));
        assert!(places.iter().all(at), "{found:?}");
        assert!(told.iter().all(|error| error.contains("another name, or in Parameter Store")), "{told:?}");
    }
    assert!(!all("KAFKA_PASSWORD").iter().any(|error| error.contains("secret")), "{:?}", all("KAFKA_PASSWORD"));
}

#[test]
fn a_parameter_cannot_be_named_as_what_we_fill_in() {
    let table = "CREATE TABLE t (a INT) WITH ('g' = '{group_id}');";
    let found = errors(&read("", table, "servers: x\ngroup_id: mine\n", MANIFEST));
    let [only, ..] = found.as_slice() else { unreachable!() };
    assert!(only.starts_with("config/params.yaml:2:1: error[reserved-parameter]: `group_id`"), "{only}");
    assert!(only.contains("give it another name"), "{only}");
    assert!(!errors(&read("", table, "servers: x\n", MANIFEST)).iter().any(|error| error.contains("params.yaml")));
}

#[test]
fn a_byte_order_mark_says_nothing() {
    let marked = |text: &str| format!("\u{feff}{text}");
    let table = "CREATE TABLE res (a INT) WITH ('p' = '{p}');";
    let inputs = read("", &marked(table), &marked("p: q\n"), &marked(MANIFEST));
    assert_eq!(errors(&inputs), [""; 0]);
    assert_eq!(inputs.tables, read("", table, "p: q\n", MANIFEST).tables);
    // Anywhere else it is a character that nobody sees.
    assert!(!errors(&read("", &format!("CREATE {}", marked("TABLE t (a INT);")), "p: q\n", MANIFEST)).is_empty());
}

fn around() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!["''", "a", "\n", "--", "/*", "*/", "`", ";", "\"", "\\", "{", "}", "$", "${", "é"]),
        0..6,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    /// Whatever the value is, the statement has the same tokens, and the literal says the value.
    #[test]
    fn a_value_stays_inside_its_literal(before in around(), after in around(), value in "(?s).{0,40}|['\\\\$`{};\n-]{0,20}") {
        let inside = format!("{before}${{ssm:/x}}{after}");
        let sql = format!("SET 'k' = '{inside}' -- 'c'");
        let filled = fill_sql(&sql, &values(&[("/x", &value)])).unwrap();
        let (old, new) = (tokens(&sql).unwrap(), tokens(&filled).unwrap());
        prop_assert_eq!(old.len(), new.len());
        prop_assert_eq!(&new[..3].iter().map(|t| t.text).collect::<Vec<_>>(), &old[..3].iter().map(|t| t.text).collect::<Vec<_>>());
        prop_assert_eq!(new[3].kind, TokenKind::Literal);
        let plain = |text: &str| text.replace("''", "'");
        prop_assert_eq!(new[3].literal_value().unwrap(), format!("{}{value}{}", plain(&before), plain(&after)));
    }

    /// Nothing but good references is touched, and what is found is where it is said to be.
    #[test]
    fn other_text_stays_as_it_is(text in "([${}:/a-zA-Z' \n]|\\$\\{|ssm:/|env:|\\}){0,30}") {
        let found = references(&text);
        let mut last = 0;
        for one in &found {
            prop_assert!(one.start >= last && one.end > one.start && text.get(one.start..one.end).is_some());
            last = one.end;
            if let Ok(reference) = &one.reference {
                prop_assert_eq!(&text[one.start..one.end], reference.to_string());
            }
        }
        let good: SecretValues = found.iter().filter_map(|one| one.reference.clone().ok()).map(|r| { let text = r.to_string(); (r, SecretValue::new(text)) }).collect::<BTreeMap<_, _>>();
        prop_assert_eq!(fill_text(&text, &good).unwrap(), text.clone());
        prop_assert_eq!(fill_sql(&text, &good).unwrap(), text);
    }
}
