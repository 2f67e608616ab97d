//! Whatever stands in a field of a manifest reaches Flink as data: unchanged, and within its own quotes in the INSERT.
//! Must not know how a job is submitted.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use desired::diagnostics::SourceFile;
use desired::launch::Launch;
use desired::manifest::{JobManifest, Meta, Policy, load, parse_deployed, render_deployed};
use desired::sql::{Token, TokenKind, tokens};
use desired::tables::{Parameters, TableDefinitions, TableFile, read};
use desired::target::Target;
use proptest::prelude::*;

/// What shells, SQL, templates, YAML and terminals could take for more than text.
const HOSTILE: &[&str] = &[
    "$(touch /tmp/x)",
    "`id`",
    "; rm -rf /",
    "&& id",
    "| id",
    "> /tmp/x",
    "\\",
    "\\'",
    "'",
    "''",
    "\"",
    "'; DROP TABLE a; --",
    "' AS STRING) AS x --",
    "--",
    "-- ",
    "//",
    "/*",
    "*/",
    "/* */",
    "/*+ OPTIONS('a'='b') */",
    ";",
    "\n",
    "\r",
    "\r\n",
    "\t",
    "\0",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "{x}",
    "{job_name}",
    "{group_id}",
    "{{",
    "}",
    "{}",
    "%s",
    "%(a)s",
    "${env:X}",
    "${x}",
    "$X",
    "é",
    "漢字",
    "😀",
    "\u{202e}txt",
    "\u{200b}",
    "\u{feff}",
    "e\u{301}",
    ": ",
    " #",
    "- ",
    "&a",
    "*a",
    "!!python/object:a",
    "|",
    ">",
    "null",
    "017",
    "yes",
    "<<",
    "%YAML",
    "---",
    "\u{fffd}",
    " ",
    "a",
];

fn hostile() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(HOSTILE), 1..6).prop_map(|pieces| pieces.concat())
}

/// Any text as a scalar of YAML: JSON's strings are YAML's in double quotes, but for what YAML does not print.
fn scalar(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        _ => format!("\\U{:08x}", u32::from(c)),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

/// Whether a text is refused for what it is, rather than changed: it steers terminals, or names a secret where none may
/// stand.
fn refused(text: &str, codes: &[String]) -> bool {
    let steers = text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let secret = text.contains("${env:X}");
    let reason = |code: &String| match code.as_str() {
        "control-character" => steers,
        "secret-reference" => secret,
        _ => false,
    };
    !codes.is_empty() && codes.iter().all(reason)
}

fn meta() -> Meta {
    let query_id = "0197f0a1-b2c3-7000-8000-00000000b001".to_owned();
    Meta { query_version: 3, query_id, query_create_timestamp: "2026-01-02 03:04:05".to_owned() }
}

fn definitions() -> TableDefinitions {
    let text = "CREATE TABLE source (a STRING) WITH ('connector'='datagen');\n\
                CREATE TABLE sink (a STRING) WITH ('connector'='print');";
    read(&[TableFile { key: "t.sql".to_owned(), text: text.to_owned() }], &Parameters::default()).unwrap()
}

/// The fields of a manifest, each with a text of its own.
struct Fields<'a> {
    name: &'a str,
    description: &'a str,
    target: &'a str,
    sql: &'a str,
    option: &'a str,
}

impl Fields<'_> {
    fn load(&self) -> Result<JobManifest, Vec<String>> {
        let text = format!(
            "name: {}\ndescription: {}\ntarget-table: {}\nsql: {}\nflinkProperties:\n  \
             state.checkpoints.dir: s3://b/c/one\n  state.savepoints.dir: s3://b/s/one\n  my.own.key: {}\n",
            scalar(self.name),
            scalar(self.description),
            scalar(self.target),
            scalar(self.sql),
            scalar(self.option),
        );
        let loaded = load(None, &SourceFile::new("queries/one.yaml", text), &Policy::default());
        loaded.map(|loaded| loaded.manifest).map_err(|errors| errors.into_iter().map(|error| error.code).collect())
    }
}

const GOOD: Fields<'static> =
    Fields { name: "one", description: "d", target: "sink", sql: "SELECT a FROM source", option: "v" };

/// What is started of an accepted manifest; the node refuses nothing of it.
fn launch(manifest: &JobManifest) -> Launch {
    let launch = Launch::of(&Target::of(manifest.clone(), &definitions(), "__create_timestamp"), &meta());
    assert_eq!(launch.refusal(None), None, "{}", launch.insert);
    launch
}

