//! From flags, the environment and the deployment's own settings to the bucket and an orchestrator in this process.
//! Must not know commands.

use std::fmt::Display;
use std::num::NonZeroU16;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws::{S3Files, S3Store};
use control::clock_and_ids::SystemWorld;
use control::documents::fetch;
use control::errors::error_chain;
use control::orchestrator::{NoFacts, Orchestrator, Settings, Uploads};
use control::ports::{BatchOrder, Dispatcher, OutsideError, Progress, Store};
use control::runner::WAVE;
use desired::manifest::Policy;
use lifecycle::documents::settings::SettingsDocument;
use lifecycle::ids::BatchId;
use lifecycle::keys::Keys;
use orchestrator::config::{Config, read_settings};
use orchestrator::wiring;

use crate::cli::{Dispatch, Global};
use crate::deadline::Deadline;
use crate::error::CliError;

/// How long the deployment's own settings are waited for: what is checked by them is only left out without them.
const SETTINGS: Duration = Duration::from_secs(5);

/// The function's name where nobody says another.
const FUNCTION: &str = "flink-sql-runner";

/// What flags, the environment and the deployment say together.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) flags: Global,
    /// How the deployment is set, where that is known.
    deployment: Option<SettingsDocument>,
    /// Why it is not known, if somebody looked.
    pub(crate) unknown: Option<String>,
    /// Until when the command waits, if it waits for what comes of it.
    pub(crate) deadline: Option<Deadline>,
}

impl Invocation {
    /// What flags and the environment say.
    pub(crate) fn new(flags: Global) -> Self {
        Self { flags, deployment: None, unknown: None, deadline: None }
    }

    /// The same for a command that waits no longer than this.
    pub(crate) fn until(self, deadline: Option<Deadline>) -> Self {
        Self { deadline, ..self }
    }

    /// The same with the settings of the deployment in the bucket that is named, if one is.
    pub(crate) async fn informed(self) -> Self {
        let (Ok(bucket), Ok(settings)) = (self.bucket(), self.settings()) else { return self };
        let store = S3Store::new(&aws::load_config().await, bucket);
        self.informed_by(&store, &settings.keys).await
    }

    /// The same with the settings of this deployment.
    pub(crate) async fn informed_by(mut self, store: &dyn Store, keys: &Keys) -> Self {
        let key = keys.settings();
        match tokio::time::timeout(SETTINGS, fetch::<SettingsDocument>(store, &key)).await {
            Ok(Ok(found)) => {
                self.unknown = found.is_none().then(|| format!("there is no {key}"));
                self.deployment = found.map(|(document, _)| document);
            }
            Ok(Err(error)) => self.unknown = Some(error_chain(&error)),
            Err(_) => self.unknown = Some(format!("reading {key}: no answer within {} s", SETTINGS.as_secs())),
        }
        self
    }

    /// The function that decides.
    pub(crate) fn function(&self) -> String {
        let named = self.flags.function.clone().filter(|name| !name.trim().is_empty());
        let known = || self.deployment.as_ref().and_then(|deployment| deployment.function.clone());
        named.or_else(known).unwrap_or_else(|| FUNCTION.to_owned())
    }

