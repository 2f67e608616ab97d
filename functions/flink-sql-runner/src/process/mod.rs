//! `DISPATCH=process`: the Python tool's drop-in on the primary node. Decides, carries out, settles, until nothing changes.
//! Must not decide anything about a job: the same orchestrator and runner as everywhere do.

pub(crate) mod arguments;
mod dispatcher;
mod report;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arguments::{Common, ProcessCli, ProcessCommand};
use aws::{ParameterStore, S3Files, S3Store};
use control::clock_and_ids::SystemWorld;
use control::errors::error_chain;
use control::orchestrator::{DesiredSource, NoFacts, Orchestrator, Scope, Settings};
use control::ports::{Cluster, OutsideError, Precondition, Store};
use control::runner::RunnerTimes;
use control::secrets::Secrets;
use dispatcher::ProcessDispatcher;
use flink::cluster_arguments::NoCluster;
use flink::local_files::AnyFiles;
use flink::target::DeploymentTarget;
use lifecycle::documents::batch::{Expected, FORMAT};
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::record::Source;
use lifecycle::documents::write;
use lifecycle::keys::Keys;
use orchestrator::actions::answer;
use report::Carried;
use source::{LocalFiles, Manifests, TableSource};
use step_runner::node_secrets::NodeSecrets;
use step_runner::reached::Attempts;
use step_runner::run::NodeSettings;

use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::{Invocation, who};
use crate::out::Out;
use crate::plan;

/// How often the round of deciding, carrying out and settling is repeated.
const ROUNDS: usize = 6;

/// Names beside the deployed manifests that have another meaning.
const TAKEN: [&str; 10] =
    ["queries", "config", "records", "plans", "batches", "claims", "results", "refused", "cluster", "session"];

/// Does what is asked on this node.
pub(crate) async fn run(
    cli: ProcessCli,
    passthrough: Vec<String>,
    hidden: Secrets,
    out: Out,
) -> Result<Exit, CliError> {
    let invocation = Invocation::new(cli.global);
    let (manifests, common, dry) = match cli.command {
        ProcessCommand::Deploy(folder) => (of_folder(folder.path, folder.template_file), folder.common, false),
        ProcessCommand::Plan(folder) => (of_folder(folder.path, folder.template_file), folder.common, true),
        ProcessCommand::DeployJob(one) => (Manifests::Merged(one.job_config_path), one.common, false),
    };
    let node = Node::new(&invocation, manifests, &common, passthrough, hidden).await?;
    if dry {
        let report = Arc::clone(&node.orchestrator).plan(Scope::All, "plan").await?;
        let answer = answer(report);
        plan::show(&answer, "Plan", out);
        return Ok(if answer.refused.is_empty() { Exit::Done } else { Exit::Invalid });
    }
    let carried = node.carry_out().await?;
    carried.show(out);
    Ok(carried.exit())
}

fn of_folder(path: PathBuf, template: PathBuf) -> Manifests {
    Manifests::Folder { path, template }
}

/// Everything on this node.
struct Node {
    orchestrator: Arc<Orchestrator>,
    target: DeploymentTarget,
    scope: Scope,
}

impl Node {
    async fn new(
        invocation: &Invocation,
        manifests: Manifests,
        common: &Common,
        passthrough: Vec<String>,
        hidden: Secrets,
    ) -> Result<Self, CliError> {
        let target = common.session_cluster.target().map_err(|error| no_cluster(&error))?;
        let keys = keys(&common.external_job_config_prefix)?;
        let sdk = aws::load_config().await;
        let parameters = sdk.clone();
        // The Python tool's own name for another S3.
        let sdk = match std::env::var("AWS_S3_ENDPOINT").ok().filter(|url| !url.is_empty()) {
            Some(url) => sdk.into_builder().endpoint_url(url).build(),
            None => sdk,
        };
        let bucket = |name: &str| -> Arc<dyn Store> { Arc::new(S3Store::new(&sdk, name)) };
        let store = bucket(&common.external_job_config_bucket);
        let invocation = &invocation.clone().informed_by(store.as_ref(), &keys).await;
        let settings = Settings { keys: keys.clone(), source: Source::Process, ..settings(invocation, common)? };
        let node = node(invocation, common, target.clone(), passthrough)?;
        let single = matches!(manifests, Manifests::Merged(_));
        let desired = LocalFiles {
            manifests,
            tables: tables(&common.table_definition_path, &bucket)?,
            params: common.template_params.iter().cloned().collect(),
            timestamp_field: settings.timestamp_field.clone(),
            policy: settings.policy.clone(),
        };
        let scope = if single {
            // One job only: nothing else is looked at, nothing is removed.
            Scope::Ended(source::job_of(&desired.load().await?).into_iter().collect::<BTreeSet<_>>())
        } else {
            Scope::Sweep
        };
        let dispatcher = ProcessDispatcher {
            store: Arc::clone(&store),
            files: Arc::new(S3Files::new(&sdk)),
            keys,
            node,
            secrets: Arc::new(NodeSecrets::new(Arc::new(ParameterStore::new(&parameters)))),
            hidden,
            sent: Mutex::default(),
        };
        let (desired, dispatcher, world) = (Arc::new(desired), Arc::new(dispatcher), Arc::new(SystemWorld));
        let files = Arc::new(AnyFiles::new(Some(Arc::new(S3Files::new(&sdk)))));
        let facts = Arc::new(NoFacts);
        let orchestrator =
            Arc::new(Orchestrator { store, desired, dispatcher, files, world, alerts: None, facts, settings });
        Ok(Self { orchestrator, target, scope })
    }

