//! What people upload in the course of a scenario, and which of it is broken.
//! Must not know what comes of it.

use std::collections::BTreeMap;

use desired::digest::Digest;
use desired::inputs::Desired;
use desired::launch::Launch;
use desired::manifest::{
    Body, CHECKPOINT_DIR, JobManifest, JobName, PropertyValue, SAVEPOINT_DIR, ScalarKind, WantedState,
};
use desired::target::Target;

use super::world::Budget;

/// One scenario: a script of uploads and what may go wrong.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) title: &'static str,
    pub(crate) name: JobName,
    /// What is desired first, and after each upload.
    pub(crate) script: Vec<Desired>,
    /// Runs of this target fail as soon as they are watched.
    pub(crate) doomed: Option<Digest>,
    /// This target does not compile.
    pub(crate) uncompilable: Option<Digest>,
    /// All sources are bounded: runs come to their end.
    pub(crate) bounded: bool,
    /// A guard holds removals back until one is allowed.
    pub(crate) removals_held: bool,
    pub(crate) budget: Budget,
    /// The first of the script is deployed and runs before anything else happens.
    pub(crate) deployed: bool,
    /// How many orchestrators are at work at one time; none: each pass is one step.
    pub(crate) orchestrators: usize,
    /// How many runners are at work at one time; none: each batch is one step.
    pub(crate) runners: usize,
    /// What a person orders of the job, as often as the budget has orders: each time the same order.
    pub(crate) wanted: Option<Wanted>,
}

/// What is ordered; which state it names is found when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Restart,
    Clean,
    /// From the oldest state that is there.
    Oldest,
    Savepoint,
}

impl Scenario {
    pub(crate) fn new(title: &'static str, script: Vec<Desired>, budget: Budget) -> Self {
        Self {
            title,
            name: name(),
            script,
            doomed: None,
            uncompilable: None,
            bounded: false,
            removals_held: false,
            budget,
            deployed: false,
            orchestrators: 1,
            runners: 1,
            wanted: None,
        }
    }

    /// The first of the script is deployed already, and the rest happens to it.
    pub(crate) fn deployed(mut self) -> Self {
        self.deployed = true;
        self
    }

    /// So many orchestrators and runners are at work at one time.
    pub(crate) fn at_work(mut self, orchestrators: usize, runners: usize) -> Self {
        self.orchestrators = orchestrators;
        self.runners = runners;
        self
    }

    /// A person orders this.
    pub(crate) fn ordered(mut self, wanted: Wanted) -> Self {
        self.wanted = Some(wanted);
        self
    }

    /// Runs come to their end.
    pub(crate) fn bounded(mut self) -> Self {
        self.bounded = true;
        self
    }

    /// A guard holds removals back.
    pub(crate) fn removals_held(mut self) -> Self {
        self.removals_held = true;
        self
    }

    /// Runs of `target` fail.
    pub(crate) fn doomed(mut self, target: &Target) -> Self {
        self.doomed = Some(target.digest());
        self
    }

    /// `target` does not compile.
    pub(crate) fn uncompilable(mut self, target: &Target) -> Self {
        self.uncompilable = Some(target.digest());
        self
    }

    pub(crate) fn desired(&self, uploads: usize) -> Desired {
        self.script.get(uploads).cloned().unwrap_or(Desired::Absent)
    }

    pub(crate) fn etags(&self, uploads: usize) -> Vec<String> {
        match self.desired(uploads) {
            Desired::Absent => Vec::new(),
            Desired::Refused | Desired::Target(_) => vec![uploads.to_string()],
        }
    }

    pub(crate) fn is_doomed(&self, launch: &Launch) -> bool {
        self.doomed.as_ref() == Some(&launch.target)
    }

    pub(crate) fn does_not_compile(&self, launch: &Launch) -> bool {
        self.uncompilable.as_ref() == Some(&launch.target)
    }
}

fn name() -> JobName {
    JobName::try_from("orders".to_owned()).unwrap()
}

/// A target with this query, this parallelism, and its states under `s3://state/<directory>`.
pub(crate) fn target(sql: &str, parallelism: u32, directory: &str) -> Target {
    let property = |text: String| PropertyValue { text, kind: ScalarKind::String };
    let properties = BTreeMap::from([
        (CHECKPOINT_DIR.to_owned(), property(format!("s3://state/{directory}/checkpoints"))),
        (SAVEPOINT_DIR.to_owned(), property(format!("s3://state/{directory}/savepoints"))),
        ("parallelism.default".to_owned(), property(parallelism.to_string())),
    ]);
    let manifest = JobManifest {
        name: name(),
        description: String::new(),
        target_table: "sink".to_owned(),
        body: Body::Sql(sql.to_owned()),
        properties,
        operating: desired::manifest::Operating::default(),
    };
    Target { manifest, definitions: Vec::new(), timestamp_field: String::new() }
}

/// The first upload.
pub(crate) fn first() -> Target {
    target("SELECT a FROM t", 1, "one")
}

/// Another configuration; its states go elsewhere, too.
pub(crate) fn reconfigured() -> Target {
    target("SELECT a FROM t", 2, "two")
}

/// Another query.
pub(crate) fn requeried() -> Target {
    target("SELECT b FROM t", 1, "one")
}

/// The same target, not to run.
pub(crate) fn suspended(target: &Target) -> Target {
    let mut suspended = target.clone();
    suspended.manifest.operating.state = WantedState::Suspended;
    suspended
}

/// It is what is desired.
pub(crate) fn wanted(target: &Target) -> Desired {
    Desired::Target(Box::new(target.clone()))
}
