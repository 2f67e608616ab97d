//! The commands that fetch what was logged and is not fetched here, ready to be pasted into a shell.
//! Must not know what was fetched.

use lifecycle::ids::OperationId;

/// A command with what it shows.
pub(super) type Command = (&'static str, String);

/// What is pasted into a shell holds nothing else.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// What a batch was sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SentAs<'a> {
    /// A step of EMR, by its id.
    Step(&'a str),
    /// A command of SSM, by its id.
    Command(&'a str),
}

impl<'a> SentAs<'a> {
    /// One that was found is told with its state.
    pub(super) fn read(told: &'a str) -> Option<Self> {
        let is_id = |word: &str| word.len() == 36 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        told.split_whitespace().find_map(|word| match word {
            step if step.starts_with("s-") && is_plain(step) => Some(Self::Step(step)),
            command if is_id(command) => Some(Self::Command(command)),
            _ => None,
        })
    }
}

/// The step's lines, or the command's.
pub(super) fn of_the_node(
    operation: OperationId,
    sent_as: Option<SentAs<'_>>,
    folder: Option<&str>,
    instance: Option<&str>,
    cluster: Option<&str>,
) -> Vec<Command> {
    let cluster = cluster.filter(|id| is_plain(id)).unwrap_or("CLUSTER-ID");
    let is_path = |folder: &&str| folder.chars().all(|c| is_plain(&c.to_string()) || matches!(c, '/' | ':' | '.'));
    let fetch = |folder: &str| {
        let stderr = format!("aws s3 cp {folder}stderr.gz - | gunzip | grep {operation}");
        ("the runner's lines, some minutes after the step", stderr)
    };
    match (sent_as, folder.filter(is_path)) {
        (_, Some(folder)) => vec![fetch(folder)],
        (Some(SentAs::Step(step)), None) => {
            let uri = format!("aws emr describe-cluster --cluster-id {cluster} --query Cluster.LogUri --output text");
            let where_it_is = "where the cluster keeps its logs: LOG-URI, as s3://… and without the slash at its end";
            vec![(where_it_is, uri), fetch(&format!("LOG-URI/{cluster}/steps/{step}/"))]
        }
        (Some(SentAs::Command(command)), None) => {
            if let Some(instance) = instance.filter(|id| is_plain(id)) {
                let output = format!("aws ssm get-command-invocation --command-id {command} --instance-id {instance}");
                vec![("what the command printed", output)]
            } else {
                let output = format!("aws ssm list-command-invocations --command-id {command} --details");
                vec![("the beginning of what the command printed", output)]
            }
        }
        (None, None) => Vec::new(),
    }
}

/// The function's lines that hold one of these texts.
pub(super) fn of_the_function(texts: &[String], log_group: &str) -> Command {
    let is_path = log_group.chars().all(|c| is_plain(&c.to_string()) || c == '/');
    let group = if is_path { log_group } else { "LOG-GROUP" };
    let is_term = |text: &&String| text.chars().all(|c| is_plain(&c.to_string()) || c == '.');
    let terms: Vec<String> = texts.iter().filter(is_term).map(|text| format!("?\"{text}\"")).collect();
    let pattern = terms.join(" ");
    let lines = format!("aws logs filter-log-events --log-group-name {group} --filter-pattern '{pattern}'");
    ("the function's lines", lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_into_a_shell_holds_nothing_but_plain_names() {
        let operation = OperationId::derived(&["o"]);
        let step = of_the_node(operation, Some(SentAs::Step("s-1ABC")), None, None, Some("j-2XYZ"));
        insta::assert_snapshot!(step.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n"), @r#"
        aws emr describe-cluster --cluster-id j-2XYZ --query Cluster.LogUri --output text
        aws s3 cp LOG-URI/j-2XYZ/steps/s-1ABC/stderr.gz - | gunzip | grep b079f06eb52e06df1d3819d5c1383397
        "#);
        let folder = Some("s3://logs/emr/j-2XYZ/steps/s-1ABC/");
        let known = of_the_node(operation, Some(SentAs::Step("s-1ABC")), folder, None, None);
        insta::assert_snapshot!(known[0].1, @"aws s3 cp s3://logs/emr/j-2XYZ/steps/s-1ABC/stderr.gz - | gunzip | grep b079f06eb52e06df1d3819d5c1383397");
        let command = Some(SentAs::Command("11111111-2222-3333-4444-555555555555"));
        let ssm = of_the_node(operation, command, None, None, None);
        assert!(ssm[0].1.ends_with("--command-id 11111111-2222-3333-4444-555555555555 --details"), "{ssm:?}");
        let known = of_the_node(operation, command, None, Some("i-1"), None);
        insta::assert_snapshot!(known[0].1, @"aws ssm get-command-invocation --command-id 11111111-2222-3333-4444-555555555555 --instance-id i-1");
        let hostile = of_the_node(operation, command, None, Some("i-$(id)"), None);
        assert!(!hostile[0].1.contains("$(id)"), "{hostile:?}");
        assert_eq!(of_the_node(operation, None, Some("s3://logs/$(id)/"), None, Some("j-$(id)")), []);
        let texts = [operation.to_string(), "orders.eu".to_owned()];
        insta::assert_snapshot!(of_the_function(&texts, "/aws/lambda/orders-prod").1, @r#"aws logs filter-log-events --log-group-name /aws/lambda/orders-prod --filter-pattern '?"b079f06eb52e06df1d3819d5c1383397" ?"orders.eu"'"#);
        assert!(of_the_function(&texts, "/aws/lambda/f'x").1.contains(" LOG-GROUP "));
        assert!(!of_the_function(&["'$(id)".to_owned()], "/aws/lambda/f").1.contains("$(id)"));
    }

    #[test]
    fn a_step_and_a_command_are_told_apart_also_with_their_state() {
        let command = "11111111-2222-3333-4444-555555555555";
        assert_eq!(SentAs::read("s-1ABC"), Some(SentAs::Step("s-1ABC")));
        assert_eq!(SentAs::read("step s-1ABC is RUNNING"), Some(SentAs::Step("s-1ABC")));
        assert_eq!(SentAs::read(command), Some(SentAs::Command(command)));
        assert_eq!(SentAs::read(&format!("command {command} is Success")), Some(SentAs::Command(command)));
        for other in ["s-$(id)", "process 7", ""] {
            assert_eq!(SentAs::read(other), None, "{other}");
        }
    }
}
