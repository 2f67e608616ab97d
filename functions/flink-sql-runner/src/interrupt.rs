//! Ctrl-C while a command waits: the wait ends, and the command says what goes on without it.
//! Must not know what is waited for.

/// What comes of the work; nothing if somebody pressed Ctrl-C before.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = pressed() => None,
    }
}

async fn pressed() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Where it cannot be listened for, it ends the program by itself.
        std::future::pending::<()>().await;
    }
}
