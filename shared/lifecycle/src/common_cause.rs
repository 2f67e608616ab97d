//! What makes the troubles of several jobs one: the same words, or the same change of what they share.
//! Must not know how anybody is told.

use desired::digest::Digest;
use desired::manifest::JobName;
use desired::target::Target;

use crate::alert_conditions::kind::AlertKind;
use crate::asked_by::CONFIGURATION_UPLOAD;
use crate::documents::record::Record;
use crate::owed::{Debt, Purpose};

/// How many causes one trouble may have in common with others.
const MOST: usize = 8;
/// How many characters of a digest name a cause.
const DIGITS: usize = 16;

/// The causes that a debt of a job may have in common with debts of other jobs.
pub(crate) fn of_debt(kind: AlertKind, record: &Record, purpose: Purpose, debt: &Debt) -> Vec<String> {
    let words = in_common(kind, &record.name, &debt.error);
    let changed = if purpose == Purpose::Apply { shared_changes(kind, record, debt) } else { Vec::new() };
    std::iter::once(words).chain(changed).take(MOST).collect()
}

/// The one that whatever lacks slots has in common.
pub(crate) fn of_slots() -> String {
    key(AlertKind::NoCapacity, "slots", &[])
}

/// The cause that a text names: the same for texts that differ in names of their jobs, in numbers and in ids only.
pub(crate) fn in_common(kind: AlertKind, job: &JobName, text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    key(kind, "words", &[&without_what_differs(job, line)])
}

fn without_what_differs(job: &JobName, line: &str) -> String {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    // A name may hold a dot, which ends a word.
    let line = if job.as_str().contains('.') { line.replace(job.as_str(), "@") } else { line.to_owned() };
    let mut told = String::new();
    let mut rest = line.as_str();
    while let Some(first) = rest.chars().next() {
        if let Some(after) = after_actor_name(&told, rest) {
            told.push('#');
            rest = after;
            continue;
        }
        let of_word = is_of_word(first);
        let ends = |&(at, c): &(usize, char)| at > 0 && (is_of_word(c) != of_word || c == '$');
        let end = rest.char_indices().find(ends).map_or(rest.len(), |(at, _)| at);
        let (word, after) = rest.split_at(end);
        match word {
            word if word == job.as_str() => told.push('@'),
            word if word.contains(|c: char| c.is_ascii_digit()) => told.push('#'),
            word => told.push_str(word),
        }
        rest = after;
    }
    told
}

/// What follows the name that Flink drew for an actor, if `rest` begins with one: `$kDc` after a slash or a numbered word,
/// of letters that need not hold a digit. A nested class (`Outer$Inner`) is none.
fn after_actor_name<'a>(told: &str, rest: &'a str) -> Option<&'a str> {
    let name = rest.strip_prefix('$').filter(|_| told.ends_with(['/', '#']))?;
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '+' || c == '~')).unwrap_or(name.len());
    (end > 0).then(|| &name[end..])
}

/// What the target that was not applied changed beside the job's own query: definitions of tables, and options that came
/// of `config/`.
fn shared_changes(kind: AlertKind, record: &Record, debt: &Debt) -> Vec<String> {
    let wanted = record.owed.apply.as_ref().and_then(|apply| apply.target.as_deref());
    let (Some(new), Some(old)) = (wanted, record.deployed.as_ref().map(|deployed| &deployed.target)) else {
        return Vec::new();
    };
    let own = |target: &Target| (target.manifest.body.clone(), target.manifest.target_table.clone());
    if own(old) != own(new) {
        return Vec::new();
    }
    let known = |sql: &str| old.definitions.iter().any(|definition| definition.sql == sql);
    let definitions = new.definitions.iter().filter(|definition| !known(&definition.sql));
    let definitions = definitions.map(|definition| key(kind, "definition", &[&definition.origin, &definition.sql]));
    let properties = |target: &Target, other: &Target| {
        let differ =
            target.manifest.properties.iter().filter(|(name, value)| {
                other.manifest.properties.get(*name).is_none_or(|other| other.text != value.text)
            });
        differ.map(|(name, value)| format!("{name}={}", value.text)).collect::<Vec<_>>().join("\n")
    };
    let (added, removed) = (properties(new, old), properties(old, new));
    let entry = record.history.iter().rev().find(|entry| entry.operation == debt.operation);
    let of_config = entry.is_some_and(|entry| entry.by == CONFIGURATION_UPLOAD);
    let options = (of_config && added != removed).then(|| key(kind, "options", &[&removed, &added]));
    definitions.chain(options).collect()
}

fn key(kind: AlertKind, what: &str, parts: &[&str]) -> String {
    let text = [&[kind.as_str(), what], parts].concat().join("\u{0}");
    let mut digest = Digest::of(text.as_bytes()).to_string();
    digest.truncate(DIGITS);
    digest
}

#[cfg(test)]
mod tests {
    use desired::diagnostics::SourceFile;
    use desired::inputs::{Desired, InputFile, InputFiles, Inputs};
    use desired::manifest::{Meta, Policy};
    use desired::tables::{Definition, TableRole};

    use super::*;
    use crate::documents::record::{Aim, Deployed, Source};
    use crate::ids::{Nonce, OperationId};
    use crate::owed::{ApplyDebt, Cause};

