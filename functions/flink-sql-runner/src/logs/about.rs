//! Which lines of the function's log are about an operation, or about its job while it had none.
//! Must not know where lines are fetched, nor how they are shown.

use desired::manifest::JobName;
use lifecycle::ids::OperationId;
use serde_json::{Map, Value};

/// Fields of a line that name no job, whatever stands there.
const BESIDE: [&str; 4] = ["timestamp", "level", "target", "by"];

/// What lines are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) job: &'a JobName,
    /// Nothing where none was ordered.
    pub(super) operation: Option<OperationId>,
}

impl About<'_> {
    /// Of which a line holds one.
    pub(super) fn texts(&self) -> Vec<String> {
        self.operation.map(|id| id.to_string()).into_iter().chain([self.job.to_string()]).collect()
    }

    /// Whether a line with one of these texts is meant: it names the operation, or the job and no other operation. A
    /// decision, a refusal or an error before the operation names the job alone, and other jobs' names may hold this one.
    pub(super) fn is_told_by(&self, line: &str) -> bool {
        if self.operation.is_some_and(|operation| line.contains(&operation.to_string())) {
            return true;
        }
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => !of_operation(&fields) && self.names_job(&fields),
            Ok(_) | Err(_) => self.names_it(line),
        }
    }

    fn names_job(&self, fields: &Map<String, Value>) -> bool {
        if let Some(job) = fields.get("job") {
            return job.as_str() == Some(self.job.as_str());
        }
        let told = fields.iter().filter(|(name, _)| !BESIDE.contains(&name.as_str()));
        told.filter_map(|(_, value)| value.as_str()).any(|text| self.names_it(text))
    }

    /// Whether a text names the job or its file, and not only a longer name.
    fn names_it(&self, text: &str) -> bool {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let mut words = text.split(|c| !is_of_name(c)).map(|word| word.trim_end_matches('.'));
        words.any(|word| {
            let stem = word.strip_suffix(".yaml").or(word.strip_suffix(".yml"));
            word == self.job.as_str() || stem == Some(self.job.as_str())
        })
    }
}

/// Whether a line is told with an operation.
fn of_operation(fields: &Map<String, Value>) -> bool {
    fields.get("operation").is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::test_kit::name;

    #[test]
    fn lines_of_the_operation_and_of_its_job_before_it_are_meant_and_no_others() {
        let (job, operation) = (name("orders"), OperationId::derived(&["o"]));
        let (this, other) = (operation.to_string(), OperationId::derived(&["p"]).to_string());
        let about = About { job: &job, operation: Some(operation) };
        assert_eq!(about.texts(), [this.clone(), "orders".to_owned()]);
        for (line, meant) in [
            (json!({"job": "orders", "operation": this, "message": "reconciled"}), true),
            (json!({"job": "orders", "reason": "the upload was refused", "message": "reconciled"}), true),
            (json!({"job": "orders", "operation": other, "message": "settled"}), false),
            (json!({"job": "orders-eu", "message": "reconciled"}), false),
            (json!({"job": "other", "error": "the same table as orders", "message": "reconciled"}), false),
            (json!({"message": "an action was not done", "error": "nothing of `orders` waits"}), true),
            (json!({"message": "an uploader could not be told", "error": "writing queries/orders.yaml: no"}), true),
            (json!({"message": "an action was not done", "error": "nothing of `orders-eu` waits"}), false),
            (json!({"message": "nothing to do", "target": "orders", "by": "orders"}), false),
        ] {
            assert_eq!(about.is_told_by(&line.to_string()), meant, "{line}");
        }
        assert!(about.is_told_by("thread panicked at orders.") && about.is_told_by(&format!("END {this}")));
        assert!(!about.is_told_by("thread panicked at my-orders.rs"));
    }

    #[test]
    fn without_an_operation_the_job_is_looked_for_alone() {
        let job = name("orders");
        let about = About { job: &job, operation: None };
        assert_eq!(about.texts(), ["orders"]);
        assert!(about.is_told_by(&json!({"job": "orders", "error": "AccessDenied"}).to_string()));
    }
}
