//! Orders that are carried out by noting them in the record (`retry`, `allow`, `forget`): by whom, why and when.
//! Must not know how an order reaches the record, nor what is decided because of it.

use std::fmt;

use desired::printable::cut;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::documents::record::Record;
use crate::ids::{ActId, JobId};
use crate::permission::Permission;

/// How many orders a record remembers.
const REMEMBERED: usize = 20;
/// How many characters of a name or a reason are kept.
const SAID: usize = 500;

/// What is noted because a person ordered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Order {
    /// Everything that is owed is due at once.
    Retry,
    /// One thing that is held is allowed.
    Allow {
        permission: Permission,
        /// The run to adopt, if several carry the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<JobId>,
    },
    /// The name counts no more: nothing of it is left.
    Forget,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry => f.write_str("retry"),
            Self::Allow { permission, .. } => write!(f, "allow {permission}"),
            Self::Forget => f.write_str("forget"),
        }
    }
}

/// Who orders something, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhoAndWhy {
    pub by: String,
    /// Why, as whoever ordered it said.
    pub why: Option<String>,
    /// Tells the same order, asked for again, from another one.
    pub id: Option<ActId>,
}

impl From<&str> for WhoAndWhy {
    fn from(by: &str) -> Self {
        Self { by: by.to_owned(), why: None, id: None }
    }
}

/// An order as it was noted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NotedOrder {
    pub order: Order,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ActId>,
    pub at: Timestamp,
}

/// What came of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noting {
    Noted,
    /// This very order was noted before: nothing changed.
    Known,
    /// Nothing of the job waits for it: nothing changed.
    NothingWaits,
}

impl Record {
    /// Notes an order, unless nothing waits for it.
    pub fn note(&mut self, order: &Order, who: &WhoAndWhy, now: Timestamp) -> Noting {
        if who.id.is_some() && self.noted.iter().any(|noted| noted.id == who.id) {
            return Noting::Known;
        }
        let waits = match *order {
            Order::Retry => {
                let waits = self.owed.debts().next().is_some() || self.ordered.is_some();
                self.owed.retry(now);
                self.retry_act();
                waits
            }
            Order::Allow { permission, run } => self.allow(permission, run, &who.by, now),
            // What is known of the name beside its record decides: `why_kept` and `forget`.
            Order::Forget => false,
        };
        if !waits {
            return Noting::NothingWaits;
        }
        self.remember_order(order, who, now);
        Noting::Noted
    }

    pub(crate) fn remember_order(&mut self, order: &Order, who: &WhoAndWhy, at: Timestamp) {
        let short = |text: &String| cut(text, SAID);
        let (by, why) = (short(&who.by), who.why.as_ref().map(short));
        self.noted.push(NotedOrder { order: *order, by, why, id: who.id, at });
        let surplus = self.noted.len().saturating_sub(REMEMBERED);
        self.noted.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::record::Source;
    use crate::ids::{Hex32, OperationId};
    use crate::owed::{Cause, Debt};

    fn owing() -> Record {
        let name = "orders".try_into().unwrap();
        let mut record = Record::fresh(name, Hex32::from_bytes([0; 16]).into(), Source::Queries);
        let debt = Debt::after(None, Cause::NoState, "x", OperationId::derived(&["o"]), Timestamp::UNIX_EPOCH);
        record.owed.keep_running = Some(debt);
        record
    }

    fn now() -> Timestamp {
        Timestamp::from_second(60).unwrap()
    }

    #[test]
    fn an_order_is_noted_with_who_and_why_and_once() {
        let mut record = owing();
        let id = Some(ActId::derived(&["one"]));
        let who = WhoAndWhy { by: "anna".to_owned(), why: Some("the disk is back".to_owned()), id };
        assert_eq!(record.note(&Order::Retry, &who, now()), Noting::Noted);
        let noted = record.noted.last().unwrap();
        assert_eq!((noted.order, noted.by.as_str(), noted.at), (Order::Retry, "anna", now()));
        assert_eq!(noted.why.as_deref(), Some("the disk is back"));
        assert_eq!(record.owed.keep_running.as_ref().unwrap().next, Some(now()));
        let before = record.clone();
        assert_eq!(record.note(&Order::Retry, &who, now()), Noting::Known);
        assert_eq!(record, before);
        let allow = Order::Allow { permission: Permission::CleanStart, run: None };
        assert_eq!(record.note(&allow, &"bob".into(), now()), Noting::Noted);
        assert_eq!((record.allows.len(), record.noted.len()), (1, 2));
    }

    #[test]
    fn what_nothing_waits_for_is_not_noted() {
        let mut record = owing();
        let remove = Order::Allow { permission: Permission::Remove, run: None };
        assert_eq!(record.note(&remove, &"anna".into(), now()), Noting::NothingWaits);
        record.owed.keep_running = None;
        assert_eq!(record.note(&Order::Retry, &"anna".into(), now()), Noting::NothingWaits);
        assert!(record.noted.is_empty());
    }

    #[test]
    fn a_record_stays_small_however_often_something_is_ordered() {
        let mut record = owing();
        for n in 0..100 {
            let (by, why) = (format!("{n} {}", "a".repeat(5_000)), Some("ä".repeat(5_000)));
            record.note(&Order::Retry, &WhoAndWhy { by, why, id: None }, now());
        }
        assert_eq!(record.noted.len(), REMEMBERED);
        let last = record.noted.last().unwrap();
        assert!(last.by.starts_with("99 ") && last.by.ends_with("a…"), "the newest are kept");
        assert_eq!(last.by.chars().count(), SAID + 1);
        assert_eq!(last.why.as_ref().unwrap().chars().count(), SAID + 1);
    }
}
