//! The one typed configuration of the orchestrator, from environment variables or anything that looks like them.
//! Refuses bad values at start, all at once. Must not know what a setting is used for.

use std::time::Duration;

use aws::{ClusterRef, StepProgram};
use control::orchestrator::Settings;
use desired::manifest::Policy;
use desired::target::TIMESTAMP_FIELD;
use lifecycle::documents::plan::Windows;
use lifecycle::documents::record::Source;
use lifecycle::keys::Keys;
use lifecycle::owed::Patience;

/// How batches reach the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// As EMR steps.
    Emr,
    /// As SSM commands that run this document.
    Ssm {
        /// The document's name.
        document: String,
    },
}

/// Everything the orchestrator is set to.
#[derive(Clone, Debug)]
pub struct Config {
    pub bucket: String,
    /// How batches reach the node.
    pub dispatch: Dispatch,
    pub cluster: ClusterRef,
    /// What a step starts.
    pub program: StepProgram,
    /// The ARN of the topic that alerts are published to; nothing leaves them in the log.
    pub alert_topic: Option<String>,
    /// The namespace of metrics.
    pub metrics_namespace: String,
    /// What control needs.
    pub settings: Settings,
}

/// Every wrong setting, at once.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is refused:\n  {}", .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

/// Collects errors while reading.
struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<String>,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.trim().is_empty())
    }

    fn required(&mut self, name: &str, what: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.errors.push(format!("{name} is not set: {what}"));
            String::new()
        })
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str, default: T) -> T {
        match self.text(name) {
            None => default,
            Some(text) => text.trim().parse().unwrap_or_else(|_| {
                self.errors.push(format!("{name} is `{text}`: a whole number is expected"));
                default
            }),
        }
    }

    fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.text(name).as_deref() {
            None => default,
            Some("true" | "1" | "yes" | "on") => true,
            Some("false" | "0" | "no" | "off") => false,
            Some(other) => {
                self.errors.push(format!("{name} is `{other}`: true or false is expected"));
                default
            }
        }
    }
}

impl Config {
    /// Reads the process's environment.
    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var(name).ok())
    }

    /// Reads settings by their names.
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader { get, errors: Vec::new() };
        let bucket = reader.required("BUCKET", "the bucket that holds manifests and state documents");
        let cluster = cluster(&mut reader);
        let dispatch = dispatch(&mut reader);
        let program = program(&mut reader);
        let alert_topic = alert_topic(&mut reader);
        let metrics_namespace = reader.text("METRICS_NAMESPACE").unwrap_or_else(|| "FlinkSqlRunner".to_owned());
        let settings = settings(&mut reader);
        if !reader.errors.is_empty() {
            return Err(ConfigError(reader.errors));
        }
        Ok(Self { bucket, dispatch, cluster, program, alert_topic, metrics_namespace, settings })
    }
}

/// Reads only what every way of running shares: nothing about a cluster or the way to it.
pub fn read_settings(get: &dyn Fn(&str) -> Option<String>) -> Result<Settings, ConfigError> {
    let mut reader = Reader { get, errors: Vec::new() };
    let settings = settings(&mut reader);
    if reader.errors.is_empty() { Ok(settings) } else { Err(ConfigError(reader.errors)) }
}

fn cluster(reader: &mut Reader<'_>) -> ClusterRef {
    let text = reader
        .required("CLUSTER", "an EMR cluster id (j-…), or a tag as KEY=VALUE that exactly one live cluster carries");
    if let Some((key, value)) = text.split_once('=') {
        return ClusterRef::Tag { key: key.to_owned(), value: value.to_owned() };
    }
    if !text.is_empty() && !text.starts_with("j-") {
        reader.errors.push(format!("CLUSTER is `{text}`: j-… or KEY=VALUE is expected"));
    }
    ClusterRef::Id(text)
}

fn dispatch(reader: &mut Reader<'_>) -> Dispatch {
    let document = reader.text("SSM_DOCUMENT").unwrap_or_else(|| "flink-sql-runner-run".to_owned());
    match reader.text("DISPATCH").as_deref() {
        None | Some("emr") => Dispatch::Emr,
        Some("ssm") => Dispatch::Ssm { document },
        Some(other) => {
            reader.errors.push(format!("DISPATCH is `{other}`: emr or ssm is expected"));
            Dispatch::Emr
        }
    }
}

/// A release that is fetched, or a program that the node has.
fn program(reader: &mut Reader<'_>) -> StepProgram {
    let runner = reader.text("RUNNER").unwrap_or_else(|| "flink-sql-runner-step".to_owned());
    let installed = StepProgram::installed(runner.split_whitespace().map(str::to_owned).collect());
    let Some(release) = reader.text("NODE_RELEASE") else { return installed };
    if !is_release(&release) {
        reader.errors.push(format!(
            "NODE_RELEASE is `{release}`: s3://BUCKET/PREFIX/node/DIGEST is expected, as `make package` names it"
        ));
    }
    StepProgram::released(&release)
}

/// Whether the URL is of the shape that the script on the node takes: `s3://bucket/…/node/<64 hex digits>`.
fn is_release(url: &str) -> bool {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let hex = |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let Some(path) = url.strip_prefix("s3://") else { return false };
    match path.split('/').collect::<Vec<_>>().as_slice() {
        [_, .., "node", digest] => hex(digest) && path.split('/').all(plain),
        _ => false,
    }
}

