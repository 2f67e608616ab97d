//! What a session is started with: `config/session.yaml`, judged; every error names the file, the line, the field and the
//! way out. Must not know where the file comes from, nor start anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostics::{Diagnostic, Severity, SourceFile, Span};
use crate::manifest::megabytes;
use crate::place::number;
use crate::printable::readable;
use crate::secrets::references;

/// The name of the session, as the Python tool looks for it.
pub const SESSION_NAME: &str = "Flink session cluster";
/// How many checkpoints of a job are kept where nothing else is set.
const RETAINED: &str = "3";
/// How often the session's `JobManager` is started again; YARN's own limit may be lower.
const ATTEMPTS: u32 = 10;

/// What a session is started with: `config/session.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SessionSettings {
    /// Its name, by which it is found.
    pub name: String,
    /// The memory of its JobManager's process.
    pub jobmanager_memory: String,
    /// The memory of each task manager's process.
    pub taskmanager_memory: String,
    /// The slots of each task manager.
    pub slots: u32,
    /// The queue of YARN.
    pub queue: Option<String>,
    /// Where jobs outlive a JobManager; without it they are brought back by the next schedule.
    pub high_availability: Option<HighAvailability>,
    /// More of Flink's properties.
    pub properties: BTreeMap<String, String>,
}

/// High availability by ZooKeeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HighAvailability {
    /// The addresses, as `host:port,host:port`.
    pub zookeeper: String,
    /// The directory of what the JobManager keeps, on S3.
    pub storage: String,
    /// How long ZooKeeper waits for a JobManager that is silent before another takes over, in seconds.
    #[serde(default = "session_timeout")]
    pub session_timeout_s: u32,
}

fn session_timeout() -> u32 {
    20
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            name: SESSION_NAME.to_owned(),
            jobmanager_memory: "2048m".to_owned(),
            taskmanager_memory: "4096m".to_owned(),
            slots: 4,
            queue: None,
            high_availability: None,
            properties: BTreeMap::new(),
        }
    }
}

/// Properties that cannot be set: they are what the rest relies on, or have a field of their own.
const OURS: [&str; 12] = [
    "execution.checkpointing.externalized-checkpoint-retention",
    "high-availability",
    "high-availability.type",
    "high-availability.cluster-id",
    "high-availability.storageDir",
    "high-availability.zookeeper.quorum",
    "high-availability.zookeeper.client.session-timeout",
    "job-result-store.delete-on-commit",
    "jobmanager.memory.process.size",
    "taskmanager.memory.process.size",
    "taskmanager.numberOfTaskSlots",
    "yarn.application.name",
];

/// Settings that no session can be started with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A property that is ours to set.
    #[error("properties: `{0}` is set by the runner itself")]
    Ours(String),
    /// A property name that is none.
    #[error("properties: `{0}` is no name of a property")]
    NotAProperty(String),
    /// A value that would be seen in the arguments of the session's processes.
    #[error("properties: `{0}` refers to a secret, and a session's settings are arguments of its processes")]
    Secret(String),
    /// Nothing can be started in it.
    #[error("slots: at least 1 is needed")]
    NoSlots,
}

impl SessionSettings {
    /// Everything that the session is started with.
    pub fn effective(&self) -> Result<BTreeMap<String, String>, SettingsError> {
        if self.slots == 0 {
            return Err(SettingsError::NoSlots);
        }
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: &str| all.insert(name.to_owned(), value.to_owned());
        // One that several jobs share can be honoured only here: Flink ignores it in a job's own configuration.
        set("state.checkpoints.num-retained", RETAINED);
        set("yarn.application-attempts", &ATTEMPTS.to_string());
        for (name, value) in &self.properties {
            if OURS.contains(&name.as_str()) {
                return Err(SettingsError::Ours(name.clone()));
            }
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
                return Err(SettingsError::NotAProperty(name.clone()));
            }
            if !references(value).is_empty() {
                return Err(SettingsError::Secret(name.clone()));
            }
            set(name, value);
        }
        set("jobmanager.memory.process.size", &self.jobmanager_memory);
        set("taskmanager.memory.process.size", &self.taskmanager_memory);
        set("taskmanager.numberOfTaskSlots", &self.slots.to_string());
        set("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
        // A job id that was used is never free again: a late submission cannot start a run twice.
        set("job-result-store.delete-on-commit", "false");
        if let Some(ha) = &self.high_availability {
            set("high-availability.type", "zookeeper");
            set("high-availability.zookeeper.quorum", &ha.zookeeper);
            set(
                "high-availability.zookeeper.client.session-timeout",
                &(u64::from(ha.session_timeout_s) * 1000).to_string(),
            );
            set("high-availability.storageDir", &ha.storage);
        }
        Ok(all)
    }
}

