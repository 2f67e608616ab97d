//! A merged manifest as people would have written it: fields in their usual order, SQL in its lines.
//! Must not know whose file it becomes; what it writes reads back as the same manifest.

use std::fmt::Write as _;

use super::scalar::{ScalarKind, kind_of_plain};
use super::{Body, JobManifest, WantedState};
use crate::secrets::references;

/// The manifest as text, under these lines of comment. `state` is what the file says of it, if it says anything. Options
/// that refer to secrets are left out: only `config/` may do that.
pub fn render_readable(manifest: &JobManifest, state: Option<WantedState>, head: &[String]) -> String {
    let mut out = String::new();
    for line in head {
        let _ = writeln!(out, "# {}", crate::printable::readable(line));
    }
    let mut field = |name: &str, text: &str| {
        let _ = writeln!(out, "{name}: {}", scalar(text));
    };
    field("name", manifest.name.as_str());
    field("description", &manifest.description);
    if let Some(owner) = &manifest.operating.owner {
        field("owner", owner);
    }
    if let Some(state) = state {
        field("state", state.as_str());
    }
    for (wish, value) in manifest.operating.wishes() {
        field(wish, &value);
    }
    field("target-table", &manifest.target_table);
    match &manifest.body {
        Body::Sql(sql) => out.push_str(&block("sql", sql)),
        Body::Code(code) => out.push_str(&block("code", code)),
    }
    let mut options = manifest.properties.iter().filter(|(_, value)| references(&value.text).is_empty()).peekable();
    if options.peek().is_some() {
        out.push_str("flinkProperties:\n");
    }
    for (option, value) in options {
        let text = match value.kind {
            ScalarKind::Null => "null".to_owned(),
            kind if kind != ScalarKind::String && kind_of_plain(&value.text) == kind => value.text.clone(),
            ScalarKind::String | ScalarKind::Bool | ScalarKind::Int | ScalarKind::Float | ScalarKind::Timestamp => {
                scalar(&value.text)
            }
        };
        let _ = writeln!(out, "  {}: {text}", scalar(option));
    }
    out
}

/// A text of several lines in its lines, where YAML can hold it so; else in quotes.
fn block(name: &str, text: &str) -> String {
    let is_plain = |c: char| c == '\n' || c == '\t' || !(c.is_control() || is_odd(c));
    if text.trim().is_empty() || text.starts_with([' ', '\t', '\n']) || !text.chars().all(is_plain) {
        return format!("{name}: {}\n", scalar(text));
    }
    let body = text.trim_end_matches('\n');
    let (sign, ends) = match text.len() - body.len() {
        0 => ("|-", ""),
        1 => ("|", ""),
        more => ("|+", &text[text.len() - (more - 1)..]),
    };
    let lines: String =
        body.split('\n').map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect();
    format!("{name}: {sign}\n{lines}{ends}")
}

