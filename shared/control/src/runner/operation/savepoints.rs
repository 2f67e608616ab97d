//! The two effects of an operation that write a savepoint: a stop, and a savepoint of a job that runs on.
//! Must not know what follows from either.

use std::time::Duration;

use lifecycle::execute::{Input, StopEnd};
use lifecycle::ids::{JobId, TriggerId};

use super::Pass;
use crate::ports::OutsideError;
use crate::runner::progress::noting;
use crate::runner::timing::checkpoint_timeout;
use crate::stop_run::{Waiting, save, stop};

impl Pass<'_> {
    /// Stops a run with a savepoint; the slots that it would give back are not hoped for while it hangs.
    pub(super) async fn stop(
        &mut self,
        run: JobId,
        trigger: TriggerId,
        directory: &str,
    ) -> Result<Input, OutsideError> {
        self.timing.ending(self.runner.world.now());
        let (cluster, shared, operation) = (self.runner.cluster.as_ref(), self.shared, self.plan.operation);
        let stopping = stop(cluster, run, trigger, directory, self.waiting());
        self.written(run, stopping, || shared.capacity.hangs(operation)).await
    }

    /// Takes a savepoint of a run that goes on.
    pub(super) async fn save(
        &mut self,
        run: JobId,
        trigger: TriggerId,
        directory: &str,
    ) -> Result<Input, OutsideError> {
        let saving = save(self.runner.cluster.as_ref(), run, trigger, directory, self.waiting());
        self.written(run, saving, || {}).await
    }

    fn waiting(&self) -> Waiting {
        Waiting { limit: Duration::from_millis(self.plan.windows.stop_ms), poll: self.runner.times.poll }
    }

    /// Waits for a savepoint. One that takes longer than a checkpoint of the job may holds up nobody else.
    async fn written(
        &mut self,
        run: JobId,
        writing: impl Future<Output = Result<Option<StopEnd>, OutsideError>>,
        hangs: impl FnOnce(),
    ) -> Result<Input, OutsideError> {
        let limit = self.waiting().limit;
        let patience = self.plan.previous.as_ref().map_or(limit, |previous| checkpoint_timeout(&previous.launch));
        let (mut turns, so_far) = (Some(std::mem::take(&mut self.turns)), self.holding.saving());
        let cluster = self.runner.cluster.as_ref();
        let ended = self.renewing(async {
            let mut writing = Box::pin(noting(cluster, run, &so_far, writing));
            let end = if let Ok(end) = tokio::time::timeout(patience, writing.as_mut()).await {
                end?
            } else {
                tracing::warn!(
                    after_s = patience.as_secs(),
                    "the savepoint takes longer than a checkpoint may; other jobs continue"
                );
                turns = None;
                hangs();
                writing.await?
            };
            Ok(end.map_or(Input::Unknown, Input::Stopped))
        });
        let ended = ended.await?;
        self.turns = turns.unwrap_or_default();
        Ok(ended)
    }
}
