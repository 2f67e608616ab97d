//! The flags of `status`.
//! Must not know what comes of them.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use desired::manifest::JobName;
use orchestrator::actions::Standing;

use crate::cli::duration;

/// `status`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Status {
    /// The jobs; all if none is named.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<JobName>,
    /// Only jobs in one of these states, as STATE,STATE or with the flag repeated.
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state(), hide_possible_values = true)]
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

/// A word that the table shows; a name that was forgotten is shown only where it is named.
fn state() -> impl TypedValueParser<Value = Standing> {
    let words = Standing::ALL.into_iter().filter(|standing| *standing != Standing::Forgotten).map(Standing::as_str);
    PossibleValuesParser::new(words.collect::<Vec<_>>()).try_map(|word| word.parse::<Standing>())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    /// What people look up is what the table shows: no word more, none less.
    #[test]
    fn help_and_reference_list_every_word_of_the_table() {
        let all: BTreeSet<&str> = Standing::ALL.into_iter().map(Standing::as_str).collect();
        let mut command = Cli::command();
        let help = command.find_subcommand_mut("status").unwrap().render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = help.split("STATE is what was settled of a job: ").nth(1).unwrap().split(". SINCE").next().unwrap();
        let words: BTreeSet<&str> = told.split(", ").map(|word| word.split(' ').next().unwrap()).collect();
        assert_eq!(words, all, "{told}");
        let reference = include_str!("../../../../docs/reference.md");
        let row = reference.lines().find(|line| line.starts_with("| `STATE` |")).unwrap();
        let quoted: BTreeSet<&str> = row.split('`').skip(3).step_by(2).collect();
        assert_eq!(quoted, all, "{row}");
    }
}
