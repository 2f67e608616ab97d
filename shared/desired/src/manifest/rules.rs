//! What a manifest must be before anything is deployed from it: each rule with its error and way out.
//! Must not know YAML, nor what runs: it is given merged fields and where each stands.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::name::JobName;
use super::operating_rules::OperatingFields;
use super::options::{CHECKPOINT_DIR, SAVEPOINT_DIR, brings_code, canonical_option, reach, refusal};
use super::scalar::ScalarKind;
use super::source::{Range, SourceText};
use super::sql_text::SqlText;
use super::wire::{Fields, FileKind, Given, Property, lookalike_in};
use super::{Body, JobManifest, Policy, option_rules, sql_rules, value_rules};
use crate::diagnostics::{Diagnostic, Severity, excerpt};
use crate::secrets::references;
use crate::sql::KnownTables;
use crate::written::WrittenTexts;

/// The finding of a manifest that says nowhere where its states lie, and has no template that does.
pub const NO_STATE_DIRECTORY: &str = "missing-state-directory";

/// Options that are read before a job is on the node, where secret references are still references.
const READ_BY_US: [&str; 3] = [CHECKPOINT_DIR, SAVEPOINT_DIR, "parallelism.default"];

/// The manifest's own fields, else the template's.
pub(crate) struct Merged<'s> {
    source: &'s SourceText<'s>,
    /// Where in the manifest a missing option would stand.
    properties_at: Range,
    description: Option<Given<'s, String>>,
    target_table: Option<Given<'s, String>>,
    sql: Option<Given<'s, String>>,
    code: Option<Given<'s, String>>,
    properties: Vec<Property<'s>>,
    /// The template's options that the manifest's replace: still judged for contradictions.
    replaced: Vec<Property<'s>>,
    operating: OperatingFields<'s>,
    misspelt: Vec<&'static str>,
}

/// The job's name, if it is a safe one.
pub(crate) fn name(
    source: &SourceText<'_>,
    fields: &Fields<'_>,
    kind: FileKind,
    findings: &mut Vec<Diagnostic>,
) -> Option<JobName> {
    let Some(given) = &fields.name else {
        // A name of the wrong type was reported already, and so was a misspelt field.
        if !fields.misspelt.contains(&"name")
            && !findings.iter().any(|finding| finding.field.as_deref() == Some("name"))
        {
            findings.push(missing(source, "name", "the job's unique name, which is the file's name without `.yaml`"));
        }
        return None;
    };
    let name = match JobName::try_from(given.value.as_str()) {
        Ok(name) => name,
        Err(error) => {
            let plain = (error.to_string(), JobName::RULE.to_owned());
            let (message, help) = lookalike_in(&given.value).unwrap_or(plain);
            findings.push(source.error("unsafe-name", given.at, message).with_field("name").with_help(help));
            return None;
        }
    };
    if kind == FileKind::Manifest && source.stem() != Some(name.as_str()) {
        let message = match source.stem() {
            Some(stem) => format!("the file is named `{}`, the job `{name}`", excerpt(stem)),
            None => format!("the file of the job `{name}` is not named `{name}.yaml`"),
        };
        let help = format!("rename the file to `{name}.yaml`, or change the name");
        findings.push(source.error("name-is-not-stem", given.at, message).with_field("name").with_help(help));
    }
    Some(name)
}

fn missing(source: &SourceText<'_>, field: &str, what: &str) -> Diagnostic {
    let start = Range { start: 0, end: 1 };
    source
        .error("missing-field", start, format!("`{field}` is missing"))
        .with_field(field)
        .with_help(format!("add `{field}:` and {what}"))
}

