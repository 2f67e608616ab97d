//! Wrong usage, told with the usage of the command that was meant: clap shows whatever the environment sets as well.
//! Must not know what a command does.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error, Parser};

use crate::exit::Exit;
use crate::help;
use crate::out::Out;

/// Reads the command line: the command's name and what is said of it. Else what is wrong with it, or the help that was
/// asked for, is shown.
pub(crate) fn parse<T: Parser>(arguments: &[OsString]) -> Result<(String, T), ExitCode> {
    let cli = read(arguments).map_err(|error| {
        let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
        if error.use_stderr() {
            // Beside a result: where it cannot be written, nothing is missing.
            let _ = error.print();
        } else {
            Out::styled(&error.render().ansi().to_string());
        }
        exit
    })?;
    Ok((meant(T::command(), arguments).get_name().to_owned(), cli))
}

/// Reads the command line; an error shows the short usage.
pub(crate) fn read<T: Parser>(arguments: &[OsString]) -> Result<T, Error> {
    help::parse_from(arguments).map_err(|mut error| {
        let command = meant(T::command(), arguments);
        if error.get(ContextKind::Usage).is_some() {
            error.insert(ContextKind::Usage, ContextValue::StyledStr(command.clone().render_usage()));
        }
        if error.kind() == ErrorKind::InvalidSubcommand && arguments.iter().any(|word| word == "deploy-job") {
            let only = "`deploy-job` exists only with DISPATCH=process, on the primary node".to_owned();
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![only.into()]));
        }
        error
    })
}

/// The command that the words name, as deep as they do.
fn meant(mut command: Command, arguments: &[OsString]) -> Command {
    command.build();
    for word in arguments.iter().skip(1) {
        if let Some(sub) = word.to_str().and_then(|word| command.find_subcommand(word)) {
            command = sub.clone();
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::process::arguments::ProcessCli;

    fn said<T: Parser>(words: &str) -> String {
        match read::<T>(&words.split_whitespace().map(OsString::from).collect::<Vec<_>>()) {
            Ok(_) => panic!("{words} is right"),
            Err(error) => error.to_string(),
        }
    }

    /// What the environment or a flag sets is no part of what was left out.
    #[test]
    fn wrong_usage_shows_the_short_usage() {
        let wrong = said::<Cli>("flink-sql-runner --bucket b --prefix p history");
        insta::assert_snapshot!(wrong, @r"
        error: the following required arguments were not provided:
          <NAME>

        Usage: flink-sql-runner history [OPTIONS] <NAME>

        For more information, try '--help'.
        ");
        let usage = |text: String| text.lines().find(|line| line.starts_with("Usage:")).unwrap().to_owned();
        let restart = usage(said::<Cli>("flink-sql-runner --bucket b session restart --wave 0 --nonsense"));
        assert_eq!(restart, "Usage: flink-sql-runner session restart [OPTIONS]");
        let process = usage(said::<ProcessCli>("flink-sql-runner --dispatch process deploy-job"));
        assert!(process.starts_with("Usage: flink-sql-runner deploy-job [OPTIONS] --job-config-path"), "{process}");
    }

    #[test]
    fn deploy_job_says_where_it_exists() {
        insta::assert_snapshot!(said::<Cli>("flink-sql-runner deploy-job --job-config-path x"), @r"
        error: unrecognized subcommand 'deploy-job'

          tip: some similar subcommands exist: 'redeploy', 'deploy'
          tip: `deploy-job` exists only with DISPATCH=process, on the primary node

        Usage: flink-sql-runner [OPTIONS] <COMMAND>

        For more information, try '--help'.
        ");
    }
}
