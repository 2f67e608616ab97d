//! What people order of a job that runs, and from which of its states.
//! Must not know how it is carried out.

use lifecycle::act::Act;

use crate::sim::State;

/// What is ordered; which state it names is found when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Restart,
    Clean,
    /// From the oldest state that is there.
    Oldest,
    Savepoint,
}

impl Wanted {
    pub(crate) const ALL: [Self; 4] = [Self::Restart, Self::Clean, Self::Oldest, Self::Savepoint];

    pub(crate) fn act(self, state: &State, name: &str) -> Act {
        match self {
            Self::Restart => Act::Restart,
            Self::Clean => Act::RestartClean,
            Self::Savepoint => Act::Savepoint,
            Self::Oldest => {
                let version = state.flink.live(name).map(|job| job.version).next();
                let fits = |saved: &&crate::flink::Saved| {
                    saved.complete && saved.name == name && Some(saved.version) == version
                };
                let all = state.flink.states.all.iter().filter(|(_, saved)| fits(saved));
                let Some((path, _)) = all.min_by_key(|(_, saved)| saved.checkpoint_id) else { return Act::Restart };
                let of_live_run = state.flink.live(name).any(|job| path.contains(&format!("/{}/", job.id)));
                Act::RestartFrom { path: path.clone(), of_live_run }
            }
        }
    }
}
