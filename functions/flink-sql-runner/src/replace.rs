//! Replacing a job's uploaded manifest: found by its name, shown as a difference, uploaded unless somebody was first.
//! Must not know what is changed in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use control::ports::{Object, Precondition, Put, Store, UploadNote};
use desired::diagnostics::SourceFile;
use desired::inputs::stem;
use desired::manifest::JobName;
use desired::printable::printable_line;
use lifecycle::keys::Keys;
use orchestrator::actions::{Action, Preview, said};
use similar::TextDiff;

use crate::ask::ask;
use crate::deploy::{self, Done};
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::{Invocation, who};
use crate::ordering::OrderFlags;
use crate::out::Out;
use crate::plan;
use crate::render::{Colour, paint, printable};
use crate::upload::Uploaded;

/// How many unchanged lines are shown around what differs.
const AROUND: usize = 2;
/// The most lines of a difference that are shown.
const MAX_LINES: usize = 200;

/// A job's uploaded manifest as it is now.
pub(crate) struct Present {
    pub(crate) key: String,
    /// The same under the prefix, as people name it.
    pub(crate) path: String,
    pub(crate) object: Object,
}

impl Present {
    pub(crate) fn file(&self) -> SourceFile {
        SourceFile::new(self.path.as_str(), self.object.bytes.as_slice())
    }
}

/// The only uploaded manifest that carries the name.
pub(crate) async fn present(store: &dyn Store, keys: &Keys, name: &JobName) -> Result<Present, CliError> {
    let listed = store.list(&keys.queries()).await?.into_iter().map(|listed| listed.key);
    let found: Vec<String> = listed.filter(|key| stem(key) == Some(name.as_str())).collect();
    let path = |key: &str| key.strip_prefix(keys.prefix()).unwrap_or(key).to_owned();
    match found.as_slice() {
        [key] => {
            let object = store.get(key).await?.ok_or_else(|| not_uploaded(name))?;
            Ok(Present { key: key.clone(), path: path(key), object })
        }
        [] => Err(not_uploaded(name)),
        several => {
            let several: Vec<String> = several.iter().map(|key| path(key)).collect();
            let message = format!("several uploaded manifests carry the name {name}: {}", several.join(", "));
            Err(CliError::usage(message, "delete all but one of them; then run the same again"))
        }
    }
}

fn not_uploaded(name: &JobName) -> CliError {
    let message = format!("no uploaded manifest carries the name {name}");
    let help = format!("`status` lists the jobs; upload one with `deploy PATH`, its file is {name}.yaml");
    CliError::usage(message, help)
}

/// What is said with an upload: by whom and why.
pub(crate) fn note(what: Option<&str>, flags: &OrderFlags) -> Result<UploadNote, CliError> {
    let why = said(flags.reason.clone())?;
    let reason = match (what, why) {
        (Some(what), Some(why)) => Some(format!("{what}: {why}")),
        (what, why) => what.map(str::to_owned).or(why),
    };
    Ok(UploadNote::new(Some(&who()), reason.as_deref()))
}

/// Another text for a job's uploaded manifest.
pub(crate) struct Replacement {
    pub(crate) name: JobName,
    pub(crate) present: Present,
    pub(crate) text: String,
    pub(crate) note: UploadNote,
}

/// Shows the difference, then what it would come to, or uploads the text and follows what comes of it.
pub(crate) async fn replace(
    replacement: Replacement,
    flags: &OrderFlags,
    invocation: &Invocation,
    out: Out,
) -> Result<Exit, CliError> {
    let Replacement { name, present: Present { key, path, object }, text, note } = replacement;
    let before = String::from_utf8_lossy(&object.bytes);
    out.note(&difference(&path, &before, &text));
    if flags.dry_run {
        let files = BTreeMap::from([(path, text)]);
        let asked = Preview { files, ..Preview::of(BTreeSet::from([name])) };
        let answer = plan::plan_of(ask(Action::Plan(asked), invocation).await?)?;
        plan::show(&answer, "Plan", out);
        return Ok(plan::planned(&answer));
    }
    let (store, keys) = (invocation.store().await?, invocation.settings()?.keys);
    let before = deploy::standing(store.as_ref(), &keys, &BTreeSet::from([name.clone()])).await?;
    let same = before_is(&object, &text);
    let bytes = text.into_bytes();
    let put = store.put_noted(&key, bytes.clone(), Precondition::Unchanged(object.etag), &note).await?;
    let etag = match put {
        Put::Written(etag) => etag,
        // Our own write, whose reply was lost, is there as well.
        Put::Conflict => match store.get(&key).await? {
            Some(object) if object.bytes == bytes => object.etag,
            Some(_) => return Err(CliError::Overtaken { path, how: "changed" }),
            None => return Err(CliError::Overtaken { path, how: "deleted" }),
        },
    };
    let uploaded = vec![Uploaded { file: path, key, etag: etag.0, same, job: Some(name) }];
    let done = Done { uploaded, removed: Vec::new(), answer: None, before };
    deploy::finish(done, (store, keys), invocation.deadline, out).await
}

fn before_is(object: &Object, text: &str) -> bool {
    object.bytes == text.as_bytes()
}

/// What differs, with the lines around it.
fn difference(path: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let unified = diff.unified_diff().context_radius(AROUND).header(path, path).to_string();
    let mut text = String::new();
    let lines: Vec<&str> = unified.lines().collect();
    for line in lines.iter().take(MAX_LINES) {
        let shown = printable_line(line.trim_end_matches('\r'));
        let _ = match line.chars().next() {
            Some('+') => writeln!(text, "{}", paint(Colour::Green, &shown)),
            Some('-') => writeln!(text, "{}", paint(Colour::Red, &shown)),
            Some(_) | None => writeln!(text, "{shown}"),
        };
    }
    if lines.len() > MAX_LINES {
        let _ = writeln!(text, "… {} lines more", lines.len() - MAX_LINES);
    }
    if text.is_empty() { format!("{} stays as it is\n", printable(path)) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_the_lines_around_it_and_steers_no_terminal() {
        let before = "# \x1b[2J\r\nname: a\r\nowner: b\r\nsql: x\r\nc: d\r\ne: f\r\n";
        let after = before.replace("owner: b\r\n", "owner: b\r\nstate: suspended\r\n");
        insta::assert_snapshot!(anstream::adapter::strip_str(&difference("queries/a.yaml", before, &after)), @r"
        --- queries/a.yaml
        +++ queries/a.yaml
        @@ -2,4 +2,5 @@
         name: a
         owner: b
        +state: suspended
         sql: x
         c: d
        ");
        assert_eq!(difference("queries/a.yaml", before, before), "queries/a.yaml stays as it is\n");
        let long = (0..500).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        assert!(difference("a", "", &long).ends_with("… 303 lines more\n"));
    }
}
