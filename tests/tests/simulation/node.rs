//! The primary node: carries out the batch of a step with the product's own runner, as the step runner's program does.
//! Must not decide anything.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use control::ports::{BatchOrder, OutsideError, Store};
use control::runner::{BatchReport, Runner, RunnerTimes};
use control::secrets::{SecretReader, Secrets};
use desired::digest::Digest;
use lifecycle::documents::batch::Batch;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::{Document, read};

use crate::faults::{Actor, Odd};
use crate::ports::{Client, Port, SessionPort};
use crate::sim::keys;

/// How many JobManagers in a row a batch goes on with.
const LIVES: u32 = 3;
pub(crate) const LEASE: Duration = Duration::from_mins(1);
pub(crate) const MARGIN: Duration = Duration::from_mins(1);

pub(crate) async fn run_batch(actor: &Arc<Actor>, order: &BatchOrder) -> Result<BatchReport, OutsideError> {
    let port = Port(Arc::clone(actor));
    let batch: Batch = document(&port, &order.key, &order.digest).await?;
    let mut plans = Vec::new();
    for item in &batch.items {
        // One plan that cannot be read never stops the others.
        plans.extend(document::<Plan>(&port, &item.plan, &item.digest).await.ok());
    }
    let mut report = BatchReport::default();
    for life in 1..=LIVES {
        let found =
            |state: &mut crate::sim::State| Ok(state.flink.present().map(|at| (at, state.flink.sessions[at].attempt)));
        let session = actor.call("node.resolve".to_owned(), Odd::none(), found).await?;
        let runner = runner(actor, session);
        let carried = Arc::clone(&runner).run(plans.clone()).await?;
        if session.is_none() {
            return Ok(report.and(carried));
        }
        plans.retain(|plan| carried.unknown.contains(&plan.operation));
        report = report.and(carried);
        let answers = move |state: &mut crate::sim::State| {
            Ok(session.is_some_and(|(session, attempt)| state.flink.answers(session, attempt)))
        };
        if life < LIVES
            && !plans.is_empty()
            && !actor.call("cluster.epoch".to_owned(), Odd::none(), answers).await.unwrap_or(false)
        {
            report.unknown.clear();
            continue;
        }
        match runner.publish_look(&batch).await {
            Err(_) if !batch.look => {}
            published => published?,
        }
        break;
    }
    Ok(report)
}

fn runner(actor: &Arc<Actor>, session: Option<(usize, u32)>) -> Arc<Runner> {
    let port = || Arc::new(Port(Arc::clone(actor)));
    let session = SessionPort { actor: Arc::clone(actor), session };
    let times =
        RunnerTimes { lease: LEASE, margin: MARGIN, poll: Duration::from_secs(1), cancel: Duration::from_mins(2) };
    Arc::new(Runner {
        store: port(),
        keys: keys(),
        deployment: None,
        files: port(),
        cluster: Arc::new(session.clone()),
        submitter: Arc::new(Client { session, prepared: std::sync::Mutex::default() }),
        secrets: SecretReader::new(port(), Secrets::default()),
        locks: port(),
        world: port(),
        times,
        wave: NonZeroU16::new(10).unwrap(),
        nonce: actor.nonce,
    })
}

async fn document<T: Document>(port: &Port, key: &str, wanted: &Digest) -> Result<T, OutsideError> {
    let object = port.get(key).await?.ok_or_else(|| OutsideError::refused(key, "it is not there"))?;
    if Digest::of(&object.bytes) != *wanted {
        return Err(OutsideError::refused(key, "it is not what was sent"));
    }
    read(&object.bytes).map_err(|error| OutsideError::refused(key, error.to_string()))
}
