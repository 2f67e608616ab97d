//! How long the submitter takes to start, to prepare and to submit with `-t remote` at the observed address, and with
//! `-t yarn-session`, on one session on a real YARN. Must not decide which of them is used.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a bench ends at once")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use control::ports::{OutsideError, Prepared, SecretSource, Submitted, Submitter};
use control::secrets::{SecretReader, Secrets};
use desired::digest::Digest;
use desired::launch::{Launch, LaunchKind, LaunchStatement};
use desired::manifest::JobName;
use desired::secrets::{SecretReference, SecretValue};
use e2e::{binaries, project};
use flink::submitter::{FlinkRunSubmitter, Options};
use lifecycle::ids::Hex32;
use local::Delivery;
use local_stack::flink_cluster::FlinkKind;
use local_stack::stack::{LocalStack, Spans, StackOptions};
use serde::Serialize;
use serde_json::Value;

/// Pairs of one round each way.
const ROUNDS: usize = 5;
/// Jobs of a round.
const JOBS: usize = 12;
const WAYS: [Way; 2] = [Way::Remote, Way::YarnSession];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    Remote,
    YarnSession,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    /// From the start of the client to its first line.
    Start,
    /// The first preparation of a client, which loads what the others need too.
    FirstPrepare,
    Prepare,
    /// The first submission of a client.
    FirstSubmit,
    Submit,
}

#[derive(Clone, Debug, Serialize)]
struct Sample {
    round: usize,
    way: Way,
    what: What,
    ms: f64,
}

struct NoSecrets;

#[async_trait]
impl SecretSource for NoSecrets {
    async fn read(&self, reference: &SecretReference) -> Result<SecretValue, OutsideError> {
        Err(OutsideError::refused("reading a secret", reference.to_string()))
    }
}

/// The session, and what a client is run with.
struct Session {
    stack: LocalStack,
    application: String,
    rest: String,
    http: reqwest::Client,
}

impl Session {
    async fn start() -> Self {
        let root = project().join(".local/benches");
        let _ = std::fs::remove_dir_all(&root);
        let options = StackOptions {
            project: project(),
            root,
            delivery: Delivery::Host { bootstrap: binaries().join("orchestrator") },
            binaries: binaries(),
            dispatch: "ssm".to_owned(),
            flink: FlinkKind::Yarn,
            ports: (0, 0, 0),
            spans: Spans::default(),
            rates: None,
            parameters: BTreeMap::default(),
            node: BTreeMap::default(),
            recording: None,
        };
        let stack =
            LocalStack::start(options).await.expect("the stack starts: run `cargo build --workspace --bins` first");
        let http = reqwest::Client::new();
        let manager = stack.flink.resource_manager().unwrap();
        let apps = get(&http, &format!("{manager}/ws/v1/cluster/apps?states=RUNNING")).await;
        let application = apps["apps"]["app"][0]["id"].as_str().unwrap().to_owned();
        let rest = stack.flink.rest().await.unwrap();
        Self { stack, application, rest, http }
    }

    fn submitter(&self, way: Way) -> FlinkRunSubmitter {
        let node = self.stack.node();
        let secrets = SecretReader::new(Arc::new(NoSecrets), Secrets::default());
        let address = self.rest.strip_prefix("http://").unwrap().parse().unwrap();
        let mut options = Options::new(&node["FLINK"], &node["PYEXEC_PATH"], address, secrets);
        options.environment = node.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if way == Way::YarnSession {
            options.environment.push(("FLINK_REAL".to_owned(), node["FLINK"].clone()));
            options.environment.push(("FLINK_APPLICATION".to_owned(), self.application.clone()));
            options.flink = project().join("benches/flink-by-yarn-session.sh");
        }
        FlinkRunSubmitter::new(options)
    }

    /// Ends all jobs, and waits until their slots are free.
    async fn clear(&self) -> usize {
        let jobs = |all: &Value| -> Vec<String> {
            let live = all["jobs"].as_array().unwrap().iter();
            let live = live.filter(|job| !["CANCELED", "FAILED", "FINISHED"].contains(&job["state"].as_str().unwrap()));
            live.map(|job| job["jid"].as_str().unwrap().to_owned()).collect()
        };
        let overview = format!("{}/jobs/overview", self.rest);
        let live = jobs(&get(&self.http, &overview).await);
        for job in &live {
            self.http.patch(format!("{}/jobs/{job}?mode=cancel", self.rest)).send().await.unwrap();
        }
        while !jobs(&get(&self.http, &overview).await).is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        live.len()
    }

