//! All uploaded files together: what one of them says about another.
//! Must not know how they are stored.

#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]

use desired::diagnostics::SourceFile;
use desired::inputs::{Desired, InputFile, InputFiles, Inputs};
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

/// A job is removed only if no file names it: a file that is refused counts for the name that it holds, however that is
/// written, and whatever the file is called.
#[test]
fn a_refused_file_keeps_the_job_that_it_names_from_being_removed() {
    for (line, named) in [
        ("name: orders", true),
        ("name: orders # the old one", true),
        ("name:orders", true),
        ("name:   orders   ", true),
        ("name: \"orders\"", true),
        ("name: 'orders' # quoted", true),
        ("name: orders-2", false),
        ("name:", false),
        ("# name: orders", false),
        ("description: orders", false),
    ] {
        let text = format!("{line}\nno-such-field: 1\n");
        let files = InputFiles { queries: vec![file("queries/other.yaml", &text)], ..InputFiles::default() };
        let inputs = Inputs::read(&files, &Policy::default());
        assert!(inputs.manifests[0].target.is_none(), "{line} is accepted");
        let (desired, _) = inputs.desired(&"orders".try_into().unwrap());
        assert_eq!(desired, if named { Desired::Refused } else { Desired::Absent }, "{line}");
    }
}
