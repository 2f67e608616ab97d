//! One file lock per job name on this node, held on behalf of the runner and of the submitter that inherits it.
//! Must not know what is done under a lock.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use control::errors::error_chain;
use control::poll::Waiting;
use control::ports::{JobLock, JobLocks, OutsideError};
use desired::manifest::JobName;
use rustix::io::FdFlags;

/// How often a lock that another holds is tried.
const TRY: Duration = Duration::from_millis(100);

/// The locks of this node's jobs, as `<state directory>/locks/<job>.lock`.
///
/// A lock belongs to the open file, not to a process: children started after [`FileLocks::open`] share it, even if it
/// is taken only later, and it stays held until it is released by its taker or until all who share it have ended. So
/// open the locks of all jobs of a batch before the submitter starts.
#[derive(Debug)]
pub struct FileLocks {
    directory: PathBuf,
    limit: Duration,
    open: Mutex<HashMap<JobName, Arc<LockFile>>>,
    /// Why jobs have none: a file that could be opened later would not be shared by the children started before.
    broken: HashMap<JobName, String>,
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
    #[error("cannot use the lock {} (set by STATE_DIRECTORY or --state-directory)", path.display())]
    Unusable {
        /// The lock's file.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

#[derive(Debug)]
struct LockFile {
    file: File,
    path: PathBuf,
    /// Whether a job of this process has it: the system does not tell two takers of one open file apart.
    taken: AtomicBool,
}

/// A lock that is held; dropped without a release it stays with this process and the submitter until both end.
#[derive(Debug)]
struct Held(Arc<LockFile>);

impl FileLocks {
    /// Opens the locks of `jobs` for this process and the children it starts from now on; holds none yet. A job whose
    /// lock cannot be opened is refused when it asks for it.
    pub fn open<'a>(state_directory: &Path, limit: Duration, jobs: impl IntoIterator<Item = &'a JobName>) -> Self {
        let directory = state_directory.join("locks");
        let mut locks = Self { directory, limit, open: Mutex::default(), broken: HashMap::new() };
        for job in jobs {
            if let Err(error) = locks.file(job) {
                locks.broken.insert(job.clone(), error_chain(&error));
            }
        }
        locks
    }

    fn file(&self, job: &JobName) -> Result<Arc<LockFile>, LockError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(job) {
            return Ok(Arc::clone(file));
        }
        let path = self.directory.join(format!("{job}.lock"));
        match open_inheritable(&self.directory, &path) {
            Ok(file) => {
                let file = Arc::new(LockFile { file, path, taken: AtomicBool::new(false) });
                open.insert(job.clone(), Arc::clone(&file));
                Ok(file)
            }
            Err(source) => Err(LockError::Unusable { path, source }),
        }
    }
}

#[async_trait]
impl JobLocks for FileLocks {
    async fn acquire(&self, job: &JobName) -> Result<Box<dyn JobLock>, OutsideError> {
        let what = || format!("lock `{job}` on this node");
        let failed = |error: LockError| match error {
            LockError::Held { .. } => OutsideError::unknown(what(), error),
            LockError::Unusable { .. } => OutsideError::refused(what(), error_chain(&error)),
        };
        if let Some(why) = self.broken.get(job) {
            return Err(OutsideError::refused(what(), why));
        }
        let file = self.file(job).map_err(failed)?;
        let mut tries = Waiting { limit: self.limit, poll: TRY }.tries();
        while !file.try_take().map_err(failed)? {
            if !tries.again().await {
                return Err(failed(LockError::Held { path: file.path.clone(), limit: self.limit }));
            }
        }
        Ok(Box::new(Held(file)))
    }
}

impl LockFile {
    fn try_take(&self) -> Result<bool, LockError> {
        if self.taken.swap(true, Ordering::AcqRel) {
            return Ok(false);
        }
        let tried = self.file.try_lock();
        if tried.is_err() {
            self.taken.store(false, Ordering::Release);
        }
        match tried {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(LockError::Unusable { path: self.path.clone(), source }),
        }
    }
}

impl JobLock for Held {
    fn release(self: Box<Self>) {
        // For everybody, the children that share the open file included.
        if let Err(error) = self.0.file.unlock() {
            tracing::warn!(%error, path = %self.0.path.display(), "a lock could not be released");
        }
        self.0.taken.store(false, Ordering::Release);
    }
}

fn open_inheritable(directory: &Path, path: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // The file is never removed: two files of one name would be two locks.
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    let flags = rustix::io::fcntl_getfd(&file)?;
    rustix::io::fcntl_setfd(&file, flags.difference(FdFlags::CLOEXEC))?;
    Ok(file)
}
