//! The rules, one row each: what is wrong, where it is shown, and what is fine.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use desired::diagnostics::{Diagnostic, Severity, SourceFile};
use desired::manifest::{Policy, load};

const FIELDS: &str = "name: a\ndescription: d\ntarget-table: t\nsql: SELECT 1\n";
const DIRS: &str = "  state.checkpoints.dir: s3://b/c\n  state.savepoints.dir: s3://b/s\n";

/// `code@line:column field` of each finding about this manifest.
fn found(text: &str, allow_code: bool) -> Vec<String> {
    let file = SourceFile::new("queries/a.yaml", text);
    let findings = match load(None, &file, &Policy { allow_code, allow_files: true, deployment: None }) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors,
    };
    findings.iter().map(short).collect()
}

fn short(finding: &Diagnostic) -> String {
    let span = finding.span.unwrap();
    assert!(finding.help.is_some(), "no way out: {finding}");
    let mark = if finding.severity == Severity::Warning { "?" } else { "" };
    let field = finding.field.as_deref().unwrap_or("-");
    format!("{mark}{}@{}:{}+{} {field}", finding.code, span.line, span.column, span.length)
}

#[test]
fn fields() {
    let props = format!("flinkProperties:\n{DIRS}");
    for (fields, expected) in [
        (FIELDS, &[][..]),
        ("name: b\ndescription: d\ntarget-table: t\nsql: TABLE x\n", &["name-is-not-stem@1:7+1 name"]),
        ("name: a/b\ndescription: d\ntarget-table: t\nsql: TABLE x\n", &["unsafe-name@1:7+3 name"]),
        ("name: 5\ndescription: d\ntarget-table: t\nsql: TABLE x\n", &["wrong-type@1:7+1 name"]),
        ("name:\ndescription: d\ntarget-table: t\nsql: TABLE x\n", &["unsafe-name@1:1+4 name"]),
        ("description: d\ntarget-table: t\nsql: TABLE x\n", &["missing-field@1:1+1 name"]),
        ("name: a\ntarget-table: t\nsql: TABLE x\n", &["missing-field@1:1+1 description"]),
        ("name: a\ndescription: yes\ntarget-table: t\nsql: TABLE x\n", &["wrong-type@2:14+3 description"]),
        ("name: a\ndescription: ''\ntarget-table: t\nsql: TABLE x\n", &[]),
        ("name: a\ndescription: [d]\ntarget-table: t\nsql: TABLE x\n", &["wrong-type@2:14+3 description"]),
        (
            "name: a\ndescription: \"\\e[0m\"\ntarget-table: t\nsql: TABLE x\n",
            &["control-character@2:14+7 description"],
        ),
        ("name: a\ndescription: >\n  d\ntarget-table: t\nsql: TABLE x\n", &[]),
        ("name: a\ndescription: d\nsql: TABLE x\n", &["missing-field@1:1+1 target-table"]),
        ("name: a\ndescription: d\ntarget-table: ' '\nsql: TABLE x\n", &["empty-field@3:1+12 target-table"]),
        ("name: a\ndescription: d\ntarget-table: t\n", &["missing-field@1:1+1 sql"]),
        ("name: a\ndescription: d\ntarget-table: t\nsql:\n", &["empty-field@4:1+3 sql"]),
        ("name: a\ndescription: d\ntarget-table: t\nsql: |\n\n", &["empty-field@4:1+3 sql"]),
        ("name: a\ndescription: d\ntarget-table: t\nsql: {}\n", &["wrong-type@4:6+2 sql"]),
        (
            "name: a\ndescription: d\ntarget-table: t\nsql: TABLE x\ncode: y\n",
            &["sql-and-code@5:1+4 code", "code-not-allowed@5:1+4 code"],
        ),
        ("name: a\ndescription: d\ntarget-table: t\ncode: y\n", &["code-not-allowed@4:1+4 code"]),
        ("name: a\ndescription: d\ntarget_table: t\nsql: TABLE x\n", &["unknown-field@3:1+12 target_table"]),
        ("name: a\nname: a\ndescription: d\ntarget-table: t\nsql: TABLE x\n", &["duplicate-key@2:1+4 name"]),
        ("name: a\ndescription: d\ntarget-table: t\nsql: \"${env:X}\"\n", &["secret-reference@4:6+10 sql"]),
    ] {
        assert_eq!(found(&format!("{fields}{props}"), false), *expected, "{fields}");
    }
}

