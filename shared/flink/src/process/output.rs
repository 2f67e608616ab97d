//! What a child prints: its last part in memory, all of it in a log file if wanted, without secrets and control characters.
//! Must not know which program prints it.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use control::secrets::Secrets;
use desired::printable::{cut, readable};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How much of each stream is kept.
const TAIL: usize = 64 * 1024;
/// How much of one line is kept in memory; what follows up to its end is lost.
const LINE: usize = 64 * 1024;
/// How much of one line is shown. Shorter than what is read, so that a secret at the cut is seen whole before it is cut.
const SHOWN: usize = 16 * 1024;
/// A log file that both streams of a child write to.
pub(super) type Log = Arc<Mutex<File>>;

/// The reader of one stream.
#[derive(Debug)]
pub(super) struct Pump {
    tail: Arc<Mutex<Tail>>,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Pump {
    pub(super) fn start(
        stream: Option<impl AsyncRead + Unpin + Send + 'static>,
        log: Option<Log>,
        secrets: Secrets,
    ) -> Self {
        let tail = Arc::<Mutex<Tail>>::default();
        let task = stream.map(|stream| tokio::spawn(pump(stream, Arc::clone(&tail), log, secrets)));
        Self { tail, task }
    }

    pub(super) fn tail(&self) -> String {
        lock(&self.tail).lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Waits until the stream has ended, at most to `end`: a process that left the group may keep it open.
    pub(super) async fn drained(&mut self, end: Instant) {
        if let Some(task) = self.task.as_mut() {
            // Late or panicked: what was read is what there is.
            let _ = tokio::time::timeout_at(end, &mut *task).await;
            task.abort();
            self.task = None;
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Tail {
    fn push(&mut self, line: String) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line);
        while self.bytes > TAIL
            && let Some(line) = self.lines.pop_front()
        {
            self.bytes -= line.len() + 1;
        }
    }
}

/// The log file, which only its owner may read.
pub(super) fn log_file(path: &Path) -> io::Result<Log> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    Ok(Arc::new(Mutex::new(file)))
}

async fn pump(stream: impl AsyncRead + Unpin, tail: Arc<Mutex<Tail>>, log: Option<Log>, secrets: Secrets) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    // A stream that cannot be read has ended for us.
    while let Ok(bytes) = stream.fill_buf().await {
        let ended = bytes.is_empty();
        let (taken, complete) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at, true),
            None => (bytes.len(), ended && !line.is_empty()),
        };
        let room = LINE.saturating_sub(line.len());
        line.extend(bytes.iter().take(taken.min(room)));
        let consumed = if complete && !ended { taken + 1 } else { taken };
        stream.consume(consumed);
        if complete {
            let text = cut(&readable(&secrets.scrub(&String::from_utf8_lossy(&line))), SHOWN);
            line.clear();
            if let Some(log) = &log {
                // Lines are short and the disk is local; a log that cannot be written stops nothing.
                let _ = writeln!(lock(log), "{text}");
            }
            lock(&tail).push(text);
        }
        if ended {
            break;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
