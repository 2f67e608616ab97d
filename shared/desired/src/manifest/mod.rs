//! Job manifests: read, merged with the template, judged, and written as the Python tool writes them.
//! Must not know where files are stored; of SQL only what `sql` says about a text.

mod catalogue;
mod deployed;
mod edit;
mod name;
mod operating;
mod operating_rules;
mod option_rules;
mod options;
mod params;
mod properties;
mod pyyaml;
mod readable;
mod rules;
mod scalar;
mod schema;
mod source;
mod sql_rules;
mod sql_text;
mod state_rules;
mod template;
mod tree;
mod value_rules;
mod wire;

use std::collections::BTreeMap;

pub(crate) use catalogue::same_value;
pub use catalogue::{flink_duration, flink_duration_text, megabytes, memory_bytes};
pub use deployed::{Meta, parse_deployed, render_deployed};
pub use edit::{NotEdited, stated, stated_by_template, with_state};
pub use name::{BadJobName, JobName};
pub use operating::{OnSavepointFailure, Operating, WantedState};
pub use options::{CHECKPOINT_DIR, PIPELINE_NAME, RETAIN, RETENTION, SAVEPOINT_DIR, canonical_option};
pub(crate) use params::{parameter_errors, reserved_parameter};
pub use properties::{effective_properties, state_directories};
pub use readable::render_readable;
use rules::Merged;
pub use rules::NO_STATE_DIRECTORY;
pub use scalar::ScalarKind;
pub use schema::json_schema;
use serde::{Deserialize, Serialize};
pub use source::MAX_BYTES;
pub(crate) use source::text_of;
use source::{Range, SourceText};
pub(crate) use sql_rules::DYNAMIC_OPTIONS;
pub(crate) use state_rules::state_directory_refusal;
use wire::{Fields, FileKind};

use crate::diagnostics::{Diagnostic, MAX_FINDINGS, SourceFile};
use crate::sql::KnownTables;
use crate::written::WrittenTexts;

/// What a job runs, as the file has it, newlines kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A query whose rows are inserted into the target table.
    Sql(String),
    /// Python that sets `execution_output`.
    Code(String),
}

/// A Flink option's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PropertyValue {
    /// The value as Flink gets it: as written, booleans as `true` or `false`, empty for null.
    pub text: String,
    /// The type that `PyYAML` reads, which the deployed manifest keeps.
    pub kind: ScalarKind,
}

impl PropertyValue {
    /// What the Python tool would have passed on: `15` for an unquoted `017`, `0.1` for `0.10`.
    /// For comparing with what that tool deployed.
    pub fn python_text(&self) -> String {
        scalar::python_text(self.kind, &self.text)
    }
}

/// A job as its manifest and the template describe it, and nothing that we add.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobManifest {
    pub name: JobName,
    /// What it is for.
    pub description: String,
    /// The table it writes to.
    pub target_table: String,
    /// What it runs.
    pub body: Body,
    /// Flink options in the spelling they were written in.
    pub properties: BTreeMap<String, PropertyValue>,
    /// How it is to be operated.
    #[serde(default, skip_serializing_if = "Operating::is_default")]
    pub operating: Operating,
}

/// What the one who deploys allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// Whether manifests may bring code: `code`, `python.*`, jars.
    pub allow_code: bool,
    /// Whether state may be kept in files of the machines, `file:`: on one machine alone, or where all see the same.
    pub allow_files: bool,
    /// The bucket and prefix of this deployment, `s3://bucket/prefix/`, where they are known: state stays off the rest.
    pub deployment: Option<String>,
}

/// A manifest that may be deployed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Loaded {
    /// The merged manifest.
    pub manifest: JobManifest,
    /// What deserves a word.
    pub warnings: Vec<Diagnostic>,
    /// Options that are set although no file sets them, for the plan to show.
    pub added: Vec<(String, String)>,
    /// Where its texts stand.
    pub written: WrittenTexts,
}

/// Reads an uploaded manifest over the job template. All that is wrong comes back at once.
pub fn load(template: Option<&SourceFile>, file: &SourceFile, policy: &Policy) -> Result<Loaded, Vec<Diagnostic>> {
    load_among(&KnownTables::default(), template, file, policy)
}

/// The same, where the tables that a query may name are known.
pub fn load_among(
    tables: &KnownTables,
    template: Option<&SourceFile>,
    file: &SourceFile,
    policy: &Policy,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let loaded = load_into(template, file, FileKind::Manifest, policy, tables, &mut findings);
    finish(loaded, findings, file)
}

