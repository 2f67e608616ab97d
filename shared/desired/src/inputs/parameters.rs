//! The file of the parameters: their values, and what is wrong with them.
//! Must not know what they are filled into.

use std::collections::BTreeMap;

use super::{FileVerdict, InputFile, InputFiles};
use crate::diagnostics::{Diagnostic, MAX_FINDINGS, Severity, Span, shown_line};
use crate::manifest::{parameter_errors, reserved_parameter, text_of};
use crate::place::{Place, number, place_of, row_of};
use crate::secrets::{BadReference, references};
use crate::tables::{GROUP_ID, Parameters};

/// The values for `{names}` in the table definitions; what is wrong with their file goes to `config`.
pub(super) fn parameters(files: &InputFiles, config: &mut Vec<FileVerdict>) -> Parameters {
    let mut values = BTreeMap::new();
    if let Some(file) = &files.params {
        let read = text_of(&file.file).map_err(|error| vec![*error]).and_then(|text| {
            if text.trim().is_empty() {
                return Ok(BTreeMap::new());
            }
            serde_yaml::from_str::<BTreeMap<String, String>>(text)
                .map_err(|error| parameter_errors(&file.file, &error.to_string()))
        });
        match read {
            Ok(read) => {
                let text = text_of(&file.file).unwrap_or_default();
                let bad = read.values().flat_map(|value| bad_references(file, text, value));
                let reserved = read.contains_key(GROUP_ID).then(|| reserved_parameter(&file.file, GROUP_ID)).flatten();
                config.push(FileVerdict::plain(file, reserved.into_iter().chain(bad).take(MAX_FINDINGS).collect()));
                values = read;
            }
            Err(errors) => config.push(FileVerdict::plain(file, errors)),
        }
    }
    values.extend(files.extra_params.clone());
    Parameters(values)
}

/// What is wrong with the secret references of one parameter.
fn bad_references(file: &InputFile, text: &str, value: &str) -> Vec<Diagnostic> {
    let bad = references(value).into_iter().filter_map(|found| found.reference.err());
    let finding = |bad: BadReference| {
        let found = Diagnostic::new(Severity::Error, "bad-secret-reference", &file.file.name, bad.to_string());
        let found = found.with_help(bad.help());
        // A value that is written with escapes is not found; then the name of the file has to do.
        let Some(byte) = text.find(bad.text()) else { return found };
        let Place { line, column } = place_of(text, byte);
        let span = Span { line, column, length: number(bad.text().chars().count()) };
        found.with_span(span, shown_line(row_of(text, byte)))
    };
    bad.take(MAX_FINDINGS).map(finding).collect()
}
