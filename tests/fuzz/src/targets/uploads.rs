//! What people upload: manifests, the template, parameters and table files, read among good ones of the other kinds.
//! Must not know how the texts inside are read.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use desired::diagnostics::{Diagnostic, SourceFile};
use desired::inputs::{InputFile, InputFiles, Inputs};
use desired::launch::Launch;
use desired::manifest::{JobManifest, Loaded, Meta, Policy, load_among, load_merged, parse_deployed, render_deployed};
use desired::sql::KnownTables;
use desired::tables::TableDefinitions;
use desired::target::{TIMESTAMP_FIELD, Target};
use lifecycle::change::Change;

use crate::seeds;

/// The most that people are told of one file, in bytes.
const TOLD: usize = 512 * 1024;

/// The files that a mutated one lies among.
struct Others {
    template: SourceFile,
    definitions: TableDefinitions,
    known: KnownTables,
}

fn others() -> &'static Others {
    static OTHERS: OnceLock<Others> = OnceLock::new();
    OTHERS.get_or_init(|| {
        let inputs = Inputs::read(&around(None, None, None, None), &Policy::default());
        let definitions = inputs.tables.expect("the examples are good");
        let known = KnownTables::of(&definitions.statements);
        Others { template: example("config/job-template.yaml"), definitions, known }
    })
}

fn example(path: &str) -> SourceFile {
    SourceFile::new(path, seeds::files(&[&format!("examples/{path}")]).concat())
}

/// All examples, or another file in place of one.
fn around(query: Option<&[u8]>, template: Option<&[u8]>, params: Option<&[u8]>, tables: Option<&[u8]>) -> InputFiles {
    static EXAMPLES: OnceLock<[SourceFile; 5]> = OnceLock::new();
    let [job, defaults, parameters, sources, sinks] = EXAMPLES.get_or_init(|| {
        ["queries/orders-per-buyer.yaml", "config/job-template.yaml", "config/params.yaml"]
            .map(example)
            .into_iter()
            .chain(["config/tables/inputs.sql", "config/tables/outputs.sql"].map(example))
            .collect::<Vec<_>>()
            .try_into()
            .expect("five files")
    });
    let file = |bytes: Option<&[u8]>, instead: &SourceFile| {
        let file = bytes.map_or_else(|| instead.clone(), |bytes| SourceFile::new(instead.name.clone(), bytes));
        InputFile { file, etag: "e".to_owned() }
    };
    InputFiles {
        queries: vec![file(query, job)],
        template: Some(file(template, defaults)),
        params: Some(file(params, parameters)),
        tables: vec![file(tables, sources), file(None, sinks)],
        timestamp_field: TIMESTAMP_FIELD.to_owned(),
        ..InputFiles::default()
    }
}

fn policies() -> [Policy; 2] {
    let deployment = Some("s3://bucket/prefix/".to_owned());
    [Policy::default(), Policy { allow_code: true, allow_files: true, deployment }]
}

/// An uploaded manifest.
pub fn manifest(data: &[u8]) {
    let others = others();
    let file = SourceFile::new("queries/orders-per-buyer.yaml", data);
    for policy in policies() {
        match load_among(&others.known, Some(&others.template), &file, &policy) {
            Ok(Loaded { manifest, warnings, .. }) => {
                told(&warnings);
                accepted(&manifest, &others.definitions, &policy);
            }
            Err(errors) => told(&errors),
        }
    }
}

/// A manifest that is merged already, as the predecessor's command takes it.
pub fn merged(data: &[u8]) {
    for policy in policies() {
        match load_merged(&SourceFile::new("orders.yaml", data), &policy) {
            Ok(loaded) => told(&loaded.warnings),
            Err(errors) => told(&errors),
        }
    }
}

/// A deployed manifest, ours or the predecessor's.
pub fn deployed(data: &[u8]) {
    match parse_deployed(&SourceFile::new("manifests/orders.yaml", data)) {
        Ok((manifest, meta)) => written_and_read(&manifest, &meta),
        Err(errors) => told(&errors),
    }
}

/// The job template, over which a good manifest lies.
pub fn template(data: &[u8]) {
    among(&around(None, Some(data), None, None));
}

/// The template parameters, under which good table files are read.
pub fn parameters(data: &[u8]) {
    among(&around(None, None, Some(data), None));
}

