//! Why the local stack did not start.
//! Must not know how it is started.

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A server or the folder.
    #[error("{what}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
    /// The AWS side.
    #[error("the local AWS did not start")]
    Aws(#[from] local::LocalAwsError),
    /// The session on YARN.
    #[error("no session on YARN: {0}")]
    Session(String),
    /// Flink.
    #[error("`{script}` failed: {output}")]
    Script {
        script: String,
        /// The end of what it printed.
        output: String,
    },
}

pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> StackError {
    let what = what.into();
    move |source| StackError::Io { what, source }
}
