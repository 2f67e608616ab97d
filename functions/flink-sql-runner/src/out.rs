//! Where output goes: results to stdout, everything else to stderr, as text for people or as JSON.
//! Must not know what is said.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::json;

use crate::error::CliError;
use crate::markdown;
use crate::render::{Colour, paint, printable_lines};

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// For people.
    #[default]
    Text,
    /// One JSON document; JSON lines while waiting.
    Json,
    /// A comment for a pull request: only of `plan`.
    Markdown,
}

/// The way out of this program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Out {
    form: Form,
}

/// Clears a terminal; taken out on the way where there is none.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Why a part of the result is missing on stdout; the first reason stands.
static MISSING: OnceLock<io::Error> = OnceLock::new();

/// Notes on stderr are beside the result: where they cannot be written, nothing is missing.
fn write(mut stream: impl Write, text: &str) {
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// A part of the result. False if nobody reads it: a closed pipe is the reader's choice, anything else is told at the end.
fn to_stdout(mut stdout: impl Write, text: &str) -> bool {
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    let Err(error) = written else { return true };
    if error.kind() != ErrorKind::BrokenPipe {
        let _ = MISSING.set(error);
    }
    false
}

/// Why the result is not whole, if it is not.
pub(crate) fn missing() -> Option<&'static io::Error> {
    MISSING.get()
}

impl Out {
    /// Output of this form.
    pub(crate) fn new(form: Form) -> Self {
        Self { form }
    }

    /// Whether programs read it.
    pub(crate) fn is_json(self) -> bool {
        self.form == Form::Json
    }

    /// Whether it becomes a comment of a pull request.
    pub(crate) fn is_markdown(self) -> bool {
        self.form == Form::Markdown
    }

    /// The result: the document for programs, the text for people.
    pub(crate) fn result<T: Serialize>(self, document: &T, text: impl FnOnce() -> String) {
        match self.form {
            Form::Json => to_stdout(anstream::stdout(), &lines(serde_json::to_string_pretty(document))),
            Form::Text | Form::Markdown => to_stdout(anstream::stdout(), &text()),
        };
    }

    /// A text with colours, whatever form is asked for.
    pub(crate) fn styled(text: &str) {
        to_stdout(anstream::stdout(), text);
    }

    /// A text that is the same for people and for programs.
    pub(crate) fn plain(text: &[u8]) {
        to_stdout(io::stdout(), &String::from_utf8_lossy(text));
    }

    /// One line of a stream for programs, one of the result for people.
    pub(crate) fn event<T: Serialize>(self, event: &T, text: impl FnOnce() -> String) {
        match self.form {
            Form::Json => to_stdout(anstream::stdout(), &lines(serde_json::to_string(event))),
            Form::Text | Form::Markdown => to_stdout(anstream::stdout(), &text()),
        };
    }

    /// One picture of several: a line for programs, in the place of the one before for people. False if nobody reads it.
    pub(crate) fn frame<T: Serialize>(self, picture: &T, text: impl FnOnce() -> String) -> bool {
        let text = match self.form {
            Form::Json => lines(serde_json::to_string(picture)),
            Form::Text | Form::Markdown => format!("{CLEAR}{}\n", text()),
        };
        to_stdout(anstream::stdout(), &text)
    }

    /// One line of a stream for programs, a note on stderr for people.
    pub(crate) fn progress<T: Serialize>(self, event: &T, text: impl FnOnce() -> String) {
        match self.form {
            Form::Json => {
                to_stdout(anstream::stdout(), &lines(serde_json::to_string(event)));
            }
            Form::Text | Form::Markdown => write(anstream::stderr(), &text()),
        }
    }

    /// A note on stderr, for people only.
    pub(crate) fn note(self, text: &str) {
        match self.form {
            Form::Text | Form::Markdown => write(anstream::stderr(), text),
            Form::Json => {}
        }
    }

    /// The error that ends `command`.
    pub(crate) fn error(self, command: &str, error: &CliError) {
        match self.form {
            Form::Json => {
                let document = json!({
                    "format": "flink-sql-runner/error",
                    "version": 1,
                    "exit": error.exit().code(),
                    "message": error.to_string(),
                    "causes": error.causes(),
                    "help": error.help(),
                });
                write(anstream::stderr(), &lines(serde_json::to_string(&document)));
            }
            Form::Text => write(anstream::stderr(), &failure(&error.to_string(), &error.causes(), error.help())),
            // The comment of the pull request says it as well: whoever posts it posts no empty one.
            Form::Markdown => {
                let text = failure(&error.to_string(), &error.causes(), error.help());
                write(anstream::stderr(), &text);
                to_stdout(anstream::stdout(), &markdown::failed(command, &text));
            }
        }
    }
}

fn lines(text: serde_json::Result<String>) -> String {
    // Plain data with text keys always serializes.
    text.unwrap_or_default() + "\n"
}

/// An error for people: what, why, the way out.
pub(crate) fn failure(message: &str, causes: &[String], help: Option<&str>) -> String {
    // Our own messages may have several lines; what could steer a terminal is replaced in each.
    let clean = printable_lines;
    let mut text = format!("{} {}\n", paint(Colour::Red, "error:"), clean(message));
    for cause in causes {
        let _ = writeln!(text, "  caused by: {}", clean(cause));
    }
    if let Some(help) = help {
        let _ = writeln!(text, "{} {}", paint(Colour::Cyan, "help:"), clean(help));
    }
    text
}
