//! Files that lie among manifests and are called otherwise: which of them are told, and how each should be called.
//! Must not know the store, nor what the files hold.

use crate::manifest::JobName;

/// The endings that somebody may have meant as a manifest's, the longest first.
const MEANT: [&str; 6] = [".yaml.txt", ".yml.txt", ".yaml", ".yml", ".json", ".txt"];
/// The ending that says nothing of manifests: notes may be called after a job.
const TEXT: &str = ".txt";
/// What editors, systems and Hadoop leave behind, and texts for people.
const LEFT_ALONE: [&str; 11] =
    ["~", ".md", ".swp", ".swo", ".bak", ".orig", ".rej", ".tmp", "_$folder$", "thumbs.db", "desktop.ini"];

/// Whether a file below `queries/` is told because nobody reads it: it is no manifest, no folder's marker, and nothing that
/// editors and systems leave behind.
pub fn is_misnamed(path: &str) -> bool {
    let file = file_of(path);
    let lower = file.to_ascii_lowercase();
    let hidden = path.split('/').any(|segment| segment.starts_with('.'));
    let swap = file.starts_with('#') && file.ends_with('#');
    !file.is_empty()
        && !hidden
        && !swap
        && super::stem(path).is_none()
        && !LEFT_ALONE.iter().any(|end| lower.ends_with(end))
}

/// The job that such a file may be about.
pub fn misnamed_job(path: &str) -> Option<JobName> {
    let (stem, end) = parts(path)?;
    JobName::try_from(stem).ok().filter(|_| is_misnamed(path) && end != TEXT)
}

/// How to call the file, as far as its name tells.
pub(super) fn way_out(path: &str) -> String {
    match parts(path) {
        Some((stem, TEXT)) => format!("rename it to {stem}.yaml if it is a manifest; else move it out of queries/"),
        Some((stem, _)) => format!("rename it to {stem}.yaml"),
        None => "rename it to NAME.yaml if it is a manifest; else move it out of queries/".to_owned(),
    }
}

fn file_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn parts(path: &str) -> Option<(&str, &'static str)> {
    let file = file_of(path);
    let lower = file.to_ascii_lowercase();
    let end = MEANT.into_iter().find(|end| lower.ends_with(end))?;
    let stem = file.get(..file.len() - end.len())?;
    (!stem.is_empty()).then_some((stem, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_may_have_meant_as_a_manifest_is_told_with_its_right_name() {
        for (path, job, way_out_of_it) in [
            ("p/queries/orders.YAML", Some("orders"), "rename it to orders.yaml"),
            ("p/queries/team/orders.Yml", Some("orders"), "rename it to orders.yaml"),
            ("queries/orders.yml.txt", Some("orders"), "rename it to orders.yaml"),
            ("queries/orders.YAML.TXT", Some("orders"), "rename it to orders.yaml"),
            ("queries/orders.json", Some("orders"), "rename it to orders.yaml"),
            ("queries/a b.json", None, "rename it to a b.yaml"),
            ("queries/orders.txt", None, "rename it to orders.yaml if it is a manifest; else move it out of queries/"),
            ("queries/orders", None, "rename it to NAME.yaml if it is a manifest; else move it out of queries/"),
            ("queries/orders.sql", None, "rename it to NAME.yaml if it is a manifest; else move it out of queries/"),
        ] {
            assert!(is_misnamed(path), "{path}");
            assert_eq!(misnamed_job(path).as_ref().map(JobName::as_str), job, "{path}");
            assert_eq!(way_out(path), way_out_of_it, "{path}");
        }
    }

    #[test]
    fn manifests_markers_and_what_editors_leave_are_not_told() {
        for path in [
            "queries/orders.yaml",
            "queries/orders.yml",
            "queries/",
            "queries/team/",
            "queries/team_$folder$",
            "queries/.yaml",
            "queries/.DS_Store",
            "queries/.git/config",
            "queries/.orders.yaml.swp",
            "queries/orders.yaml~",
            "queries/#orders.yaml#",
            "queries/orders.yaml.bak",
            "queries/Thumbs.db",
            "queries/README.md",
        ] {
            assert!(!is_misnamed(path), "{path}");
            assert_eq!(misnamed_job(path), None, "{path}");
        }
    }
}
