//! A node and its cluster for tests of the machines: what an effect does to them, and what they answer.
//! Must not know which effect comes next.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]
#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod asked;

use std::collections::BTreeMap;

use desired::digest::Digest;
use desired::inputs::Desired;
use desired::launch::{Launch, Rejection};
use desired::manifest::{Body, CHECKPOINT_DIR, JobManifest, JobName, PropertyValue, SAVEPOINT_DIR, ScalarKind};
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::outcome::Outcome;
use lifecycle::documents::plan::{Plan, Windows};
use lifecycle::documents::record::{OpenOperation, Record, Source};
use lifecycle::execute::{Effect, End, Health, Input, JobLook, RunRole, State, StopEnd, SubmitEnd, step};
use lifecycle::flink::{Epoch, JobSeen, JobState, Tasks};
use lifecycle::ids::{Hex32, JobId, TriggerId, run_id};
use lifecycle::orchestrate::{Ruling, Situation, decide, settle_result};
use lifecycle::owed::{Cause, Debt, Patience};
use lifecycle::permission::{Allow, AllowedFor, Permission};
use lifecycle::state::{StateLocation, StateRef, is_savepoint, newest};

pub(crate) fn name() -> JobName {
    JobName::try_from("orders").unwrap()
}

/// The run of an operation.
pub(crate) fn run(n: u8) -> JobId {
    run_id(id(n))
}

pub(crate) fn id<T: From<Hex32>>(n: u8) -> T {
    Hex32::from_bytes([n; 16]).into()
}

pub(crate) fn epoch() -> Epoch {
    Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 1 }
}

/// A target with this query, this parallelism and its states under this directory.
pub(crate) fn target(sql: &str, parallelism: u32, directory: &str) -> Target {
    let property = |text: String| PropertyValue { text, kind: ScalarKind::String };
    let properties = BTreeMap::from([
        (CHECKPOINT_DIR.to_owned(), property(format!("s3://state/{directory}/checkpoints"))),
        (SAVEPOINT_DIR.to_owned(), property(format!("s3://state/{directory}/savepoints"))),
        ("parallelism.default".to_owned(), property(parallelism.to_string())),
    ]);
    let manifest = JobManifest {
        name: name(),
        description: "it's".to_owned(),
        target_table: "sink".to_owned(),
        body: Body::Sql(sql.to_owned()),
        properties,
        operating: desired::manifest::Operating::default(),
    };
    Target { manifest, definitions: Vec::new(), timestamp_field: String::new() }
}

pub(crate) fn first() -> Target {
    target("SELECT a FROM t", 1, "one")
}

pub(crate) fn reconfigured() -> Target {
    target("SELECT a FROM t", 2, "one")
}

pub(crate) fn requeried() -> Target {
    target("SELECT b FROM t", 1, "one")
}

pub(crate) fn wanted(target: &Target) -> Desired {
    Desired::Target(Box::new(target.clone()))
}

pub(crate) fn patience() -> Patience {
    Patience { pause_ms: 60_000, longest_ms: 900_000 }
}

/// The situation in which operation `n` may be ordered.
pub(crate) fn situation(n: u8) -> Situation {
    Situation {
        now: Timestamp::UNIX_EPOCH,
        operation: id(n),
        nonce: id(0),
        batch: id(n),
        query_id: "q".to_owned(),
        created: "2026-01-01 00:00:00".to_owned(),
        by: "test".to_owned(),
        etags: vec!["e".to_owned()],
        config: None,
        source: Source::Queries,
        version_floor: 0,
        written: None,
        note: None,
        patience: patience(),
        windows: Windows::default(),
        removals_held: false,
        clean_starts_held: false,
        sweep: true,
        lost: None,
        urgent: false,
        seen: None,
        learned: None,
        ordered: None,
    }
}

