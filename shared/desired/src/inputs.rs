//! What people want, read from all their files at once: one verdict per file, one target per job.
//! Must not know where the files came from.

mod broken;
mod configuration;
mod misnamed;
mod note;
mod parameters;
mod unread;

use std::collections::{BTreeMap, BTreeSet};

pub use configuration::configuration;
pub use misnamed::{is_misnamed, misnamed_job};
pub use note::UploadNote;
pub use unread::{Unread, UnreadFile};

use crate::diagnostics::{Diagnostic, MAX_FINDINGS, Severity, SourceFile, Span, shown_line};
use crate::manifest::{JobName, Loaded, Policy, load_among, load_merged_among, text_of};
use crate::sql::{KnownTables, StatementError};
use crate::tables::{self, Parameters, TableDefinitions, TableFile};
use crate::target::Target;
use crate::written::WrittenTexts;

/// The finding of a manifest that only repeats what is wrong with the table definitions.
pub const BROKEN_TABLES: &str = "broken-table-definitions";

/// A file with its version in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    pub file: SourceFile,
    pub etag: String,
}

/// All files that say what is desired.
#[derive(Clone, Debug, Default)]
pub struct InputFiles {
    /// The desired manifests.
    pub queries: Vec<InputFile>,
    /// What was said with desired manifests, by their files.
    pub notes: BTreeMap<String, UploadNote>,
    /// Desired manifests that were not read.
    pub unread_queries: Vec<UnreadFile>,
    /// Files of the configuration that were not read: without them nothing can be judged.
    pub unread_config: Vec<UnreadFile>,
    /// The job template.
    pub template: Option<InputFile>,
    /// The table definitions, in key order.
    pub tables: Vec<InputFile>,
    /// The template parameters.
    pub params: Option<InputFile>,
    /// Parameters given beside the file, which win.
    pub extra_params: BTreeMap<String, String>,
    /// The name of the time stamp column; empty for none.
    pub timestamp_field: String,
    /// Whether the manifests are merged with their template already.
    pub merged: bool,
}

/// What people want of a job now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Desired {
    /// No file carries its name.
    Absent,
    /// A file is there, and it was refused: it never stops the job it may be about.
    Refused,
    /// It runs as this says.
    Target(Box<Target>),
}

/// What became of one file under `queries/` or `config/`.
#[derive(Clone, Debug)]
pub struct FileVerdict {
    /// The file's key or path.
    pub file: String,
    pub etag: String,
    /// The job that its stem names, if it is a name at all.
    pub stem: Option<JobName>,
    /// The job that a refused file names inside, where its stem says otherwise.
    pub named: Option<JobName>,
    /// What the file asks for, if it is good.
    pub target: Option<Box<Target>>,
    /// Where its texts stand, if it is good.
    pub written: Option<Box<WrittenTexts>>,
    /// What was filled in although no file says it.
    pub added: Vec<(String, String)>,
    /// Errors refuse the file, warnings do not.
    pub findings: Vec<Diagnostic>,
}

impl FileVerdict {
    /// Findings about a file that is no manifest.
    pub fn plain(file: &InputFile, findings: Vec<Diagnostic>) -> Self {
        let name = file.file.name.clone();
        Self {
            file: name,
            etag: file.etag.clone(),
            stem: None,
            named: None,
            target: None,
            written: None,
            added: Vec::new(),
            findings,
        }
    }

    /// The errors that its uploader is told of: what is wrong with the table definitions is told once, of their file.
    pub fn told(&self) -> Vec<Diagnostic> {
        self.errors().into_iter().filter(|error| error.code != BROKEN_TABLES).collect()
    }

    /// The errors among the findings.
    pub fn errors(&self) -> Vec<Diagnostic> {
        self.findings.iter().filter(|d| d.severity == Severity::Error).cloned().collect()
    }
}

/// What all files together say.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// One verdict for each desired manifest.
    pub manifests: Vec<FileVerdict>,
    /// One verdict for each file of the configuration.
    pub config: Vec<FileVerdict>,
    /// The table definitions, if they are good.
    pub tables: Option<TableDefinitions>,
    /// Files that could not be read this time, and why: nothing is said or done about them.
    pub not_now: BTreeMap<String, String>,
    /// What was said with desired manifests, by their files.
    pub notes: BTreeMap<String, UploadNote>,
}

impl Inputs {
    /// Judges every file.
    pub fn read(files: &InputFiles, policy: &Policy) -> Self {
        let mut config: Vec<FileVerdict> = files.unread_config.iter().map(UnreadFile::verdict).collect();
        let parameters = parameters::parameters(files, &mut config);
        let definitions = definitions(files, &parameters, &mut config);
        if let Some(template) = &files.template {
            config.push(FileVerdict::plain(template, Vec::new()));
        }
        let known = definitions.as_ref().map(|it| KnownTables::of(&it.statements)).unwrap_or_default();
        let mut manifests: Vec<FileVerdict> = files
            .queries
            .iter()
            .map(|file| manifest(file, files, definitions.as_ref(), &config, &known, policy))
            .collect();
        manifests.extend(files.unread_queries.iter().map(UnreadFile::verdict));
        refuse_twins(&mut manifests);
        warn_of_shared_directories(&mut manifests);
        let not_now = files.unread_queries.iter().filter_map(UnreadFile::not_now).collect();
        Self { manifests, config, tables: definitions, not_now, notes: files.notes.clone() }
    }