/// The fields, for people.
const FIELDS: &str = "name, jobmanager-memory, taskmanager-memory, slots, queue, \
                      high-availability (zookeeper, storage, session-timeout-s), properties";

/// The settings of a session from their file; an empty one asks for the defaults.
pub fn parse_settings(file: &SourceFile) -> Result<SessionSettings, Box<Diagnostic>> {
    let refused = |code: &str, message: String| Diagnostic::new(Severity::Error, code, &file.name, message);
    let text = std::str::from_utf8(&file.bytes).map_err(|error| {
        let message = format!("byte {} is not UTF-8", error.valid_up_to());
        Box::new(refused("not-utf-8", message).with_help("save the file as UTF-8"))
    })?;
    let blank = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if blank {
        return Ok(SessionSettings::default());
    }
    let settings: SessionSettings = serde_yaml::from_str(text).map_err(|error| {
        let said = error.without_snippet().to_string();
        let said = said.lines().next().unwrap_or_default();
        // The place is told beside it.
        let message = readable(said.rsplit_once(" at line ").map_or(said, |(what, _)| what));
        let found = refused("bad-session-settings", message);
        let help =
            format!("the fields are {FIELDS}; values of `properties` are text: write numbers and booleans in quotes");
        Box::new(
            match error.location().and_then(|location| u32::try_from(location.line()).ok()) {
                Some(line) => at(found, text, line),
                None => found,
            }
            .with_help(help),
        )
    })?;
    check(&settings).map_err(|(field, message, help)| {
        let found = refused("bad-session-settings", message);
        let key = field.rsplit_once("properties.").map_or(field.as_str(), |(_, key)| key);
        let line =
            text.lines().position(|line| key_of(line) == Some(key)).and_then(|index| u32::try_from(index + 1).ok());
        let found = match line {
            Some(line) => at(found, text, line),
            None => found,
        };
        Box::new(found.with_field(field).with_help(help))
    })?;
    Ok(settings)
}

/// What no session can be started with: the field, what is wrong, the way out.
fn check(settings: &SessionSettings) -> Result<(), (String, String, String)> {
    let sizes =
        [("jobmanager-memory", &settings.jobmanager_memory), ("taskmanager-memory", &settings.taskmanager_memory)];
    for (field, size) in sizes {
        let good = size.ends_with(|c: char| c.is_ascii_alphabetic()) && megabytes(size).is_some_and(|mb| mb > 0);
        if !good {
            let help = "write a number with its unit, for example 2048m or 2g";
            return Err((field.to_owned(), format!("`{}` is no size of memory", readable(size)), help.to_owned()));
        }
    }
    if settings.name.trim().is_empty() {
        let help = "name it, or leave the field out";
        return Err(("name".to_owned(), "a session needs a name: it is found by it".to_owned(), help.to_owned()));
    }
    settings.effective().map(|_| ()).map_err(|error| {
        let (field, help) = match &error {
            SettingsError::Ours(name) => {
                (format!("properties.{name}"), "take it out, or use the field that stands for it")
            }
            SettingsError::NotAProperty(name) => (format!("properties.{name}"), "write Flink's name of the option"),
            SettingsError::Secret(name) => (
                format!("properties.{name}"),
                "set it in the Flink configuration of the nodes (on EMR the classification flink-conf), or let their role do without",
            ),
            SettingsError::NoSlots => ("slots".to_owned(), "write 1 or more"),
        };
        (field, error.to_string(), help.to_owned())
    })
}

/// The finding with its line, and the field that the line is about.
fn at(found: Diagnostic, text: &str, line: u32) -> Diagnostic {
    let index = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let Some(source) = text.lines().nth(index) else { return found };
    let indent = source.chars().take_while(|c| c.is_whitespace()).count();
    let length = number(source.trim().chars().count()).max(1);
    let span = Span { line, column: number(indent + 1), length };
    let found = found.with_span(span, Some(source.to_owned()));
    match key_of(source) {
        Some(key) => found.with_field(key),
        None => found,
    }
}

fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(':')?;
    let key = key.trim().trim_matches(['"', '\'']);
    (!key.is_empty() && !key.starts_with('#')).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SessionSettings, Box<Diagnostic>> {
        parse_settings(&SourceFile::new("config/session.yaml", text))
    }

    #[test]
    fn a_file_may_say_nothing_or_everything() {
        for empty in ["", "\n# later\n", "{}"] {
            assert_eq!(parse(empty).unwrap(), SessionSettings::default(), "{empty:?}");
        }
        let all = "name: nights\njobmanager-memory: 1g\ntaskmanager-memory: 8192m\nslots: 8\nqueue: streaming\n\
            high-availability:\n  zookeeper: a:2181,b:2181\n  storage: s3://b/ha\n\
            properties:\n  state.backend.incremental: \"true\"\n  akka.x: 10 s\n";
        let settings = parse(all).unwrap();
        assert_eq!((settings.slots, settings.queue.as_deref()), (8, Some("streaming")));
        assert_eq!(settings.high_availability.map(|ha| ha.session_timeout_s), Some(20));
        assert_eq!(settings.properties["state.backend.incremental"], "true");
    }

    #[test]
    fn errors_name_line_field_and_way_out() {
        let table = [
            ("slots: 4\ntaskmanager_memory: 1g\n", 2, "taskmanager_memory", "taskmanager_memory"),
            ("name: a\nslots: many\n", 2, "slots", "invalid u32"),
            ("slots: 0\n", 1, "slots", "at least 1"),
            ("jobmanager-memory: 2048\n", 1, "jobmanager-memory", "no size of memory"),
            ("high-availability:\n  zookeeper: a:1\n", 2, "zookeeper", "storage"),
            ("slots: 1\nslots: 2\n", 2, "slots", "duplicate"),
            ("properties:\n  s3.secret-key: ${ssm:/k}\n", 2, "properties.s3.secret-key", "refers to a secret"),
            (
                "properties:\n  taskmanager.numberOfTaskSlots: \"9\"\n",
                2,
                "properties.taskmanager.numberOfTaskSlots",
                "set by the runner",
            ),
        ];
        for (text, line, field, message) in table {
            let error = parse(text).unwrap_err();
            assert_eq!(error.file, "config/session.yaml");
            assert_eq!(error.span.map(|span| span.line), Some(line), "{error:?}");
            assert_eq!(error.field.as_deref(), Some(field), "{error:?}");
            assert!(error.message.contains(message) && !error.message.contains("at line"), "{error:?}");
            assert!(error.help.is_some());
        }
    }

    #[test]
    fn what_the_rest_relies_on_cannot_be_taken_away() {
        let safe = SessionSettings::default().effective().unwrap();
        assert_eq!(safe["execution.checkpointing.externalized-checkpoint-retention"], "RETAIN_ON_CANCELLATION");
        assert_eq!(safe["job-result-store.delete-on-commit"], "false");
        assert_eq!(safe["state.checkpoints.num-retained"], "3");
        assert_eq!(safe["yarn.application-attempts"], "10", "a JobManager that dies is started again");
        for name in OURS {
            let properties = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
            let refused = SessionSettings { properties, ..SessionSettings::default() }.effective();
            assert!(matches!(refused, Err(SettingsError::Ours(_))), "{name}");
        }
        let secret = BTreeMap::from([("s3.secret-key".to_owned(), "${ssm:/k}".to_owned())]);
        let refused = SessionSettings { properties: secret, ..SessionSettings::default() }.effective();
        assert!(matches!(refused, Err(SettingsError::Secret(name)) if name == "s3.secret-key"));
        let more = BTreeMap::from([("state.checkpoints.num-retained".to_owned(), "5".to_owned())]);
        let settings = SessionSettings { properties: more, ..SessionSettings::default() };
        assert_eq!(settings.effective().unwrap()["state.checkpoints.num-retained"], "5");
    }

    #[test]
    fn high_availability_is_all_or_nothing() {
        let ha = HighAvailability { zookeeper: "zk:2181".into(), storage: "s3://b/ha".into(), session_timeout_s: 8 };
        let settings = SessionSettings { high_availability: Some(ha), ..SessionSettings::default() };
        let all = settings.effective().unwrap();
        assert_eq!(all["high-availability.zookeeper.client.session-timeout"], "8000");
        assert_eq!(all["high-availability.storageDir"], "s3://b/ha");
        assert!(!SessionSettings::default().effective().unwrap().keys().any(|name| name.starts_with("high-av")));
    }
}
