//! What whoever uploads a manifest says with it: kept beside the object, it proves nothing.
//! Must not know how it is stored, nor what follows from it.

use super::Inputs;
use crate::manifest::JobName;
use crate::printable::{cut, readable};

/// How many characters of a name are kept.
const NAME: usize = 100;
/// How many characters of a reason are kept: what people may say, and what is said before it.
const REASON: usize = 250;

/// Who uploads, and why, in his own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UploadNote {
    /// Who he says he is.
    by: Option<String>,
    /// Why.
    reason: Option<String>,
}

impl UploadNote {
    /// Each on one line, cut, nothing where there is nothing but blanks: anybody who may upload may write anything.
    pub fn new(by: Option<&str>, reason: Option<&str>) -> Self {
        let short = |text: &str, most: usize| {
            let text = cut(readable(text).trim(), most);
            (!text.is_empty()).then_some(text)
        };
        Self { by: by.and_then(|text| short(text, NAME)), reason: reason.and_then(|text| short(text, REASON)) }
    }

    pub fn by(&self) -> Option<&str> {
        self.by.as_deref()
    }

    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub fn is_empty(&self) -> bool {
        self.by.is_none() && self.reason.is_none()
    }
}

impl Inputs {
    /// What was said with the manifest of `name`.
    pub fn note(&self, name: &JobName) -> Option<&UploadNote> {
        let verdict = self.manifests.iter().find(|verdict| verdict.stem.as_ref() == Some(name))?;
        self.notes.get(&verdict.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_there_is_short_and_harmless() {
        let note = UploadNote::new(Some(" anna\u{1b}[31m "), Some(&format!("a\nb{}", "ä".repeat(1000))));
        assert_eq!(note.by(), Some("anna [31m"));
        assert_eq!(note.reason().map(|reason| (reason.chars().count(), reason.starts_with("a b"))), Some((251, true)));
        assert!(UploadNote::new(Some(" "), Some("\n")).is_empty() && UploadNote::new(None, None).is_empty());
    }
}
