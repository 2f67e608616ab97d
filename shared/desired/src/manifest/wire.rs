//! The fields of a manifest file as they are written: read from the tree, described by the schema.
//! Must not know which values are good: that is judged elsewhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::name::JobName;
use super::operating_rules::OperatingFields;
use super::scalar::{self, ScalarKind, python_text};
use super::source::{Range, SourceText};
use super::tree::{Entry, Node, Value};
use super::{Meta, PropertyValue};
use crate::diagnostics::{Diagnostic, excerpt};
use crate::sql::{lookalike_anywhere, lookalike_told};
use crate::suggest::closest;

/// The fields of a manifest.
pub(crate) const FIELDS: [&str; 11] = [
    "name",
    "description",
    "owner",
    "state",
    "stability-window",
    "on-savepoint-failure",
    "max-checkpoint-age",
    "target-table",
    "sql",
    "code",
    "flinkProperties",
];

/// Which kind of file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// What people upload, or the template under it: nothing unknown.
    Manifest,
    /// Already merged: what an earlier deployment noted may be there, and is ignored.
    Merged,
    /// Written by a deployment: whatever else is there is not ours to judge.
    Deployed,
}

/// A value, and where in which file it was given.
#[derive(Clone, Copy)]
pub(crate) struct Given<'s, T> {
    pub(crate) value: T,
    pub(crate) key_at: Range,
    pub(crate) at: Range,
    pub(crate) source: &'s SourceText<'s>,
}

/// One of `flinkProperties`.
pub(crate) type Property<'s> = Given<'s, (String, PropertyValue)>;

/// One streaming query, run as one Flink job.
#[derive(Default, JsonSchema)]
#[schemars(
    title = "Job manifest",
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend("oneOf" = [{ "required": ["sql"] }, { "required": ["code"] }])
)]
pub(crate) struct Fields<'s> {
    /// The job's unique name. The file is named after it: `<name>.yaml`.
    #[schemars(with = "String", regex(pattern = JobName::PATTERN))]
    pub(crate) name: Option<Given<'s, String>>,
    /// What the query is for, in a sentence. It is written into every row, as `__query_description`.
    #[schemars(with = "String")]
    pub(crate) description: Option<Given<'s, String>>,
    /// The table that the results are inserted into, quoted as in SQL: "`catalog`.`table`".
    #[schemars(with = "String", length(min = 1))]
    pub(crate) target_table: Option<Given<'s, String>>,
    /// The Flink SQL query. Either this or `code`.
    #[schemars(schema_with = "text_schema", default)]
    pub(crate) sql: Option<Given<'s, String>>,
    /// Python that sets `execution_output` to a `Table` or a `DataStream`. Either this or `sql`; needs `ALLOW_CODE`.
    #[schemars(schema_with = "text_schema", default)]
    pub(crate) code: Option<Given<'s, String>>,
    /// Flink configuration of this job alone, over the defaults of `config/job-template.yaml`.
    #[schemars(rename = "flinkProperties", with = "Option<BTreeMap<String, PropertySchema>>")]
    pub(crate) properties: Vec<Property<'s>>,
    /// Where `flinkProperties` stands, or the file's beginning.
    #[schemars(skip)]
    pub(crate) properties_at: Range,
    /// How the job is to be operated: described beside this.
    #[schemars(skip)]
    pub(crate) operating: OperatingFields<'s>,
    /// What an earlier deployment noted.
    #[schemars(skip)]
    pub(crate) meta: Option<Meta>,
    /// Fields that unknown ones were probably meant to be: not missed a second time.
    #[schemars(skip)]
    pub(crate) misspelt: Vec<&'static str>,
}

/// A Flink option's value. `null` takes back what the template sets.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the values to the schema, is never made")]
enum PropertySchema {
    Text(String),
    Number(f64),
    Boolean(bool),
    Null(()),
}

fn text_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "minLength": 1 })
}

/// The fields that the tree holds, `None` if it is no mapping; what is not as it must be goes to `findings`.
pub(crate) fn read<'s>(
    source: &'s SourceText<'s>,
    root: Node,
    kind: FileKind,
    findings: &mut Vec<Diagnostic>,
) -> Option<Fields<'s>> {
    let mut reader = Reader { source, kind, findings };
    reader.fields(root)
}

/// What is said of a key with a character that only looks like another.
pub(crate) fn lookalike_in(text: &str) -> Option<(String, String)> {
    let (_, character, meant) = lookalike_anywhere(text)?;
    Some(lookalike_told(character, &meant))
}

