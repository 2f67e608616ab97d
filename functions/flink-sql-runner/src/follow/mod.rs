//! Following what comes of uploads and operations: reads the documents again and again, says what is new.
//! Must not decide or settle anything: the function does.

mod judged;
mod outcome;
mod removal;
mod stage;
mod waiting;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use control::documents::fetch;
use control::ports::{OutsideError, Store};
use control::uploads::FileRole;
use desired::inputs::configuration;
use desired::manifest::JobName;
use judged::{Decided, Judged, decided, next_try};
use lifecycle::documents::Document;
use lifecycle::documents::outcome::Refusal;
use lifecycle::documents::record::{Decision, Entry, Record};
use lifecycle::documents::refused::RefusedDocument;
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::OperationId;
use lifecycle::keys::Keys;
pub(crate) use outcome::Ended;
use removal::Removal;
pub(crate) use removal::removed;
use serde_json::json;
use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt::unless_interrupted;
use crate::out::{Out, failure};
use crate::render::{count, printable, span};

/// How often the documents are read.
const POLL: Duration = Duration::from_secs(1);
/// How long a wait stays silent.
const SILENCE: Duration = Duration::from_secs(10);

/// What is waited for.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// The decision about an upload.
    Decision {
        /// The upload's key.
        key: String,
        etag: String,
        /// The decision that stood before.
        before: Option<Decision>,
        /// Whether the configuration was uploaded as well.
        configured: bool,
    },
    /// The end of the removal of a job whose file was deleted.
    Removal,
    /// The end of an operation.
    End(OperationId),
    /// The end of the next try of what is owed to a job.
    Try,
}

/// A job that is followed.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub(crate) job: JobName,
    /// What is waited for.
    pub(crate) wanted: Wanted,
    /// What was said last, and when.
    said: Option<(String, Instant)>,
}

impl Followed {
    /// A job and what is waited for.
    pub(crate) fn new(job: JobName, wanted: Wanted) -> Self {
        Self { job, wanted, said: None }
    }
}

/// What a look at the documents shows.
enum Seen {
    Goes(String),
    Ended(Box<Ended>),
}

/// Follows jobs to their end.
pub(crate) struct Follower {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Keys,
    /// Where to say it.
    pub(crate) out: Out,
    /// How long to wait.
    pub(crate) timeout: Deadline,
}

impl Follower {
    /// Waits for all, says how each ended, or what goes on if somebody presses Ctrl-C; what was done before came to
    /// `so_far`.
    pub(crate) async fn follow(&self, mut jobs: Vec<Followed>, so_far: Exit) -> Result<Exit, CliError> {
        let ended = if let Some(ended) = unless_interrupted(self.to_the_end(&mut jobs)).await {
            ended?
        } else {
            self.interrupted(&jobs);
            Exit::Interrupted
        };
        let exit = so_far.and(ended);
        if self.out.is_json() {
            self.out.event(&json!({"type": "end", "version": 1, "exit": exit.code()}), String::new);
        }
        Ok(exit)
    }

