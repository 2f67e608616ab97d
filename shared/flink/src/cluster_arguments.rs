//! Which session cluster jobs are deployed to, as flags and variables that the runner and the command line share.
//! Must not know how a cluster is spoken to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use control::session::SessionSelector;
use desired::session_settings::SESSION_NAME;
use lifecycle::endpoint::Endpoint;

use crate::endpoint::JobManagerAddress;
use crate::http::Timeouts;
use crate::target::{DeploymentTarget, YarnTarget};
use crate::tls::{TlsArguments, TlsError};
use crate::yarn_site::{YarnSiteError, resource_managers};

/// Where EMR and Hadoop's own packages keep their configuration.
const HADOOP_CONF: &str = "/etc/hadoop/conf";

/// The kind of the session cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetKind {
    /// A session on YARN.
    Yarn,
    /// A standalone cluster at a known address.
    Remote,
}

/// Which session cluster.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Session cluster")]
pub struct ClusterArguments {
    /// Where jobs run.
    #[arg(long, env = "DEPLOYMENT_TARGET", value_enum, default_value = "yarn")]
    pub deployment_target: TargetKind,
    /// The JobManager of a standalone cluster, as host:port or https://host:port.
    #[arg(long, env = "JOBMANAGER_ADDRESS", value_name = "HOST:PORT")]
    pub jobmanager_address: Option<JobManagerAddress>,
    /// The resource managers of YARN, as host:port of their REST API; without any, what Hadoop's yarn-site.xml names.
    #[arg(long, env = "RESOURCE_MANAGER", value_name = "HOST:PORT", value_delimiter = ',')]
    pub resource_manager: Vec<Endpoint>,
    /// Hadoop's configuration.
    #[arg(long, env = "HADOOP_CONF_DIR", value_name = "DIR", default_value = HADOOP_CONF)]
    pub hadoop_conf_dir: PathBuf,
    /// The exact name of the session on YARN.
    #[arg(long, env = "SESSION_NAME", value_name = "NAME", default_value = SESSION_NAME)]
    pub session_name: String,
    /// The session's application id, where its name is not enough.
    #[arg(long, env = "SESSION_ID", value_name = "APPLICATION")]
    pub session_id: Option<String>,
    /// How long a session that is being started, or a resource manager that does not answer, is waited for, in ms.
    #[arg(long, env = "SESSION_WAIT_MS", value_name = "MS", default_value_t = 180_000)]
    pub session_wait_ms: u64,
    #[command(flatten)]
    pub tls: TlsArguments,
}

/// Flags that name no cluster.
#[derive(Debug, thiserror::Error)]
pub enum NoCluster {
    /// A standalone cluster without its address.
    #[error("a standalone cluster needs --jobmanager-address HOST:PORT (JOBMANAGER_ADDRESS)")]
    NoAddress,
    /// How the JobManager is spoken to over TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An application id that is none.
    #[error("`{0}` is no id of a YARN application: application_<number>_<number> is expected")]
    NotAnApplication(String),
    /// Hadoop's configuration cannot be read.
    #[error("cannot read {path}; name the ResourceManager with --resource-manager HOST:PORT (RESOURCE_MANAGER)")]
    NoYarnSite {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Hadoop's configuration names no ResourceManager.
    #[error("{path} does not help; name the ResourceManager with --resource-manager HOST:PORT (RESOURCE_MANAGER)")]
    YarnSite {
        path: PathBuf,
        #[source]
        source: YarnSiteError,
    },
}

impl ClusterArguments {
    /// The cluster that they name.
    pub fn target(&self) -> Result<DeploymentTarget, NoCluster> {
        match self.deployment_target {
            TargetKind::Remote => self.standalone(),
            TargetKind::Yarn => self.yarn().map(DeploymentTarget::Yarn),
        }
    }

    fn standalone(&self) -> Result<DeploymentTarget, NoCluster> {
        let address = self.jobmanager_address.clone().ok_or(NoCluster::NoAddress)?;
        match (address.is_secure, self.tls.read()?) {
            (Some(true), None) => Err(TlsError::NoCa("https://").into()),
            (Some(false), Some(_)) => Err(TlsError::Contradiction.into()),
            (Some(true) | None, tls @ Some(_)) | (Some(false) | None, tls @ None) => {
                Ok(DeploymentTarget::Remote(address.endpoint, tls))
            }
        }
    }

