//! `restart` and `savepoint`: what is asked, from which state, and why it is not ordered where it cannot be.
//! Must not know how an act is carried out, nor how an answer is shown.

use std::sync::Arc;

use control::orchestrator::{Orchestrator, Report};
use control::ports::OutsideError;
use desired::manifest::JobName;
use lifecycle::act::{Act, ActTaken, NotNow, OrderedAct};
use lifecycle::documents::record::Deployed;

use crate::order_asked::{OrderAsked, RestartAsked};
use crate::orders::{ActionError, nothing_known, record, said};

pub(crate) async fn restart(this: &Arc<Orchestrator>, asked: RestartAsked) -> Result<Report, ActionError> {
    let RestartAsked { clean, from, order: asked } = asked;
    let name = &asked.name;
    let act = match (clean, from) {
        (true, Some(_)) => {
            let help = "`clean` starts without state, `from` names the state to start from";
            return Err(not_ordered(format!("{name} is not restarted: two starts were asked for"), help));
        }
        (true, None) => Act::RestartClean,
        (false, None) => Act::Restart,
        (false, Some(from)) => older_state(this, name, &from).await?,
    };
    order(this, act, asked).await
}

pub(crate) async fn savepoint(this: &Arc<Orchestrator>, asked: OrderAsked) -> Result<Report, ActionError> {
    order(this, Act::Savepoint, asked).await
}

/// Orders an act, or says why it is not ordered.
async fn order(this: &Arc<Orchestrator>, act: Act, asked: OrderAsked) -> Result<Report, ActionError> {
    let OrderAsked { name, order_id: id, dry_run, by, reason, rest: _ } = asked;
    let why = said(reason)?;
    let by = by.unwrap_or_else(|| word(&act).to_owned());
    let id = id.unwrap_or_else(|| this.world.fresh_id().into());
    let ordered = OrderedAct { id, act: act.clone(), by, why, at: this.world.now(), about: None, debt: None };
    let report = Arc::clone(this).order(name.clone(), ordered, dry_run).await?;
    if report.troubles.contains_key(&name) {
        return Ok(report);
    }
    let what = format!("order: a {} of", word(&act));
    match report.findings.get(&name).and_then(|finding| finding.act) {
        // Where something else comes first, it is carried out after that.
        Some(ActTaken::Noted | ActTaken::Known) => Ok(report),
        Some(ActTaken::UnknownJob) => Err(nothing_known(&what, &name)),
        Some(ActTaken::NotNow(why)) => Err(refused(why, &act, &name)),
        None => Err(OutsideError::unknown(format!("ordering a {} of {name}", word(&act)), "no answer").into()),
    }
}

/// Why the job would not be restarted from any state now: as a restart that is ordered would be answered.
pub(crate) async fn not_now(this: &Arc<Orchestrator>, name: &JobName) -> Result<Option<NotNow>, ActionError> {
    let (id, by, at) = (this.world.fresh_id().into(), "states".to_owned(), this.world.now());
    let ordered = OrderedAct { id, act: Act::RestartClean, by, why: None, at, about: None, debt: None };
    let report = Arc::clone(this).order(name.clone(), ordered, true).await?;
    Ok(match report.findings.get(name).and_then(|finding| finding.act) {
        Some(ActTaken::NotNow(why)) => Some(why),
        Some(ActTaken::Noted | ActTaken::Known | ActTaken::UnknownJob) | None => None,
    })
}

/// The act that restores a state: one at a path, or the savepoint that an operation took.
async fn older_state(this: &Arc<Orchestrator>, name: &JobName, from: &str) -> Result<Act, ActionError> {
    let record = record(this, name, "restart").await?;
    let path = if from.contains('/') {
        from.trim_end_matches('/').to_owned()
    } else {
        let taken = this.savepoint_of(&record, from).await?;
        taken.ok_or_else(|| {
            let from = from.escape_debug();
            let message = format!("{name} is not restarted: no savepoint of an operation `{from}` of it is known");
            not_ordered(message, &format!("`states {name}` lists the states that it can be restored from"))
        })?
    };
    let live = record.deployed.as_ref().and_then(Deployed::run);
    let of_live_run = live.is_some_and(|run| path.split('/').any(|segment| segment == run.to_string()));
    let act = Act::RestartFrom { path, of_live_run };
    match record.refuses(&act) {
        Some(why @ NotNow::NotItsState) => return Err(refused(why, &act, name)),
        // Told by what is uploaded as well.
        Some(_) => return Ok(act),
        None => {}
    }
    // Where the state cannot be read from here, the node tells before it touches anything.
    let path = act.given().unwrap_or_default();
    if this.is_complete_state(path).await? == Some(false) {
        let message = format!("{name} is not restarted: no complete state is at {}", path.escape_debug());
        return Err(not_ordered(message, &format!("`states {name}` lists the states that it can be restored from")));
    }
    Ok(act)
}

fn not_ordered(message: String, help: &str) -> ActionError {
    ActionError::NothingWaits { message, help: help.to_owned() }
}

fn word(act: &Act) -> &'static str {
    match act {
        Act::Restart | Act::RestartClean | Act::RestartFrom { .. } => "restart",
        Act::Savepoint => "savepoint",
    }
}

/// Why an act is not ordered, and the way out.
fn refused(why: NotNow, act: &Act, name: &JobName) -> ActionError {
    let what = match act {
        Act::Restart | Act::RestartClean | Act::RestartFrom { .. } => "is not restarted",
        Act::Savepoint => "gets no savepoint",
    };
    not_ordered(format!("{name} {what}: {why}"), &way_out(why, name))
}

/// What can be done where an act is not ordered.
pub(crate) fn way_out(why: NotNow, name: &JobName) -> String {
    match why {
        NotNow::Open(_) => format!("wait for its end; `history {name}` tells it"),
        NotNow::NotDeployed => format!("`deploy {name}` brings it to what is uploaded"),
        NotNow::Removed => "upload its manifest again: the job goes on from its newest state".to_owned(),
        NotNow::Suspended => format!("`resume {name}` has it go on from its newest state"),
        NotNow::Complete => {
            format!("`restart {name} --clean` runs it again from the beginning, and so does a changed query")
        }
        NotNow::NotToRun => format!("`resume {name}` first, then `restart {name} --clean`"),
        NotNow::OtherSource => format!("`allow {name} adopt` takes it over, once its manifest is uploaded"),
        NotNow::UploadRefused => format!("correct the upload first; `history {name}` has every error"),
        NotNow::NotUploaded => {
            "upload its manifest first, with `deploy PATH`: without one nothing of the job is to run".to_owned()
        }
        NotNow::Contended => "order it again".to_owned(),
        NotNow::NotItsState => format!("`states {name}` lists the states that it can be restored from"),
    }
}
