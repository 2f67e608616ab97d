//! What an answer says would be decided after the operation under way.
//! Must not know how that is shown.

use desired::manifest::JobName;
use lifecycle::change::Change;
use lifecycle::orchestrate::{Ends, Following, Ruling};
use lifecycle::reason::Reason;
use serde::{Deserialize, Serialize};

use crate::answers::PlannedAnswer;
use crate::held::told;

/// What would be done about a job, or why nothing would be, once the operation under way ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FollowingAnswer {
    /// If it ends so.
    pub ends: Ends,
    pub reason: Reason,
    /// The same for people.
    pub text: String,
    /// The change with its fields, if an operation would be ordered.
    pub change: Option<Change>,
    /// What would be planned, if an operation would be ordered.
    pub plan: Option<PlannedAnswer>,
}

impl FollowingAnswer {
    /// What is worth telling: that nothing would have to be done is not.
    pub fn all(name: &JobName, following: Vec<Following>) -> Vec<Self> {
        let answer = |Following { ends, status, ruling }| match ruling {
            Ruling::Operate(open) => {
                let reason = Reason::Planned;
                let (change, plan) = (Some(open.plan.change.clone()), Some(PlannedAnswer::of(&open.plan, status)));
                Self { ends, text: told(&reason, name), reason, change, plan }
            }
            Ruling::Nothing { reason, .. } => {
                Self { ends, text: told(&reason, name), reason, change: None, plan: None }
            }
        };
        following.into_iter().map(answer).filter(|answer| !answer.reason.is_quiet()).collect()
    }
}
