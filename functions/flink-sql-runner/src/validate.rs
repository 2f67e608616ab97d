//! `validate`: judges files on this machine exactly as the orchestrator judges uploaded ones.
//! Must not know the bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use desired::diagnostics::{Diagnostic, Severity, SourceFile};
use desired::inputs::{FileVerdict, InputFile, Inputs};
use desired::manifest::{NO_STATE_DIRECTORY, Policy};
use desired::session_settings::parse_settings;
use serde_json::json;

use crate::cli::Validate;
use crate::compile::compile;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files::{self, Configuration, NAMES};
use crate::folders::SESSION;
use crate::invocation::{Invocation, Unchecked};
use crate::layout::{files_if_any, resolved};
use crate::out::Out;
use crate::render::{count, diagnostics, printable};

/// The finding that only repeats what is wrong with the table definitions.
const ECHO: &str = desired::inputs::BROKEN_TABLES;

/// What all files are judged.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    manifests: Vec<FileVerdict>,
    config: Vec<FileVerdict>,
    not_read: Vec<Diagnostic>,
    /// Whether manifests leave to a job template, which is not here, where their states lie.
    without_template: bool,
}

impl Judged {
    /// Every finding of every file, errors of the configuration first; echoes left out.
    fn findings(&self) -> impl Iterator<Item = &Diagnostic> {
        let findings = self.config.iter().chain(&self.manifests).flat_map(|v| &v.findings);
        findings.filter(|f| f.code != ECHO).chain(&self.not_read)
    }

    /// Whether any file is refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.config.iter().chain(&self.manifests).any(|v| !v.errors().is_empty())
    }

    /// The exit code: files that nobody reads and nothing else are as wrong a path as none.
    fn exit(&self) -> Exit {
        match (self.is_refused(), self.manifests.is_empty() && !self.not_read.is_empty()) {
            (true, _) => Exit::Invalid,
            (false, true) => Exit::Usage,
            (false, false) => Exit::Done,
        }
    }

    /// The findings and the sum, for people.
    pub(crate) fn text(&self) -> String {
        let findings = diagnostics::all(self.findings());
        let refused =
            |verdicts: &[FileVerdict]| verdicts.iter().filter(|v| v.errors().iter().any(|e| e.code != ECHO)).count();
        let waiting = self.manifests.iter().filter(|v| v.findings.iter().any(|f| f.code == ECHO)).count();
        let (invalid, config) = (refused(&self.manifests), refused(&self.config));
        let valid = self.manifests.len().saturating_sub(invalid + waiting);
        let mut sum = match self.manifests.len() {
            0 => "no manifests: their names end in .yaml or .yml".to_owned(),
            some => format!("{}: {valid} valid, {invalid} invalid", count(some, "manifest")),
        };
        if waiting > 0 {
            let _ = write!(sum, ", {waiting} not judged without the configuration");
        }
        if config > 0 {
            let _ = write!(sum, "; {} invalid", count(config, "configuration file"));
        }
        format!("{findings}{sum}\n")
    }

    /// The files that nobody reads, for people.
    pub(crate) fn not_read(&self) -> String {
        diagnostics::all(&self.not_read)
    }

    fn document(&self, unchecked: &[Unchecked]) -> serde_json::Value {
        let file = |v: &FileVerdict| json!({"file": v.file, "valid": v.errors().is_empty(), "findings": v.findings, "filled_in": v.added.iter().cloned().collect::<BTreeMap<_, _>>()});
        json!({
            "format": "flink-sql-runner/validate",
            "version": 1,
            "valid": !self.is_refused(),
            "manifests": self.manifests.iter().map(file).collect::<Vec<_>>(),
            "configuration": self.config.iter().map(file).collect::<Vec<_>>(),
            "not_read": self.not_read,
            "not_checked": self.not_checked(unchecked),
        })
    }

    fn not_checked(&self, unchecked: &[Unchecked]) -> Vec<&'static str> {
        let template = self.without_template.then_some("the job template's state directories");
        unchecked.iter().map(|check| check.what()).chain(template).collect()
    }

    /// Prints the findings and the sum; beside it what could not be checked.
    pub(crate) fn show(&self, unchecked: &[Unchecked], out: Out) {
        out.result(&self.document(unchecked), || self.text());
        out.note(&unchecked_note(unchecked));
        out.note(self.template_note());
    }

    /// What is left to the uploaded job template, as no `config` folder lies near.
    pub(crate) fn template_note(&self) -> &'static str {
        if self.without_template {
            "note: there is no `config` folder near: whether the job template says where states lie is not checked\n"
        } else {
            ""
        }
    }
}

/// What the function checks with its settings, and nobody checked here.
fn unchecked_note(unchecked: &[Unchecked]) -> String {
    let what: Vec<&str> = unchecked.iter().map(|check| check.what()).collect();
    if what.is_empty() {
        return String::new();
    }
    format!("note: not checked without the function's settings: {}\n", what.join(", "))
}

