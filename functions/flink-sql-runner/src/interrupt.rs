//! Ctrl-C while a command waits: the wait ends, and the command says what goes on without it.
//! Must not know what is waited for.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// What comes of the work; nothing if somebody pressed Ctrl-C before.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut pressed = pin!(pressed());
    // It is listened for from its first poll on: before the work begins, or it could end the program without a word.
    if poll_fn(|context| Poll::Ready(pressed.as_mut().poll(context).is_ready())).await {
        return None;
    }
    tokio::select! {
        biased;
        done = work => Some(done),
        () = pressed => None,
    }
}

async fn pressed() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Where it cannot be listened for, it ends the program by itself.
        std::future::pending::<()>().await;
    }
}