#[test]
fn properties() {
    for (properties, expected) in [
        ("", &[][..]),
        ("  a: true\n  b: 1.5\n  c: 60s\n  d: 'yes'\n", &[]),
        ("  e: ~\n", &["?no-value@6:3+1 flinkProperties.e"]),
        ("  a: [1]\n", &["wrong-type@6:6+3 flinkProperties.a"]),
        ("  a: {b: 1}\n", &["wrong-type@6:6+6 flinkProperties.a"]),
        ("  a: 017\n", &["?ambiguous-value@6:6+3 flinkProperties.a"]),
        ("  a: 1_000\n", &["?ambiguous-value@6:6+5 flinkProperties.a"]),
        ("  a: 10:30\n", &["?ambiguous-value@6:6+5 flinkProperties.a"]),
        ("  a: '10:30'\n", &[]),
        ("  a: 1\n  a: 2\n", &["duplicate-key@7:3+1 flinkProperties.a"]),
        ("  1: x\n", &["wrong-key@6:3+1 flinkProperties.1"]),
        ("  execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION\n", &[]),
        (
            "  execution.checkpointing.externalized-checkpoint-retention: NO_EXTERNALIZED_CHECKPOINTS\n",
            &["retention@6:62+27 flinkProperties.execution.checkpointing.externalized-checkpoint-retention"],
        ),
        (
            "  state.checkpoints.num-retained: '3'\n",
            &["?ignored-property@6:3+30 flinkProperties.state.checkpoints.num-retained"],
        ),
        (
            "  execution.checkpointing.num-retained: 3\n",
            &["?ignored-property@6:3+36 flinkProperties.execution.checkpointing.num-retained"],
        ),
        ("  pipeline.name: a\n", &[]),
        ("  pipeline.name: b\n", &["pipeline-name@6:18+1 flinkProperties.pipeline.name"]),
        ("  execution.checkpointing.dir: s3://b/c\n", &[]),
        ("  state.backend: rocksdb\n  state.backend.type: rocksdb\n", &[]),
        (
            "  state.backend: rocksdb\n  state.backend.type: hashmap\n",
            &["two-spellings@7:3+18 flinkProperties.state.backend.type"],
        ),
        ("  $internal.x: 1\n", &["refused-property@6:3+11 flinkProperties.$internal.x"]),
        ("  execution.savepoint.path: x\n", &["refused-property@6:3+24 flinkProperties.execution.savepoint.path"]),
        ("  execution.target: local\n", &["refused-property@6:3+16 flinkProperties.execution.target"]),
        ("  high-availability: x\n", &["refused-property@6:3+17 flinkProperties.high-availability"]),
        ("  web.port: 1\n", &["refused-property@6:3+8 flinkProperties.web.port"]),
        ("  table.dml-sync: 'True'\n", &["refused-property@6:19+6 flinkProperties.table.dml-sync"]),
        ("  table.dml-sync: false\n", &[]),
        (
            "  state.checkpoints.create-subdir: false\n",
            &["refused-property@6:36+5 flinkProperties.state.checkpoints.create-subdir"],
        ),
        ("  execution.checkpointing.create-subdir: true\n", &[]),
        ("  security.x: x\n", &["refused-property@6:3+10 flinkProperties.security.x"]),
        ("  jobmanager.rpc.port: x\n", &["refused-property@6:3+19 flinkProperties.jobmanager.rpc.port"]),
        ("  pipeline.jars: x\n", &["code-not-allowed@6:3+13 flinkProperties.pipeline.jars"]),
        ("  python.files: x\n", &["code-not-allowed@6:3+12 flinkProperties.python.files"]),
        ("  a: ${ssm:/x}\n", &["secret-reference@6:6+9 flinkProperties.a"]),
        ("  a: \"\\0\"\n", &["control-character@6:6+4 flinkProperties.a"]),
    ] {
        assert_eq!(found(&format!("{FIELDS}flinkProperties:\n{properties}{DIRS}"), false), *expected, "{properties}");
    }
}

