//! The commands that fetch what was logged and is not fetched here, ready to be pasted into a shell.
//! Must not know what was fetched.

use lifecycle::ids::OperationId;

/// A command with what it shows.
pub(super) type Command = (&'static str, String);

/// What is pasted into a shell holds nothing else.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// The step's lines, or the command's. A step is named by EMR (`s-…`); any other name is a command of SSM.
pub(super) fn of_the_node(
    operation: OperationId,
    sent_as: Option<&str>,
    folder: Option<&str>,
    cluster: Option<&str>,
) -> Vec<Command> {
    let cluster = cluster.filter(|id| is_plain(id)).unwrap_or("CLUSTER-ID");
    let is_path = |folder: &&str| folder.chars().all(|c| is_plain(&c.to_string()) || matches!(c, '/' | ':' | '.'));
    let fetch = |folder: &str| {
        let stderr = format!("aws s3 cp {folder}stderr.gz - | gunzip | grep {operation}");
        ("the runner's lines, some minutes after the step", stderr)
    };
    match (sent_as.filter(|id| is_plain(id)), folder.filter(is_path)) {
        (_, Some(folder)) => vec![fetch(folder)],
        (Some(step), None) if step.starts_with("s-") => {
            let uri = format!("aws emr describe-cluster --cluster-id {cluster} --query Cluster.LogUri --output text");
            let where_it_is = "where the cluster keeps its logs: LOG-URI, as s3://… and without the slash at its end";
            vec![(where_it_is, uri), fetch(&format!("LOG-URI/{cluster}/steps/{step}/"))]
        }
        (Some(command), None) => {
            let output = format!("aws ssm list-command-invocations --command-id {command} --details");
            vec![("the end of the runner's lines", output)]
        }
        (None, None) => Vec::new(),
    }
}

/// The function's lines.
pub(super) fn of_the_function(operation: OperationId, function: &str) -> Command {
    let name = if is_plain(function) { function } else { "FUNCTION" };
    let lines =
        format!("aws logs filter-log-events --log-group-name /aws/lambda/{name} --filter-pattern '\"{operation}\"'");
    ("the function's lines", lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_into_a_shell_holds_nothing_but_plain_names() {
        let operation = OperationId::derived(&["o"]);
        let step = of_the_node(operation, Some("s-1ABC"), None, Some("j-2XYZ"));
        insta::assert_snapshot!(step.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n"), @r#"
        aws emr describe-cluster --cluster-id j-2XYZ --query Cluster.LogUri --output text
        aws s3 cp LOG-URI/j-2XYZ/steps/s-1ABC/stderr.gz - | gunzip | grep b079f06eb52e06df1d3819d5c1383397
        "#);
        let folder = Some("s3://logs/emr/j-2XYZ/steps/s-1ABC/");
        let known = of_the_node(operation, Some("s-1ABC"), folder, None);
        insta::assert_snapshot!(known[0].1, @"aws s3 cp s3://logs/emr/j-2XYZ/steps/s-1ABC/stderr.gz - | gunzip | grep b079f06eb52e06df1d3819d5c1383397");
        let ssm = of_the_node(operation, Some("11111111-2222-3333-4444-555555555555"), None, None);
        assert!(ssm[0].1.ends_with("--command-id 11111111-2222-3333-4444-555555555555 --details"), "{ssm:?}");
        let hostile = Some("s3://logs/$(id)/");
        assert_eq!(of_the_node(operation, Some("s-1; rm -rf /"), hostile, Some("j-$(id)")), []);
        insta::assert_snapshot!(of_the_function(operation, "orders-prod").1, @r#"aws logs filter-log-events --log-group-name /aws/lambda/orders-prod --filter-pattern '"b079f06eb52e06df1d3819d5c1383397"'"#);
        assert!(of_the_function(operation, "f'x").1.contains("/aws/lambda/FUNCTION "));
    }
}
