//! The manifest of what runs now, in the Python tool's format: read leniently, written exactly.
//! Must not know records, nor what is deployed next.

use serde::{Deserialize, Serialize};

use super::pyyaml::{self, Scalar};
use super::scalar::{ScalarKind, python_text};
use super::source::{Range, SourceText};
use super::wire::{self, FileKind};
use super::{Body, JobManifest, JobName, Operating, at_most, read};
use crate::diagnostics::{Diagnostic, SourceFile};

/// What a deployment notes beside the merged manifest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Meta {
    /// 1 for the first query, one more for each changed one.
    pub query_version: u32,
    /// A UUID that changes with the version.
    pub query_id: String,
    /// `2022-12-07 08:57:42`
    pub query_create_timestamp: String,
}

/// Reads a deployed manifest, ours or the Python tool's. What may be deployed is not judged here.
pub fn parse_deployed(file: &SourceFile) -> Result<(JobManifest, Meta), Vec<Diagnostic>> {
    let source = SourceText::open_deployed(file).map_err(|error| vec![*error])?;
    let mut findings = Vec::new();
    let fields = read(&source, FileKind::Deployed, &mut findings);
    let parsed = fields.and_then(|fields| manifest_of(&source, fields, &mut findings));
    match parsed {
        Some(parsed) if !findings.iter().any(Diagnostic::is_error) => Ok(parsed),
        _ => Err(at_most(findings)),
    }
}

fn manifest_of(
    source: &SourceText<'_>,
    fields: wire::Fields<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Option<(JobManifest, Meta)> {
    let mut missing = |field: &str| {
        let message = format!("`{field}` is missing from this deployed manifest");
        findings.push(source.error("missing-field", Range::default(), message).with_field(field));
    };
    let name = fields.name.map(|name| name.value);
    if name.is_none() {
        missing("name");
    }
    if fields.target_table.is_none() {
        missing("target-table");
    }
    if fields.meta.is_none() {
        missing("meta");
    }
    let body = match (fields.sql, fields.code) {
        // The Python tool, given both, runs the SQL.
        (Some(sql), _) => Some(Body::Sql(sql.value)),
        (None, Some(code)) => Some(Body::Code(code.value)),
        (None, None) => {
            missing("sql");
            None
        }
    };
    let name = name.and_then(|name| {
        JobName::try_from(name)
            .map_err(|error| findings.push(source.error("unsafe-name", Range::default(), error.to_string())))
            .ok()
    });
    let manifest = JobManifest {
        name: name?,
        description: fields.description.map(|description| description.value).unwrap_or_default(),
        target_table: fields.target_table?.value,
        body: body?,
        properties: fields.properties.into_iter().map(|property| property.value).collect(),
        operating: Operating::default(),
    };
    Some((manifest, fields.meta?))
}

/// Writes a deployed manifest as the Python tool's `yaml.dump` does, byte for byte.
pub fn render_deployed(manifest: &JobManifest, meta: &Meta) -> String {
    let text = |text: &str| Scalar::text(text);
    let mut out = pyyaml::Writer::new();
    if let Body::Code(code) = &manifest.body {
        out.entry("code", &text(code));
    }
    out.entry("description", &text(&manifest.description));
    let properties: Vec<(&str, Scalar)> = manifest
        .properties
        .iter()
        .map(|(key, value)| {
            let scalar = match value.kind {
                ScalarKind::String => text(&value.text),
                ScalarKind::Null => Scalar::plain("null"),
                kind => Scalar::plain(python_text(kind, &value.text)),
            };
            (key.as_str(), scalar)
        })
        .collect();
    out.map("flinkProperties", &properties);
    out.map(
        "meta",
        &[
            ("query-create-timestamp", text(&meta.query_create_timestamp)),
            ("query-id", text(&meta.query_id)),
            ("query-version", Scalar::plain(meta.query_version.to_string())),
        ],
    );
    out.entry("name", &text(manifest.name.as_str()));
    if let Body::Sql(sql) = &manifest.body {
        out.entry("sql", &text(&sql.replace('\n', " ")));
    }
    out.entry("target-table", &text(&manifest.target_table));
    out.finish()
}
