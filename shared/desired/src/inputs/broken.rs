//! What is said where nothing can be judged because of the configuration: which of its files to correct first.
//! Must not know where that file lies: it has the name by which it was given.

use super::{FileVerdict, Inputs};
use crate::diagnostics::Diagnostic;

/// The way out, as far as one line holds it: the file itself has every error.
pub(super) fn way_out(config: &[FileVerdict]) -> String {
    config.iter().flat_map(|verdict| &verdict.findings).find(|finding| finding.is_error()).map_or_else(
        || "correct the files under config/ first".to_owned(),
        |first| format!("correct {} first: {}", place(first), first.message.lines().next().unwrap_or_default()),
    )
}

fn place(finding: &Diagnostic) -> String {
    let Diagnostic { file, span, .. } = finding;
    span.map_or_else(|| file.clone(), |span| format!("{file}:{}:{}", span.line, span.column))
}

impl Inputs {
    /// Which file of a configuration that is refused to correct first, and why it is refused.
    pub fn way_out_of_config(&self) -> String {
        way_out(&self.config)
    }
}
