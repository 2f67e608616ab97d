//! The function's log: what sandboxes print, between the lines that Lambda prints itself.
//! Must not know why an invocation ended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::Value;

use crate::time::epoch_millis;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// When it was written, in milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) text: String,
}

/// The log as CloudWatch Logs keeps it.
#[derive(Clone, Debug)]
pub(crate) struct LogGroup {
    pub(crate) name: String,
    file: PathBuf,
    delay: Duration,
}

impl LogGroup {
    /// That of a function; none where its output is dropped.
    pub(super) fn of(function: &str, file: Option<&PathBuf>, delay: Duration) -> Option<Self> {
        Some(Self { name: group_name(function), file: file?.clone(), delay })
    }

    /// The lines that are found by now, in the order in which they were written.
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        let bytes = std::fs::read(&self.file).unwrap_or_default();
        let now = i64::try_from(epoch_millis(SystemTime::now())).unwrap_or(i64::MAX);
        let newest = now.saturating_sub(i64::try_from(self.delay.as_millis()).unwrap_or(i64::MAX));
        let mut lines = timed(&String::from_utf8_lossy(&bytes), now);
        lines.retain(|line| line.at <= newest);
        lines
    }
}

/// The log group of a function that names none.
pub(super) fn group_name(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

/// Lines with the time that they name; one that names none was written with the one before it, or else after it.
fn timed(text: &str, now: i64) -> Vec<LogLine> {
    let named = |line: &str| -> Option<i64> {
        let fields: Value = serde_json::from_str(line).ok()?;
        let at: Timestamp = fields["timestamp"].as_str()?.parse().ok()?;
        Some(at.as_millisecond())
    };
    let times: Vec<Option<i64>> = text.lines().map(named).collect();
    let mut last = times.iter().flatten().next().copied().unwrap_or(now);
    let line = |(text, at): (&str, Option<i64>)| {
        last = at.unwrap_or(last);
        LogLine { at: last, text: text.to_owned() }
    };
    text.lines().zip(times).map(line).collect()
}

/// Where output goes; nowhere without a path.
#[derive(Clone, Debug)]
pub(super) struct Log(pub(super) Option<PathBuf>);

impl Log {
    /// An output for a sandbox.
    pub(super) fn output(&self) -> io::Result<Stdio> {
        Ok(self.open()?.map_or_else(Stdio::null, Stdio::from))
    }

    /// One line of Lambda's own.
    pub(super) fn line(&self, line: &str) {
        let written =
            self.open().and_then(|file| file.map_or(Ok(()), |mut file| file.write_all(format!("{line}\n").as_bytes())));
        if let Err(error) = written {
            tracing::warn!(%error, "the function's log cannot be written");
        }
    }

    fn open(&self) -> io::Result<Option<File>> {
        let Some(path) = &self.0 else { return Ok(None) };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        OpenOptions::new().create(true).append(true).open(path).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_time_was_written_with_the_one_before_it() {
        let text = "START\n{\"timestamp\":\"1970-01-01T00:00:01Z\"}\nplain\n{\"timestamp\":\"1970-01-01T00:00:02Z\"}\n";
        let at: Vec<i64> = timed(text, 9_000).iter().map(|line| line.at).collect();
        assert_eq!(at, [1_000, 1_000, 1_000, 2_000]);
        assert_eq!(timed("plain", 9_000), [LogLine { at: 9_000, text: "plain".to_owned() }]);
    }
}
