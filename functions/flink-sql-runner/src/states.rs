//! `states`: the checkpoints and savepoints of a job, as a table.
//! Must not know how they are found.

use std::fmt::Write as _;

use desired::manifest::JobName;
use jiff::Timestamp;
use orchestrator::actions::{Action, Answer, StateAnswer, StatesAnswer};

use crate::ask::ask;
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::render::{ago, bytes, count, printable, table};

/// Shows every state that a job could go on from.
#[expect(clippy::disallowed_methods, reason = "ages for people")]
pub(crate) async fn run(name: JobName, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    match ask(Action::States { name }, invocation).await? {
        Answer::States(answer) => {
            out.result(&answer, || text(&answer, Timestamp::now()));
            Ok(Exit::Done)
        }
        Answer::Plan(_) | Answer::Status(_) | Answer::History(_) | Answer::Look(_) => Err(CliError::other_answer()),
    }
}

fn text(answer: &StatesAnswer, now: Timestamp) -> String {
    let name = &answer.name;
    if answer.states.is_empty() {
        return format!("No complete state of {name} was found.\n");
    }
    let head = ["", "VERSION", "KIND", "ID", "RUN", "OPERATION", "AGE", "SIZE", "PATH"].map(str::to_owned).to_vec();
    let mut rows = vec![head];
    rows.extend(answer.states.iter().map(|state| row(state, now)));
    let mut text = table::columns(&rows, 0);
    if answer.left_out > 0 {
        let _ = writeln!(text, "{} left out.", count(answer.left_out, "older state"));
    }
    if answer.states.iter().any(|state| state.used_by_itself) {
        let _ = writeln!(text, "* {name} goes on from this one by itself.");
    }
    let restart = format!("`restart {name} --from PATH`");
    let _ = match &answer.not_now {
        Some(why) => writeln!(text, "{restart} is refused now: {}.", printable(why)),
        None => writeln!(text, "{restart} starts a new version from any of them{}.", by_operation(answer)),
    };
    text
}

/// What can be typed in place of a savepoint's path.
fn by_operation(answer: &StatesAnswer) -> &'static str {
    let taken = answer.states.iter().any(|state| state.operation.is_some());
    if taken { ", `--from OPERATION` from the savepoint that it took" } else { "" }
}

fn row(state: &StateAnswer, now: Timestamp) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        if state.used_by_itself { "*" } else { "" }.to_owned(),
        state.version.map_or_else(dash, |version| format!("v{version}")),
        if state.savepoint { "savepoint" } else { "checkpoint" }.to_owned(),
        state.checkpoint_id.map_or_else(dash, |id| id.to_string()),
        state.run.as_deref().map_or_else(dash, |run| run.get(..6).unwrap_or(run).to_owned()),
        state.operation.map_or_else(dash, |operation| operation.short()),
        state.written.map_or_else(dash, |then| ago(now, then)),
        state.bytes.map_or_else(dash, bytes),
        state.path.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_listed_with_what_goes_on_from_each() {
        let state = |path: &str, id, savepoint, used_by_itself| StateAnswer {
            path: path.to_owned(),
            savepoint,
            checkpoint_id: Some(id),
            version: Some(2),
            run: Some("ac8dd3bab3bbd81f7a".to_owned()),
            operation: None,
            bytes: Some(5 * 1024 * 1024),
            written: Some(Timestamp::UNIX_EPOCH),
            used_by_itself,
        };
        let answer = StatesAnswer {
            format: String::new(),
            version: 1,
            name: JobName::try_from("orders").unwrap(),
            deployed: Some(2),
            states: vec![
                state("s3://b/c/2/r/chk-9", 9, false, true),
                StateAnswer {
                    bytes: None,
                    written: None,
                    checkpoint_id: None,
                    operation: "0197f0a1b2c3700080000000000000aa".parse().ok(),
                    ..state("s3://b/s/2/o/savepoint-ac8dd3-0", 7, true, false)
                },
            ],
            left_out: 3,
            not_now: None,
        };
        let now = Timestamp::from_second(3_600).unwrap();
        insta::assert_snapshot!(text(&answer, now), @r"
           VERSION  KIND        ID  RUN     OPERATION  AGE  SIZE    PATH
        *  v2       checkpoint  9   ac8dd3  -          1 h  5.2 MB  s3://b/c/2/r/chk-9
           v2       savepoint   -   ac8dd3  000000aa   -    -       s3://b/s/2/o/savepoint-ac8dd3-0
        3 older states left out.
        * orders goes on from this one by itself.
        `restart orders --from PATH` starts a new version from any of them, `--from OPERATION` from the savepoint that it took.
        ");
        let mut answer = answer;
        answer.states.pop();
        assert!(text(&answer, now).ends_with("from any of them.\n"), "none was taken by an operation");
        answer.not_now = Some("it is suspended; `resume orders` has it go on".to_owned());
        let refused = "`restart orders --from PATH` is refused now: it is suspended; `resume orders` has it go on.\n";
        assert!(text(&answer, now).ends_with(refused));
        assert!(text(&StatesAnswer { states: Vec::new(), ..answer }, now).starts_with("No complete state of orders"));
    }
}
