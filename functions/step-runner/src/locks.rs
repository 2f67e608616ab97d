//! One file lock per job name on this node, held on behalf of the runner and of the submitter that inherits it.
//! Must not know what is done under a lock.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::FdFlags;
use tokio::time::Instant;

/// How often a lock that another holds is tried.
const TRY: Duration = Duration::from_millis(100);

/// A job's lock.
///
/// The lock belongs to the open file, not to a process: children started after [`JobLock::open`] share it, even if it
/// is taken only later. It is free once [`JobLock::unlock`] is called by anyone who shares it, or once all of them
/// have ended; dropping this value alone leaves it with the children. So open all locks of a batch before the
/// submitter starts, and lock each when its job's turn comes.
#[derive(Debug)]
pub struct JobLock {
    file: File,
    path: PathBuf,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another runner, or what it started, is at work on the same job.
    #[error("another runner on this node has held {} for {} s", path.display(), limit.as_secs())]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The file could not be made, opened or locked.
    #[error("cannot use the lock {}", path.display())]
    Unusable {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl JobLock {
    /// Opens `<state directory>/locks/<job>.lock` for this process and the children it starts from now on; holds nothing yet.
    pub fn open(state_directory: &Path, job: &str) -> Result<Self, LockError> {
        let directory = state_directory.join("locks");
        let path = directory.join(format!("{job}.lock"));
        let open = || {
            if job.is_empty() || job.contains(['/', '\0']) {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a job"));
            }
            DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
            // The file is never removed: two files of one name would be two locks.
            let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
            let flags = rustix::io::fcntl_getfd(&file)?;
            rustix::io::fcntl_setfd(&file, flags.difference(FdFlags::CLOEXEC))?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Self { file, path }),
            Err(source) => Err(LockError::Unusable { path, source }),
        }
    }

    /// Takes the lock if it is free; whether it is held now.
    pub fn try_lock(&self) -> Result<bool, LockError> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(self.unusable(source)),
        }
    }

    /// Waits for the lock, at most `limit`.
    pub async fn lock(&self, limit: Duration) -> Result<(), LockError> {
        let end = Instant::now() + limit;
        loop {
            if self.try_lock()? {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(LockError::Held { path: self.path.clone(), limit });
            }
            tokio::time::sleep(TRY.min(limit)).await;
        }
    }

    /// Frees the lock for everybody, the children that share it included.
    pub fn unlock(&self) -> Result<(), LockError> {
        self.file.unlock().map_err(|source| self.unusable(source))
    }

    fn unusable(&self, source: io::Error) -> LockError {
        LockError::Unusable { path: self.path.clone(), source }
    }
}
