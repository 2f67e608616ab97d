//! `flink-sql-runner`: reads the command line, has the command done, ends with its code.
//! Must not know how any command does it.

mod acts;
mod apply;
mod ask;
mod cli;
mod compile;
mod concerned;
mod deadline;
mod deploy;
mod error;
mod exit;
mod files;
mod folders;
mod follow;
mod following;
mod gather;
mod help;
mod history;
mod init;
mod interrupt;
mod invocation;
mod layout;
mod logs;
mod markdown;
mod ordering;
mod orders;
mod out;
mod place;
mod plan;
mod process;
mod prune;
mod remove;
mod removing;
mod render;
mod replace;
mod report;

mod rollback;
mod saved;
mod session;
mod states;
mod status;
mod suspend;
#[cfg(test)]
mod test_kit;
mod upload;
mod usage;
mod validate;
mod whole;

use std::ffi::OsString;
use std::process::ExitCode;

use control::secrets::Secrets;
use orchestrator::actions::Action;
use step_runner::log::ScrubbedLog;

use crate::cli::{Cli, Command};
use crate::deadline::Deadline;
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::process::arguments::{ProcessCli, is_process, split};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let dispatch = std::env::var("DISPATCH").ok();
    if is_process(&arguments, dispatch.as_deref()) {
        let (ours, passed) = split(arguments);
        let (command, cli) = match usage::parse::<ProcessCli>(&ours) {
            Ok(read) => read,
            Err(code) => return ended(Ok(code), "", Out::default()),
        };
        let out = Out::new(cli.global.output);
        let hidden = Secrets::default();
        let run = process::run(cli, passed, hidden.clone(), out);
        return ended(block_on(&hidden, async move { Ok(run.await?.into()) }), &command, out);
    }
    let (command, cli) = match usage::parse::<Cli>(&arguments) {
        Ok(read) => read,
        Err(code) => return ended(Ok(code), "", Out::default()),
    };
    let out = Out::new(cli.global.output);
    ended(block_on(&Secrets::default(), run(cli, out)), &command, out)
}

/// Runs the command; a panic in it is an internal error, not the user's.
fn block_on(hidden: &Secrets, command: impl Future<Output = Result<ExitCode, CliError>>) -> Result<ExitCode, CliError> {
    log(hidden);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| CliError::Defect(format!("no runtime: {error}")))?;
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(command)))
        .unwrap_or_else(|_| Err(CliError::Defect("the program broke off".to_owned())))
}

/// The exit code of a command; what ended it early, or kept its result from stdout, is told.
fn ended(result: Result<ExitCode, CliError>, command: &str, out: Out) -> ExitCode {
    let code = result.unwrap_or_else(|error| {
        out.error(command, &error);
        error.exit().into()
    });
    // Whoever reads only a part of the result must not take it for the whole.
    let Some(missing) = out::missing() else { return code };
    let error = CliError::NotShown(std::io::Error::new(missing.kind(), missing.to_string()));
    out.error(command, &error);
    error.exit().into()
}

/// The log goes to stderr, and says only what goes wrong unless asked.
fn log(hidden: &Secrets) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let log = log.with_writer(ScrubbedLog::new(hidden.clone()));
    // A second start in one process keeps the first log.
    let _ = log.try_init();
}

async fn run(cli: Cli, out: Out) -> Result<ExitCode, CliError> {
    let invocation = Invocation::new(cli.global).until(Deadline::of(&cli.command));
    // What needs nothing outside this machine does not wait for the deployment's settings.
    let is_local = matches!(cli.command, Command::Init(_) | Command::Completions { .. } | Command::Man { .. });
    let invocation = if is_local { invocation } else { invocation.informed().await };
    if out.is_markdown() && !matches!(cli.command, Command::Plan(_)) {
        return Err(CliError::usage("only `plan` can be shown as Markdown", "use --output text or json"));
    }
    let exit: Exit = match cli.command {
        Command::Validate(arguments) => validate::run(&arguments, &invocation, out).await?,
        Command::Plan(arguments) => plan::run(&arguments, &invocation, out).await?,
        Command::Apply(arguments) => apply::run(&arguments, &invocation, out).await?,
        Command::Deploy(arguments) => deploy::run(&arguments, &invocation, out).await?,
        Command::Status(arguments) => status::run(&arguments, &invocation, out).await?,
        Command::History { name } => history::run(name, &invocation, out).await?,
        // Boxed: it holds what three services answer.
        Command::Logs(arguments) => Box::pin(logs::run(&arguments, &invocation, out)).await?,
        Command::Report(arguments) => report::run(&arguments, &invocation, out).await?,
        Command::Allow(arguments) => orders::allow(arguments, &invocation, out).await?,
        Command::Retry(arguments) => orders::retry(arguments, &invocation, out).await?,
        Command::Forget(arguments) => orders::forget(arguments, &invocation, out).await?,
        Command::Restart(arguments) => acts::restart(arguments, &invocation, out).await?,
        Command::Savepoint(arguments) => acts::savepoint(arguments, &invocation, out).await?,
        Command::Suspend(arguments) => suspend::suspend(arguments, &invocation, out).await?,
        Command::Resume(arguments) => suspend::resume(arguments, &invocation, out).await?,
        Command::Rollback(arguments) => Box::pin(rollback::run(arguments, &invocation, out)).await?,
        Command::States { name } => states::run(name, &invocation, out).await?,
        Command::Remove(arguments) => remove::run(&arguments, &invocation, out).await?,
        Command::Redeploy => orders::order(Action::Redeploy { by: None }, &invocation, out).await?,
        Command::Sweep => orders::order(Action::Sweep { by: None }, &invocation, out).await?,
        Command::Session { command } => session::run(*command, &invocation, out).await?,
        Command::Init(arguments) => init::run(&arguments, &invocation, out)?,
        Command::Completions { shell } => help::completions(shell),
        Command::Man { folder } => help::man(folder.as_deref(), out)?,
    };
    Ok(exit.into())
}
