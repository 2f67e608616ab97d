//! What the SSM command of one operation printed: the runner's log, as much as SSM keeps of it.
//! Must not know how lines are shown, nor which operation is meant.

use std::time::Duration;

use aws::{CommandOutput, LoggedError, SsmCommands};
use control::errors::error_chain;
use lifecycle::ids::OperationId;
use serde::Serialize;

use super::step::{Chosen, choose};

/// How long all of it may take.
const LONGEST: Duration = Duration::from_secs(30);

/// Lines that a command printed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct OutputLines {
    pub(super) command: String,
    pub(super) instance: String,
    /// How the command ended, in SSM's words.
    pub(super) status: String,
    /// Whether they name the operation; else they are the end of the output.
    pub(super) name_it: bool,
    /// As they were printed, the newest first: those on stderr, which is the runner's log, before those on stdout.
    pub(super) lines: Vec<String>,
    /// How many more there are.
    pub(super) older: usize,
    /// Whether the output is as long as SSM keeps it: its end is missing.
    pub(super) cut: bool,
}

/// The lines of a command that name the operation; in words why there are none.
pub(super) async fn fetch(
    ssm: &SsmCommands,
    command: &str,
    instance: Option<&str>,
    operation: OperationId,
) -> Result<OutputLines, String> {
    let instance = instance.ok_or("the receipt of its batch does not say to which instance the command went")?;
    match tokio::time::timeout(LONGEST, ssm.output(command, instance)).await {
        Ok(Ok(output)) if output.over => Ok(of_output(&output, command, instance, operation)),
        Ok(Ok(output)) => Err(format!("the command is {}: SSM shows what it printed once it is over", output.status)),
        Ok(Err(LoggedError::NotThere(_))) => {
            let when = "it shows one seconds after it was sent, and forgets it after 30 days";
            Err(format!("SSM knows no command {command} on {instance}: {when}"))
        }
        Ok(Err(denied @ LoggedError::Denied { .. })) => {
            Err(format!("{denied} (your policy lacks ssm:GetCommandInvocation: the template's OperatorPolicy has it)"))
        }
        Ok(Err(LoggedError::Outside(error))) => Err(error_chain(&error)),
        Err(_) => Err(format!("SSM did not answer within {} s", LONGEST.as_secs())),
    }
}

fn of_output(output: &CommandOutput, command: &str, instance: &str, operation: OperationId) -> OutputLines {
    let printed = [output.stdout.as_str(), output.stderr.as_str()].map(str::lines).into_iter().flatten().collect();
    let Chosen { name_it, lines, older } = choose(printed, operation);
    OutputLines {
        command: command.to_owned(),
        instance: instance.to_owned(),
        status: output.status.clone(),
        name_it,
        lines,
        older,
        cut: output.cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_the_runner_comes_before_what_else_was_printed() {
        let operation = OperationId::derived(&["o"]);
        let output = |stdout: String, stderr: String| {
            let output = CommandOutput { status: "Failed".to_owned(), over: true, stdout, stderr, cut: true };
            of_output(&output, "c-1", "i-1", operation)
        };
        let named = output(format!("out {operation}\n"), format!("one {operation}\nof another\ntwo {operation}"));
        let lines = ["two", "one", "out"].map(|line| format!("{line} {operation}"));
        assert_eq!((named.name_it, &named.lines[..], named.cut), (true, &lines[..], true));
        let other = output(String::new(), "a\nb\n".to_owned());
        assert_eq!((other.name_it, other.lines), (false, vec!["b".to_owned(), "a".to_owned()]));
    }
}
