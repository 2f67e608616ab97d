//! The help texts that people read, and wrong usage.
//! A flag that is added shows up here.

use clap::CommandFactory;

use super::*;
use crate::exit::Exit;

fn help(path: &[&str]) -> String {
    let mut command = crate::help::shaped::<Cli>().term_width(100);
    for name in path {
        command = command.find_subcommand(name).unwrap().clone();
    }
    // Blank ends of lines are not worth a snapshot.
    command.render_help().to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
    <crate::process::arguments::ProcessCli as CommandFactory>::command().debug_assert();
}

#[test]
fn help_of_all() {
    insta::assert_snapshot!(help(&[]), @r"
    Keeps streaming queries on a shared Flink cluster as their manifests in S3 say

    Usage: flink-sql-runner [OPTIONS] <COMMAND>

    Commands:
      validate     Check manifests and table definitions on this machine
      plan         Show what a deployment would do; change nothing
      apply        Carry out a plan that was saved, unless what it rests on moved on
      deploy       Upload manifests, or bring named jobs to what is uploaded, and follow what comes of it
      status       Show how jobs stand: what holds them, what is owed to them, which uploads are refused
      history      Show what was done about a job, why, and by whom
      logs         Show what is known of an operation in full, with what Flink and the step said, and how to fetch the other lines
      report       Write one page for a browser: all jobs, their operations over time, which tables they read and write, alerts
      allow        Allow once what is refused for safety
      retry        Try again at once what failed or waits for a job
      restart      Start a running job again: from a savepoint of now, without state, or from an older state
      savepoint    Take a savepoint of a running job, which goes on
      suspend      Stop a job with a savepoint until `resume`: its uploaded manifest gets `state: suspended`
      resume       Have a suspended job go on from its state: its uploaded manifest gets `state: running`
      rollback     Upload the manifest that an earlier operation deployed, in the place of the present one
      forget       Forget a name of which nothing is left: no file, no run, no state
      states       List the states of a job: checkpoints and savepoints, and what goes on from each
      remove       Delete jobs' uploaded manifests: the jobs are stopped with a savepoint, their states kept
      redeploy     Bring every job to what is uploaded, and look for lost runs
      sweep        Look after open operations and due retries
      session      The Flink session on YARN: that one is there, how it stands, a new one with all jobs brought back
      init         Write a project with one job that deploys as it is
      completions  Print the completions of a shell
      man          Print the man page, or write the pages of all commands into a folder
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Everywhere:
          --bucket <NAME>        The bucket of manifests and records [env: BUCKET]
          --prefix <PREFIX>      What all keys in the bucket begin with [default: flink-sql-runner/] [env: PREFIX]
          --function <NAME|ARN>  The function that decides [default: the one that the deployment names, else flink-sql-runner] [env: FUNCTION]
          --cluster <CLUSTER>    The EMR cluster: an id (j-…), or a tag as KEY=VALUE [env: CLUSTER]
          --dispatch <HOW>       How operations reach the primary node [default: emr] [env: DISPATCH] [possible values: emr, ssm, process]
          --output <FORM>        For people or for programs [default: text] [possible values: text, json, markdown]

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
      130 ended by Ctrl-C; what was ordered goes on
    ");
}

#[test]
fn help_of_deploy() {
    insta::assert_snapshot!(help(&["deploy"]), @r"
    Upload manifests, or bring named jobs to what is uploaded, and follow what comes of it

    Usage: flink-sql-runner deploy [OPTIONS] [PATH|NAME]...

    Arguments:
      [PATH|NAME]...  Manifests or folders to upload, or names of jobs; all uploaded jobs if none is given

    Options:
          --prune           Delete what is uploaded and has no file in the given folders: these jobs are stopped, their states kept
          --wait            Wait for the outcome and show how it comes about
          --timeout <TIME>  How long to wait: 90s, 10m, 2h [default: 30m]
      -h, --help            Print help (see more with '--help')

    Needs: the bucket (--bucket), and AWS credentials that may write its queries/ and config/; jobs given by name need an operator's credentials.
    ");
}

#[test]
fn help_of_allow() {
    insta::assert_snapshot!(help(&["allow"]), @r"
    Allow once what is refused for safety

    Usage: flink-sql-runner allow [OPTIONS] <NAME> <WHAT>

    Arguments:
      <NAME>  The job
      <WHAT>  What is allowed [possible values: adopt, clean-start, remove]

    Options:
          --run <ID>        The Flink job id of the run to adopt, if several carry the name
          --reason <TEXT>   Why, for the history: one line
          --dry-run         Show what would be done; change nothing
          --wait            Wait for the outcome and show how it comes about
          --timeout <TIME>  How long to wait: 90s, 10m, 2h [default: 30m]
      -h, --help            Print help (see more with '--help')

    Needs: the bucket (--bucket), and AWS credentials of an operator, who may invoke the function.
    ");
}

#[test]
fn help_of_rollback() {
    insta::assert_snapshot!(help(&["rollback"]), @r"
    Upload the manifest that an earlier operation deployed, in the place of the present one

    Usage: flink-sql-runner rollback [OPTIONS] <NAME>

    Arguments:
      <NAME>  The job

    Options:
          --to <OPERATION>  The operation that deployed it: its id, or the digits of it that `history` shows [default: the last one that deployed another manifest than the deployed one]
          --reason <TEXT>   Why, for the history: one line
          --dry-run         Show what would be done; change nothing
          --wait            Wait for the outcome and show how it comes about
          --timeout <TIME>  How long to wait: 90s, 10m, 2h [default: 30m]
      -h, --help            Print help (see more with '--help')

    Needs: the bucket (--bucket), and AWS credentials of an operator, who reads the plans of operations.
    ");
}

#[test]
fn help_of_session_restart() {
    // The flags of the cluster show what the environment sets.
    let text = help(&["session", "restart"]);
    let own = text.lines().skip_while(|line| *line != "Session:").take_while(|line| !line.is_empty());
    insta::assert_snapshot!(own.collect::<Vec<_>>().join("\n"), @r"
    Session:
          --yarn-session <PROGRAM>  Flink's program that starts a session; on EMR flink-yarn-session [env: YARN_SESSION] [default: yarn-session.sh]
          --settings <FILE>         What a session is started with [default: config/session.yaml in the bucket]
          --wait <TIME>             How long the session, or the return of its jobs, is waited for: 90s, 10m, 2h [default: 10m]
          --state-directory <DIR>   Where locks and logs lie [env: STATE_DIRECTORY] [default: /tmp/flink-sql-runner]
          --wave <N>                How many jobs are stopped at one time; how many come back at one time is the node's own WAVE [env: WAVE] [default: 10]
          --with-strangers          Lose the jobs of the session that no record knows
    ");
}

#[test]
fn wrong_usage_ends_with_2() {
    for wrong in [
        vec!["x"],
        vec!["x", "validate"],
        vec!["x", "history", "a/b"],
        vec!["x", "deploy", "--timeout", "soon"],
        vec!["x", "allow", "a", "all"],
        vec!["x", "session", "stop"],
        vec!["x", "session", "restart", "--wave", "0"],
    ] {
        let error = Cli::try_parse_from(&wrong).unwrap_err();
        let code = u8::try_from(error.exit_code()).unwrap();
        assert_eq!(code, Exit::Usage.code(), "{wrong:?}");
    }
}

/// An option takes one value each time: what follows it is a name or a path.
#[test]
fn no_option_takes_the_name_behind_it() {
    for command in Cli::command().get_subcommands() {
        let options = command.get_arguments().filter(|argument| !argument.is_positional());
        for option in options {
            let most = option.get_num_args().map_or(1, |range| range.max_values());
            assert!(most <= 1, "{} of {}", option.get_id(), command.get_name());
        }
    }
    let parsed =
        Cli::try_parse_from(["x", "status", "--state", "running,stopped", "a1", "--state", "refused"]).unwrap();
    let Command::Status(status) = parsed.command else { panic!("another command") };
    assert_eq!(status.names.iter().map(JobName::as_str).collect::<Vec<_>>(), ["a1"]);
    assert_eq!(status.state.iter().map(|state| state.as_str()).collect::<Vec<_>>(), ["running", "stopped", "refused"]);
    let parsed = Cli::try_parse_from(["x", "validate", "--template-params", "brokers=a:1,b:2", "a.yaml"]).unwrap();
    let Command::Validate(validate) = parsed.command else { panic!("another command") };
    assert_eq!(validate.template_params, [("brokers".to_owned(), "a:1,b:2".to_owned())], "a value may have a comma");
    assert_eq!(validate.paths.len(), 1);
}

#[test]
fn times_are_written_as_people_do() {
    let of = |text: &str| duration(text).map(|d| d.as_secs());
    assert_eq!([of("90"), of("90s"), of("10m"), of("2h")], [Ok(90), Ok(90), Ok(600), Ok(7200)]);
    for wrong in ["", "m", "1d", "-1s", "1.5h"] {
        assert!(of(wrong).is_err(), "{wrong}");
    }
}
