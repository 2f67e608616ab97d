//! The names of a project's folders and files on this machine: those of the bucket under its prefix.
//! Must not know what any of them holds.

/// The folder of the manifests.
pub(crate) const QUERIES: &str = "queries";
/// The folder of the configuration.
pub(crate) const CONFIG: &str = "config";
/// The folder of the table definitions, inside that of the configuration.
pub(crate) const TABLES: &str = "tables";
/// The job template's file name.
pub(crate) const TEMPLATE: &str = "job-template.yaml";
/// The parameters' file name.
pub(crate) const PARAMS: &str = "params.yaml";
/// The file of what a session is started with.
pub(crate) const SESSION: &str = "session.yaml";

/// The path of what lies in a folder.
pub(crate) fn under(folder: &str, inner: &str) -> String {
    format!("{folder}/{inner}")
}

/// Whether a path leads into a folder.
pub(crate) fn is_under(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|inner| inner.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use lifecycle::keys::Keys;

    use super::*;
    use crate::files::NAMES;

    #[test]
    fn folders_are_called_as_in_the_bucket() {
        let keys = Keys::new("");
        let config = |inner: &str| under(CONFIG, inner);
        assert_eq!([under(QUERIES, ""), config("")], [keys.queries(), keys.config()]);
        assert_eq!(config(&under(TABLES, "")), keys.tables());
        assert_eq!([config(TEMPLATE), config(PARAMS)], [keys.template(), keys.params()]);
        assert_eq!(config(SESSION), keys.session_settings());
        assert!([CONFIG, TABLES, TEMPLATE, PARAMS, SESSION].iter().all(|name| NAMES.contains(name)), "{NAMES}");
    }

    #[test]
    fn only_what_lies_in_a_folder_is_under_it() {
        assert!(is_under("queries/a.yaml", QUERIES) && is_under("queries/", QUERIES));
        assert!(!is_under("queries-old/a.yaml", QUERIES) && !is_under("queries", QUERIES));
    }
}