/// The operation `n` that is ordered for `desired`; the record has it open.
pub(crate) fn order(record: &mut Record, desired: &Desired, n: u8) -> OpenOperation {
    let ruling = decide(record, desired, &situation(n));
    let Ruling::Operate(open) = ruling else { panic!("nothing was ordered: {ruling:?}") };
    if let Some(meta) = &open.meta {
        record.highest_version = record.highest_version.max(meta.query_version);
    }
    record.open = Some((*open).clone());
    *open
}

pub(crate) fn settle(record: Record, open: &OpenOperation, outcome: &Outcome) -> Record {
    settle_result(record, open, outcome, Timestamp::UNIX_EPOCH, patience())
}

/// A record under which `target` runs as operation 1, and the node on which it does, with one checkpoint.
pub(crate) fn deployed(target: &Target) -> (Record, Node) {
    let mut record = Record::fresh(name(), id(0), Source::Queries);
    let mut node = Node::default();
    let open = order(&mut record, &wanted(target), 1);
    let outcome = node.run(&open.plan);
    node.checkpoint(run_id(open.plan.operation));
    (settle(record, &open, &outcome), node)
}

/// A run on the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub state: JobState,
    pub directory: String,
    pub last: u64,
    pub stopped: Option<String>,
    /// What Flink calls it.
    pub name: String,
}

/// The claim, the result, the cluster and its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub claim: Option<Claim>,
    pub result: Option<Outcome>,
    pub runs: BTreeMap<JobId, Run>,
    pub disk: Vec<StateRef>,
    /// The life of the JobManager that is there, if it is not the first.
    pub epoch: Option<Epoch>,
    /// When it is looked at.
    pub now: Timestamp,
    /// Why there is no cluster.
    pub no_cluster: Option<String>,
    /// Runs that may live where nobody can be asked.
    pub unproven: Vec<(JobId, Epoch)>,
    /// Live runs that a directory of the Python tool is named after.
    pub by_directory: Vec<JobId>,
    /// The newest checkpoint of each run that we did not start.
    pub newest: Vec<(JobId, String)>,
    /// When runs were started, where it matters.
    pub started: Vec<(JobId, u64)>,
    /// When the newest checkpoint of a run was triggered.
    pub newest_at: Vec<(JobId, Timestamp)>,
    /// Every savepoint of a stop fails.
    pub stops_fail: bool,
    /// Flink restarts the run of a stop that fails.
    pub stops_restart: bool,
    /// The stop that put a run down so.
    pub put_down_by: Option<TriggerId>,
    /// Whether a look sees a completed checkpoint.
    pub checkpointed: bool,
    /// Whether all sources of what is compiled are bounded.
    pub bounded: Option<bool>,
    /// The run comes to its end just before its stop.
    pub ends_before_stop: bool,
    /// Runs of this target fail when they are watched.
    pub doomed: Option<Digest>,
    /// Runs that are started get no slots.
    pub without_slots: bool,
    /// This target does not compile.
    pub uncompilable: Option<Digest>,
    /// A target that refers to a secret that is not there.
    pub without_secret: Option<Digest>,
    /// Submissions in order: the id and the state they start from.
    pub submitted: Vec<(JobId, Option<String>)>,
}

impl Node {
    /// A run of the plan from its beginning to its end.
    pub(crate) fn run(&mut self, plan: &Plan) -> Outcome {
        self.claim = None;
        self.go_on(plan, usize::MAX);
        self.result.clone().unwrap()
    }

    /// A fresh runner that carries out `effects` effects at most; says how its pass ended, if it did.
    pub(crate) fn go_on(&mut self, plan: &Plan, effects: usize) -> Option<End> {
        let (mut state, mut effect) = step(plan, State::new(), Input::Begin);
        for _ in 0..effects {
            if let Effect::Done(end) = effect {
                return Some(end);
            }
            let input = self.carry_out(plan, effect);
            (state, effect) = step(plan, state, input);
        }
        None
    }

    /// A pass that dies right after its submission.
    pub(crate) fn submits(&mut self, plan: &Plan) {
        (self.claim, self.result) = (None, None);
        self.submits_again(plan);
    }

