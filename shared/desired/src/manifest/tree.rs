//! YAML text to a small tree that knows where each value stands and whether it was quoted.
//! Bounds hostile input (depth, nodes, aliases). Must not know manifests.
//!
//! It composes the parser's events itself: through serde a value loses its quotes, which decide
//! what `PyYAML` takes `017` for, and the first error hides the others.

use std::collections::HashMap;

use serde_yaml::granit_parser::{self, ErrorKind, Event, Parser, ScalarStyle, StrInput, Tag};

use super::scalar::{ScalarKind, kind_of_plain};
use super::source::{Range, SourceText};
use crate::diagnostics::{Diagnostic, excerpt};

const MAX_DEPTH: usize = 16;
const MAX_NODES: usize = 20_000;
const MAX_ALIASES: usize = 64;
/// Text that aliases repeat counts as one value for each of so many bytes.
const BYTES_PER_NODE: usize = 50;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Range,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar { text: String, kind: ScalarKind },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Range,
    pub(crate) value: Node,
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn description(&self) -> &'static str {
        match self {
            Self::Scalar { kind, .. } => match kind {
                ScalarKind::String => "text",
                ScalarKind::Bool => "a boolean",
                ScalarKind::Int | ScalarKind::Float => "a number",
                ScalarKind::Null => "empty",
                ScalarKind::Timestamp => "a date",
            },
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// How many values a copy of this one counts for: long text weighs more.
    fn weight(&self) -> usize {
        let text = |text: &str| 1 + text.len() / BYTES_PER_NODE;
        match self {
            Self::Scalar { text: scalar, .. } => text(scalar),
            Self::List(items) => 1 + items.iter().map(|item| item.value.weight()).sum::<usize>(),
            Self::Map(entries) => {
                1 + entries.iter().map(|entry| text(&entry.key) + entry.value.value.weight()).sum::<usize>()
            }
        }
    }
}

/// The file's one document, `None` if there is nothing in it. Findings that do not hinder reading on (a key given twice) are added
/// to `findings`; one that does is returned.
pub(crate) fn read(source: &SourceText<'_>, findings: &mut Vec<Diagnostic>) -> Result<Option<Node>, Box<Diagnostic>> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let mut reader = Reader {
        source,
        parser: Parser::new_from_str_with_options(source.text(), options),
        anchors: HashMap::new(),
        path: Vec::new(),
        nodes: 0,
        aliases: 0,
        findings,
    };
    reader.document()
}