impl<'s> Merged<'s> {
    /// The manifest's fields over the template's.
    pub(crate) fn of(source: &'s SourceText<'s>, manifest: Fields<'s>, template: Fields<'s>) -> Self {
        let own: HashSet<String> =
            manifest.properties.iter().map(|p| canonical_option(&p.value.0).to_owned()).collect();
        // One option in another spelling is still the same option.
        let (replaced, kept): (Vec<_>, Vec<_>) =
            template.properties.into_iter().partition(|p| own.contains(canonical_option(&p.value.0)));
        Self {
            source,
            properties_at: manifest.properties_at,
            description: manifest.description.or(template.description),
            target_table: manifest.target_table.or(template.target_table),
            sql: manifest.sql.or(template.sql),
            code: manifest.code.or(template.code),
            properties: kept.into_iter().chain(manifest.properties).collect(),
            replaced,
            operating: manifest.operating.or(template.operating),
            misspelt: [manifest.misspelt, template.misspelt].concat(),
        }
    }

    /// Applies every rule. What only the template could have set is not missed if it could not be read.
    pub(crate) fn judge(
        &self,
        name: &JobName,
        kind: FileKind,
        policy: &Policy,
        template_is_whole: bool,
        findings: &mut Vec<Diagnostic>,
    ) {
        if template_is_whole {
            self.required(findings);
            self.state_directories(findings);
        }
        self.texts(kind, findings);
        self.operating.read(findings);
        self.body(policy, findings);
        self.spellings(findings);
        for property in &self.properties {
            self.property(property, name, kind, policy, findings);
        }
    }

