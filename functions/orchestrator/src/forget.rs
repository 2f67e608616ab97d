//! `forget`: a name of which nothing is left counts no more, or what is left of it and the way out.
//! Must not know how that is looked up, nor how an answer is shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use control::orchestrator::{Forgetting, Orchestrator, Report, Scope};
use desired::manifest::JobName;
use lifecycle::forgetting::Kept;
use lifecycle::noted::Order;

use crate::order_asked::OrderAsked;
use crate::orders::{ActionError, LOOK, Noted, nothing_known, who};

pub(crate) async fn forget(this: &Arc<Orchestrator>, asked: OrderAsked) -> Result<Noted, ActionError> {
    let (name, dry_run) = (asked.name.clone(), asked.dry_run);
    let who = who(&Order::Forget, asked)?;
    let done = match this.forget(&name, &who, dry_run).await? {
        Forgetting::Done { highest_version } => {
            let next = highest_version.saturating_add(1);
            let is = if dry_run { "would be" } else { "is" };
            format!("{name} {is} forgotten: a file of this name is a new job from then on, at version {next}.")
        }
        Forgetting::Known => format!("{name} is forgotten."),
        Forgetting::Kept(kept) => return Err(not_forgotten(&name, &kept)),
        Forgetting::Changed => {
            let message = format!("{name} is not forgotten: its record was changed meanwhile");
            return Err(ActionError::NothingWaits { message, help: format!("try again; {LOOK}") });
        }
        Forgetting::NoRecord => return Err(nothing_known("forget of", &name)),
    };
    let report = if dry_run {
        Report::default()
    } else {
        // What people were alerted of ends with it. If this process dies before, the next redeploy ends it.
        Arc::clone(this).run(Scope::Jobs(BTreeSet::from([name])), &who.by).await?
    };
    Ok(Noted { report, told: vec![done] })
}

/// Why a name is not forgotten, and the way out.
fn not_forgotten(name: &JobName, kept: &Kept) -> ActionError {
    let help = match kept {
        Kept::Forgotten => format!("nothing is left to do; `history {name}` tells by whom"),
        Kept::Uploaded => format!("`remove {name}` deletes it and stops the job"),
        Kept::OtherSource => "forget it where it is deployed from".to_owned(),
        Kept::Open(_) => format!("wait for its end; `history {name}` tells it"),
        Kept::Owed(_) => format!("wait until it is done; `retry {name}` tries at once"),
        Kept::Suspended | Kept::NotRemoved => {
            format!("`sweep` looks after it; `history {name}` tells when it is removed")
        }
        Kept::Deployed => "remove the job with the tool that deployed it".to_owned(),
        Kept::NotLookedAt => "ask for `status --fresh`, then again".to_owned(),
        Kept::Runs(_) => "cancel that Flink job, ask for `status --fresh`, then again".to_owned(),
        Kept::State(_) => "delete it if nobody needs it any more".to_owned(),
        Kept::StateUnknown(_) => "let the function list it; a node's own disk it cannot look at".to_owned(),
    };
    ActionError::NothingWaits { message: format!("{name} is not forgotten: {kept}"), help }
}
