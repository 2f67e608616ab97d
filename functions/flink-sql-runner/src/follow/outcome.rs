//! How something ended, what that means for the exit code, and how a person is told.
//! Must not know how it is found out.

use std::time::Duration;

use desired::diagnostics::Diagnostic;
use desired::manifest::JobName;
use lifecycle::decision::Why;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{self, Decision, Entry, Record};
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::OperationId;
use lifecycle::moment::moment;
use lifecycle::permission::Permission;
use lifecycle::reason::Reason;
use orchestrator::held::{WaitsFor, lifted_by, named, order};

use crate::exit::Exit;
use crate::out;
use crate::render::{diagnostics, printable, span};

/// How an upload or an operation ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// The operation, if there was one.
    pub(crate) operation: Option<OperationId>,
    /// The version it was about.
    pub(crate) version: Option<u32>,
    /// In a word.
    pub(crate) outcome: String,
    /// For people.
    pub(crate) detail: String,
    /// What is wrong with the file.
    pub(crate) errors: Vec<Diagnostic>,
    /// What approves it, where it is held.
    pub(crate) needs: Option<Permission>,
    /// Whether the savepoint of its stop failed: the detail says what took its place.
    pub(crate) without_savepoint: bool,
    /// What it means for the exit code.
    pub(crate) exit: Exit,
}

impl Ended {
    /// The upload was refused.
    pub(super) fn refused(errors: Vec<Diagnostic>) -> Self {
        let detail = "the upload was refused".to_owned();
        let outcome = "refused".to_owned();
        Self {
            operation: None,
            version: None,
            outcome,
            detail,
            errors,
            needs: None,
            without_savepoint: false,
            exit: Exit::Invalid,
        }
    }

    /// There is nothing to be done.
    pub(super) fn nothing(detail: &str) -> Self {
        let (outcome, detail) = ("unchanged".to_owned(), detail.to_owned());
        Self {
            operation: None,
            version: None,
            outcome,
            detail,
            errors: Vec::new(),
            needs: None,
            without_savepoint: false,
            exit: Exit::Done,
        }
    }

    /// No operation was ordered.
    pub(super) fn by_decision(decision: &Decision) -> Self {
        let is = |reason: &Reason| decision.reason == reason.to_string();
        let (outcome, exit) = if [Reason::Unchanged, Reason::Complete, Reason::Suspended, Reason::Absent].iter().any(is)
        {
            ("unchanged", Exit::Done)
        } else if decision.held.is_some() {
            ("held", Exit::Held)
        } else if is(&Reason::UploadRefused) {
            ("refused", Exit::Invalid)
        } else {
            ("failed", Exit::Failed)
        };
        // What stands in the way may stand there for long.
        let since = if exit == Exit::Done { String::new() } else { format!("since {}: ", moment(decision.at)) };
        Self {
            operation: None,
            version: None,
            outcome: outcome.to_owned(),
            detail: since + &decision.reason,
            errors: Vec::new(),
            needs: decision.held.and_then(lifted_by),
            without_savepoint: false,
            exit,
        }
    }

    /// The same, where the record tells that somebody has to allow something: nothing happens before.
    pub(super) fn by_record(record: &Record, decision: &Decision) -> Self {
        let ended = Self::by_decision(decision);
        match WaitsFor::all(record).first() {
            Some(waits) if ended.exit == Exit::Failed => {
                let (outcome, needs) = ("held".to_owned(), Some(waits.permission));
                Self { outcome, needs, exit: Exit::Held, ..ended }
            }
            Some(_) | None => ended,
        }
    }

    /// Nothing is tried again by itself: how the job stands.
    pub(super) fn by_standing(record: Option<&Record>) -> Self {
        let decided = record.and_then(|record| Some((record, record.decision.as_ref()?)));
        decided.map_or_else(
            || Self::nothing("nothing is owed to it"),
            |(record, decision)| Self::by_record(record, decision),
        )
    }

    /// An operation was settled.
    pub(crate) fn by_entry(entry: &Entry, result: Option<&OperationResult>) -> Self {
        let exit = match (result, entry.outcome) {
            (Some(result), _) => exit_of(&result.outcome),
            (
                None,
                record::Ended::Deployed
                | record::Ended::Completed
                | record::Ended::Removed
                | record::Ended::Suspended
                | record::Ended::Left,
            ) => Exit::Done,
            (None, record::Ended::Abandoned) => Exit::Unknown,
            (
                None,
                record::Ended::Unhealthy | record::Ended::RolledBack | record::Ended::Refused | record::Ended::Failed,
            ) => Exit::Failed,
        };
        // What is told with its place is not told a second time in words.
        let told = match result.and_then(|result| result.outcome.refusal()) {
            Some(Refusal::DoesNotCompile { told: Some(told), .. }) => Some(told.as_ref().clone()),
            _ => None,
        };
        let detail = if told.is_some() { "it does not compile".to_owned() } else { entry.detail.clone() };
        Self {
            operation: Some(entry.operation),
            version: Some(entry.version),
            outcome: entry.outcome.to_string(),
            detail,
            errors: told.into_iter().collect(),
            needs: result.and_then(|result| needs(&result.outcome)),
            without_savepoint: entry.without_savepoint,
            exit,
        }
    }

