//! The orchestrator's shell: drives the machine of every job concerned, then sends what was ordered as one batch.
//! Must not decide anything about a job; which jobs an event concerns is all it works out.

mod batch_progress;
mod dispatch;
mod forget;
mod guards;
mod inputs;
mod job;
mod look;
mod notify;
mod overlay;
mod plan_basis;
mod records;
mod scope;
mod states;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use desired::inputs::Inputs;
use desired::manifest::{JobName, Policy};
pub use dispatch::{Batches, UnsentBatch};
pub use forget::Forgetting;
pub use inputs::{DesiredSource, Uploads};
use lifecycle::act::OrderedAct;
use lifecycle::alert_conditions::{AlertCondition, AlertKind};
use lifecycle::documents::alerts::Seen;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::plan::{Plan, Windows};
use lifecycle::documents::record::Source;
use lifecycle::flink::Look;
use lifecycle::ids::BatchId;
use lifecycle::keys::Keys;
use lifecycle::noted::{Order, WhoAndWhy};
use lifecycle::orchestrate::{Finding, Learned, Lost};
use lifecycle::owed::{Circumstances, Patience};
pub use look::LookOrdered;
pub use notify::{Facts, NoFacts};
pub use overlay::Overlay;
pub use plan_basis::RecordSeen;
pub use scope::Scope;
pub use states::KnownState;
use tokio::sync::Mutex;
use tracing::{Instrument, field};

use self::batch_progress::BatchProgress;
use self::job::Job;
use self::notify::{all_run, lost_cluster};
use self::records::{Records, Versioned};
use self::scope::Concern;
use self::trouble::Trouble;
use crate::alerts::{Alert, Alerts};
use crate::errors::error_chain;
use crate::fan_out::FanOut;
use crate::ports::{Dispatcher, Files, OutsideError, Store, World};

/// How many jobs are worked on at one time.
const JOBS: usize = 16;

/// What the orchestrator is set to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The keys of every document.
    pub keys: Keys,
    /// What manifests may bring.
    pub policy: Policy,
    /// The name of the time stamp column; empty for none.
    pub timestamp_field: String,
    /// How failed targets are tried again.
    pub patience: Patience,
    /// The time spans of plans.
    pub windows: Windows,
    /// How much longer than its lease a runner is left alone.
    pub margin: Duration,
    /// How many removals may be under way before the guard holds the rest.
    pub removals: usize,
    /// Where desired manifests come from.
    pub source: Source,
    /// Which of several deployments this is, for people.
    pub deployment: String,
}

/// What was found about each job, and the batch that was sent.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was found, by job.
    pub findings: BTreeMap<JobName, Finding>,
    /// The batch, if anything had to be sent.
    pub batch: Option<BatchId>,
    /// The step or command that carries it.
    pub dispatched_as: Option<String>,
    /// Jobs that could not be reconciled, with the reason.
    pub troubles: BTreeMap<JobName, String>,
    /// Those of them of which an object cannot be read, and could not by another try: people are told.
    pub unreadable: BTreeSet<JobName>,
    /// Why some uploaders could not be told this time what was refused.
    pub untold: Option<String>,
    /// The verdicts over the uploaded files.
    pub inputs: Option<Inputs>,
    /// What people were told of at once.
    pub alerts: Vec<Alert>,
    /// What the records said where nothing was done: what a plan rests on.
    pub records: BTreeMap<JobName, RecordSeen>,
}

/// What the orchestrator works with.
pub struct Orchestrator {
    pub store: Arc<dyn Store>,
    /// What is desired.
    pub desired: Arc<dyn DesiredSource>,
    /// The way to the node.
    pub dispatcher: Arc<dyn Dispatcher>,
    /// Where state lies, as far as it can be listed from here.
    pub files: Arc<dyn Files>,
    /// Time and fresh ids.
    pub world: Arc<dyn World>,
    /// Tells people; nothing where others do, who then are left all of it.
    pub alerts: Option<Arc<dyn Alerts>>,
    /// Measures.
    pub facts: Arc<dyn Facts>,
    /// What it is set to.
    pub settings: Settings,
}

