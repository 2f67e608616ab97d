//! The Python tool's own flags, so that a cron job changes over by swapping the command.
//! Must not know what follows from them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use flink::cluster_arguments::ClusterArguments;

use crate::cli::{Global, parameter};
use crate::exit;

/// The commands of the Python tool, on the primary node: local files in, one batch carried out in this process.
#[derive(Debug, Parser)]
#[command(name = "flink-sql-runner", version, after_help = exit::HELP)]
pub(crate) struct ProcessCli {
    /// Flags of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: ProcessCommand,
}

/// What can be done on the primary node.
#[derive(Debug, Subcommand)]
pub(crate) enum ProcessCommand {
    /// Bring all jobs to what the manifests in a folder say; those of it whose file is gone are stopped.
    Deploy(Folder),
    /// Bring one job to what its merged manifest says; nothing else is touched.
    DeployJob(OneJob),
    /// Show what `deploy` would do; change nothing.
    Plan(Folder),
}

/// A folder of manifests.
#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// The folder of the manifests, searched in depth.
    #[arg(long, value_name = "DIR")]
    pub(crate) path: PathBuf,
    /// The job template.
    #[arg(long, value_name = "FILE")]
    pub(crate) template_file: PathBuf,
    /// The rest.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// One merged manifest.
#[derive(Debug, Args)]
pub(crate) struct OneJob {
    /// The manifest, merged with its template already.
    #[arg(long, value_name = "FILE")]
    pub(crate) job_config_path: PathBuf,
    /// The rest.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The flags of both commands. Flags that are not known are passed on to `flink run`.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The bucket of deployed manifests and records.
    #[arg(long, value_name = "NAME")]
    pub(crate) external_job_config_bucket: String,
    /// Where deployed manifests lie; records lie beside.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) external_job_config_prefix: String,
    /// Table definitions, local or s3://, in the order they run.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) table_definition_path: Vec<String>,
    /// The Python interpreter of the client and of functions, at the same path on every node.
    #[arg(long, value_name = "PYTHON")]
    pub(crate) pyexec_path: PathBuf,
    /// Accepted for compatibility, ignored: the runner comes with this program.
    #[arg(long, value_name = "DIR")]
    pub(crate) pyflink_runner_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) session_cluster: ClusterArguments,
    /// Values for the names in table definitions.
    #[arg(long, value_name = "NAME=VALUE", num_args = 1.., value_parser = parameter)]
    pub(crate) template_params: Vec<(String, String)>,
    /// The column that says when a row was made; empty for none.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) timestamp_field_name: Option<String>,
    /// Taken and always so, as in the Python tool.
    #[arg(long)]
    pub(crate) include_query_metadata: bool,
    /// The `flink` script.
    #[arg(long, env = "FLINK", hide_env_values = true, default_value = "flink")]
    pub(crate) flink: PathBuf,
    /// Where locks and logs lie.
    #[arg(long, env = "STATE_DIRECTORY", hide_env_values = true, default_value = "/tmp/flink-sql-runner")]
    pub(crate) state_directory: PathBuf,
}

/// How many values a known flag takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arity {
    None,
    One,
    Many,
}

/// The flags that are ours; all others are passed on.
const KNOWN: [(&str, Arity); 31] = [
    ("--path", Arity::One),
    ("--template-file", Arity::One),
    ("--job-config-path", Arity::One),
    ("--external-job-config-bucket", Arity::One),
    ("--external-job-config-prefix", Arity::One),
    ("--table-definition-path", Arity::Many),
    ("--pyexec-path", Arity::One),
    ("--pyflink-runner-dir", Arity::One),
    ("--deployment-target", Arity::One),
    ("--jobmanager-address", Arity::One),
    ("--jobmanager-ca", Arity::One),
    ("--jobmanager-cert", Arity::One),
    ("--jobmanager-key", Arity::One),
    ("--resource-manager", Arity::One),
    ("--hadoop-conf-dir", Arity::One),
    ("--session-name", Arity::One),
    ("--session-id", Arity::One),
    ("--session-wait-ms", Arity::One),
    ("--template-params", Arity::Many),
    ("--timestamp-field-name", Arity::One),
    ("--include-query-metadata", Arity::None),
    ("--flink", Arity::One),
    ("--state-directory", Arity::One),
    ("--bucket", Arity::One),
    ("--prefix", Arity::One),
    ("--function", Arity::One),
    ("--cluster", Arity::One),
    ("--dispatch", Arity::One),
    ("--output", Arity::One),
    ("--help", Arity::None),
    ("--version", Arity::None),
];