#[test]
fn flinks_own_options() {
    for (properties, expected) in [
        ("execution.checkpointing.intervall: 10s", &["unknown-option@6:3+33 {}execution.checkpointing.intervall"][..]),
        ("execution.checkpointing.interval: 10s", &[]),
        ("execution.checkpointing.interval: 10 parsecs", &["option-value@6:37+10 {}execution.checkpointing.interval"]),
        ("parallelism.default: '0'", &["option-value@6:24+3 {}parallelism.default"]),
        ("parallelism.default: 2.0", &["option-value@6:24+3 {}parallelism.default"]),
        ("parallelism.default:", &["?no-value@6:3+19 {}parallelism.default"]),
        ("parallelism.default: ''", &["option-value@6:24+2 {}parallelism.default"]),
        ("parallelism: 2", &["?unknown-option@6:3+11 {}parallelism"]),
        (
            "execution.checkpointing.unaligned.enabled: perhaps",
            &["option-value@6:46+7 {}execution.checkpointing.unaligned.enabled"],
        ),
        ("execution.checkpointing.unaligned.enabled: yes", &[]),
        ("execution.checkpointing.unaligned: 'yes'", &["option-value@6:38+5 {}execution.checkpointing.unaligned"]),
        ("execution.checkpointing.mode: exactly_once", &[]),
        ("execution.checkpointing.mode: exactly-once", &["option-value@6:33+12 {}execution.checkpointing.mode"]),
        ("state.backend.rocksdb.writebuffer.size: 64mb", &[]),
        (
            "state.backend.rocksdb.writebuffer.size: 64mib",
            &["option-value@6:43+5 {}state.backend.rocksdb.writebuffer.size"],
        ),
        ("restart-strategy: failurerate", &[]),
        ("restart-strategy: sometimes", &["option-value@6:21+9 {}restart-strategy"]),
        ("taskmanager.numberOfTaskSlots: 4", &["?ignored-property@6:3+29 {}taskmanager.numberOfTaskSlots"]),
        (
            "taskmanager.numberOfTaskSlots: many",
            &[
                "?ignored-property@6:3+29 {}taskmanager.numberOfTaskSlots",
                "option-value@6:34+4 {}taskmanager.numberOfTaskSlots",
            ],
        ),
        ("s3.endpoint: http://here", &["?ignored-property@6:3+11 {}s3.endpoint"]),
        ("metrics.reporter.prom.port: 1", &["?ignored-property@6:3+26 {}metrics.reporter.prom.port"]),
        ("state.backend.forst.local-dir: x", &["?unknown-option@6:3+29 {}state.backend.forst.local-dir"]),
        ("pipeline.global-job-parameters: 'a:b,c:d'", &[]),
        ("pipeline.global-job-parameters: 'a'", &["option-value@6:35+3 {}pipeline.global-job-parameters"]),
        ("pipeline.global-job-parameters.my-key: x", &[]),
        ("table.local-time-zone: Europe/Berlin", &[]),
        ("table.local-time-zone: Mars", &["option-value@6:26+4 {}table.local-time-zone"]),
        ("my.company.threshold: 5", &[]),
        ("security.kerberos.login.keytabs: x", &["refused-property@6:3+31 {}security.kerberos.login.keytabs"]),
    ] {
        let expected: Vec<_> = expected.iter().map(|line| line.replace("{}", "flinkProperties.")).collect();
        let text = format!("{FIELDS}flinkProperties:\n  {properties}\n{DIRS}");
        assert_eq!(found(&text, false), expected, "{properties}");
    }
}