    fn name(&self, job: &JobName) -> String {
        self.version.map_or_else(|| job.to_string(), |version| format!("{job} v{version}"))
    }

    /// A good end, in a line.
    pub(crate) fn success(&self, job: &JobName, elapsed: Duration) -> String {
        let (name, time) = (self.name(job), span(elapsed));
        let beside = if self.without_savepoint { format!(": {}", printable(&self.detail)) } else { String::new() };
        match self.outcome.as_str() {
            "deployed" => format!("Deployed {name} in {time}{beside}.\n"),
            "completed" => format!("{name} ran to its end in {time}{beside}.\n"),
            "removed" => format!("Removed {name}: {}.\n", self.detail),
            _ => format!("{name}: {}.\n", self.detail),
        }
    }

    /// A bad end, with the way out.
    pub(crate) fn failure(&self, job: &JobName) -> String {
        let what = match self.outcome.as_str() {
            "rolled-back" => "was rolled back; what ran before runs again",
            "refused" => "was refused; what ran before is as it was",
            "failed" if self.operation.is_some() => "failed; nothing of it runs now",
            "failed" => "is not deployed",
            "unhealthy" => "runs, but is not healthy",
            "held" => "is held",
            _ => "ended without an outcome",
        };
        let help = match self.needs {
            Some(permission) => format!("`flink-sql-runner {}` approves it once", order(permission, job)),
            None => format!("flink-sql-runner history {job}"),
        };
        let mut text = diagnostics::all(&self.errors);
        text.push_str(&out::failure(&format!("{} {what}", self.name(job)), &[named(&self.detail, job)], Some(&help)));
        text
    }
}

/// The permission that an operation could not go on without.
fn needs(outcome: &Outcome) -> Option<Permission> {
    match outcome {
        Outcome::Left { why, .. } => match why {
            Why::ForeignJob | Why::EndNotProven => Some(Permission::Adopt),
            Why::RunsAsDeployed | Why::IsComplete | Why::NothingToStop | Why::FlinkRestartsIt => None,
        },
        Outcome::Refused { refusal, .. } => match refusal {
            Refusal::ForeignJob { .. } | Refusal::EndNotProven { .. } => Some(Permission::Adopt),
            Refusal::NoState | Refusal::StateNotProven { .. } | Refusal::MayBeComplete { .. } => {
                Some(Permission::CleanStart)
            }
            Refusal::DoesNotCompile { .. }
            | Refusal::NoSecret { .. }
            | Refusal::NodeBroken { .. }
            | Refusal::NoCapacity { .. }
            | Refusal::NoSavepoint { .. }
            | Refusal::StateNotThere { .. }
            | Refusal::StaysInPassing
            | Refusal::NoCluster { .. } => None,
        },
        Outcome::Deployed { .. }
        | Outcome::Completed { .. }
        | Outcome::Removed { .. }
        | Outcome::Suspended { .. }
        | Outcome::RolledBack { .. }
        | Outcome::Failed { .. } => None,
    }
}

