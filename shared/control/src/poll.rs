//! Asking again and again until there is an answer or the time is up, with a last question at the end.
//! Must not know what is asked.

use std::time::Duration;

use tokio::time::Instant;

/// What one question brought.
pub(crate) enum PollAnswer<T, L> {
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

impl Waiting {
    /// The tries within this time, the first of which is made at once.
    pub fn tries(self) -> Tries {
        let end = Instant::now() + self.limit;
        Tries { end, poll: self.poll, is_last: self.limit.is_zero() }
    }
}

/// The tries within some time, the last of which is made when it is up.
#[derive(Debug)]
pub struct Tries {
    end: Instant,
    poll: Duration,
    is_last: bool,
}

impl Tries {
    /// Waits for the next try; false if the one before was the last.
    pub async fn again(&mut self) -> bool {
        if self.is_last {
            return false;
        }
        tokio::time::sleep(self.poll).await;
        self.is_last = Instant::now() >= self.end;
        true
    }
}

/// The answer, or how it stood when the time was up: it is asked at least once, and once more at the end.
pub(crate) async fn poll<T, L, E>(
    waiting: Waiting,
    mut ask: impl AsyncFnMut() -> Result<PollAnswer<T, L>, E>,
) -> Result<Result<T, L>, E> {
    let mut tries = waiting.tries();
    loop {
        match ask().await? {
            PollAnswer::Answer(answer) => return Ok(Ok(answer)),
            PollAnswer::NotYet(stands) => {
                if !tries.again().await {
                    return Ok(Err(stands));
                }
            }
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
            Ok(PollAnswer::NotYet(asked))
        })
        .await;
        assert_eq!(end, Ok(Err(4)), "at 0, 4, 8 and 12 s");
        let waiting = Waiting { limit: Duration::ZERO, ..waiting };
        let end: Result<Result<u32, ()>, ()> = poll(waiting, async || Ok(PollAnswer::Answer(7))).await;
        assert_eq!(end, Ok(Ok(7)));
    }
}