    /// The session on YARN that they name.
    pub fn yarn(&self) -> Result<YarnTarget, NoCluster> {
        let managers = match self.resource_manager.as_slice() {
            [] => managers(&self.hadoop_conf_dir)?,
            given => given.to_vec(),
        };
        let session = match &self.session_id {
            None => SessionSelector::Named(self.session_name.clone()),
            Some(id) if is_application(id) => SessionSelector::Application(id.clone()),
            Some(id) => return Err(NoCluster::NotAnApplication(id.clone())),
        };
        let timeouts = Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(10) };
        let (wait, tls) = (Duration::from_millis(self.session_wait_ms), self.tls.read()?);
        Ok(YarnTarget { managers, session, wait, timeouts, tls })
    }
}

/// The resource managers that Hadoop's configuration in the folder `conf` names.
pub fn managers(conf: &Path) -> Result<Vec<Endpoint>, NoCluster> {
    let path = conf.join("yarn-site.xml");
    let xml = std::fs::read_to_string(&path).map_err(|source| NoCluster::NoYarnSite { path: path.clone(), source })?;
    resource_managers(&xml).map_err(|source| NoCluster::YarnSite { path, source })
}

/// It becomes part of a path.
fn is_application(id: &str) -> bool {
    let digits = |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let mut parts = id.split('_');
    parts.next() == Some("application") && digits(parts.next()) && digits(parts.next()) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::endpoint::base_url;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        cluster: ClusterArguments,
    }

    fn target(arguments: &[&str]) -> Result<DeploymentTarget, NoCluster> {
        Cli::parse_from(std::iter::once(&"test").chain(arguments)).cluster.target()
    }

    #[test]
    fn several_managers_and_the_predecessors_session() {
        let DeploymentTarget::Yarn(yarn) = target(&["--resource-manager", "a:8088,b:9088"]).unwrap() else { panic!() };
        assert_eq!(yarn.managers.iter().map(base_url).collect::<Vec<_>>(), ["http://a:8088", "http://b:9088"]);
        assert_eq!(yarn.session, SessionSelector::Named(SESSION_NAME.to_owned()));
    }

    #[test]
    fn an_address_and_its_certificates_say_the_same() {
        let remote = ["--deployment-target", "remote", "--jobmanager-address"];
        let of = |more: &[&str]| target(&[&remote, more].concat());
        assert!(matches!(of(&["http://a:1"]), Ok(DeploymentTarget::Remote(_, None))));
        assert!(matches!(of(&["https://a:1"]), Err(NoCluster::Tls(TlsError::NoCa(_)))));
        assert!(matches!(of(&["a:1", "--jobmanager-ca", "nowhere"]), Err(NoCluster::Tls(TlsError::File { .. }))));
    }

    #[test]
    fn the_managers_of_hadoops_own_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display().to_string();
        assert!(matches!(target(&["--hadoop-conf-dir", &path]), Err(NoCluster::NoYarnSite { .. })));
        let site = "<configuration><property><name>yarn.resourcemanager.hostname</name><value>rm</value></property></configuration>";
        std::fs::write(directory.path().join("yarn-site.xml"), site).unwrap();
        let DeploymentTarget::Yarn(yarn) = target(&["--hadoop-conf-dir", &path]).unwrap() else { panic!() };
        assert_eq!(base_url(&yarn.managers[0]), "http://rm:8088");
    }

    #[test]
    fn what_names_no_cluster_is_refused() {
        assert!(matches!(target(&["--deployment-target", "remote"]), Err(NoCluster::NoAddress)));
        for id in ["application_1", "application_1_2_3", "application_a_1", "../../x", "application_1_"] {
            let refused = target(&["--resource-manager", "a:1", "--session-id", id]);
            assert!(matches!(refused, Err(NoCluster::NotAnApplication(_))), "{id}");
        }
        assert!(target(&["--resource-manager", "a:1", "--session-id", "application_1_2"]).is_ok());
    }
}