    /// One client's life.
    async fn round(&self, round: usize, way: Way) -> Vec<Sample> {
        let mut samples = Vec::new();
        let mut took = |what, since: Instant| {
            samples.push(Sample { round, way, what, ms: since.elapsed().as_secs_f64() * 1000.0 });
        };
        let submitter = self.submitter(way);
        let began = Instant::now();
        submitter.warm_up().await.unwrap();
        took(What::Start, began);
        for job in 0..JOBS {
            let name = format!("job-{job:02}");
            let id = Hex32::derived(&["bench", &format!("{way:?}"), &round.to_string(), &name]);
            let began = Instant::now();
            let prepared = submitter.prepare(id.into(), &launch(&name)).await.unwrap();
            assert!(matches!(prepared, Prepared::Compiled { .. }), "{prepared:?}");
            took(if job == 0 { What::FirstPrepare } else { What::Prepare }, began);
            let began = Instant::now();
            assert_eq!(submitter.submit(id.into(), id.into(), None).await.unwrap(), Submitted::Accepted);
            took(if job == 0 { What::FirstSubmit } else { What::Submit }, began);
        }
        submitter.shutdown().await;
        assert_eq!(self.clear().await, JOBS, "every job ran");
        samples
    }
}

async fn get(http: &reqwest::Client, url: &str) -> Value {
    http.get(url).timeout(Duration::from_secs(20)).send().await.unwrap().json().await.unwrap()
}

fn launch(name: &str) -> Launch {
    let statement = |sql: &str| LaunchStatement { origin: "bench".to_owned(), sql: sql.to_owned() };
    let properties = [
        ("pipeline.name", name),
        ("parallelism.default", "1"),
        ("execution.checkpointing.interval", "1 h"),
        ("execution.checkpointing.dir", "s3://local/bench/checkpoints"),
    ];
    Launch {
        name: JobName::try_from(name).unwrap(),
        version: 1,
        query_id: "bench".to_owned(),
        created: "2026-01-01 00:00:00".to_owned(),
        kind: LaunchKind::Sql,
        statements: vec![
            statement("CREATE TABLE a (x INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1')"),
            statement("CREATE TABLE b (x INT) WITH ('connector' = 'blackhole')"),
        ],
        body: "SELECT x FROM a".to_owned(),
        insert: format!("INSERT INTO b SELECT x FROM {}", desired::launch::INPUT_VIEW),
        properties: properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        slots: 1,
        target: Digest::of(name.as_bytes()),
        written: None,
    }
}

fn median(samples: &[Sample], way: Way, what: What) -> (f64, usize) {
    let mut ms: Vec<f64> = samples.iter().filter(|s| s.way == way && s.what == what).map(|s| s.ms).collect();
    ms.sort_by(f64::total_cmp);
    (ms.get(ms.len() / 2).copied().unwrap_or(f64::NAN), ms.len())
}

fn table(samples: &[Sample]) -> String {
    let mut text = String::from("what           remote ms   yarn-session ms   yarn-session/remote   samples each\n");
    for what in [What::Start, What::FirstPrepare, What::Prepare, What::FirstSubmit, What::Submit] {
        let ((remote, count), (yarn, _)) =
            (median(samples, Way::Remote, what), median(samples, Way::YarnSession, what));
        let name = serde_json::to_value(what).unwrap();
        let name = name.as_str().unwrap_or_default().to_owned();
        let _ = writeln!(text, "{name:<14} {remote:>9.0} {yarn:>17.0} {:>21.2} {count:>14}", yarn / remote);
    }
    text
}

#[tokio::main]
async fn main() {
    let session = Session::start().await;
    // Whoever comes first also starts the task managers; that is nobody's time.
    session.round(0, Way::Remote).await;
    let mut samples = Vec::new();
    for round in 1..=ROUNDS {
        let mut ways = WAYS;
        if round % 2 == 0 {
            ways.reverse();
        }
        for way in ways {
            samples.extend(session.round(round, way).await);
            eprintln!("round {round} {way:?}");
        }
    }
    session.stack.stop().await;
    let lines: Vec<String> = samples.iter().map(|sample| serde_json::to_string(sample).unwrap()).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/submission.jsonl");
    std::fs::write(&file, format!("{}\n", lines.join("\n"))).unwrap();
    print!("{}", table(&samples));
}
