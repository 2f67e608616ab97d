//! SSM documents of schema version 2.2: their parameters, and the script that they make of them.
//! Must not know how a script is run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

/// The document that every account has.
const RUN_SHELL_SCRIPT: &str = r#"{
  "schemaVersion": "2.2",
  "parameters": {
    "commands": { "type": "StringList" },
    "workingDirectory": { "type": "String", "default": "" },
    "executionTimeout": { "type": "String", "default": "3600", "allowedPattern": "^[0-9]{1,6}$" }
  },
  "mainSteps": [{
    "action": "aws:runShellScript",
    "name": "runShellScript",
    "inputs": { "timeoutSeconds": "{{ executionTimeout }}", "workingDirectory": "{{ workingDirectory }}", "runCommand": "{{ commands }}" }
  }]
}"#;
/// How large a document may be.
const MAX_BYTES: usize = 64 * 1024;
/// The execution time-out of a document that names none.
const DEFAULT_TIMEOUT: u64 = 3600;

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CommandDocumentError {
    /// It cannot be read.
    #[error("the SSM document {path} cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    /// It is no document that runs shell scripts.
    #[error("{path} is no SSM document of schema version 2.2 that runs shell scripts: {reason}")]
    Malformed { path: PathBuf, reason: String },
}

/// One document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(super) name: String,
    parameters: BTreeMap<String, Parameter>,
    steps: Vec<MainStep>,
}

/// What one command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) lines: Vec<String>,
    pub(super) working_directory: Option<String>,
    pub(super) timeout_seconds: u64,
    pub(super) env: BTreeMap<String, String>,
}

/// The parameters of a command as they are sent: every value a list.
pub(super) type Values = BTreeMap<String, Vec<String>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: String,
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    main_steps: Vec<MainStep>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameter {
    #[serde(rename = "type")]
    kind: String,
    default: Option<Value>,
    allowed_pattern: Option<String>,
    allowed_values: Option<Vec<Value>>,
    min_chars: Option<usize>,
    max_chars: Option<usize>,
    interpolation_type: Option<String>,
    #[serde(skip)]
    pattern: Option<Regex>,
}

#[derive(Clone, Debug, Deserialize)]
struct MainStep {
    action: String,
    inputs: Inputs,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inputs {
    run_command: Value,
    timeout_seconds: Option<Value>,
    working_directory: Option<String>,
}

impl Document {
    /// Reads a document; its name is the file's stem.
    pub(crate) fn read(path: &Path) -> Result<Self, CommandDocumentError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| CommandDocumentError::Read { path: path.to_owned(), source })?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self::parse(&name, &text).map_err(|reason| CommandDocumentError::Malformed { path: path.to_owned(), reason })
    }

    /// `AWS-RunShellScript`.
    pub(crate) fn run_shell_script() -> Option<Self> {
        Self::parse("AWS-RunShellScript", RUN_SHELL_SCRIPT).ok()
    }

    fn parse(name: &str, text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err("it is larger than 64 KB".into());
        }
        let mut raw: Raw = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if raw.schema_version != "2.2" {
            return Err(format!("its schema version is {}", raw.schema_version));
        }
        if raw.main_steps.is_empty() {
            return Err("it has no steps".into());
        }
        if let Some(other) = raw.main_steps.iter().find(|step| step.action != "aws:runShellScript") {
            return Err(format!("its action {} is not known", other.action));
        }
        for (name, parameter) in &mut raw.parameters {
            if !matches!(parameter.kind.as_str(), "String" | "StringList" | "Boolean" | "Integer") {
                return Err(format!("the type {} of its parameter {name} is not known", parameter.kind));
            }
            if let Some(pattern) = &parameter.allowed_pattern {
                parameter.pattern = Some(Regex::new(pattern).map_err(|error| format!("parameter {name}: {error}"))?);
            }
        }
        Ok(Self { name: name.to_owned(), parameters: raw.parameters, steps: raw.main_steps })
    }

    /// Checks what was sent and fills in the defaults.
    pub(super) fn check(&self, sent: &Values) -> Result<Values, String> {
        if let Some(unknown) = sent.keys().find(|name| !self.parameters.contains_key(*name)) {
            return Err(format!("Parameter \"{unknown}\" is not defined in the document."));
        }
        let mut values = Values::new();
        for (name, parameter) in &self.parameters {
            let value = match (sent.get(name), &parameter.default) {
                (Some(sent), _) => sent.clone(),
                (None, Some(Value::Array(list))) => list.iter().map(plain).collect(),
                (None, Some(one)) => vec![plain(one)],
                (None, None) => return Err(format!("Parameter \"{name}\" is required.")),
            };
            if parameter.kind != "StringList" && value.len() != 1 {
                return Err(format!("Parameter \"{name}\" takes one value."));
            }
            for one in &value {
                parameter.check(one).map_err(|reason| format!("Parameter \"{name}\" {reason}"))?;
            }
            values.insert(name.clone(), value);
        }
        Ok(values)
    }

    /// The script with the parameters put in, as text, which is all that the agent does.
    pub(super) fn script(&self, values: &Values) -> Script {
        let mut script = Script {
            lines: Vec::new(),
            working_directory: None,
            timeout_seconds: DEFAULT_TIMEOUT,
            env: BTreeMap::new(),
        };
        for step in &self.steps {
            match &step.inputs.run_command {
                Value::Array(lines) => script.lines.extend(lines.iter().map(|line| substitute(&plain(line), values))),
                Value::String(line) => match whole_reference(line).and_then(|name| values.get(name)) {
                    Some(list) => script.lines.extend(list.clone()),
                    None => script.lines.push(substitute(line, values)),
                },
                other => script.lines.push(other.to_string()),
            }
            let timeout = step.inputs.timeout_seconds.as_ref().map(|value| substitute(&plain(value), values));
            script.timeout_seconds = timeout.and_then(|text| text.parse().ok()).unwrap_or(script.timeout_seconds);
            let folder = step.inputs.working_directory.as_ref().map(|folder| substitute(folder, values));
            script.working_directory = folder.filter(|folder| !folder.is_empty()).or(script.working_directory);
        }
        for (name, _) in self.parameters.iter().filter(|(_, one)| one.interpolation_type.as_deref() == Some("ENV_VAR"))
        {
            script.env.insert(format!("SSM_{name}"), values.get(name).map(|list| list.join(",")).unwrap_or_default());
        }
        script
    }
}