/// Classes, and files that Flink would read or write with its own rights: the template's matter, or of code.
#[test]
fn options_that_name_classes_or_files_are_not_the_uploaders() {
    const DIRS_TEMPLATE: &str =
        "flinkProperties:\n  state.checkpoints.dir: s3://b/c\n  state.savepoints.dir: s3://b/s\n";
    for (property, reaches) in [
        ("state.backend: org.example.Factory", true),
        ("state.backend.type: org.example.Factory", true),
        ("state.checkpoint-storage: org.example.Factory", true),
        ("execution.job-listeners: org.example.Listener", true),
        ("execution.job-status-changed-listeners: org.example.Factory", true),
        ("pipeline.default-kryo-serializers: 'class:a.B,serializer:c.D'", true),
        ("pipeline.registered-kryo-types: a.B", true),
        ("pipeline.registered-pojo-types: a.B", true),
        ("pipeline.serialization-config: '[a.B]'", true),
        ("state.backend.rocksdb.options-factory: a.B", true),
        ("table.catalog-modification.listeners: x", true),
        ("pipeline.cached-files: 'name:x,path:file:///etc/passwd'", true),
        ("state.backend.rocksdb.localdir: /etc", true),
        ("state.backend.rocksdb.checkpointdir: /etc", true),
        ("state.backend.rocksdb.log.dir: /etc", true),
        ("table.resources.download-dir: /etc", true),
        ("table.catalog-store.kind: file", true),
        ("table.catalog-store.file.path: s3://b/x", true),
        ("state.backend: rocksdb", false),
        ("state.checkpoint-storage: filesystem", false),
        ("state.backend.rocksdb.predefined-options: DEFAULT", false),
    ] {
        let told = |template: &str, manifest: &str, allow_code: bool| -> Vec<String> {
            let template = SourceFile::new("config/job-template.yaml", format!("{DIRS_TEMPLATE}{template}"));
            let file = SourceFile::new("queries/a.yaml", format!("{FIELDS}flinkProperties:\n{manifest}"));
            let policy = Policy { allow_code, ..Policy::default() };
            let found = load(Some(&template), &file, &policy).err().unwrap_or_default();
            let errors = found.iter().filter(|it| it.severity == Severity::Error);
            errors.map(|it| it.code.clone()).collect()
        };
        let line = format!("  {property}\n");
        let expected: &[&str] = if reaches { &["refused-property"] } else { &[] };
        assert_eq!(told("", &line, false), *expected, "{property}");
        assert_eq!(told("", &line, true), [""; 0], "{property}");
        assert_eq!(told(&line, "", false), [""; 0], "{property}");
    }
}

#[test]
fn what_is_wrong_with_an_option_is_said_with_the_way_out() {
    let text = format!(
        "{FIELDS}flinkProperties:\n  execution.checkpointing.intervall: 1s\n  parallelism.default: 0\n  \
         execution.checkpointing.mode: once\n  taskmanager.numberOfTaskSlots: 4\n{DIRS}"
    );
    let errors = load(None, &SourceFile::new("queries/a.yaml", text), &Policy::default()).unwrap_err();
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    queries/a.yaml:6:3: error[unknown-option]: `execution.checkpointing.intervall` is no option of Flink 1.20; did you mean `execution.checkpointing.interval`?
    queries/a.yaml:7:24: error[option-value]: `0` is no value of `parallelism.default`; write a whole number, from 1 to 32768
    queries/a.yaml:8:33: error[option-value]: `once` is no value of `execution.checkpointing.mode`; write one of `EXACTLY_ONCE`, `AT_LEAST_ONCE`
    queries/a.yaml:9:3: warning[ignored-property]: Flink ignores `taskmanager.numberOfTaskSlots` of a single job: TaskManagers read it when they start; set it in the cluster's configuration
    ");
}

