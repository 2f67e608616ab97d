//! The command line's definition as people meet it: what each command needs, flags of every command told once in short
//! help; and from it the completions and the man pages. Must not know what a command does.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory, Parser};
use clap_complete::Shell;
use serde_json::json;

use crate::cli::Cli;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files::shown;
use crate::out::Out;

/// The heading of the flags of every command.
const EVERYWHERE: &str = "Everywhere";
/// Where the program is called so.
const PROGRAM: &str = "flink-sql-runner";

/// What a command needs beside this program, on one line of its help.
fn needs(command: &str) -> Option<&'static str> {
    Some(match command {
        "validate" => "nothing but the files; the function's settings where it is to judge as the function does",
        "init" => "the name of the bucket (--bucket); nothing outside this machine",
        "completions" | "man" => "nothing",
        "status" | "history" | "logs" | "report" => {
            "the bucket (--bucket), and AWS credentials of an operator or an uploader"
        }
        "plan" | "states" => "the bucket (--bucket), and AWS credentials of an operator",
        "apply" => {
            "the bucket (--bucket), and AWS credentials of an operator that may also write its queries/ and config/"
        }
        "remove" => "the bucket (--bucket), and AWS credentials that may delete from its queries/",
        "deploy" => {
            "the bucket (--bucket), and AWS credentials that may write its queries/ and config/; jobs given by name need an operator's credentials"
        }
        "suspend" | "resume" => {
            "the bucket (--bucket), and AWS credentials of an operator or an uploader; --dry-run asks the function, as `retry`"
        }
        "rollback" => "the bucket (--bucket), and AWS credentials of an operator, who reads the plans of operations",
        "allow" | "retry" | "forget" | "restart" | "savepoint" | "redeploy" | "sweep" => {
            "the bucket (--bucket), and AWS credentials of an operator, who may invoke the function"
        }
        "session" => {
            "a shell on the primary node, the bucket (--bucket), and AWS credentials that may read and write it"
        }
        "deploy-job" => "a shell on the primary node, and AWS credentials that may read and write the bucket",
        _ => return None,
    })
}

/// The definition with what each command needs; short help tells the flags of every command at the top only.
pub(crate) fn shaped<T: CommandFactory>() -> Command {
    let mut command = T::command();
    // Flags of every command reach the others here; they are changed afterwards.
    command.build();
    // Where there is `deploy-job`, every command acts on the primary node.
    let all = command.find_subcommand("deploy-job").and_then(|sub| needs(sub.get_name()));
    command.mut_subcommands(|sub| below(sub, all))
}

/// What a command needs, those below it need.
fn below(command: Command, above: Option<&'static str>) -> Command {
    if command.get_name() == "help" {
        return command;
    }
    let needed = above.or_else(|| needs(command.get_name()));
    let command = command
        .mut_args(|arg| if arg.get_help_heading() == Some(EVERYWHERE) { arg.hide_short_help(true) } else { arg });
    let command = match needed {
        Some(needed) => command.after_help(format!("Needs: {needed}.")),
        None => command,
    };
    command.mut_subcommands(|sub| below(sub, needed))
}

/// Prints what a shell completes the command line with.
pub(crate) fn completions(shell: Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut text);
    Out::plain(&text);
    Exit::Done
}

/// Writes a man page for each command into a folder, or prints the first of them.
pub(crate) fn man(folder: Option<&Path>, out: Out) -> Result<Exit, CliError> {
    let mut pages = Vec::new();
    collect(shaped::<Cli>(), &mut pages);
    let Some(folder) = folder else {
        if let Some((_, page)) = pages.first() {
            Out::plain(page);
        }
        return Ok(Exit::Done);
    };
    fs::create_dir_all(folder).map_err(|source| CliError::NotWritten { path: folder.to_owned(), source })?;
    let mut written = Vec::new();
    for (name, page) in pages {
        let path = folder.join(format!("{name}.1"));
        fs::write(&path, page).map_err(|source| CliError::NotWritten { path: path.clone(), source })?;
        written.push(shown(&path));
    }
    let document = json!({"format": "flink-sql-runner/man", "version": 1, "files": written});
    let (count, folder) = (written.len(), shown(folder));
    out.result(&document, || format!("wrote {count} man pages to {folder}\n"));
    Ok(Exit::Done)
}

/// The page of a command, named like it, then those of the commands below it.
fn collect(command: Command, pages: &mut Vec<(String, Vec<u8>)>) {
    let subs: Vec<Command> = command.get_subcommands().filter(|sub| sub.get_name() != "help").cloned().collect();
    let name = command.get_display_name().unwrap_or(PROGRAM).to_owned();
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _ = clap_mangen::Man::new(command).render(&mut page);
    pages.push((name, page));
    for sub in subs {
        collect(sub, pages);
    }
}

/// Reads arguments with the shaped definition.
pub(crate) fn parse_from<T: Parser>(arguments: &[std::ffi::OsString]) -> Result<T, clap::Error> {
    let mut command = shaped::<T>();
    let matches = command.try_get_matches_from_mut(arguments)?;
    T::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::arguments::ProcessCli;

    fn every(command: &Command, found: &mut Vec<Command>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            found.push(sub.clone());
            every(sub, found);
        }
    }

    #[test]
    fn every_command_says_what_it_needs() {
        for command in [shaped::<Cli>(), shaped::<ProcessCli>()] {
            let mut commands = Vec::new();
            every(&command, &mut commands);
            assert!(commands.len() >= 3);
            for mut sub in commands {
                for help in [sub.render_help(), sub.render_long_help()] {
                    assert!(help.to_string().contains("Needs: "), "{}", sub.get_name());
                }
            }
        }
    }

    #[test]
    fn flags_of_every_command_are_told_once_in_short_help() {
        let mut top = shaped::<Cli>();
        assert!(top.render_help().to_string().contains("--bucket"));
        let mut commands = Vec::new();
        every(&top, &mut commands);
        for mut sub in commands {
            assert!(!sub.render_help().to_string().contains("--output"), "{}", sub.get_name());
            assert!(sub.render_long_help().to_string().contains("--output <FORM>"), "{}", sub.get_name());
        }
    }

    #[test]
    fn each_command_has_a_man_page() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man");
        man(Some(&pages), Out::new(crate::out::Form::Json)).unwrap();
        let text = |name: &str| fs::read_to_string(pages.join(name)).unwrap();
        assert!(text("flink-sql-runner.1").contains("Exit codes"));
        assert!(text("flink-sql-runner-session-restart.1").contains("with\\-strangers"));
        assert!(text("flink-sql-runner-deploy.1").contains("queries/"));
    }
}
