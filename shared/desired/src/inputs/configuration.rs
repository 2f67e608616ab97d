//! Which configuration manifests were judged with, as one short text to compare.
//! Must not know what the files say.

use std::collections::BTreeSet;

use super::Inputs;
use crate::digest::Digest;

impl Inputs {
    /// Which configuration was read.
    pub fn configuration(&self) -> String {
        configuration(self.config.iter().map(|verdict| (verdict.file.as_str(), verdict.etag.as_str())))
    }
}

/// A configuration by its files, each with its version: the same text for the same ones, in whatever order.
pub fn configuration<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let files: BTreeSet<(&str, &str)> = files.into_iter().collect();
    let lines: Vec<String> = files.into_iter().map(|(file, etag)| format!("{file} {etag}")).collect();
    Digest::of(lines.join("\n").as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_and_version_counts_and_no_order() {
        let (one, other) = (("config/params.yaml", "1"), ("config/tables/t.sql", "1"));
        assert_eq!(configuration([one, other]), configuration([other, one, one]));
        let others = [vec![one], vec![other], vec![one, ("config/tables/t.sql", "2")], Vec::new()];
        for files in others {
            assert_ne!(configuration(files.clone()), configuration([one, other]), "{files:?}");
        }
    }
}