/// Reads a manifest that is merged already, as the predecessor's `deploy-job` takes it.
pub fn load_merged(file: &SourceFile, policy: &Policy) -> Result<Loaded, Vec<Diagnostic>> {
    load_merged_among(&KnownTables::default(), file, policy)
}

/// The same, where the tables that a query may name are known.
pub fn load_merged_among(tables: &KnownTables, file: &SourceFile, policy: &Policy) -> Result<Loaded, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let loaded = load_into(None, file, FileKind::Merged, policy, tables, &mut findings);
    finish(loaded, findings, file)
}

/// A manifest that may still have errors.
struct Read {
    manifest: JobManifest,
    added: Vec<(String, String)>,
    written: WrittenTexts,
}

fn load_into(
    template: Option<&SourceFile>,
    file: &SourceFile,
    kind: FileKind,
    policy: &Policy,
    tables: &KnownTables,
    findings: &mut Vec<Diagnostic>,
) -> Option<Read> {
    let source = SourceText::open(file).map_err(|error| findings.push(*error)).ok()?;
    let fields = read(&source, kind, findings)?;
    let name = rules::name(&source, &fields, kind, findings);

    // A template is judged even under a nameless manifest: its errors are errors all the same.
    let stand_in = || source.stem().and_then(|stem| JobName::try_from(stem).ok());
    let name_in_template = name.clone().or_else(stand_in).or_else(|| JobName::try_from("job").ok())?;
    let template_source = match template {
        None => None,
        Some(template) => match fill_in_template(template, &name_in_template) {
            Ok(source) => Some(source),
            Err(errors) => {
                findings.extend(errors);
                None
            }
        },
    };
    let defaults = template_source.as_ref().and_then(|source| read_template(source, findings));
    let template_is_whole = template.is_none() || defaults.is_some();

    let merged = Merged::of(&source, fields, defaults.unwrap_or_default());
    merged.judge(&name_in_template, kind, policy, template_is_whole, findings);
    merged.judge_sql(tables, findings);
    let written = merged.written();
    let (manifest, added) = merged.into_manifest(name?)?;
    Some(Read { manifest, added, written })
}

fn fill_in_template<'a>(template: &'a SourceFile, name: &JobName) -> Result<SourceText<'a>, Vec<Diagnostic>> {
    let source = SourceText::open(template).map_err(|error| vec![*error])?;
    template::fill_in(source, name)
}

/// An empty template sets no defaults.
fn read_template<'s>(source: &'s SourceText<'s>, findings: &mut Vec<Diagnostic>) -> Option<Fields<'s>> {
    match tree::read(source, findings) {
        Ok(Some(root)) => wire::read(source, root, FileKind::Manifest, findings),
        Ok(None) => Some(Fields::default()),
        Err(error) => {
            findings.push(*error);
            None
        }
    }
}

fn read<'s>(source: &'s SourceText<'s>, kind: FileKind, findings: &mut Vec<Diagnostic>) -> Option<Fields<'s>> {
    match tree::read(source, findings) {
        Ok(Some(root)) => wire::read(source, root, kind, findings),
        Ok(None) => {
            let help = format!("begin with the fields: `{}`", wire::FIELDS.join("`, `"));
            findings.push(source.error("empty-file", Range::default(), "the file is empty").with_help(help));
            None
        }
        Err(error) => {
            findings.push(*error);
            None
        }
    }
}

/// Accepts only what has no error; puts the findings in the order of the file.
fn finish(loaded: Option<Read>, mut findings: Vec<Diagnostic>, file: &SourceFile) -> Result<Loaded, Vec<Diagnostic>> {
    findings.sort_by_key(|finding| (finding.file != file.name, finding.span));
    match loaded {
        Some(Read { manifest, added, written }) if !findings.iter().any(Diagnostic::is_error) => {
            findings.truncate(MAX_FINDINGS);
            Ok(Loaded { manifest, warnings: findings, added, written })
        }
        _ => Err(at_most(findings)),
    }
}

/// A hostile file could be reported with thousands of findings: errors first, then it is enough.
fn at_most(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        findings.sort_by_key(|finding| !finding.is_error());
        findings.truncate(MAX_FINDINGS);
        if let Some(last) = findings.last_mut() {
            last.message = format!("{}; and {more} findings more in this file", last.message);
        }
    }
    findings
}
