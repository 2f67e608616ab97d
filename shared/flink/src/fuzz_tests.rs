//! Traces, refusals and files of the node made nasty: read without a panic, in linear time.
//! The answers of Flink, YARN and the submitter are driven beside their parsers.

use control::secrets::Secrets;
use desired::diagnostics::SourceFile;
use desired::printable::{readable, readable_lines};
use desired::session_settings::parse_settings;
use fuzz::drive::fuzz;
use fuzz::growth::{is_linear, repeats};
use fuzz::seeds::texts;

use crate::http::message;
use crate::text::{causes, one_line};
use crate::yarn_site;

/// The most that is told of a refusal, in characters.
const TOLD: usize = 1100;

fn trace(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    assert!(!one_line(text).contains('\n'));
    assert!(!readable(text).chars().any(char::is_control));
    let _ = (causes(text), readable_lines(text));
    let told = message(data, &Secrets::default());
    assert!(told.chars().count() <= TOLD && !told.chars().any(char::is_control), "{told:?}");
}

fn settings(data: &[u8]) {
    if let Err(error) = parse_settings(&SourceFile::new("config/session.yaml", data)) {
        assert!(error.help.is_some() && error.message.len() < 100_000, "{error:?}");
    }
}

fn site(data: &[u8]) {
    let _ = yarn_site::resource_managers(&String::from_utf8_lossy(data));
}

const SETTINGS: &[&str] = &[
    "name: nights\njobmanager-memory: 1g\ntaskmanager-memory: 8192m\nslots: 8\nqueue: streaming\n\
     high-availability:\n  zookeeper: a:2181,b:2181\n  storage: s3://b/ha\n  session-timeout-s: 20\n\
     properties:\n  state.backend.incremental: \"true\"\n  akka.x: 10 s\n",
    "# nothing\n",
];

const SITE: &[&str] = &[
    "<?xml version=\"1.0\"?>\n<configuration><property><name>yarn.resourcemanager.hostname</name><value>${a}</value>\
     </property><property><name>a</name><value>b-${c}</value></property><property><name>c</name><value>d</value></property>\
     <property><name>yarn.resourcemanager.ha.rm-ids</name><value>rm1,rm2</value></property></configuration>",
];

const TRACES: &[&str] = &[
    r#"{"errors":["Job 0 not found","org.x.CheckpointException: IO-problem detected.\n\tat a.B.c(D.java:1)\n"]}"#,
    "java.util.concurrent.CompletionException: a.B: c\n\tat a.B.c(D.java:1)\nCaused by: a.B: d\ne\n\t... 3 more\n",
    "<html>502 Bad Gateway</html>",
];

#[test]
fn fuzz_trace() {
    fuzz("trace", &texts(TRACES), trace);
}

#[test]
fn fuzz_session_settings() {
    fuzz("session-settings", &texts(SETTINGS), settings);
}

#[test]
fn fuzz_yarn_site() {
    fuzz("yarn-site", &texts(SITE), site);
}

#[test]
fn fuzz_growth_of_traces() {
    let traces = [
        repeats("causes", "a.B: c", "\nCaused by: a.B{n}: d", ""),
        repeats("the same cause", "a.B: c", "\nCaused by: a.B: d", ""),
        repeats("wrappers", "", "java.util.concurrent.CompletionException: ", ""),
        repeats("classes", "", "a.B: ", ""),
        repeats("frames", "a", "\n\tat b", ""),
        repeats("escapes", "{\"errors\":[\"", "\\n", ""),
        repeats("errors", "{\"errors\":[", "\"a\",", "\"b\"]}"),
    ];
    is_linear("trace", &traces, 1024 * 1024, trace);
}

#[test]
fn fuzz_growth_of_files() {
    let yaml = [
        repeats("properties", "properties:\n", "  a{n}: \"b\"\n", ""),
        repeats("secrets", "properties:\n", "  a{n}: \"${ssm:/b}\"\n", ""),
        repeats("aliases", "a: &a b\nb: [", "*a, ", "]"),
        repeats("brackets", "name: ", "[", ""),
        repeats("comments", "", "# a\n", ""),
    ];
    is_linear("session-settings", &yaml, 1024 * 1024, settings);
    let xml = [
        repeats("elements", "", "<a>", ""),
        repeats("properties", "<c>", "<property><name>a{n}</name><value>b</value></property>", "</c>"),
        // Not many attributes of one element: the XML parser compares each with each, and this file is the node's own.
        repeats("entities", "<a>", "&lt;", "</a>"),
        repeats(
            "names",
            "<c><property><name>yarn.resourcemanager.ha.rm-ids</name><value>",
            "a{n},",
            "</value></property></c>",
        ),
        repeats(
            "a reference",
            "<c><property><name>yarn.resourcemanager.hostname</name><value>",
            "${yarn.resourcemanager.hostname}",
            "</value></property></c>",
        ),
    ];
    is_linear("yarn-site", &xml, 1024 * 1024, site);
}