impl Parameter {
    fn check(&self, value: &str) -> Result<(), String> {
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(value)) {
            return Err(format!(
                "does not match the allowed pattern {}.",
                self.allowed_pattern.as_deref().unwrap_or_default()
            ));
        }
        if self.allowed_values.as_ref().is_some_and(|allowed| !allowed.iter().any(|one| plain(one) == value)) {
            return Err("is none of the allowed values.".into());
        }
        let length = value.chars().count();
        if self.min_chars.is_some_and(|least| length < least) || self.max_chars.is_some_and(|most| length > most) {
            return Err("is too short or too long.".into());
        }
        Ok(())
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The name if the text is one reference and nothing else.
fn whole_reference(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    (!name.contains(['{', '}'])).then_some(name)
}

/// Replaces every `{{ Name }}` of a known parameter; a value's own braces are not looked at again.
fn substitute(text: &str, values: &Values) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(open) = rest.find("{{") {
        let inside = &rest[open + 2..];
        let Some(close) = inside.find("}}") else { break };
        out.push_str(&rest[..open]);
        match values.get(inside[..close].trim()) {
            Some(list) => out.push_str(&list.join(",")),
            None => out.push_str(&rest[open..open + close + 4]),
        }
        rest = &inside[close + 2..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{ "schemaVersion": "2.2", "parameters": {
        "Batch": { "type": "String", "allowedPattern": "^[0-9a-f]{4}$" },
        "Mode": { "type": "String", "default": "fast", "allowedValues": ["fast", "slow"] } },
        "mainSteps": [{ "action": "aws:runShellScript", "name": "run",
            "inputs": { "timeoutSeconds": "60", "runCommand": ["set -e", "run {{Batch}} --mode {{ Mode }} {{ other }}"] } }] }"#;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect()
    }

    #[test]
    fn parameters_are_checked_and_put_in_as_text() -> Result<(), String> {
        let document = Document::parse("d", DOCUMENT)?;
        let script = document.script(&document.check(&values(&[("Batch", "0a1f")]))?);
        assert_eq!(script.lines, ["set -e", "run 0a1f --mode fast {{ other }}"]);
        assert_eq!(script.timeout_seconds, 60);
        assert!(document.check(&values(&[("Batch", "0a1f; rm")])).is_err());
        assert!(document.check(&values(&[("Batch", "0a1f"), ("Mode", "odd")])).is_err());
        assert!(document.check(&values(&[("Batch", "0a1f"), ("Unknown", "x")])).is_err());
        assert!(document.check(&values(&[])).is_err());
        Ok(())
    }

    #[test]
    fn the_document_of_every_account_runs_its_commands() -> Result<(), String> {
        let document = Document::parse("AWS-RunShellScript", RUN_SHELL_SCRIPT)?;
        let sent = Values::from([("commands".into(), vec!["echo a".into(), "echo b".into()])]);
        assert_eq!(document.script(&document.check(&sent)?).lines, ["echo a", "echo b"]);
        Ok(())
    }
}