/// Checks files and prints what is wrong with them.
pub(crate) async fn run(arguments: &Validate, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let given = Configuration {
        template: arguments.template_file.clone(),
        tables: arguments.table_definition_path.clone(),
        params: None,
        extra_params: arguments.template_params.iter().cloned().collect(),
    };
    let (policy, unchecked) = invocation.policy(arguments.allow_code, arguments.allow_files)?;
    let mut judged = judge(&arguments.paths, &given, &policy)?;
    if arguments.compile {
        compile(arguments, &mut judged.manifests).await?;
    }
    judged.show(&unchecked, out);
    if let Some(why) = invocation.unknown.as_ref().filter(|_| !unchecked.is_empty()) {
        out.note(&format!("note: the function's settings are not known: {}\n", printable(why)));
    }
    Ok(judged.exit())
}

/// Judges the manifests that `paths` mean, each under the configuration near it; what is `given` wins over what is found.
pub(crate) fn judge(paths: &[PathBuf], given: &Configuration, policy: &Policy) -> Result<Judged, CliError> {
    let mut groups: BTreeMap<Option<PathBuf>, BTreeSet<PathBuf>> = BTreeMap::new();
    let mut judged = Judged::default();
    let paths: Vec<PathBuf> = paths.iter().map(|path| resolved(path)).collect();
    for path in &paths {
        if !path.exists() {
            let help = "give a manifest or a folder that holds manifests";
            return Err(CliError::usage(format!("there is no `{}`", path.display()), help));
        }
        let found = files::manifests(path)?;
        let not_read = files::never_read(path)?;
        if path.is_file() && !not_read.is_empty() {
            let message = format!("`{}` is a file that is never read", path.display());
            return Err(CliError::usage(message, NAMES));
        }
        judged.not_read.extend(not_read.iter().map(|file| warning(file)));
        if found.is_empty() && judged.not_read.is_empty() && files::config_near(path).is_none() {
            return Err(CliError::usage(
                format!("there are no manifests in `{}`", path.display()),
                "manifests end in .yaml or .yml",
            ));
        }
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // Each under its own: where one lies is no other's trouble.
        if found.is_empty() {
            groups.entry(files::config_near(path)).or_default();
        }
        for manifest in found {
            groups.entry(files::config_near(&manifest)).or_default().insert(absolute(&manifest));
        }
    }
    files_if_any(&paths)?;
    for (near, manifests) in groups {
        let manifests: Vec<PathBuf> = manifests.into_iter().collect();
        let configuration = merged(near.as_deref(), given)?;
        let mut inputs = Inputs::read(&files::read_all(&manifests, &configuration), policy);
        if near.is_none() && configuration.template.is_none() {
            let left: Vec<bool> = inputs.manifests.iter_mut().map(leave_to_template).collect();
            judged.without_template |= left.contains(&true);
        }
        judged.manifests.extend(inputs.manifests);
        judged.config.extend(inputs.config);
        judged.config.extend(near.and_then(|folder| session(&folder)));
    }
    // A template is judged with each manifest: its errors are its own.
    for finding in judged.manifests.iter().flat_map(|v| &v.findings) {
        let owner = judged.config.iter_mut().find(|v| v.file == finding.file);
        if let Some(owner) = owner.filter(|v| finding.severity == Severity::Error && !v.findings.contains(finding)) {
            owner.findings.push(finding.clone());
        }
    }
    Ok(judged)
}

/// Where no configuration is at hand, the uploaded job template may say where states lie; whether anything was left to it.
fn leave_to_template(verdict: &mut FileVerdict) -> bool {
    let before = verdict.findings.len();
    verdict.findings.retain(|finding| finding.code != NO_STATE_DIRECTORY);
    verdict.findings.len() < before
}

/// A file that looks as if it did something.
pub(crate) fn warning(path: &Path) -> Diagnostic {
    Diagnostic::new(Severity::Warning, "not-read", &files::shown(path), "this file is never read").with_help(NAMES)
}

/// What is wrong with the settings of the session in a `config` folder, if it has any.
fn session(folder: &Path) -> Option<FileVerdict> {
    let path = Some(folder.join(SESSION)).filter(|path| path.is_file())?;
    Some(match files::read(&path) {
        Ok(file) => {
            let findings = parse_settings(&file.file).err().map(|finding| *finding).into_iter().collect();
            FileVerdict::plain(&file, findings)
        }
        Err(error) => {
            let nothing = InputFile { file: SourceFile::new(files::shown(&path), ""), etag: String::new() };
            FileVerdict::plain(&nothing, vec![unreadable(&path, &error)])
        }
    })
}

/// A file of this machine that cannot be read, as a finding about it.
pub(crate) fn unreadable(path: &Path, error: &CliError) -> Diagnostic {
    let message = format!("the file cannot be read: {}", files::why(error));
    let help = error.help().unwrap_or("check that it is there and who may read it");
    Diagnostic::new(Severity::Error, "unreadable", &files::shown(path), message).with_help(help)
}

fn merged(near: Option<&Path>, given: &Configuration) -> Result<Configuration, CliError> {
    let found = near.map(Configuration::of_folder).transpose()?.unwrap_or_default();
    Ok(Configuration {
        template: given.template.clone().or(found.template),
        tables: if given.tables.is_empty() { found.tables } else { given.tables.clone() },
        params: given.params.clone().or(found.params),
        extra_params: given.extra_params.clone(),
    })
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
