//! The two effects of an operation that write a savepoint: a stop, and a savepoint of a job that runs on.
//! Must not know what follows from either.

use std::time::Duration;

use lifecycle::execute::Input;
use lifecycle::ids::{JobId, TriggerId};

use super::Pass;
use crate::ports::OutsideError;
use crate::runner::progress::noting;
use crate::runner::timing::checkpoint_timeout;
use crate::save_run::save;
use crate::stop_run::{Waiting, stop};

impl Pass<'_> {
    /// Stops a run with a savepoint. One that takes longer than a checkpoint of the job may holds up nobody else.
    pub(super) async fn stop(
        &mut self,
        run: JobId,
        trigger: TriggerId,
        directory: &str,
    ) -> Result<Input, OutsideError> {
        let limit = Duration::from_millis(self.plan.windows.stop_ms);
        let waiting = Waiting { limit, poll: self.runner.times.poll };
        let patience = self.plan.previous.as_ref().map_or(limit, |previous| checkpoint_timeout(&previous.launch));
        let (cluster, shared, operation) = (self.runner.cluster.as_ref(), self.shared, self.plan.operation);
        self.timing.ending(self.runner.world.now());
        let (mut turns, saving) = (Some(std::mem::take(&mut self.turns)), self.holding.saving());
        let stopping = self.renewing(async {
            let stopping = stop(cluster, run, trigger, directory, waiting);
            let mut stopping = Box::pin(noting(cluster, run, &saving, stopping));
            let end = if let Ok(end) = tokio::time::timeout(patience, stopping.as_mut()).await {
                end?
            } else {
                tracing::warn!(after_s = patience.as_secs(), "the stop hangs: others go on meanwhile");
                turns = None;
                shared.capacity.hangs(operation);
                stopping.await?
            };
            Ok(end.map_or(Input::Unknown, Input::Stopped))
        });
        let ended = stopping.await?;
        self.turns = turns.unwrap_or_default();
        Ok(ended)
    }

    /// Takes a savepoint of a run that goes on. One that takes longer than a checkpoint of the job may holds up nobody else.
    pub(super) async fn save(
        &mut self,
        run: JobId,
        trigger: TriggerId,
        directory: &str,
    ) -> Result<Input, OutsideError> {
        let limit = Duration::from_millis(self.plan.windows.stop_ms);
        let waiting = Waiting { limit, poll: self.runner.times.poll };
        let patience = self.plan.previous.as_ref().map_or(limit, |previous| checkpoint_timeout(&previous.launch));
        let cluster = self.runner.cluster.as_ref();
        let (mut turns, so_far) = (Some(std::mem::take(&mut self.turns)), self.holding.saving());
        let saving = self.renewing(async {
            let saving = save(cluster, run, trigger, directory, waiting);
            let mut saving = Box::pin(noting(cluster, run, &so_far, saving));
            let end = if let Ok(end) = tokio::time::timeout(patience, saving.as_mut()).await {
                end?
            } else {
                turns = None;
                saving.await?
            };
            Ok(end.map_or(Input::Unknown, Input::Stopped))
        });
        let ended = saving.await?;
        self.turns = turns.unwrap_or_default();
        Ok(ended)
    }
}