    /// No event follows what is done here: the orchestrator is asked again until nothing more is ordered.
    async fn carry_out(&self) -> Result<Carried, CliError> {
        let mut carried = Carried::default();
        for _ in 0..ROUNDS {
            let report = Arc::clone(&self.orchestrator).run(self.scope.clone(), &who()).await?;
            let (more, expected) = (report.batch.is_some(), report.expected());
            carried.add(report);
            if more {
                continue;
            }
            // Everything is settled: what should be alive and is not is brought back.
            let Some(lost) = self.look(expected).await? else { break };
            let report = Arc::clone(&self.orchestrator).run(Scope::Observed(Box::new(lost)), &who()).await?;
            let more = report.batch.is_some();
            carried.add(report);
            if !more {
                break;
            }
        }
        carried.settle(&self.orchestrator).await?;
        Ok(carried)
    }

    /// One look at the cluster, kept for `status`; nothing if everything expected is alive.
    async fn look(&self, expected: Vec<Expected>) -> Result<Option<ObservedDocument>, CliError> {
        let cluster = self.target.resolve().await?;
        let look = cluster.look().await?;
        let Orchestrator { store, world, settings, .. } = self.orchestrator.as_ref();
        let document = ObservedDocument {
            format: FORMAT,
            batch: world.fresh_id().into(),
            look,
            expected,
            replaced: None,
            checkpoints: Vec::new(),
            since: Vec::new(),
            web: cluster.web(),
        };
        store.put(&settings.keys.observed(), write(&document), Precondition::Always).await?;
        let lost = document.missing().next().is_some();
        Ok(lost.then_some(document))
    }
}

fn settings(invocation: &Invocation, common: &Common) -> Result<Settings, CliError> {
    let mut settings = invocation.settings()?;
    if let Some(field) = &common.timestamp_field_name {
        settings.timestamp_field.clone_from(field);
    }
    Ok(settings)
}

/// Deployed manifests lie where the Python tool put them; everything else beside.
fn keys(prefix: &str) -> Result<Keys, CliError> {
    let trimmed = prefix.trim_matches('/');
    let (parent, name) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
    if name.is_empty() || TAKEN.contains(&name) {
        let message =
            format!("--external-job-config-prefix `{prefix}` does not end in a folder for deployed manifests");
        return Err(CliError::usage(message, "end it in `manifests/`, for example flink-sql-runner/manifests/"));
    }
    Ok(Keys::with_manifests(parent, name))
}

pub(crate) fn no_cluster(error: &NoCluster) -> CliError {
    let help = match error {
        NoCluster::NoAddress => {
            "give --jobmanager-address HOST:PORT; for a session on YARN give --deployment-target yarn"
        }
        NoCluster::NotAnApplication(_) => {
            "`yarn application -list` shows the ids; without --session-id the session is found by --session-name"
        }
        NoCluster::Tls(_) => "JOBMANAGER_CA, JOBMANAGER_CERT and JOBMANAGER_KEY name PEM files",
        NoCluster::NoYarnSite { .. } | NoCluster::YarnSite { .. } => {
            "give --resource-manager HOST:PORT, or the folder of yarn-site.xml with --hadoop-conf-dir DIR"
        }
    };
    CliError::usage(error_chain(error), help)
}

fn node(
    invocation: &Invocation,
    common: &Common,
    target: DeploymentTarget,
    passthrough: Vec<String>,
) -> Result<NodeSettings, CliError> {
    let wrong = |source| CliError::File { path: common.state_directory.clone(), source };
    std::fs::create_dir_all(&common.state_directory).map_err(wrong)?;
    let (lease, margin) = (invocation.span("LEASE_MS", 60_000)?, invocation.span("MARGIN_MS", 60_000)?);
    Ok(NodeSettings {
        flink: common.flink.clone(),
        python: common.pyexec_path.clone(),
        target,
        // Whoever runs this command has the node: where states lie is his own choice.
        deployment: None,
        state_directory: common.state_directory.clone(),
        passthrough,
        times: RunnerTimes { lease, margin, ..RunnerTimes::default() },
        wave: invocation.wave()?,
        lock_wait: lease + margin,
        attempts: Attempts::default(),
    })
}

fn tables(paths: &[String], bucket: &dyn Fn(&str) -> Arc<dyn Store>) -> Result<Vec<TableSource>, CliError> {
    let mut stores: BTreeMap<String, Arc<dyn Store>> = BTreeMap::new();
    let source = |path: &String| match path.strip_prefix("s3://").or_else(|| path.strip_prefix("s3a://")) {
        None => Ok(TableSource::Local(PathBuf::from(path))),
        Some(rest) => {
            let (name, key) = rest.split_once('/').filter(|(_, key)| !key.is_empty()).ok_or_else(|| {
                CliError::Outside(OutsideError::refused(
                    "reading the table definitions",
                    format!("`{path}` names no object"),
                ))
            })?;
            let store = stores.entry(name.to_owned()).or_insert_with(|| bucket(name));
            Ok(TableSource::Remote { store: Arc::clone(store), url: path.clone(), key: key.to_owned() })
        }
    };
    paths.iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_ends_in_the_manifests_name() {
        assert_eq!(keys("flink-sql-runner/manifests/").ok(), Some(Keys::new("flink-sql-runner/")));
        assert_eq!(keys("/a/b/deployed").ok(), Some(Keys::with_manifests("a/b", "deployed")));
        assert_eq!(keys("manifests").ok(), Some(Keys::new("")));
        for wrong in ["", "/", "flink-sql-runner/records/"] {
            assert!(matches!(keys(wrong), Err(CliError::Usage { .. })), "{wrong}");
        }
    }
}
