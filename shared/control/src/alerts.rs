//! An alert and its words, and the port by which people are told.
//! Must not know which service carries it, nor when one is due.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use lifecycle::alert_conditions::{AlertCondition, AlertKind};
use lifecycle::ids::AlertId;
use lifecycle::orders::typed;

use crate::ports::OutsideError;

/// How many characters a subject line has at most: SNS allows fewer than 100.
const SUBJECT: usize = 99;
/// How many conditions are listed.
const LISTED: usize = 100;
/// How many jobs of one condition are named.
const NAMED: usize = 50;
/// What is said of those that are not told of.
const LATER: &str = "\nJobs that come to the same cause within an hour are not told of again: status lists them all.\n";

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
        let listed: String = self.causes().iter().take(LISTED).map(|conditions| line(conditions)).collect();
        let more = self.causes().len().saturating_sub(LISTED);
        let rest = if more == 0 { String::new() } else { format!("- and {more} more\n") };
        let shared = self.conditions.iter().any(|condition| !condition.common.is_empty());
        let later = if shared { LATER } else { "" };
        format!(
            "{}.\n\n{listed}{rest}{later}\nDetails: {}\nWhat to do: docs/operating.md#{}\n\n\
             Deployment {}, raised at {}, alert {}.\n",
            self.title(),
            self.explained(),
            self.kind,
            self.deployment,
            self.at,
            self.id
        )
    }

    /// The conditions, those that say the same together.
    fn causes(&self) -> Vec<Vec<&AlertCondition>> {
        let mut causes: Vec<Vec<&AlertCondition>> = Vec::new();
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for condition in &self.conditions {
            let at = condition.common.first().map(|words| *known.entry(words).or_insert(causes.len()));
            match at.and_then(|at| causes.get_mut(at)) {
                Some(same) => same.push(condition),
                None => causes.push(vec![condition]),
            }
        }
        causes
    }

    /// The command that tells more.
    fn explained(&self) -> String {
        let job = self.conditions.first().filter(|_| is_of_one_job(self.kind));
        match job {
            Some(condition) => format!("flink-sql-runner {} {}", command(self.kind), condition.subject),
            None => "flink-sql-runner status".to_owned(),
        }
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
            AlertKind::RestartLoop => count("job restarts again and again", "jobs restart again and again"),
            AlertKind::NoCheckpoint => count("job completes no checkpoint", "jobs complete no checkpoint"),
            AlertKind::CheckpointsFail => count("job has checkpoints that fail", "jobs have checkpoints that fail"),
            AlertKind::NodeBroken => "The cluster's primary node does not carry out operations".to_owned(),
            AlertKind::NoCapacity => "The session has too few free slots".to_owned(),
        }
    }
}

/// One line for those that say the same, in the words of the first one.
fn line(conditions: &[&AlertCondition]) -> String {
    let Some(first) = conditions.first() else { return String::new() };
    let mut subjects: Vec<String> = conditions.iter().map(|condition| named(condition)).collect();
    subjects.dedup();
    let more = subjects.len().saturating_sub(NAMED);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    let operation = first.operation.map(|id| format!(" (operation {id})")).unwrap_or_default();
    // A command that is named for one job can be pasted.
    let only = Some(first.subject.as_str()).filter(|_| subjects.len() == 1 && is_of_one_job(first.kind));
    let detail = typed(&first.detail, only).lines().collect::<Vec<_>>().join("\n  ");
    subjects.truncate(NAMED);
    format!("- {}{rest}: {detail}{operation}\n", subjects.join(", "))
}

/// The command that tells more of one job: what Flink said of a run, or what was done about the job.
fn command(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::RestartLoop | AlertKind::NoCheckpoint | AlertKind::CheckpointsFail => "logs",
        AlertKind::OperationFailed
        | AlertKind::Unhealthy
        | AlertKind::EndNotProven
        | AlertKind::CleanStartNeeded
        | AlertKind::Unreadable
        | AlertKind::LostCluster
        | AlertKind::NoCluster
        | AlertKind::RemovalsHeld
        | AlertKind::CleanStartsHeld
        | AlertKind::Stranger
        | AlertKind::NodeBroken
        | AlertKind::NoCapacity => "history",
    }
}

