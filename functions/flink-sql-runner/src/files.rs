//! Manifests and configuration on this machine: which files a path means, and reading them.
//! Must not know what is wrong with them, nor the bucket.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use desired::diagnostics::SourceFile;
use desired::digest::Digest;
use desired::inputs::{InputFile, InputFiles, Unread, UnreadFile};
use desired::target::TIMESTAMP_FIELD;

use crate::error::CliError;
use crate::folders::{CONFIG, PARAMS, QUERIES, SESSION, TABLES, TEMPLATE};
use crate::place::{is_in_queries, root_of};

/// Which files are read.
pub(crate) const NAMES: &str = "manifests end in .yaml or .yml; config/ has job-template.yaml, params.yaml, \
    session.yaml and tables/*.sql";
/// How far above a file that lies in no folder with a layout its configuration is looked for.
const LEVELS: usize = 4;
/// How deep folders are walked: links may lead in circles.
const DEPTH: usize = 32;

/// Where the configuration for some manifests comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configuration {
    /// The job template.
    pub(crate) template: Option<PathBuf>,
    /// The table definitions, in the order they run.
    pub(crate) tables: Vec<PathBuf>,
    /// The file of the parameters.
    pub(crate) params: Option<PathBuf>,
    /// Parameters given beside the file.
    pub(crate) extra_params: BTreeMap<String, String>,
}

impl Configuration {
    /// What a `config` folder holds.
    pub(crate) fn of_folder(folder: &Path) -> Result<Self, CliError> {
        let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        let tables = folder.join(TABLES);
        let tables = if tables.is_dir() { files(&tables, &is_sql)? } else { Vec::new() };
        Ok(Self { template: file(TEMPLATE), tables, params: file(PARAMS), extra_params: BTreeMap::new() })
    }
}

/// Reads manifests with their configuration.
pub(crate) fn read_all(manifests: &[PathBuf], configuration: &Configuration) -> InputFiles {
    let (mut unread_queries, mut unread_config) = (Vec::new(), Vec::new());
    let queries = manifests.iter().filter_map(|path| read_or_note(path, &mut unread_queries)).collect();
    let mut optional = |path: &Option<PathBuf>| path.as_deref().and_then(|path| read_or_note(path, &mut unread_config));
    let (template, params) = (optional(&configuration.template), optional(&configuration.params));
    let tables = configuration.tables.iter().filter_map(|path| read_or_note(path, &mut unread_config)).collect();
    InputFiles {
        queries,
        unread_queries,
        unread_config,
        template,
        tables,
        params,
        extra_params: configuration.extra_params.clone(),
        timestamp_field: TIMESTAMP_FIELD.to_owned(),
        ..InputFiles::default()
    }
}

/// A file; one that cannot be read is noted among `unread`: it is refused, and no other.
fn read_or_note(path: &Path, unread: &mut Vec<UnreadFile>) -> Option<InputFile> {
    let noted = |error: CliError| UnreadFile { file: shown(path), etag: String::new(), why: Unread::Here(why(&error)) };
    read(path).map_err(|error| unread.push(noted(error))).ok()
}

/// Why a file cannot be read, in a line.
pub(crate) fn why(error: &CliError) -> String {
    let causes = error.causes().join(": ");
    if causes.is_empty() { error.to_string() } else { causes }
}

/// One file, named as people see it, its version a digest of its content.
pub(crate) fn read(path: &Path) -> Result<InputFile, CliError> {
    let bytes = bytes(path)?;
    let etag = Digest::of(&bytes).to_string();
    Ok(InputFile { file: SourceFile::new(shown(path), bytes), etag })
}

/// What a file of a project holds.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    within(path, path.parent().unwrap_or(path))?;
    open(path)?.read_to_end(&mut bytes).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// A file for reading; what is no file, as a pipe, may never end.
pub(crate) fn open(path: &Path) -> Result<File, CliError> {
    let wrong = |source| CliError::File { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(wrong)?.is_file() {
        return Err(wrong(std::io::Error::new(ErrorKind::InvalidInput, "it is no regular file")));
    }
    File::open(path).map_err(wrong)
}

/// A link may lead anywhere below the current folder or below `root`. What lies elsewhere, as a secret of the machine that
/// checks a pull request, is never read because of a link.
fn within(path: &Path, root: &Path) -> Result<(), CliError> {
    if !path.is_symlink() {
        return Ok(());
    }
    let wrong = |source| CliError::File { path: path.to_owned(), source };
    let real = path.canonicalize().map_err(wrong)?;
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let allowed = [Path::new("."), root].map(Path::canonicalize);
    if allowed.iter().flatten().any(|folder| real.starts_with(folder)) {
        return Ok(());
    }
    Err(CliError::usage(
        format!("`{}` is a link that leads out of its folder and of the current one", shown(path)),
        "put a copy of the file there, or run this in a folder that holds both",
    ))
}

/// A path as people see it: relative to where they are, if it lies under there.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).to_string_lossy().into_owned()
}

/// Whether a file is a manifest by its name.
pub(crate) fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Whether a file holds table definitions by its name.
pub(crate) fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// Whether a folder is a `config` folder: it has one of the files that are read there, and is no folder of manifests.
pub(crate) fn is_config(path: &Path) -> bool {
    let has_one =
        || [TEMPLATE, PARAMS, SESSION].iter().any(|name| path.join(name).is_file()) || path.join(TABLES).is_dir();
    path.file_name().is_some_and(|name| name == CONFIG) && !is_in_queries(path) && has_one()
}

