//! `local-stack`: the whole product on this machine, with a fake AWS and a real Flink. Never packaged.
//! Reads the command line and shows what comes of it. Must not know how any command does it.

mod commands;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use tracing_subscriber::EnvFilter;

/// Runs flink-sql-runner on this machine: S3, EMR, SSM and Lambda by their wire protocols, and a real Flink.
#[derive(Debug, Parser)]
#[command(name = "local-stack", version)]
struct Cli {
    /// For people or for programs.
    #[arg(long, global = true, default_value = "text", value_name = "FORM")]
    output: Form,
    #[command(subcommand)]
    command: commands::Command,
}

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Where results go.
#[derive(Clone, Copy, Debug)]
struct Out(Form);

impl Out {
    /// The result: the document for programs, the text for people.
    fn result<T: Serialize>(self, document: &T, text: impl FnOnce() -> String) {
        let text = match self.0 {
            Form::Json => serde_json::to_string_pretty(document).unwrap_or_default() + "\n",
            Form::Text => text(),
        };
        // A closed pipe is the reader's choice, not an error.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).try_init();
    let Cli { output, command } = Cli::parse();
    commands::run(command, Out(output)).await.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        let mut cause = std::error::Error::source(&error);
        while let Some(next) = cause {
            eprintln!("  caused by: {next}");
            cause = next.source();
        }
        eprintln!("help: {}", error.help());
        ExitCode::FAILURE
    })
}
