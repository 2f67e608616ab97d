//! How far a savepoint is, asked while it is written and noted for people.
//! Must not know how the writing goes: what is not answered is not noted, and nothing waits for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lifecycle::documents::claim::Saving;
use lifecycle::ids::JobId;

use crate::ports::Cluster;

/// How often the cluster is asked. A renewal of the claim, which tells it, comes less often.
const ASK: Duration = Duration::from_secs(5);

/// Carries out `work`, and notes how far a savepoint of `run` is meanwhile.
pub(super) async fn noting<T>(
    cluster: &dyn Cluster,
    run: JobId,
    saving: &Mutex<Option<Saving>>,
    work: impl Future<Output = T>,
) -> T {
    let note = |told| *saving.lock().unwrap_or_else(PoisonError::into_inner) = told;
    let mut work = Box::pin(work);
    let done = loop {
        let asking = async {
            tokio::time::sleep(ASK).await;
            cluster.checkpoints(run).await
        };
        tokio::select! {
            biased;
            done = work.as_mut() => break done,
            told = asking => {
                if let Ok(Some(checkpoints)) = told {
                    note(checkpoints.saving);
                }
            }
        }
    };
    note(None);
    done
}