/// What an outcome means for the exit code.
fn exit_of(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Deployed { unhealthy: None, .. }
        | Outcome::Completed { .. }
        | Outcome::Removed { .. }
        | Outcome::Suspended { .. } => Exit::Done,
        Outcome::Left { why, .. } => match why {
            Why::RunsAsDeployed | Why::IsComplete | Why::NothingToStop => Exit::Done,
            Why::FlinkRestartsIt => Exit::Failed,
            Why::ForeignJob | Why::EndNotProven => Exit::Held,
        },
        Outcome::Refused { refusal, .. } => match refusal {
            Refusal::DoesNotCompile { .. } => Exit::Invalid,
            Refusal::ForeignJob { .. }
            | Refusal::NoState
            | Refusal::StateNotProven { .. }
            | Refusal::MayBeComplete { .. } => Exit::Held,
            Refusal::NoSecret { .. }
            | Refusal::NodeBroken { .. }
            | Refusal::NoCapacity { .. }
            | Refusal::NoSavepoint { .. }
            | Refusal::StateNotThere { .. }
            | Refusal::StaysInPassing
            | Refusal::EndNotProven { .. }
            | Refusal::NoCluster { .. } => Exit::Failed,
        },
        Outcome::Deployed { unhealthy: Some(_), .. } | Outcome::RolledBack { .. } | Outcome::Failed { .. } => {
            Exit::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use lifecycle::documents::outcome::RunStarted;
    use lifecycle::ids::Hex32;
    use lifecycle::orchestrate::Ruling;
    use lifecycle::owed::Cause;

    use super::*;
    use crate::test_kit::{at, decided, deployed, manifest, name, result, running, settled};

    fn of(outcome: &Outcome) -> Ended {
        let record = running(&manifest("orders", "SELECT 1", 1), "orders");
        let record = settled(record, &manifest("orders", "SELECT 2", 1), "op", outcome);
        Ended::by_entry(record.history.last().unwrap(), Some(&result("orders", "op", outcome.clone())))
    }

    /// Rows come twice then: nobody must have to read the step's log for it.
    #[test]
    fn a_savepoint_that_failed_is_told_with_a_good_end() {
        let record = running(&manifest("orders", "SELECT 1", 1), "orders");
        let told = |outcome: &Outcome| {
            let mut record = settled(record.clone(), &manifest("orders", "SELECT 2", 1), "op", outcome);
            record.remember_failed_savepoint(Some("disk full\nat line two"));
            let ended = Ended::by_entry(record.history.last().unwrap(), None);
            assert_eq!(ended.exit, Exit::Done);
            ended.success(&name("orders"), Duration::from_secs(324))
        };
        let kept = "its savepoint failed, so only its newest checkpoint is kept (rows since then may be written twice)";
        let deployed = told(&deployed("op", None));
        assert!(deployed.starts_with("Deployed orders v2 in 5 min 24 s: runs as "), "{deployed}");
        assert!(deployed.ends_with(&format!("; {kept}: disk full.\n")), "{deployed}");
        let removed = told(&Outcome::Removed { savepoint: None });
        assert_eq!(removed, format!("Removed orders v2: stopped; {kept}: disk full.\n"));
    }

    /// Whoever waits for the same file again is told what a person has to allow, with the code of that.
    #[test]
    fn what_was_given_up_ends_with_what_a_person_has_to_do() {
        let (before, wanted) = (manifest("orders", "SELECT 1", 1), manifest("orders", "SELECT 2", 1));
        let given_up = |refusal| {
            let record = settled(running(&before, "orders"), &wanted, "op", &Outcome::refused(refusal));
            let Ruling::Nothing { reason, .. } = decided(&record, Some(&wanted), "next") else { panic!("it is tried") };
            let decision = Decision {
                etags: Vec::new(),
                config: None,
                change: None,
                reason: reason.to_string(),
                operation: None,
                held: reason.held(),
                by: "upload".to_owned(),
                at: at("2026-11-23T12:06:00Z"),
            };
            Ended::by_record(&record, &decision)
        };
        let no_state = given_up(Refusal::NoState);
        assert_eq!((no_state.exit, no_state.needs), (Exit::Held, Some(Permission::CleanStart)));
        assert!(no_state.failure(&name("orders")).contains("`flink-sql-runner allow orders clean-start` approves it"));
        let does_not_compile = given_up(crate::test_kit::rejected().refusal().unwrap().clone());
        assert_eq!((does_not_compile.exit, does_not_compile.needs), (Exit::Failed, None));
        let told = does_not_compile.failure(&name("orders"));
        let line = "since 2026-11-23 12:06:00Z: it failed and is tried again once it changes, or by `retry orders`: ";
        assert!(told.contains(line), "{told}");
    }

    #[test]
    fn each_outcome_has_its_words_and_code() {
        let run = RunStarted {
            job_id: Hex32::derived(&["r"]).into(),
            restored_from: None,
            epoch: None,
            compiled: lifecycle::documents::outcome::Compiled::default(),
        };
        let outcomes = [
            deployed("op", None),
            Outcome::RolledBack {
                reason: "it restarted 3 times".to_owned(),
                cause: Cause::DoesNotRun,
                run,
                savepoint: None,
            },
            Outcome::refused(Refusal::NoState),
            Outcome::Failed {
                reason: "the cluster is full".to_owned(),
                cause: Cause::DoesNotRun,
                savepoint: None,
                runs: Vec::new(),
            },
        ];
        let mut text = String::new();
        for outcome in &outcomes {
            let ended = of(outcome);
            let words = match ended.exit {
                Exit::Done => ended.success(&name("orders"), Duration::from_secs(324)),
                _ => ended.failure(&name("orders")),
            };
            let _ = writeln!(text, "{words}exit {}", ended.exit.code());
        }
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @r"
        Deployed orders v2 in 5 min 24 s.
        exit 0
        error: orders v2 was rolled back; what ran before runs again
          caused by: it restarted 3 times
        help: flink-sql-runner history orders
        exit 1
        error: orders v2 was refused; what ran before is as it was
          caused by: no state of its lineage was found; `allow orders clean-start` starts it without state
        help: `flink-sql-runner allow orders clean-start` approves it once
        exit 7
        error: orders v2 failed; nothing of it runs now
          caused by: the cluster is full
        help: flink-sql-runner history orders
        exit 1
        ");
    }
}