/// What it is about, and who answers for that.
fn named(condition: &AlertCondition) -> String {
    let owner = condition.owner.as_ref().map(|owner| format!(" (owned by {owner})")).unwrap_or_default();
    format!("{}{owner}", condition.subject)
}

/// Whether a subject of this kind is a job of ours.
fn is_of_one_job(kind: AlertKind) -> bool {
    match kind {
        AlertKind::OperationFailed
        | AlertKind::Unhealthy
        | AlertKind::EndNotProven
        | AlertKind::CleanStartNeeded
        | AlertKind::Unreadable
        | AlertKind::RestartLoop
        | AlertKind::NoCheckpoint
        | AlertKind::CheckpointsFail => true,
        AlertKind::LostCluster
        | AlertKind::NoCluster
        | AlertKind::RemovalsHeld
        | AlertKind::CleanStartsHeld
        | AlertKind::Stranger
        | AlertKind::NodeBroken
        | AlertKind::NoCapacity => false,
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
            common: Vec::new(),
            owner: None,
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
                 Details: flink-sql-runner history job-0\n\
                 What to do: docs/operating.md#operation-failed\n\n\
                 Deployment prod, raised at 1970-01-01T00:00:00Z, alert {}.\n",
                OperationId::derived(&["operation"]),
                alert.id
            )
        );
        let mut owned = alert.clone();
        owned.conditions[0].owner = Some("team-orders".to_owned());
        assert!(owned.body().contains("\n- job-0 (owned by team-orders): rolled-back: "), "{}", owned.body());
        assert!(
            many.contains("- job-99: ") && many.contains("- and 3 more\n") && !many.contains("- job-100"),
            "{many}"
        );
    }

    #[test]
    fn a_run_that_fails_is_told_with_its_root_cause_and_the_command_that_explains_it() {
        let mut alert = alert(1);
        alert.kind = AlertKind::RestartLoop;
        alert.conditions[0].operation = None;
        alert.conditions[0].detail =
            "it restarted 3 times: FlinkException: lost\ncaused by IOException: full".to_owned();
        let body = alert.body();
        let told = "- job-0: it restarted 3 times: FlinkException: lost\n  caused by IOException: full\n\n";
        assert!(body.contains(told), "{body}");
        assert!(body.contains("Details: flink-sql-runner logs job-0\n"), "{body}");
    }

    #[test]
    fn an_order_is_told_as_it_is_typed_for_the_job_it_is_about() {
        let told = |jobs: usize| {
            let mut alert = alert(jobs);
            alert.kind = AlertKind::CleanStartNeeded;
            for condition in &mut alert.conditions {
                condition.kind = AlertKind::CleanStartNeeded;
                condition.common = vec!["words".to_owned()];
                condition.detail = "no state was found; `allow NAME clean-start` starts it".to_owned();
            }
            alert.body()
        };
        assert!(told(1).contains("; `flink-sql-runner allow job-0 clean-start` starts it"), "{}", told(1));
        assert!(told(2).contains("; `flink-sql-runner allow NAME clean-start` starts it"), "{}", told(2));
    }

    #[test]
    fn jobs_of_one_cause_are_one_line() {
        let mut alert = alert(60);
        for condition in &mut alert.conditions[..58] {
            condition.common = vec!["words".to_owned()];
        }
        let body = alert.body();
        let lines: Vec<&str> = body.lines().filter(|line| line.starts_with("- ")).collect();
        assert_eq!(lines.len(), 3, "{body}");
        assert!(lines[0].starts_with("- job-0, job-1, ") && lines[0].contains(" and 8 more: rolled-back: "), "{body}");
        assert!(lines[2].starts_with("- job-59: "), "{body}");
        assert!(body.contains("within an hour"), "{body}");
    }
}
