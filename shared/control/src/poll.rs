//! Asking again and again until there is an answer or the time is up: the one loop of that kind.
//! Must not know what is asked.

use std::time::Duration;

use tokio::time::Instant;

/// What one question brought.
pub(crate) enum Asked<T, L> {
    /// The answer.
    Answer(T),
    /// None yet; how it stands.
    NotYet(L),
}

/// How long to ask, and how long to wait between two questions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) until: Instant,
    pub(crate) pause: Duration,
}

impl Patience {
    pub(crate) fn of(limit: Duration, pause: Duration) -> Self {
        Self { until: Instant::now() + limit, pause }
    }
}

/// The answer, or how it stood when the time was up: it is asked at least once, and once more at the end.
pub(crate) async fn poll<T, L, E>(
    patience: Patience,
    mut ask: impl AsyncFnMut() -> Result<Asked<T, L>, E>,
) -> Result<Result<T, L>, E> {
    loop {
        let over = Instant::now() >= patience.until;
        match ask().await? {
            Asked::Answer(answer) => return Ok(Ok(answer)),
            Asked::NotYet(stands) if over => return Ok(Err(stands)),
            Asked::NotYet(_) => tokio::time::sleep(patience.pause).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_once_more_when_the_time_is_up() {
        let patience = Patience::of(Duration::from_secs(10), Duration::from_secs(4));
        let mut asked = 0;
        let end: Result<Result<(), u32>, ()> = poll(patience, async || {
            asked += 1;
            Ok(Asked::NotYet(asked))
        })
        .await;
        assert_eq!(end, Ok(Err(4)), "at 0, 4, 8 and 12 s");
        let patience = Patience::of(Duration::ZERO, Duration::from_secs(4));
        let end: Result<Result<u32, ()>, ()> = poll(patience, async || Ok(Asked::Answer(7))).await;
        assert_eq!(end, Ok(Ok(7)));
    }
}