fn alert_topic(reader: &mut Reader<'_>) -> Option<String> {
    let topic = reader.text("ALERT_TOPIC")?;
    if !(topic.starts_with("arn:") && topic.contains(":sns:")) {
        reader.errors.push(format!("ALERT_TOPIC is `{topic}`: the ARN of an SNS topic is expected"));
    }
    Some(topic)
}

/// The settings that every way of running shares.
fn settings(reader: &mut Reader<'_>) -> Settings {
    let (windows, patience) = (Windows::default(), Patience::default());
    let keys = Keys::new(&reader.text("PREFIX").unwrap_or_else(|| "flink-sql-runner/".to_owned()));
    let deployment = reader.text("BUCKET").map(|bucket| format!("s3://{bucket}/{}", keys.prefix()));
    let (allow_code, allow_files) = (reader.flag("ALLOW_CODE", false), reader.flag("ALLOW_FILES", false));
    Settings {
        keys,
        policy: Policy { allow_code, allow_files, deployment },
        timestamp_field: (reader.get)("TIMESTAMP_FIELD").unwrap_or_else(|| TIMESTAMP_FIELD.to_owned()),
        patience: Patience {
            pause_ms: reader.number("RETRY_PAUSE_MS", patience.pause_ms),
            longest_ms: reader.number("RETRY_LONGEST_PAUSE_MS", patience.longest_ms),
        },
        windows: Windows {
            stability_ms: reader.number("STABILITY_MS", windows.stability_ms),
            startup_ms: reader.number("STARTUP_MS", windows.startup_ms),
            stop_ms: reader.number("STOP_MS", windows.stop_ms),
            passing_ms: reader.number("PASSING_MS", windows.passing_ms),
        },
        margin: Duration::from_millis(reader.number("MARGIN_MS", 60_000)),
        removals: reader.number("REMOVAL_LIMIT", 5),
        source: Source::Queries,
        deployment: reader.text("DEPLOYMENT_NAME").unwrap_or_else(|| "flink-sql-runner".to_owned()),
    }
}

#[cfg(test)]
#[path = "config_reference_tests.rs"]
mod reference_tests;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::read(&|name| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
    }

    #[test]
    fn all_wrong_settings_are_named_at_once() {
        let Err(ConfigError(errors)) = read(&[
            ("CLUSTER", "cluster-1"),
            ("DISPATCH", "ssh"),
            ("STABILITY_MS", "soon"),
            ("ALLOW_CODE", "maybe"),
            ("ALERT_TOPIC", "alerts"),
        ]) else {
            panic!("accepted")
        };
        let named: Vec<&str> = errors.iter().filter_map(|e| e.split_whitespace().next()).collect();
        assert_eq!(named, ["BUCKET", "CLUSTER", "DISPATCH", "ALERT_TOPIC", "ALLOW_CODE", "STABILITY_MS"]);
    }

    #[test]
    fn a_step_runs_the_release_if_there_is_one_else_what_the_node_has() {
        let release = format!("s3://b/p/node/{}", "0f".repeat(32));
        let with =
            |more| read(&[("BUCKET", "b"), ("CLUSTER", "j-1"), ("RUNNER", "run it"), more]).map(|c| c.program).ok();
        assert_eq!(with(("NODE_RELEASE", &release)), Some(StepProgram::released(&release)));
        assert_eq!(with(("NODE_RELEASE", "")), Some(StepProgram::installed(vec!["run".into(), "it".into()])));
    }

    #[test]
    fn a_release_of_another_shape_is_refused_with_all_other_errors() {
        let digest = "0f".repeat(32);
        let bad = [
            format!("s3://b/node/{digest}/"),
            format!("s3://b/{digest}"),
            format!("s3://b/node/{}", "0F".repeat(32)),
            format!("s3://b/node/{}", &digest[1..]),
            format!("https://b/node/{digest}"),
            format!("s3://b//node/{digest}"),
            format!("s3://b/$(x)/node/{digest}"),
            format!("s3://node/{digest}"),
        ];
        for release in bad {
            let Err(ConfigError(errors)) =
                read(&[("CLUSTER", "j-1"), ("NODE_RELEASE", &release), ("STABILITY_MS", "soon")])
            else {
                panic!("{release} is accepted")
            };
            let named: Vec<&str> = errors.iter().filter_map(|e| e.split_whitespace().next()).collect();
            assert_eq!(named, ["BUCKET", "NODE_RELEASE", "STABILITY_MS"], "{release}");
        }
        assert!(is_release(&format!("s3://b/node/{digest}")));
    }

    #[test]
    fn a_cluster_is_an_id_or_a_tag() {
        let tag = read(&[("BUCKET", "b"), ("CLUSTER", "team=flink")]).map(|c| c.cluster);
        assert_eq!(tag.ok(), Some(ClusterRef::Tag { key: "team".into(), value: "flink".into() }));
        let id = read(&[("BUCKET", "b"), ("CLUSTER", "j-1")]).map(|c| (c.cluster, c.dispatch)).ok();
        assert_eq!(id, Some((ClusterRef::Id("j-1".into()), Dispatch::Emr)));
    }
}
