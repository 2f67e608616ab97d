//! The answers of the `ResourceManager`'s REST API, as far as they are read, and what they mean in our words.
//! Must not know how they were fetched.

use desired::printable::{cut, readable};
use serde::Deserialize;

use super::RunningSession;
use crate::text::one_line;

/// `{"apps": {"app": [...]}}`, with nothing or null where there are none.
#[derive(Deserialize)]
pub(super) struct Applications {
    apps: Option<ApplicationList>,
}

#[derive(Default, Deserialize)]
struct ApplicationList {
    #[serde(default)]
    app: Vec<Application>,
}

#[derive(Deserialize)]
pub(super) struct One {
    pub(super) app: Application,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Application {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    user: String,
    state: String,
    #[serde(default, rename = "amRPCAddress")]
    jobmanager: String,
    #[serde(default)]
    am_container_logs: String,
    #[serde(default)]
    diagnostics: String,
}

/// One setting of `/conf`.
#[derive(Deserialize)]
pub(super) struct Setting {
    pub(super) property: Property,
}

#[derive(Deserialize)]
pub(super) struct Property {
    #[serde(default)]
    pub(super) value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cluster {
    cluster_info: ClusterInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterInfo {
    started_on: u64,
    #[serde(default)]
    rm_state_store_name: String,
    /// `INITIALIZING` until its state is read, also where there is only one.
    #[serde(default)]
    ha_state: String,
}

#[derive(Deserialize)]
pub(super) struct Nodes {
    nodes: Option<NodeList>,
}

#[derive(Deserialize)]
struct NodeList {
    #[serde(default)]
    node: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(rename = "availMemoryMB")]
    available: i64,
}

impl Applications {
    pub(super) fn into_vec(self) -> Vec<Application> {
        self.apps.unwrap_or_default().app
    }
}

impl Application {
    /// Who it is, for people.
    pub(super) fn described(&self) -> String {
        readable(&format!("{} `{}` of {} ({})", self.id, self.name, self.user, self.state))
    }

    /// What became of it, for people.
    pub(super) fn told(&self) -> String {
        let diagnostics = cut(&one_line(&self.diagnostics), 500);
        if diagnostics.is_empty() { self.described() } else { format!("{}: {diagnostics}", self.described()) }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "FINISHED" | "FAILED" | "KILLED")
    }

    /// Its address counts only while it is RUNNING: a graceful end leaves it in place.
    pub(super) fn running(&self) -> Option<RunningSession> {
        if self.state != "RUNNING" {
            return None;
        }
        let endpoint = self.jobmanager.parse().ok()?;
        let (application, attempt) = attempt_of_container(&self.am_container_logs)?;
        (application == self.id).then_some(RunningSession { application, attempt, endpoint })
    }
}

impl Cluster {
    pub(super) fn is_active(&self) -> bool {
        self.cluster_info.ha_state == "ACTIVE"
    }

    pub(super) fn recovers(&self) -> bool {
        let store = &self.cluster_info.rm_state_store_name;
        !store.is_empty() && !store.ends_with("NullRMStateStore")
    }

    /// Whether an application that is not known here must be over: this process started it, or its state was kept.
    pub(super) fn knows_what_it_started(&self, application: &str) -> bool {
        let started = application.split('_').nth(1).and_then(|stamp| stamp.parse::<u64>().ok());
        self.is_active() && (self.recovers() || started == Some(self.cluster_info.started_on))
    }
}

impl Nodes {
    /// How many containers of a size fit; nothing where no node is in service.
    pub(super) fn room_for(&self, megabytes: u64) -> Option<u32> {
        let nodes = &self.nodes.as_ref()?.node;
        let room: u64 = nodes.iter().map(|n| u64::try_from(n.available).unwrap_or(0) / megabytes.max(1)).sum();
        (!nodes.is_empty()).then(|| u32::try_from(room).unwrap_or(u32::MAX))
    }
}

/// The application and attempt of a container whose name occurs in a path or URL:
/// `container_[e<epoch>_]<cluster>_<application>_<attempt>_<container>`.
pub fn attempt_of_container(text: &str) -> Option<(String, u32)> {
    let name = text.split('/').find_map(|part| part.strip_prefix("container_"))?;
    let mut parts = name.split('_').peekable();
    parts.next_if(|part| part.starts_with('e'));
    let (cluster, number, attempt) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(cluster) || !digits(number) {
        return None;
    }
    Some((format!("application_{cluster}_{number}"), attempt.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_names_its_application_and_attempt() {
        let plain = "http://localhost:8042/node/containerlogs/container_1795420459345_0001_01_000001/root";
        assert_eq!(attempt_of_container(plain), Some(("application_1795420459345_0001".to_owned(), 1)));
        let epoch = "/var/log/hadoop-yarn/containers/application_1_0007/container_e08_1_0007_12_000001/jobmanager.log";
        assert_eq!(attempt_of_container(epoch), Some(("application_1_0007".to_owned(), 12)));
        for other in ["", "container_", "/x/container_a_b_1_1", "/opt/flink/log"] {
            assert_eq!(attempt_of_container(other), None, "{other}");
        }
    }
}