struct Reader<'s, 'f> {
    source: &'s SourceText<'s>,
    kind: FileKind,
    findings: &'f mut Vec<Diagnostic>,
}

impl<'s> Reader<'s, '_> {
    fn fields(&mut self, root: Node) -> Option<Fields<'s>> {
        let start = Range { start: root.at.start, end: root.at.start + 1 };
        let mut fields = Fields { properties_at: start, ..Fields::default() };
        for entry in self.map("", root)? {
            match entry.key.as_str() {
                "name" => fields.name = self.text(entry),
                "description" => fields.description = self.text(entry),
                "target-table" => fields.target_table = self.text(entry),
                "sql" => fields.sql = self.text(entry),
                "code" => fields.code = self.text(entry),
                "flinkProperties" => {
                    fields.properties_at = entry.key_at;
                    fields.properties = self.properties(entry.value);
                }
                "owner" if self.kind != FileKind::Deployed => fields.operating.owner = self.text(entry),
                "state" if self.kind != FileKind::Deployed => fields.operating.state = self.word(entry),
                "stability-window" if self.kind != FileKind::Deployed => {
                    fields.operating.stability_window = self.word(entry);
                }
                "on-savepoint-failure" if self.kind != FileKind::Deployed => {
                    fields.operating.on_savepoint_failure = self.word(entry);
                }
                "max-checkpoint-age" if self.kind != FileKind::Deployed => {
                    fields.operating.max_checkpoint_age = self.word(entry);
                }
                "meta" if self.kind == FileKind::Deployed => fields.meta = self.meta(entry.value),
                "meta" if self.kind == FileKind::Merged => {}
                _ if self.kind == FileKind::Deployed => {}
                _ => fields.misspelt.extend(self.unknown(&entry)),
            }
        }
        Some(fields)
    }

    /// Reports an unknown field; returns the one that was meant.
    fn unknown(&mut self, entry: &Entry) -> Option<&'static str> {
        let key = &entry.key;
        let meant = closest(key, &FIELDS);
        let help = match meant {
            Some(meant) => format!("write `{meant}`"),
            None if key == "meta" => "remove it: a deployment notes it by itself".to_owned(),
            None => format!("the fields are `{}`", FIELDS.join("`, `")),
        };
        let message = format!("`{}` is not a field of a job manifest", excerpt(key));
        let (message, help) = lookalike_in(key).map_or((message, help), |(what, way)| (what, way));
        self.findings
            .push(self.source.error("unknown-field", entry.key_at, message).with_field(key.clone()).with_help(help));
        meant
    }

    fn text(&mut self, entry: Entry) -> Option<Given<'s, String>> {
        let field = entry.key;
        let at = entry.value.at;
        match entry.value.value {
            Value::Scalar { text, kind } if kind == ScalarKind::String || self.kind == FileKind::Deployed => {
                Some(Given { value: text, key_at: entry.key_at, at, source: self.source })
            }
            // Reported by the rule about what must not be empty.
            Value::Scalar { kind: ScalarKind::Null, .. } => {
                Some(Given { value: String::new(), key_at: entry.key_at, at: entry.key_at, source: self.source })
            }
            other => {
                let help = match &other {
                    Value::Scalar { text, .. } => format!("put it in quotes: \"{}\"", excerpt(text)),
                    _ => "write one text".to_owned(),
                };
                self.wrong_type(&field, "text", &other, at, help);
                None
            }
        }
    }

    /// One of few words, or a span of time: whatever is written, it is judged as a text.
    fn word(&mut self, entry: Entry) -> Option<Given<'s, String>> {
        match entry.value.value {
            Value::Scalar { text, kind } if kind != ScalarKind::Null => {
                Some(Given { value: text, key_at: entry.key_at, at: entry.value.at, source: self.source })
            }
            _ => self.text(entry),
        }
    }

    fn properties(&mut self, node: Node) -> Vec<Property<'s>> {
        let Some(entries) = self.map("flinkProperties", node) else {
            return Vec::new();
        };
        entries.into_iter().filter_map(|entry| self.property(entry)).collect()
    }

    fn property(&mut self, entry: Entry) -> Option<Property<'s>> {
        let field = format!("flinkProperties.{}", entry.key);
        let at = entry.value.at;
        if self.kind != FileKind::Deployed
            && let Some((message, help)) = lookalike_in(&entry.key)
        {
            let found = self.source.error("lookalike", entry.key_at, message);
            self.findings.push(found.with_field(field.clone()).with_help(help));
        }
        let (text, kind) = match entry.value.value {
            Value::Scalar { text, kind } => (text, kind),
            other => {
                let help = match &other {
                    Value::List(_) => "write a list as one text, `a;b`",
                    _ => "write the option's whole key with dots: `parallelism.default: 2`",
                };
                self.wrong_type(&field, "one value", &other, at, help.to_owned());
                return None;
            }
        };
        if kind == ScalarKind::Null && self.kind != FileKind::Deployed {
            self.warn_of_no_value(&entry.key, &field, entry.key_at);
        }
        self.warn_if_ambiguous(&field, &text, kind, at);
        let text = match kind {
            ScalarKind::Null => String::new(),
            ScalarKind::Bool => scalar::bool_of(&text).map_or(text, |value| value.to_string()),
            _ => text,
        };
        let value = PropertyValue { text, kind };
        let at = if kind == ScalarKind::Null { entry.key_at } else { at };
        Some(Given { value: (entry.key, value), key_at: entry.key_at, at, source: self.source })
    }

    /// As in the Python tool, an option may have no value; easily meant otherwise, it is told what comes of it.
    fn warn_of_no_value(&mut self, key: &str, field: &str, at: Range) {
        let message = format!(
            "`{}` has no value: it takes back what the template sets, and Flink does what it does by itself",
            excerpt(key)
        );
        let help = "write the value that was meant behind it; without one meant, remove the line or leave it as it is";
        self.findings.push(self.source.warning("no-value", at, message).with_field(field).with_help(help));
    }

    /// Here a value is the text that is written; to YAML 1.1 some unquoted texts are something else.
    fn warn_if_ambiguous(&mut self, field: &str, text: &str, kind: ScalarKind, at: Range) {
        let python = match kind {
            ScalarKind::Int if python_text(kind, text) != text => python_text(kind, text),
            ScalarKind::Float if text.contains(['_', ':']) => python_text(kind, text),
            ScalarKind::Timestamp => "a date".to_owned(),
            _ => return,
        };
        if self.kind == FileKind::Deployed {
            return;
        }
        let message = format!(
            "`{}` is unquoted: taken as this text here, but as {} by YAML 1.1 readers",
            excerpt(text),
            excerpt(&python)
        );
        self.findings.push(
            self.source
                .warning("ambiguous-value", at, message)
                .with_field(field)
                .with_help(format!("quote it: \"{}\"", excerpt(text))),
        );
    }

    fn meta(&mut self, node: Node) -> Option<Meta> {
        let at = node.at;
        let entries = self.map("meta", node)?;
        let find = |key: &str| {
            entries.iter().find(|entry| entry.key == key).and_then(|entry| match &entry.value.value {
                Value::Scalar { text, kind } if *kind != ScalarKind::Null => Some(python_text(*kind, text)),
                _ => None,
            })
        };
        let version = find("query-version").and_then(|version| version.parse().ok());
        let noted = (version, find("query-id"), find("query-create-timestamp"));
        let (Some(query_version), Some(query_id), Some(query_create_timestamp)) = noted else {
            let message = "`meta` lacks `query-version` (a number), `query-id` or `query-create-timestamp`";
            self.findings.push(self.source.error("bad-meta", at, message).with_field("meta"));
            return None;
        };
        Some(Meta { query_version, query_id, query_create_timestamp })
    }

    /// The entries of a mapping; nothing at all is an empty one.
    fn map(&mut self, field: &str, node: Node) -> Option<Vec<Entry>> {
        match node.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar { kind: ScalarKind::Null, .. } if !field.is_empty() => Some(Vec::new()),
            other => {
                let help = if field.is_empty() {
                    format!("begin with the fields: `{}`", FIELDS.join("`, `"))
                } else {
                    format!("write `key: value` lines indented under `{field}:`")
                };
                let at = Range { start: node.at.start, end: node.at.end };
                self.wrong_type(field, "a mapping", &other, at, help);
                None
            }
        }
    }

    fn wrong_type(&mut self, field: &str, wanted: &str, found: &Value, at: Range, help: String) {
        let found = found.description();
        let what = if field.is_empty() { "the file".to_owned() } else { format!("`{field}`") };
        let error = self.source.error("wrong-type", at, format!("{what} must be {wanted}, this is {found}"));
        let error = if field.is_empty() { error } else { error.with_field(field) };
        self.findings.push(error.with_help(help));
    }
}
