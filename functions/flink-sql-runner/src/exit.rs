//! The exit codes, in one place: scripts rely on them.
//! Must not know what led to one.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, or nothing to do.
    Done,
    /// 1: a job failed or was rolled back; of `status`, something is not as it should be.
    Failed,
    /// 2: wrong usage or configuration.
    Usage,
    /// 3: a manifest or a table definition is invalid.
    Invalid,
    /// 4: there are changes; only with `--exit-code`.
    Changes,
    /// 5: the outcome is unknown, it goes on.
    Unknown,
    /// 6: something outside (the function, S3, EMR, SSM, Flink) could not be reached or refused, or stdout takes no more.
    Unreachable,
    /// 7: refused until it is allowed.
    Held,
    /// 130: ended by Ctrl-C; what was ordered goes on.
    Interrupted,
    /// 70: a bug of this program.
    Defect,
}

/// What each code means, for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0   done, or nothing to do
  1   a job failed or was rolled back; of `status`: something is not as it should be
  2   wrong usage or configuration, or nothing waits for what was ordered
  3   a manifest or a table definition is invalid
  4   there are changes (only with --exit-code)
  5   the outcome is unknown, it goes on
  6   something outside (the function, S3, EMR, SSM, Flink) could not be reached or refused; or stdout takes no more
  7   refused until it is allowed
  70  internal error (bug)
  130 ended by Ctrl-C; what was ordered goes on";

impl Exit {
    /// From the one that matters most to the one that matters least.
    const BY_WEIGHT: [Self; 10] = [
        Self::Defect,
        Self::Usage,
        Self::Interrupted,
        Self::Failed,
        Self::Invalid,
        Self::Held,
        Self::Unreachable,
        Self::Unknown,
        Self::Changes,
        Self::Done,
    ];

    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Changes => 4,
            Self::Unknown => 5,
            Self::Unreachable => 6,
            Self::Held => 7,
            Self::Defect => 70,
            Self::Interrupted => 130,
        }
    }

    /// The one of the two that matters more.
    pub(crate) fn and(self, other: Self) -> Self {
        Self::BY_WEIGHT.into_iter().find(|exit| *exit == self || *exit == other).unwrap_or(self)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_help() {
        for exit in Exit::BY_WEIGHT {
            let line = format!("\n  {:<4}", exit.code());
            assert!(HELP.contains(&line), "{exit:?}");
        }
    }

    /// The codes of `docs/reference.md`, from the one that matters most to the one that matters least.
    fn documented() -> Vec<Exit> {
        let text = include_str!("../../../docs/reference.md");
        let order = text.split("the one that matters most is given: ").nth(1).unwrap().split('.').next().unwrap();
        let codes = order.split(',').map(|code| code.trim().parse::<u8>().unwrap());
        let exit = |code| Exit::BY_WEIGHT.into_iter().find(|exit| exit.code() == code).unwrap();
        codes.map(exit).collect()
    }

    #[test]
    fn of_two_codes_the_one_is_given_that_matters_more() {
        let order = documented();
        assert_eq!(order.len(), Exit::BY_WEIGHT.len(), "each code has its place");
        for (n, more) in order.iter().enumerate() {
            for less in &order[n..] {
                assert_eq!((more.and(*less), less.and(*more)), (*more, *more), "{more:?} and {less:?}");
            }
        }
    }

    /// Scripts rely on them.
    #[test]
    fn the_codes_mean_what_the_reference_says() {
        let text = include_str!("../../../docs/reference.md");
        let table = text.split("### Exit codes").nth(1).unwrap().split("\n##").next().unwrap();
        for (exit, words) in [
            (Exit::Done, "done"),
            (Exit::Failed, "a job failed"),
            (Exit::Usage, "wrong usage"),
            (Exit::Invalid, "a manifest or a table definition is invalid"),
            (Exit::Changes, "there are changes"),
            (Exit::Unknown, "the outcome is unknown"),
            (
                Exit::Unreachable,
                "something outside (the function, S3, EMR, SSM, Flink) could not be reached or refused; ",
            ),
            (Exit::Held, "refused until it is allowed"),
            (Exit::Defect, "internal error"),
            (Exit::Interrupted, "ended by Ctrl-C"),
        ] {
            let row = format!("| {} | {words}", exit.code());
            assert!(table.contains(&row), "{row}");
            let help = HELP.lines().find(|line| line.trim_start().starts_with(&format!("{} ", exit.code()))).unwrap();
            assert!(help.contains(words), "{help}");
        }
    }
}
