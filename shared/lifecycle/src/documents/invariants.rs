//! What no write of a changing document may break, whoever decided it: checked right before each write.
//! Must not know how a document is stored, nor who changes it.

use crate::documents::alerts::AlertsDocument;
use crate::documents::claim::Claim;
use crate::documents::record::{OpenOperation, Record};

/// A document that several writers change in turn.
pub trait Invariants {
    /// The rule that this document would break as the successor of `before`, in words; nothing if it keeps all.
    ///
    /// `before` is what it takes the place of, as far as its writer knows that.
    fn broken(&self, before: Option<&Self>) -> Option<&'static str>;
}

/// The first rule that does not hold.
pub(crate) fn first_broken(rules: &[(bool, &'static str)]) -> Option<&'static str> {
    rules.iter().find(|(holds, _)| !holds).map(|(_, rule)| *rule)
}

impl Record {
    /// How many versions are given back if nothing was started under that of the open operation.
    fn given_back(&self) -> u32 {
        self.open.as_ref().is_some_and(OpenOperation::gives_out_a_version).into()
    }
}

impl Invariants for Record {
    fn broken(&self, before: Option<&Self>) -> Option<&'static str> {
        let versions = self.deployed.iter().map(|deployed| deployed.meta.query_version);
        let mut versions = versions.chain(self.open.iter().filter_map(|open| Some(open.meta.as_ref()?.query_version)));
        let open = self.open.as_ref();
        first_broken(&[
            (before.is_none_or(|before| before.revision < self.revision), "the revision rises with every write"),
            (before.is_none_or(|before| before.name == self.name), "a record stays with its job"),
            (open.is_none_or(|open| open.plan.job == self.name), "the open operation is about the record's job"),
            (
                before.is_none_or(|before| before.highest_version <= self.highest_version + before.given_back()),
                "the highest version never falls: none is given out twice",
            ),
            (versions.all(|version| version <= self.highest_version), "every version in use was given out"),
            (
                self.forgotten.is_none() || self.is_forgotten_whole(),
                "nothing of a forgotten name is deployed, under way or to be done",
            ),
        ])
    }
}

impl Invariants for Claim {
    fn broken(&self, before: Option<&Self>) -> Option<&'static str> {
        let verdict = before.and_then(|before| before.verdict.as_ref());
        first_broken(&[
            (before.is_none_or(|before| before.revision < self.revision), "the revision rises with every write"),
            (before.is_none_or(|before| before.operation == self.operation), "a claim stays with its operation"),
            (before.is_none_or(|before| !before.closed), "a closed claim is never written again"),
            (verdict.is_none_or(|verdict| Some(verdict) == self.verdict.as_ref()), "a verdict is never changed"),
        ])
    }
}

impl Invariants for AlertsDocument {
    fn broken(&self, _: Option<&Self>) -> Option<&'static str> {
        first_broken(&[(self.is_bounded(), "no more conditions of one kind are kept than the limit")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::claim::Verdict;
    use crate::documents::record::Source;
    use crate::ids::{Nonce, OperationId};
    use crate::owed::Cause;

    #[test]
    fn no_version_is_given_out_twice() {
        let nonce = Nonce::derived(&["n"]);
        let name = "orders".try_into().unwrap();
        let before = Record { highest_version: 3, ..Record::fresh(name, nonce, Source::Queries) }.revised(nonce);
        assert_eq!(before.broken(None), None);
        let after = before.clone().revised(nonce);
        assert_eq!(after.broken(Some(&before)), None);
        assert_eq!(before.broken(Some(&before)), Some("the revision rises with every write"));
        let fallen = Record { highest_version: 2, ..after };
        assert_eq!(fallen.broken(Some(&before)), Some("the highest version never falls: none is given out twice"));
    }

    #[test]
    fn nothing_of_a_forgotten_name_is_to_be_done() {
        let nonce = Nonce::derived(&["n"]);
        let before = Record::fresh("orders".try_into().unwrap(), nonce, Source::Queries);
        let mut forgotten = before.clone().forget(&"anna".into(), jiff::Timestamp::UNIX_EPOCH).revised(nonce);
        assert_eq!(forgotten.broken(Some(&before)), None);
        let (operation, at) = (OperationId::derived(&["o"]), jiff::Timestamp::UNIX_EPOCH);
        forgotten.owed.remove = Some(crate::owed::Debt::after(None, Cause::NoResult, "x", operation, at));
        let rule = "nothing of a forgotten name is deployed, under way or to be done";
        assert_eq!(forgotten.broken(Some(&before)), Some(rule));
    }

    #[test]
    fn a_verdict_and_the_end_of_a_claim_are_final() {
        let fresh = Claim::fresh(OperationId::derived(&["o"]), Nonce::derived(&["h"]), 1000);
        let written = |claim: &Claim| Claim { revision: claim.revision + 1, ..claim.clone() };
        let rolls_back = Verdict::RollBack { reason: "not stable".to_owned(), cause: Cause::default() };
        let judged = Claim { verdict: Some(rolls_back), ..written(&fresh) };
        assert_eq!(judged.broken(Some(&fresh)), None);
        let forgotten = Claim { verdict: None, ..written(&judged) };
        assert_eq!(forgotten.broken(Some(&judged)), Some("a verdict is never changed"));
        let closed = Claim { closed: true, ..written(&judged) };
        assert_eq!(closed.broken(Some(&judged)), None);
        assert_eq!(written(&closed).broken(Some(&closed)), Some("a closed claim is never written again"));
    }
}
