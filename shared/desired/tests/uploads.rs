//! All uploaded files together: what one of them says about another.
//! Must not know how they are stored.

#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]

use desired::diagnostics::SourceFile;
use desired::inputs::{InputFile, InputFiles, Inputs};
use desired::manifest::Policy;

fn file(name: &str, text: &str) -> InputFile {
    InputFile { file: SourceFile::new(name.to_owned(), text.as_bytes().to_vec()), etag: name.to_owned() }
}

fn manifest(job: &str, directory: &str) -> InputFile {
    let text = format!(
        "name: {job}\ndescription: d\ntarget-table: t\nsql: SELECT 1\nflinkProperties:\n  state.checkpoints.dir: \
         s3://b/{directory}/c\n  state.savepoints.dir: s3://b/{directory}/s\n"
    );
    file(&format!("queries/{job}.yaml"), &text)
}

#[test]
fn jobs_that_share_a_state_directory_are_warned_of() {
    let queries = vec![manifest("a", "shared"), manifest("b", "shared"), manifest("c", "c")];
    let files = InputFiles { queries, ..InputFiles::default() };
    let inputs = Inputs::read(&files, &Policy::default());
    let told: Vec<String> = inputs
        .manifests
        .iter()
        .flat_map(|verdict| verdict.findings.iter().map(|finding| format!("{} {finding}", verdict.target.is_some())))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("true queries/a.yaml: warning[shared-state-directory]: b keeps its states in"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("true queries/b.yaml: warning[shared-state-directory]: a keeps its states in"),
        "{told:?}"
    );
}
