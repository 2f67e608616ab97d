//! One page of a listing: prefix, delimiter, start, and at most so many entries.
//! Must not know the versions of the protocol's list calls.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::object::Object;

/// The most entries on one page.
pub(super) const PAGE: usize = 1000;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: &'a str,
    /// Entries after this one only: a key, or a common prefix whose keys are all skipped.
    pub(super) after: &'a str,
    pub(super) limit: usize,
}

/// One entry.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Key(String, Box<Object>),
    Prefix(String),
}

/// One page; `next` is what the following page comes after.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    pub(super) next: Option<String>,
}

/// Lists in key order.
pub(super) fn page(objects: &BTreeMap<String, Object>, query: &Query<'_>) -> Page {
    let mut page = Page::default();
    if query.limit == 0 {
        return page;
    }
    let mut from =
        if query.after >= query.prefix { after(query.after, query) } else { Bound::Included(query.prefix.to_owned()) };
    loop {
        let Some((key, object)) = objects.range((from, Bound::Unbounded)).next() else { return page };
        let Some(rest) = key.strip_prefix(query.prefix) else { return page };
        if page.entries.len() == query.limit {
            page.next = page.entries.last().map(|entry| match entry {
                Entry::Key(key, _) => key.clone(),
                Entry::Prefix(prefix) => prefix.clone(),
            });
            return page;
        }
        let group = if query.delimiter.is_empty() { None } else { rest.find(query.delimiter) };
        if let Some(at) = group {
            let common = key[..query.prefix.len() + at + query.delimiter.len()].to_owned();
            from = past(&common);
            page.entries.push(Entry::Prefix(common));
        } else {
            from = Bound::Excluded(key.clone());
            page.entries.push(Entry::Key(key.clone(), Box::new(object.clone())));
        }
    }
}

/// Where a listing goes on: after a key, or after everything under a common prefix.
fn after(last: &str, query: &Query<'_>) -> Bound<String> {
    let rest = last.strip_prefix(query.prefix).unwrap_or_default();
    let ends_group = !query.delimiter.is_empty()
        && rest.find(query.delimiter).is_some_and(|at| at + query.delimiter.len() == rest.len());
    if ends_group { past(last) } else { Bound::Excluded(last.to_owned()) }
}

/// The first place after every key that starts so: no key holds the highest character.
fn past(prefix: &str) -> Bound<String> {
    Bound::Excluded(format!("{prefix}{}", char::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::object::Attributes;

    fn objects(keys: &[&str]) -> BTreeMap<String, Object> {
        let object = Object::new(bytes::Bytes::new(), Attributes::default());
        keys.iter().map(|key| ((*key).to_owned(), object.clone())).collect()
    }

    fn names(page: &Page) -> Vec<String> {
        let name = |entry: &Entry| match entry {
            Entry::Key(key, _) | Entry::Prefix(key) => key.clone(),
        };
        page.entries.iter().map(name).collect()
    }

    #[test]
    fn a_common_prefix_counts_once_and_is_never_repeated() {
        let objects = objects(&["a", "b", "b/", "b/1", "b/2", "c/x", "d"]);
        let mut after = String::new();
        let mut seen = Vec::new();
        loop {
            let page = page(&objects, &Query { prefix: "", delimiter: "/", after: &after, limit: 1 });
            seen.extend(names(&page));
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(seen, ["a", "b", "b/", "c/", "d"]);
    }

    #[test]
    fn a_last_full_page_has_no_next() {
        let page = page(&objects(&["p/a", "p/b", "q"]), &Query { prefix: "p/", delimiter: "", after: "", limit: 2 });
        assert_eq!(names(&page), ["p/a", "p/b"]);
        assert!(page.next.is_none());
    }

    #[test]
    fn a_start_before_the_prefix_starts_at_the_prefix() {
        let objects = objects(&["a", "p/a", "p/b"]);
        let page = page(&objects, &Query { prefix: "p/", delimiter: "", after: "a", limit: 9 });
        assert_eq!(names(&page), ["p/a", "p/b"]);
    }
}
