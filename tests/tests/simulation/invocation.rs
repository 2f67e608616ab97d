//! The function: one invocation of the product's own orchestrator for an event, a schedule or a person.
//! Must not decide anything; which event asks for which scope is told here as the function's own code tells it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use control::orchestrator::{NoFacts, Orchestrator, Scope, Settings, Uploads};
use control::ports::OutsideError;
use desired::manifest::{JobName, Policy};
use lifecycle::act::{Act, ActTaken, OrderedAct};
use lifecycle::documents::batch::Batch;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::plan::Windows;
use lifecycle::documents::record::{Record, Source};
use lifecycle::ids::{ActId, BatchId};
use lifecycle::keys::ObjectKind;
use lifecycle::noted::{Noting, Order};
use lifecycle::owed::Patience;
use lifecycle::permission::Permission;

use crate::faults::Actor;
use crate::node::MARGIN;
use crate::orders::{OPERATOR, reason};
use crate::ports::Port;
use crate::sim::keys;

/// What the function is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Object(String),
    Ended(BatchId),
    Sweep,
    Redeploy,
    Allow(String, Permission),
    Retry(String),
    Order(String, Act, ActId),
}

pub(crate) fn windows() -> Windows {
    Windows { stability_ms: 30_000, startup_ms: 60_000, stop_ms: 600_000, passing_ms: 60_000 }
}

fn orchestrator(actor: &Arc<Actor>) -> Arc<Orchestrator> {
    let port = || Arc::new(Port(Arc::clone(actor)));
    let settings = Settings {
        keys: keys(),
        policy: Policy::default(),
        timestamp_field: String::new(),
        patience: Patience::default(),
        windows: windows(),
        margin: MARGIN,
        removals: 5,
        source: Source::Queries,
        deployment: "simulation".to_owned(),
    };
    let desired = Uploads { store: port(), keys: keys(), policy: Policy::default(), timestamp_field: String::new() };
    Arc::new(Orchestrator {
        store: port(),
        desired: Arc::new(desired),
        dispatcher: port(),
        files: port(),
        world: port(),
        alerts: Some(port()),
        facts: Arc::new(NoFacts),
        settings,
    })
}

fn job(name: &str) -> JobName {
    JobName::try_from(name).unwrap()
}

fn nothing_waits((noting, _): (Noting, Box<Record>)) -> bool {
    noting == Noting::NothingWaits
}

pub(crate) async fn answer(actor: &Arc<Actor>, ask: Ask) -> Result<(), OutsideError> {
    let orchestrator = orchestrator(actor);
    let store = Arc::clone(&orchestrator.store);
    let scope = match &ask {
        Ask::Sweep => Scope::Sweep,
        Ask::Redeploy => Scope::Redeploy,
        Ask::Object(key) => match keys().kind_of(key) {
            ObjectKind::Query { stem } => Scope::Jobs(BTreeSet::from([job(&stem)])),
            ObjectKind::Result { job: name } => Scope::Jobs(BTreeSet::from([job(&name)])),
            ObjectKind::Config => Scope::All,
            ObjectKind::Observed => {
                let found = control::documents::fetch::<ObservedDocument>(store.as_ref(), &keys().observed()).await?;
                let Some((document, _)) = found else { return Ok(()) };
                Scope::Observed(Box::new(document))
            }
            ObjectKind::Other => return Ok(()),
        },
        Ask::Ended(batch) => {
            let found = control::documents::fetch::<Batch>(store.as_ref(), &keys().batch(*batch)).await?;
            let Some((batch, _)) = found else { return Ok(()) };
            Scope::Ended(batch.items.into_iter().map(|item| item.job).collect())
        }
        Ask::Allow(name, permission) => {
            let allow = Order::Allow { permission: *permission, run: None };
            if orchestrator.note_order(&job(name), &allow, &"operator".into()).await?.is_none_or(nothing_waits) {
                return Ok(());
            }
            Scope::Jobs(BTreeSet::from([job(name)]))
        }
        Ask::Order(name, act, id) => {
            let (by, why, at) = (OPERATOR.to_owned(), Some(reason(*id)), orchestrator.world.now());
            let ordered = OrderedAct { id: *id, act: act.clone(), by, why, at, about: None, debt: None };
            let report = orchestrator.order(job(name), ordered, false).await?;
            let taken = report.findings.get(&job(name)).and_then(|finding| finding.act);
            let mut state = actor.sim.lock();
            // What is answered is what happened.
            let is_told = match taken {
                Some(ActTaken::Noted | ActTaken::Known) => state.judge.noted.knows(*id),
                Some(ActTaken::UnknownJob | ActTaken::NotNow(_)) => true,
                None => !report.troubles.is_empty(),
            };
            if !is_told {
                state.broken(&format!("the order {id} of {name} was neither noted nor refused: {act}"));
            }
            return Ok(());
        }
        Ask::Retry(name) => {
            if orchestrator.note_order(&job(name), &Order::Retry, &"operator".into()).await?.is_none_or(nothing_waits) {
                return Ok(());
            }
            Scope::Jobs(BTreeSet::from([job(name)]))
        }
    };
    // The function's own limit.
    let limit = Duration::from_mins(15);
    match tokio::time::timeout(limit, orchestrator.run(scope, "simulation")).await {
        Ok(report) => report.map(|_| ()),
        Err(_) => Ok(()),
    }
}
