//! The workspace's sources and manifests as text: the code of a file, the paths that it names, what a package depends on.
//! Must not know what is allowed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files below a folder.
pub fn below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(below(&path)?);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The code of a file: without comments, without what its literals hold, without what is compiled for tests only.
pub fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = match next {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => {
                code.push_str("\"\"");
                string(rest)
            }
            'r' if !code.ends_with(is_word) && raw_string(rest).is_some() => {
                code.push_str("\"\"");
                raw_string(rest).unwrap_or(rest.len())
            }
            '\'' => character(rest),
            _ => 0,
        };
        let taken = if skipped == 0 { next.len_utf8() } else { skipped };
        if skipped == 0 {
            code.push(next);
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    without_tests(&code)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How long the string literal is that a text begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// How long the raw string literal is that a text begins with, if it begins with one.
fn raw_string(text: &str) -> Option<usize> {
    let hashes = text.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    let begun = 1 + hashes + 1;
    let inner = text.get(..begun)?.ends_with('"').then(|| text.get(begun..)).flatten()?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(inner.find(&end).map_or(text.len(), |at| begun + at + end.len()))
}

/// How long the character literal is that a text begins with; none for a lifetime.
fn character(text: &str) -> usize {
    let inner = text.get(1..).unwrap_or_default();
    match inner.chars().next() {
        Some('\\') => inner.get(2..).and_then(|rest| rest.find('\'')).map_or(0, |end| end + 4),
        Some(c) if inner.get(c.len_utf8()..).is_some_and(|rest| rest.starts_with('\'')) => c.len_utf8() + 2,
        Some(_) | None => 0,
    }
}

/// Each item after `#[cfg(test)]` up to its end is left out.
fn without_tests(code: &str) -> String {
    let mut parts = code.split("#[cfg(test)]");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.get(item(part)..).unwrap_or_default());
    }
    kept
}

/// How long the item is that a text begins with: up to its semicolon, or up to the brace that closes it.
fn item(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Every path that the code of a file names: those of its `use` lines, written out, and those that stand elsewhere.
pub fn paths(code: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut others = String::new();
    let mut rest = code;
    while let Some((before, after)) = next_use(rest) {
        let (tree, left) = after.split_once(';').unwrap_or((after, ""));
        others.push_str(before);
        let tree: Vec<&str> = tree.split_whitespace().collect();
        write_out("", &tree.join(" "), &mut paths);
        rest = left;
    }
    others.push_str(rest);
    let mut path = String::new();
    for c in others.chars().chain([' ']) {
        if is_word(c) || c == ':' {
            path.push(c);
            continue;
        }
        let named = path.trim_matches(':');
        if named.contains("::") {
            paths.insert(named.to_owned());
        }
        path.clear();
    }
    paths
}

/// What stands before and after the next `use` that is a word of its own.
fn next_use(code: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(at) = code.get(from..)?.find("use ").map(|at| from + at) {
        let before = code.get(..at)?;
        if !before.ends_with(is_word) {
            return Some((before, code.get(at + 4..)?));
        }
        from = at + 4;
    }
    None
}

/// `a::{b, c::{d, e as f}}` becomes `a::b`, `a::c::d`, `a::c::e`.
fn write_out(before: &str, tree: &str, paths: &mut BTreeSet<String>) {
    let tree = tree.trim();
    let Some((head, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        if !path.is_empty() {
            paths.insert(format!("{before}{path}"));
        }
        return;
    };
    let before = format!("{before}{}", head.trim());
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    let (mut depth, mut begun) = (0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                write_out(&before, inner.get(begun..at).unwrap_or_default(), paths);
                begun = at + 1;
            }
            _ => {}
        }
    }
    write_out(&before, inner.get(begun..).unwrap_or_default(), paths);
}

/// What a package is built of, by the text of its manifest: the names of all dependencies but those of its tests.
pub fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut section: Vec<&str> = Vec::new();
    for line in manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            section = segments(header.trim_matches(['[', ']']));
            found.extend(built_of(&section).and_then(|below| below.first()).map(|name| (*name).to_owned()));
            continue;
        }
        let Some(below) = built_of(&section) else { continue };
        let Some((key, value)) = line.split_once('=') else { continue };
        // Under another name it is still that package.
        let renamed = |text: &str| text.split('"').nth(1).map(str::to_owned);
        match below {
            [] => {
                found.extend(segments(key.trim()).first().map(|name| (*name).to_owned()));
                found.extend(value.split("package").nth(1).and_then(renamed));
            }
            [_, ..] if key.trim() == "package" => found.extend(renamed(value)),
            [_, ..] => {}
        }
    }
    found
}

/// What comes after the section of dependencies in the name of a table, if it is one of what a package is built of.
fn built_of<'a>(section: &'a [&'a str]) -> Option<&'a [&'a str]> {
    let at = section.iter().position(|part| ["dependencies", "build-dependencies"].contains(part))?;
    section.get(at + 1..)
}

/// The parts of a dotted key; a part in quotes is one.
fn segments(key: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begun, mut quote) = (0, None);
    for (at, c) in key.char_indices() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('.', None) => {
                parts.push(&key[begun..at]);
                begun = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&key[begun..]);
    parts.into_iter().map(|part| part.trim().trim_matches(['"', '\''])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn code_is_neither_comment_nor_literal_nor_test() {
        let text = "//! std::fs\nfn a<'a>(b: &'a str) { /* std::env */ c(\"std::net \\\" x\", '\"', '\\'', r#\"std::io\"#) }\n\
                    #[cfg(test)]\nuse std::process;\n#[cfg(test)]\nmod tests { fn d() { std::time::now() } }\nfn e() {}\n";
        let code = code(text);
        assert!(!code.contains("std::"), "{code}");
        assert!(code.contains("fn a<'a>") && code.contains("fn e() {}"), "{code}");
    }

    #[test]
    fn every_way_to_name_a_path_is_seen() {
        let code = code(
            "use std::{env, fs::{self as files, File}, io::*};\npub(crate) use super::b::{self, c::D};\n\
             fn f() { use crate::x::Y; crate::a::g(1); let z: super::h::I<std::net::IpAddr> = reuse; }",
        );
        let expected = [
            "std::env",
            "std::fs::self",
            "std::fs::File",
            "std::io::*",
            "super::b::self",
            "super::b::c::D",
            "crate::x::Y",
            "crate::a::g",
            "super::h::I",
            "std::net::IpAddr",
        ];
        assert_eq!(paths(&code), set(&expected));
    }

    #[test]
    fn every_way_to_depend_on_a_package_is_seen() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\n# b = \"1\"\nc.workspace = true\n\
                        d = { package = \"e\", version = \"1\" }\n[build-dependencies]\nf = \"1\"\n\
                        [target.'cfg(target_os = \"linux\")'.dependencies]\ng = \"1\"\n[dependencies.h]\nversion = \"1\"\n\
                        package = \"i\"\n[dev-dependencies]\nj = \"1\"\n[features]\nk = [\"dep:a\"]\n";
        assert_eq!(dependencies(manifest), set(&["a", "c", "d", "e", "f", "g", "h", "i"]));
    }
}