/// As many tables as a query that names as many, none of them the same.
pub fn many(data: &[u8]) {
    let numbered = |text: &str| -> String {
        (0..data.len() / 80).map(|number| text.replace("{n}", &number.to_string())).collect()
    };
    let tables = numbered("CREATE TABLE IF NOT EXISTS tables_{n} (a INT) WITH ('connector'='print');\n");
    let query = format!("SELECT * FROM orders{}", numbered(", table_s{n}"));
    let manifest = format!("name: orders-per-buyer\ndescription: a\ntarget-table: table__1\nsql: {query}\n");
    among(&around(Some(manifest.as_bytes()), None, None, Some(tables.as_bytes())));
    // The same table again and again, the first time with a long comment.
    let again = "CREATE TABLE IF NOT EXISTS orders (a INT) WITH ('connector'='print');\n".repeat(data.len() / 160);
    let first = again.replacen("(a", &format!("/* {} */ (a", "c".repeat(data.len() / 2)), 1);
    among(&around(None, None, None, Some(first.as_bytes())));
}

/// A parameter whose long value stands in many places of a table file.
pub fn filled(data: &[u8]) {
    let parameters = format!("orders_per_second: {}\n", "a".repeat(data.len() / 2));
    let table = format!("CREATE TABLE orders (a INT) WITH ('b'='{}');", "{orders_per_second}".repeat(data.len() / 40));
    among(&around(None, None, Some(parameters.as_bytes()), Some(table.as_bytes())));
    let tables = "CREATE TABLE orders (a INT) WITH ('b'='{orders_per_second}');\n".repeat(data.len() / 120);
    among(&around(None, None, Some(parameters.as_bytes()), Some(tables.as_bytes())));
    let unknown = format!("SELECT '{}'", "{unknown}".repeat(data.len() / 20));
    let keys: String = (0..data.len() / 20).map(|number| "key_{n}: a\n".replace("{n}", &number.to_string())).collect();
    among(&around(None, None, Some(keys.as_bytes()), Some(unknown.as_bytes())));
}

/// A file of table definitions, used by a good manifest.
pub fn tables(data: &[u8]) {
    among(&around(None, None, None, Some(data)));
}

fn among(files: &InputFiles) {
    for policy in policies() {
        let read = Inputs::read(files, &policy);
        for verdict in read.config.iter().chain(&read.manifests) {
            told(&verdict.findings);
        }
        for target in read.manifests.iter().filter_map(|verdict| verdict.target.as_ref()) {
            launched(target, &policy);
        }
    }
}

/// What was accepted can be deployed: the node refuses nothing of it.
fn accepted(manifest: &JobManifest, definitions: &TableDefinitions, policy: &Policy) {
    launched(&Target::of(manifest.clone(), definitions, TIMESTAMP_FIELD), policy);
    written_and_read(manifest, &meta());
}

fn launched(target: &Target, policy: &Policy) {
    let launch = Launch::of(target, &meta());
    let refused = launch.refusal(policy.deployment.as_deref());
    assert_eq!(refused, None, "accepted as an upload, refused on the node: {:?}", target.manifest);
    let _ = launch.secrets();
    assert!(!Change::between(target, target).starts_over_by_configuration());
}

/// What is written as deployed says the same when it is read.
fn written_and_read(manifest: &JobManifest, meta: &Meta) {
    let text = render_deployed(manifest, meta);
    let again = parse_deployed(&SourceFile::new("manifests/orders.yaml", text.clone().into_bytes()));
    let (read, noted) = again.unwrap_or_else(|errors| panic!("{errors:?}\nwritten:\n{text}"));
    // The predecessor's format puts SQL on one line; what was put there stays as it is.
    assert_eq!(render_deployed(&read, &noted), text);
    assert_eq!((&read.name, &read.target_table), (&manifest.name, &manifest.target_table), "{text}");
    assert_eq!((&read.description, &noted), (&manifest.description, meta), "{text}");
    let texts = |of: &JobManifest| -> BTreeMap<String, String> {
        of.properties.iter().map(|(key, value)| (key.clone(), value.python_text())).collect()
    };
    assert_eq!(texts(&read), texts(manifest), "{text}");
}

fn meta() -> Meta {
    let query_id = "0197f0a1-b2c3-7000-8000-00000000b001".to_owned();
    Meta { query_version: 3, query_id, query_create_timestamp: "2026-01-02 03:04:05".to_owned() }
}

/// A finding names its place, and all of them together are no flood.
fn told(findings: &[Diagnostic]) {
    let length: usize = findings.iter().map(|finding| serde_json::to_vec(finding).map_or(0, |text| text.len())).sum();
    assert!(length <= TOLD, "{} findings are {length} bytes", findings.len());
    for span in findings.iter().filter_map(|finding| finding.span) {
        assert!(span.line > 0 && span.column > 0 && span.length > 0, "{span:?}");
    }
}