struct Reader<'a> {
    source: &'a SourceText<'a>,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Value>,
    /// The keys that lead to what is read now.
    path: Vec<String>,
    nodes: usize,
    aliases: usize,
    findings: &'a mut Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Option<Node>, Box<Diagnostic>> {
        let (mut event, mut at) = self.next()?;
        while matches!(event, Event::StreamStart | Event::DocumentStart(..)) {
            (event, at) = self.next()?;
        }
        if matches!(event, Event::StreamEnd) {
            return Ok(None);
        }
        let root = self.node(event, at, 0)?;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(Some(root)),
                (Event::DocumentStart(..), at) => {
                    let error = self.source.error("several-documents", at, "a second document begins here");
                    return Err(Box::new(error.with_help("put one document into a file; remove the `---`")));
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Range), Box<Diagnostic>> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, range(span))),
            Some(Err(error)) => {
                let start = error.marker().index();
                let at = Range { start, end: start + 1 };
                if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
                    return Err(self.too_deep(at));
                }
                Err(self.syntax(at, format!("this is not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Range::default())),
        }
    }

    fn syntax(&self, at: Range, message: impl Into<String>) -> Box<Diagnostic> {
        let help = "indent with spaces; put text in quotes that begins with a special character, or holds `: ` or ` #`";
        let cause = self.source.lookalike(at);
        Box::new(cause.unwrap_or_else(|| self.source.error("yaml-syntax", at, message).with_help(help)))
    }

    fn too_deep(&self, at: Range) -> Box<Diagnostic> {
        let message = format!("nested deeper than {MAX_DEPTH} levels");
        Box::new(self.source.error("too-deep", at, message).with_help("a manifest needs two levels"))
    }

    fn node(&mut self, event: Event<'a>, at: Range, depth: usize) -> Result<Node, Box<Diagnostic>> {
        if depth > MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        self.count(1, at)?;
        let (value, at, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), "str", at);
                let plain = style == ScalarStyle::Plain && !tag;
                let kind = if plain { kind_of_plain(&text) } else { ScalarKind::String };
                (Value::Scalar { text: text.into_owned(), kind }, at, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), "seq", at);
                let (items, end) = self.list(depth)?;
                (Value::List(items), Range { start: at.start, end }, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), "map", at);
                let (entries, end) = self.map(depth)?;
                (Value::Map(entries), Range { start: at.start, end }, anchor)
            }
            Event::Alias(anchor) => (self.alias(anchor, at)?, at, 0),
            _ => return Err(self.syntax(at, "a value is missing here")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(Node { at, value })
    }

    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, usize), Box<Diagnostic>> {
        let mut items = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((items, at.end));
            }
            items.push(self.node(event, at, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<(Vec<Entry>, usize), Box<Diagnostic>> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, Range> = HashMap::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                for entry in merged {
                    if !seen.contains_key(&entry.key) {
                        seen.insert(entry.key.clone(), entry.key_at);
                        entries.push(entry);
                    }
                }
                return Ok((entries, at.end));
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.node(event, at, depth + 1)?;
            let text = if is_merge { None } else { self.key_text(&key) };
            self.path.extend(text.clone());
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            let field = self.path.join(".");
            if is_merge {
                self.merge(value, &mut merged);
                continue;
            }
            let Some(text) = text else {
                continue;
            };
            self.path.pop();
            if let Some(first) = seen.get(&text) {
                let line = self.source.line_of(*first);
                self.findings.push(
                    self.source
                        .error(
                            "duplicate-key",
                            key.at,
                            format!("`{}` is given a second time, first on line {line}", excerpt(&text)),
                        )
                        .with_field(field)
                        .with_help("keep one of the two"),
                );
                continue;
            }
            seen.insert(text.clone(), key.at);
            entries.push(Entry { key: text, key_at: key.at, value });
        }
    }

    /// A key must be what it looks like: text, to us and to `PyYAML`.
    fn key_text(&mut self, key: &Node) -> Option<String> {
        match &key.value {
            Value::Scalar { text, kind: ScalarKind::String } => Some(text.clone()),
            Value::Scalar { text, .. } => {
                let message = format!("the key `{}` is {}, not text", excerpt(text), key.value.description());
                let field = self.path.iter().chain([text]).map(String::as_str).collect::<Vec<_>>().join(".");
                self.findings.push(
                    self.source
                        .error("wrong-key", key.at, message)
                        .with_field(field)
                        .with_help(format!("put it in quotes: \"{}\"", excerpt(text))),
                );
                None
            }
            Value::List(_) | Value::Map(_) => {
                let message = format!("a key is {}, not text", key.value.description());
                self.findings
                    .push(self.source.error("wrong-key", key.at, message).with_help("write a text as the key"));
                None
            }
        }
    }

    /// `<<: *defaults`, or a list of them of which the earlier wins.
    fn merge(&mut self, value: Node, merged: &mut Vec<Entry>) {
        match value.value {
            Value::Map(entries) => merged.extend(entries),
            Value::List(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
                for item in items {
                    self.merge(item, merged);
                }
            }
            other => {
                let message = format!("`<<` takes a mapping, this is {}", other.description());
                self.findings.push(
                    self.source
                        .error("wrong-type", value.at, message)
                        .with_help("name an anchor that stands before a mapping: `<<: *defaults`"),
                );
            }
        }
    }

    fn alias(&mut self, anchor: usize, at: Range) -> Result<Value, Box<Diagnostic>> {
        self.aliases += 1;
        if self.aliases > MAX_ALIASES {
            let error = self.source.error("too-many-aliases", at, format!("more than {MAX_ALIASES} aliases"));
            return Err(Box::new(error.with_help("write the values out")));
        }
        let Some(weight) = self.anchors.get(&anchor).map(Value::weight) else {
            let error = self.source.error("recursive-alias", at, "the alias stands inside what it names");
            return Err(Box::new(error.with_help("write the value out")));
        };
        // Counted before it is copied.
        self.count(weight, at)?;
        self.anchors.get(&anchor).cloned().ok_or_else(|| self.syntax(at, "the alias names nothing"))
    }

    fn count(&mut self, nodes: usize, at: Range) -> Result<(), Box<Diagnostic>> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values, what aliases repeat included");
            let help = "a manifest needs a few dozen: split the file, or write the values out";
            return Err(Box::new(self.source.error("too-many-values", at, message).with_help(help)));
        }
        Ok(())
    }

    /// Whether the value is tagged with the type it has anyway; any other tag is an error.
    fn tag(&mut self, tag: Option<&Tag>, natural: &str, at: Range) -> bool {
        let Some(tag) = tag else {
            return false;
        };
        if !tag.is_yaml_core_schema_tag(natural) {
            let message = format!("the tag `{}` is not supported", tag.original());
            self.findings
                .push(self.source.error("unsupported-tag", at, message).with_help("remove it; put text in quotes"));
        }
        true
    }
}

fn range(span: granit_parser::Span) -> Range {
    Range { start: span.start.index(), end: span.end.index() }
}