/// Whether these are the Python tool's commands: DISPATCH=process and one of them.
pub(crate) fn is_process(arguments: &[OsString], dispatch: Option<&str>) -> bool {
    let texts: Vec<&str> = arguments.iter().skip(1).filter_map(|a| a.to_str()).collect();
    let flag = texts.iter().enumerate().find_map(|(index, text)| match text.strip_prefix("--dispatch") {
        Some("") => texts.get(index + 1).copied(),
        Some(value) => value.strip_prefix('='),
        None => None,
    });
    let command = texts.iter().any(|text| matches!(*text, "deploy" | "deploy-job" | "plan"));
    flag.or(dispatch) == Some("process") && command
}

/// Our own arguments, and those that are passed on, each in its order.
pub(crate) fn split(arguments: Vec<OsString>) -> (Vec<OsString>, Vec<String>) {
    let (mut ours, mut passed) = (Vec::new(), Vec::new());
    // Who the next value belongs to: a flag of ours that still takes some, or one that is passed on.
    let (mut taking, mut passing) = (Arity::None, false);
    for argument in arguments {
        let text = argument.to_string_lossy().into_owned();
        let name = text.split('=').next().unwrap_or_default();
        let known = KNOWN.iter().find(|(known, _)| *known == name).map(|(_, arity)| *arity);
        match known {
            // A value may look like anything.
            _ if taking == Arity::One => {
                taking = Arity::None;
                ours.push(argument);
            }
            Some(arity) => {
                taking = if text.contains('=') { Arity::None } else { arity };
                passing = false;
                ours.push(argument);
            }
            None if matches!(text.as_str(), "-h" | "-V") => ours.push(argument),
            None if text.starts_with('-') && text.len() > 1 => {
                (taking, passing) = (Arity::None, true);
                passed.push(text);
            }
            None if passing && taking == Arity::None => passed.push(text),
            None => ours.push(argument),
        }
    }
    (ours, passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    /// The README's command, with some passthrough.
    const COMMAND: &str = "flink-sql-runner deploy --path queries/ --template-file t.yaml --pyflink-runner-dir runner/ \
        -Dtaskmanager.x=1 --pyexec-path /venv/bin/python3 --external-job-config-bucket b \
        --external-job-config-prefix flink-sql-runner/manifests/ --table-definition-path in.sql out.sql \
        --parallelism 4 --deployment-target remote --jobmanager-address localhost:8081 --template-params a=1 b=2 -yD k=v";

    #[test]
    fn unknown_flags_are_passed_on_with_their_values() {
        let (ours, passed) = split(words(COMMAND));
        assert_eq!(passed, ["-Dtaskmanager.x=1", "--parallelism", "4", "-yD", "k=v"]);
        let cli = ProcessCli::try_parse_from(ours).unwrap();
        let ProcessCommand::Deploy(Folder { path, common, .. }) = cli.command else { panic!("not deploy") };
        assert_eq!(path, PathBuf::from("queries/"));
        assert_eq!(common.table_definition_path, ["in.sql", "out.sql"]);
        assert_eq!(common.template_params, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        assert_eq!(common.timestamp_field_name, None);
    }

    #[test]
    fn an_empty_time_stamp_field_means_none() {
        let mut arguments = words(COMMAND);
        arguments.extend(["--timestamp-field-name".into(), String::new().into(), "--include-query-metadata".into()]);
        let (ours, _) = split(arguments);
        let ProcessCommand::Deploy(folder) = ProcessCli::try_parse_from(ours).unwrap().command else {
            panic!("not deploy")
        };
        assert_eq!(folder.common.timestamp_field_name.as_deref(), Some(""));
    }

    #[test]
    fn process_is_asked_for_by_flag_or_environment() {
        assert!(is_process(&words(COMMAND), Some("process")));
        assert!(!is_process(&words(COMMAND), None));
        assert!(is_process(&words("x --dispatch=process deploy-job"), Some("emr")));
        assert!(is_process(&words("x deploy --dispatch process"), None));
        assert!(!is_process(&words("x status --dispatch process"), None));
        assert!(!is_process(&words("x deploy --dispatch emr"), Some("process")));
    }

    #[test]
    fn every_flag_of_ours_is_known() {
        let command = <ProcessCli as clap::CommandFactory>::command();
        for sub in command.get_subcommands() {
            for argument in sub.get_arguments().chain(command.get_arguments()) {
                let long = format!("--{}", argument.get_long().unwrap());
                assert!(KNOWN.iter().any(|(known, _)| *known == long), "{long}");
            }
        }
    }
}
