//! Facts as metrics in CloudWatch's embedded metric format: one line of JSON each, which Lambda's log turns into metrics.
//! Must not know how a fact came about.

use std::io::Write;

use control::orchestrator::Facts;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::alert_conditions::AlertKind;
use lifecycle::facts::{Fact, Looked, Settled, Swept};
use serde_json::{Map, Value, json};

/// How many jobs a line names.
const NAMED: usize = 20;

/// Renders facts for one deployment.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The namespace of every metric.
    pub namespace: String,
    /// The value of the dimension `Deployment`, which every metric has.
    pub deployment: String,
}

/// A metric with its unit.
struct Metric {
    name: &'static str,
    unit: &'static str,
    value: Value,
    /// Dimensions of a further set, beside `Deployment`.
    by: Vec<(&'static str, String)>,
}

impl Metric {
    fn new(name: &'static str, unit: &'static str, value: impl Into<Value>) -> Self {
        Self { name, unit, value: value.into(), by: Vec::new() }
    }

    fn by(mut self, dimension: &'static str, value: impl Into<String>) -> Self {
        self.by.push((dimension, value.into()));
        self
    }
}

impl Metrics {
    /// The lines of a fact; the time of `Alert` and `AlertsUnknown` is `now`.
    pub fn lines(&self, fact: &Fact, now: Timestamp) -> Vec<Value> {
        match fact {
            Fact::Settled(settled) => self.settled(settled),
            Fact::Swept(swept) => vec![self.swept(swept)],
            Fact::Looked(looked) => vec![self.looked(looked)],
            Fact::Alert { kind, sent } => vec![self.alert(*kind, *sent, now)],
            Fact::AlertsUnknown => vec![self.line(now, vec![Metric::new("AlertsNotSent", "Count", 1)], json!({}))],
        }
    }

    fn settled(&self, settled: &Settled) -> Vec<Value> {
        let about = || {
            json!({
                "job": settled.job,
                "operation": settled.operation,
                "batch": settled.batch,
            })
        };
        let operations = Metric::new("Operations", "Count", 1)
            .by("Change", settled.change.to_string())
            .by("Outcome", settled.outcome.as_str());
        let failed = Metric::new("OperationsFailed", "Count", u8::from(settled.failed()));
        let downtime = settled.downtime_ms.map(|ms| Metric::new("Downtime", "Milliseconds", ms));
        let whole = [operations, failed].into_iter().chain(downtime).collect();
        let mut lines = vec![self.line(settled.at, whole, about())];
        lines.extend(settled.phases.iter().map(|phase| {
            let duration = Metric::new("PhaseDuration", "Milliseconds", phase.ms).by("Phase", phase.phase.clone());
            self.line(settled.at, vec![duration], about())
        }));
        lines
    }

    fn swept(&self, swept: &Swept) -> Value {
        let age = |(_, _, since): &(_, _, Timestamp)| swept.at.duration_since(*since).as_secs().max(0);
        let metrics = vec![
            Metric::new("JobsNotRunning", "Count", swept.down.len()),
            Metric::new("OldestOpenOperation", "Seconds", swept.oldest.as_ref().map_or(0, age)),
        ];
        let mut about = json!({ "jobs": named(&swept.down) });
        if let Some((job, operation, _)) = &swept.oldest {
            about["job"] = json!(job);
            about["operation"] = json!(operation);
        }
        self.line(swept.at, metrics, about)
    }

    fn looked(&self, looked: &Looked) -> Value {
        let mut metrics = vec![Metric::new("JobsNotRunning", "Count", looked.down.len())];
        let mut about = json!({ "jobs": named(&looked.down) });
        if let Some((job, age)) = &looked.oldest_state {
            metrics.push(Metric::new("StateAge", "Seconds", *age));
            about["job"] = json!(job);
        }
        self.line(looked.at, metrics, about)
    }

    fn alert(&self, kind: AlertKind, sent: bool, now: Timestamp) -> Value {
        let mut metrics = vec![Metric::new("AlertsNotSent", "Count", u8::from(!sent))];
        if sent {
            metrics.push(Metric::new("Alerts", "Count", 1).by("Kind", kind.as_str()));
        }
        self.line(now, metrics, json!({ "alert": kind }))
    }

