//! The function's log: what sandboxes print, between the lines that Lambda prints itself.
//! Must not know why an invocation ended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Stdio;

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
