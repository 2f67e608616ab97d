//! The S3 keys of every document, in one place.
//! Must not know what the documents hold.

use desired::digest::Digest;
use desired::inputs::stem;
use desired::manifest::JobName;

use crate::ids::{BatchId, OperationId};

/// The keys under one prefix of the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keys {
    prefix: String,
    manifests: String,
}

/// How many bytes a key of S3 has at most.
const LONGEST: usize = 1024;
/// What comes before the digest of a key that is cut.
const DIGEST: &str = "...";
/// How many digits of the digest a cut key has.
const DIGITS: usize = 32;

/// What a session is started with, under the prefix.
const SESSION_SETTINGS: &str = "config/session.yaml";

/// What a key under the prefix is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A desired manifest; its file's stem.
    Query {
        /// The file name without its extension.
        stem: String,
    },
    /// The job template, a table definition or the parameters.
    Config,
    /// The result of an operation on the job with this name.
    Result {
        /// The job's name as the key has it.
        job: String,
    },
    /// The last look at the cluster.
    Observed,
    /// Nothing that triggers.
    Other,
}

impl Keys {
    /// The layout under `prefix`, with or without its trailing slash.
    pub fn new(prefix: &str) -> Self {
        Self::with_manifests(prefix, "manifests")
    }

    /// The same layout with another name for the deployed manifests' folder.
    pub fn with_manifests(prefix: &str, manifests: &str) -> Self {
        let trimmed = prefix.trim_matches('/');
        let prefix = if trimmed.is_empty() { String::new() } else { format!("{trimmed}/") };
        Self { prefix, manifests: manifests.trim_matches('/').to_owned() }
    }

    /// The prefix of all keys, ending in a slash unless empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
    /// Where desired manifests are uploaded.
    pub fn queries(&self) -> String {
        format!("{}queries/", self.prefix)
    }
    /// Where defaults, table definitions and parameters are uploaded.
    pub fn config(&self) -> String {
        format!("{}config/", self.prefix)
    }
    pub fn template(&self) -> String {
        format!("{}config/job-template.yaml", self.prefix)
    }
    /// The table definitions.
    pub fn tables(&self) -> String {
        format!("{}config/tables/", self.prefix)
    }
    /// The template parameters.
    pub fn params(&self) -> String {
        format!("{}config/params.yaml", self.prefix)
    }
    /// What a session is started with.
    pub fn session_settings(&self) -> String {
        format!("{}{SESSION_SETTINGS}", self.prefix)
    }
    /// The session's document.
    pub fn session(&self) -> String {
        format!("{}session/session.json", self.prefix)
    }
    /// All deployed manifests.
    pub fn manifests(&self) -> String {
        format!("{}{}/", self.prefix, self.manifests)
    }
    /// The deployed manifest of a job.
    pub fn manifest(&self, job: &JobName) -> String {
        format!("{}{}/{job}.yaml", self.prefix, self.manifests)
    }
    pub fn records(&self) -> String {
        format!("{}records/", self.prefix)
    }
    pub fn record(&self, job: &JobName) -> String {
        format!("{}records/{job}.json", self.prefix)
    }
    /// The plan of an operation.
    pub fn plan(&self, operation: OperationId) -> String {
        format!("{}plans/{operation}.json", self.prefix)
    }
    pub fn batch(&self, batch: BatchId) -> String {
        format!("{}batches/{batch}.json", self.prefix)
    }
    /// The receipt of a batch's dispatch.
    pub fn receipt(&self, batch: BatchId) -> String {
        format!("{}batches/{batch}.receipt.json", self.prefix)
    }
    /// The claim on an operation.
    pub fn claim(&self, operation: OperationId) -> String {
        format!("{}claims/{operation}.json", self.prefix)
    }
    /// The result of an operation.
    pub fn result(&self, job: &JobName, operation: OperationId) -> String {
        format!("{}results/{job}/{operation}.json", self.prefix)
    }
    pub fn results(&self) -> String {
        format!("{}results/", self.prefix)
    }
    /// Why the upload at `key` was refused. A key that would be too long ends in its own digest.
    pub fn refused(&self, key: &str) -> String {
        let path = key.strip_prefix(&self.prefix).unwrap_or(key);
        let whole = format!("{}refused/{path}.json", self.prefix);
        if whole.len() <= LONGEST {
            return whole;
        }
        let surplus = whole.len() - LONGEST + DIGEST.len() + DIGITS;
        let mut end = path.len().saturating_sub(surplus);
        while !path.is_char_boundary(end) {
            end -= 1;
        }
        let digest = Digest::of(key.as_bytes()).to_string();
        let digits = digest.get(..DIGITS).unwrap_or(&digest);
        format!("{}refused/{}{DIGEST}{digits}.json", self.prefix, &path[..end])
    }
    /// The last look at the cluster.
    pub fn observed(&self) -> String {
        format!("{}cluster/observed.json", self.prefix)
    }
    /// What people were told of.
    pub fn alerts(&self) -> String {
        format!("{}alerts.json", self.prefix)
    }
    /// How the deployment is set.
    pub fn settings(&self) -> String {
        format!("{}settings.json", self.prefix)
    }
    /// The prefixes whose changes trigger the orchestrator.
    pub fn triggers(&self) -> [String; 4] {
        [self.queries(), self.config(), self.results(), format!("{}cluster/", self.prefix)]
    }