    fn same(one: (&str, &str), other: (&str, &str)) -> bool {
        let of = |(job, text): (&str, &str)| {
            let job = JobName::try_from(job).unwrap();
            in_common(AlertKind::OperationFailed, &job, text)
        };
        of(one) == of(other)
    }

    #[test]
    fn texts_that_differ_in_names_numbers_and_ids_name_one_cause() {
        let text = |job: &str, line: u32, id: &str| {
            format!("{job} does not compile: line {line}, column 8: no column `x` (s3://b/{job}/{id})\nat Y")
        };
        assert!(same(("orders", &text("orders", 3, "chk-7f")), ("clicks", &text("clicks", 14, "chk-9"))));
        assert!(same(("a.eu", &text("a.eu", 3, "1")), ("b.us", &text("b.us", 3, "1"))));
        assert!(same(("a", "x\nfirst"), ("b", "x\nsecond")), "the first line counts");
        assert!(!same(("a", "no column `x`"), ("b", "no column `y`")));
        // A name that is a part of a word is none.
        assert!(!same(("a", "a table"), ("b", "a tbble")));
    }

    /// Flink names who asks and who is asked with letters drawn anew each time.
    #[test]
    fn names_of_actors_tell_no_cause_from_another() {
        let text = |of: &str, from: &str| {
            format!("no savepoint: Recipient [pekko://flink/user/rpc/taskmanager_0{of}] of [pekko://flink/temp/{from}]")
        };
        assert!(same(("a", &text("$XAc", "$kDc")), ("b", &text("$b~", "$z+"))));
        assert!(!same(("a", "IOException: Outer$Inner"), ("b", "IOException: Outer$Other")), "nested classes");
        assert!(!same(("a", "it costs /$ x"), ("b", "it costs /$ y")), "no name");
    }

    #[test]
    fn kinds_are_told_of_apart() {
        let job = JobName::try_from("a").unwrap();
        assert_ne!(in_common(AlertKind::Unhealthy, &job, "x"), in_common(AlertKind::OperationFailed, &job, "x"));
    }

    fn target(job: &JobName, definitions: usize) -> Target {
        let dirs = "  state.checkpoints.dir: s3://b/c/\n  state.savepoints.dir: s3://b/s/\n";
        let text = format!("name: {job}\ndescription: d\ntarget-table: t\nsql: SELECT 1\nflinkProperties:\n{dirs}");
        let file = InputFile { file: SourceFile::new(format!("queries/{job}.yaml"), text), etag: "e".to_owned() };
        let files = InputFiles { queries: vec![file], ..InputFiles::default() };
        let inputs = Inputs::read(&files, &Policy { allow_code: true, ..Policy::default() });
        let Desired::Target(mut target) = inputs.desired(job).0 else { panic!("it is refused") };
        let table = |n: usize| format!("CREATE TABLE t{n} (a INT) WITH ('connector' = 'datagen')");
        let definition = |n| Definition::new(format!("tables.sql:{n}"), table(n), TableRole::Reads);
        target.definitions = (0..definitions).map(definition).collect();
        *target
    }

    /// A job whose new tables could not be applied: as many as `definitions`.
    fn causes(definitions: usize) -> Vec<String> {
        let (job, at) = (JobName::try_from("orders").unwrap(), "2026-11-23T12:00:00Z".parse().unwrap());
        let operation = OperationId::derived(&["o"]);
        let debt = Debt::after(None, Cause::DoesNotCompile, "no column `x`", operation, at);
        let meta = Meta { query_version: 1, query_id: String::new(), query_create_timestamp: String::new() };
        let (old, new) = (target(&job, 0), target(&job, definitions));
        let mut record = Record::fresh(job, Nonce::derived(&["n"]), Source::Queries);
        let (runs, restore_point, aim) = (Vec::new(), None, Aim::Run);
        record.deployed =
            Some(Deployed { target: old, meta, aim, runs, restore_point, checkpointed: false, since: at });
        let (digest, target) = (new.digest(), Some(Box::new(new)));
        record.owed.apply = Some(ApplyDebt { digest, target, debt: debt.clone() });
        of_debt(AlertKind::OperationFailed, &record, Purpose::Apply, &debt)
    }

    /// Whoever changes hundreds of tables at once gets an alert, and no document as long as the change.
    #[test]
    fn one_trouble_has_eight_causes_in_common_at_most_its_words_first() {
        assert_eq!([0, 1, 7, 8, 300].map(|definitions| causes(definitions).len()), [1, 2, 8, 8, 8]);
        let words = in_common(AlertKind::OperationFailed, &JobName::try_from("orders").unwrap(), "no column `x`");
        assert_eq!(causes(300)[0], words);
        assert_eq!(causes(300)[1..], causes(7)[1..], "the first of them");
    }

    /// Alerts that were sent keep their causes: another length, or another way to name one, would send them once more.
    #[test]
    fn a_cause_is_named_by_the_first_sixteen_digits_of_its_digest() {
        let cause = in_common(AlertKind::OperationFailed, &JobName::try_from("orders").unwrap(), "orders: 3 slots");
        let text = format!("{}\0words\0@: # slots", AlertKind::OperationFailed.as_str());
        assert_eq!(cause, Digest::of(text.as_bytes()).to_string()[..16]);
    }
}
