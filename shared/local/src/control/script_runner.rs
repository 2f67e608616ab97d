//! EMR's script runner: fetches a script from S3 and says how it is run.
//! Must not know steps, nor what a script does.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::faults::{Call, Faults};
use crate::s3::Objects;

/// Reads scripts from the stack's S3.
#[derive(Clone)]
pub(crate) struct ScriptRunner {
    objects: Arc<Objects>,
    faults: Arc<Faults>,
}

impl ScriptRunner {
    pub(crate) fn new(objects: Arc<Objects>, faults: Arc<Faults>) -> Self {
        Self { objects, faults }
    }

    /// The argument vector that runs the script named first, after it is fetched into the folder.
    pub(super) fn prepare(&self, folder: &Path, args: &[String]) -> io::Result<Vec<String>> {
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidInput, reason);
        let [url, rest @ ..] = args else { return Err(invalid("no script was given".to_owned())) };
        let named = url.strip_prefix("s3://").and_then(|path| path.split_once('/'));
        let (bucket, key) = named.ok_or_else(|| invalid(format!("{url} is no script on S3")))?;
        self.faults.record(Call {
            service: "s3".into(),
            operation: "GetObject".into(),
            resource: format!("{bucket}/{key}"),
            invocation_id: String::new(),
        });
        let script = self.objects.read(bucket, key);
        let script = script.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{url} does not exist")))?;
        std::fs::create_dir_all(folder)?;
        let file = folder.join(key.rsplit('/').next().unwrap_or("script"));
        std::fs::write(&file, script)?;
        let start = ["bash".to_owned(), file.to_string_lossy().into_owned()];
        Ok(start.into_iter().chain(rest.iter().cloned()).collect())
    }
}
