//! Asking again and again until there is an answer or the time is up, with a last question at the end.
//! Must not know what is asked.

use std::time::Duration;

use tokio::time::Instant;

/// What one question brought.
pub(crate) enum Asked<T, L> {
    Answer(T),
    /// There is no answer yet; how it stands.
    NotYet(L),
}

/// How long something is waited for, and how often it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How long it is waited for; after that the outcome is unknown.
    pub limit: Duration,
    /// How long it waits between two looks.
    pub poll: Duration,
}

/// The answer, or how it stood when the time was up: it is asked at least once, and once more at the end.
pub(crate) async fn poll<T, L, E>(
    waiting: Waiting,
    mut ask: impl AsyncFnMut() -> Result<Asked<T, L>, E>,
) -> Result<Result<T, L>, E> {
    let end = Instant::now() + waiting.limit;
    loop {
        let over = Instant::now() >= end;
        match ask().await? {
            Asked::Answer(answer) => return Ok(Ok(answer)),
            Asked::NotYet(stands) if over => return Ok(Err(stands)),
            Asked::NotYet(_) => tokio::time::sleep(waiting.poll).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_once_more_when_the_time_is_up() {
        let waiting = Waiting { limit: Duration::from_secs(10), poll: Duration::from_secs(4) };
        let mut asked = 0;
        let end: Result<Result<(), u32>, ()> = poll(waiting, async || {
            asked += 1;
            Ok(Asked::NotYet(asked))
        })
        .await;
        assert_eq!(end, Ok(Err(4)), "at 0, 4, 8 and 12 s");
        let waiting = Waiting { limit: Duration::ZERO, ..waiting };
        let end: Result<Result<u32, ()>, ()> = poll(waiting, async || Ok(Asked::Answer(7))).await;
        assert_eq!(end, Ok(Ok(7)));
    }
}
