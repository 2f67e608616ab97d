//! Which EMR cluster is meant.
//! Must not know steps, commands or batches.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_sdk_emr::Client;
use aws_sdk_emr::config::Builder;
use aws_sdk_emr::types::{Cluster, ClusterState};
use control::ports::OutsideError;

use crate::outcome::outside;

/// How long a cluster found by its tag is taken for granted: a second one with the tag must not stay unseen.
const TRUSTED: Duration = Duration::from_mins(5);
/// How many pages of live clusters are looked at, of fifty each.
const MAX_PAGES: usize = 20;

/// The cluster as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterRef {
    /// By its id, `j-…`.
    Id(String),
    /// The one live cluster that carries this tag.
    Tag { key: String, value: String },
}

/// Finds the cluster and remembers it for a while.
#[derive(Debug)]
pub(crate) struct Locator {
    client: Client,
    cluster: ClusterRef,
    found: Mutex<Option<Found>>,
    /// What a cluster said of itself that is named by its id.
    described: Mutex<Option<(String, Described)>>,
}

/// The cluster as it was found by its tag.
#[derive(Clone, Debug)]
struct Found {
    at: Instant,
    id: String,
    described: Described,
}

/// What a cluster says of itself.
#[derive(Clone, Debug, Default)]
struct Described {
    step_concurrency: Option<i32>,
    /// Where its logs are kept.
    log_uri: Option<String>,
}

impl From<&Cluster> for Described {
    fn from(cluster: &Cluster) -> Self {
        let log_uri = cluster.log_uri.clone().filter(|uri| !uri.is_empty());
        Self { step_concurrency: cluster.step_concurrency_level, log_uri }
    }
}

impl Locator {
    /// Nothing is looked up before it is needed.
    pub(crate) fn new(client: Client, cluster: ClusterRef) -> Self {
        Self { client, cluster, found: Mutex::default(), described: Mutex::default() }
    }

    /// The cluster's id.
    pub(crate) async fn id(&self) -> Result<String, OutsideError> {
        let (key, value) = match &self.cluster {
            ClusterRef::Id(id) => return Ok(id.clone()),
            ClusterRef::Tag { key, value } => (key, value),
        };
        if let Some(found) = self.remembered()
            && found.at.elapsed() < TRUSTED
        {
            return Ok(found.id);
        }
        let found = self.tagged(key, value).await?;
        let id = found.id.clone();
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(id)
    }

    /// How many steps the cluster of this id runs at a time, if it says so; one call at most.
    pub(crate) async fn step_concurrency(&self, id: &str) -> Result<Option<i32>, OutsideError> {
        if let Some(found) = self.remembered().filter(|found| found.id == id) {
            return Ok(found.described.step_concurrency);
        }
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let answer = self.client.describe_cluster().cluster_id(id).customize().config_override(once).send().await;
        let cluster = answer.map_err(|error| outside(format!("describing the cluster {id}"), error))?.cluster;
        let described = cluster.as_ref().map(Described::from).unwrap_or_default();
        let concurrency = described.step_concurrency;
        *self.described.lock().unwrap_or_else(PoisonError::into_inner) = Some((id.to_owned(), described));
        Ok(concurrency)
    }

    /// The folder of a step's log on the cluster that steps are sent to, as far as that said of itself where its logs are.
    pub(crate) fn log_of(&self, step: &str) -> Option<String> {
        let by_tag = self.remembered().map(|found| (found.id, found.described));
        let by_id = || self.described.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (id, described) = by_tag.or_else(by_id)?;
        log_folder(&described.log_uri?, &id, step)
    }

    fn remembered(&self) -> Option<Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks it up again next time: a refusal may mean that the cluster has ended.
    pub(crate) fn forget(&self) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn tagged(&self, key: &str, value: &str) -> Result<Found, OutsideError> {
        let what = format!("finding the cluster tagged {key}={value}");
        let (mut matching, mut described) = (Vec::new(), Described::default());
        for id in self.live(&what).await? {
            let answer = self.client.describe_cluster().cluster_id(&id).send().await;
            let cluster = answer.map_err(|error| outside(&what, error))?.cluster;
            if let Some(cluster) = cluster.filter(|cluster| carries(cluster, key, value)) {
                matching.push(id);
                described = Described::from(&cluster);
            }
        }
        let id = exactly_one(what, "live cluster carries this tag", matching)?;
        Ok(Found { at: Instant::now(), id, described })
    }

    async fn live(&self, what: &str) -> Result<Vec<String>, OutsideError> {
        let request = self.client.list_clusters().set_cluster_states(Some(vec![
            ClusterState::Starting,
            ClusterState::Bootstrapping,
            ClusterState::Running,
            ClusterState::Waiting,
        ]));
        let mut pages = request.into_paginator().send();
        let mut ids = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(page) = pages.next().await else {
                return Ok(ids);
            };
            let clusters = page.map_err(|error| outside(what, error))?.clusters.unwrap_or_default();
            ids.extend(clusters.into_iter().filter_map(|cluster| cluster.id));
        }
        // One of those not looked at might carry the tag too.
        Err(OutsideError::refused(what, format!("more than {MAX_PAGES} pages of live clusters")))
    }
}

/// Where EMR puts what a step printed; nothing where that is not on S3.
fn log_folder(log_uri: &str, cluster: &str, step: &str) -> Option<String> {
    // EMR's console still writes the scheme of an old file system of Hadoop.
    let place = ["s3://", "s3n://", "s3a://"].into_iter().find_map(|scheme| log_uri.strip_prefix(scheme))?;
    Some(format!("s3://{}/{cluster}/steps/{step}/", place.trim_end_matches('/')))
}

fn carries(cluster: &Cluster, key: &str, value: &str) -> bool {
    cluster.tags().iter().any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
}

/// The only element; none or several are refused by name.
pub(crate) fn exactly_one(what: String, claim: &str, mut found: Vec<String>) -> Result<String, OutsideError> {
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(OutsideError::refused(what, format!("no {claim}"))),
        (Some(last), false) => {
            found.push(last);
            Err(OutsideError::refused(what, format!("more than one {claim}: {}", found.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_step_lies_below_its_cluster() {
        let folder = Some("s3://logs/emr/j-1/steps/s-2/".to_owned());
        for uri in ["s3://logs/emr/", "s3n://logs/emr", "s3a://logs/emr//"] {
            assert_eq!(log_folder(uri, "j-1", "s-2"), folder, "{uri}");
        }
        assert_eq!(log_folder("hdfs:///logs", "j-1", "s-2"), None);
    }
}