    /// Metrics with the same sets of dimensions share a directive.
    fn line(&self, at: Timestamp, metrics: Vec<Metric>, about: Value) -> Value {
        let mut line = match about {
            Value::Object(members) => members,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
        };
        let mut directives = Vec::new();
        for metric in metrics {
            let mut dimensions = vec![vec!["Deployment"]];
            if !metric.by.is_empty() {
                dimensions.push(std::iter::once("Deployment").chain(metric.by.iter().map(|(name, _)| *name)).collect());
            }
            directives.push(json!({
                "Namespace": self.namespace,
                "Dimensions": dimensions,
                "Metrics": [{ "Name": metric.name, "Unit": metric.unit }],
            }));
            line.insert(metric.name.to_owned(), metric.value);
            line.extend(metric.by.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))));
        }
        line.insert("Deployment".to_owned(), json!(self.deployment));
        line.insert("_aws".to_owned(), json!({ "Timestamp": at.as_millisecond(), "CloudWatchMetrics": directives }));
        Value::Object(line)
    }
}

fn named(jobs: &[JobName]) -> Vec<&JobName> {
    jobs.iter().take(NAMED).collect()
}

impl Facts for Metrics {
    #[expect(clippy::disallowed_methods, reason = "when a measure was told")]
    fn note(&self, fact: &Fact) {
        let mut out = std::io::stdout().lock();
        let lines = self.lines(fact, Timestamp::now());
        // A log that cannot be written is no reason to leave a job alone.
        if let Err(error) = lines.iter().try_for_each(|line| writeln!(out, "{line}")) {
            tracing::warn!(%error, "metrics could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::change;
    use lifecycle::documents::record::Ended;
    use lifecycle::documents::result::PhaseTime;
    use lifecycle::ids::OperationId;

    use super::*;

    fn metrics() -> Metrics {
        Metrics { namespace: "FlinkSqlRunner".to_owned(), deployment: "prod".to_owned() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn job(name: &str) -> JobName {
        JobName::try_from(name).unwrap()
    }

    fn settled(outcome: Ended, downtime_ms: Option<u64>) -> Fact {
        Fact::Settled(Settled {
            job: job("orders"),
            operation: OperationId::derived(&["operation"]),
            batch: lifecycle::ids::BatchId::derived(&["batch"]),
            at: at(1_790_000_000),
            change: change::ChangeKind::Configuration,
            outcome,
            phases: vec![
                PhaseTime { phase: "compile".to_owned(), ms: 1200 },
                PhaseTime { phase: "stop".to_owned(), ms: 300 },
            ],
            downtime_ms,
        })
    }

    fn facts() -> Vec<Fact> {
        let oldest = Some((job("slow"), OperationId::derived(&["slow"]), at(1_789_999_400)));
        vec![
            settled(Ended::Deployed, Some(4321)),
            settled(Ended::RolledBack, None),
            Fact::Swept(Swept { at: at(1_790_000_000), down: vec![job("orders")], oldest }),
            Fact::Swept(Swept { at: at(1_790_000_000), down: Vec::new(), oldest: None }),
            Fact::Looked(Looked { at: at(1_790_000_000), down: Vec::new(), oldest_state: Some((job("orders"), 77)) }),
            Fact::Alert { kind: AlertKind::LostCluster, sent: true },
            Fact::Alert { kind: AlertKind::LostCluster, sent: false },
            Fact::AlertsUnknown,
        ]
    }

    /// The rules of the format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
    #[test]
    fn every_line_keeps_to_the_format() {
        const UNITS: [&str; 3] = ["Count", "Milliseconds", "Seconds"];
        for line in facts().iter().flat_map(|fact| metrics().lines(fact, at(1_790_000_000))) {
            assert_eq!(line["_aws"]["Timestamp"], 1_790_000_000_000_i64, "milliseconds of Unix time");
            let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
            assert!(!directives.is_empty());
            for directive in directives {
                assert_eq!(directive["Namespace"], "FlinkSqlRunner");
                let sets = directive["Dimensions"].as_array().unwrap();
                assert_eq!(sets[0], json!(["Deployment"]));
                for name in sets.iter().flat_map(|set| set.as_array().unwrap()) {
                    assert!(line[name.as_str().unwrap()].is_string(), "{name} is no member of {line}");
                }
                for metric in directive["Metrics"].as_array().unwrap() {
                    assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric} has no value in {line}");
                    assert!(UNITS.contains(&metric["Unit"].as_str().unwrap()), "{metric}");
                }
            }
        }
    }

    /// The name, value and further dimensions of every metric of a fact, as CloudWatch takes them from its lines.
    fn extracted(fact: &Fact) -> Vec<String> {
        let mut found = Vec::new();
        for line in metrics().lines(fact, at(1_790_000_000)) {
            for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                let name = directive["Metrics"][0]["Name"].as_str().unwrap();
                let sets = directive["Dimensions"].as_array().unwrap();
                let of = |set: &Value| {
                    let names = set.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                    names.map(|name| line[name].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("/")
                };
                let sets: Vec<String> = sets.iter().map(of).collect();
                found.push(format!("{name} {} [{}]", line[name], sets.join(", ")));
            }
        }
        found
    }

    #[test]
    fn a_settled_operation_is_counted_by_change_and_outcome() {
        assert_eq!(
            extracted(&settled(Ended::Deployed, Some(4321))),
            [
                "Operations 1 [prod, prod/configuration/deployed]",
                "OperationsFailed 0 [prod]",
                "Downtime 4321 [prod]",
                "PhaseDuration 1200 [prod, prod/compile]",
                "PhaseDuration 300 [prod, prod/stop]",
            ]
        );
        let failed = extracted(&settled(Ended::RolledBack, None));
        assert_eq!(failed[..2], ["Operations 1 [prod, prod/configuration/rolled-back]", "OperationsFailed 1 [prod]"]);
        assert!(failed.iter().all(|metric| !metric.starts_with("Downtime")));
    }

    #[test]
    fn gauges_and_alerts() {
        let [_, _, swept, idle, looked, sent, failed, unknown] = &facts()[..] else { panic!("eight facts") };
        assert_eq!(extracted(swept), ["JobsNotRunning 1 [prod]", "OldestOpenOperation 600 [prod]"]);
        assert_eq!(extracted(idle), ["JobsNotRunning 0 [prod]", "OldestOpenOperation 0 [prod]"]);
        assert_eq!(extracted(looked), ["JobsNotRunning 0 [prod]", "StateAge 77 [prod]"]);
        assert_eq!(extracted(sent), ["AlertsNotSent 0 [prod]", "Alerts 1 [prod, prod/lost-cluster]"]);
        assert_eq!(extracted(failed), ["AlertsNotSent 1 [prod]"]);
        assert_eq!(extracted(unknown), ["AlertsNotSent 1 [prod]"]);
    }

    /// The count is whole; a line of the log has an end.
    #[test]
    fn a_line_names_twenty_jobs_and_counts_them_all() {
        let down: Vec<JobName> = (10..90).map(|n| job(&format!("job-{n}"))).collect();
        let swept = Swept { at: at(0), down: down.clone(), oldest: None };
        let looked = Looked { at: at(0), down: down.clone(), oldest_state: None };
        for fact in [Fact::Swept(swept), Fact::Looked(looked)] {
            let line = metrics().lines(&fact, at(0)).remove(0);
            assert_eq!((&line["JobsNotRunning"], &line["jobs"]), (&json!(80), &json!(down[..20])));
        }
    }

    #[test]
    fn a_line_in_full() {
        let lines = metrics().lines(&settled(Ended::Deployed, Some(4321)), at(0));
        assert_eq!(
            lines[2],
            json!({
                "_aws": {
                    "Timestamp": 1_790_000_000_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "FlinkSqlRunner",
                        "Dimensions": [["Deployment"], ["Deployment", "Phase"]],
                        "Metrics": [{ "Name": "PhaseDuration", "Unit": "Milliseconds" }],
                    }],
                },
                "Deployment": "prod",
                "Phase": "stop",
                "PhaseDuration": 300,
                "job": "orders",
                "operation": OperationId::derived(&["operation"]),
                "batch": lifecycle::ids::BatchId::derived(&["batch"]),
            })
        );
    }
}
