//! What the end-to-end tests left: one file a test, one line a distinct call.
//! Must not know any policy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use local::Recorded;
use tests::deployment::{Variant, project};

/// One test's calls.
pub(crate) struct Recording {
    pub(crate) test: String,
    pub(crate) calls: Vec<Recorded>,
}

/// Every recording; none at all means that the end-to-end tests did not run.
pub(crate) fn all() -> Vec<Recording> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| project().join("target"), PathBuf::from);
    let folder = target.join("aws-calls");
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    let mut recordings: Vec<Recording> = files.map(|file| read(&file)).collect();
    assert!(!recordings.is_empty(), "no recordings under {}: run scripts/test.sh e2e first", folder.display());
    recordings.sort_by(|one, other| one.test.cmp(&other.test));
    recordings
}

fn read(file: &Path) -> Recording {
    let test = file.file_stem().unwrap().to_string_lossy().into_owned();
    let lines = std::fs::read_to_string(file).unwrap();
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{test}: {line}: {error}"));
    let calls: Vec<Recorded> = lines.lines().map(line).collect();
    assert!(!calls.is_empty(), "{test} recorded nothing");
    Recording { test, calls }
}

impl Recording {
    /// The deployment that its stack stood for.
    pub(crate) fn variant(&self) -> Variant {
        let operation = |wanted: &str| self.calls.iter().any(|call| call.request.operation == wanted);
        let mut needs = self.calls.iter().flat_map(|call| &call.request.needs);
        let process = needs.any(|need| need.resource.starts_with("arn:aws:s3:::local/process/records/"));
        let variant = Variant::of(if operation("ssm:SendCommand") { "ssm" } else { "emr" });
        let session = self.calls.iter().any(|call| call.request.principal == "administrator");
        Variant { session, prefix: if process { "process" } else { variant.prefix }, ..variant }
    }

    /// The deployment that a call was made in: where the ways of dispatch take turns, the way's own calls tell.
    pub(crate) fn variant_of(whole: &Variant, call: &Recorded) -> Variant {
        let dispatch = match call.request.operation.as_str() {
            "emr:AddJobFlowSteps" | "emr:ListSteps" => "emr",
            "ssm:SendCommand" | "ssm:ListCommands" | "ssm:GetCommandInvocation" | "emr:ListInstances" => "ssm",
            _ => whole.dispatch,
        };
        Variant { dispatch, ..whole.clone() }
    }

    /// How many requests of each operation everybody made.
    pub(crate) fn table(&self) -> String {
        let mut counts: BTreeMap<(&str, &str), (usize, u64)> = BTreeMap::new();
        for call in &self.calls {
            let of = counts.entry((&call.request.principal, &call.request.operation)).or_default();
            of.0 += 1;
            of.1 += call.count;
        }
        let mut text = format!("{}:\n", self.test);
        for ((who, what), (distinct, count)) in counts {
            let _ = writeln!(text, "  {count:>7} ({distinct:>5} distinct)  {who:<14} {what}");
        }
        text
    }
}

/// A text with its ids and numbers made alike, so that findings about one thing are one line.
pub(crate) fn general(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain(std::iter::once(' ')) {
        if c.is_ascii_hexdigit() || (c == '-' && !run.is_empty()) {
            run.push(c);
            continue;
        }
        let id = run.len() >= 6 && run.contains(|c: char| c.is_ascii_digit());
        let part_of_a_word = out.ends_with(|c: char| c.is_ascii_alphabetic());
        let number = !run.is_empty() && !part_of_a_word && run.chars().all(|c| c.is_ascii_digit());
        out.push_str(if id || number { "#" } else { &run });
        run.clear();
        out.push(c);
    }
    out.trim_end().to_owned()
}
