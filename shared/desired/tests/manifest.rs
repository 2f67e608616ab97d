//! Reading manifests: the merge, the schema, hostile files, and what a person is told.

use desired::diagnostics::{Diagnostic, SourceFile};
use desired::manifest::{
    Body, CHECKPOINT_DIR, Loaded, PIPELINE_NAME, Policy, RETAIN, RETENTION, effective_properties, json_schema, load,
    load_merged, parse_deployed, state_directories,
};
use proptest::prelude::*;

const TEMPLATE: &str = include_str!("fixtures/python/job-template.yaml");
const FORBID: Policy = Policy { allow_code: false, allow_files: true, deployment: None };

fn template() -> SourceFile {
    SourceFile::new("config/job-template.yaml", TEMPLATE)
}

fn load_text(name: &str, text: impl Into<Vec<u8>>) -> Result<Loaded, Vec<Diagnostic>> {
    load(Some(&template()), &SourceFile::new(name, text), &FORBID)
}

fn lines(errors: &[Diagnostic]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_of_the_predecessor() {
    let text = include_str!("fixtures/python/queries/filter-expensive-items.yaml");
    let loaded = load_text("queries/filter-expensive-items.yaml", text).unwrap();
    let manifest = &loaded.manifest;
    assert_eq!(manifest.name.as_str(), "filter-expensive-items");
    assert_eq!(manifest.target_table, "expensive_orders");
    assert_eq!(manifest.body, Body::Sql("SELECT\n  *\nFROM\n  orders\nWHERE\n  price > 9000.0".into()));
    assert_eq!(manifest.properties.len(), 11);
    assert_eq!((loaded.warnings.len(), loaded.added.len()), (0, 0));
    let checkpoints = "s3://some-s3-bucket/flink-sql-runner/checkpoints/filter-expensive-items";
    let savepoints = "s3://some-s3-bucket/flink-sql-runner/savepoints/filter-expensive-items";
    assert_eq!(state_directories(manifest), (checkpoints.into(), savepoints.into()));
    let effective = effective_properties(manifest);
    assert_eq!(effective["pipeline.object-reuse"], "true");
    assert_eq!(effective["restart-strategy.type"], "fixed-delay");
    assert_eq!(effective[CHECKPOINT_DIR], checkpoints);
}

const BARE: &str = "name: a\ndescription: d\ntarget-table: t\nsql: SELECT 1\n";
const DIRS: &str = "flinkProperties:\n  state.checkpoints.dir: s3://b/c\n  state.savepoints.dir: s3://b/s\n";

#[test]
fn retention_and_name_are_added_and_shown() {
    let loaded = load(None, &SourceFile::new("a.yaml", format!("{BARE}{DIRS}")), &FORBID).unwrap();
    assert_eq!(loaded.added, [(RETENTION.into(), RETAIN.into()), (PIPELINE_NAME.into(), "a".into())]);
    assert!(!loaded.manifest.properties.contains_key(RETENTION), "only what the files say");
    let effective = effective_properties(&loaded.manifest);
    assert_eq!(effective[RETENTION], RETAIN);
    assert_eq!(effective[PIPELINE_NAME], "a");
}

#[test]
fn the_manifest_wins_in_any_spelling_and_null_takes_back() {
    let text = format!(
        "{BARE}flinkProperties:\n  execution.checkpointing.dir: s3://other/c\n  restart-strategy: ~\n  pipeline.object-reuse: off\n"
    );
    let manifest = load_text("a.yaml", text).unwrap().manifest;
    assert_eq!(state_directories(&manifest).0, "s3://other/c");
    assert!(!manifest.properties.contains_key("state.checkpoints.dir"));
    let effective = effective_properties(&manifest);
    assert!(!effective.contains_key("restart-strategy.type"));
    assert_eq!(effective["pipeline.object-reuse"], "false");
}

#[test]
fn a_template_gives_any_field() {
    let template = SourceFile::new("t.yaml", format!("description: of {{job_name}}\ntarget-table: t\n{DIRS}"));
    let file = SourceFile::new("q/a.yml", "name: a\nsql: SELECT 1\n");
    assert_eq!(load(Some(&template), &file, &FORBID).unwrap().manifest.description, "of a");
    let empty = SourceFile::new("t.yaml", "# no defaults\n");
    assert!(load(Some(&empty), &SourceFile::new("a.yaml", format!("{BARE}{DIRS}")), &FORBID).is_ok());
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = format!(
        "{BARE}flinkProperties:\n  <<: [{{a: 1, b: 1}}, {{b: 2, c: 2}}]\n  a: &x 3\n  d: *x\n  state.savepoints.dir: s3://x/y\n"
    );
    let effective = effective_properties(&load_text("a.yaml", text).unwrap().manifest);
    let value = |key: &str| effective[key].as_str();
    assert_eq!([value("a"), value("b"), value("c"), value("d")], ["3", "1", "2", "3"]);
}

#[test]
fn a_merged_manifest_may_carry_what_was_noted() {
    let text = format!("{BARE}{DIRS}meta:\n  query-version: 1\n");
    assert!(load_merged(&SourceFile::new("/tmp/any-name.yaml", text.clone()), &FORBID).is_ok());
    let errors = load(None, &SourceFile::new("a.yaml", text), &FORBID).unwrap_err();
    insta::assert_snapshot!(lines(&errors), @"a.yaml:8:1: error[unknown-field]: `meta` is not a field of a job manifest; remove it: a deployment notes it by itself");
}

#[test]
fn all_that_is_wrong_at_once() {
    let text = include_str!("fixtures/hostile/everything-wrong.yaml");
    let errors = load(None, &SourceFile::new("queries/wrong.yaml", text), &FORBID).unwrap_err();
    insta::assert_snapshot!(lines(&errors), @r#"
    queries/wrong.yaml:1:7: error[unsafe-name]: the name holds ' '; use letters, digits, `.`, `_` and `-`, beginning with a letter or a digit, 100 at most
    queries/wrong.yaml:2:1: error[unknown-field]: `describtion` is not a field of a job manifest; write `description`
    queries/wrong.yaml:3:1: error[unknown-field]: `target_table` is not a field of a job manifest; write `target-table`
    queries/wrong.yaml:4:1: error[unknown-field]: `tags` is not a field of a job manifest; the fields are `name`, `description`, `owner`, `state`, `stability-window`, `on-savepoint-failure`, `max-checkpoint-age`, `target-table`, `sql`, `code`, `flinkProperties`
    queries/wrong.yaml:6:1: error[sql-and-code]: both `sql` and `code` are given; keep one of the two; look into the template too
    queries/wrong.yaml:6:1: error[code-not-allowed]: `code` is not allowed here; write it as `sql`, or have ALLOW_CODE turned on
    queries/wrong.yaml:7:1: error[duplicate-key]: `sql` is given a second time, first on line 5; keep one of the two
    queries/wrong.yaml:9:26: error[state-directory]: state cannot be kept on `hdfs://`; write `s3://bucket/path`, or locally `file:///path`
    queries/wrong.yaml:10:3: error[two-spellings]: `execution.checkpointing.dir` and `state.checkpoints.dir` (line 9) are one option with two values; keep `execution.checkpointing.dir`
    queries/wrong.yaml:11:62: error[retention]: `DELETE_ON_CANCELLATION` would delete the state that the next run goes on from; write `RETAIN_ON_CANCELLATION`, or remove it
    queries/wrong.yaml:12:3: warning[ignored-property]: Flink ignores `state.checkpoints.num-retained` of a single job: the JobManager reads it when it starts; set it in the cluster's configuration
    queries/wrong.yaml:13:3: warning[no-value]: `state.savepoints.dir` has no value: it takes back what the template sets, and Flink does what it does by itself; write the value that was meant behind it; without one meant, remove the line or leave it as it is
    queries/wrong.yaml:13:3: error[missing-state-directory]: there is no savepoint directory; set `state.savepoints.dir` in config/job-template.yaml, with `{job_name}` in it, or here
    queries/wrong.yaml:14:18: error[pipeline-name]: `pipeline.name` must be the job's name, `wrong`; remove it: it is set to the job's name
    queries/wrong.yaml:15:3: error[code-not-allowed]: `pipeline.jars` brings code and is not allowed here; remove it, or have ALLOW_CODE turned on
    queries/wrong.yaml:16:3: error[code-not-allowed]: `python.files` brings code and is not allowed here; remove it, or have ALLOW_CODE turned on
    queries/wrong.yaml:17:3: error[refused-property]: `rest.port` cannot be set here: it belongs to the cluster that jobs are deployed to; remove it
    queries/wrong.yaml:18:3: error[refused-property]: `$internal.pipeline.job-id` cannot be set here: the options under `$internal.` belong to the deployment protocol; remove it
    queries/wrong.yaml:19:3: error[refused-property]: `execution.savepoint.path` cannot be set here: what a run is restored from is decided at each deployment; remove it
    queries/wrong.yaml:20:11: error[secret-reference]: a manifest cannot refer to secrets; refer to it from config/ only
    queries/wrong.yaml:21:16: error[wrong-type]: `flinkProperties.parallelism` must be one value, this is a mapping; write the option's whole key with dots: `parallelism.default: 2`
    queries/wrong.yaml:22:9: error[wrong-type]: `flinkProperties.list` must be one value, this is a list; write a list as one text, `a;b`
    queries/wrong.yaml:23:10: warning[ambiguous-value]: `017` is unquoted: taken as this text here, but as 15 by YAML 1.1 readers; quote it: "017"
    queries/wrong.yaml:24:3: error[wrong-key]: the key `yes` is a boolean, not text; put it in quotes: "yes"
    "#);
}

#[test]
fn errors_of_the_template_point_into_the_template() {
    let template = SourceFile::new(
        "config/job-template.yaml",
        "target_table: {job_name}\nflinkProperties:\n  pipeline.jars: {job_name}.jar\n  state.checkpoints.dir: s3n://{job_name}/c\n",
    );
    let file = SourceFile::new("queries/a-long-name.yaml", "name: a-long-name\ndescription: d\nsql: SELECT 1\n");
    let errors = load(Some(&template), &file, &FORBID).unwrap_err();
    insta::assert_snapshot!(lines(&errors), @r#"
    queries/a-long-name.yaml:1:1: error[missing-state-directory]: there is no savepoint directory; set `state.savepoints.dir` in config/job-template.yaml, with `{job_name}` in it, or here
    config/job-template.yaml:1:1: error[unknown-field]: `target_table` is not a field of a job manifest; write `target-table`
    config/job-template.yaml:3:3: error[code-not-allowed]: `pipeline.jars` brings code and is not allowed here; remove it, or have ALLOW_CODE turned on
    config/job-template.yaml:4:26: error[state-directory]: state cannot be kept on `s3n://`; write `s3://bucket/path`, or locally `file:///path`
    "#);
    let span = errors.last().unwrap().span.unwrap();
    assert_eq!((span.column, span.length), (26, 18), "counted in the file as written");
}

#[test]
fn files_that_cannot_be_read() {
    let deep = "a: ".to_owned() + &"[".repeat(100_000);
    let many = format!("name: a\nx: [{}]\n", "1,".repeat(30_000));
    let aliases = format!("a: &x 1\nb: [{}]\n", "*x,".repeat(100));
    let large = vec![b'#'; 1024 * 1024 + 1];
    let long = format!("a: &x {}\nb: [*x, *x, *x]\n", "x".repeat(400_000));
    let cases: Vec<Vec<u8>> = vec![
        include_bytes!("fixtures/hostile/not-utf-8.yaml").to_vec(),
        include_bytes!("fixtures/hostile/alias-bomb.yaml").to_vec(),
        large,
        deep.into_bytes(),
        many.into_bytes(),
        aliases.into_bytes(),
        long.into_bytes(),
        b"a: &a [*a]\n".to_vec(),
        b"a: *nowhere\n".to_vec(),
        b"name: a\ndescription: `x`\n".to_vec(),
        b"name: a\n  sql: x: y\n".to_vec(),
        b"name: 'a\n".to_vec(),
        b"name: a\n---\nname: b\n".to_vec(),
        b"".to_vec(),
        b"# nothing\n".to_vec(),
        b"- a\n- b\n".to_vec(),
        b"just text\n".to_vec(),
        b"? [a]\n: b\n".to_vec(),
        b"name: !!python/object:os.system a\n".to_vec(),
    ];
    let told: Vec<String> = cases
        .into_iter()
        .map(|bytes| load(None, &SourceFile::new("a.yaml", bytes), &FORBID).unwrap_err())
        .map(|errors| errors.into_iter().filter(|e| e.code != "missing-field" && e.code != "missing-state-directory"))
        .map(|errors| lines(&errors.collect::<Vec<_>>()))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    a.yaml:2:18: error[not-utf-8]: the file is not UTF-8 text; save the file as UTF-8; an editor has it under `Save as` or `Encoding`
    a.yaml:6:8: error[too-many-values]: more than 20000 values, what aliases repeat included; a manifest needs a few dozen: split the file, or write the values out
    a.yaml: error[too-large]: the file has 1048577 bytes, 1048576 is the most; a manifest holds one query: split it
    a.yaml:1:259: error[too-deep]: nested deeper than 16 levels; a manifest needs two levels
    a.yaml:2:39995: error[too-many-values]: more than 20000 values, what aliases repeat included; a manifest needs a few dozen: split the file, or write the values out
    a.yaml:2:197: error[too-many-aliases]: more than 64 aliases; write the values out
    a.yaml:2:13: error[too-many-values]: more than 20000 values, what aliases repeat included; a manifest needs a few dozen: split the file, or write the values out
    a.yaml:1:8: error[recursive-alias]: the alias stands inside what it names; write the value out
    a.yaml:1:4: error[yaml-syntax]: this is not YAML: while parsing node, found unknown anchor; indent with spaces; put text in quotes that begins with a special character, or holds `: ` or ` #`
    a.yaml:2:14: error[yaml-syntax]: this is not YAML: unexpected character: ``'; indent with spaces; put text in quotes that begins with a special character, or holds `: ` or ` #`
    a.yaml:2:6: error[yaml-syntax]: this is not YAML: mapping values are not allowed in this context; indent with spaces; put text in quotes that begins with a special character, or holds `: ` or ` #`
    a.yaml:1:7: error[yaml-syntax]: this is not YAML: unclosed quote; indent with spaces; put text in quotes that begins with a special character, or holds `: ` or ` #`
    a.yaml:2:1: error[several-documents]: a second document begins here; put one document into a file; remove the `---`
    a.yaml:1:1: error[empty-file]: the file is empty; begin with the fields: `name`, `description`, `owner`, `state`, `stability-window`, `on-savepoint-failure`, `max-checkpoint-age`, `target-table`, `sql`, `code`, `flinkProperties`
    a.yaml:1:1: error[empty-file]: the file is empty; begin with the fields: `name`, `description`, `owner`, `state`, `stability-window`, `on-savepoint-failure`, `max-checkpoint-age`, `target-table`, `sql`, `code`, `flinkProperties`
    a.yaml:1:1: error[wrong-type]: the file must be a mapping, this is a list; begin with the fields: `name`, `description`, `owner`, `state`, `stability-window`, `on-savepoint-failure`, `max-checkpoint-age`, `target-table`, `sql`, `code`, `flinkProperties`
    a.yaml:1:1: error[wrong-type]: the file must be a mapping, this is text; begin with the fields: `name`, `description`, `owner`, `state`, `stability-window`, `on-savepoint-failure`, `max-checkpoint-age`, `target-table`, `sql`, `code`, `flinkProperties`
    a.yaml:1:3: error[wrong-key]: a key is a list, not text; write a text as the key
    a.yaml:1:33: error[unsupported-tag]: the tag `!!python/object:os.system` is not supported; remove it; put text in quotes
    "#);
}

#[test]
fn findings_are_bounded() {
    let many = (0..9_000).map(|n| format!("x{n}: 1")).collect::<Vec<_>>().join("\n");
    let errors = load_text("a.yaml", many).unwrap_err();
    assert_eq!(errors.len(), 100);
    assert!(errors[99].message.ends_with("findings more in this file"), "{}", errors[99]);
}

#[test]
fn the_schema_in_docs_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/manifest.schema.json");
    let current = format!("{:#}\n", json_schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(stored, current, "run the test with UPDATE_SCHEMA=1");
}

#[test]
fn the_schema_and_the_reader_know_the_same_fields() {
    let schema = json_schema();
    for field in schema["properties"].as_object().unwrap().keys() {
        let text = format!("{field}: [[]]\n");
        let errors = load_text("a.yaml", text).unwrap_err();
        assert!(errors.iter().all(|error| error.code != "unknown-field"), "{field}");
    }
    assert_eq!(schema["properties"].as_object().unwrap().len(), 11);
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn the_schema_knows_the_options_that_do_something_and_leaves_the_rest_free() {
    let schema = json_schema();
    let properties = &schema["properties"]["flinkProperties"];
    let options = properties["properties"].as_object().unwrap();
    for name in ["parallelism.default", "table.exec.state.ttl", "state.backend.type", "python.files"] {
        assert!(options.contains_key(name), "{name}");
    }
    for name in ["taskmanager.numberOfTaskSlots", "execution.target", "rest.port", "execution.state-recovery.path"] {
        assert!(!options.contains_key(name), "{name}");
    }
    assert!(properties["additionalProperties"].is_object());
    assert_eq!(options["execution.checkpointing.mode"]["anyOf"][0]["enum"][1], "AT_LEAST_ONCE");
    assert_eq!(options["restart-strategy.type"]["anyOf"][0]["enum"][0], "fixed-delay");
    assert_eq!(options["parallelism.default"]["maximum"], 32768);
    for (name, option) in options {
        let references = option.to_string();
        for reference in references.split("#/definitions/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(schema["definitions"][reference].is_object(), "{name}: {reference}");
        }
    }
}

/// Manifests that are nearly right, to get behind the first error.
fn nearly() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("name"),
        Just("sql"),
        Just("code"),
        Just("description"),
        Just("target-table"),
        Just("flinkProperties"),
        Just("meta"),
        Just("<<"),
        Just("  state.checkpoints.dir"),
        Just("  a"),
        Just("? x"),
        Just("&a b"),
    ];
    let value = prop_oneof![
        Just("*a".to_owned()),
        Just("{}".to_owned()),
        Just("[".to_owned()),
        Just("|".to_owned()),
        Just("&a".to_owned()),
        Just("{job_name}".to_owned()),
        Just("'".to_owned()),
        ".{0,12}",
        "[ -~\\n\\r\\t]{0,20}",
    ];
    prop::collection::vec((key, value), 0..12)
        .prop_map(|lines| lines.into_iter().map(|(key, value)| [key, ": ", &value, "\n"].concat()).collect())
}

/// Also in a template, where the job's name is filled in before it.
#[test]
fn a_look_alike_is_pointed_at_where_it_stands() {
    let template = SourceFile::new("t.yaml", "a: [\nb: {job_name}{job_name}\nname: \u{2000}\n");
    let errors = load(Some(&template), &SourceFile::new("a.yaml", BARE), &FORBID).unwrap_err();
    let found = errors.iter().find(|error| error.code == "lookalike").unwrap();
    assert_eq!(found.span.map(|span| (span.line, span.column)), Some((3, 7)), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let file = SourceFile::new("queries/a.yaml", bytes);
        for errors in [
            load(Some(&template()), &file, &FORBID).err(),
            load(Some(&file), &template(), &FORBID).err(),
            load_merged(&file, &FORBID).err(),
            parse_deployed(&file).err(),
        ] {
            prop_assert!(errors.is_none_or(|errors| errors.iter().any(Diagnostic::is_error)));
        }
    }

    #[test]
    fn arbitrary_manifests_never_panic_and_errors_stand_in_the_file(text in nearly()) {
        let file = SourceFile::new("queries/a.yaml", text.clone());
        for errors in [
            load(Some(&template()), &file, &FORBID).err(),
            load(Some(&file), &SourceFile::new("a.yaml", BARE), &FORBID).err(),
            parse_deployed(&file).err(),
        ].into_iter().flatten() {
            prop_assert!(!errors.is_empty());
            let own = errors.iter().filter(|error| error.file == "queries/a.yaml");
            for (error, span) in own.filter_map(|error| error.span.map(|span| (error, span))) {
                let line = error.source_line.as_deref().unwrap_or_default();
                prop_assert!(span.length >= 1 && span.line >= 1 && span.column >= 1);
                let columns = line.chars().count() + 2;
                prop_assert!(usize::try_from(span.column).unwrap() <= columns, "{error} in {line:?}");
            }
        }
    }
}
