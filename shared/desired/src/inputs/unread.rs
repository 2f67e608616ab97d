//! Files that are listed and were not read: why, and what their uploaders are told.
//! Must not know the store; whoever lists and reads says what came of it.

use super::FileVerdict;
use super::misnamed::{misnamed_job, way_out};
use crate::diagnostics::{Diagnostic, Severity};
use crate::inputs::stem;
use crate::manifest::{JobName, MAX_BYTES};

/// How many misnamed files are told one by one: somebody may have copied a whole disk there.
const MOST: usize = 100;

/// A file that is listed and was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadFile {
    pub file: String,
    pub etag: String,
    pub why: Unread,
}

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than any of these files may be.
    TooLarge {
        /// How many bytes it has.
        bytes: u64,
    },
    /// The store refuses it, and would again: the cause and the way out.
    Refused(String),
    /// It lies on this machine, which does not let it be read: the cause.
    Here(String),
    /// The store gave no answer to rely on this time.
    NotNow(String),
    /// It lies among manifests, and its name does not end as theirs do.
    Misnamed {
        /// How many other such files are not told of.
        more: usize,
    },
}

impl Unread {
    /// The refusal of a file of this size, if it is larger than any may be: the listing tells before it is read.
    pub fn for_its_size(bytes: u64) -> Option<Self> {
        let fits = usize::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_BYTES);
        (!fits).then_some(Self::TooLarge { bytes })
    }
}

impl UnreadFile {
    /// The refusals of files by these keys, each with its version, that are called otherwise than manifests; of very many
    /// the last one only counts the others.
    pub fn misnamed(files: impl IntoIterator<Item = (String, String)>) -> Vec<Self> {
        let mut files = files.into_iter();
        let refusal = |(file, etag)| Self { file, etag, why: Unread::Misnamed { more: 0 } };
        let mut told: Vec<Self> = files.by_ref().take(MOST).map(refusal).collect();
        let more = files.count();
        if let Some(last) = told.last_mut() {
            last.why = Unread::Misnamed { more };
        }
        told
    }

    /// Refused, whatever it says inside: nobody knows, so that it is about the job that its stem names.
    pub(super) fn verdict(&self) -> FileVerdict {
        let error = |code: &str, message: String| Diagnostic::new(Severity::Error, code, &self.file, message);
        let finding = match &self.why {
            Unread::TooLarge { bytes } => {
                error("too-large", format!("the file has {bytes} bytes, {MAX_BYTES} is the most"))
                    .with_help("split it: a manifest holds one query, and a table file need not hold all tables")
            }
            Unread::Refused(why) => error("unreadable", format!("the file cannot be read: {why}"))
                .with_help("let the orchestrator read it, or upload it again"),
            Unread::Here(why) => error("unreadable", format!("the file cannot be read: {why}"))
                .with_help("check that it is there and who may read it"),
            Unread::NotNow(why) => error("unreadable", format!("the file could not be read this time: {why}")),
            Unread::Misnamed { more } => {
                let others = if *more == 0 { String::new() } else { format!("; so are {more} more files") };
                error("not-a-manifest", format!("nobody reads it: a manifest's name ends in .yaml or .yml{others}"))
                    .with_help(way_out(&self.file))
            }
        };
        FileVerdict {
            file: self.file.clone(),
            etag: self.etag.clone(),
            stem: stem(&self.file).and_then(|stem| JobName::try_from(stem).ok()),
            named: misnamed_job(&self.file),
            target: None,
            written: None,
            added: Vec::new(),
            findings: vec![finding],
        }
    }

    /// Why nothing can be said of it this time.
    pub(super) fn not_now(&self) -> Option<(String, String)> {
        match &self.why {
            Unread::NotNow(why) => Some((self.file.clone(), why.clone())),
            Unread::TooLarge { .. } | Unread::Refused(_) | Unread::Here(_) | Unread::Misnamed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_misnamed_files_are_told_as_one_number() {
        let files = |n: usize| UnreadFile::misnamed((0..n).map(|i| (format!("queries/{i}.csv"), String::new())));
        assert_eq!(files(2).last().map(|it| &it.why), Some(&Unread::Misnamed { more: 0 }));
        let many = files(1_234);
        assert_eq!((many.len(), many.last().map(|it| &it.why)), (MOST, Some(&Unread::Misnamed { more: 1_134 })));
        let told = many.last().map(|it| it.verdict().findings[0].message.clone());
        assert!(told.is_some_and(|told| told.ends_with("; so are 1134 more files")));
    }
}
