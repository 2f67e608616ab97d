//! Keeps answers small enough to be carried, however many jobs there are: texts are cut first, then lists.
//! Must not know how an answer came about.

use desired::diagnostics::Diagnostic;
use lifecycle::change::Change;
use lifecycle::documents::record::{Decision, Entry};
use lifecycle::reason::Reason;
use serde::Serialize;

use crate::answers::{FileAnswer, HistoryAnswer, PlanAnswer, PlannedAnswer, StatusAnswer};

/// How many bytes an answer has at most: less than a Lambda may answer (6 MB), and all that anybody reads.
pub(crate) const LIMIT: usize = 900_000;

/// How far the texts and the lists of one job or file are cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// How many characters of a text stay.
    text: usize,
    /// How many entries of a list stay.
    entries: usize,
}

/// From what nobody misses to what is left of each job.
const CUTS: [Cut; 4] = [
    Cut { text: 2_000, entries: 50 },
    Cut { text: 300, entries: 10 },
    Cut { text: 100, entries: 3 },
    Cut { text: 60, entries: 0 },
];

/// An answer that can be made smaller.
pub(crate) trait Bounded: Serialize {
    /// Cuts the texts and lists of each job or file.
    fn cut(&mut self, cut: Cut);
    /// Leaves out about a tenth of its longest list; what the list holds, and how many of it are left out.
    fn shorten(&mut self) -> (&'static str, usize);
    /// Where what is missing is noted.
    fn notes(&mut self) -> &mut Vec<String>;
}

/// The same answer within `limit` bytes, with a note of what is missing.
pub(crate) fn bounded<T: Bounded>(mut answer: T, limit: usize) -> T {
    let fits = |answer: &T| serde_json::to_vec(answer).is_ok_and(|bytes| bytes.len() <= limit);
    if fits(&answer) {
        return answer;
    }
    for cut in CUTS {
        answer.cut(cut);
        let Cut { text, entries } = cut;
        let note =
            format!("texts are cut after {text} characters, the lists of one job or file after {entries} entries");
        *answer.notes() = vec![note];
        if fits(&answer) {
            return answer;
        }
    }
    let mut missing: Vec<(&'static str, usize)> = Vec::new();
    while !fits(&answer) {
        let (what, number) = answer.shorten();
        if number == 0 {
            break;
        }
        match missing.iter_mut().find(|(known, _)| *known == what) {
            Some((_, sum)) => *sum += number,
            None => missing.push((what, number)),
        }
        let note = |(what, number): &(&str, usize)| format!("{number} {what} are left out: ask for them by name");
        answer.notes().truncate(1);
        answer.notes().extend(missing.iter().map(note).collect::<Vec<_>>());
    }
    answer
}

fn text(text: &mut String, cut: Cut) {
    if let Some((end, _)) = text.char_indices().nth(cut.text) {
        text.truncate(end);
        text.push_str("...");
    }
}

fn optional(found: &mut Option<String>, cut: Cut) {
    if let Some(found) = found {
        text(found, cut);
    }
}

fn shorten<T>(list: &mut Vec<T>) -> usize {
    let number = list.len().div_ceil(10);
    list.truncate(list.len() - number);
    number
}

fn reason(reason: &mut Reason, cut: Cut) {
    match reason {
        Reason::WaitsToRetry { error, .. } | Reason::GivenUp { error } => text(error, cut),
        Reason::Unchanged
        | Reason::Complete
        | Reason::Suspended
        | Reason::UploadRefused
        | Reason::Absent
        | Reason::Waits { .. }
        | Reason::RemovalsHeld
        | Reason::CleanStartsHeld
        | Reason::OtherSource
        | Reason::Ordered { .. }
        | Reason::Planned => {}
    }
}

fn change(change: &mut Change, cut: Cut) {
    change.differences.truncate(cut.entries);
    for difference in &mut change.differences {
        text(&mut difference.field, cut);
        optional(&mut difference.before, cut);
        optional(&mut difference.after, cut);
    }
}

fn plan(plan: &mut PlannedAnswer, cut: Cut) {
    text(&mut plan.reason, cut);
    // The reason says it as well.
    plan.ordered = plan.ordered.take().filter(|act| act.given().is_none());
}

fn diagnostic(found: &mut Diagnostic, cut: Cut) {
    text(&mut found.message, cut);
    optional(&mut found.help, cut);
    optional(&mut found.source_line, cut);
    optional(&mut found.field, cut);
}

fn file(file: &mut FileAnswer, cut: Cut) {
    // Refused without a word would be no answer.
    file.errors.truncate(cut.entries.max(1));
    file.errors.iter_mut().for_each(|error| diagnostic(error, cut));
}

fn entry(entry: &mut Entry, cut: Cut) {
    text(&mut entry.detail, cut);
    text(&mut entry.why, cut);
    text(&mut entry.by, cut);
}

fn decision(decision: &mut Decision, cut: Cut) {
    decision.etags.truncate(cut.entries);
    text(&mut decision.reason, cut);
    text(&mut decision.by, cut);
}

impl Bounded for PlanAnswer {
    fn cut(&mut self, cut: Cut) {
        for job in &mut self.jobs {
            text(&mut job.text, cut);
            reason(&mut job.reason, cut);
            if let Some(found) = &mut job.change {
                change(found, cut);
            }
            if let Some(found) = &mut job.plan {
                plan(found, cut);
            }
            for next in &mut job.following {
                text(&mut next.text, cut);
                reason(&mut next.reason, cut);
                if let Some(found) = &mut next.change {
                    change(found, cut);
                }
                if let Some(found) = &mut next.plan {
                    plan(found, cut);
                }
            }
            while job.filled_in.len() > cut.entries {
                job.filled_in.pop_last();
            }
        }
        self.refused.iter_mut().for_each(|found| file(found, cut));
        self.troubles.values_mut().for_each(|trouble| text(trouble, cut));
        optional(&mut self.untold, cut);
        self.told.iter_mut().for_each(|what| text(what, cut));
        // What a kept plan deletes is told whole, or the plan is not kept.
        if let Some(preview) = self.preview.as_mut().filter(|preview| preview.basis.is_none()) {
            preview.removals.truncate(cut.entries.max(1));
        }
    }

    fn shorten(&mut self) -> (&'static str, usize) {
        // What nothing is done about goes first.
        let (jobs, quiet) = (self.jobs.len(), |job: &crate::answers::JobAnswer| job.reason.is_quiet());
        if self.jobs.iter().any(quiet) {
            self.jobs.retain(|job| !quiet(job));
            return ("jobs", jobs - self.jobs.len());
        }
        if jobs >= self.refused.len().max(self.troubles.len()) {
            return ("jobs", shorten(&mut self.jobs));
        }
        if self.refused.len() >= self.troubles.len() {
            return ("refused files", shorten(&mut self.refused));
        }
        let number = self.troubles.len().div_ceil(10);
        (0..number).for_each(|_| drop(self.troubles.pop_last()));
        ("jobs in trouble", number)
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.left_out
    }
}

impl Bounded for StatusAnswer {
    fn cut(&mut self, cut: Cut) {
        for job in &mut self.jobs {
            job.owed.iter_mut().for_each(|owed| text(&mut owed.error, cut));
            if let Some(found) = &mut job.decision {
                decision(found, cut);
            }
            if let Some(debt) = job.ordered.as_mut().and_then(|ordered| ordered.debt.as_mut()) {
                text(&mut debt.error, cut);
            }
            job.ordered = job.ordered.take().filter(|_| cut.entries > 0);
            job.last = job.last.take().filter(|_| cut.entries > 0);
            if let Some(last) = &mut job.last {
                entry(last, cut);
            }
            optional(&mut job.trouble, cut);
            if let Some(trouble) = &mut job.run_trouble {
                text(&mut trouble.text, cut);
            }
        }
        for upload in &mut self.refused_uploads {
            optional(&mut upload.first, cut);
        }
        optional(&mut self.refused_trouble, cut);
        if let Some(observed) = self.observed.as_mut().filter(|_| cut.entries < CUTS[0].entries) {
            // How many slots there are and when that was seen stays; who was expected, the records say.
            observed.expected.clear();
            if cut.entries == 0 {
                observed.checkpoints.clear();
            }
            observed.since.clear();
        }
    }

    fn shorten(&mut self) -> (&'static str, usize) {
        if self.refused_uploads.len() > self.jobs.len() {
            // How many there are stays.
            return ("refused files", shorten(&mut self.refused_uploads));
        }
        let seen = self.observed.as_mut().map(|observed| &mut observed.look.jobs);
        match seen {
            Some(seen) if seen.len() > self.jobs.len() => ("Flink jobs", shorten(seen)),
            Some(_) | None => ("jobs", shorten(&mut self.jobs)),
        }
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.left_out
    }
}

impl Bounded for HistoryAnswer {
    fn cut(&mut self, cut: Cut) {
        self.entries.iter_mut().for_each(|found| entry(found, cut));
        self.noted.iter_mut().for_each(|noted| {
            text(&mut noted.by, cut);
            optional(&mut noted.why, cut);
        });
        self.superseded.iter_mut().for_each(|superseded| {
            text(&mut superseded.by_what, cut);
            text(&mut superseded.ordered.by, cut);
            optional(&mut superseded.ordered.why, cut);
        });
        self.unsettled.iter_mut().for_each(|found| {
            text(&mut found.by, cut);
            text(&mut found.why, cut);
        });
        self.refused.iter_mut().for_each(|found| file(found, cut));
    }

    fn shorten(&mut self) -> (&'static str, usize) {
        if self.refused.len() > self.entries.len() {
            return ("refused files", shorten(&mut self.refused));
        }
        // The newest are last.
        let number = self.entries.len().div_ceil(10);
        self.entries.drain(..number);
        ("operations", number)
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.left_out
    }
}

#[cfg(test)]
#[path = "bounds_tests.rs"]
mod tests;