    /// The name of a job from the key of its record.
    pub fn job_of_record<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(self.records().as_str())?.strip_suffix(".json")
    }
    /// The name of a job from the key of its deployed manifest.
    pub fn job_of_manifest<'a>(&self, key: &'a str) -> Option<&'a str> {
        let name = key.strip_prefix(self.manifests().as_str())?.strip_suffix(".yaml")?;
        (!name.contains('/')).then_some(name)
    }

    /// What the object at `key` is.
    pub fn kind_of(&self, key: &str) -> ObjectKind {
        let Some(rest) = key.strip_prefix(self.prefix.as_str()) else { return ObjectKind::Other };
        // It concerns no job: whoever starts or restarts the session reads it.
        if rest == SESSION_SETTINGS {
            return ObjectKind::Other;
        }
        match rest.split_once('/') {
            Some(("queries", path)) => {
                stem(path).map_or(ObjectKind::Other, |stem| ObjectKind::Query { stem: stem.to_owned() })
            }
            Some(("config", _)) => ObjectKind::Config,
            Some(("results", path)) => match path.split_once('/') {
                Some((job, file)) if file.strip_suffix(".json").is_some() => ObjectKind::Result { job: job.to_owned() },
                Some(_) | None => ObjectKind::Other,
            },
            Some(("cluster", "observed.json")) => ObjectKind::Observed,
            Some(_) | None => ObjectKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_told_by_its_key() {
        let keys = Keys::new("/a/b/");
        let table = [
            ("a/b/queries/x.yaml", ObjectKind::Query { stem: "x".into() }),
            ("a/b/queries/team/sub/x.y.yml", ObjectKind::Query { stem: "x.y".into() }),
            ("a/b/queries/x.txt", ObjectKind::Other),
            ("a/b/queries/", ObjectKind::Other),
            ("a/b/queries/.yaml", ObjectKind::Other),
            ("a/b/config/tables/t.sql", ObjectKind::Config),
            ("a/b/config/session.yaml", ObjectKind::Other),
            ("a/b/results/orders/0.json", ObjectKind::Result { job: "orders".into() }),
            ("a/b/results/orders", ObjectKind::Other),
            ("a/b/cluster/observed.json", ObjectKind::Observed),
            ("a/b/records/x.json", ObjectKind::Other),
            ("queries/x.yaml", ObjectKind::Other),
        ];
        for (key, place) in table {
            assert_eq!(keys.kind_of(key), place, "{key}");
        }
        assert_eq!(Keys::new("").queries(), "queries/");
        assert_eq!(keys.refused("a/b/queries/x.yaml"), "a/b/refused/queries/x.yaml.json");
    }

    #[test]
    fn a_refusal_of_the_longest_key_can_be_told() {
        let keys = Keys::new("p");
        let key = |end: &str| format!("p/queries/{}{end}.yaml", "ä".repeat(502));
        let (one, other) = (key("a"), key("b"));
        assert_eq!(one.len(), 1020);
        for key in [&one, &other] {
            let refused = keys.refused(key);
            assert!(refused.len() <= 1024 && refused.starts_with("p/refused/queries/ä"), "{refused}");
            // The document of one that was refused before is found again.
            let digits = Digest::of(key.as_bytes()).to_string()[..32].to_owned();
            assert!(refused.ends_with(&format!("ä...{digits}.json")), "{refused}");
            // As much of the key is kept as there is room for: a letter more would be too long.
            assert!(refused.len() + "ä".len() > 1024, "{refused}");
            assert_eq!(keys.kind_of(&refused), ObjectKind::Other);
        }
        assert_ne!(keys.refused(&one), keys.refused(&other));
    }

    #[test]
    fn settling_writes_nothing_under_a_prefix_that_triggers() {
        let keys = Keys::new("p");
        let (operation, batch) = (OperationId::derived(&["x"]), BatchId::derived(&["x"]));
        let written = [
            keys.plan(operation),
            keys.batch(batch),
            keys.receipt(batch),
            keys.claim(operation),
            keys.refused("p/queries/x.yaml"),
            keys.manifests(),
            keys.records(),
            keys.session(),
            keys.alerts(),
            keys.settings(),
        ];
        for key in written {
            assert!(keys.triggers().iter().all(|t| !key.starts_with(t.as_str())), "{key}");
        }
    }
}