    /// Judges `sql` and `target-table` as SQL.
    pub(crate) fn judge_sql(&self, tables: &KnownTables, findings: &mut Vec<Diagnostic>) {
        // Blank ones, and references to secrets, were reported already.
        let is_sql = |given: &&Given<'s, String>| {
            !given.value.trim().is_empty() && references(&given.value).into_iter().next().is_none()
        };
        let sql = self.sql.as_ref().filter(is_sql);
        let target = self.target_table.as_ref().filter(is_sql);
        let hints_are_off = sql_rules::hints_are_off(&self.properties);
        let mut judged: Vec<Diagnostic> = sql.into_iter().flat_map(|given| sql_rules::query(given, tables)).collect();
        judged.extend(target.into_iter().flat_map(|given| sql_rules::target(given, tables)));
        if hints_are_off && judged.is_empty() {
            judged.extend(sql.and_then(|given| sql_rules::refused_hint(given, "sql")));
            judged.extend(target.and_then(|given| sql_rules::refused_hint(given, "target-table")));
        }
        findings.extend(judged);
    }

    fn required(&self, findings: &mut Vec<Diagnostic>) {
        let mut reported: HashSet<String> = findings.iter().filter_map(|finding| finding.field.clone()).collect();
        reported.extend(self.misspelt.iter().map(|&field| field.to_owned()));
        let mut require = |present: bool, field: &str, what: &str| {
            // One of the wrong type or spelling was reported already.
            if !present && !reported.contains(field) {
                findings.push(missing(self.source, field, what));
            }
        };
        require(self.description.is_some(), "description", "what the query is for");
        require(self.target_table.is_some(), "target-table", "the table that the results go to");
        let body = self.sql.is_some() || self.code.is_some() || reported.contains("code");
        require(body, "sql", "the query (or `code:` and Python)");
    }

    fn texts(&self, kind: FileKind, findings: &mut Vec<Diagnostic>) {
        let texts = [
            ("description", &self.description),
            ("target-table", &self.target_table),
            ("sql", &self.sql),
            ("code", &self.code),
            ("owner", &self.operating.owner),
        ];
        for (field, given) in texts {
            let Some(given) = given else { continue };
            if field != "description" && given.value.trim().is_empty() {
                let message = format!("`{field}` is empty");
                findings
                    .push(given.key_error("empty-field", message, field).with_help(format!("give `{field}` a value")));
            }
            if matches!(field, "description" | "target-table" | "owner") {
                findings.extend(given.control_character(&given.value, field));
            }
            findings.extend(self.refused_reference(given, &given.value, kind, field));
        }
    }

    fn body(&self, policy: &Policy, findings: &mut Vec<Diagnostic>) {
        if let (Some(sql), Some(code)) = (&self.sql, &self.code) {
            // The one that the manifest itself gives is the one to look at.
            let at = if std::ptr::eq(code.source, self.source) { code } else { sql };
            let message = "both `sql` and `code` are given";
            findings.push(
                at.source
                    .error("sql-and-code", at.key_at, message)
                    .with_field("code")
                    .with_help("keep one of the two; look into the template too"),
            );
        }
        if let Some(code) = self.code.as_ref().filter(|_| !policy.allow_code) {
            findings.push(
                code.source
                    .error("code-not-allowed", code.key_at, "`code` is not allowed here")
                    .with_field("code")
                    .with_help("write it as `sql`, or have ALLOW_CODE turned on"),
            );
        }
    }

    /// One option given twice in one file, under an old and a new name, must be given the same.
    fn spellings(&self, findings: &mut Vec<Diagnostic>) {
        let mut first: HashMap<(usize, &str), &Property<'s>> = HashMap::new();
        for property in self.properties.iter().chain(&self.replaced) {
            let (key, value) = &property.value;
            let file = std::ptr::from_ref(property.source).addr();
            let earlier = *first.entry((file, canonical_option(key))).or_insert(property);
            let (earlier_key, earlier_value) = &earlier.value;
            if earlier_value.text != value.text {
                let line = earlier.source.line_of(earlier.key_at);
                let message = format!("`{key}` and `{earlier_key}` (line {line}) are one option with two values");
                let field = format!("flinkProperties.{key}");
                let help = format!("keep `{}`", canonical_option(key));
                findings.push(
                    property.source.error("two-spellings", property.key_at, message).with_field(field).with_help(help),
                );
            }
        }
    }

    fn property(
        &self,
        property: &Property<'s>,
        name: &JobName,
        kind: FileKind,
        policy: &Policy,
        findings: &mut Vec<Diagnostic>,
    ) {
        let (key, value) = &property.value;
        let field = format!("flinkProperties.{key}");
        let mut report = |diagnostic: Diagnostic, help: &str| findings.push(diagnostic.with_help(help));
        if let Some(reason) = refusal(key) {
            let message = format!("`{key}` cannot be set here: {reason}");
            report(property.key_error("refused-property", message, &field), "remove it");
        }
        if brings_code(key) && !policy.allow_code {
            let message = format!("`{key}` brings code and is not allowed here");
            report(property.key_error("code-not-allowed", message, &field), "remove it, or have ALLOW_CODE turned on");
        }
        let text = value.text.as_str();
        let set = value.kind != ScalarKind::Null;
        let is_upload = self.is_upload(property, kind);
        if let Some(reason) = reach(key, text).filter(|_| set && is_upload && !policy.allow_code) {
            let message = format!("`{key}` cannot be set here: it {reason}");
            let help = "remove it, have it set in config/job-template.yaml, or have ALLOW_CODE turned on";
            report(property.key_error("refused-property", message, &field), help);
        }
        findings.extend(value_rules::refusal(property, name, is_upload, policy));
        findings.extend(sql_rules::property(property, is_upload));
        findings.extend(option_rules::judge(property));
        findings.extend(property.control_character(key, &field));
        findings.extend(property.control_character(text, &field));
        let (key_at, source) = (property.key_at, property.source);
        let in_key = Given { value: (), key_at, at: key_at, source };
        findings.extend(self.refused_reference(&in_key, key, kind, &field));
        if is_upload || READ_BY_US.contains(&canonical_option(key)) {
            findings.extend(self.refused_reference(property, text, kind, &field));
        } else {
            let bad = references(text).into_iter().filter_map(|found| found.reference.err());
            findings.extend(
                bad.map(|bad| property.error("bad-secret-reference", bad.to_string(), &field).with_help(bad.help())),
            );
        }
    }

    fn state_directories(&self, findings: &mut Vec<Diagnostic>) {
        for (option, key, what) in [
            (CHECKPOINT_DIR, "state.checkpoints.dir", "checkpoint"),
            (SAVEPOINT_DIR, "state.savepoints.dir", "savepoint"),
        ] {
            let given = self.properties.iter().find(|p| canonical_option(&p.value.0) == option);
            if given.is_some_and(|p| !p.value.1.text.trim().is_empty()) {
                continue;
            }
            let field = format!("flinkProperties.{}", given.map_or(key, |p| p.value.0.as_str()));
            let is_told =
                |finding: &Diagnostic| finding.severity == Severity::Error && finding.field.as_deref() == Some(&field);
            if findings.iter().any(is_told) {
                continue;
            }
            let (source, at) = given.map_or((self.source, self.properties_at), |p| (p.source, p.at));
            findings.push(
                source
                    .error(NO_STATE_DIRECTORY, at, format!("there is no {what} directory"))
                    .with_field(field)
                    .with_help(format!("set `{key}` in config/job-template.yaml, with `{{job_name}}` in it, or here")),
            );
        }
    }

    /// Whether it stands in what people upload, not in configuration.
    fn is_upload<T>(&self, given: &Given<'s, T>, kind: FileKind) -> bool {
        kind == FileKind::Manifest && std::ptr::eq(given.source, self.source)
    }

    /// An error where a reference stands that nobody resolves. Whoever may upload a manifest could print a secret that
    /// it refers to.
    fn refused_reference<T>(
        &self,
        given: &Given<'s, T>,
        text: &str,
        kind: FileKind,
        field: &str,
    ) -> Option<Diagnostic> {
        let found = references(text).into_iter().next()?;
        let (message, help) = if self.is_upload(given, kind) {
            ("a manifest cannot refer to secrets".to_owned(), "refer to it from config/ only")
        } else {
            let shown = excerpt(text.get(found.start..found.end).unwrap_or_default());
            let help = "refer to secrets in values of `flinkProperties` and in table definitions";
            (format!("`{shown}` cannot stand here: it would not be resolved"), help)
        };
        Some(given.error("secret-reference", message, field).with_help(help))
    }

    /// Where the texts stand that Flink may find something in.
    pub(crate) fn written(&self) -> WrittenTexts {
        let text = |given: &Given<'_, String>| SqlText::of(given).written();
        WrittenTexts {
            body: self.sql.as_ref().or(self.code.as_ref()).map(text),
            target: self.target_table.as_ref().map(text),
            options: option_rules::written(&self.properties),
        }
    }

    /// What is left when nothing was wrong, and what is set although no file does.
    pub(crate) fn into_manifest(self, name: JobName) -> Option<(JobManifest, Vec<(String, String)>)> {
        let body = match (self.sql, self.code) {
            (Some(sql), None) => Body::Sql(sql.value),
            (None, Some(code)) => Body::Code(code.value),
            _ => return None,
        };
        let manifest = JobManifest {
            name,
            description: self.description?.value,
            target_table: self.target_table?.value,
            body,
            properties: self.properties.into_iter().map(|p| p.value).collect::<BTreeMap<_, _>>(),
            operating: self.operating.read(&mut Vec::new()),
        };
        let added = super::properties::added(&manifest);
        Some((manifest, added))
    }
}

impl<T> Given<'_, T> {
    pub(super) fn error(&self, code: &str, message: impl Into<String>, field: &str) -> Diagnostic {
        self.source.error(code, self.at, message).with_field(field)
    }

    fn key_error(&self, code: &str, message: impl Into<String>, field: &str) -> Diagnostic {
        self.source.error(code, self.key_at, message).with_field(field)
    }

    /// Line breaks and tabs are harmless; others steer terminals, or end arguments.
    fn control_character(&self, text: &str, field: &str) -> Option<Diagnostic> {
        let bad = text.chars().find(|&c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))?;
        let message = format!("it holds the control character U+{:04X}", u32::from(bad));
        Some(self.error("control-character", message, field).with_help("remove it"))
    }
}
