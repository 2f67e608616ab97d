//! Options of the job itself: what Flink says of their values, and where in the manifest or its template they stand.
//! Must not know queries and tables.

use super::{At, Failure, Told};
use crate::diagnostics::Diagnostic;
use crate::manifest::canonical_option;

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    let told = |option: &'static str, text: &str, help: &str| {
        Told::new("bad-option-value", At::Option(option), text).help(help).some()
    };
    if it.message.starts_with("Querying an unbounded table") {
        let table = it.between("unbounded table '", "'").and_then(|path| path.rsplit('.').next()).unwrap_or_default();
        let text = format!("`{table}` never ends, and the job runs in batch mode");
        let help = "remove `execution.runtime-mode: BATCH`, or read a table that ends";
        return told("execution.runtime-mode", &text, help);
    }
    if it.message.starts_with("Invalid time zone") {
        let help = "write one such as `UTC` or `Europe/Berlin`";
        return told("table.local-time-zone", "`table.local-time-zone` is no time zone", help);
    }
    if it.message.starts_with("Parallelism must be at least one") {
        let text = "`parallelism.default` must be 1 or more";
        return told("parallelism.default", text, "write `parallelism.default: 1`");
    }
    None
}

impl Failure<'_> {
    /// The option of the job that one of these texts names, the longest where several are in it.
    pub(super) fn option_in(&self, texts: &[&str]) -> Option<String> {
        let written = self.launch.written.iter().flat_map(|written| written.options.keys());
        let known = self.launch.properties.keys().chain(written);
        let named = known.filter(|key| texts.iter().any(|text| names(text, key)));
        named.max_by_key(|key| key.len()).cloned()
    }

    /// A finding about an option: with its field, and its place where the plan holds it.
    pub(super) fn at_option(&self, key: &str, found: Diagnostic) -> Diagnostic {
        let mut written = self.launch.written.iter().flat_map(|written| &written.options);
        match written.find(|(other, _)| canonical_option(other) == canonical_option(key)) {
            Some((spelling, place)) => Diagnostic { file: place.file.clone(), ..found }
                .with_field(format!("flinkProperties.{spelling}"))
                .with_span(place.span, place.source_line.clone()),
            None => found.with_field(format!("flinkProperties.{key}")),
        }
    }
}

/// Whether a text names an option, and not only a longer one.
fn names(text: &str, key: &str) -> bool {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let ends = |rest: &str| {
        let mut rest = rest.chars();
        match rest.next() {
            // A sentence may end behind it.
            Some('.') => !rest.next().is_some_and(is_of_key),
            next => !next.is_some_and(is_of_key),
        }
    };
    !key.is_empty()
        && text.match_indices(key).any(|(at, _)| {
            let before = text.get(..at).unwrap_or_default().chars().next_back();
            !before.is_some_and(is_of_key) && ends(text.get(at + key.len()..).unwrap_or_default())
        })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::diagnostics::SourceFile;
    use crate::flink_errors::explain;
    use crate::launch::{Launch, Rejection};
    use crate::manifest::{Meta, Policy};
    use crate::tables::TableDefinitions;
    use crate::target::Target;

    const TEMPLATE: &str = "flinkProperties:\n  execution.runtime-mode: BATCH\n  pipeline.jars: a.jar\n";
    const MANIFEST: &str = "name: orders\ndescription: ''\ntarget-table: two\nsql: SELECT 1\nflinkProperties:\n  \
        state.checkpoints.dir: s3://b/c/orders\n  state.savepoints.dir: s3://b/s/orders\n  \
        execution.checkpointing.interval: 10s # often\n  parallelism.default: 4\n";

    fn launch() -> Launch {
        let policy = Policy { allow_code: true, ..Policy::default() };
        let file = |name: &str, text: &str| SourceFile::new(name, text);
        let template = file("config/job-template.yaml", TEMPLATE);
        let loaded = crate::manifest::load(Some(&template), &file("queries/orders.yaml", MANIFEST), &policy).unwrap();
        let target = Target::of(loaded.manifest, &TableDefinitions::default(), "");
        let meta =
            Meta { query_version: 1, query_id: "q".into(), query_create_timestamp: "2026-01-01 00:00:00".into() };
        Launch { written: Some(loaded.written), ..Launch::of(&target, &meta) }
    }

    fn refused(kind: &str, message: &str) -> Rejection {
        Rejection { kind: kind.to_owned(), origin: None, message: message.to_owned(), line: None, column: None }
    }

    /// As Flink 1.20 answers.
    #[test]
    fn an_option_is_told_with_its_file_field_and_line() {
        let launch = launch();
        let mut text = String::new();
        for (kind, message) in [
            ("configuration", "Could not parse value '10s' for key 'execution.checkpointing.interval': it is odd"),
            ("configuration", "Parallelism must be at least one, or ExecutionConfig.PARALLELISM_DEFAULT."),
            (
                "query",
                "Querying an unbounded table 'default_catalog.default_database.orders' in batch mode is not allowed.",
            ),
            ("configuration", "no protocol: a.jar"),
            // In Flink's spelling; the manifest has the older one.
            ("configuration", "`execution.checkpointing.dir`: state cannot be kept on `hdfs://`"),
            ("insert", "Invalid time zone. The value should be a Time Zone Database (TZDB) ID."),
            ("configuration", "something else"),
        ] {
            let told = explain(&launch, &refused(kind, message));
            let line = told.span.map_or_else(|| "-".to_owned(), |span| format!("{}:{}", span.line, span.column));
            let field = told.field.as_deref().unwrap_or("-");
            let _ = writeln!(text, "{} {line} {field}: {}", told.file, told.source_line.as_deref().unwrap_or("-"));
        }
        insta::assert_snapshot!(text, @r"
        queries/orders.yaml 8:37 flinkProperties.execution.checkpointing.interval:   execution.checkpointing.interval: 10s # often
        queries/orders.yaml 9:24 flinkProperties.parallelism.default:   parallelism.default: 4
        config/job-template.yaml 2:27 flinkProperties.execution.runtime-mode:   execution.runtime-mode: BATCH
        config/job-template.yaml 3:18 flinkProperties.pipeline.jars:   pipeline.jars: a.jar
        queries/orders.yaml 6:26 flinkProperties.state.checkpoints.dir:   state.checkpoints.dir: s3://b/c/orders
        queries/orders.yaml - flinkProperties.table.local-time-zone: -
        queries/orders.yaml - -: -
        ");
    }

    #[test]
    fn a_launch_without_places_still_tells_the_field() {
        let launch = Launch { written: None, ..launch() };
        let told =
            explain(&launch, &refused("configuration", "Could not parse value 'x' for key 'parallelism.default'."));
        assert_eq!((told.file.as_str(), told.span), ("orders.yaml", None));
        assert_eq!(told.field.as_deref(), Some("flinkProperties.parallelism.default"));
    }

    #[test]
    fn an_option_is_not_found_within_a_longer_one() {
        assert!(names("for key 'a.b': x", "a.b") && names("set a.b.", "a.b") && names("a.b", "a.b"));
        assert!(!names("for key 'a.b.c'", "a.b") && !names("for key 'x.a.b'", "a.b") && !names("a.b-c", "a.b"));
    }
}
