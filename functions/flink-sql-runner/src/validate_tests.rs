//! What `validate` says about folders on this machine.
//! The examples of the project have to be good.

use super::*;
use crate::cli::Global;

const ANY: Policy = Policy { allow_code: true, allow_files: true, deployment: None };

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

fn said(root: &tempfile::TempDir, judged: &Judged) -> String {
    let text = anstream::adapter::strip_str(&judged.text()).to_string();
    text.replace(&format!("{}/", root.path().display()), "")
}

const TEMPLATE: &str =
    "flinkProperties:\n  state.checkpoints.dir: s3://b/c/{job_name}/\n  state.savepoints.dir: s3://b/s/{job_name}/\n";

#[test]
fn everything_wrong_at_once_each_with_its_place() {
    let root = folder(&[
        ("config/job-template.yaml", TEMPLATE),
        ("config/tables/in.sql", "CREATE TABLE a (x INT) WITH ('connector' = 'datagen');\n"),
        ("queries/good.yaml", "name: good\ndescription: d\ntarget-table: a\nsql: SELECT 1\nflinkProperties: {}\n"),
        ("queries/orders.yaml", "name: orders\ndescription: d\ntarget_table: t\nsql: SELECT 1\nflinkProperties: {}\n"),
    ]);
    let judged = judge(&[root.path().join("queries")], &Configuration::default(), &ANY).unwrap();
    insta::assert_snapshot!(said(&root, &judged), @r"
    error[unknown-field]: `target_table` is not a field of a job manifest
     --> queries/orders.yaml:3:1
      |
    3 | target_table: t
      | ^^^^^^^^^^^^
      |
    help: write `target-table`

    2 manifests: 1 valid, 1 invalid
    ");
    assert!(judged.is_refused());
}

#[test]
fn broken_table_definitions_are_told_once() {
    let root = folder(&[
        ("config/job-template.yaml", TEMPLATE),
        ("config/tables/in.sql", "CREATE TABLE a (x INT) WITH ('topic' = '{nope}');\n"),
        ("queries/one.yaml", "name: one\ndescription: d\ntarget-table: t\nsql: SELECT 1\n"),
        ("queries/two.yaml", "name: two\ndescription: d\ntarget-table: t\nsql: SELECT 1\n"),
    ]);
    let judged = judge(&[root.path().to_owned()], &Configuration::default(), &ANY).unwrap();
    insta::assert_snapshot!(said(&root, &judged), @r"
    error[bad-table-definition]: `{nope}` is not a known parameter; known are {group_id}
     --> config/tables/in.sql:1:41
      |
    1 | CREATE TABLE a (x INT) WITH ('topic' = '{nope}');
      |                                         ^
      |
    help: add it to config/params.yaml; for literal braces write `{{nope}}`

    2 manifests: 0 valid, 0 invalid, 2 not judged without the configuration; 1 configuration file invalid
    ");
}

#[test]
fn what_is_not_there_is_wrong_usage() {
    let root = folder(&[("readme.md", "")]);
    for path in ["nowhere", ""] {
        let wrong = judge(&[root.path().join(path)], &Configuration::default(), &ANY);
        assert!(matches!(wrong, Err(CliError::Usage { .. })), "{path}");
    }
}

#[test]
fn the_examples_are_good() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let judged = judge(&[examples], &Configuration::default(), &ANY).unwrap();
    assert!(!judged.is_refused(), "{}", judged.text());
}

#[test]
fn the_settings_of_the_session_are_judged_with_the_rest_of_the_configuration() {
    let root = folder(&[
        ("config/job-template.yaml", TEMPLATE),
        ("config/session.yaml", "slots: 4\nproperties:\n  s3.secret-key: ${ssm:/flink/key}\n"),
        ("queries/one.yaml", "name: one\ndescription: d\ntarget-table: t\nsql: SELECT 1\n"),
    ]);
    for path in ["queries", "config", "config/session.yaml"] {
        let judged = judge(&[root.path().join(path)], &Configuration::default(), &ANY).unwrap();
        assert!(judged.is_refused(), "{path}");
    }
    let judged = judge(&[root.path().to_owned()], &Configuration::default(), &ANY).unwrap();
    insta::assert_snapshot!(said(&root, &judged), @r"
    error[bad-session-settings]: properties: `s3.secret-key` refers to a secret, and a session's settings are arguments of its processes
     --> config/session.yaml:3:3
      |
    3 |   s3.secret-key: ${ssm:/flink/key}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    help: set it in the Flink configuration of the nodes (on EMR the classification flink-conf), or let their role do without

    1 manifest: 1 valid, 0 invalid; 1 configuration file invalid
    ");
}

/// As the function of that bucket judges it.
#[test]
fn the_settings_that_are_said_are_judged_by_and_the_others_are_named() {
    let job = |more: &str, name: &str| {
        format!("name: {name}\ndescription: d\ntarget-table: t\n{more}flinkProperties:\n  state.checkpoints.dir: ")
    };
    let (sql, code) = ("sql: SELECT 1\n", "code: execution_output = 1\n");
    let savepoints = "\n  state.savepoints.dir: s3://b/s/x/\n";
    let root = folder(&[
        ("queries/a.yaml", &format!("{}s3://live/p/claims/a/{savepoints}", job(sql, "a"))),
        ("queries/b.yaml", &format!("{}s3://b/c/b/{savepoints}", job(code, "b"))),
        ("queries/c.yaml", &format!("{}file:///tmp/c/c/{savepoints}", job(sql, "c"))),
    ]);
    let refused = |bucket: Option<&str>, code, files| {
        let flags = Global { bucket: bucket.map(str::to_owned), prefix: Some("p".to_owned()), ..Global::default() };
        let (policy, unchecked) = Invocation::new(flags).policy(code, files).unwrap();
        let judged = judge(&[root.path().to_owned()], &Configuration::default(), &policy).unwrap();
        let refused = judged.manifests.iter().filter(|v| !v.errors().is_empty());
        (refused.filter_map(|v| v.stem.as_ref().map(ToString::to_string)).collect::<Vec<_>>().join(" "), unchecked)
    };
    let all = vec![Unchecked::Code, Unchecked::Files, Unchecked::StateDirectories];
    assert_eq!(refused(None, None, None), (String::new(), all.clone()));
    assert_eq!(refused(Some("live"), Some(false), Some(false)), ("a b c".to_owned(), Vec::new()));
    assert_eq!(refused(Some("live"), None, Some(true)), ("a".to_owned(), vec![Unchecked::Code]));
    insta::assert_snapshot!(unchecked_note(&all), @r"
    note: not checked without the function's settings: whether code, `python.*` and jars are allowed (ALLOW_CODE), whether state may be kept under `file:` (ALLOW_FILES), whether state is kept where the deployment has its own documents (BUCKET, PREFIX)
    ");
    assert_eq!(unchecked_note(&[]), "");
}

#[test]
fn files_that_nobody_reads_are_told() {
    let root = folder(&[
        ("config/job-template.yml", ""),
        ("config/tables/in.sql", "CREATE TABLE a (x INT) WITH ('connector' = 'datagen');\n"),
        ("config/tables/in.ddl", ""),
        ("queries/x.YAML", "name: x\n"),
        ("queries/y.json", "{}"),
        ("queries/README.md", ""),
    ]);
    let judged = judge(&[root.path().to_owned()], &Configuration::default(), &ANY).unwrap();
    let files: Vec<&str> = judged.not_read.iter().map(|found| found.file.as_str()).collect();
    let ends = ["config/job-template.yml", "config/tables/in.ddl", "queries/x.YAML", "queries/y.json"];
    assert!(files.len() == 4 && files.iter().zip(ends).all(|(file, end)| file.ends_with(end)), "{files:?}");
    assert_eq!((judged.exit(), judged.is_refused()), (Exit::Usage, false));
    assert!(judged.text().ends_with("no manifests: their names end in .yaml or .yml\n"), "{}", judged.text());
    for path in ["queries/x.YAML", "queries/y.json", "config/job-template.yml"] {
        let wrong = judge(&[root.path().join(path)], &Configuration::default(), &ANY);
        assert!(matches!(wrong, Err(CliError::Usage { .. })), "{path}");
    }
    // A folder of anything has other files as well: only what looks like a manifest is told.
    let any = folder(&[("a.yaml", "name: a\n"), ("b.YML", "name: b\n"), ("Makefile", ""), ("x.py", "")]);
    let judged = judge(&[any.path().to_owned()], &Configuration::default(), &ANY).unwrap();
    assert_eq!((judged.manifests.len(), judged.not_read.len()), (1, 1));
}

#[test]
fn a_manifest_is_judged_however_deep_it_lies_and_one_that_cannot_be_read_is_its_own_trouble() {
    let table = "CREATE TABLE t (x INT) WITH ('connector' = 'datagen');\n";
    let manifest = |name: &str| format!("name: {name}\ndescription: d\ntarget-table: t\nsql: SELECT 1\n");
    let root = folder(&[
        ("config/job-template.yaml", TEMPLATE),
        ("config/tables/a/b/c/d/in.sql", table),
        ("queries/a/b/c/d/deep.yaml", &manifest("deep")),
        ("queries/one.yaml", &manifest("one")),
    ]);
    let said_of = |path: &str| {
        let judged = judge(&[root.path().join(path)], &Configuration::default(), &ANY).unwrap();
        (judged.text().lines().last().unwrap().to_owned(), judged.is_refused())
    };
    assert_eq!(said_of(""), ("2 manifests: 2 valid, 0 invalid".to_owned(), false));
    assert_eq!(said_of("queries/a/b/c/d/deep.yaml"), ("1 manifest: 1 valid, 0 invalid".to_owned(), false));
    assert_eq!(said_of("queries/a/b/../../one.yaml"), ("1 manifest: 1 valid, 0 invalid".to_owned(), false));
    assert!(!said_of("config/tables/a/b/c/d/in.sql").1, "it belongs to the configuration");
    std::os::unix::fs::symlink("nowhere", root.path().join("queries/gone.yaml")).unwrap();
    assert_eq!(said_of(""), ("3 manifests: 2 valid, 1 invalid".to_owned(), true));
}

#[test]
fn two_files_for_one_place_are_judged_as_neither() {
    let root = folder(&[("p5/queries/a1.yaml", "name: a1\n"), ("p7/queries/a1.yaml", "name: a1\n")]);
    let paths = ["p5/queries/a1.yaml", "p7/queries/a1.yaml"].map(|path| root.path().join(path));
    assert!(matches!(judge(&paths, &Configuration::default(), &ANY), Err(CliError::Usage { .. })));
}