    /// The same by a successor, which goes on from the claim.
    pub(crate) fn submits_again(&mut self, plan: &Plan) {
        let before = self.submitted.len();
        let (mut state, mut effect) = step(plan, State::new(), Input::Begin);
        while self.submitted.len() == before {
            let input = self.carry_out(plan, effect);
            (state, effect) = step(plan, state, input);
        }
    }

    /// The same, and a JobManager in the place of the one that took it.
    pub(crate) fn dies_after_submitting(&mut self, plan: &Plan) {
        self.submits(plan);
        self.is_replaced();
    }

    /// Another JobManager is there, which knows no job.
    pub(crate) fn is_replaced(&mut self) {
        let before = match &self.epoch {
            Some(Epoch::Yarn { attempt, .. }) => *attempt,
            Some(Epoch::Standalone { .. }) | None => 1,
        };
        self.runs.clear();
        self.epoch = Some(Epoch::Yarn { application: "application_1_1".to_owned(), attempt: before + 1 });
    }

    pub(crate) fn live(&self) -> Vec<JobId> {
        self.runs.iter().filter(|(_, run)| !run.state.is_terminal()).map(|(id, _)| *id).collect()
    }

    pub(crate) fn checkpoint(&mut self, id: JobId) {
        let run = self.runs.get_mut(&id).unwrap();
        run.last += 1;
        self.disk.push(StateRef { path: format!("{}/chk-{}", run.directory, run.last), checkpoint_id: run.last });
    }

    pub(crate) fn end(&mut self, id: JobId, state: JobState) {
        self.runs.get_mut(&id).unwrap().state = state;
    }

    pub(crate) fn carry_out(&mut self, plan: &Plan, effect: Effect) -> Input {
        match effect {
            Effect::TakeClaim => match &self.claim {
                Some(claim) if claim.closed => Input::NotOurs,
                Some(claim) => Input::Claimed(claim.clone()),
                None => Input::Claimed(self.claim.insert(Claim::fresh(plan.operation, id(9), 1_000)).clone()),
            },
            Effect::SaveClaim(claim) => Input::Saved(self.claim.insert(claim).clone()),
            Effect::Look | Effect::LookAgain => match &self.no_cluster {
                Some(message) => Input::NoCluster(message.clone()),
                None => Input::Looked(self.look()),
            },
            Effect::Prepare(role) => {
                if self.without_secret.as_ref() == Some(&launch(plan, role).target) {
                    Input::NoSecret("${ssm:/x} cannot be read".to_owned())
                } else if self.uncompilable.as_ref() == Some(&launch(plan, role).target) {
                    Input::Rejected(Rejection {
                        kind: "query".to_owned(),
                        origin: None,
                        message: "no column b".to_owned(),
                        line: None,
                        column: None,
                    })
                } else {
                    Input::Compiled(lifecycle::documents::outcome::Compiled { bounded: self.bounded, slots: None })
                }
            }
            Effect::Reserve { .. } => Input::Reserved,
            // Flink remembers how a stop ended.
            Effect::Stop { trigger, directory, .. } if self.put_down_by.as_ref() == Some(&trigger) => {
                Input::Stopped(not_written(&directory))
            }
            Effect::Stop { run, trigger, directory } => {
                let ran = self.runs.get(&run).is_some_and(|run| run.state == JobState::Running);
                let mut end = self.stop(run, &directory);
                if ran && self.stops_restart && matches!(end, StopEnd::Failed(_)) {
                    self.put_down_by = Some(trigger);
                    self.end(run, JobState::Restarting);
                    end = not_written(&directory);
                }
                Input::Stopped(end)
            }
            Effect::Savepoint { run, directory, .. } => Input::Stopped(self.savepoint(run, &directory)),
            Effect::Cancel(run) => {
                if self.live().contains(&run) {
                    self.end(run, JobState::Canceled);
                }
                Input::Cancelled
            }
            Effect::FindState(places) => Input::Found(self.find(&places)),
            Effect::ListStates(places) => {
                let mut listed = self.all_in(&places);
                listed.sort_by_key(|state| std::cmp::Reverse(state.checkpoint_id));
                Input::Listed(listed)
            }
            Effect::Submit { role, job_id, restore } => {
                self.submit(launch(plan, role), job_id, restore);
                Input::Submitted(SubmitEnd::Known)
            }
            Effect::Watch(id) => self.watch(plan, id),
            Effect::WriteResult(outcome) => {
                self.result = Some(outcome);
                Input::Written
            }
            Effect::Done(_) => Input::Unknown,
        }
    }

