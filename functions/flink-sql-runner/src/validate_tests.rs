//! What `validate` says about folders on this machine.
//! The examples of the project have to be good.

use super::*;

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
    let judged = judge(&[root.path().join("queries")], &Configuration::default()).unwrap();
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
    let judged = judge(&[root.path().to_owned()], &Configuration::default()).unwrap();
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
        let wrong = judge(&[root.path().join(path)], &Configuration::default());
        assert!(matches!(wrong, Err(CliError::Usage { .. })), "{path}");
    }
}

#[test]
fn the_examples_are_good() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let judged = judge(&[examples], &Configuration::default()).unwrap();
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
        let judged = judge(&[root.path().join(path)], &Configuration::default()).unwrap();
        assert!(judged.is_refused(), "{path}");
    }
    let judged = judge(&[root.path().to_owned()], &Configuration::default()).unwrap();
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