/// What the literal before this alias says.
fn value_of(insert: &[Token<'_>], column: &str) -> String {
    let at = insert.iter().position(|token| token.is_word(column)).unwrap();
    let literal = insert[..at].iter().rfind(|token| token.kind == TokenKind::Literal).unwrap();
    literal.literal_value().unwrap()
}

/// The INSERT's tokens without what its literals say.
fn shape(insert: &str) -> Vec<String> {
    let text = |token: &Token<'_>| if token.kind == TokenKind::Literal { "'…'" } else { token.text }.to_owned();
    tokens(insert).unwrap().iter().map(text).collect()
}

proptest! {
    #[test]
    fn a_description_is_one_literal_of_the_insert(text in hostile()) {
        let fields = Fields { description: &text, ..GOOD };
        match fields.load() {
            Ok(manifest) => {
                prop_assert_eq!(&manifest.description, &text);
                let launch = launch(&manifest);
                let read = tokens(&launch.insert).unwrap();
                prop_assert_eq!(value_of(&read, "__query_description"), text);
                prop_assert_eq!(shape(&launch.insert), shape(&self::launch(&GOOD.load().unwrap()).insert));
            }
            Err(codes) => prop_assert!(refused(&text, &codes), "{:?}", codes),
        }
    }

    #[test]
    fn an_option_is_the_value_that_was_written(text in hostile()) {
        let fields = Fields { option: &text, ..GOOD };
        match fields.load() {
            Ok(manifest) => prop_assert_eq!(&launch(&manifest).properties["my.own.key"], &text),
            // Refused rather than changed.
            Err(codes) => prop_assert!(refused(&text, &codes), "{:?}", codes),
        }
    }

    #[test]
    fn a_query_is_the_text_that_was_written(text in hostile()) {
        let name = text.replace(['\n', '\r'], " ").replace('`', "``");
        let sql = format!("SELECT '{}' AS a, `{name}` FROM source", text.replace('\'', "''"));
        let manifest = Fields { sql: &sql, ..GOOD }.load();
        match manifest {
            Ok(manifest) => prop_assert_eq!(&launch(&manifest).body, &sql),
            Err(codes) => prop_assert!(refused(&text, &codes), "{:?}: {:?}", codes, sql),
        }
        // A text without its quotes is one query or refused; what is accepted is not changed either.
        let bare = format!("SELECT a FROM source WHERE a = {text}");
        if let Ok(manifest) = (Fields { sql: &bare, ..GOOD }).load() {
            prop_assert_eq!(&launch(&manifest).body, &bare);
        }
    }

    #[test]
    fn a_target_is_one_table_or_refused(text in hostile()) {
        let quoted = format!("`{}`", text.replace('`', "``"));
        let option = format!("sink /*+ OPTIONS('sink.parallelism'='{}') */", text.replace('\'', "''"));
        let alone = shape(&launch(&GOOD.load().unwrap()).insert);
        for target in [text.clone(), quoted, option, format!("sink {text}"), format!("sink{text}")] {
            let Ok(manifest) = (Fields { target: &target, ..GOOD }).load() else { continue };
            let insert = launch(&manifest).insert;
            // After the target the INSERT is what it always is.
            let from = alone.iter().position(|token| token == "SELECT").unwrap();
            prop_assert!(shape(&insert).ends_with(&alone[from..]), "{}", insert);
            prop_assert_eq!(shape(&insert).iter().filter(|token| *token == ";").count(), 0);
            prop_assert_eq!(value_of(&tokens(&insert).unwrap(), "__query_name"), "one");
        }
    }

    #[test]
    fn a_name_has_nothing_to_take_for_more(text in hostile()) {
        let name = format!("one{text}");
        for name in [text.as_str(), &name] {
            if let Ok(manifest) = (Fields { name, ..GOOD }).load() {
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                prop_assert!(manifest.name.as_str().chars().all(plain), "{}", manifest.name);
            }
        }
    }

    /// The predecessor's format holds the same texts, whatever they could be taken for in YAML.
    #[test]
    fn what_is_noted_as_deployed_says_the_same(description in hostile(), option in hostile()) {
        let fields = Fields { description: &description, option: &option, ..GOOD };
        let Ok(manifest) = fields.load() else { return Ok(()) };
        let written = render_deployed(&manifest, &meta());
        let (read, _) = parse_deployed(&SourceFile::new("manifests/one.yaml", written.clone())).unwrap_or_else(|errors| panic!("{errors:?}: {written}"));
        prop_assert_eq!(&read.description, &manifest.description);
        prop_assert_eq!(&read.properties["my.own.key"].text, &manifest.properties["my.own.key"].text);
    }

    /// A parameter's value stays what it is in the statement that runs, braces and all.
    #[test]
    fn a_parameter_is_the_text_of_its_literal(text in hostile()) {
        let text = text.replace('\'', "''");
        let parameters = Parameters([("p".to_owned(), text.clone())].into());
        let file = TableFile { key: "t.sql".to_owned(), text: "CREATE TABLE source (a STRING) WITH ('b'='{p}');".to_owned() };
        let Ok(definitions) = read(&[file], &parameters) else {
            prop_assert!(text.contains("${env"), "{:?}", text);
            return Ok(());
        };
        let target = Target::of(GOOD.load().unwrap(), &definitions, "");
        let launch = Launch::of(&target, &meta());
        prop_assert_eq!(&launch.statements[0].sql, &format!("CREATE TABLE source (a STRING) WITH ('b'='{text}')"));
    }
}