    pub(crate) fn look(&self) -> JobLook {
        let seen = |(id, run): (&JobId, &Run)| {
            let tasks = Tasks { total: 1, running: u32::from(run.state == JobState::Running), finished: 0, waiting: 0 };
            JobSeen {
                id: *id,
                name: run.name.clone(),
                state: run.state,
                tasks,
                started_ms: self
                    .started
                    .iter()
                    .find(|(run, _)| run == id)
                    .map_or(0, |(_, ms)| (*ms).try_into().unwrap()),
                modified_ms: 0,
                checkpoints: None,
                restarts: None,
            }
        };
        let finished = self.runs.iter().filter(|(_, run)| run.state == JobState::Finished);
        JobLook {
            unproven: self.unproven.clone(),
            ended_with: finished.map(|(id, run)| (*id, run.stopped.clone())).collect(),
            checkpointed: self.checkpointed,
            by_directory: self.by_directory.clone(),
            newest: self.newest.clone(),
            newest_at: self.newest_at.clone(),
            ..JobLook::of(self.epoch.clone().unwrap_or_else(epoch), self.now, self.runs.iter().map(seen).collect())
        }
    }

    pub(crate) fn stop(&mut self, id: JobId, directory: &str) -> StopEnd {
        let Some(run) = self.runs.get_mut(&id) else { return StopEnd::Gone };
        if self.ends_before_stop {
            run.state = JobState::Finished;
            return StopEnd::Gone;
        }
        if run.state == JobState::Restarting {
            return StopEnd::NotRunning;
        }
        if run.state == JobState::Running && self.stops_fail {
            return StopEnd::Failed("declined".to_owned());
        }
        if run.state == JobState::Running {
            run.last += 1;
            let path = format!("{directory}/savepoint-{}-{:012x}", &id.to_string()[..6], run.last);
            self.disk.push(StateRef { path: path.clone(), checkpoint_id: run.last });
            run.stopped = Some(path);
            run.state = JobState::Finished;
        }
        run.stopped.clone().map_or(StopEnd::Gone, StopEnd::Savepoint)
    }

    /// A savepoint of a run that goes on.
    pub(crate) fn savepoint(&mut self, id: JobId, directory: &str) -> StopEnd {
        let Some(run) = self.runs.get_mut(&id) else { return StopEnd::Gone };
        match run.state {
            JobState::Running => {
                run.last += 1;
                let path = format!("{directory}/savepoint-{}-{:012x}", &id.to_string()[..6], run.last);
                self.disk.push(StateRef { path: path.clone(), checkpoint_id: run.last });
                StopEnd::Savepoint(path)
            }
            state if state.is_terminal() => StopEnd::Gone,
            _ => StopEnd::NotRunning,
        }
    }

    pub(crate) fn submit(&mut self, launch: &Launch, id: JobId, restore: Option<String>) {
        if self.runs.contains_key(&id) {
            return;
        }
        assert_eq!(self.live(), [], "two live runs");
        let last = restore.as_ref().map_or(0, |path| self.disk.iter().find(|s| s.path == *path).unwrap().checkpoint_id);
        let directory = format!("{}/{id}", launch.properties["execution.checkpointing.dir"]);
        self.runs
            .insert(id, Run { state: JobState::Running, directory, last, stopped: None, name: "orders".to_owned() });
        self.submitted.push((id, restore));
    }