    /// A setting: its flag, else its variable, else the deployment's. Without any code and `file:` are allowed.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.set(name).or_else(|| Self::default(name))
    }

    fn default(name: &str) -> Option<String> {
        matches!(name, "ALLOW_CODE" | "ALLOW_FILES").then(|| "true".to_owned())
    }

    /// The same where somebody set it.
    fn set(&self, name: &str) -> Option<String> {
        let flag = match name {
            "BUCKET" => self.flags.bucket.clone(),
            "PREFIX" => self.flags.prefix.clone(),
            "CLUSTER" => self.flags.cluster.clone(),
            "DISPATCH" => self.flags.dispatch.map(|dispatch| dispatch.as_str().to_owned()),
            _ => None,
        };
        let said = flag.or_else(|| std::env::var(name).ok());
        said.or_else(|| self.deployment.as_ref()?.settings.get(name).cloned())
    }

    /// What manifests may bring by the function's settings, as far as they are said here, and what cannot be checked
    /// because nobody said them.
    pub(crate) fn policy(&self, code: Option<bool>, files: Option<bool>) -> Result<(Policy, Vec<Unchecked>), CliError> {
        let given = |name: &str| match name {
            "ALLOW_CODE" => code.map(|allowed| allowed.to_string()),
            "ALLOW_FILES" => files.map(|allowed| allowed.to_string()),
            _ => None,
        };
        let set = |name: &str| given(name).or_else(|| self.set(name)).filter(|value| !value.trim().is_empty());
        let unchecked = Unchecked::ALL.into_iter().filter(|check| set(check.setting()).is_none()).collect();
        let settings = read_settings(&|name| set(name).or_else(|| Self::default(name)))?;
        Ok((settings.policy, unchecked))
    }

    /// A span of time that is set in milliseconds.
    pub(crate) fn span(&self, name: &str, default: u64) -> Result<Duration, CliError> {
        self.number(name, default, "milliseconds").map(Duration::from_millis)
    }

    /// How many jobs are stopped, and how many started, at one time.
    pub(crate) fn wave(&self) -> Result<NonZeroU16, CliError> {
        self.number("WAVE", WAVE, "jobs from 1 to 65535")
    }

    fn number<T: FromStr + Display>(&self, name: &str, default: T, what: &str) -> Result<T, CliError> {
        match self.get(name).map(|text| text.trim().parse()) {
            None => Ok(default),
            Some(Ok(number)) => Ok(number),
            Some(Err(_)) => Err(CliError::usage(
                format!("{name} must be a number of {what}"),
                format!("for example {name}={default}"),
            )),
        }
    }

    /// The bucket's name.
    pub(crate) fn bucket(&self) -> Result<String, CliError> {
        let named = self.get("BUCKET").filter(|name| !name.trim().is_empty());
        named.ok_or_else(|| CliError::usage("no bucket is named", "give --bucket NAME, or set BUCKET"))
    }

    /// What needs no cluster.
    pub(crate) fn settings(&self) -> Result<Settings, CliError> {
        Ok(read_settings(&|name| self.get(name))?)
    }

    pub(crate) async fn store(&self) -> Result<Arc<dyn Store>, CliError> {
        let bucket = self.bucket()?;
        Ok(Arc::new(S3Store::new(&aws::load_config().await, bucket)))
    }

    /// Whether anything can be ordered without local files.
    pub(crate) fn can_order(&self) -> Result<(), CliError> {
        if self.flags.dispatch == Some(Dispatch::Process) {
            let help =
                "with DISPATCH=process, use `deploy` or `deploy-job` with local files, or set DISPATCH to emr or ssm";
            return Err(CliError::usage("there is no way to the node from here with DISPATCH=process", help));
        }
        Ok(())
    }

    /// An orchestrator in this process that can send to the node.
    pub(crate) async fn acting(&self) -> Result<Arc<Orchestrator>, CliError> {
        self.can_order()?;
        let config = Config::read(&|name| self.get(name))?;
        Ok(wiring::by_hand(&config, Arc::new(SystemWorld)).await)
    }

    /// An orchestrator that reads, plans and notes, and sends nothing: it needs no cluster.
    pub(crate) async fn reading(&self) -> Result<Arc<Orchestrator>, CliError> {
        let (store, settings) = (self.store().await?, self.settings()?);
        let files = Arc::new(S3Files::new(&aws::load_config().await));
        let desired = Uploads {
            store: Arc::clone(&store),
            keys: settings.keys.clone(),
            policy: settings.policy.clone(),
            timestamp_field: settings.timestamp_field.clone(),
        };
        let (desired, dispatcher, world) = (Arc::new(desired), Arc::new(Nowhere), Arc::new(SystemWorld));
        let facts = Arc::new(NoFacts);
        Ok(Arc::new(Orchestrator { store, desired, dispatcher, files, world, alerts: None, facts, settings }))
    }
}

/// A check that the function makes, and that needs one of its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unchecked {
    /// Whether code may be there.
    Code,
    /// Whether states may lie in files of a machine.
    Files,
    /// Whether states lie where the deployment keeps its own documents.
    StateDirectories,
}

impl Unchecked {
    const ALL: [Self; 3] = [Self::Code, Self::Files, Self::StateDirectories];

    /// The setting that it needs.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Code => "ALLOW_CODE",
            Self::Files => "ALLOW_FILES",
            Self::StateDirectories => "BUCKET",
        }
    }

    /// What is not checked, for people.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Code => "whether code, `python.*` and jars are allowed (ALLOW_CODE)",
            Self::Files => "whether state may be kept under `file:` (ALLOW_FILES)",
            Self::StateDirectories => {
                "whether state is kept where the deployment has its own documents (BUCKET, PREFIX)"
            }
        }
    }
}

/// Who decides in this process, for the record: the function writes whom AWS knows instead.
pub(crate) fn who() -> String {
    let named = |name: &str| std::env::var(name).ok().filter(|user| !user.trim().is_empty());
    named("USER").or_else(|| named("LOGNAME")).unwrap_or_else(|| "command line".to_owned())
}

/// The dispatcher of those who only read.
struct Nowhere;

#[async_trait]
impl Dispatcher for Nowhere {
    async fn find(&self, _: BatchId) -> Result<Progress, OutsideError> {
        Err(OutsideError::refused("asking the cluster", "this command only reads"))
    }
    async fn send(&self, _: &BatchOrder) -> Result<String, OutsideError> {
        Err(OutsideError::refused("sending to the cluster", "this command only reads"))
    }
}
