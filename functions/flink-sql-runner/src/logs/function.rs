//! The function's lines about one operation, and about its job before there was any: fetched from its log group, around
//! that time. Must not know how lines are shown, nor which operation is meant.

use std::time::Duration;

use aws::{FunctionLog, LogSearch, LoggedError};
use control::errors::error_chain;
use jiff::Timestamp;
use lifecycle::ids::OperationId;
use serde::Serialize;

use super::about::About;

/// How long before its id was made, and after it was settled, the function may write about an operation: clocks differ.
const BEFORE: Duration = Duration::from_mins(5);
const AFTER: Duration = Duration::from_mins(15);

/// How far back they are looked for where no operation was ordered.
const WITHOUT_OPERATION: Duration = Duration::from_hours(24);

/// Lines of the function's log that are about the operation or, beside it, about the job.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct FunctionLines {
    /// The log group where they were read.
    pub(super) log_group: String,
    /// As they were written, the newest first.
    pub(super) lines: Vec<String>,
    /// Whether there may be older ones than these, beyond how many are fetched.
    pub(super) more: bool,
    /// Why not all of the time was searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unfinished: Option<String>,
}

impl FunctionLines {
    /// Whether nothing is known to be missing.
    pub(super) fn whole(&self) -> bool {
        !self.more && self.unfinished.is_none()
    }
}

/// The log group of a function, which is named by its name, `NAME:ALIAS`, `ACCOUNT:function:NAME` or its ARN.
pub(super) fn log_group(function: &str) -> String {
    let parts: Vec<&str> = function.trim().split(':').collect();
    let name = match parts.as_slice() {
        ["arn", _, "lambda", _, _, "function", name, ..] | [_, "function", name, ..] | [name, ..] => *name,
        [] => "",
    };
    format!("/aws/lambda/{name}")
}

/// The lines that are meant; in words why there are none. The operation was settled at `ended`, or is under way.
pub(super) async fn fetch(
    log: &FunctionLog,
    group: &str,
    about: &About<'_>,
    ended: Option<Timestamp>,
    now: Timestamp,
) -> Result<FunctionLines, String> {
    let (from, to) = time(about.operation, ended.unwrap_or(now));
    let search = LogSearch { group: group.to_owned(), texts: about.texts(), from, to };
    match log.find(&search, &|line| about.is_told_by(line)).await {
        Ok(found) => Ok(FunctionLines {
            log_group: search.group,
            lines: found.lines,
            more: found.more,
            unfinished: found.unfinished,
        }),
        Err(LoggedError::NotThere(_)) => {
            Err(format!("there is no log group {group} in this account and region: --function names the function"))
        }
        Err(denied @ LoggedError::Denied { .. }) => Err(format!(
            "{denied} (your policy lacks logs:FilterLogEvents on the log group {group}: the template's OperatorPolicy has it)"
        )),
        Err(LoggedError::Outside(error)) => Err(error_chain(&error)),
    }
}

/// From when to when the function may have written about it, in milliseconds.
fn time(operation: Option<OperationId>, last: Timestamp) -> (i64, i64) {
    let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    let last = last.as_millisecond();
    // An id whose time is later than its end was made by a clock that is wrong.
    let made = |operation: OperationId| i64::try_from(operation.made_ms()).unwrap_or(i64::MAX).min(last);
    let first = operation.map_or(last.saturating_sub(ms(WITHOUT_OPERATION)), made);
    (first.saturating_sub(ms(BEFORE)), last.saturating_add(ms(AFTER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_a_function_is_named_its_log_group_is_that_of_its_name() {
        for function in [
            "jobs",
            " jobs ",
            "jobs:live",
            "jobs:$LATEST",
            "123456789012:function:jobs",
            "123456789012:function:jobs:live",
            "arn:aws:lambda:eu-west-1:123456789012:function:jobs",
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:jobs:7",
        ] {
            assert_eq!(log_group(function), "/aws/lambda/jobs", "{function}");
        }
        assert_eq!(log_group("function:live"), "/aws/lambda/function", "one of that name");
    }

    #[test]
    fn the_time_around_an_operation_is_searched_and_no_more() {
        let made: i64 = 1_800_000_000_000;
        let operation: Option<OperationId> = format!("{made:012x}{:020x}", 7).parse().ok();
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let (before, after) = (300_000, 900_000);
        assert_eq!(time(operation, at(made + 60_000)), (made - before, made + 60_000 + after));
        assert_eq!(time(operation, at(made - 9_000)), (made - 9_000 - before, made - 9_000 + after));
        assert_eq!(time(None, at(made)), (made - 86_400_000 - before, made + after));
    }
}