    async fn to_the_end(&self, jobs: &mut Vec<Followed>) -> Result<Exit, CliError> {
        let begun = Instant::now();
        let mut exit = Exit::Done;
        let mut configurations = BTreeSet::new();
        while !jobs.is_empty() {
            self.note_configuration(jobs, &mut configurations).await?;
            let mut at = 0;
            while let Some(followed) = jobs.get_mut(at) {
                match self.look(followed, &configurations).await {
                    Ok(Seen::Ended(ended)) => {
                        exit = exit.and(ended.exit);
                        self.tell_end(&followed.job, &ended, begun);
                        jobs.remove(at);
                        continue;
                    }
                    Ok(Seen::Goes(what)) => self.tell(followed, what, begun),
                    Err(CliError::Outside(error @ OutsideError::Unknown { .. })) if !self.timeout.is_over() => {
                        // No answer changes nothing about the operation: look again.
                        self.tell(followed, format!("no answer: {error}"), begun);
                    }
                    Err(error) => return Err(error),
                }
                at += 1;
            }
            if !jobs.is_empty() && self.timeout.is_over() {
                exit = exit.and(Exit::Unknown);
                self.give_up(jobs);
                break;
            }
            if !jobs.is_empty() {
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(exit)
    }

    /// What goes on without this command, and which commands show it.
    fn interrupted(&self, jobs: &[Followed]) {
        for followed in jobs {
            let what = followed.said.as_ref().map(|(said, _)| said.clone()).unwrap_or_default();
            let event = json!({"type": "interrupted", "version": 1, "job": followed.job, "stage": what});
            self.out.progress(&event, || going_on(&followed.job, &what));
        }
        self.out.note("It goes on without this command: `flink-sql-runner status` shows how it stands.\n");
    }

    async fn document<T: Document>(&self, key: &str) -> Result<Option<T>, CliError> {
        Ok(fetch(self.store.as_ref(), key).await?.map(|(document, _)| document))
    }

    /// A document that only says how far something is: not everybody who waits may read it.
    async fn shown<T: Document>(&self, key: &str) -> Result<Option<T>, CliError> {
        match self.document(key).await {
            Err(CliError::Outside(OutsideError::Refused { .. })) => Ok(None),
            found => found,
        }
    }

    /// Takes in which configuration is uploaded, where somebody waits for it to be judged: another one counts as well.
    async fn note_configuration(&self, jobs: &[Followed], known: &mut BTreeSet<String>) -> Result<(), CliError> {
        let waited_for = |followed: &Followed| matches!(followed.wanted, Wanted::Decision { configured: true, .. });
        if !jobs.iter().any(waited_for) {
            return Ok(());
        }
        match self.store.list(&self.keys.config()).await {
            Ok(listed) => {
                let read = listed.iter().filter(|listed| FileRole::of(&self.keys, &listed.key).is_some());
                known.insert(configuration(read.map(|listed| (listed.key.as_str(), listed.etag.0.as_str()))));
                Ok(())
            }
            Err(OutsideError::Unknown { .. }) if !self.timeout.is_over() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn look(&self, followed: &mut Followed, configurations: &BTreeSet<String>) -> Result<Seen, CliError> {
        let record: Option<Record> = self.document(&self.keys.record(&followed.job)).await?;
        if let Wanted::Decision { key, etag, before, configured } = &followed.wanted {
            let judged = Judged { etag, before: before.as_ref(), configurations: configured.then_some(configurations) };
            let refused: Option<RefusedDocument> = self.document(&self.keys.refused(key)).await?;
            if let Some(refused) = refused.filter(|refused| judged.is_refused_by(refused)) {
                return Ok(Seen::Ended(Box::new(Ended::refused(refused.errors))));
            }
            let decided_by = |record: &Record| record.decision.clone().filter(|d| judged.is_decided_by(d));
            let found = record.as_ref().and_then(|record| Some((record, decided_by(record)?)));
            let Some((known, decision)) = found else {
                return Ok(Seen::Goes(stage::before_decision(record.as_ref())));
            };
            match decided(known, &decision) {
                Decided::Waits(what) => return Ok(Seen::Goes(what)),
                Decided::Nothing => return Ok(Seen::Ended(Box::new(Ended::by_record(known, &decision)))),
                Decided::Operation(operation) => followed.wanted = Wanted::End(operation),
            }
        }
        if matches!(followed.wanted, Wanted::Removal) {
            match removal::seen(record.as_ref()) {
                Removal::Goes(what) => return Ok(Seen::Goes(what)),
                Removal::Ended(ended) => return Ok(Seen::Ended(Box::new(ended))),
                Removal::Operation(operation) => followed.wanted = Wanted::End(operation),
            }
        }
        if matches!(followed.wanted, Wanted::Try) {
            match record.as_ref().map_or(Decided::Nothing, next_try) {
                Decided::Waits(what) => return Ok(Seen::Goes(what)),
                Decided::Nothing => return Ok(Seen::Ended(Box::new(Ended::by_standing(record.as_ref())))),
                Decided::Operation(operation) => followed.wanted = Wanted::End(operation),
            }
        }
        let Wanted::End(operation) = followed.wanted else { return Ok(Seen::Goes("looks again".to_owned())) };
        self.operation(&followed.job, operation, record.as_ref()).await
    }

    async fn operation(
        &self,
        job: &JobName,
        operation: OperationId,
        record: Option<&Record>,
    ) -> Result<Seen, CliError> {
        let result: Option<OperationResult> = self.document(&self.keys.result(job, operation)).await?;
        if let Some(entry) = record.and_then(|record| remembered(record, operation, result.as_ref())) {
            return Ok(Seen::Ended(Box::new(Ended::by_entry(entry, result.as_ref()))));
        }
        if result.is_some() {
            return Ok(Seen::Goes("done on the node, being recorded".to_owned()));
        }
        if let Some(claim) = self.shown(&self.keys.claim(operation)).await? {
            return Ok(Seen::Goes(stage::of_claim(&claim)));
        }
        let batch = record.and_then(|r| r.open.as_ref()).map(|open| open.batch);
        let receipt = match batch {
            Some(batch) => self.shown(&self.keys.receipt(batch)).await?,
            None => None,
        };
        Ok(Seen::Goes(stage::before_claim(operation, receipt.as_ref())))
    }

    /// Says what is new, and after a silence that it still goes on.
    fn tell(&self, followed: &mut Followed, what: String, begun: Instant) {
        let news = followed.said.as_ref().is_none_or(|(said, at)| *said != what || at.elapsed() >= SILENCE);
        if !news {
            return;
        }
        let (job, elapsed) = (&followed.job, begun.elapsed());
        let event = json!({"type": "progress", "version": 1, "job": job, "stage": what, "seconds": elapsed.as_secs()});
        self.out.progress(&event, || format!("  {job}  {}  {}\n", printable(&what), span(elapsed)));
        followed.said = Some((what, Instant::now()));
    }

    fn tell_end(&self, job: &JobName, ended: &Ended, begun: Instant) {
        let elapsed = begun.elapsed();
        let event = json!({
            "type": "outcome",
            "version": 1,
            "job": job,
            "operation": ended.operation,
            "job_version": ended.version,
            "outcome": ended.outcome,
            "detail": ended.detail,
            "errors": ended.errors,
            "exit": ended.exit.code(),
            "seconds": elapsed.as_secs(),
        });
        if ended.exit == Exit::Done {
            self.out.event(&event, || ended.success(job, elapsed));
        } else {
            self.out.progress(&event, || ended.failure(job));
        }
    }

    fn give_up(&self, jobs: &[Followed]) {
        for followed in jobs {
            let what = followed.said.as_ref().map(|(said, _)| said.clone()).unwrap_or_default();
            let event = json!({"type": "timeout", "version": 1, "job": followed.job, "stage": what});
            self.out.progress(&event, || {
                let message = format!("{} has not ended after {}: {what}", followed.job, span(self.timeout.limit));
                failure(
                    &message,
                    &[],
                    Some("it goes on without this command; `flink-sql-runner status` shows how it stands"),
                )
            });
        }
        self.out.note(&format!("{} still under way\n", count(jobs.len(), "job")));
    }
}

/// A job whose operation goes on.
fn going_on(job: &JobName, stage: &str) -> String {
    let stage = if stage.is_empty() { "under way" } else { stage };
    format!("  {job}  goes on: {}; `flink-sql-runner history {job}` tells its end\n", printable(stage))
}

/// What the history tells of an operation. One that has a result and no entry is under that of a later try.
fn remembered<'a>(record: &'a Record, operation: OperationId, result: Option<&OperationResult>) -> Option<&'a Entry> {
    let is_open = record.open.as_ref().is_some_and(|open| open.plan.operation == operation);
    let refusal = result.filter(|_| !is_open).and_then(|result| result.outcome.refusal()).map(Refusal::kind);
    let own = record.history.iter().find(|entry| entry.is_of(operation));
    let later = |entry: &&Entry| entry.tries.is_some() && refusal.is_some() && entry.refusal == refusal;
    own.or_else(|| record.history.iter().rev().find(later))
}

#[cfg(test)]
mod tests {
    use lifecycle::documents::outcome::Outcome;
    use lifecycle::ids::Hex32;

    use super::*;
    use crate::test_kit::{at, manifest, result, running, settled};

    /// Nobody who waits for a try may wait for ever, as its entry is that of a later one by now.
    #[test]
    fn a_try_is_found_under_the_later_ones_that_count_it() {
        let short = Outcome::refused(Refusal::NoCapacity { needed: 4, free: 0 });
        let mut record = running(&manifest("orders", "SELECT 1", 1), "orders");
        for operation in ["first", "second", "third"] {
            record.owed.retry(at("2026-11-23T12:00:00Z"));
            record = settled(record, &manifest("orders", "SELECT 2", 1), operation, &short);
        }
        let of = |operation: &str, outcome: Option<&Outcome>| {
            let result = outcome.map(|outcome| result("orders", operation, outcome.clone()));
            remembered(&record, Hex32::derived(&[operation]).into(), result.as_ref()).map(Entry::count)
        };
        assert_eq!((of("third", None), of("first", None)), (Some(3), Some(3)));
        assert_eq!((of("second", None), of("second", Some(&short))), (None, Some(3)));
        let other = Outcome::refused(Refusal::NoCluster { message: "none".to_owned() });
        assert_eq!(of("second", Some(&other)), None, "it came to something else");
    }

    #[test]
    fn what_goes_on_is_told_with_the_command_that_tells_its_end() {
        let job = JobName::try_from("orders").unwrap();
        let told = going_on(&job, "stopping with a savepoint\x1b");
        assert_eq!(
            told,
            "  orders  goes on: stopping with a savepoint\u{fffd}; `flink-sql-runner history orders` tells its end\n"
        );
        assert!(going_on(&job, "").contains("goes on: under way;"));
    }
}
