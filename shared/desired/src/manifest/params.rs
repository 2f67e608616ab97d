//! What is wrong with a file of template parameters that cannot be read: told of its own lines.
//! Must not know what the parameters are for.

use super::source::SourceText;
use super::tree::{self, Value};
use crate::diagnostics::{Diagnostic, MAX_FINDINGS, SourceFile, excerpt};

const CODE: &str = "bad-parameters";
const HELP: &str = "write one `name: value` a line, values as text";

/// Why it is no mapping of texts; `words` are those of the parser, where nothing better is known.
pub(crate) fn parameter_errors(file: &SourceFile, words: &str) -> Vec<Diagnostic> {
    let source = match SourceText::open(file) {
        Ok(source) => source,
        Err(error) => return vec![*error],
    };
    let mut findings = Vec::new();
    let root = match tree::read(&source, &mut findings) {
        Ok(Some(root)) => root,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![*error],
    };
    match &root.value {
        Value::Map(entries) => {
            for entry in entries {
                let told = match &entry.value.value {
                    Value::Scalar { text, kind } if *kind != super::scalar::ScalarKind::Null => {
                        let message =
                            format!("`{}` is {}, not text", excerpt(&entry.key), entry.value.value.description());
                        let quoted = matches!(kind, super::scalar::ScalarKind::String);
                        (!quoted).then(|| (message, format!("put it in quotes: \"{}\"", excerpt(text))))
                    }
                    Value::Scalar { .. } => {
                        let message = format!("`{}` is empty", excerpt(&entry.key));
                        Some((message, "write its value behind it; \"\" for an empty text".to_owned()))
                    }
                    other @ (Value::List(_) | Value::Map(_)) => {
                        let message = format!(
                            "`{}` is {}, and a parameter is one text",
                            excerpt(&entry.key),
                            other.description()
                        );
                        Some((message, HELP.to_owned()))
                    }
                };
                // What the parser takes for text although it is none stays to be taken.
                if let Some((message, help)) = told {
                    findings.push(
                        source.error(CODE, entry.value.at, message).with_field(entry.key.clone()).with_help(help),
                    );
                }
            }
        }
        other @ (Value::Scalar { .. } | Value::List(_)) => {
            let message = format!("the file holds {}, not names and values", other.description());
            findings.push(source.error(CODE, root.at, message).with_help(HELP));
        }
    }
    findings.retain(Diagnostic::is_error);
    findings.truncate(MAX_FINDINGS);
    if findings.is_empty() {
        findings.push(source.error(CODE, root.at, words.to_owned()).with_help(HELP));
    }
    findings
}

/// What is wrong with the name of a parameter that we give ourselves: `group_id` is another for each version of a job.
pub(crate) fn reserved_parameter(file: &SourceFile, name: &str) -> Option<Diagnostic> {
    let source = SourceText::open(file).ok()?;
    let root = tree::read(&source, &mut Vec::new()).ok()??;
    let Value::Map(entries) = &root.value else { return None };
    let entry = entries.iter().find(|entry| entry.key == name)?;
    let message = format!("`{name}` cannot be a parameter: `{{{name}}}` is filled in for each version of a job");
    let error = source.error("reserved-parameter", entry.key_at, message).with_field(name);
    Some(error.with_help("give it another name, here and in the table files that mean it"))
}