/// What a person orders of the job that a round is about.
#[derive(Default)]
struct Ordered {
    act: Option<OrderedAct>,
    /// What would be noted, in a round that only looks.
    note: Option<(Order, WhoAndWhy)>,
}

/// One invocation: what its jobs share.
struct Round {
    by: String,
    batch: BatchId,
    sweep: bool,
    lost: BTreeMap<JobName, Lost>,
    urgent: bool,
    seen: Option<Circumstances>,
    learned: BTreeMap<JobName, Learned>,
    removals_held: bool,
    clean_starts_held: bool,
    inputs: Arc<Inputs>,
    asked: BatchProgress,
    /// What a person orders of the job that the round is about.
    ordered: Option<OrderedAct>,
    plans: Mutex<Vec<Plan>>,
    /// Only looking: nothing is written, nothing is sent.
    dry: bool,
}

impl Orchestrator {
    /// Looks after the jobs in `scope` and sends what was ordered.
    pub async fn run(self: Arc<Self>, scope: Scope, by: &str) -> Result<Report, OutsideError> {
        self.round(scope, by, Ordered::default(), false).await
    }

    /// Works out what `run` would do; writes and sends nothing.
    pub async fn plan(self: Arc<Self>, scope: Scope, by: &str) -> Result<Report, OutsideError> {
        self.round(scope, by, Ordered::default(), true).await
    }

    /// Looks after one job of which a person orders something; `dry` works out what that would come to.
    pub async fn order(self: Arc<Self>, name: JobName, act: OrderedAct, dry: bool) -> Result<Report, OutsideError> {
        let by = act.by.clone();
        let ordered = Ordered { act: Some(act), note: None };
        self.round(Scope::Jobs(BTreeSet::from([name])), &by, ordered, dry).await
    }

    /// Works out what an order would come to that is noted in a record; writes and sends nothing.
    pub async fn rehearse(
        self: Arc<Self>,
        name: JobName,
        order: Order,
        who: WhoAndWhy,
    ) -> Result<Report, OutsideError> {
        let by = who.by.clone();
        let ordered = Ordered { act: None, note: Some((order, who)) };
        self.round(Scope::Jobs(BTreeSet::from([name])), &by, ordered, true).await
    }

