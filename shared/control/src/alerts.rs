//! An alert and its words, and the port by which people are told.
//! Must not know which service carries it, nor when one is due.

use async_trait::async_trait;
use jiff::Timestamp;
use lifecycle::alert_conditions::{AlertCondition, AlertKind};
use lifecycle::ids::AlertId;

use crate::ports::OutsideError;

/// How many characters a subject line has at most: SNS allows fewer than 100.
const SUBJECT: usize = 99;
/// How many conditions are listed.
const LISTED: usize = 100;

/// Everything new of one kind: one alert for one cause, however many jobs it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Tells a copy from another alert: nothing keeps a message from being carried twice.
    pub id: AlertId,
    /// When it was raised.
    pub at: Timestamp,
    /// Which of several deployments it comes from.
    pub deployment: String,
    pub kind: AlertKind,
    /// What happened; never empty.
    pub conditions: Vec<AlertCondition>,
}

impl Alert {
    /// One line of fewer than 100 printable ASCII characters.
    pub fn subject(&self) -> String {
        let subjects: Vec<&str> = self.conditions.iter().map(|c| c.subject.as_str()).collect();
        let line = format!("[{}] {}: {}", self.deployment, self.title(), subjects.join(", "));
        let printable: String = line.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        if printable.len() <= SUBJECT { printable } else { format!("{}...", &printable[..SUBJECT - 3]) }
    }

    /// What happened, to which jobs, what to do, and the ids to look for.
    pub fn body(&self) -> String {
        let line = |condition: &AlertCondition| {
            let operation = condition.operation.map(|id| format!(" (operation {id})")).unwrap_or_default();
            format!("- {}: {}{operation}\n", condition.subject, condition.detail)
        };
        let listed: String = self.conditions.iter().take(LISTED).map(line).collect();
        let more = self.conditions.len().saturating_sub(LISTED);
        let rest = if more == 0 { String::new() } else { format!("- and {more} more\n") };
        format!(
            "{}.\n\n{listed}{rest}\nWhat to do: docs/operating.md#{}\n\nDeployment {}, raised at {}, alert {}.\n",
            self.title(),
            self.kind,
            self.deployment,
            self.at,
            self.id
        )
    }

    fn title(&self) -> String {
        let n = self.conditions.len();
        let count = |one: &str, many: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") };
        match self.kind {
            AlertKind::LostCluster => "A JobManager was lost with its jobs".to_owned(),
            AlertKind::NoCluster => "There is no session cluster to deploy to".to_owned(),
            AlertKind::OperationFailed => count("operation failed", "operations failed"),
            AlertKind::Unhealthy => count("restarted job is not stable", "restarted jobs are not stable"),
            AlertKind::RemovalsHeld => "More jobs lack a file than may be removed at once".to_owned(),
            AlertKind::CleanStartsHeld => "More jobs would start clean because of config/ than may at once".to_owned(),
            AlertKind::EndNotProven => {
                count("job is left alone, its old run may live", "jobs are left alone, their old runs may live")
            }
            AlertKind::Stranger => count("Flink job runs that no record knows", "Flink jobs run that no record knows"),
            AlertKind::CleanStartNeeded => count("job has no state to start from", "jobs have no state to start from"),
            AlertKind::Unreadable => count(
                "job is not reconciled, an object cannot be read",
                "jobs are not reconciled, objects cannot be read",
            ),
            AlertKind::NodeBroken => "The cluster's primary node does not carry out operations".to_owned(),
            AlertKind::NoCapacity => "The session has too few free slots".to_owned(),
        }
    }
}

/// Tells people.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Raises an alert. An error leaves open whether anybody was told: it is raised again.
    async fn raise(&self, alert: &Alert) -> Result<(), OutsideError>;
}

/// Tells nobody but the log, where every alert is found anyway.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnlyLogged;

#[async_trait]
impl Alerts for OnlyLogged {
    async fn raise(&self, _: &Alert) -> Result<(), OutsideError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::ids::OperationId;

    use super::*;

    fn alert(jobs: usize) -> Alert {
        let condition = |n: usize| AlertCondition {
            kind: AlertKind::OperationFailed,
            subject: format!("job-{n}"),
            cause: String::new(),
            detail: "rolled-back: spalte „preis“ not found".to_owned(),
            operation: Some(OperationId::derived(&["operation"])),
        };
        Alert {
            id: AlertId::derived(&["alert"]),
            at: Timestamp::UNIX_EPOCH,
            deployment: "prod".to_owned(),
            kind: AlertKind::OperationFailed,
            conditions: (0..jobs).map(condition).collect(),
        }
    }

    #[test]
    fn the_subject_is_one_short_line_of_ascii() {
        assert_eq!(alert(1).subject(), "[prod] 1 operation failed: job-0");
        let many = alert(300).subject();
        assert_eq!(many.len(), 99);
        assert!(many.starts_with("[prod] 300 operations failed: job-0, job-1, ") && many.ends_with("..."), "{many}");
        let odd = Alert { deployment: "zürich\nb".to_owned(), ..alert(1) };
        assert_eq!(odd.subject(), "[z?rich?b] 1 operation failed: job-0");
    }

    #[test]
    fn the_body_says_what_happened_and_what_to_do() {
        let (alert, many) = (alert(1), alert(103).body());
        assert_eq!(
            alert.body(),
            format!(
                "1 operation failed.\n\n- job-0: rolled-back: spalte „preis“ not found (operation {})\n\n\
                 What to do: docs/operating.md#operation-failed\n\n\
                 Deployment prod, raised at 1970-01-01T00:00:00Z, alert {}.\n",
                OperationId::derived(&["operation"]),
                alert.id
            )
        );
        assert!(
            many.contains("- job-99: ") && many.contains("- and 3 more\n") && !many.contains("- job-100"),
            "{many}"
        );
    }
}