    fn watch(&mut self, plan: &Plan, id: JobId) -> Input {
        let doomed = plan
            .next
            .as_ref()
            .is_some_and(|next| id == run_id(plan.operation) && self.doomed.as_ref() == Some(&next.target));
        let Some(run) = self.runs.get_mut(&id) else { return Input::Unknown };
        if doomed && !run.state.is_terminal() {
            run.state = JobState::Failed;
        }
        if self.without_slots {
            run.state = JobState::Restarting;
            return Input::Watched(Health::NoSlots { reason: "no slots".to_owned(), alive: true });
        }
        Input::Watched(match run.state {
            JobState::Running => Health::Stable { checkpointed: false },
            JobState::Finished if run.stopped.is_none() => Health::Complete,
            state if state.is_terminal() => Health::Ended("it failed".to_owned()),
            _ => Health::Unstable("it restarts".to_owned()),
        })
    }

    pub(crate) fn find(&self, places: &[StateLocation]) -> Option<StateRef> {
        newest(self.all_in(places))
    }

    fn all_in(&self, places: &[StateLocation]) -> Vec<StateRef> {
        let lies_in = |path: &str, place: &StateLocation| {
            let (parent, name) = path.rsplit_once('/').unwrap();
            match place {
                StateLocation::Exactly { path: exact } => path == exact,
                StateLocation::Checkpoints { directory } => parent == directory,
                StateLocation::Savepoints { directory, run, operations_since } => {
                    let of_operation = || parent.rsplit_once('/').is_some_and(|(above, _)| above == directory);
                    let lies_there = parent == directory || (operations_since.is_some() && of_operation());
                    lies_there && is_savepoint(name, run.as_deref())
                }
                StateLocation::Version { checkpoints, savepoints, .. } => [checkpoints, savepoints]
                    .into_iter()
                    .any(|directory| path.strip_prefix(directory.as_str()).is_some_and(|rest| rest.starts_with('/'))),
            }
        };
        self.disk.iter().filter(|s| places.iter().any(|place| lies_in(&s.path, place))).cloned().collect()
    }
}

/// Flink names the file.
fn not_written(directory: &str) -> StopEnd {
    StopEnd::Failed(format!("declined: {directory}/savepoint-1/_metadata"))
}

fn launch(plan: &Plan, role: RunRole) -> &Launch {
    match role {
        RunRole::Next => plan.next.as_ref().unwrap(),
        RunRole::Previous => &plan.previous.as_ref().unwrap().launch,
    }
}

/// What an operator allowed at the beginning of time.
pub(crate) fn allow(record: &mut Record, permission: Permission, run: Option<JobId>, what: Option<AllowedFor>) {
    record.allows.push(Allow { permission, run, what, by: "anna".to_owned(), at: Timestamp::UNIX_EPOCH });
}

/// The pause of what is owed is over.
pub(crate) fn make_due(record: &mut Record) {
    let at = Timestamp::UNIX_EPOCH;
    let owed = &mut record.owed;
    let apply = owed.apply.iter_mut().map(|apply| &mut apply.debt).filter(|debt| debt.next.is_some());
    for debt in apply.chain(&mut owed.keep_running).chain(&mut owed.remove) {
        debt.next = Some(at);
    }
}

/// An operation of this record ended without a result: the next decision looks.
pub(crate) fn unsettle(record: &mut Record) {
    let now = Timestamp::UNIX_EPOCH;
    let debt = Debt::after(None, Cause::NoResult, "it ended without a result", id(8), now);
    record.owed.keep_running = Some(debt.at_once(now));
}

pub(crate) fn meta(version: u32) -> desired::manifest::Meta {
    desired::manifest::Meta {
        query_version: version,
        query_id: "0b6d9fd2-3a3b-11ef-8d29-0242ac120002".to_owned(),
        query_create_timestamp: "2026-01-01 00:00:00".to_owned(),
    }
}
