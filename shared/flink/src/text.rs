//! Java stack traces told in one line or two: what happened and its root, without wrappers and frames.
//! Must not know who said them or who reads them.

use desired::printable::readable;

/// Exceptions that only carry another one.
const WRAPPERS: [&str; 3] = ["CompletionException", "ExecutionException", "SerializedThrowable"];

/// One exception of a Java stack trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// The class without its package.
    pub(crate) class: String,
    /// What it says, in one line; may be empty.
    pub(crate) message: String,
}

/// The exceptions of a Java stack trace, outermost first, wrappers and repetitions left out.
pub(crate) fn causes(trace: &str) -> Vec<Cause> {
    let mut found: Vec<Cause> = Vec::new();
    for block in trace.split("\nCaused by: ") {
        // A message may have several lines; the first frame ends it.
        let head: Vec<&str> = block.lines().take_while(|line| !is_frame(line)).take(3).collect();
        let cause = unwrapped(&head.join(" "));
        let wrapper = WRAPPERS.contains(&cause.class.as_str());
        if !wrapper && found.last() != Some(&cause) {
            found.push(cause);
        }
    }
    found
}

/// `Class: message`, or one of the two.
pub(crate) fn sentence(cause: &Cause) -> String {
    match (cause.class.as_str(), cause.message.as_str()) {
        (class, "") => class.to_owned(),
        ("", message) => message.to_owned(),
        (class, message) => format!("{class}: {message}"),
    }
}

/// A stack trace in one line: what happened, and its root where that says something else.
pub(crate) fn one_line(trace: &str) -> String {
    with_root(trace, ", caused by ")
}

/// The same with the root in a line of its own.
pub(crate) fn two_lines(trace: &str) -> String {
    with_root(trace, "\ncaused by ")
}

fn with_root(trace: &str, between: &str) -> String {
    let chain = causes(trace);
    match (chain.first(), chain.last()) {
        (Some(first), Some(last)) if chain.len() > 1 && !first.message.contains(&last.message) => {
            format!("{}{between}{}", sentence(first), sentence(last))
        }
        (Some(first), _) => sentence(first),
        (None, _) => readable(trace.lines().next().unwrap_or_default()).trim().to_owned(),
    }
}

fn is_frame(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("at ") || (line.starts_with("... ") && line.ends_with(" more"))
}

/// `pkg.Wrapper: pkg.Class: message` taken apart until what is left is no wrapper.
fn unwrapped(head: &str) -> Cause {
    let head = readable(head);
    let mut rest = head.trim();
    loop {
        let (class, message) = match rest.split_once(": ") {
            Some((class, message)) if is_class(class) => (class, message),
            Some(_) | None if is_class(rest) => (rest, ""),
            Some(_) | None => return Cause { class: String::new(), message: rest.to_owned() },
        };
        let simple = class.rsplit('.').next().unwrap_or(class);
        if WRAPPERS.contains(&simple) && !message.is_empty() {
            rest = message.trim();
            continue;
        }
        return Cause { class: simple.to_owned(), message: message.trim().to_owned() };
    }
}

fn is_class(text: &str) -> bool {
    text.contains('.') && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_told_without_wrappers_and_frames() {
        let trace = "java.util.concurrent.CompletionException: org.x.CheckpointException: IO-problem detected.\n\tat a.B.c(D.java:1)\n\
                     Caused by: org.x.CheckpointException: IO-problem detected.\n\tat e.F.g(H.java:2)\n\t... 3 more\n\
                     Caused by: java.io.IOException: Failed to create\nsavepoint directory at x\n\t... 8 more\n";
        let chain = causes(trace);
        assert_eq!(chain.len(), 2, "{chain:?}");
        assert_eq!(
            one_line(trace),
            "CheckpointException: IO-problem detected., caused by IOException: Failed to create savepoint directory at x"
        );
        assert_eq!(
            two_lines(trace),
            "CheckpointException: IO-problem detected.\ncaused by IOException: Failed to create savepoint directory at x"
        );
    }

    #[test]
    fn a_bare_exception_and_plain_text_are_told_as_they_are() {
        assert_eq!(one_line("java.io.EOFException\n\tat a.B.c(D.java:1)"), "EOFException");
        assert_eq!(one_line("Job 0 not found"), "Job 0 not found");
        assert_eq!(one_line(""), "");
    }
}