    /// What is desired of `name`, with the versions of the files that say so.
    pub fn desired(&self, name: &JobName) -> (Desired, Vec<String>) {
        let about = |v: &&FileVerdict| v.stem.as_ref() == Some(name);
        let mut etags: Vec<String> = self.manifests.iter().filter(about).map(|v| v.etag.clone()).collect();
        etags.sort();
        let mut found = self.manifests.iter().filter(about);
        let desired = match found.next() {
            // A refused file never stops the job it may be about, whatever its stem.
            None if self.manifests.iter().any(|v| v.named.as_ref() == Some(name)) => Desired::Refused,
            None => Desired::Absent,
            Some(verdict) => verdict.target.clone().map_or(Desired::Refused, Desired::Target),
        };
        (desired, etags)
    }

    /// Where the texts of the manifest of `name` stand.
    pub fn written(&self, name: &JobName) -> Option<&WrittenTexts> {
        self.manifests.iter().find(|v| v.stem.as_ref() == Some(name))?.written.as_deref()
    }

    /// The file of `name` that could not be read this time, and why.
    pub fn not_now(&self, name: &JobName) -> Option<(&str, &str)> {
        let about = |verdict: &&FileVerdict| verdict.stem.as_ref() == Some(name);
        let mut files = self.manifests.iter().filter(about);
        files
            .find_map(|verdict| self.not_now.get_key_value(&verdict.file))
            .map(|(file, why)| (file.as_str(), why.as_str()))
    }

    /// The names of all jobs that some file is about, in order.
    pub fn names(&self) -> Vec<JobName> {
        let names: BTreeSet<JobName> = self.manifests.iter().filter_map(|v| v.stem.clone()).collect();
        names.into_iter().collect()
    }
}

fn manifest(
    file: &InputFile,
    files: &InputFiles,
    definitions: Option<&TableDefinitions>,
    config: &[FileVerdict],
    known: &KnownTables,
    policy: &Policy,
) -> FileVerdict {
    let stem = stem(&file.file.name).and_then(|stem| JobName::try_from(stem).ok());
    let mut verdict = FileVerdict { stem, ..FileVerdict::plain(file, Vec::new()) };
    if let Some(unread) = files.unread_config.first() {
        // Judged without its defaults it would be another manifest.
        verdict.named = named(&file.file.bytes);
        let message = format!("{} cannot be read, and without it no manifest can be judged", unread.file);
        let broken = Diagnostic::new(Severity::Error, "broken-configuration", &file.file.name, message);
        verdict.findings = vec![broken.with_help(broken::way_out(config))];
        return verdict;
    }
    let template = files.template.as_ref().map(|t| &t.file);
    let loaded = if files.merged {
        load_merged_among(known, &file.file, policy)
    } else {
        load_among(known, template, &file.file, policy)
    };
    match (loaded, definitions) {
        (Err(errors), _) => {
            verdict.named = named(&file.file.bytes);
            verdict.findings = errors;
        }
        (Ok(loaded), None) => {
            verdict.findings = loaded.warnings;
            let message = "the table definitions under config/ were refused";
            let broken = Diagnostic::new(Severity::Error, BROKEN_TABLES, &file.file.name, message);
            verdict.findings.push(broken.with_help(broken::way_out(config)));
        }
        (Ok(Loaded { manifest, warnings, added, written }), Some(definitions)) => {
            let target = Target::of(manifest, definitions, &files.timestamp_field);
            verdict.findings = warnings;
            verdict.added = added;
            verdict.written = Some(Box::new(written));
            verdict.target = Some(Box::new(target));
        }
    }
    verdict
}

/// The job that a file which cannot be read names, as far as a glance tells.
fn named(bytes: &[u8]) -> Option<JobName> {
    let text = String::from_utf8_lossy(bytes);
    let value = text.lines().find_map(|line| line.strip_prefix("name:"))?;
    let value = value.split('#').next()?.trim().trim_matches(['"', '\'']);
    JobName::try_from(value).ok()
}

