//! Side by side with the Python tool: from the same files the same deployed manifest, byte for byte.
//! `fixtures/python/regenerate.py` writes what is compared with.

use std::collections::BTreeMap;

use desired::diagnostics::SourceFile;
use desired::manifest::{
    Body, JobManifest, JobName, Meta, Policy, PropertyValue, ScalarKind, load, load_merged, parse_deployed,
    render_deployed,
};
use proptest::prelude::*;

const TEMPLATE: &str = include_str!("fixtures/python/job-template.yaml");

macro_rules! sample {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("fixtures/python/queries/", $name, ".yaml")),
            include_str!(concat!("fixtures/python/deployed/", $name, ".yaml")),
        )
    };
}

fn meta() -> Meta {
    Meta {
        query_version: 1,
        query_id: "35d3d720-760d-11ed-bfeb-02e547cf7baa".into(),
        query_create_timestamp: "2022-12-07 08:57:42".into(),
    }
}

#[test]
fn deployed_manifests_are_those_of_the_python_tool() {
    for (name, query, deployed) in [
        sample!("filter-expensive-items"),
        sample!("query-unique-name"),
        sample!("collection"),
        sample!("scalars"),
        sample!("017"),
    ] {
        let template = SourceFile::new("t.yaml", TEMPLATE);
        let file = SourceFile::new(format!("queries/{name}.yaml"), query);
        let policy = Policy { allow_code: true, allow_files: true, deployment: None };
        let loaded = load(Some(&template), &file, &policy).unwrap();
        assert_eq!(render_deployed(&loaded.manifest, &meta()), deployed, "{name}");

        let deployed = SourceFile::new(format!("manifests/{name}.yaml"), deployed);
        let (manifest, read) = parse_deployed(&deployed).unwrap();
        assert_eq!(read, meta());
        assert_eq!(manifest.name, loaded.manifest.name);
        let python = |manifest: &JobManifest| -> BTreeMap<String, String> {
            manifest.properties.iter().map(|(key, value)| (key.clone(), value.python_text())).collect()
        };
        assert_eq!(python(&manifest), python(&loaded.manifest), "{name}");
        if name == "filter-expensive-items" {
            assert_eq!(load_merged(&deployed, &policy).unwrap().manifest, manifest);
        }
    }
}

#[test]
fn the_manifest_in_the_readme_of_the_python_tool() {
    let text = "description: \"Some description.\"\nflinkProperties:\n  pipeline.object-reuse: 'true'\n  state.checkpoints.num-retained: '3'\nmeta:\n  query-create-timestamp: '2022-12-07 08:57:42'\n  query-id: 35d3d720-760d-11ed-bfeb-02e547cf7baa\n  query-version: 1\nname: query-unique-name\nowner: someone\nsql: SELECT 1\ntarget-table: \"`kafka`.`t`\"\n";
    let (manifest, read) = parse_deployed(&SourceFile::new("manifests/query-unique-name.yaml", text)).unwrap();
    assert_eq!(read, meta());
    assert_eq!(manifest.body, Body::Sql("SELECT 1".into()));
    let reuse = PropertyValue { text: "true".into(), kind: ScalarKind::String };
    assert_eq!(manifest.properties["pipeline.object-reuse"], reuse);
}

#[test]
fn a_deployed_manifest_without_its_parts_is_refused() {
    for text in ["", "a", "name: a\n", "name: a\nsql: x\ntarget-table: t\nmeta: {query-version: x}\n"] {
        assert!(parse_deployed(&SourceFile::new("manifests/a.yaml", text)).is_err(), "{text:?}");
    }
}

/// Texts with everything that quoting and folding turns on.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,12}",
        " {1,3}",
        "[-:#?,&*!|>%@`'\"{}\\[\\]=<~\\\\]",
        Just("\n".to_owned()),
        Just(": ".to_owned()),
        Just(" #".to_owned()),
        Just("017".to_owned()),
        Just("yes".to_owned()),
        Just("é".to_owned()),
        Just("\u{2028}".to_owned()),
        Just("\t".to_owned()),
        Just("x".repeat(90)),
        ".",
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_reads_back(
        description in text(),
        code in text(),
        properties in prop::collection::btree_map(text(), text(), 0..4),
    ) {
        let properties = properties
            .into_iter()
            .map(|(key, text)| (key, PropertyValue { text, kind: ScalarKind::String }))
            .collect();
        let manifest = JobManifest {
            name: JobName::try_from("orders").unwrap(),
            description,
            target_table: "`t`".into(),
            body: Body::Code(code),
            properties,
            operating: desired::manifest::Operating::default(),
        };
        let written = render_deployed(&manifest, &meta());
        prop_assert_eq!(parse_deployed(&SourceFile::new("m.yaml", written)), Ok((manifest, meta())));
    }
}