/// A text as YAML writes it on one line: plain where nobody could read it as anything else, else in double quotes.
fn scalar(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | ':' | ',' | '+' | '=');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let ends = text.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.'));
    let plain = begins && ends && text.chars().all(safe) && !text.contains(": ");
    if plain && kind_of_plain(text) == ScalarKind::String { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || is_odd(c) => {
                let _ = match u32::from(c) {
                    code @ 0..=0xffff => write!(out, "\\u{code:04X}"),
                    code => write!(out, "\\U{code:08X}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What some reader takes for a line break, or nobody sees.
fn is_odd(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(u32::from(c), 0xfffe..=0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::SourceFile;
    use crate::manifest::{Policy, load};

    const TEMPLATE: &str = "owner: team\nflinkProperties:\n  state.checkpoints.dir: s3://b/c/{job_name}\n  \
        state.savepoints.dir: s3://b/s/{job_name}\n  s3.key: ${ssm:/p/key}\n  parallelism.default: 2\n";

    fn merged(template: Option<&str>, text: &str) -> JobManifest {
        let template = template.map(|text| SourceFile::new("config/job-template.yaml", text));
        let policy = Policy { allow_code: true, ..Policy::default() };
        load(template.as_ref(), &SourceFile::new("queries/orders.yaml", text), &policy).unwrap().manifest
    }

    #[test]
    fn it_reads_as_people_write_it() {
        let manifest = merged(
            Some(TEMPLATE),
            "name: orders\ndescription: \"what: a # test\"\ntarget-table: \"`a`.`b`\"\nsql: |\n  SELECT a\n\n  FROM b -- c\n\
             flinkProperties:\n  table.exec.state.ttl: 1 h\n  pipeline.object-reuse: yes\n  a.b: \"017\"\n  c.d:\n",
        );
        let text = render_readable(&manifest, Some(WantedState::Suspended), &["Rolled back\nto x".to_owned()]);
        insta::assert_snapshot!(text, @r#"
        # Rolled back to x
        name: orders
        description: "what: a # test"
        owner: team
        state: suspended
        target-table: "`a`.`b`"
        sql: |
          SELECT a

          FROM b -- c
        flinkProperties:
          a.b: "017"
          c.d: null
          parallelism.default: 2
          pipeline.object-reuse: true
          state.checkpoints.dir: s3://b/c/orders
          state.savepoints.dir: s3://b/s/orders
          table.exec.state.ttl: 1 h
        "#);
        let again = merged(Some(TEMPLATE), &text);
        let known = |manifest: &JobManifest| JobManifest {
            operating: crate::manifest::Operating::default(),
            ..manifest.clone()
        };
        assert_eq!(known(&again), known(&manifest), "without the template's secrets nothing is lost");
    }

    #[test]
    fn how_the_job_is_watched_and_stopped_comes_back() {
        let own = "name: orders\ndescription: d\nowner: own\nstability-window: 90s\non-savepoint-failure: checkpoint\n\
                   max-checkpoint-age: 10m\ntarget-table: t\nsql: SELECT 1\n";
        let manifest = merged(Some(TEMPLATE), own);
        let text = render_readable(&manifest, None, &[]);
        assert_eq!(merged(Some(TEMPLATE), &text), manifest, "{text}");
        let plain = merged(Some(TEMPLATE), "name: orders\ndescription: d\ntarget-table: t\nsql: SELECT 1\n");
        assert!(!render_readable(&plain, None, &[]).contains("keep-running"), "what goes without saying is not said");
    }

    #[test]
    fn whatever_the_texts_are_they_come_back() {
        let base = merged(Some(TEMPLATE), "name: orders\ndescription: d\ntarget-table: t\nsql: SELECT 1\n");
        for sql in [
            "SELECT 1",
            "SELECT 1\n",
            "SELECT 1\n\n\n",
            " SELECT 1",
            "\nSELECT 1",
            "SELECT '\\' \"x\"\r\nFROM y",
            "SELECT 1\n  + 2\n\n\t+ 3",
            "SELECT '\u{85}\u{2028}\u{1}'",
            "SELECT 1 # x\n--- x\n... ",
            "a: b",
            "- x",
            "true",
            "SELECT '\u{1f600}ä'\n ",
            "%x",
            "|",
            "x\n\n",
        ] {
            let body = Body::Sql(sql.to_owned());
            let manifest = JobManifest { body, description: sql.to_owned(), ..base.clone() };
            let text = render_readable(&manifest, None, &[]);
            let file = SourceFile::new("queries/orders.yaml", text.as_str());
            let source = super::super::SourceText::open(&file).unwrap();
            let fields = super::super::read(&source, super::super::FileKind::Deployed, &mut Vec::new()).unwrap();
            assert_eq!(fields.sql.map(|sql| sql.value).as_deref(), Some(sql), "{text}");
            assert_eq!(fields.description.map(|text| text.value).as_deref(), Some(sql), "{text}");
        }
    }
}