/// The `config` folder beside or above a path.
pub(crate) fn config_near(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    // However deep it lies in `tables/` or `queries/`.
    let inside = |(level, folder): &(usize, &Path)| {
        is_config(folder) && (*level < LEVELS || path.starts_with(folder.join(TABLES)))
    };
    if let Some((_, config)) = path.ancestors().enumerate().find(inside) {
        return Some(config.to_owned());
    }
    let levels = path.ancestors().position(|folder| folder.ends_with(QUERIES)).map_or(LEVELS, |at| LEVELS.max(at + 2));
    path.ancestors().take(levels).map(|folder| folder.join(CONFIG)).find(|config| is_config(config))
}

/// The manifests that a path means: a file itself, a folder's `queries/` if it has one, else all in the folder.
pub(crate) fn manifests(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if path.is_file() {
        let config =
            config_near(path).is_some_and(|config| std::path::absolute(path).is_ok_and(|p| p.starts_with(config)));
        return Ok(if config || !is_manifest(path) { Vec::new() } else { vec![path.to_owned()] });
    }
    if is_config(path) {
        return Ok(Vec::new());
    }
    files(&root_of(path), &is_manifest)
}

/// The files that a path means and that nobody reads: a manifest's name ends otherwise, a file of `config` is called
/// otherwise. Texts for people are meant to lie there; in a folder that holds anything only those are told that look like
/// manifests.
pub(crate) fn never_read(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    let is_text = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("md"));
    if path.is_file() {
        let inside = |config: &PathBuf| std::path::absolute(path).is_ok_and(|path| path.starts_with(config));
        let read = match config_near(path).filter(inside) {
            Some(config) => is_read_below(&config, path),
            None => is_manifest(path),
        };
        return Ok(if read { Vec::new() } else { vec![path.to_owned()] });
    }
    let config = if is_config(path) { Some(path.to_owned()) } else { Some(path.join(CONFIG)).filter(|p| is_config(p)) };
    let mut found = Vec::new();
    if let Some(config) = &config {
        walk(config, &|file| !is_read_below(config, file) && !is_text(file), DEPTH, &mut found)?;
    }
    if !is_config(path) {
        let root = root_of(path);
        if root.ancestors().any(|folder| folder.ends_with(QUERIES)) {
            found.extend(files(&root, &|file| !is_manifest(file) && !is_text(file))?);
        } else {
            found.extend(files(path, &|file| !is_manifest(file) && looks_like_manifest(file))?);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file of a `config` folder is one that is read.
fn is_read_below(config: &Path, file: &Path) -> bool {
    let (Ok(config), Ok(file)) = (std::path::absolute(config), std::path::absolute(file)) else { return false };
    let named = [TEMPLATE, PARAMS, SESSION].iter().any(|name| file == config.join(name));
    named || (is_sql(&file) && file.starts_with(config.join(TABLES)))
}

/// Whether a file would be a manifest if its name were written in small letters.
pub(crate) fn is_spelled_otherwise(path: &Path) -> bool {
    let ends = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
    !is_manifest(path) && ["yaml", "yml"].into_iter().any(ends)
}

/// Whether somebody may have meant a file to be a manifest.
fn looks_like_manifest(path: &Path) -> bool {
    let ends = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
    ["yaml", "yml", "json"].into_iter().any(ends)
}

/// The files under a folder that are wanted, in order, without `config` folders and hidden ones.
pub(crate) fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>, CliError> {
    let mut found = Vec::new();
    walk(folder, wanted, DEPTH, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, wanted: &dyn Fn(&Path) -> bool, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let wrong = |source| CliError::File { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() {
            if depth > 0 && !hidden && !is_config(&path) {
                within(&path, folder)?;
                walk(&path, wanted, depth - 1, found)?;
            }
        } else if !hidden && wanted(&path) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::exit::Exit;

    /// As in a pull request that adds a link to a file with a token.
    #[test]
    fn a_link_out_of_the_folder_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("project"), folder.path().join("outside"));
        for folder in [&inside.join("queries"), &inside.join("shared"), &outside] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(outside.join("token.yaml"), "secret").unwrap();
        std::fs::write(inside.join("queries/mine.yaml"), "mine").unwrap();
        symlink("mine.yaml", inside.join("queries/link.yaml")).unwrap();
        assert_eq!(manifests(&inside).unwrap().len(), 2);
        let linked = read(&inside.join("queries/link.yaml")).unwrap();
        assert_eq!(linked.etag, Digest::of(b"mine").to_string());

        symlink(outside.join("token.yaml"), inside.join("queries/token.yaml")).unwrap();
        let error = read(&inside.join("queries/token.yaml")).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("queries/token.yaml"), "{error}");
        std::fs::remove_file(inside.join("queries/token.yaml")).unwrap();
        symlink(&outside, inside.join("queries/folder")).unwrap();
        assert!(manifests(&inside).unwrap_err().to_string().contains("queries/folder"));
    }

    /// Reading a pipe may never end.
    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let error = open(folder.path()).unwrap_err();
        assert_eq!(error.causes(), ["it is no regular file"]);
        assert_eq!(open(Path::new("/dev/zero")).unwrap_err().causes(), ["it is no regular file"]);
    }
}