    async fn round(
        self: Arc<Self>,
        scope: Scope,
        by: &str,
        ordered: Ordered,
        dry: bool,
    ) -> Result<Report, OutsideError> {
        let Concern { names, whole, sweep, look, lost, observed, learned, urgent } = self.concerned(scope).await?;
        // Records first, then what is desired: the other way round a stale desired state could overwrite a newer one.
        let Records { found: mut records, unread } = self.records(names).await?;
        if let Some((order, who)) = &ordered.note {
            for record in records.iter_mut().filter_map(|(_, (record, _))| record.as_mut()) {
                record.note(order, who, self.world.now());
            }
        }
        let inputs = Arc::new(self.desired.load().await?);
        let untold = if dry { None } else { self.desired.tell(&inputs).await.err() };
        let forgotten = if whole { self::forget::leave_out(&mut records, &inputs) } else { BTreeSet::new() };
        let held = self.removals_held(&inputs).await?;
        let mut seen = Seen { kinds: BTreeSet::from([AlertKind::RemovalsHeld]), ..Seen::default() };
        seen.conditions.extend((!held.is_empty()).then(|| AlertCondition::removals_held(&held)));
        let clean_starts = self.clean_starts(&inputs, &records, whole).await?;
        let clean_starts_held = clean_starts.as_ref().is_some_and(|jobs| jobs.len() > self.settings.removals);
        if let Some(jobs) = clean_starts {
            seen.kinds.insert(AlertKind::CleanStartsHeld);
            seen.conditions.extend(clean_starts_held.then(|| AlertCondition::clean_starts_held(&jobs)));
        }
        if let (Some(document), false) = (&observed, dry) {
            seen.conditions.extend(lost_cluster(&document.look.epoch, &lost, &records));
            self.note(&seen).await;
        }
        let unsent = UnsentBatch::drawn(self.world.as_ref());
        let round = Arc::new(Round {
            by: by.to_owned(),
            batch: unsent.id(),
            sweep,
            lost,
            urgent,
            seen: observed.as_ref().map(|document| circumstances(document)),
            learned,
            removals_held: !held.is_empty(),
            clean_starts_held,
            inputs: Arc::clone(&inputs),
            asked: BatchProgress::default(),
            ordered: ordered.act,
            plans: Mutex::new(Vec::new()),
            dry,
        });
        let seen_records = if dry { plan_basis::seen(&records, &inputs, clean_starts_held) } else { BTreeMap::new() };
        let mut report = Arc::clone(&self).look_after(&round, records).await;
        report.records = seen_records;
        for (name, error) in unread {
            log_found(&name, &Err(&error));
            report.trouble(name, &Trouble::Reading(error));
        }
        report.untold = untold.map(|error| error_chain(&error));
        report.inputs = Some((*inputs).clone());
        let plans = std::mem::take(&mut *round.plans.lock().await);
        if dry {
            return Ok(report);
        }
        let mut sent = Ok(());
        if look || !plans.is_empty() {
            let expected = if look { report.expected() } else { Vec::new() };
            report.batch = Some(round.batch);
            let dispatched = self.batches().send(unsent, &plans, expected, look).await;
            sent = dispatched.map(|step| report.dispatched_as = Some(step));
        }
        // Whatever came of the dispatch: people are told of what was found.
        if whole {
            self.swept(&report);
            seen.kinds.extend([AlertKind::NoCluster, AlertKind::NodeBroken, AlertKind::NoCapacity]);
            seen.kinds.extend(all_run(&report).then_some(AlertKind::LostCluster));
        }
        if let Some(document) = &observed {
            self.look_told(document, &mut seen).await;
        }
        seen.conditions.extend(report.findings.values().flat_map(|finding| finding.conditions.clone()));
        seen.conditions.extend(report.unreadable());
        seen.jobs = report.findings.keys().cloned().chain(forgotten).collect();
        report.alerts = self.tell(&seen).await;
        sent.map(|()| report)
    }

    fn batches(&self) -> Batches<'_> {
        let Self { store, dispatcher, world, settings, .. } = self;
        Batches { store: store.as_ref(), keys: &settings.keys, dispatcher: dispatcher.as_ref(), world: world.as_ref() }
    }

    async fn look_after(self: Arc<Self>, round: &Arc<Round>, records: Vec<(JobName, Versioned)>) -> Report {
        let mut report = Report::default();
        let mut jobs = FanOut::new(JOBS, records, |(name, record)| {
            let (this, round) = (Arc::clone(&self), Arc::clone(round));
            let (operation, batch) = (field::Empty, field::Empty);
            let span = tracing::info_span!("job", job = %name, by = %round.by, operation, batch);
            let job = async move {
                let found = Job::new(&this, &round, &name, record).drive().await;
                log_found(&name, &found.as_ref().map_err(Trouble::error));
                (name, found)
            };
            job.instrument(span)
        });
        while let Some(ended) = jobs.next().await {
            match ended {
                Ok((name, Ok(finding))) => {
                    report.findings.insert(name, finding);
                }
                // One job's trouble never stops another's.
                Ok((name, Err(trouble))) => report.trouble(name, &trouble),
                Err(error) => tracing::error!(%error, "a job's task panicked"),
            }
        }
        report
    }
}

/// What a look tells about the chances of what waits for the environment.
fn circumstances(document: &ObservedDocument) -> Circumstances {
    let Look { epoch, slots, .. } = &document.look;
    Circumstances { epoch: epoch.clone(), free: slots.map(|slots| slots.free) }
}

/// What was found, for the log.
fn log_found(job: &JobName, found: &Result<&Finding, &OutsideError>) {
    match found {
        Ok(Finding { reason, .. }) if reason.is_quiet() => tracing::debug!(%reason, "reconciled"),
        Ok(Finding { reason, .. }) => tracing::info!(%reason, "reconciled"),
        Err(error) => tracing::error!(%job, error = error_chain(*error), "could not be reconciled"),
    }
}
