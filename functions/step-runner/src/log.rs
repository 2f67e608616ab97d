//! The runner's own log without secret values: a stream that scrubs every line on its way out.
//! Must not know what is logged.

use std::io::{self, Stderr, Write};

use control::secrets::Secrets;
use tracing_subscriber::fmt::MakeWriter;

/// Standard error, scrubbed.
#[derive(Clone, Debug)]
pub struct ScrubbedLog(Secrets);

/// One entry of the log: it is written whole.
pub struct LogEntry<'a> {
    secrets: &'a Secrets,
    to: Stderr,
}

impl ScrubbedLog {
    /// A log that holds none of these, nor of those that are added later.
    pub fn new(secrets: Secrets) -> Self {
        Self(secrets)
    }
}

impl<'a> MakeWriter<'a> for ScrubbedLog {
    type Writer = LogEntry<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LogEntry { secrets: &self.0, to: io::stderr() }
    }
}

impl Write for LogEntry<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write_all(self.secrets.scrub(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
