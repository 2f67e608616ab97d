//! Which folder `queries` on the way to a path is the project's own: the outermost below the current folder, else the
//! innermost, as what is above the project may be called the same. Must not know what any file holds.

use std::path::{Component, Path, PathBuf};

use crate::error::CliError;
use crate::folders::QUERIES;

/// What a path leads through, from the current folder on if it leads into a folder `queries` there.
struct Way {
    parts: Vec<String>,
    is_here: bool,
}

impl Way {
    fn to(path: &Path) -> Self {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let here = std::env::current_dir().unwrap_or_default();
        Self::from(&here, &absolute)
    }

    fn from(here: &Path, absolute: &Path) -> Self {
        let inner = absolute.strip_prefix(here).map(parts).unwrap_or_default();
        if inner.iter().any(|part| part == QUERIES) {
            return Self { parts: inner, is_here: true };
        }
        Self { parts: parts(absolute), is_here: false }
    }

    /// Which part is the project's folder `queries`.
    fn at(&self) -> Option<usize> {
        let mut parts = self.parts.iter();
        let is_queries = |part: &String| part == QUERIES;
        if self.is_here { parts.position(is_queries) } else { parts.rposition(is_queries) }
    }
}

/// What lies below the project's folder `queries` on the way to `path`.
pub(crate) fn below_queries(path: &Path) -> Option<String> {
    let way = Way::to(path);
    let rest = way.parts.get(way.at()? + 1..)?;
    (!rest.is_empty()).then(|| rest.join("/"))
}

/// Whether a path is the project's folder `queries` or lies in it, whatever folders there are called.
pub(crate) fn is_in_queries(path: &Path) -> bool {
    let way = Way::to(path);
    way.is_here && way.at().is_some()
}

/// The folder with the manifests that a folder means: its `queries` if it has one, else itself.
pub(crate) fn root_of(folder: &Path) -> PathBuf {
    let queries = folder.join(QUERIES);
    if queries.is_dir() && !is_in_queries(folder) { queries } else { folder.to_owned() }
}

/// Whether a folder with manifests says which uploads belong to it. Wrong usage where two folders may be the project's.
pub(crate) fn says_what_is_there(root: &Path) -> Result<bool, CliError> {
    let way = Way::to(root);
    let named = way.parts.iter().filter(|part| *part == QUERIES).count();
    if named > 1 && !way.is_here {
        let message =
            format!("`{}` has two folders `{QUERIES}` on its way: which one is the project's?", root.display());
        return Err(CliError::usage(message, "run this in the project's folder"));
    }
    Ok(named > 0)
}

/// The names on a path.
pub(crate) fn parts(path: &Path) -> Vec<String> {
    let normal = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
    };
    path.components().filter_map(normal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn the_outermost_folder_below_the_current_one_is_the_projects() {
        let inner = |path: &str| below_queries(Path::new(path));
        assert_eq!(inner("queries/team/queries/a.yaml").as_deref(), Some("team/queries/a.yaml"));
        assert_eq!(inner("project/queries/a.yaml").as_deref(), Some("a.yaml"));
        assert_eq!((inner("queries"), inner("other/a.yaml")), (None, None));
        assert!(is_in_queries(Path::new("queries")) && is_in_queries(Path::new("queries/config")));
        assert!(!is_in_queries(Path::new("config")) && !is_in_queries(Path::new(".")));
        assert!(says_what_is_there(Path::new("queries/team/queries")).unwrap());
        assert!(!says_what_is_there(Path::new("plain")).unwrap());
    }

    /// As where somebody works in a team's folder.
    #[test]
    fn the_current_folder_may_lie_in_it() {
        for (here, inner) in [("/x/queries/team", "team/a.yaml"), ("/x/queries", "team/a.yaml"), ("/x", "team/a.yaml")]
        {
            let way = Way::from(Path::new(here), Path::new("/x/queries/team/a.yaml"));
            assert_eq!(way.parts[way.at().unwrap() + 1..].join("/"), inner, "{here}");
        }
        assert_eq!(Way::from(Path::new("/x"), Path::new("/x/plain/a.yaml")).at(), None);
    }

    #[test]
    fn elsewhere_it_is_the_innermost_and_nothing_is_pruned_where_there_are_two() {
        let inner = |path: &str| below_queries(Path::new(path));
        assert_eq!(inner("/x/queries/project/queries/a.yaml").as_deref(), Some("a.yaml"));
        assert!(!is_in_queries(Path::new("/x/queries/project")));
        assert!(says_what_is_there(Path::new("/x/queries")).unwrap());
        let error = says_what_is_there(Path::new("/x/queries/project/queries")).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
    }
}
