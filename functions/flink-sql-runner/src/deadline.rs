//! How long a command waits, for everything that it waits for together: the function's answer and what comes of it.
//! Must not know what is waited for.

use std::time::Duration;

use tokio::time::Instant;

use crate::cli::{Command, FollowFlags};

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// How long was to be waited.
    pub(crate) limit: Duration,
    pub(crate) at: Instant,
}

impl Deadline {
    /// From now on.
    pub(crate) fn begin(limit: Duration) -> Self {
        Self { limit, at: Instant::now() + limit }
    }

    /// Of a command that begins, if it is to wait.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        flags(command).and_then(FollowFlags::limit).map(Self::begin)
    }

    /// Whether the time is up.
    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.at
    }
}

fn flags(command: &Command) -> Option<FollowFlags> {
    match command {
        Command::Apply(arguments) => Some(arguments.follow),
        Command::Deploy(arguments) => Some(arguments.follow),
        Command::Remove(arguments) => Some(arguments.follow),
        Command::Allow(arguments) => Some(arguments.flags.follow),
        Command::Retry(arguments) => Some(arguments.flags.follow),
        Command::Restart(arguments) => Some(arguments.flags.follow),
        Command::Savepoint(arguments) => Some(arguments.flags.follow),
        Command::Suspend(arguments) | Command::Resume(arguments) => Some(arguments.flags.follow),
        Command::Rollback(arguments) => Some(arguments.flags.follow),
        Command::Validate(_)
        | Command::Plan(_)
        | Command::Status(_)
        | Command::History { .. }
        | Command::Logs(_)
        | Command::Report(_)
        | Command::Forget(_)
        | Command::States { .. }
        | Command::Redeploy
        | Command::Sweep
        | Command::Session { .. }
        | Command::Init(_)
        | Command::Completions { .. }
        | Command::Man { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::Cli;

    /// Each command that has both flags has a deadline: none waits for the function longer than for what it ordered.
    #[test]
    fn whatever_waits_has_one_deadline_for_all_of_it() {
        let mut found = 0;
        for command in Cli::command().get_subcommands() {
            let has = |flag: &str| command.get_arguments().any(|argument| argument.get_long() == Some(flag));
            if !(has("wait") && has("timeout")) {
                continue;
            }
            let mut arguments = vec!["x", command.get_name(), "a"];
            arguments.extend((command.get_name() == "allow").then_some("adopt"));
            let waiting = [&arguments[..], &["--wait", "--timeout", "7s"]].concat();
            let of = |arguments: &[&str]| Deadline::of(&Cli::try_parse_from(arguments).unwrap().command);
            assert_eq!(of(&waiting).map(|it| it.limit), Some(Duration::from_secs(7)), "{}", command.get_name());
            assert!(of(&arguments).is_none(), "{}", command.get_name());
            found += 1;
        }
        assert_eq!(found, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_is_up_once_it_is() {
        let deadline = Deadline::begin(Duration::from_secs(2));
        assert!(!deadline.is_over());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(deadline.is_over());
    }
}
