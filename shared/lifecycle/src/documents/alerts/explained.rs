//! What a cluster that is missing or was lost explains: people were told of that, and need not be of what comes of it.
//! Must not know how anybody is told.

use jiff::{SignedDuration, Timestamp};

use super::{AlertsDocument, StandingCondition};
use crate::alert_conditions::{AlertCondition, AlertKind};

/// For so long after people were told of a cluster, what comes of its loss needs no alert of its own: task managers take
/// minutes to come back.
const ONE_LOSS: SignedDuration = SignedDuration::from_mins(15);

/// What is not to be told now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Explained {
    /// People were told of a cluster a short time ago.
    told: bool,
    /// They are still to be told that there is none, or that one was lost.
    missing: bool,
    lost: bool,
}

impl Explained {
    /// Whether a condition waits: it is told only if it outlasts what explains it.
    pub(super) fn waits(self, known: &StandingCondition, now: Timestamp) -> bool {
        let explains = match known.condition.kind {
            AlertKind::NoCapacity => self.told || self.missing || self.lost,
            AlertKind::LostCluster => self.missing,
            AlertKind::NoCluster
            | AlertKind::OperationFailed
            | AlertKind::Unhealthy
            | AlertKind::RemovalsHeld
            | AlertKind::CleanStartsHeld
            | AlertKind::EndNotProven
            | AlertKind::Stranger
            | AlertKind::CleanStartNeeded
            | AlertKind::NodeBroken
            | AlertKind::Unreadable
            | AlertKind::RestartLoop
            | AlertKind::NoCheckpoint
            | AlertKind::CheckpointsFail => false,
        };
        explains && known.raised.is_none() && !known.is_being_told(now)
    }
}

impl AlertsDocument {
    pub(super) fn explained(&self, now: Timestamp) -> Explained {
        let untold = |kind| self.standing.iter().any(|known| known.condition.kind == kind && known.raised.is_none());
        let (missing, lost) = (untold(AlertKind::NoCluster), untold(AlertKind::LostCluster));
        Explained { told: self.loss_told(now).is_some(), missing, lost }
    }

    fn loss_told(&self, now: Timestamp) -> Option<Timestamp> {
        self.cluster_told.filter(|at| now.duration_since(*at) < ONE_LOSS)
    }

    /// People who were told that there is no cluster know why its jobs are restarted; a second loss is news.
    pub(super) fn join_loss(&mut self, now: Timestamp) {
        let Some(at) = self.loss_told(now) else { return };
        let is_loss = |known: &StandingCondition| known.condition.kind == AlertKind::LostCluster;
        if self.standing.iter().any(|known| is_loss(known) && known.raised.is_some_and(|raised| raised >= at)) {
            return;
        }
        let new =
            |known: &&mut StandingCondition| is_loss(known) && known.raised.is_none() && !known.is_being_told(now);
        if let Some(known) = self.standing.iter_mut().find(new) {
            known.raised = Some(at);
            known.taken = None;
        }
    }

    /// People were told of these, or could not be.
    pub(super) fn note_loss(&mut self, conditions: &[AlertCondition], told: bool, now: Timestamp) {
        let is_of_cluster = |kind| matches!(kind, AlertKind::NoCluster | AlertKind::LostCluster);
        if told && conditions.iter().any(|condition| is_of_cluster(condition.kind)) {
            self.cluster_told = Some(now);
        }
    }

    /// Once all that was lost is back, the next loss is another one.
    pub(super) fn forget_loss(&mut self, ended: &[StandingCondition]) {
        if ended.iter().any(|known| known.condition.kind == AlertKind::LostCluster) {
            self.cluster_told = None;
        }
    }
}