fn definitions(files: &InputFiles, parameters: &Parameters, config: &mut Vec<FileVerdict>) -> Option<TableDefinitions> {
    let broken_parameters = config.iter().any(|v| !v.errors().is_empty());
    let mut table_files = Vec::new();
    let mut findings: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
    for file in &files.tables {
        match text_of(&file.file) {
            Ok(text) => table_files.push(TableFile { key: file.file.name.clone(), text: text.to_owned() }),
            Err(error) => findings.entry(file.file.name.clone()).or_default().push(*error),
        }
    }
    let parsed = tables::read(&table_files, parameters);
    let lines: Lines<'_> = table_files.iter().map(|file| (file.key.as_str(), file.text.lines().collect())).collect();
    if let Err(errors) = &parsed {
        for error in errors {
            let found = table_finding(Severity::Error, "bad-table-definition", error, &lines);
            findings.entry(error.file.clone()).or_default().push(found);
        }
    }
    let whole = findings.is_empty() && !broken_parameters;
    let shared = parsed.iter().flat_map(tables::shared_transactions);
    let forgotten = parsed.iter().flat_map(tables::forgotten_offsets);
    let coded = shared.map(|it| ("shared-transactional-id", it));
    for (code, warning) in coded.chain(forgotten.map(|it| ("forgotten-offsets", it))) {
        let found = table_finding(Severity::Warning, code, &warning, &lines);
        findings.entry(warning.file.clone()).or_default().push(found);
    }
    for file in &files.tables {
        config.push(FileVerdict::plain(file, first_of(findings.remove(&file.file.name).unwrap_or_default())));
    }
    parsed.ok().filter(|_| whole)
}

/// A hostile file could be told of with thousands of findings: errors first, then it is enough.
fn first_of(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if findings.len() > MAX_FINDINGS {
        findings.sort_by_key(|finding| !finding.is_error());
        findings.truncate(MAX_FINDINGS);
        if let Some(last) = findings.last_mut() {
            last.message.push_str("; and more findings in this file");
        }
    }
    findings
}

/// The lines of each file, by its key.
type Lines<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn table_finding(severity: Severity, code: &str, error: &StatementError, lines: &Lines<'_>) -> Diagnostic {
    let mut found = Diagnostic::new(severity, code, &error.file, error.message.clone());
    found.span = Some(Span { line: error.line, column: error.column, length: 1 });
    found.help = Some(error.help.clone());
    let line = usize::try_from(error.line).unwrap_or(1).saturating_sub(1);
    found.source_line = lines.get(error.file.as_str()).and_then(|lines| lines.get(line)).and_then(|it| shown_line(it));
    found
}

/// Jobs that keep their states in one directory are told apart by ids only: a take-over cannot do that.
fn warn_of_shared_directories(manifests: &mut [FileVerdict]) {
    let directories = |target: &Target| {
        let (checkpoints, savepoints) = (target.checkpoint_directory(), target.savepoint_directory());
        [checkpoints, savepoints].map(|directory| directory.trim_end_matches('/').to_owned())
    };
    let mut users: BTreeMap<String, BTreeSet<JobName>> = BTreeMap::new();
    for target in manifests.iter().filter_map(|verdict| verdict.target.as_ref()) {
        for directory in directories(target) {
            users.entry(directory).or_default().insert(target.manifest.name.clone());
        }
    }
    for verdict in manifests {
        let Some(target) = &verdict.target else { continue };
        let others = |directory: &String| users.get(directory)?.iter().find(|name| **name != target.manifest.name);
        let shared = directories(target).into_iter().find_map(|directory| Some((others(&directory)?, directory)));
        let Some((other, directory)) = shared else { continue };
        let message = format!("{other} keeps its states in {directory} as well");
        let warning = Diagnostic::new(Severity::Warning, "shared-state-directory", &verdict.file, message);
        verdict.findings.push(warning.with_help("write `{job_name}` into the directory, in config/job-template.yaml"));
    }
}

/// Two files with one name are refused unless they say the same.
fn refuse_twins(manifests: &mut [FileVerdict]) {
    let mut by_name: BTreeMap<JobName, Vec<usize>> = BTreeMap::new();
    for (index, verdict) in manifests.iter().enumerate() {
        if let Some(stem) = &verdict.stem {
            by_name.entry(stem.clone()).or_default().push(index);
        }
    }
    for indexes in by_name.values().filter(|indexes| indexes.len() > 1) {
        let first = indexes.first().and_then(|i| manifests.get(*i)).and_then(|v| v.target.clone());
        let equal = first.is_some() && indexes.iter().all(|i| manifests.get(*i).is_some_and(|v| v.target == first));
        if equal {
            continue;
        }
        let files: Vec<String> = indexes.iter().filter_map(|i| manifests.get(*i)).map(|v| v.file.clone()).collect();
        for index in indexes {
            if let Some(verdict) = manifests.get_mut(*index) {
                let others: Vec<&String> = files.iter().filter(|f| **f != verdict.file).collect();
                let message = format!("another file has the same name: {}", others[0]);
                let mut twin = Diagnostic::new(Severity::Error, "two-files-one-name", &verdict.file, message);
                twin.help = Some("keep one of them, or give them different names".to_owned());
                verdict.findings.push(twin);
                verdict.target = None;
            }
        }
    }
}

/// The stem of a manifest's path, or nothing if it is no YAML file.
pub fn stem(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next()?;
    let stem = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml"))?;
    (!stem.is_empty()).then_some(stem)
}
