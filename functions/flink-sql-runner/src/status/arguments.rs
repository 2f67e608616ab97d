//! The flags of `status`.
//! Must not know what comes of them.

use std::time::Duration;

use clap::{Args, ValueEnum};
use desired::manifest::JobName;

use crate::cli::duration;
use crate::status::standing::Standing;

/// `status`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Status {
    /// The jobs; all if none is named.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<JobName>,
    /// Only jobs in one of these states.
    #[arg(long, value_name = "STATE", num_args = 1.., hide_possible_values = true)]
    pub(crate) state: Vec<Standing>,
    /// In which order.
    #[arg(long, value_name = "BY", default_value = "name")]
    pub(crate) sort: SortBy,
    /// With each run's Flink job id.
    #[arg(long)]
    pub(crate) wide: bool,
    /// Have the node look at the cluster first, and wait for it. Lost runs that it shows are brought back, as always.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// How long to wait for that look: 90s, 10m, 2h.
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Duration,
    /// Show it again every 5 s until Ctrl-C.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// The order of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortBy {
    /// By name.
    #[default]
    Name,
    /// What is wrong first.
    State,
    /// What stands so for longest first.
    Since,
    /// The oldest checkpoint first.
    Checkpoint,
}
