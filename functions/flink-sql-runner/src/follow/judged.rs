//! Whether a decision or a refusal is about exactly what was uploaded. One that is not says nothing about that.
//! Must not know how the documents are read.

use std::collections::BTreeSet;

use lifecycle::documents::record::Decision;
use lifecycle::documents::refused::RefusedDocument;

/// What has to have been judged.
pub(super) struct Judged<'a> {
    /// The manifest's version.
    pub(super) etag: &'a str,
    /// The decision that stood before the upload.
    pub(super) before: Option<&'a Decision>,
    /// The configurations that are uploaded, of which one has to have been judged as well; nothing if any may have been.
    pub(super) configurations: Option<&'a BTreeSet<String>>,
}

impl Judged<'_> {
    /// Whether it is the reason why this upload is not applied.
    pub(super) fn is_refused_by(&self, refused: &RefusedDocument) -> bool {
        let config = |known: &BTreeSet<String>| refused.config.as_ref().is_some_and(|config| known.contains(config));
        refused.etag == self.etag && self.configurations.is_none_or(config)
    }

    /// Whether it decides about this upload.
    pub(super) fn is_decided_by(&self, decision: &Decision) -> bool {
        let config = |known: &BTreeSet<String>| match &decision.config {
            Some(config) => known.contains(config),
            // A function of an earlier version does not say: only a new decision can be about the upload.
            None => Some(decision) != self.before,
        };
        decision.etags.iter().any(|etag| etag == self.etag) && self.configurations.is_none_or(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_kit::at;

    fn decision(etag: &str, config: Option<&str>) -> Decision {
        Decision {
            etags: vec![etag.to_owned()],
            config: config.map(str::to_owned),
            change: None,
            reason: "unchanged".to_owned(),
            operation: None,
            held: None,
            by: "upload".to_owned(),
            at: at("2026-11-23T12:00:00Z"),
        }
    }

    /// However long nobody looks, what stood before says nothing of another configuration.
    #[test]
    fn only_what_judged_these_very_files_counts() {
        let uploaded = BTreeSet::from(["new".to_owned()]);
        let standing = decision("e", Some("old"));
        let judged = Judged { etag: "e", before: Some(&standing), configurations: Some(&uploaded) };
        assert!(!judged.is_decided_by(&standing), "it stood before");
        assert!(judged.is_decided_by(&decision("e", Some("new"))));
        assert!(!judged.is_decided_by(&decision("other", Some("new"))));
        // Where no configuration was uploaded, the manifest tells.
        let alone = Judged { configurations: None, ..judged };
        assert!(alone.is_decided_by(&standing) && !alone.is_decided_by(&decision("other", Some("old"))));
    }

    #[test]
    fn a_function_that_does_not_say_which_configuration_it_judged_has_to_decide_anew() {
        let uploaded = BTreeSet::from(["new".to_owned()]);
        let standing = decision("e", None);
        let judged = Judged { etag: "e", before: Some(&standing), configurations: Some(&uploaded) };
        assert!(!judged.is_decided_by(&standing));
        assert!(judged.is_decided_by(&Decision { reason: "another".to_owned(), ..standing.clone() }));
    }

    /// The mended configuration is not what was refused.
    #[test]
    fn a_refusal_counts_only_with_the_configuration_that_it_judged() {
        let uploaded = BTreeSet::from(["mended".to_owned()]);
        let refused = |config: &str| RefusedDocument {
            format: 1,
            etag: "e".to_owned(),
            config: Some(config.to_owned()),
            errors: Vec::new(),
        };
        let judged = Judged { etag: "e", before: None, configurations: Some(&uploaded) };
        assert!(!judged.is_refused_by(&refused("broken")) && judged.is_refused_by(&refused("mended")));
        assert!(Judged { configurations: None, ..judged }.is_refused_by(&refused("broken")));
    }
}
