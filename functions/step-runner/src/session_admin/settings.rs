//! Reading `config/session.yaml`: every error names the file, the line, the field and the way out.
//! Must not know where the file comes from, nor start anything.

use desired::diagnostics::{Diagnostic, Severity, SourceFile, Span};

use crate::flink_rest::megabytes;
use crate::yarn_session::{SessionSettings, SettingsError};

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
        let message = crate::text::readable(said.rsplit_once(" at line ").map_or(said, |(what, _)| what));
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
            return Err((
                field.to_owned(),
                format!("`{}` is no size of memory", crate::text::readable(size)),
                help.to_owned(),
            ));
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
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
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
}
