//! What is told and kept of a hostile upload stays small: findings, lines beside them, parameters filled in.
//! How time grows is measured by the package `fuzz`.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::BTreeMap;

use desired::diagnostics::{Diagnostic, SourceFile};
use desired::inputs::{InputFile, InputFiles, Inputs};
use desired::manifest::{Meta, Policy, load, parse_deployed, render_deployed};
use desired::tables::{Parameters, TableFile, read};

fn input(name: &str, text: &str) -> InputFile {
    InputFile { file: SourceFile::new(name, text), etag: "e".to_owned() }
}

/// What is told of `config/params.yaml` and one table file.
fn findings(params: &str, table: &str) -> Vec<Diagnostic> {
    let params = Some(input("config/params.yaml", params));
    let tables = vec![input("config/tables/t.sql", table)];
    let read = Inputs::read(&InputFiles { params, tables, ..InputFiles::default() }, &Policy::default());
    read.config.into_iter().flat_map(|verdict| verdict.findings).collect()
}

fn size(findings: &[Diagnostic]) -> usize {
    findings.iter().map(|finding| serde_json::to_vec(finding).unwrap().len()).sum()
}

#[test]
fn a_file_of_mistakes_is_told_in_a_hundred_findings_without_its_long_lines() {
    let long = "a".repeat(100_000);
    for table in [
        format!("CREATE TABLE t (a INT) WITH ({});", "'a' = '{unknown}', ".repeat(5000)),
        "SELECT 1; ".repeat(5000),
        "CREATE TABLE t (a INT) WITH ('a'='{');\n".repeat(5000),
        format!("CREATE TABLE t (a INT) WITH ('a'='{}');", "${ssm:a b}".repeat(5000)),
        format!("CREATE TABLE t (a INT) WITH ('a'='{{{long}}}');"),
        format!("CREATE TABLE `{long}` (a INT); CREATE TABLE `{long}` (b INT);"),
        format!("CREATE {long} t (a INT);"),
    ] {
        let found = findings("a: b\n", &table);
        assert!((1..=100).contains(&found.len()), "{} findings", found.len());
        assert!(size(&found) < 60_000, "{} bytes: {:?}", size(&found), found[0].message);
    }
    let params = findings(&format!("a: \"{}\"\nb: ${{ssm:a b}}\n", "${ssm:a b}".repeat(5000)), "");
    assert!(params.len() <= 100 && size(&params) < 60_000, "{} findings, {} bytes", params.len(), size(&params));
}

#[test]
fn a_finding_names_some_of_the_parameters_there_are() {
    let many: String = (0..1000).map(|number| "p{n}: a\n".replace("{n}", &number.to_string())).collect();
    let told = findings(&many, "CREATE TABLE t (a INT) WITH ('a'='{q}');");
    assert!(told[0].message.starts_with("`{q}` is not a known parameter; known are {group_id}, {p0}, "), "{}", told[0]);
    assert!(told[0].message.ends_with(", …"), "{}", told[0]);
}

#[test]
fn a_long_value_that_is_used_often_is_refused_before_it_fills_the_memory() {
    let read = |value: &str, table: &str| {
        let parameters = Parameters(BTreeMap::from([("p".to_owned(), value.to_owned())]));
        read(&[TableFile { key: "t.sql".to_owned(), text: table.to_owned() }], &parameters)
    };
    let value = "a".repeat(100_000);
    let in_one = format!("CREATE TABLE t (a INT) WITH ('a'='{}');", "{p}".repeat(1000));
    let in_many: String = (0..1000)
        .map(|number| "CREATE TABLE t{n} (a INT) WITH ('a'='{p}');\n".replace("{n}", &number.to_string()))
        .collect();
    for table in [in_one, in_many] {
        let errors = read(&value, &table).expect_err("a hundred megabytes");
        assert!(errors[0].message.contains("`{p}` filled in, the file has more than 1048576 bytes"), "{}", errors[0]);
        assert!(errors[0].help.contains("config/params.yaml"), "{}", errors[0].help);
        assert!(errors.len() <= 101, "{}", errors.len());
    }
    assert!(read(&value, "CREATE TABLE t (a INT) WITH ('a'='{p}{p}');").is_ok());
}

/// A large manifest is longer where it is written as deployed, and has to be read there.
#[test]
fn what_was_accepted_is_read_again_as_deployed() {
    let meta = Meta {
        query_version: 1,
        query_id: "0197f0a1-b2c3-7000-8000-00000000b001".to_owned(),
        query_create_timestamp: "2026-01-02 03:04:05".to_owned(),
    };
    for (long, body) in
        [("sql", "SELECT '".to_owned() + &"''".repeat(450_000) + "'"), ("code", "\n  #x".repeat(200_000))]
    {
        let states = "flinkProperties: {state.checkpoints.dir: s3://b/c/a, state.savepoints.dir: s3://b/s/a}";
        let text = format!("name: a\ndescription: b\ntarget-table: c\n{states}\n{long}: |\n  {body}\n");
        let file = SourceFile::new("queries/a.yaml", text);
        let accepted = load(None, &file, &Policy { allow_code: true, ..Policy::default() }).unwrap().manifest;
        let written = render_deployed(&accepted, &meta);
        assert!(written.len() > 1024 * 1024, "{long}: {}", written.len());
        let (read, noted) = parse_deployed(&SourceFile::new("manifests/a.yaml", written)).unwrap();
        assert_eq!((read.name, noted), (accepted.name, meta.clone()));
    }
}
