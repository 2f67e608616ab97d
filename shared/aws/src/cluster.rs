//! Which EMR cluster is meant.
//! Must not know steps, commands or batches.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_emr::Client;
use aws_sdk_emr::types::ClusterState;
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
    Tag {
        /// The tag's key.
        key: String,
        /// The tag's value.
        value: String,
    },
}

/// Finds the cluster and remembers it for a while.
#[derive(Debug)]
pub(crate) struct Locator {
    client: Client,
    cluster: ClusterRef,
    found: Mutex<Option<(Instant, String)>>,
}

impl Locator {
    /// Nothing is looked up before it is needed.
    pub(crate) fn new(client: Client, cluster: ClusterRef) -> Self {
        Self { client, cluster, found: Mutex::new(None) }
    }

    /// The cluster's id.
    pub(crate) async fn id(&self) -> Result<String, OutsideError> {
        let (key, value) = match &self.cluster {
            ClusterRef::Id(id) => return Ok(id.clone()),
            ClusterRef::Tag { key, value } => (key, value),
        };
        let remembered = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, id)) = remembered
            && at.elapsed() < TRUSTED
        {
            return Ok(id);
        }
        let id = self.tagged(key, value).await?;
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), id.clone()));
        Ok(id)
    }

    /// Looks it up again next time: a refusal may mean that the cluster has ended.
    pub(crate) fn forget(&self) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn tagged(&self, key: &str, value: &str) -> Result<String, OutsideError> {
        let what = format!("finding the cluster tagged {key}={value}");
        let mut matching = Vec::new();
        for id in self.live(&what).await? {
            let answer = self.client.describe_cluster().cluster_id(&id).send().await;
            let cluster = answer.map_err(|error| outside(&what, error))?.cluster;
            let tags = cluster.and_then(|cluster| cluster.tags).unwrap_or_default();
            if tags.iter().any(|tag| tag.key() == Some(key) && tag.value() == Some(value)) {
                matching.push(id);
            }
        }
        exactly_one(what, "live cluster carries this tag", matching)
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