#[test]
fn thousands_of_unknown_names_take_no_long_time() {
    let names = (0..9_000).map(|n| format!("  execution.checkpointing.interval-{n:05}.x: 1\n"));
    let text = format!("{FIELDS}flinkProperties:\n{}{DIRS}", names.collect::<String>());
    let began = std::time::Instant::now();
    assert_eq!(found(&text, false).len(), 100);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn a_secret_may_be_the_value_of_any_option() {
    let template = SourceFile::new(
        "config/t.yaml",
        format!("flinkProperties:\n  state.backend.rocksdb.thread.num: ${{{{ssm:/x}}}}\n{DIRS}"),
    );
    let file = SourceFile::new("queries/a.yaml", FIELDS);
    assert_eq!(load(Some(&template), &file, &Policy::default()).unwrap().warnings, []);
}

#[test]
fn state_directories() {
    for (checkpoints, savepoints, expected) in [
        ("s3://b/c", "s3a://b/c", &[][..]),
        ("s3p://b", "file:///tmp/c", &[]),
        ("hdfs:///c", "s3://b/c", &["state-directory@6:26+9 flinkProperties.state.checkpoints.dir"]),
        ("/tmp/c", "s3://b/c", &["state-directory@6:26+6 flinkProperties.state.checkpoints.dir"]),
        ("s3://b/c", "s3:///c", &["state-directory@7:25+7 flinkProperties.state.savepoints.dir"]),
        ("s3://b/c", "file://c", &["state-directory@7:25+8 flinkProperties.state.savepoints.dir"]),
        ("s3://b/x/../c", "s3://b/c", &["state-directory@6:26+13 flinkProperties.state.checkpoints.dir"]),
        ("s3://b/c", "s3://b/./c", &["state-directory@7:25+10 flinkProperties.state.savepoints.dir"]),
        ("s3://b/.c/c..", "s3://b/c", &[]),
        ("s3://b/_entropy_/c", "s3://b/c", &["state-directory@6:26+18 flinkProperties.state.checkpoints.dir"]),
        ("S3://b/c", "s3://b/c", &["state-directory@6:26+8 flinkProperties.state.checkpoints.dir"]),
        ("s3://b/c", "''", &["missing-state-directory@7:25+2 flinkProperties.state.savepoints.dir"]),
        (
            "~",
            "s3://b/c",
            &[
                "?no-value@6:3+21 flinkProperties.state.checkpoints.dir",
                "missing-state-directory@6:3+21 flinkProperties.state.checkpoints.dir",
            ],
        ),
    ] {
        let text = format!(
            "{FIELDS}flinkProperties:\n  state.checkpoints.dir: {checkpoints}\n  state.savepoints.dir: {savepoints}\n"
        );
        assert_eq!(found(&text, false), *expected, "{checkpoints} {savepoints}");
    }
    let none = ["checkpoints", "savepoints"]
        .map(|which| format!("missing-state-directory@5:1+15 flinkProperties.state.{which}.dir"));
    assert_eq!(found(&format!("{FIELDS}flinkProperties:\n"), false), none);
}

/// What is said about the checkpoint directory of the job `a`, given by its manifest or by the template.
fn told_of_directory(directory: &str, by_template: bool, policy: &Policy) -> Vec<String> {
    let given = format!("flinkProperties:\n  state.checkpoints.dir: \"{directory}\"\n");
    let other = "flinkProperties:\n  execution.checkpointing.savepoint-dir: s3://other/s\n";
    let (manifest, template) = if by_template { (other, given.as_str()) } else { (given.as_str(), other) };
    let file = SourceFile::new("queries/a.yaml", format!("{FIELDS}{manifest}"));
    let template = SourceFile::new("config/job-template.yaml", template);
    let findings = load(Some(&template), &file, policy).err().unwrap_or_default();
    findings.iter().map(|it| format!("{}: {} ({})", it.code, it.message, it.help.as_deref().unwrap_or("-"))).collect()
}

#[test]
fn states_stay_off_what_belongs_to_somebody_else() {
    let policy = Policy { deployment: Some("s3://b/team/flink/".to_owned()), ..Policy::default() };
    for (directory, message, by_template) in [
        ("s3://b/team/flink/checkpoints/a/", "", ""),
        ("s3a://b/team/flink/savepoints/a", "", ""),
        ("s3://b/team/flink//checkpoints///a/x", "", ""),
        ("s3://b/team/checkpoints/orders", "", ""),
        ("s3://b/team/flink-2/claims", "", ""),
        ("s3://b/team", "", ""),
        ("s3://other/team/flink/claims", "", ""),
        ("s3://b/team/flink/checkpoints/orders", "not this job's", ""),
        ("s3://b/team/flink/checkpoints/orders/a", "not this job's", ""),
        ("s3://b/team/flink/checkpoints/ab", "not this job's", ""),
        ("s3://b/team/flink/checkpoints/", "not this job's", ""),
        ("s3://b/team/flink/claims/a", "not for states", "not for states"),
        ("s3p://b/team/flink/records", "not for states", "not for states"),
        ("s3a://b//team///flink/results/x", "not for states", "not for states"),
        ("s3://b/team/flink/queries/", "not for states", "not for states"),
        ("s3://b/team/flink/config/", "not for states", "not for states"),
        ("s3://b/team/flink/node/", "not for states", "not for states"),
        ("s3://b/team/flink/Checkpoints/a", "not for states", "not for states"),
        ("s3://b/team/flink/checkpoints-2/a", "not for states", "not for states"),
        ("s3://b/team/flink", "not for states", "not for states"),
        ("s3://b/team/flink/ ", "not for states", "not for states"),
        ("s3://b/team/x/../flink/claims", "`.` or `..`", "`.` or `..`"),
        ("s3://b/team/x/ .. /flink/claims", "`.` or `..`", "`.` or `..`"),
        ("s3://b/team\\\\flink\\\\claims", "written with", "written with"),
        ("s3://x@b/team/flink/claims", "no bucket's name", "no bucket's name"),
        ("s3://b:80/team/flink/claims", "no bucket's name", "no bucket's name"),
        ("file:///etc", "one machine's disk", "one machine's disk"),
        ("file://localhost/etc", "no absolute path", "no absolute path"),
    ] {
        for (expected, in_template) in [(message, false), (by_template, true)] {
            let found = told_of_directory(directory, in_template, &policy);
            if expected.is_empty() {
                assert_eq!(found, [""; 0], "{directory}");
            } else {
                assert_eq!(found.len(), 1, "{directory} {found:?}");
                assert!(found[0].starts_with("state-directory: ") && found[0].contains(expected), "{found:?}");
            }
        }
    }
    let told = told_of_directory("s3://b/team/flink/claims", false, &policy);
    assert!(told[0].contains("write `s3://b/team/flink/checkpoints/a/`, or a directory outside"), "{told:?}");
    let here = Policy { allow_files: true, ..policy };
    assert_eq!(told_of_directory("file:///etc", false, &here), [""; 0]);
    let whole_bucket = Policy { deployment: Some("s3://b/".to_owned()), ..Policy::default() };
    assert_eq!(told_of_directory("s3://b/savepoints/a", false, &whole_bucket), [""; 0]);
    assert_eq!(told_of_directory("s3://b/x", false, &whole_bucket).len(), 1);
}

#[test]
fn code_where_it_is_allowed() {
    let text = format!(
        "name: a\ndescription: d\ntarget-table: t\ncode: x\nflinkProperties:\n  pipeline.jars: x\n  python.files: y\n{DIRS}"
    );
    assert_eq!(found(&text, true), [] as [&str; 0]);
}

#[test]
fn secrets_may_be_referred_to_in_the_template() {
    let template = SourceFile::new("config/t.yaml", format!("flinkProperties:\n  a: ${{{{ssm:/x}}}}\n{DIRS}"));
    let file = SourceFile::new("a.yaml", FIELDS);
    let loaded = load(Some(&template), &file, &Policy::default()).unwrap();
    assert_eq!(loaded.manifest.properties["a"].text, "${ssm:/x}");
}

#[test]
fn an_option_without_a_value_is_warned_of() {
    for (value, option) in [
        ("null", "execution.checkpointing.interval"),
        ("~", "a.b"),
        ("", "parallelism.default"),
        ("Null", "table.local-time-zone"),
    ] {
        let text = format!("{FIELDS}flinkProperties:\n{DIRS}  {option}: {value}\n");
        let expected = format!("?no-value@8:3+{} flinkProperties.{option}", option.len());
        assert_eq!(found(&text, false), [expected], "{text}");
    }
    let text = format!("{FIELDS}flinkProperties:\n  state.savepoints.dir: s3://b/s\n  state.checkpoints.dir: null\n");
    let place = "@7:3+21 flinkProperties.state.checkpoints.dir";
    assert_eq!(found(&text, false), [format!("?no-value{place}"), format!("missing-state-directory{place}")]);
    // Also in the template.
    let template = SourceFile::new(
        "config/job-template.yaml",
        format!("flinkProperties:\n{DIRS}  execution.checkpointing.interval:\n"),
    );
    let loaded = load(Some(&template), &SourceFile::new("queries/a.yaml", FIELDS), &Policy::default()).unwrap();
    let told: Vec<String> = loaded.warnings.iter().map(short).collect();
    assert_eq!(told, ["?no-value@4:3+32 flinkProperties.execution.checkpointing.interval"]);
}
