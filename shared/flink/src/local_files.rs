//! State directories on the local disk, and the choice of a file system by a URL's scheme.
//! Must not know what the files mean.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use control::ports::{Child, Files, OutsideError};
use tokio::io::AsyncReadExt;

/// How long the disk may take: a mount whose server is gone answers never.
const LIMIT: Duration = Duration::from_secs(30);

/// Files under `file:` URLs.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalFiles;

/// The file systems that this runner can read.
#[derive(Clone)]
pub struct AnyFiles {
    local: LocalFiles,
    s3: Option<Arc<dyn Files>>,
}

impl AnyFiles {
    /// The local disk and, if given, S3 under all three of its schemes.
    pub fn new(s3: Option<Arc<dyn Files>>) -> Self {
        Self { local: LocalFiles, s3 }
    }

    fn of(&self, url: &str) -> Result<&dyn Files, OutsideError> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match (scheme, &self.s3) {
            ("file", _) => Ok(&self.local),
            ("s3" | "s3a" | "s3p", Some(s3)) => Ok(s3.as_ref()),
            ("s3" | "s3a" | "s3p", None) => {
                Err(OutsideError::refused(format!("read {url}"), "no access to S3 is configured here"))
            }
            (other, _) => Err(OutsideError::refused(
                format!("read {url}"),
                format!("the scheme `{other}` is not supported: state lies under s3:, s3a:, s3p: or file:"),
            )),
        }
    }
}

#[async_trait]
impl Files for AnyFiles {
    async fn children(&self, directory: &str) -> Result<Vec<Child>, OutsideError> {
        self.of(directory)?.children(directory).await
    }

    async fn head(&self, file: &str, length: usize) -> Result<Option<Vec<u8>>, OutsideError> {
        self.of(file)?.head(file, length).await
    }
}

#[async_trait]
impl Files for LocalFiles {
    async fn children(&self, directory: &str) -> Result<Vec<Child>, OutsideError> {
        let what = format!("list {directory}");
        let path = local_path(&what, directory)?;
        let found = in_time(&what, children_of(path)).await?;
        Ok(found.unwrap_or_default())
    }

    async fn head(&self, file: &str, length: usize) -> Result<Option<Vec<u8>>, OutsideError> {
        let what = format!("read {file}");
        let path = local_path(&what, file)?;
        in_time(&what, head_of(path, length)).await
    }
}

async fn children_of(path: PathBuf) -> io::Result<Vec<Child>> {
    let mut entries = tokio::fs::read_dir(path).await?;
    let mut children = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        // Flink's own names are ASCII: what is not text is not of Flink.
        let Ok(name) = entry.file_name().into_string() else { continue };
        // A link counts as what it leads to; an entry that is gone by now counts as nothing.
        match tokio::fs::metadata(entry.path()).await {
            Ok(metadata) if metadata.is_dir() => children.push(Child::Directory(name)),
            Ok(_) => children.push(Child::File(name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    children.sort();
    Ok(children)
}

async fn head_of(path: PathBuf, length: usize) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its other end.
    if !tokio::fs::metadata(&path).await?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(length).unwrap_or(u64::MAX);
    tokio::fs::File::open(path).await?.take(limit).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// The answer within the limit; nothing where there is no such file or directory.
async fn in_time<T>(what: &str, work: impl Future<Output = io::Result<T>> + Send) -> Result<Option<T>, OutsideError> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(Ok(found)) => Ok(Some(found)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(Err(error)) => Err(OutsideError::unknown(what, error)),
        Err(late) => Err(OutsideError::unknown(what, late)),
    }
}

/// The path of `file:/x`, `file:///x` or `file://localhost/x`, taken literally as Flink does: `%20` is no space.
fn local_path(what: &str, url: &str) -> Result<PathBuf, OutsideError> {
    let wrong = || OutsideError::refused(what, "not a file: URL with an absolute path");
    let rest = url.strip_prefix("file:").ok_or_else(wrong)?;
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
        None => rest,
    };
    if !path.starts_with('/') || path.contains('\0') {
        return Err(wrong());
    }
    Ok(PathBuf::from(path))
}
